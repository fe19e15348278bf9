"""What is to be varied, as people write it."""

import pytest

from detections.backtest.sweeps import MOST_POINTS, Sweep, SweepError, grid, parse_sweep


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("1..4:1", ("1", "2", "3", "4")),
        ("0.1..0.3:0.1", ("0.1", "0.2", "0.3")),
        ("-2..2:2", ("-2", "0", "2")),
        ("50000..200000:50000", ("50000", "100000", "150000", "200000")),
        ("1..4:2", ("1", "3")),
        ("5..5:1", ("5",)),
        ("5%..20%:5%", ("5%", "10%", "15%", "20%")),
        ("0.5%..1%:0.25%", ("0.5%", "0.75%", "1%")),
        ("1s..3s:1s", ("1s", "2s", "3s")),
        ("500ms..2s:500ms", ("500ms", "1s", "1500ms", "2s")),
        # A Sigma timespan has one unit, so 1h30m isn't one.
        ("1h..2h:30m", ("1h", "90m", "2h")),
        ("0s..1s:1s", ("0s", "1s")),
        ("10, 20,30", ("10", "20", "30")),
        ("5m,1M", ("5m", "1M")),
        ("buy,sell,buy", ("buy", "sell")),
        ("7", ("7",)),
    ],
)
def test_values(written: str, values: tuple[str, ...]) -> None:
    assert parse_sweep(f"spoofing:limit={written}") == Sweep("spoofing", "limit", values)


def test_the_place_may_hold_what_sigma_keys_hold() -> None:
    found = parse_sweep("large_transfer:selection.token.amount|gte=1,2")

    assert found == Sweep("large_transfer", "selection.token.amount|gte", ("1", "2"))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("spoofing", "is no sweep: write it as RULE:PARAMETER=FROM..TO:STEP"),
        ("spoofing=1", "is no sweep"),
        ("spoofing:x", "is no sweep"),
        (":x=1", "is no sweep"),
        ("a:x=1,,2", "a value is missing"),
        ("a:x=", "a value is missing"),
        ("a:x=1..5", 'the step is missing in "1..5": write 1..5:STEP'),
        ("a:x=1..5:0", "goes nowhere"),
        ("a:x=5..1:1", "goes nowhere"),
        ("a:x=1..5s:1s", "all three of one kind"),
        ("a:x=1%..5:1", "all three of one kind"),
        ("a:x=0..100000:1", "has 100,001 values: at most 256"),
        ("a:x=" + ",".join(map(str, range(300))), "has 300 values"),
    ],
)
def test_mistakes_say_what_to_write(written: str, said: str) -> None:
    with pytest.raises(SweepError) as raised:
        parse_sweep(written)

    assert said in str(raised.value)


def test_several_sweeps_form_a_grid() -> None:
    sweeps = [Sweep("a", "x", ("1", "2")), Sweep("a", "y", ("p", "q"))]

    assert grid(sweeps) == [("1", "p"), ("1", "q"), ("2", "p"), ("2", "q")]


def test_a_grid_has_a_limit() -> None:
    many = tuple(map(str, range(20)))

    with pytest.raises(SweepError, match=rf"20 × 20 are 400 combinations: at most {MOST_POINTS}"):
        grid([Sweep("a", "x", many), Sweep("b", "x", many)])


def test_a_parameter_is_swept_once() -> None:
    with pytest.raises(SweepError, match='"a:x" is swept twice'):
        grid([Sweep("a", "x", ("1",)), Sweep("a", "x", ("2",))])
