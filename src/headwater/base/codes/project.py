"""Codes of projects, profiles and Jinja: HW1xxx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = ()
