"""Nodes that lack state, take no batches, take no hashes, are slow, or break: no block is lost."""

import asyncio
import time
from collections.abc import Callable

import pytest

from collectors.connection import LinkLost
from collectors.evm.blocks import BlockHash
from collectors.evm.rpc import RpcClient
from collectors.evm.state_calls import Answer, AnswerCache, Call, Place, StateReader
from demo.chain.anvil import Anvil
from demo.chain.trex import SecurityToken
from pipeline.config.checks import RestrictionChecks
from pipeline.units import MILLISECOND
from tests.collectors.checked_transfers import (
    Transfer,
    asked,
    events_of,
    frames_of,
    height,
    only,
    transfers,
    trex,
)
from tests.collectors.evm_session import canonical, collecting, numbers, positions, source
from tests.collectors.linked import linked
from tests.collectors.list_outlet import ListOutlet
from tests.collectors.provider import Provider
from tests.fixtures.chain import HOLDERS, UNREGISTERED
from tests.fixtures.waiting import until

pytestmark = [pytest.mark.chain, pytest.mark.usefixtures("undone")]
BLOCKS = 6


@pytest.fixture
def heights(security_token: SecurityToken) -> list[int]:
    """Of six blocks with a transfer each; there may be empty ones between."""
    token, accounts = security_token, security_token.ledger.accounts
    found: list[int] = []
    for _ in range(BLOCKS):
        sent = token.transfer(accounts[HOLDERS[0]], accounts[HOLDERS[1]], token.units(1))
        found += [receipt.height for receipt in token.ledger.settle([sent])]
    return found


async def told(
    token: SecurityToken, provider: Provider, first: int, **checks: object
) -> list[Transfer]:
    settings = RestrictionChecks(**checks)  # type: ignore[arg-type]
    node = token.ledger.node
    found = await transfers(node, trex(token), first, url=provider.url, checks=settings)
    assert len(found) == BLOCKS
    return found


async def test_state_that_a_node_has_pruned_is_told_and_asked_for_once_a_block(
    anvil: Anvil, security_token: SecurityToken, heights: list[int]
) -> None:
    async with Provider(anvil) as provider:
        provider.state_since = heights[-2]
        found = await told(security_token, provider, heights[0])
        refused = provider.refused["eth_call"]
    # The last but one has the state behind it, but not that before it.
    states = [event.check_state for event in found]
    assert states == ["unavailable"] * 4 + ["partial", "complete"]
    assert found[0].check_destination_verified is found[0].check_source_balance is None
    assert "compliance:unavailable" in found[4].check_missing
    assert found[4].check_source_balance is not None
    assert found[4].check_destination_verified is None
    calls = 12
    assert refused < BLOCKS * calls


async def test_anvil_that_keeps_few_states_says_so_in_its_own_words(
    start_anvil: Callable[..., Anvil],
) -> None:
    class Forgetful(Anvil):
        def _arguments(self) -> list[str]:
            return [*super()._arguments(), "--prune-history", "3"]

    with Forgetful() as node:
        block = node.rpc("eth_getBlockByNumber", "0x0", False)
        for _ in range(10):
            node.mine()
        newest = node.rpc("eth_getBlockByNumber", "latest", False)
        # The identity precompile gives back what it is given.
        call = Call("0x" + "04".rjust(40, "0"), "0x" + "01".rjust(64, "0"))
        async with linked(node.ws_url) as link, RpcClient(link, timeout=5) as rpc:
            reader = StateReader(rpc, AnswerCache(), batch=10)
            answers: dict[Call, Answer] = {}
            await reader.ask(Place(0, BlockHash(block["hash"])), [call], answers)
            assert answers[call] == Answer(failure="unavailable")
            await reader.ask(Place(10, BlockHash(newest["hash"])), [call], answers)
            assert answers[call].output == "0x" + "01".rjust(64, "0")


async def test_no_more_calls_are_made_about_a_block_than_the_limit(
    anvil: Anvil, security_token: SecurityToken, heights: list[int]
) -> None:
    async with Provider(anvil) as provider:
        found = await told(security_token, provider, heights[0], calls_per_block=4)
        assert provider.asked["eth_call"] == 4 * BLOCKS
    for event in found:
        assert event.check_state == "partial"
        # What permits a transfer is asked first.
        assert event.check_destination_verified is event.check_compliance_allows is True
        assert "supply:limit" in event.check_missing
        assert event.check_supply is None


@pytest.mark.parametrize("limit", ["largest_batch", "cut_batches"])
async def test_batches_become_as_small_as_the_node_takes_them(
    anvil: Anvil, security_token: SecurityToken, heights: list[int], limit: str
) -> None:
    async with Provider(anvil) as provider:
        setattr(provider, limit, 3)
        found = await told(security_token, provider, heights[0])
        assert provider.batches[0] > 3
        assert provider.batches[-1] <= 3
    assert {event.check_state for event in found} == {"complete"}


async def test_a_node_without_batches_is_asked_singly(
    anvil: Anvil, security_token: SecurityToken, heights: list[int]
) -> None:
    async with Provider(anvil) as provider:
        found = await told(security_token, provider, heights[0], batch=1)
        assert provider.batches == []
    assert {event.check_state for event in found} == {"complete"}


async def test_a_node_that_takes_no_hash_is_asked_by_number(
    anvil: Anvil, security_token: SecurityToken, heights: list[int]
) -> None:
    async with Provider(anvil) as provider:
        provider.by_number_only = True
        found = await told(security_token, provider, heights[0])
    assert {event.check_state for event in found} == {"complete"}
    balances = [int(str(event.check_source_balance)) for event in found]
    assert balances == sorted(balances, reverse=True)
    assert len(set(balances)) == BLOCKS


