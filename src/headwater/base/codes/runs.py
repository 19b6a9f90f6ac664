"""Codes of runs and jobs: HW8xxx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = ()
