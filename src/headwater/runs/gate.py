"""Runs tests: a query whose rows are failures, judged by dbt's rules."""

from dataclasses import dataclass

from headwater.base.errors import HeadwaterError
from headwater.base.meters import Meter
from headwater.base.telemetry import NodeStatus
from headwater.base.units import format_count
from headwater.engines.engine import Session
from headwater.plan.plan import RunTest


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a test ended.

    Attributes:
        step: The test.
        status: pass, warn, fail or error.
        message: One line for people.
        failures: What ``fail_calc`` counted; None when the test could not run.
        meter: What it used.
        error: Why it could not run.
        started_at: ISO 8601 UTC time.
        finished_at: Likewise.
    """

    step: RunTest
    status: NodeStatus
    message: str
    failures: int | None
    meter: Meter
    started_at: str
    finished_at: str
    error: HeadwaterError | None = None

    @property
    def blocks(self) -> bool:
        """True when what the test gates must not be published."""
        return self.status in {"fail", "error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What a test's query counted.

    Attributes:
        failures: Value of ``fail_calc``; 0 when it was null.
        should_warn: The ``warn_if`` condition holds.
        should_error: The ``error_if`` condition holds.
        meter: What counting used.
    """

    failures: int
    should_warn: bool
    should_error: bool
    meter: Meter


def count_failures(session: Session, step: RunTest) -> Count:
    """Count a test's failing rows in a session that has its relations bound.

    Raises:
        HeadwaterError: As ``Session.query`` does.
    """
    result = session.query(test_sql(step), rows_max=1, is_plain=True)
    return read_count(result.rows[0] if result.rows else None, result.meter)


def read_count(row: tuple[object, ...] | None, meter: Meter) -> Count:
    """Read the row of ``test_sql``; no row at all counts as no failures."""
    failures, should_warn, should_error = row or (0, False, False)
    return Count(
        failures=int(str(failures or 0)),
        should_warn=bool(should_warn),
        should_error=bool(should_error),
        meter=meter,
    )


def pass_unasked(step: RunTest, at: str) -> Verdict:
    """Return how a test ended that needed no query, because its answer is known.

    Args:
        step: The test.
        at: Now.
    """
    return Verdict(
        step=step,
        status="pass",
        message="no failures, by the statistics of the files",
        failures=0,
        meter=Meter(),
        started_at=at,
        finished_at=at,
    )


def judge(step: RunTest, count: Count) -> tuple[NodeStatus, str]:
    """Say by dbt's rules how a test ended, and why in one line."""
    rows = format_count(count.failures)
    if step.severity == "error" and count.should_error:
        return "fail", f"got {rows} failures, configured to fail if {step.error_if}"
    if count.should_warn:
        message = f"got {rows} failures, configured to warn if {step.warn_if}"
        return ("fail" if step.warning_fails else "warn"), message
    return "pass", "no failures" if not count.failures else f"{rows} failures are allowed"


def test_sql(step: RunTest) -> str:
    """Write the query that counts: failures, and whether the two conditions hold."""
    rows = failing_rows_sql(step)
    calc = step.fail_calc
    return (
        f"SELECT {calc} AS failures, {calc} {step.warn_if} AS should_warn,\n"
        f"  {calc} {step.error_if} AS should_error\nFROM (\n{rows}\n) AS dbt_internal_test"
    )


def failing_rows_sql(step: RunTest) -> str:
    """Write the query of failing rows, under the test's limit."""
    if step.limit is None:
        return step.sql
    return f"(\n{step.sql}\n) LIMIT {step.limit}"  # DuckDB may wait for ever on one around it
