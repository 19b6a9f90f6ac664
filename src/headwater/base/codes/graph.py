"""Codes of the graph and SQL: HW2xxx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = ()
