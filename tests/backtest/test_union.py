"""Many rule sets as one give what each gives by itself, and the same rule runs once."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from detections.backtest.run import Plan, run
from detections.backtest.sweeps import parse_sweep
from detections.backtest.union import original_id, unite
from detections.backtest.variants import sweep_rules
from detections.engine.engine import Engine
from detections.offline import detect
from detections.rules.rule_set import RuleSet
from tests.backtest.samples import (
    CORRELATION,
    LARGE,
    OFTEN,
    RULE,
    batches,
    files,
    rules,
    transfer,
)

EXCEPTION = """\
exceptions:
  - rules: [large, often]
    entities: [INV-0001]
    owner: jane@example.com
    reason: agreed
    expires: 2027-01-01
"""
NAMES = ("large.yml", "often.yml", "agreed.exceptions.yml")


def raised(text: str, threshold: int = 100) -> str:
    return text.replace("gte: 100", f"gte: {threshold}")


def test_the_same_sets_are_one() -> None:
    base = rules(RULE, CORRELATION)

    united = unite([base, rules(RULE, CORRELATION), base])

    assert [rule.id for rule in united.rules.rules] == [LARGE, OFTEN]
    assert united.forms == ({LARGE: LARGE, OFTEN: OFTEN},) * 3


def test_the_same_rule_in_another_file_is_the_same() -> None:
    united = unite([rules(RULE), rules(RULE, names=["elsewhere/large.yml"])])

    assert len(united.rules.rules) == 1


def test_a_changed_rule_takes_the_correlations_over_it_along() -> None:
    united = unite([rules(RULE, CORRELATION), rules(raised(RULE, 200), CORRELATION)])

    first, second = united.forms
    assert first == {LARGE: LARGE, OFTEN: OFTEN}
    assert second == {LARGE: f"{LARGE}~2", OFTEN: f"{OFTEN}~2"}
    assert [one.correlation.rules for one in united.rules.correlations] == [
        (LARGE,),
        (f"{LARGE}~2",),
    ]
    assert {original_id(form) for form in second.values()} == {LARGE, OFTEN}


def test_an_exception_makes_another_form_of_its_rules() -> None:
    plain, excepted = rules(RULE, CORRELATION), rules(RULE, CORRELATION, EXCEPTION, names=NAMES)

    united = unite([plain, excepted])

    assert united.forms[1] == {LARGE: f"{LARGE}~2", OFTEN: f"{OFTEN}~2"}
    (exception,) = united.rules.exceptions
    assert exception.rules == (f"{LARGE}~2", f"{OFTEN}~2")


def test_an_exception_of_both_sets_stays_one() -> None:
    excepted = rules(RULE, CORRELATION, EXCEPTION, names=NAMES)

    united = unite([excepted, rules(RULE, CORRELATION, EXCEPTION, names=NAMES)])

    assert united.forms[0] == united.forms[1] == {LARGE: LARGE, OFTEN: OFTEN}
    assert [one.id for one in united.rules.exceptions] == [excepted.exceptions[0].id]


def alone(one: RuleSet, lines: Sequence[bytes]) -> Counter[str]:
    """Alerts by rule, of a rule set by itself."""
    engine = Engine(one)
    found = detect(engine, lines, report=lambda problem: None)
    return Counter(alert.rule_id for alert in found)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 250), max_size=30),
    st.lists(st.integers(1, 240), min_size=1, max_size=4, unique=True),
)
def test_all_sets_together_give_what_each_gives_alone(
    amounts: list[int], thresholds: list[int]
) -> None:
    lines = [transfer(n, amount, hours=n / 2) for n, amount in enumerate(amounts)]
    read = files(RULE, CORRELATION, EXCEPTION, names=NAMES)
    base = rules(RULE, CORRELATION, EXCEPTION, names=NAMES)
    other = rules(RULE, CORRELATION)
    values = ",".join(map(str, thresholds))
    grid = sweep_rules(
        read,
        base,
        [
            parse_sweep(f"large:selection.token.amount|gte={values}"),
            parse_sweep("often:timespan=30m,2h"),
        ],
    )

    passed = run(Plan(rules=base, compared=other, grid=grid), batches(lines))

    sets = [base, other, *(point.rules for point in grid.points)]
    for one, forms in zip(sets, passed.union.forms, strict=True):
        together = {rule: passed.tallies[form].alerts for rule, form in forms.items()}
        assert +Counter(together) == alone(one, lines)
