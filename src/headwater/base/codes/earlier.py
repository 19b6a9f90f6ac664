"""Codes of what is compared with an earlier manifest, or read from where it says: HW226x."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="state-missing",
        number="HW2260",
        title="there is no earlier manifest to compare with",
        explain="""\
**What it finds.** `state:` or `--defer` with a folder in which there is no `manifest.json`.

**Why it matters.** Compared with nothing, every node would count as new, or none as modified.

**Example.** `hw ls --select state:modified --state target` in a checkout that was never parsed.

**How to mend it.** Keep the target folder of the command to compare with - `hw parse`, `hw build`, or
dbt's - and name it: `--state previous`. The folder is looked for below the project.
""",
    ),
    Code(
        name="state-unreadable",
        number="HW2261",
        title="the earlier manifest cannot be read",
        explain="""\
**What it finds.** A `manifest.json` that is no JSON, no manifest, or of a version of dbt's schema
that is not known (4 to 12 are).

**Why it matters.** What is missing in it would look like a modification of everything.

**Example.** A file that was cut off while it was copied.

**How to mend it.** Write it again: `hw parse` makes one in a second, without an engine.
""",
    ),
    Code(
        name="input-deferred",
        number="HW2262",
        title="an input is read from another environment",
        explain="""\
**What it finds.** A node that the command reads and does not build, with `--defer`: it is read from
the relation that the earlier manifest names.

**Why it matters.** What is built from it holds rows of that environment.

**Example.** `hw build -s orders --defer --state production` in a fresh schema reads `stg_orders` from
the schema of production.

**How to mend it.** Nothing is wrong. To read a table of this target, build it: `-s +orders`.
""",
    ),
)
