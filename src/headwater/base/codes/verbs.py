"""Codes of the verbs beside building - freshness, retry, clone: HW82xx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="freshness-not-measurable",
        number="HW8201",
        title="The age of a source cannot be measured",
        explain="""
**What it finds.** A source has a `freshness` rule, and what tells its age is no time: a
`loaded_at_field` that is text, a `loaded_at_query` or an overridden `collect_freshness` macro that
does not give one row, or nothing at all for a view or a remote file.

**Why it matters.** A source whose age is unknown is neither fresh nor stale: the command fails
rather than saying one of them.

**Example.** `loaded_at_field: load_date`, where `load_date` holds `'2026-11-21'` as text.

**How to mend it.** Cast it, as in `loaded_at_field: "cast(load_date as timestamp)"`; for a view
name a column or a query.
""",
    ),
    Code(
        name="freshness-filter-unused",
        number="HW8202",
        title="The filter of a freshness rule is not applied",
        explain="""
**What it finds.** A source's `freshness` has a `filter`, and its age is not measured by a
`loaded_at_field`.

**Why it matters.** The filter is a condition on rows. The time of the last commit and a
`loaded_at_query` do not look at rows through it, so the source may look fresher than the rule meant.

**Example.** `freshness: {warn_after: {count: 1, period: day}, filter: "country = 'NL'"}` on a
source without `loaded_at_field`.

**How to mend it.** Give the source a `loaded_at_field`, or write the condition into its
`loaded_at_query`.
""",
    ),
)
