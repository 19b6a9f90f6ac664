"""Codes of risk rules about types, names and personal data: HW4017 to HW4020."""

from headwater.base.codes.code import Code
from headwater.base.codes.risk import with_exemption

CODES: tuple[Code, ...] = (
    Code(
        name="time-zones-mixed",
        number="HW4017",
        title="a time with a zone is compared with one without",
        explain=with_exemption(
            "time-zones-mixed",
            """\
**What it finds.** A comparison, or a union, of a `TIMESTAMP` or `DATE` with a `TIMESTAMP WITH TIME
ZONE` such as `now()`, which leaves the cast to the engine.

**Why it matters.** The engine takes the time without a zone for one of the session's zone: another
machine, or a day on which summer time begins, gives other rows.

**Example.** `where ordered_at > now() - interval 1 day`, with `ordered_at` stored in UTC.

**How to mend it.** Say the zone: `ordered_at at time zone 'UTC'`, or store times with their zone.
""",
        ),
    ),
    Code(
        name="implicit-narrowing",
        number="HW4018",
        title="values lose digits or their kind without a cast in the text",
        explain=with_exemption(
            "implicit-narrowing",
            """\
**What it finds.** A union of a number and a text, or of a `BIGINT` and a `DOUBLE` whose stored
values have more digits than a `DOUBLE` holds; an incremental run that inserts into a narrower
`DECIMAL`.

**Why it matters.** Numbers as text sort otherwise, an id that passed through a `DOUBLE` is another
id, digits after the point are rounded at every run.

**Example.** `select id from a union all select ratio from b`.

**How to mend it.** Cast both branches to the type that is meant; widen the stored column with
`on_schema_change: sync_all_columns`.
""",
        ),
    ),
    Code(
        name="reserved-column",
        number="HW4019",
        title="a column has a name that is reserved where it is read",
        explain=with_exemption(
            "reserved-column",
            """\
**What it finds.** A column whose name is a reserved word of an engine or warehouse that reads the
model, as `meta: {headwater: {read_by: [spark]}}` of the model or of an exposure says.

**Why it matters.** A query there that does not quote the name fails, or means something else.

**Example.** `select id as user` in a model that Spark reads.

**How to mend it.** Give the column another name.
""",
        ),
    ),
    Code(
        name="pii-reach",
        number="HW4020",
        title="personal data reaches whoever is not said to get it",
        explain=with_exemption(
            "pii-reach",
            """\
**What it finds.** A column marked as personal (`meta: {pii: true}` or the tag `pii`) whose values
reach an exposure, a consumer or a public model without being hashed, counted or aggregated.

**Why it matters.** People see names and addresses whom nobody asked about.

**Example.** `customers.email` is marked, `mart_orders` selects it, the exposure `board` reads that.

**How to mend it.** Leave it out or pass on a hash; where it may be had, say `meta: {pii: true}` of
the exposure or of the public model's column.
""",
        ),
    ),
)
