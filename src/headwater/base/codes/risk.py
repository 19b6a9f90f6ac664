"""Codes of risk rules: HW4xxx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = ()
