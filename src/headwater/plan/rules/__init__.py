"""Every risk rule, one a file; the planner runs them in this order."""

from headwater.plan.rules.breaking_change import BREAKING_CHANGE
from headwater.plan.rules.consumer_broken import CONSUMER_BROKEN
from headwater.plan.rules.cross_join import CROSS_JOIN
from headwater.plan.rules.exploding_join import EXPLODING_JOIN
from headwater.plan.rules.fan_out import FAN_OUT
from headwater.plan.rules.hidden_filter import HIDDEN_FILTER
from headwater.plan.rules.implicit_narrowing import IMPLICIT_NARROWING
from headwater.plan.rules.large_refresh import LARGE_REFRESH
from headwater.plan.rules.late_rows import LATE_ROWS
from headwater.plan.rules.merge_key import MERGE_KEY
from headwater.plan.rules.not_repeatable import NOT_REPEATABLE
from headwater.plan.rules.over_budget import OVER_BUDGET
from headwater.plan.rules.pii_reach import PII_REACH
from headwater.plan.rules.reserved_column import RESERVED_COLUMN
from headwater.plan.rules.rule import Rule
from headwater.plan.rules.schedule_faster import SCHEDULE_FASTER
from headwater.plan.rules.schema_rewrite import SCHEMA_REWRITE
from headwater.plan.rules.select_star import SELECT_STAR
from headwater.plan.rules.skewed_join import SKEWED_JOIN
from headwater.plan.rules.time_zones import TIME_ZONES
from headwater.plan.rules.type_narrowed import TYPE_NARROWED
from headwater.plan.rules.untested_key import UNTESTED_KEY
from headwater.plan.rules.watermark_back import WATERMARK_BACK

__all__ = ["RULES", "Rule"]

RULES: tuple[Rule, ...] = (
    OVER_BUDGET,
    BREAKING_CHANGE,
    CONSUMER_BROKEN,
    LATE_ROWS,
    WATERMARK_BACK,
    MERGE_KEY,
    UNTESTED_KEY,
    CROSS_JOIN,
    EXPLODING_JOIN,
    FAN_OUT,
    SKEWED_JOIN,
    HIDDEN_FILTER,
    SELECT_STAR,
    TYPE_NARROWED,
    IMPLICIT_NARROWING,
    TIME_ZONES,
    LARGE_REFRESH,
    SCHEMA_REWRITE,
    NOT_REPEATABLE,
    SCHEDULE_FASTER,
    RESERVED_COLUMN,
    PII_REACH,
)
