"""Values survive the way to JSON and back; what is not such a value is refused."""

from dataclasses import dataclass
from typing import Literal

import pytest

from headwater.base.codec import decode, encode
from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.plan.plan import Merge, Plan, RunTest, Skip, Target

TARGET = Target(
    relation=TableName("c", "s", "t"),
    fingerprint="f",
    version=3,
    materialized="incremental",
    columns=(Column("id", "BIGINT"), Column('we"ird', "DECIMAL(12,2)")),
    full_code="select 1",
    depends_on=(NodeId("model.p.a"),),
    config={"meta": {"owner": None, "tags": ["x", 1, 1.5, True]}},
)
STEPS = (
    Merge(
        node=NodeId("model.p.t"), name="t", resource_type="model", action="incremental",
        reason="a moved", target=TARGET, sql="select 1", unique_key=("id",),
    ),
    RunTest(
        node=NodeId("test.p.u"), name="u", resource_type="test", action="test", reason="new",
        sql="select 1 where false", fingerprint="g", store_in=TableName("c", "s", "u"),
    ),
    Skip(node=NodeId("model.p.a"), name="a", resource_type="model", action="skip", reason="same"),
)  # fmt: skip


def make_plan() -> Plan:
    return Plan(
        project="p", target="dev", checksum="c", compared_with="", created_at="now", steps=STEPS
    )


def test_plan_comes_back_equal_with_every_kind_of_step() -> None:
    plan = make_plan()

    actual = decode(Plan, encode(plan))

    assert actual == plan
    assert [type(step) for step in actual.steps] == [Merge, RunTest, Skip]


def test_unknown_keys_are_ignored_so_that_minor_versions_may_add() -> None:
    text = encode(make_plan()).replace(b'"project":"p"', b'"project":"p","of_tomorrow":[1]')

    assert decode(Plan, text) == make_plan()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"not json",
        encode(make_plan())[:-20],
        encode(make_plan()).replace(b'"kind":"merge"', b'"kind":"mirage"'),
        encode(make_plan()).replace(b'"action":"skip"', b'"action":"jump"'),
        encode(make_plan()).replace(b'"version":3', b'"version":"3"'),
    ],
    ids=["empty", "list", "no keys", "text", "cut", "kind", "action", "type"],
)
def test_what_is_not_a_plan_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="not"):
        decode(Plan, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    pair: tuple[int, str]
    maybe: float | None = None
    word: Literal["a", "b"] = "a"


def test_defaults_fill_missing_keys_and_whole_numbers_pass_as_floats() -> None:
    assert decode(Sample, '{"pair": [1, "x"], "maybe": 2}') == Sample(pair=(1, "x"), maybe=2.0)


def test_a_pair_has_two_parts() -> None:
    with pytest.raises(ValueError, match="not a Sample"):
        decode(Sample, '{"pair": [1, "x", 3]}')
