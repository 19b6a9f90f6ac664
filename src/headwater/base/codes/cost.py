"""Codes of cost and policy: HW3xxx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = ()
