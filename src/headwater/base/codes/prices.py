"""Codes of price books, bills and what runs cost: HW303x."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="price-book-not-found",
        number="HW3030",
        title="there is no price book, or no contract, of that name",
        explain="""\
**What it finds.** `prices.book`, `prices.contract` or a command names a price book that is neither a
file, nor in the project's folder `prices`, nor among those that come with Headwater.

**Why it matters.** Money must not be computed from other prices than were asked for.

**Example.** `prices: {book: aws@2026-01-01}` when only `aws@2026-06-17` is there.

**How to mend it.** `hw price list` shows the books and their versions.
""",
    ),
    Code(
        name="price-book-malformed",
        number="HW3031",
        title="a price book or contract cannot be used",
        explain="""\
**What it finds.** A price book or contract that lacks a part, has a name that nobody reads, a value
of another kind, two prices for one thing, a price below zero or a machine without processors.

**Why it matters.** A wrong price makes every figure of money wrong, and nobody would see it.

**Example.** `- {sku: m7g.large, meter: machine_hours, ...}`: the meter is called `machine_hour`.

**How to mend it.** The message says where it is. `hw price show aws --output yaml` shows a whole one.
""",
    ),
    Code(
        name="price-not-found",
        number="HW3032",
        title="a price book has no price for what is asked",
        explain="""\
**What it finds.** The machine that `prices.machine` names is not in the price book, or has no price in
the region that `prices.region` names.

**Why it matters.** An unknown price is not zero.

**Example.** `prices: {book: aws, machine: m7g.large, region: eu-west-1}` with a book of us-east-1.

**How to mend it.** Name a machine and region of the book (`hw price show NAME`), or put a book with
your region into the project's folder `prices`.
""",
    ),
    Code(
        name="bill-unreadable",
        number="HW3033",
        title="a bill cannot be read",
        explain="""\
**What it finds.** The file of `hw cost --bill` does not exist, is no CSV text, lacks the column
`BilledCost`, or has a cost that is no number.

**Why it matters.** What a bill says is compared with what was measured, to the cent.

**Example.** An export in the provider's older form, with `line_item_unblended_cost`.

**How to mend it.** Export the bill in the form of FOCUS, as AWS, Azure, Google Cloud, Databricks and
Snowflake offer.
""",
    ),
    Code(
        name="machine-not-measured",
        number="HW3034",
        title="nobody knows how fast another machine is",
        explain="""\
**What it finds.** `hw price diff` is asked for another kind of machine, and the project does not have
the measurements of both, or they were not measured alike.

**Why it matters.** A CPU-second of one processor is not a CPU-second of another: the same work took
between 0.8 and 1.3 times as long on machines of one size and of two families.

**Example.** `hw price diff aws aws --machine t3.large --to-machine m7g.large`

**How to mend it.** Run `hw calibrate --save --as MACHINE` on both, which takes some 20 seconds each, and
keep the two files in the project; or pass `--speed`.
""",
    ),
    Code(
        name="currencies-differ",
        number="HW3035",
        title="two price books are in different currencies",
        explain="""\
**What it finds.** `hw price diff` of two books whose currencies differ.

**Why it matters.** An exchange rate is a price that neither book has.

**Example.** A book in EUR compared with one in USD.

**How to mend it.** Copy one of them into the project's folder `prices`, in the other's currency.
""",
    ),
    Code(
        name="price-list-unreadable",
        number="HW3036",
        title="a provider's price list cannot be read",
        explain="""\
**What it finds.** The file of `hw price import` does not exist, is no list of a provider that is known, or
has no price of machines, storage or units in the region that is asked for.

**Why it matters.** A book with half of a list would price runs wrongly.

**Example.** An HTML page saved instead of the list, or AWS' list of another service.

**How to mend it.** Download the list anew, and name a region as the provider writes it.
""",
    ),
    Code(
        name="contract-unused",
        number="HW3054",
        title="a discount of the contract applies to nothing",
        explain="""\
**What it finds.** An entry of `discounts` in the file of `prices.contract` that no line of the price book
falls under.

**Why it matters.** The list price is used where another was agreed, and nobody sees it.

**Example.** `discounts: [{sku: m7g.lagre, price: 0.05}]`

**How to mend it.** `hw price show BOOK` lists the SKUs, services and providers of the book. Take entries out that
the book does not need.
""",
    ),
    Code(
        name="budget-malformed",
        number="HW3037",
        title="a budget cannot be read",
        explain="""\
**What it finds.** An entry of `budgets` in `headwater.yml` without an amount (`run` or `month`), with two
of `node`, `tag` and `owner`, with another name, an amount below zero, or a node or tag that the project
does not have.

**Why it matters.** A budget that applies to nothing holds nobody.

**Example.** `budgets: [{tag: nigthly, month: 20}]`

**How to mend it.** `{month: 50}` is for the whole project; `{tag: nightly, run: 0.5}`,
`{node: fct_orders, month: 20}` and `{owner: finance, month: 100}` for a part of it.
""",
    ),
    Code(
        name="budget-unchecked",
        number="HW3038",
        title="a budget cannot be checked",
        explain="""\
**What it finds.** `budgets` in `headwater.yml` without a price to compare with, or with an amount for a
month where nothing says how many runs a month has.

**Why it matters.** A budget that nobody compares with anything holds nobody.

**Example.** `budgets: [{tag: nightly, month: 20}]` without `runs_per_month`.

**How to mend it.** Declare `prices` (`hw price list`), and `runs_per_month` there or in the budget.
""",
    ),
    Code(
        name="billing-not-planned",
        number="HW3039",
        title="a plan's money is of CPU time alone, and a machine is billed",
        explain="""\
**What it finds.** `prices.billing: machine`, and a step of the plan of which the CPU time is not known.

**Why it matters.** A machine that is started for a run is billed for idle processors, its start and its
minimum. How much that is depends on how long the run takes: a run of ten seconds may be billed for a minute.

**Example.** A run of 0.3 CPU seconds on a machine with a minimum of 60 seconds.

**How to mend it.** `hw cost --by kind` shows what it came to. Compare plans and budgets with the work alone.
""",
    ),
)
