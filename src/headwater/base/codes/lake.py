"""Codes of the lake and engines: HW6xxx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = ()