async def test_a_node_that_is_asked_too_often_is_asked_again(
    anvil: Anvil, security_token: SecurityToken, heights: list[int]
) -> None:
    async with Provider(anvil) as provider:
        provider.throttled_calls = 40
        found = await told(security_token, provider, heights[0])
    assert {event.check_state for event in found} == {"complete"}


async def test_a_slow_node_delays_no_block_beyond_the_time_and_is_left_alone_then(
    anvil: Anvil, security_token: SecurityToken, heights: list[int]
) -> None:
    async with Provider(anvil) as provider:
        provider.ignores_calls = True
        begin = time.monotonic()
        found = await told(security_token, provider, heights[0], timeout=300 * MILLISECOND)
        took = time.monotonic() - begin
        assert provider.asked["eth_call"]
    assert {event.check_state for event in found} == {"failed"}
    assert took < 5, "blocks wait for what isn't answered"


async def test_a_connection_that_breaks_under_the_questions_loses_no_block(
    anvil: Anvil, security_token: SecurityToken, heights: list[int]
) -> None:
    watched, reference = trex(security_token)
    outlet = ListOutlet()
    async with Provider(anvil) as provider:
        provider.breaks_on_calls = 2
        config = source(provider.url, start_block=heights[0])
        async with collecting(config, watched, outlet):
            await until(lambda: numbers(outlet.frames)[-1:] == [height(anvil)])
        assert len(provider.paths) == 3
    assert numbers(outlet.frames) == list(range(heights[0], height(anvil) + 1))
    found = events_of(outlet.frames, reference)
    assert {event.check_state for event in found} == {"complete"}


async def test_a_link_that_is_lost_for_good_is_told_to_whoever_asks(anvil: Anvil) -> None:
    async with Provider(anvil) as provider:
        provider.ignores_calls = True
        async with linked(provider.url) as link, RpcClient(link, timeout=20) as rpc:
            reader = StateReader(rpc, AnswerCache(), batch=10)
            newest = anvil.rpc("eth_getBlockByNumber", "latest", False)
            place = Place(int(newest["number"], 16), BlockHash(newest["hash"]))
            calls = [Call("0x" + "04".rjust(40, "0"), f"0x{one:064x}") for one in range(3)]
            asking = asyncio.create_task(reader.ask(place, calls, {}))
            await asyncio.sleep(0.05)
            await provider.drop_clients()
            with pytest.raises(LinkLost):
                await asking


async def test_after_a_reorganisation_the_new_block_has_its_own_answers(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token, accounts = security_token, security_token.ledger.accounts
    watched, reference = trex(token)
    start = height(anvil)
    outlet = ListOutlet()
    async with collecting(source(anvil.ws_url, start_block=start), watched, outlet):
        fork = anvil.rpc("evm_snapshot")
        holder = accounts[HOLDERS[0]]
        lost = token.transfer(holder, accounts[UNREGISTERED], token.units(1))
        (orphaned,) = token.ledger.receipts([lost])
        await until(lambda: positions(outlet.frames)[-1:] == canonical(anvil, height(anvil)))
        anvil.rpc("evm_revert", fork)
        anvil.rpc("anvil_dropAllTransactions")
        sent = token.transfer(holder, accounts[HOLDERS[1]], token.units(3))
        (kept,) = token.ledger.receipts([sent])
        while height(anvil) <= orphaned.height:  # a branch as long as another is no news
            anvil.mine()
        await until(lambda: positions(outlet.frames)[-1:] == canonical(anvil, height(anvil)))
    # The block before, of which the fork is one, may have a transfer of the setting up.
    found = [one for one in events_of(outlet.frames, reference) if one.block_number > start]
    refused, done = found
    assert (refused.block_number, done.block_number) == (orphaned.height, kept.height)
    assert refused.check_destination_verified is False
    assert done.check_destination_verified is True
    before, after = int(str(refused.check_source_balance)), int(str(done.check_source_balance))
    assert before - after == token.units(3)


async def test_by_number_another_branch_is_not_taken_for_this_one(anvil: Anvil) -> None:
    newest = anvil.rpc("eth_getBlockByNumber", "latest", False)
    number = int(newest["number"], 16)
    calls = [Call("0x" + "04".rjust(40, "0"), f"0x{one:064x}") for one in range(3)]
    async with Provider(anvil) as provider:
        provider.by_number_only = True
        async with linked(provider.url) as link, RpcClient(link, timeout=5) as rpc:
            reader = StateReader(rpc, AnswerCache(), batch=10)
            answers: dict[Call, Answer] = {}
            await reader.ask(Place(number, BlockHash("0x" + "ab" * 32)), calls, answers)
            assert set(answers.values()) == {Answer(failure="failed")}
            await reader.ask(Place(number, BlockHash(newest["hash"])), calls, answers)
            assert [answers[call].output for call in calls] == [call.data for call in calls]


async def test_the_state_behind_a_block_is_not_asked_for_again_before_the_next(
    anvil: Anvil, security_token: SecurityToken, heights: list[int]
) -> None:
    """What the last block's state answered is known: only that of the new block is new."""
    settings = only("supply", "frozen")
    watched, _ = trex(security_token)
    async with Provider(anvil) as provider:
        frames = await frames_of(anvil, provider.url, watched, heights[0], checks=settings)
        made = sum(len(calls) for calls, _ in asked(frames))
        assert provider.asked["eth_call"] <= made
    assert len(asked(frames)) == BLOCKS
