"""The Solana collector against nodes whose ledger runs the real token programs."""

import asyncio
import random
from collections.abc import Iterator

import msgspec
import pytest
from msgspec import Raw

from collectors.connection import SourceMisconfigured
from collectors.solana.blocks import MentionFilter
from pipeline.chain_notices import ReorganisationNotice
from pipeline.frames import Frame
from pipeline.units import MILLISECOND, SECOND
from tests.collectors.list_outlet import ListOutlet
from tests.collectors.solana_session import (
    QUICK,
    blocks,
    collecting,
    finalities,
    forks,
    gaps,
    payload,
    signatures,
    slots,
    source,
)
from tests.fixtures.waiting import until
from tests.normalizer.solana_frames import ALICE, BOB, Issue, address
from tests.servers.solana_ledger import FIRST_SLOT, SlotBlock, SolanaLedger
from tests.servers.solana_node import SolanaNode


@pytest.fixture
def ledger() -> SolanaLedger:
    return SolanaLedger()


@pytest.fixture
def node(ledger: SolanaLedger) -> Iterator[SolanaNode]:
    with SolanaNode(ledger) as node:
        yield node


@pytest.fixture
def issue(ledger: SolanaLedger) -> Issue:
    """A token of which Alice has some, in a block."""
    issue = Issue(ledger)
    issue.create()
    issue.open(ALICE, BOB)
    issue.give(ALICE, 1_000_000)
    ledger.produce()
    return issue


def pay(issue: Issue, amount: int = 1, *, plain: bool = False) -> None:
    make = issue.token.plain_transfer if plain else issue.token.transfer
    issue.run(make(ALICE.pubkey(), BOB.pubkey(), amount), signers=[ALICE])


def chain(ledger: SolanaLedger) -> list[str]:
    """Positions of the ledger's confirmed blocks."""
    return [f"{slot}:{ledger.blocks[slot].hash}" for slot in sorted(ledger.blocks)]


def sent(outlet: ListOutlet) -> list[str]:
    return [frame.position for frame in blocks(outlet)]


def newest(outlet: ListOutlet) -> int | None:
    return slots(outlet)[-1] if slots(outlet) else None


def named(block: SlotBlock) -> list[str]:
    return [one["transaction"]["signatures"][0] for one in block.transactions]


