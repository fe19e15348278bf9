"""value_percentile and value_median: ranks of a field over the last timespan, at every event."""

import pytest

from tests.detections.correlations.made import Run, correlation, hit


def measured(percentile: float, *values: object) -> float:
    """The percentile of the values."""
    run = Run(correlation("value_percentile", fields=["n"], percentile=percentile, gte=0))
    (fired,) = run.take(hit("a", 0, n=list(values)))  # each number of a list is one
    return fired.metrics["value"]


@pytest.mark.parametrize(
    ("percentile", "values", "expected"),
    [
        (50, (3, 1), 2),
        (50, (3, 1, 2, 10), 2.5),
        (0, (3, 1), 1),
        (100, (3, 1), 3),
        (25, (10, 20, 30, 40, 50, 60, 70, 80), 27.5),
        (90, (1, 2), 1.9),
        (99.5, (0, 1000), 995),
        (50, ("1000000000000000000000", "1000000000000000000001"), 1e21),
        (50, (0.5, 1), 0.75),
        (37.5, (7,), 7),
    ],
)
def test_it_lies_between_the_closest_ranks(
    percentile: float, values: tuple[object, ...], expected: float
) -> None:
    assert measured(percentile, *values) == pytest.approx(expected, abs=0, rel=1e-15)


def test_the_median_is_the_middle_or_between_the_two() -> None:
    run = Run(correlation("value_median", within=10, by=["who"], fields=["n"], gt=5))
    assert run.all([hit("a", at, who="x", n=n) for at, n in enumerate((1, 9))]) == []  # 5
    (fired,) = run.take(hit("a", 2, who="x", n=6))
    assert fired.metrics["value"] == 6


def test_values_go_as_their_events_fall_out_of_the_window() -> None:
    run = Run(correlation("value_median", within=10, fields=["n"], gte=7))
    assert run.all([hit("a", 0, n=1), hit("a", 1, n=1), hit("a", 2, n=8)]) == []
    assert len(run.take(hit("a", 11.5, n=7))) == 1  # of 8 and 7


def test_it_is_exact_where_the_numbers_are() -> None:
    great = 10**21
    run = Run(correlation("value_median", fields=["n"], gt=great))
    assert run.take(hit("a", 0, n=[str(great), str(great)])) == []
    assert len(run.take(hit("a", 1, n=[str(great + 1), str(great + 1)]))) == 1  # half above
