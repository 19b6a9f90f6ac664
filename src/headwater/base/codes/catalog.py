"""Codes of the catalog: HW7xxx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = ()
