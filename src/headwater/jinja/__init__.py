"""Jinja as dbt uses it: a sandboxed environment, its macros and its context."""
