"""What a correlator knows outlives it: every one in the register, whoever wrote it."""

import copy
import itertools
import random
from collections.abc import Iterable
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, field, inspect

from detections.alerting.findings import Finding
from detections.books.order_books import parts_of_books, read_books
from detections.correlators.base import Correlator, correlators
from detections.engine.correlator_state import Unsavable, Whole, check_savable, layout
from pipeline.problems import ProblemsFound
from tests.detections.random_records import records
from tests.detections.samples import correlator as rule_of


def parameter_choices(found: type[Correlator[Any]]) -> list[msgspec.Struct]:
    """All patterns that it has, with thresholds as they are, and as low as they can be."""
    info = inspect.type_info(found.parameters_type)
    assert isinstance(info, inspect.StructType)
    patterns = [
        [(one.name, value) for value in one.type.values]
        for one in info.fields
        if isinstance(one.type, inspect.LiteralType)
    ]
    low: dict[str, Any] = {}
    for one in info.fields:
        among = one.type.types if isinstance(one.type, inspect.UnionType) else (one.type,)
        for type_ in among:
            if isinstance(type_, inspect.IntType | inspect.FloatType):
                least = type_.ge if type_.ge is not None else type_.gt
                if least is not None and not one.name.startswith("maximum"):
                    low[one.name] = least if type_.ge is not None else least + 0.01
    choices: list[msgspec.Struct] = []
    for pattern in itertools.product(*patterns):
        for thresholds in ({}, low):
            try:
                choices.append(found.parameters_type(**{**thresholds, **dict(pattern)}))
            except (TypeError, ValueError, ProblemsFound):
                continue  # they don't go together
    assert choices, f"{found.__name__} needs parameters that this test can't find"
    return choices


def besides_state(correlator: Correlator[Any]) -> dict[str, Any]:
    """All but its state, and the books, which are the engine's."""
    known = ("state", "books")
    return {name: value for name, value in vars(correlator).items() if name not in known}


def observed(correlator: Correlator[Any], event: Any) -> list[Finding]:
    if correlator.uses_books:
        correlator.books.move(event)
    return list(correlator.observe(event))


def saved(correlator: Correlator[Any]) -> list[bytes]:
    books = parts_of_books(correlator.books.state) if correlator.uses_books else ()
    return [correlator.snapshot(), *books]


def restore(correlator: Correlator[Any], taken: list[bytes]) -> None:
    state, *books = taken
    correlator.restore(state)
    if correlator.uses_books:
        correlator.books.state = read_books(books)


@pytest.mark.parametrize("name", correlators())
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_restored_one_goes_on_as_if_nothing_had_been(name: str, data: st.DataObject) -> None:
    kind = correlators()[name]
    parameters = data.draw(st.sampled_from(parameter_choices(kind)))
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    straight = kind(parameters)
    events = records(straight.actions, data.draw(st.integers(1, 60)), chance)
    cut = data.draw(st.integers(0, len(events)))
    for event in events[:cut]:
        observed(straight, event)
    taken = saved(straight)
    assert saved(straight) == taken, "the same state gives the same bytes"

    restored = kind(parameters)
    restore(restored, taken)
    assert saved(restored) == taken
    for event in events[cut:]:
        assert observed(restored, event) == observed(straight, event)
        assert saved(restored) == saved(straight)


@pytest.mark.parametrize("name", correlators())
def test_nothing_but_the_state_changes(name: str) -> None:
    kind = correlators()[name]
    for parameters in parameter_choices(kind):
        correlator = kind(parameters)
        before = copy.deepcopy(besides_state(correlator))
        unlike = [key for key, value in before.items() if vars(correlator)[key] != value]
        for event in records(correlator.actions, 300, random.Random(1)):
            observed(correlator, event)
        changed = [
            key
            for key, value in besides_state(correlator).items()
            if key not in unlike and before.get(key) != value
        ]
        assert not changed, f"{changed} of {kind.__name__} must be in its state"
        for key in unlike:
            # What compares by identity must be plain settings then.
            assert vars(vars(correlator)[key]) == vars(before[key])


