"""Prices of work, learned from runs: never negative, near the truth, a prior without runs."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.plan.effort import PRIOR, Sample, fitted, learn

TRUE = (0.002, 0.001, 0.0001, 0.02, 0.1, 0.05, 0.03, 0.2, 0.01, 0.02)


def runs(count: int, noise: float, seed: int = 1) -> list[Sample]:
    chance = random.Random(seed)  # noqa: S311 - a generator of cases
    found = []
    for _ in range(count):
        amounts = (1.0, *(chance.choice([0.0, chance.uniform(0, 5)]) for _ in TRUE[1:]))
        seconds = sum(price * amount for price, amount in zip(TRUE, amounts, strict=True))
        found.append(
            Sample(amounts=amounts, seconds=seconds * chance.uniform(1 - noise, 1 + noise))
        )
    return found


def seconds(prices: tuple[float, ...], sample: Sample) -> float:
    return sum(price * amount for price, amount in zip(prices, sample.amounts, strict=True))


def test_without_runs_the_prior_counts() -> None:
    model = learn({"build": [], "test": []})

    assert model.prices == PRIOR
    assert model.runs == {"build": 0, "test": 0}


def test_prices_are_found_from_runs() -> None:
    prices = fitted(runs(200, 0.05), PRIOR["build"])

    errors = [abs(seconds(prices, one) / one.seconds - 1) for one in runs(100, 0.0, seed=2)]
    assert sorted(errors)[90] < 0.2


def test_a_disturbed_run_hardly_counts() -> None:
    made = runs(60, 0.02)
    spoiled = [*made, Sample(amounts=made[0].amounts, seconds=made[0].seconds * 100)]

    plain, other = fitted(made, PRIOR["build"]), fitted(spoiled, PRIOR["build"])

    assert seconds(other, made[1]) == pytest.approx(seconds(plain, made[1]), rel=0.2)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.floats(0, 1e6), min_size=4, max_size=4), st.floats(1e-9, 1e9)),
        max_size=12,
    )
)
def test_prices_are_never_negative_or_undefined(made: list[tuple[list[float], float]]) -> None:
    samples = [Sample(amounts=tuple(amounts), seconds=second) for amounts, second in made]

    prices = fitted(samples, PRIOR["test"])

    assert all(0 <= price < float("inf") for price in prices)


def test_a_prior_of_another_machine_is_scaled() -> None:
    samples = [Sample(amounts=(1.0, 0.0, 0.0, 0.0), seconds=0.3)] * 25

    prices = fitted(samples, PRIOR["test"])

    assert prices[0] == pytest.approx(0.3, rel=0.5)
    assert prices[1] > 5 * PRIOR["test"][1]  # what was never measured is slow there, too
