"""Reorganisations: the alerts that stand are those of the chain as it is in the end."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.engine.chain_history import REMEMBERED_BLOCKS, ChainHistory
from detections.engine.engine import Engine
from detections.lanes.events import Taken
from detections.lanes.rewind import RewindingEngine
from detections.lanes.ruled_engine import RuledEngine
from detections.rules.loading import parse_rules
from normalizer.events import Alert, ChainFinality
from tests.detections.forked_chain import SECOND, ForkedChain, ListedPast, Message, Sink, run
from tests.detections.samples import START, transfer

RULES = """
title: A large transfer
id: 7d0f3a6e-6f6b-4f6e-9a43-000000000001
status: test
level: high
description: One transfer.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: large_transfers
logsource: {product: tapewatch, service: chain}
detection:
  selection:
    event.action: token-transfer
    token.amount|gte: 100
  condition: selection
---
title: Any transfer
name: any_transfer
logsource: {product: tapewatch, service: chain}
detection:
  selection: {event.action: token-transfer}
  condition: selection
---
title: Three within five seconds
id: 7d0f3a6e-6f6b-4f6e-9a43-000000000002
status: test
level: medium
description: Several transfers.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: structuring
correlation:
  type: event_count
  rules: [any_transfer]
  group-by: [source.address]
  timespan: 5s
  condition: {gte: 3}
---
title: A transfer that none follows
id: 7d0f3a6e-6f6b-4f6e-9a43-000000000003
status: test
level: low
description: Silence.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: structuring
correlation:
  type: absence
  rules: [any_transfer]
  group-by: [source.address]
  timespan: 3s
