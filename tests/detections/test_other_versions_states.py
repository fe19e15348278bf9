"""A state that another version saved is never read as if it were ours, and an older one still is.

What is saved is read by places, so with another layout an old state could be taken for a new one.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, get_origin

import msgspec
import pytest
from msgspec import inspect

import detections
from detections.alerting.given_alerts import GivenAlerts
from detections.books.order_book import OrderBook
from detections.clusters import rewinding
from detections.correlations import state as of_correlations
from detections.correlators.base import correlators
from detections.engine import rule_states, state
from detections.engine.chain_history import ChainHistory
from detections.engine.correlator_state import layout
from detections.engine.engine import Engine
from detections.engine.state import CannotRestore, Common, read_state
from detections.lanes import rewind
from detections.lanes.rewind import RewindingEngine
from detections.lanes.ruled_engine import RuledEngine
from normalizer.events import Alert
from tests.detections.forked_chain import ListedPast
from tests.detections.test_engine_state import begun, rules

#: All that is written without the names of its fields, wherever it is.
ROOTS: tuple[type[msgspec.Struct], ...] = (
    *(state.Common, state.Begin, state.Piece, state.Unwritable, state.End),
    *of_correlations.WRITTEN,
    *(rewind.Beside, ChainHistory, GivenAlerts, OrderBook),
    *(rewinding.Head, rewinding.Remembered),
    *(one.state_type for one in correlators().values()),
)
#: No part of what a lane saves: what one event did to a level of a book.
OTHERS = frozenset({"LevelChange"})


def within(type_: inspect.Type, seen: set[type[Any]]) -> None:
    """All Structs that belong to a type."""
    match type_:
        case inspect.StructType():
            if type_.cls not in seen:
                seen.add(type_.cls)
                seen.add(get_origin(type_.cls) or type_.cls)
                for field in type_.fields:
                    within(field.type, seen)
        case inspect.NamedTupleType():
            for field in type_.fields:
                within(field.type, seen)
        case inspect.ListType() | inspect.VarTupleType():
            within(type_.item_type, seen)
        case inspect.TupleType():
            for item in type_.item_types:
                within(item, seen)
        case inspect.DictType():
            within(type_.key_type, seen)
            within(type_.value_type, seen)
        case inspect.UnionType():
            for one in type_.types:
                within(one, seen)
        case _:
            pass


def structs(of: type[Any]) -> Iterator[type[Any]]:
    for one in of.__subclasses__():
        yield one
        yield from structs(one)


def test_whatever_is_written_by_places_is_a_part_of_a_layout() -> None:
    for module in pkgutil.walk_packages(detections.__path__, "detections."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    known: set[type[Any]] = set()
    for root in ROOTS:
        within(inspect.type_info(root), known)
    unknown = {
        one.__qualname__
        for one in structs(msgspec.Struct)
        if one.__module__.startswith("detections.")
        and one.__struct_config__.array_like
        and one not in known
    }
    assert unknown == OTHERS, "is it saved? Then its layout must be told apart"


def test_another_field_another_order_or_another_type_is_another_layout() -> None:
    def hashed(*fields: Any) -> str:
        inner = msgspec.defstruct("Inner", list(fields), array_like=True)
        return layout(msgspec.defstruct("Outer", [("inner", list[inner])], array_like=True))

    first, second, third = ("a", int, 0), ("b", int, 0), ("c", int, 0)
    hashes = [
        hashed(first, second),
        hashed(second, first),
        hashed(first, second, third),
        hashed(first, third, second),
        hashed(first, ("b", float, 0.0)),
        hashed(first),
    ]
    assert len(set(hashes)) == len(hashes)


def test_how_an_alert_looks_is_no_part_where_it_is_read_by_names() -> None:
    more = msgspec.defstruct("More", [("new", str, "")], bases=(Alert,), tag="alert")

    def common(alert: type[Any]) -> str:
        held = msgspec.defstruct("Held", [("alert", alert)], array_like=True)
        return layout(held, (*state.BY_NAME, more))

    assert common(Alert) == common(more)


def test_what_is_of_no_rule_is_not_read_from_another_layout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = begun(rules()).snapshot()
    engine = begun(rules(first=4))
    before = engine.snapshot()
    monkeypatch.setattr(state, "common_layout", lambda: "another")

    with pytest.raises(CannotRestore, match="another version of the program wrote it"):
        engine.restore(taken)

    monkeypatch.undo()
    assert engine.snapshot() == before


def test_what_a_lane_knows_beside_its_engine_is_not_read_from_another_layout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lane = RewindingEngine(RuledEngine(begun(rules())), ListedPast([], lambda: Engine(rules())))
    taken = lane.snapshot()
    assert lane.restore(taken) == []
    monkeypatch.setattr(rewind, "beside_layout", lambda: "another")

    with pytest.raises(CannotRestore, match="another version of the program wrote it"):
        lane.restore(taken)


def test_correlations_of_another_layout_are_rebuilt_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = begun(rules()).snapshot()
    monkeypatch.setattr(rule_states, "layout_of_correlations", lambda: "another")

    unfit = Engine(rules()).restore(taken)

    assert [one.title for one in unfit] == ["First", "Second"]
    assert {one.why for one in unfit} == {
        "this version of the program keeps its state in another way"
    }


def test_states_that_say_no_layout_are_those_of_the_one_that_it_was_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = begun(rules()).snapshot()

    class Before(msgspec.Struct, array_like=True, tag="end"):
        digest: bytes

    def end(digest: bytes, layout: str) -> Before:
        return Before(digest)

    with monkeypatch.context() as older:
        older.setattr(state, "End", end)
        older.setattr(rule_states, "code_of_correlations", lambda: "correlation 1")
        then = begun(rules()).snapshot()
    assert len(then) < len(now)

    # What follows holds as long as nothing was laid out anew since. If it was, and a state
    # that doesn't say its layout can't be ours, this test and `_UNSAID` go.
    restored = Engine(rules())
    assert restored.restore(then) == []
    assert restored.snapshot() == now

    monkeypatch.setattr(rule_states, "layout_of_correlations", lambda: "another")
    assert [one.title for one in Engine(rules()).restore(then)] == ["First", "Second"]
    monkeypatch.setattr(state, "common_layout", lambda: "another")
    with pytest.raises(CannotRestore, match="another version of the program wrote it"):
        Engine(rules()).restore(then)


def test_the_first_part_is_what_is_of_no_rule() -> None:
    assert isinstance(next(iter(read_state(begun(rules()).snapshot()))), Common)
