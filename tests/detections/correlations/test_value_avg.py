"""value_avg: the average of a field over the last timespan, judged at every event."""

from tests.detections.correlations.made import Run, correlation, hit, ids


def test_it_is_of_the_timespan_that_ends_with_the_event() -> None:
    run = Run(correlation("value_avg", within=10, by=["who"], fields=["n"], gt=5))
    assert run.all([hit("a", 0, who="x", n=1), hit("a", 5, who="x", n=8)]) == []  # 4.5
    (fired,) = run.take(hit("a", 11, who="x", n=4))  # of 8 and 4
    assert fired.metrics["value"] == 6
    assert fired.metrics["count"] == 2
    assert ids(fired) == ["a@5", "a@11"]


def test_any_comparison_is_judged_at_once() -> None:
    run = Run(correlation("value_avg", fields=["n"], lt=2.5))
    assert run.all([hit("a", 0, n=3), hit("a", 1, n=2)]) == []
    assert len(run.take(hit("a", 2, n=2))) == 1


def test_it_is_exact_where_the_numbers_are() -> None:
    great = 10**21
    run = Run(correlation("value_avg", fields=["n"], gt=great))
    assert run.all([hit("a", 0, n=str(great)), hit("a", 1, n=str(great))]) == []
    assert len(run.take(hit("a", 2, n=str(great + 1)))) == 1
    run = Run(correlation("value_avg", fields=["n"], eq=0.1))
    assert len(run.all([hit("a", 0, n="0.05"), hit("a", 1, n="0.15")])) == 1


def test_each_number_of_a_list_is_one() -> None:
    (fired,) = Run(correlation("value_avg", fields=["n"], gte=0)).take(hit("a", 0, n=[1, 2, 6]))
    assert (fired.metrics["value"], fired.metrics["count"]) == (3, 3)


def test_a_series_ends_when_the_average_no_longer_fulfils_the_condition() -> None:
    run = Run(correlation("value_avg", within=10, fields=["n"], gte=5))
    fired = run.all([hit("a", at, n=n) for at, n in enumerate((5, 5, 1, 9, 9))])
    assert [one.metrics["alert_of_series"] for one in fired] == [1, 2, 1]
