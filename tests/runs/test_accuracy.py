"""How right predictions were: known pairs give known errors."""

import pytest

from headwater.base.units import Estimate, Grade, exact
from headwater.runs.accuracy import Pair, line_of, q_error


def pair(value: float, measured: float, *, low: float, high: float, grade: Grade) -> Pair:
    return Pair(Estimate(value=value, low=low, high=high, grade=grade), measured)


@pytest.mark.parametrize(
    ("predicted", "measured", "error"),
    [(2.0, 1.0, 2.0), (1.0, 2.0, 2.0), (3.0, 3.0, 1.0), (0.0, 0.0, 1.0), (0.0, 0.002, 2.0)],
)
def test_the_q_error_is_the_same_for_too_much_and_too_little(
    predicted: float, measured: float, error: float
) -> None:
    assert q_error(predicted, measured, least=0.001) == error


def test_large_figures_weigh_more_than_small_ones() -> None:
    pairs = [
        pair(100.0, 90.0, low=80, high=120, grade="measured"),
        pair(4.0, 1.0, low=3, high=5, grade="measured"),
        pair(9.0, 9.0, low=9, high=9, grade="measured"),
    ]

    line = line_of("cpu_seconds", "measured", pairs)

    assert line.q_median == pytest.approx(100 / 90)
    assert line.q_p90 == 4.0
    assert line.weighted == pytest.approx(13 / 100)
    assert line.bias == pytest.approx(1.13)
    assert line.covered == pytest.approx(2 / 3)
    assert line.above == 0


def test_a_measurement_above_a_proved_bound_is_counted() -> None:
    pairs = [
        pair(10.0, 12.0, low=0, high=10, grade="bound"),
        pair(10.0, 8.0, low=0, high=10, grade="bound"),
    ]

    assert line_of("bytes_read", "bound", pairs).above == 1
    assert line_of("bytes_read", "exact", [Pair(exact(3), 4.0)]).above == 1