async def test_every_block_is_sent_once_and_in_order(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    async with collecting(source(node), [issue.address], outlet):
        for number in range(5):
            pay(issue, number + 1)
            ledger.produce(skip=number % 2)
        await until(lambda: sent(outlet) == chain(ledger))
    assert outlet.letters == []
    assert gaps(outlet) == []


async def test_a_payload_has_what_mentions_the_mint_and_the_mint_itself(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    other = Issue(ledger, number=2)
    other.create()  # nobody watches it
    pay(issue)
    block = ledger.produce()
    outlet = ListOutlet()
    async with collecting(source(node), [issue.address], outlet):
        await until(lambda: sent(outlet) == chain(ledger))
    told = payload(outlet.frames[-1])
    assert told["chain"] == ledger.chain
    assert told["slot"] == block.slot
    assert told["finality"] == "safe"
    assert told["block"]["previousBlockhash"] == block.parent_hash
    assert [one["index"] for one in told["transactions"]] == [1]
    assert told["transactions"][0]["content"] == block.transactions[1]
    (mint,) = told["mints"]
    assert mint["address"] == issue.address
    assert mint["slot"] == block.slot
    assert mint["account"] == ledger.accounts[issue.address]


async def test_a_transfer_that_does_not_name_its_mint_is_found_in_blocks(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    pay(issue, plain=True)
    block = ledger.produce()
    keys = block.transactions[0]["transaction"]["message"]["accountKeys"]
    assert issue.address not in keys
    outlet = ListOutlet()
    async with collecting(source(node), [issue.address], outlet):
        await until(lambda: sent(outlet) == chain(ledger))
    assert set(named(block)) <= set(signatures(outlet))


async def test_a_first_run_begins_with_the_newest_block(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    first = ledger.confirmed
    async with collecting(source(node, start_slot="latest"), [issue.address], outlet):
        await until(lambda: len(outlet.frames) == 1)
        ledger.produce()
        await until(lambda: len(outlet.frames) == 2)
    assert slots(outlet) == [first, first + 1]


async def test_blocks_that_are_not_confirmed_wait(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    async with collecting(source(node), [issue.address], outlet):
        await until(lambda: sent(outlet) == chain(ledger))
        before = len(outlet.frames)
        block = ledger.produce(confirm=False)
        await until(lambda: node.asked("getSlot") > 1)
        assert len(outlet.frames) == before
        ledger.confirm()
        await until(lambda: newest(outlet) == block.slot)


async def test_finalized_blocks_only_where_that_is_asked_for(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    config = source(node, commitment="finalized")
    async with collecting(config, [issue.address], outlet):
        await until(lambda: slots(outlet) == [FIRST_SLOT])
        ledger.finalize()
        ledger.produce()
        await until(lambda: slots(outlet) == [FIRST_SLOT, FIRST_SLOT + 1])
    assert payload(outlet.frames[-1])["finality"] == "finalized"


async def test_blocks_are_taken_as_they_are_pushed_where_the_node_does_that(
    ledger: SolanaLedger, issue: Issue
) -> None:
    outlet = ListOutlet()
    with SolanaNode(ledger, block_subscribe=True) as node:
        async with collecting(source(node), [issue.address], outlet):
            await until(lambda: sent(outlet) == chain(ledger))
            asked = node.asked("getBlock")
            for _ in range(5):
                pay(issue)
                ledger.produce()
                await until(lambda: sent(outlet) == chain(ledger))
            assert node.asked("getBlock") == asked
    assert len(signatures(outlet)) == 3 + 5


async def test_with_mentions_only_what_names_the_mint_is_fetched(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    async with collecting(source(node, collect="mentions"), [issue.address], outlet):
        for _ in range(12):
            ledger.produce()
        pay(issue)
        block = ledger.produce()
        for _ in range(12):
            ledger.produce()
        await until(lambda: block.slot in slots(outlet))
    assert set(named(block)) <= set(signatures(outlet))
    assert len(slots(outlet)) < len(ledger.blocks) / 2
    assert slots(outlet) == sorted(set(slots(outlet)))


async def test_a_second_run_goes_on_behind_the_first(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    async with collecting(source(node), [issue.address], outlet):
        await until(lambda: sent(outlet) == chain(ledger))
    for number in range(200):
        if number % 50 == 0:
            pay(issue)
        ledger.produce(skip=number % 3)
    again = outlet.reopened()
    async with collecting(source(node), [issue.address], again):
        await until(lambda: sent(again) == chain(ledger))
    assert gaps(again) == []
    assert forks(again) == []


@pytest.mark.parametrize("pushed", [False, True])
async def test_a_fork_is_told_with_what_it_orphaned(
    ledger: SolanaLedger, issue: Issue, pushed: bool
) -> None:
    outlet = ListOutlet()
    with SolanaNode(ledger, block_subscribe=pushed) as node:
        async with collecting(source(node), [issue.address], outlet):
            for _ in range(3):
                pay(issue)
                ledger.produce()
            await until(lambda: sent(outlet) == chain(ledger))
            before = ledger.blocks[ledger.confirmed - 2]
            left = ledger.fork(2)
            await until(lambda: newest(outlet) == ledger.confirmed)
    (notice,) = forks(outlet)
    assert (notice.common.number, notice.common.hash) == (before.slot, before.hash)
    assert notice.orphaned == [block.hash for block in left]
    assert notice.depth_known
    assert notice.timestamp == before.time
    at = [frame.kind for frame in outlet.frames].index("reorganisation")
    new = [frame.position for frame in outlet.frames[at + 1 :]]
    assert new == [one for one in chain(ledger) if int(one.split(":")[0]) > before.slot]
    # What came again in the new branch is sent again.
    assert set(named(left[0])) <= set(signatures(outlet)[-2:])


async def test_a_fork_while_the_collector_was_away_is_told(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    for _ in range(4):
        ledger.produce()
    async with collecting(source(node), [issue.address], outlet):
        await until(lambda: sent(outlet) == chain(ledger))
    left = ledger.fork(3, more=5)
    again = outlet.reopened()
    async with collecting(source(node), [issue.address], again):
        await until(lambda: newest(again) == ledger.confirmed)
    (notice,) = forks(again)
    assert notice.orphaned == [block.hash for block in left]
    assert gaps(again) == []


async def test_a_fork_deeper_than_is_known_says_so(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    for _ in range(9):
        ledger.produce()
    outlet = ListOutlet()
    async with collecting(source(node, reorganisation_depth=3), [issue.address], outlet):
        await until(lambda: sent(outlet) == chain(ledger))
        ledger.fork(6, more=3)
        await until(lambda: newest(outlet) == ledger.confirmed)
    (notice,) = forks(outlet)
    assert not notice.depth_known
    assert notice.common.number < notice.old.number


async def test_with_mentions_a_fork_is_told_too(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    async with collecting(source(node, collect="mentions"), [issue.address], outlet):
        pay(issue)
        block = ledger.produce()
        for _ in range(6):
            ledger.produce()
        await until(lambda: block.slot in slots(outlet))
        ledger.fork(7, more=8)
        again = min(slot for slot in ledger.blocks if slot > block.slot - 1)
        await until(lambda: again in slots(outlet)[-5:] and forks(outlet) != [])
    assert block.hash in forks(outlet)[0].orphaned
    assert signatures(outlet).count(named(block)[0]) == 2


async def test_what_is_finalized_is_told(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    config = source(node, finality_every=50 * MILLISECOND)
    async with collecting(config, [issue.address], outlet):
        for _ in range(4):
            ledger.produce()
        final = ledger.confirmed - 2
        ledger.finalize(final)
        await until(lambda: bool(finalities(outlet)) and finalities(outlet)[-1].safe is not None)
        await until(lambda: _final(outlet) == final)
    notice = finalities(outlet)[-1]
    assert notice.finalized is not None
    assert notice.finalized.hash == ledger.blocks[final].hash
    assert notice.newest.number == ledger.confirmed


def _final(outlet: ListOutlet) -> int:
    notice = finalities(outlet)[-1]
    return -1 if notice.finalized is None else notice.finalized.number


async def test_a_confirmed_block_that_is_not_in_the_finalized_chain_is_orphaned(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    """With mentions no block says what its parent is: only finality shows it."""
    outlet = ListOutlet()
    config = source(node, finality_every=50 * MILLISECOND)
    async with collecting(config, [issue.address], outlet):
        for _ in range(3):
            ledger.produce()
        await until(lambda: newest(outlet) == ledger.confirmed)
        node.silent = True  # no slot is announced, so only finality is asked for
        left = ledger.fork(2)
        ledger.finalize()
        await until(lambda: bool(forks(outlet)))
    assert forks(outlet)[0].orphaned == [block.hash for block in left]


async def test_another_endpoint_takes_over(ledger: SolanaLedger, issue: Issue) -> None:
    outlet = ListOutlet()
    with SolanaNode(ledger) as first, SolanaNode(ledger) as second:
        async with collecting(source(first, second), [issue.address], outlet):
            await until(lambda: sent(outlet) == chain(ledger))
            first.go_down()
            pay(issue)
            ledger.produce()
            await until(lambda: sent(outlet) == chain(ledger))
            assert second.asked("getBlock") > 0
    assert outlet.state.reconnects >= 1


async def test_a_broken_link_loses_nothing(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    async with collecting(source(node), [issue.address], outlet):
        for _ in range(6):
            pay(issue)
            ledger.produce()
            node.break_links()
        await until(lambda: sent(outlet) == chain(ledger))


async def test_slots_that_are_not_announced_are_asked_for(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    quick = type(QUICK)(initial=QUICK.initial, maximum=QUICK.maximum, stale_after=SECOND)
    async with collecting(source(node, reconnection=quick), [issue.address], outlet):
        await until(lambda: sent(outlet) == chain(ledger))
        node.silent = True
        pay(issue)
        ledger.produce()
        await until(lambda: sent(outlet) == chain(ledger))


async def test_a_node_whose_slots_stand_still_is_given_up(
    ledger: SolanaLedger, issue: Issue
) -> None:
    outlet = ListOutlet()
    quick = type(QUICK)(initial=QUICK.initial, maximum=QUICK.maximum, stale_after=SECOND // 2)
    stopped = SolanaLedger()
    stopped.genesis = ledger.genesis
    with SolanaNode(stopped) as first, SolanaNode(ledger) as second:
        config = source(first, second, reconnection=quick)
        async with collecting(config, [issue.address], outlet):
            await until(lambda: sent(outlet) == chain(ledger))
            assert outlet.state.reconnects >= 1


async def test_a_node_that_is_asked_too_often_is_asked_again(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    async with collecting(source(node), [issue.address], outlet):
        await until(lambda: sent(outlet) == chain(ledger))
        node.throttle(3)
        pay(issue)
        ledger.produce()
        await until(lambda: sent(outlet) == chain(ledger))
    assert outlet.state.reconnects == 0


async def test_a_block_that_comes_late_at_the_node_is_waited_for(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    async with collecting(source(node), [issue.address], outlet):
        await until(lambda: sent(outlet) == chain(ledger))
        node.late[ledger.confirmed + 1] = 3
        pay(issue)
        ledger.produce()
        await until(lambda: sent(outlet) == chain(ledger))
    assert outlet.state.reconnects == 0


async def test_history_that_no_node_has_any_more_is_a_gap(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    async with collecting(source(node), [issue.address], outlet):
        await until(lambda: sent(outlet) == chain(ledger))
    last = ledger.confirmed
    for _ in range(40):
        ledger.produce()
    node.history_from = ledger.confirmed - 10
    again = outlet.reopened()
    async with collecting(source(node), [issue.address], again):
        await until(lambda: newest(again) == ledger.confirmed, seconds=40)
    (gap,) = gaps(again)
    assert (gap.expected, gap.received) == (last + 1, node.history_from)
    assert "no endpoint has the blocks" in gap.reason
    assert slots(again)[-11:] == list(range(node.history_from, ledger.confirmed + 1))
    third = outlet.reopened()
    ledger.produce()
    async with collecting(source(node), [issue.address], third):
        await until(lambda: newest(third) == ledger.confirmed)
    assert len(gaps(third)) == 1


async def test_with_mentions_lost_history_is_a_gap_too(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    outlet = ListOutlet()
    for _ in range(6):
        ledger.produce()
    config = source(node, collect="mentions")
    async with collecting(config, [issue.address], outlet):
        await until(lambda: bool(slots(outlet)))
    last = slots(outlet)[-1]
    for _ in range(40):
        ledger.produce()
    node.history_from = ledger.confirmed - 20
    again = outlet.reopened()
    async with collecting(config, [issue.address], again):
        await until(lambda: (newest(again) or 0) >= node.history_from, seconds=40)
    (gap,) = gaps(again)
    assert gap.expected == last + 1
    assert (gap.received or 0) >= node.history_from


def followed(frames: list[Frame]) -> list[str]:
    """What a reader of the frames takes for the chain: blocks, less what forks took back."""
    kept: list[str] = []
    for frame in frames:
        if frame.kind == "reorganisation":
            common = msgspec.json.decode(frame.payload, type=ReorganisationNotice).common.number
            kept = [one for one in kept if int(one.split(":")[0]) <= common]
        elif frame.kind == "message":
            kept.append(":".join(frame.position.split(":")[:2]))
    return kept


def go_on(ledger: SolanaLedger, frames: list[Frame]) -> None:
    """A fork may leave a chain that ends before what was seen of the other one; chains go on."""
    seen = max((int(one.split(":")[0]) for one in followed(frames)), default=0)
    while max(ledger.blocks) < seen:
        ledger.produce()


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_what_stands_in_the_end_is_the_chain(
    ledger: SolanaLedger, issue: Issue, seed: int
) -> None:
    """Blocks, skipped slots, forks, broken links, nodes that come and go, and restarts."""
    chance = random.Random(seed)
    outlet = ListOutlet()
    frames = outlet.frames  # of all runs
    with (
        SolanaNode(ledger, block_subscribe=chance.random() < 0.5) as first,
        SolanaNode(ledger) as second,
    ):
        config = source(first, second, finality_every=30 * MILLISECOND)
        for _ in range(3):  # runs
            async with collecting(config, [issue.address], outlet):
                for _ in range(12):
                    match chance.choice(("pay", "pay", "skip", "fork", "break", "down", "wait")):
                        case "pay":
                            pay(issue)
                            ledger.produce()
                        case "skip":
                            ledger.produce(skip=chance.randrange(1, 4))
                        case "fork":
                            free = sum(slot > ledger.finalized for slot in ledger.blocks)
                            if free:
                                ledger.fork(chance.randrange(1, min(free, 6) + 1))
                        case "break":
                            first.break_links()
                            second.break_links()
                        case "down":
                            first.go_down()
                            ledger.produce()
                            await asyncio.sleep(0.05)
                            first.come_back()
                        case _:
                            await asyncio.sleep(0.1)
                    if chance.random() < 0.1:
                        ledger.finalize(max(ledger.finalized, sorted(ledger.blocks)[-3:][0]))
                if chance.random() < 0.5:
                    go_on(ledger, frames)
                    ledger.produce()
                    await until(lambda: followed(frames)[-1:] == chain(ledger)[-1:])
            outlet = outlet.reopened()
            go_on(ledger, frames)
            ledger.produce()  # while it is away
        async with collecting(config, [issue.address], outlet):
            await until(lambda: followed(frames) == chain(ledger), seconds=30)
    assert gaps(outlet) == []
    assert outlet.letters == []
    positions = [frame.position for frame in frames]
    assert len(positions) == len(set(positions))


async def test_a_block_that_fits_no_message_is_a_dead_letter_and_a_gap(
    ledger: SolanaLedger, node: SolanaNode, issue: Issue
) -> None:
    for _ in range(30):
        pay(issue)
    large = ledger.produce()
    ledger.produce()
    outlet = ListOutlet()
    async with collecting(source(node, max_frame=40_000), [issue.address], outlet):
        await until(lambda: newest(outlet) == ledger.confirmed)
    (letter,) = outlet.letters
    assert letter.position == f"{large.slot}:{large.hash}"
    assert letter.protocol == "solana"
    (gap,) = gaps(outlet)
    assert gap.expected == large.slot
    assert large.slot not in slots(outlet)


async def test_a_node_of_another_cluster_is_refused(ledger: SolanaLedger, node: SolanaNode) -> None:
    config = source(node, chain="solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
    with pytest.raises(SourceMisconfigured, match="5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"):
        async with collecting(config, [], ListOutlet()) as task:
            await task


async def test_a_stream_of_another_chain_is_refused(node: SolanaNode) -> None:
    outlet = ListOutlet()
    outlet.frames = [Frame("not-a-position", 1, b"{}")]
    with pytest.raises(SourceMisconfigured, match="another name"):
        async with collecting(source(node), [], outlet) as task:
            await task


def test_a_watched_mint_is_not_the_beginning_of_another_address() -> None:
    mint = address(ALICE)
    longer = Raw(b'{"blockhash":"h","previousBlockhash":"p","parentSlot":1,"transactions":'
                 b'[{"a":"' + mint.encode() + b'x"},{"a":"' + mint.encode() + b'"}]}')  # fmt: skip
    part = MentionFilter([mint]).read(2, longer)
    assert [one.index for one in part.transactions] == [1]
    assert part.mints == {mint}