#: What these look for has too many steps for events at random. Their own tests hold them against
#: `tests.detections.correlators.restarts`.
RARE = frozenset(
    {
        *("inferred_layering", "inferred_pinging", "moved_layers", "odd_open"),
        *("steady_ramp", "inferred_reversal", "inferred_cross_market"),
        *(
            "flipping",
            "inferred_spoofing",
            "inter_venue_layering",
            "layering",
            "novelty",
            "pinging",
        ),
        *("pool_front_running", "pool_transaction_wash", "dormant_account", "vacuuming"),
        "spoofing_attempts",
        *("auction_orders", "marking_the_close", "marking_the_open", "ramping", "swapped_ahead"),
        *("improbable_prices", "message_bursts"),
    }
)


@pytest.mark.parametrize("name", [one for one in correlators() if one not in RARE])
def test_the_random_events_make_it_find_something(name: str) -> None:
    """Else the tests above would say little."""
    kind, found = correlators()[name], 0
    choices = parameter_choices(kind)
    for seed in range(60):
        for parameters in choices:
            if found >= 3:
                return
            correlator = kind(parameters)
            for event in records(correlator.actions, 500, random.Random(seed)):
                found += len(observed(correlator, event))
    raise AssertionError("it found next to nothing")


@pytest.mark.parametrize("name", correlators())
def test_it_says_how_far_back_it_knows(name: str) -> None:
    for parameters in parameter_choices(correlators()[name]):
        horizon = correlators()[name](parameters).horizon
        assert horizon is None or horizon > 0


# -- what a state may be made of -------------------------------------------------------------------


class Pair(Struct):
    first: str
    second: int = 0


class Fine(Struct):
    pairs: dict[tuple[str, int], list[Pair]] = field(
        default_factory=dict[tuple[str, int], list[Pair]]
    )
    great: Whole = Whole(0)
    side: Literal["buy", "sell"] | None = None


class WithSet(Struct):
    names: dict[str, set[str]] = field(default_factory=dict[str, set[str]])


class WithAnything(Struct):
    last: Any = None


class WithoutDefault(Struct):
    window: int


def test_plain_things_are_kept_exactly() -> None:
    check_savable(Fine)


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (WithSet, r"WithSet\.names\[\] is SetType.*dict\[\.\.\., None\]"),
        (WithAnything, r"WithAnything\.last is AnyType.*name its type"),
        (WithoutDefault, "WithoutDefault needs a default for each field"),
    ],
)
def test_what_could_not_be_kept_exactly_is_refused_at_once(type_: type[Struct], words: str) -> None:
    with pytest.raises(Unsavable, match=words):
        check_savable(type_)


def test_an_integer_of_any_size_is_kept() -> None:
    class Sum(Correlator[Fine]):
        parameters_type = Pair
        state_type = Fine

        def observe(self, event: Any) -> Iterable[Finding]:
            self.state.great = Whole(self.state.great + event)
            return ()

    straight = Sum(None)
    straight.observe(2**200)
    restored = Sum(None)
    restored.restore(straight.snapshot())
    assert restored.state.great == 2**200
    assert restored.snapshot() == straight.snapshot()


def test_another_layout_is_another_state() -> None:
    first = msgspec.defstruct("State", [("a", int, 0)])
    assert layout(first) == layout(msgspec.defstruct("State", [("a", int, 0)]))
    others = [
        msgspec.defstruct("State", [("b", int, 0)]),
        msgspec.defstruct("State", [("a", float, 0)]),
        msgspec.defstruct("State", [("a", int, 0), ("b", int, 0)]),
        msgspec.defstruct("State", [("a", list[int], [])]),
        msgspec.defstruct("State", [("a", int, 0)], array_like=True),
    ]
    assert len({layout(one) for one in (first, *others)}) == 1 + len(others)


def test_a_rule_finds_what_the_register_has() -> None:
    (rule,) = rule_of("wash_trading", "{pattern: self_trade}").correlators
    assert rule.correlator in correlators()
