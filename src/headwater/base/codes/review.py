"""Codes of a plan that compares with a revision of git: HW227x, and HW801x of what becomes of it."""

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
