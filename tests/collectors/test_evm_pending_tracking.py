"""What becomes of pending transactions, for any order of what is seen, mined and orphaned."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from collectors.evm.blocks import BlockHash, Header, Transaction
from collectors.evm.pending_tracking import MOST_VERSIONS, Fact, PendingTracker

SENDERS = ("0xa", "0xb")


def transaction(sender: str, nonce: int, fee: int, number: int) -> Transaction:
    raw = msgspec.json.encode({"maxFeePerGas": hex(fee), "maxPriorityFeePerGas": "0x1"})
    name = f"{sender}:{nonce}:{fee}:{number}"
    return Transaction(name, sender, "0xf", "0x", "0x0", hex(nonce), Raw(raw))


TRANSACTIONS = [
    transaction(sender, nonce, fee, number)
    for sender in SENDERS
    for nonce in range(3)
    for fee in (5, 10)
    for number in range(2)
]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("seen"), st.integers(0, len(TRANSACTIONS) - 1)),
        st.tuples(st.just("block"), st.lists(st.integers(0, len(TRANSACTIONS) - 1), max_size=4)),
        st.tuples(st.just("orphan"), st.just(0)),
        st.tuples(st.just("gone"), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_each_is_told_once_and_one_of_a_nonce_at_most_is_in_the_chain(
    steps: list[tuple[str, object]],
) -> None:
    tracker = PendingTracker(lambda _: True)
    chain: list[tuple[BlockHash, list[Transaction]]] = []
    told: Counter[str] = Counter()
    mined: set[str] = set()
    at = 0
    for what, choice in steps:
        at += 1
        facts: list[Fact] = []
        if what == "seen":
            assert isinstance(choice, int)
            one = TRANSACTIONS[choice]
            facts = tracker.seen(one, at)
            if one.hash in mined:
                assert facts == []  # a block has it: it is pending no more
        elif what == "block":
            assert isinstance(choice, list)
            spent = {(one.sender, one.nonce) for _, block in chain for one in block}
            chosen: dict[tuple[str, str], Transaction] = {}
            for place in choice:
                one = TRANSACTIONS[place]
                if (one.sender, one.nonce) not in spent:
                    chosen.setdefault((one.sender, one.nonce), one)
            block = list(chosen.values())
            name = BlockHash(f"block {at}")
            facts = tracker.block(Header(at, name, BlockHash("0x"), at), block)
            chain.append((name, block))
            mined.update(one.hash for one in block)
        elif what == "orphan" and chain:
            name, block = chain.pop()
            facts = tracker.orphaned([name], at)
            assert all(fact.again for fact in facts)
            mined.difference_update(one.hash for one in block)
        elif what == "gone":
            for slot in tracker.overdue(at):
                facts += tracker.gone(slot)
            assert len(tracker) == 0
        for fact in facts:
            if fact.what == "seen" and not fact.again:
                told[fact.transaction.hash] += 1
            if fact.what == "replaced":
                assert fact.by is not None
                old, new = fact.transaction, fact.by
                assert (old.sender, old.nonce) == (new.sender, new.nonce)
                assert old.hash != new.hash
            if fact.what == "included":
                assert fact.transaction.hash in mined
    followed = {slot.best.transaction.hash for slot in tracker.overdue(at + 1)}
    assert not followed & mined
    for slot in tracker.overdue(at + 1):
        fees = [version.fee for version in slot.versions]
        assert fees == sorted(fees)
        assert len(slot.versions) <= MOST_VERSIONS


def test_news_of_the_lower_fee_that_comes_late_replaces_nothing() -> None:
    tracker = PendingTracker(lambda _: True)
    high, low = transaction("0xa", 0, 20, 0), transaction("0xa", 0, 10, 1)
    tracker.seen(high, 1)
    seen, replaced = tracker.seen(low, 2)
    assert (seen.transaction, replaced.transaction, replaced.by) == (low, low, high)


def test_what_does_not_matter_is_followed_where_it_takes_a_place() -> None:
    first, other = transaction("0xa", 0, 10, 0), transaction("0xa", 0, 20, 1)
    tracker = PendingTracker(lambda one: one.hash == first.hash)
    assert tracker.seen(other, 1) == []
    tracker.seen(first, 2)
    assert [fact.what for fact in tracker.seen(other, 3)] == ["seen", "replaced"]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.evm.pending_tracking.MOST_FOLLOWED", 3)
    tracker = PendingTracker(lambda _: True)
    for nonce in range(10):
        tracker.seen(transaction("0xa", nonce, 1, 0), nonce)
    assert (len(tracker), tracker.forgotten) == (3, 7)
    assert tracker.wants("0xa:0:1:0")
