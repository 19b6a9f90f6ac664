"""Codes of comparing: with a revision, with what consumers expect, of two tables; and what others hear of runs."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="revision-not-found",
        number="HW2270",
        title="there is no such revision to compare with",
        explain="""\
**What it finds.** `hw plan --base REV` outside of a git repository, or with a branch, tag or commit
that the repository on this machine does not have.

**Why it matters.** Nothing is fetched for a plan. A checkout that a job makes often has one commit
and no branch but its own.

**Example.** `hw plan --base origin/main` after `actions/checkout` with its default `fetch-depth: 1`.

**How to mend it.** Fetch the revision first: `git fetch --depth=1 origin main` and
`--base FETCH_HEAD`, or check out with `fetch-depth: 0`.
""",
    ),
    Code(
        name="revision-unreadable",
        number="HW2271",
        title="git cannot give the files of a revision",
        explain="""\
**What it finds.** The `git` command is missing, or fails while it writes the files of the revision
into a temporary folder. Git's own last line is shown as the reason.

**Why it matters.** Without the project as it was there is nothing to compare with.

**Example.** A partial clone, in which the files of older revisions are not on this machine.

**How to mend it.** Install git, or fetch the files: `git fetch --refetch --no-filter`.
""",
    ),
    Code(
        name="base-faulty",
        number="HW2272",
        title="the revision that is compared with has faults itself",
        explain="""\
**What it finds.** The project as it stood at the revision of `--base` cannot be compiled as a whole.

**Why it matters.** Nodes that could not be compiled there look new, and what changed about them is
not told. The faults are those of the revision, not of the change that is looked at.

**Example.** A pull request that mends a model which refers to one that was renamed.

**How to mend it.** Nothing is wrong with the change. `hw check` in a checkout of the revision lists
its faults.
""",
    ),
    Code(
        name="consumer-broken",
        number="HW3051",
        title="a change breaks who uses a table from outside of the project",
        explain="""\
**What it finds.** An endpoint, share, experiment run, registered model, dashboard or other consumer
of `consumers` in `headwater.yml` that relies on a column which is dropped, renamed or gets another
type than it expects. It blocks a plan that makes the change; where a source has lost the column it
warns.

**Why it matters.** Nothing in the project fails. The endpoint does, in front of its users.

**Example.**

```yaml
consumers:
  - name: churn@7
    kind: endpoint
    owner: "@ml-core"
    live: 31 req/s
    reads: [{table: features, columns: {amount: double}}]
```

and a plan in which `features.amount` becomes `DECIMAL(12,2)`.

**How to mend it.** Keep the column as it was beside the new one, or agree with the owner. A
deliberate break is allowed with a reason on the changed node:
`meta: {headwater: {allow: {consumer-broken: "agreed with @ml-core"}}}`.
""",
    ),
    Code(
        name="consumer-reads-nothing",
        number="HW3052",
        title="a consumer reads a table that is not there",
        explain="""\
**What it finds.** An entry of `consumers` in `headwater.yml` that names a table which no node builds
and which the lake does not have.

**Why it matters.** No change is ever followed to it, and it looks as if none concerned it.

**Example.** `reads: [{table: feature}]` where the model is called `features`.

**How to mend it.** Write the name of a model, or that of a table with its schema.
""",
    ),
    Code(
        name="consumer-malformed",
        number="HW3053",
        title="an entry of `consumers` cannot be used",
        explain="""\
**What it finds.** An entry of `consumers` in `headwater.yml` without a name, of a kind that is not
known, that reads nothing, that has a key nobody reads, or that is there twice.

**Why it matters.** Left out silently, what it stands for would break without a word.

**Example.** `{name: churn@7, kind: model, reads: [{table: features}]}`: the kind is
`registered_model`.

**How to mend it.** Write `{name: churn@7, kind: endpoint, reads: [{table: features, columns:
[amount]}]}`. Kinds are share, recipient, experiment_run, registered_model, endpoint, dashboard,
notebook, job and application; `columns` is a list, or a mapping of names to types.
""",
    ),
    Code(
        name="diff-key",
        number="HW6091",
        title="two tables cannot be compared by that key",
        explain="""\
**What it finds.** `hw diff --key` with a column that one of the sides does not have, or has with
another type.

**Why it matters.** Rows are told apart by the values of the key, which have to mean the same.

**Example.** `hw diff orders@v3 orders --key order_no`, where version 3 still says `id`.

**How to mend it.** Name columns that both sides have, or compare rows as they are: `--no-key`.
""",
    ),
    Code(
        name="openlineage-unusable",
        number="HW8311",
        title="the configuration of OpenLineage cannot be used",
        explain="""\
**What it finds.** `openlineage.yml`, a variable that begins with `OPENLINEAGE__`, or
`OPENLINEAGE_URL` that names no transport which is known here (`http`, `file`, `composite`, `noop`),
or is missing a part.

**Why it matters.** No events are sent. The run is as it would be without them.

**Example.** `transport: {type: kafka, topic: lineage}`.

**How to mend it.** Name one of the transports above, or set `OPENLINEAGE_DISABLED=true`.
""",
    ),
    Code(
        name="openlineage-not-sent",
        number="HW8312",
        title="events were not sent to OpenLineage",
        explain="""\
**What it finds.** Events of a run that the service refused, that it gave no answer to, or that were
more than were kept waiting. After three failures in a row nothing more is tried, and the end of a
run waits for three seconds at most.

**Why it matters.** The lineage that the service shows has a gap. The run itself is not concerned.

**Example.** `OPENLINEAGE_URL=http://localhost:5000`, and nothing listens there.

**How to mend it.** Look at the service. A file takes every event:
`transport: {type: file, log_file_path: events.ndjson, append: true}`.
""",
    ),
    Code(
        name="plan-only-compares",
        number="HW8011",
        title="a comparison with a revision is not applied",
        explain="""\
**What it finds.** `hw apply` with the document of a plan that was made with `--base`.

**Why it matters.** Such a plan says what a change of the project does, as if the revision had just
been built. What is deployed may be something else, so its steps are no list of work.

**Example.** `hw plan --base origin/main --output json > plan.json` and `hw apply plan.json`.

**How to mend it.** Plan against what is deployed: `hw plan -o plan.json`.
""",
    ),
)
