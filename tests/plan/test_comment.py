"""The plan in a pull request: whole, bounded, and never anything but text of ours."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.plan.literate import cases, plan_of_case

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.markup import code, plain
from headwater.base.units import Estimate, exact
from headwater.plan.comment import COMMENT_BYTES_MAX, marker, show_comment
from headwater.plan.plan import Change, Cost, Hop, Impact, Plan, Totals
from headwater.plan.show import show_plan

CASES = [case.read_text(encoding="utf-8") for case in cases()]
EMPTY = Plan(
    project="shop", target="prod", checksum="c", compared_with="run-1", created_at="", steps=()
)
HOSTILE = [
    "a | b",
    "``` </details>",
    "</code></details><img src=x onerror=alert(1)>",
    "<!-- -->",
    "@octocat and org/repo#12 and GH-7",
    "![x](http://evil.example/a.png) [y](javascript:alert(1))",
    "**bold** _it_ ~~no~~ `tick`",
    "line\nnew | row\n# head",
    "\u202egnp.exe \u200b",
    "www.evil.example :tada:",
    "&lt;b&gt; &#60;",
    "\\| \\` \\",
]
GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def plan_with(text: str) -> Plan:
    """Make a plan in which everything that a user may name is called ``text``."""
    node = NodeId("model.shop.x")
    hop = Hop(node=NodeId(f"model.shop.{text}"), column=text, file=text, line=3)
    return replace(
        EMPTY,
        changes=(
            Change(node=NodeId(f"model.shop.{text}"), sign="~", lines=(text,), breaking=True),
        ),
        impact=(
            Impact(
                node=hop.node, column=text, change=text, effect="breaks", path=(node,), hops=(hop,)
            ),
        ),
        diagnostics=(
            Diagnostic(
                code="breaking-change", severity="error", what=f"`{text}` is", why=text, fix=text
            ),
        ),
        base=f"{text} @ 4f1c2ab",
        totals=Totals(rebuild=1, errors=1),
    )


def shape(text: str) -> list[str]:
    """Return the elements that Markdown makes of a comment, without any text."""
    found = []
    for token in GITHUB.parse(text):
        found.append(token.type)
        for child in token.children or ():
            if child.type == "html_inline":
                found.append(child.content)
            elif child.type not in {"text", "softbreak", "text_special"}:
                found.append(child.type)
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_names_make_no_element_of_their_own(text: str) -> None:
    harmless = shape(show_comment(plan_with("plain")))

    if "`" not in text:  # in a sentence such a name is not told from the code around it
        assert shape(show_comment(plan_with(text))) == harmless
    else:
        assert not {"link_open", "image", "strong_open"} & set(shape(plain(text) + code(text)))


@given(st.text())
def test_any_text_is_one_line_of_text(text: str) -> None:
    for shown in (plain(text), code(text)):
        elements = [each for each in shape(f"x {shown}") if each not in {"<code>", "</code>"}]

        assert elements == ["paragraph_open", "inline", "paragraph_close"]
        assert "|" not in shown
        assert "\n" not in shown


def test_nobody_is_called_and_nothing_linked() -> None:
    shown = plain("@octocat #12 GH-7 www.evil.example http://evil.example :tada:")

    for dangerous in ("@o", "&#64;o", "#1", "&#35;1", "GH-7", "www.", "://", ":tada:"):
        assert dangerous not in shown
    assert "octocat" in shown


def test_signs_that_cannot_be_seen_are_written_out() -> None:
    assert "u202e" in plain("\u202egnp")
    assert "\u202e" not in show_comment(plan_with("\u202egnp"))


def test_text_that_is_too_long_says_how_much_is_left_out() -> None:
    assert plain("x" * 700).endswith("... (100 more characters)")


def test_the_first_line_tells_the_comments_of_two_targets_apart() -> None:
    first = marker(replace(EMPTY, target="a --> b"))

    assert first == "<!-- headwater-plan shop/a-b -->"
    assert first != marker(EMPTY)
    assert show_comment(EMPTY).splitlines()[0] == marker(EMPTY)


@pytest.mark.parametrize("text", CASES)
def test_the_whole_plan_is_in_it(text: str) -> None:
    plan, _, _ = plan_of_case(text)

    shown = show_comment(plan)

    for line in show_plan(plan):
        assert line in shown


def test_each_hop_has_its_place() -> None:
    hops = (
        Hop(node=NodeId("model.shop.stg"), column="amount", file="models/stg.sql", line=3),
        Hop(node=NodeId("model.shop.fct"), column="total", file="models/fct.sql", line=7),
    )
    broken = Impact(
        node=NodeId("model.shop.fct"),
        column="total",
        change="amount: DOUBLE -> DECIMAL(12,2)",
        effect="breaks",
        path=(NodeId("model.shop.stg"), NodeId("model.shop.fct")),
        hops=hops,
    )

    shown = show_comment(replace(EMPTY, impact=(broken,)))

    way = (
        "<code>stg.amount</code> models/stg.sql:3 &rarr; <code>fct.total</code> models/fct.sql:7 |"
    )
    assert way in shown


@pytest.mark.parametrize("count", [1, 300, 20_000])
def test_a_comment_is_never_too_long_and_counts_what_it_leaves_out(count: int) -> None:
    changes = tuple(
        Change(node=NodeId(f"model.shop.m{i}"), sign="~", lines=("é" * 90,), breaking=False)
        for i in range(count)
    )
    plan = replace(EMPTY, changes=changes, base="origin/main @ 4f1c2ab")

    shown = show_comment(plan)

    rows = shown.count("| <code>m")
    assert len(shown.encode()) <= COMMENT_BYTES_MAX
    assert shown.count("<details>") == shown.count("</details>")
    assert ("Left out" in shown) == (count > 1)
    if rows < count:
        assert f"{count - rows} of {count} changes" in shown
        assert "hw plan &#45;-base" not in shown
        assert "origin/main" in shown.rpartition("Left out")[2]


def test_what_matters_most_gets_room_first() -> None:
    findings = tuple(
        Diagnostic(code="breaking-change", severity="error", what=f"fault {i}", fix="mend it")
        for i in range(5_000)
    )
    plan = replace(plan_with("x"), diagnostics=findings)

    shown = show_comment(plan)

    assert "#### Breaks" in shown
    assert "fault 0" in shown
    assert "lines of the whole plan" in shown.rpartition("Left out")[2]


def test_every_section_has_a_share_however_long_another_is() -> None:
    findings = tuple(
        Diagnostic(code="breaking-change", severity="error", what=f"fault {i}", fix="mend it")
        for i in range(3_000)
    )
    plan = plan_with("x")
    many = tuple(
        replace(plan.impact[0], node=NodeId(f"exposure.shop.e{i}"), column=f"c{i}")
        for i in range(3_000)
    )

    shown = show_comment(replace(plan, impact=many, diagnostics=findings))

    assert len(shown.encode()) <= COMMENT_BYTES_MAX
    assert shown.count("fault ") > 50
    assert shown.count("e1") > 50


def test_the_cost_of_a_month_is_in_the_head() -> None:
    totals = Totals(month_before=exact(14.1), month_after=exact(56.2), month_budget=50.0)

    shown = show_comment(replace(EMPTY, totals=totals))

    assert "**Cost: +$42.10 a month** (+299 %), $14.10 before, $56.20 after" in shown
    assert "budget $50.00" in shown


def test_a_cost_that_is_not_known_is_a_question_mark() -> None:
    partly = Estimate(value=0.0, low=0.0, high=None, grade="unknown")
    change = Change(node=NodeId("model.shop.x"), sign="+", lines=("new table",), breaking=False)

    without_prices = show_comment(replace(EMPTY, changes=(change,)))
    with_prices = show_comment(
        replace(EMPTY, totals=Totals(month_before=partly, month_after=partly))
    )

    assert "**Cost: ?**" in without_prices
    assert "**Cost: ? a month**" in with_prices


def test_a_cost_of_which_a_part_is_unknown_is_at_least_that() -> None:
    known = Change(
        node=NodeId("model.shop.x"),
        sign="~",
        lines=("another query",),
        breaking=False,
        cost_before=Cost(cpu_seconds=exact(2.0)),
        cost_after=Cost(cpu_seconds=exact(3.0)),
    )
    never_ran = replace(known, node=NodeId("model.shop.y"), cost_before=Cost())

    shown = show_comment(replace(EMPTY, changes=(known, never_ran)))

    assert "**Cost of a run: at least 2.0 s of CPU before, 6.0 s after**" in shown


def test_a_project_with_faults_says_them() -> None:
    fault = Diagnostic(code="ref-not-found", severity="error", what="`a` is gone", fix="mend it")

    shown = show_comment(replace(EMPTY, checksum="", diagnostics=(fault,), totals=Totals(errors=1)))

    assert "no plan, 1 error" in shown
    assert "<code>a</code> is gone" in shown
