"""Fetches packages from git and the hub; the one network user of a set-up."""