"""


@pytest.fixture(scope="module")
def make() -> Callable[[], Engine]:
    return engines(0)


def engines(lateness: int) -> Callable[[], Engine]:
    rules = parse_rules(RULES.encode())
    return lambda: Engine(rules, allowed_lateness=lateness)


def test_an_alert_of_an_orphaned_block_is_retracted_and_the_one_of_the_new_branch_given(
    make: Callable[[], Engine],
):
    chain = ForkedChain()
    chain.grow("a", [150])
    chain.grow("a", [200])
    chain.fork(1)
    chain.grow("b", [200])
    sink, _ = asyncio.run(run(chain.messages, make, lambda _: False))
    kept, orphaned, new = sink.alerts.values()
    (update,) = sink.updates
    assert (update.alert_id, update.status) == (orphaned.id, "retracted")
    assert list(sink.standing) == [kept.id, new.id]


def test_a_retraction_says_why(make: Callable[[], Engine]):
    chain = ForkedChain()
    chain.grow("a")
    chain.grow("a", [200])
    fork_hash, old_hash = (chain.hash_at(number) for number in (1, 2))
    chain.fork(1)
    sink, _ = asyncio.run(run(chain.messages, make, lambda _: False))
    (alert,), (update,) = sink.alerts.values(), sink.updates
    assert update.rule_name == "A large transfer"
    assert (update.level, update.typology) == ("high", "large_transfers")
    assert (update.common_number, update.common_hash) == (1, fork_hash)
    assert update.orphaned == (old_hash,)
    assert update.evidence_events == ("chain:fork-1",)
    assert update.related_user == alert.entities
    assert update.reason == (
        f"chain 31337 left its branch after block 1 ({fork_hash}); 1 block was orphaned, and "
        "without them the alert does not hold"
    )


def test_back_on_the_first_branch_the_alert_is_reinstated_under_its_id(
    make: Callable[[], Engine],
):
    chain = ForkedChain()
    chain.grow("a")
    chain.grow("a", [200])
    chain.fork(1)
    chain.grow("b")
    chain.fork(1)
    chain.grow("a")
    sink, _ = asyncio.run(run(chain.messages, make, lambda _: False))
    (alert,) = sink.alerts.values()
    assert [update.status for update in sink.updates] == ["retracted", "reinstated"]
    assert list(sink.standing) == [alert.id]


def test_the_newest_state_that_holds_nothing_orphaned_is_restored(make: Callable[[], Engine]):
    chain = ForkedChain()
    for _ in range(6):
        chain.grow("a", [1])
    chain.fork(2)
    chain.grow("b")
    chain.grow("b")
    chain.fork(1)
    chain.grow("c")
    _, past = asyncio.run(run(chain.messages, make, lambda _: True))
    # The states behind 5 and 6 hold blocks that the first fork took back.
    assert past.restored == [4, 8]


def test_a_state_from_between_block_and_fork_is_not_used_for_a_later_fork(
    make: Callable[[], Engine],
):
    chain = ForkedChain()
    for _ in range(4):
        chain.grow("a", [1])
    chain.fork(2)  # message 5
    chain.grow("b")
    chain.fork(1)  # message 7
    _, past = asyncio.run(run(chain.messages, make, lambda place: place in (1, 4)))
    assert past.restored == [1, 1]


def final(number: int) -> Message:
    return [
        ChainFinality(
            id=f"final-{number}",
            timestamp=START,
            ingested=START,
            original="RAW/1/0",
            provider="chain",
            chain_id=31337,
            safe_number=number,
        )
    ]


def test_what_is_orphaned_while_its_rule_waits_was_never_given():
    rules = parse_rules(RULES.replace("level: high", "level: high\nfinality: safe").encode())
    chain = ForkedChain()
    chain.grow("a")
    chain.grow("a", [200])
    chain.fork(1)
    chain.grow("b", [300])
    chain.messages.append(final(2))
    sink, past = asyncio.run(run(chain.messages, lambda: Engine(rules), lambda _: True))
    (alert,) = sink.alerts.values()
    assert alert.metrics["amount"] == 300
    assert alert.finality == "safe"
    assert not sink.updates
    assert past.restored == [1]


def test_a_chain_that_others_tell_stays_as_it_is(make: Callable[[], Engine]):
    first, second = ForkedChain("node-1"), ForkedChain("node-2", chain_id=1)
    for chain in (first, second):
        chain.grow("a", [200] if chain is first else [300])
    first.messages[0][1].id, second.messages[0][1].id = "one", "two"
    second.fork(1)
    messages = [first.messages[0], *second.messages]
    sink, _ = asyncio.run(run(messages, make, lambda _: False))
    assert [alert.evidence_events for alert in sink.alerts.values()] == [("one",), ("two",)]
    assert [sink.alerts[one].evidence_events for one in sink.standing] == [("one",)]


def alerts_of(messages: list[Message], make: Callable[[], Engine]) -> dict[str, Alert]:
    engine = make()
    return {alert.id: alert for message in messages for alert in engine.process(message)}


Move = tuple[Literal["grow"], str, list[float]] | tuple[Literal["fork"], int, bool]
amounts = st.lists(st.sampled_from([1.0, 1.0, 100.0]), max_size=2)
grown = st.tuples(st.just("grow"), st.sampled_from("ab"), amounts)
forked = st.tuples(st.just("fork"), st.one_of(st.integers(1, 3), st.integers(1, 12)), st.booleans())
moves = st.lists(st.one_of(grown, grown, forked), min_size=5, max_size=40)
#: Behind which messages the state is saved.
saves = st.one_of(
    st.sets(st.integers(1, 41)), st.integers(1, 4).map(lambda n: set(range(n, 42, n)))
)


def chain_of(made: Iterable[Move]) -> ForkedChain:
    chain = ForkedChain()
    chain.grow("a", [1])
    for move in made:
        if move[0] == "grow":
            chain.grow(move[1], move[2])
        elif chain.head > 1:
            chain.fork(min(move[1], chain.head - 1), known=move[2])
    return chain


@settings(max_examples=200, deadline=None)
@given(made=moves, saved=saves, lateness=st.sampled_from([0, 2 * SECOND]))
def test_the_alerts_that_stand_are_those_of_the_last_chain(
    made: list[Move], saved: set[int], lateness: int
):
    make, chain = engines(lateness), chain_of(made)
    sink, _ = asyncio.run(run(chain.messages, make, lambda place: place in saved))
    assert set(sink.standing) == set(alerts_of(chain.final(), make))


@settings(max_examples=100, deadline=None)
@given(made=moves, saved=saves, crash=st.integers(1, 41))
def test_what_is_told_depends_neither_on_saved_states_nor_on_a_crash(
    made: list[Move], saved: set[int], crash: int
):
    make, messages = engines(0), chain_of(made).messages
    undisturbed, _ = asyncio.run(run(messages, make, lambda _: False))

    async def disturbed() -> Sink:
        sink, past = await run(messages[:crash], make, lambda place: place in saved)
        # After the crash the newest state comes back, and what followed is taken again in silence.
        engine, start = RewindingEngine(RuledEngine(make()), past), max(past.saved, default=0)
        if start:
            engine.restore(past.saved[start])
        past.messages = messages
        for place, message in enumerate(messages[start:], start + 1):
            told = await engine.take(place, Taken(list(message), True))
            if place > crash:
                sink.take(told)
        return sink

    sink = asyncio.run(disturbed())
    assert list(sink.alerts.values()) == list(undisturbed.alerts.values())
    assert sink.updates == undisturbed.updates


def test_past_reads_only_what_lies_between(make: Callable[[], Engine]):
    past = ListedPast([[], [], []], make)

    async def places() -> list[int]:
        return [place async for place, _ in past.taken(1, 3)]

    assert asyncio.run(places()) == [2]


def test_whoever_holds_the_lanes_engine_has_the_present_one_after_a_fork(
    make: Callable[[], Engine],
):
    # Else the one from before stays in memory with all its state, and later changes of rules are
    # told to nobody.
    chain = ForkedChain()
    chain.grow("a", [1])
    chain.grow("a", [150])
    chain.fork(1)
    chain.grow("b", [200])
    ruled = RuledEngine(make())
    engine = RewindingEngine(ruled, ListedPast(chain.messages, make))

    async def take_all() -> None:
        for place, message in enumerate(chain.messages, 1):
            await engine.take(place, Taken(list(message), True))

    before = ruled.engine
    asyncio.run(take_all())
    assert engine.ruled is ruled
    assert ruled.engine is not before


def test_heights_are_bounded_whatever_order_they_come_in():
    history = ChainHistory()
    for place in range(1, 4 * REMEMBERED_BLOCKS):
        high = 10**18 if place == 1 else 4 * REMEMBERED_BLOCKS - place
        history.saw(place, [transfer(place, block_number=high)])
    ((_, heights),) = history.chains
    assert len(heights.numbers) == len(heights.places) <= 2 * REMEMBERED_BLOCKS
