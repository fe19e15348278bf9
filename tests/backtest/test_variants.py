"""Rules with other values: found by what people call them, and through the loader like all."""

from pathlib import Path

import pytest

from detections.backtest.rule_documents import document_of, find_rule, find_value, value_at
from detections.backtest.sweeps import SweepError, parse_sweep
from detections.backtest.variants import Grid, sweep_rules
from detections.rules.loading import read_rules, rules_of
from pipeline.problems import ProblemsFound
from pipeline.yaml_source import Parsed
from tests.backtest.samples import CORRELATION, LARGE, OFTEN, RULE, files, rules

ROOT = Path(__file__).parents[2]
THRESHOLD = "selection.token.amount|gte"


def swept(read: list[Parsed], *sweeps: str) -> Grid:
    return sweep_rules(read, rules_of(read), [parse_sweep(text) for text in sweeps])


@pytest.mark.parametrize("called", [LARGE, LARGE.upper(), "large", "Large transfer", "LARGE"])
def test_a_rule_is_found_by_id_name_title_or_file(called: str) -> None:
    read = files(RULE, names=["large.yml"])

    assert document_of(read, find_rule(read, called)).get("title") is not None


@pytest.mark.parametrize("called", ["large.yml", "mine/large.yml", "./mine/large.yml"])
def test_a_rule_is_found_by_its_file_however_that_is_written(called: str) -> None:
    read = files(RULE, CORRELATION, names=["mine/large.yml", "mine/more.yml"])
    assert document_of(read, find_rule(read, called)).get("name") is not None


def test_a_file_of_several_rules_is_told_with_what_they_are_called() -> None:
    read = files(f"{RULE}---\n{CORRELATION}", names=["mine/both.yml"])
    with pytest.raises(SweepError) as raised:
        find_rule(read, "mine/both.yml")
    assert str(raised.value).startswith("mine/both.yml has several rules: say which, ")


def test_a_rule_that_is_not_there_brings_up_one_that_is() -> None:
    with pytest.raises(SweepError, match=r'no rule is called "lage".*did you mean large'):
        find_rule(files(RULE, CORRELATION), "lage")


def test_a_name_of_two_rules_is_none() -> None:
    other = RULE.replace(LARGE, OFTEN)

    with pytest.raises(SweepError, match="several rules are called"):
        find_rule(files(RULE, other, names=["a.yml", "b.yml"]), "large")


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        (THRESHOLD, ("detection", "selection", "token.amount|gte")),
        (f"detection.{THRESHOLD}", ("detection", "selection", "token.amount|gte")),
        ("selection.event.action", ("detection", "selection", "event.action")),
    ],
)
def test_a_value_is_found_though_keys_hold_dots(path: str, keys: tuple[str, ...]) -> None:
    rule = document_of(files(RULE), find_rule(files(RULE), "large"))

    assert find_value(rule, path) == keys


def test_a_value_that_is_not_there_brings_up_one_that_is() -> None:
    read = files(RULE)
    rule = document_of(read, find_rule(read, "large"))

    with pytest.raises(SweepError, match=r"did you mean selection.token.amount\|gte"):
        find_value(rule, "selection.token.amout|gte")
    with pytest.raises(SweepError, match=r"no single value at \"selection\""):
        find_value(rule, "selection")


def test_a_list_is_no_single_value_but_its_entries_are() -> None:
    read = files(RULE.replace("event.action: token-transfer", "event.action: [token-transfer, x]"))
    rule = document_of(read, find_rule(read, "large"))

    with pytest.raises(SweepError):
        find_value(rule, "selection.event.action")
    assert value_at(rule, find_value(rule, "selection.event.action.1")) == "x"


def test_a_threshold_is_another_rule_with_the_same_id() -> None:
    grid = swept(files(RULE), f"large:{THRESHOLD}=50,100")

    low, same = (point.rules.sigma[0] for point in grid.points)
    assert low.rule.id == same.rule.id == LARGE
    assert low.rule.hash != same.rule.hash == rules(RULE).sigma[0].rule.hash
    assert "number=50" in repr(low.conditions)
    assert grid.axes[0].current == "100"


def test_correlations_over_a_swept_rule_may_change_too() -> None:
    grid = swept(files(RULE, CORRELATION), f"large:{THRESHOLD}=50,100")

    assert grid.rules == (LARGE, OFTEN)


def test_a_parameter_is_swept_once_whatever_its_rule_is_called() -> None:
    with pytest.raises(SweepError) as raised:
        swept(files(RULE), f"large:{THRESHOLD}=5,10", f"Large transfer:detection.{THRESHOLD}=20")
    assert str(raised.value) == (
        f'"Large transfer:detection.{THRESHOLD}" is swept twice: give all its values at once'
    )


def test_a_correlation_leaves_the_rules_below_it_alone() -> None:
    base = rules(RULE, CORRELATION)
    grid = swept(files(RULE, CORRELATION), "often:timespan=1h..2h:30m", "often:condition.gte=2,3")

    assert grid.rules == (OFTEN,)
    assert len(grid.points) == 6
    for point in grid.points:
        assert point.rules.sigma == base.sigma
    spans = {point.rules.correlations[0].correlation.timespan for point in grid.points}
    assert spans == {3_600 * 10**9, 5_400 * 10**9, 7_200 * 10**9}


def test_a_parameter_with_a_default_need_not_be_written() -> None:
    read, _ = read_rules([ROOT / "sigma_rules" / "wash_trading" / "self_trade.yml"])
    written = rules_of(read).correlators[0].parameters

    grid = swept(read, "self_trade:minimum_gross=0,10")

    assert grid.axes[0].current is None
    same, other = (point.rules.correlators[0].parameters for point in grid.points)
    assert same == written
    assert getattr(other, "minimum_gross") == 10.0  # noqa: B009, the type isn't known here


def test_a_value_out_of_range_is_told_at_its_place_with_what_was_tried() -> None:
    read, _ = read_rules([ROOT / "sigma_rules" / "spoofing" / "spoofing.yml"])

    with pytest.raises(ProblemsFound) as raised:
        swept(read, "spoofing:maximum_lifetime=1s,90d")

    (problem,) = raised.value.problems
    assert "tried by a sweep: maximum_lifetime=90d" in problem.message
    assert problem.location.file.endswith("spoofing.yml")
    assert problem.location.line > 1


def test_text_that_is_no_number_is_refused_like_in_a_file() -> None:
    with pytest.raises(ProblemsFound):
        swept(files(RULE), f"large:{THRESHOLD}=many")


def test_a_rule_without_an_id_keeps_the_one_it_has() -> None:
    foreign = (
        "title: Foreign\nlogsource: {product: other}\ndetection:\n  s: {n|gt: 1}\n  condition: s\n"
    )
    read = files(foreign, names=["foreign.yml"])
    base = rules_of(read)

    grid = swept(read, "foreign:s.n|gt=2,3")

    ids = {point.rules.sigma[0].rule.id for point in grid.points}
    assert ids == {base.sigma[0].rule.id}


def test_where_there_are_filters_all_is_read_anew() -> None:
    filter_ = """\
title: Not of the issuer
logsource: {product: tapewatch}
filter:
  rules: [large]
  of_issuer:
    investor.source.labels: issuer
  condition: not of_issuer
"""
    read = files(RULE, filter_, names=["large.yml", "filter.yml"])

    grid = swept(read, f"large:{THRESHOLD}=50")

    assert "investor.source.labels" in repr(grid.points[0].rules.sigma[0].conditions)
