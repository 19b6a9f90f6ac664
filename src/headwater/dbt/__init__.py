"""What programs written for dbt's Python API call: ``dbtRunner``, over the workspace of `hw`."""

from headwater.dbt.events import EventMsg
from headwater.dbt.records import Record
from headwater.dbt.results import RunExecutionResult, RunResult, Status
from headwater.dbt.runner import dbtRunner, dbtRunnerResult

__all__ = [
    "EventMsg",
    "Record",
    "RunExecutionResult",
    "RunResult",
    "Status",
    "dbtRunner",
    "dbtRunnerResult",
]
