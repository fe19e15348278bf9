"""The subgraph's collector: each entity once, through pages, forks, faults and restarts."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from collectors.connection import SourceMisconfigured
from collectors.subgraph.check import check_subgraph
from collectors.subgraph.collector import SubgraphCollector
from pipeline.chain_notices import ReorganisationNotice
from pipeline.frames import Frame
from pipeline.secrets import SecretText
from tests.collectors.frames_outlet import FramesOutlet
from tests.collectors.subgraph_session import (
    OTHER,
    POOL,
    collecting,
    entities,
    outlet,
    payload,
    source,
    swap,
    transaction,
)
from tests.fixtures.waiting import until
from tests.servers.subgraph import SubgraphServer


@pytest.fixture
def server() -> Iterator[SubgraphServer]:
    with SubgraphServer() as running:
        running.extend()
        yield running


def trade(server: SubgraphServer, *numbers: int, **more: Any) -> list[str]:
    """Swaps in a block of their own; their ids."""
    block = server.extend()
    made = [swap(number, block, **more) for number in numbers]
    for one in made:
        server.put("swaps", one)
    return [str(one["id"]) for one in made]


async def test_what_is_there_and_what_comes_is_read_once(server: SubgraphServer) -> None:
    first = trade(server, 1, 2)
    trade(server, 3, pool=OTHER)  # nobody asked for this pool
    taken = outlet()
    async with collecting(source(server), taken):
        await until(lambda: entities(taken.frames) == first, "what was there")
        later = trade(server, 4) + trade(server, 5)
        await until(lambda: len(entities(taken.frames)) == 4, "what came")
    assert entities(taken.frames) == first + later
    newest = payload(taken.frames[-1]).block
    assert (newest.number, newest.hash) == (server.head.number, server.head.hash)
    assert taken.state.connection == "stopped"
    assert taken.state.frames == len(taken.frames)


async def test_more_than_a_page_is_read_by_ids_and_without_skip(server: SubgraphServer) -> None:
    ids = trade(server, *range(1, 26))
    taken = outlet()
    async with collecting(source(server, page=10), taken):
        await until(lambda: len(taken.frames) == 1, "one frame for the stretch")
    assert entities(taken.frames) == sorted(ids)
    assert server.asked["swaps"] == 3
    assert server.refused == []


async def test_a_long_past_is_read_in_stretches(server: SubgraphServer) -> None:
    ids = [one for number in range(1, 60) for one in trade(server, number)]
    taken = outlet()
    async with collecting(source(server, window=10, reorganisation_depth=20), taken):
        await until(lambda: len(entities(taken.frames)) == 59, "all of the past")
    assert sorted(entities(taken.frames)) == sorted(ids)
    blocks = [payload(frame).block for frame in taken.frames]
    assert [one.number for one in blocks] == [10, 20, 30, 40, 60]
    # Of a block by its number the subgraph tells neither hash nor time.
    assert [one.hash is None for one in blocks] == [True, True, True, True, False]


async def test_a_first_run_begins_at_the_head_and_a_restart_behind_the_last_frame(
    server: SubgraphServer,
) -> None:
    trade(server, 1)
    taken = outlet()
    config = source(server, start_block="latest")
    async with collecting(config, taken):
        await until(lambda: len(taken.frames) == 1, "where it begins")
    assert entities(taken.frames) == []
    missed = trade(server, 2)
    async with collecting(config, taken):
        await until(lambda: len(taken.frames) == 2, "what came meanwhile")
    assert entities(taken.frames) == missed
    assert payload(taken.frames[1]).after == payload(taken.frames[0]).block.number


def notice(frame: Frame) -> ReorganisationNotice:
    return msgspec.json.decode(frame.payload, type=ReorganisationNotice)


@pytest.mark.parametrize("restarted", [False, True])
async def test_after_a_fork_it_reads_again_from_the_last_common_block(
    server: SubgraphServer, restarted: bool
) -> None:
    taken = outlet()
    common = None
    async with collecting(source(server), taken):
        for number in (1, 2, 3):
            (made,) = trade(server, number)
            await until(lambda: made in entities(taken.frames), "each by itself")  # noqa: B023
            common = common or server.head
        if not restarted:
            server.reorganise(2)
            (again,) = trade(server, 9)
            await until(lambda: again in entities(taken.frames), "the new branch")
    if restarted:
        server.reorganise(2)
        (again,) = trade(server, 9)
        async with collecting(source(server), taken):
            await until(lambda: again in entities(taken.frames), "the new branch")
    assert common is not None
    (fork,) = [frame for frame in taken.frames if frame.kind == "reorganisation"]
    told = notice(fork)
    assert (told.common.number, told.common.hash) == (common.number, common.hash)
    assert (told.depth_known, told.old.number) == (True, common.number + 2)
    assert len(told.orphaned) == 2
    behind = taken.frames[taken.frames.index(fork) + 1]
    assert payload(behind).after == common.number
    assert entities(taken.frames)[-1] == again


async def test_a_fork_below_all_that_is_known_says_so(server: SubgraphServer) -> None:
    trade(server, 1)
    trade(server, 2)
    taken = outlet()
    async with collecting(source(server), taken):
        await until(lambda: len(entities(taken.frames)) == 2, "both")
        server.reorganise(2)
        (again,) = trade(server, 7)
        await until(lambda: again in entities(taken.frames), "the new branch")
    (fork,) = [frame for frame in taken.frames if frame.kind == "reorganisation"]
    assert notice(fork).depth_known is False
    assert notice(fork).common.number == 2


async def test_a_server_that_is_behind_is_no_fork(server: SubgraphServer) -> None:
    """A gateway asks one indexer now and another then."""
    trade(server, 1)
    taken = outlet()
    async with collecting(source(server), taken):
        await until(lambda: len(entities(taken.frames)) == 1, "the first")
        looks = server.asked["_meta"]
        server.behind = 1
        # It doesn't know the newest hash yet; that alone must not be taken for a fork.
        await until(lambda: server.asked["_meta"] > looks + 10, "some looks")
        server.behind = 0
        (later,) = trade(server, 2)
        await until(lambda: later in entities(taken.frames), "what came")
    assert [frame.kind for frame in taken.frames if frame.kind == "reorganisation"] == []


async def test_an_entity_that_changes_later_is_sent_again_and_known_by_its_block(
    server: SubgraphServer,
) -> None:
    (first,) = trade(server, 1)
    taken = outlet()
    async with collecting(source(server), taken):
        await until(lambda: entities(taken.frames) == [first], "the first")
        block = server.head
        server.extend()
        server.put("swaps", swap(1, block, amountUSD="100.30"))
        await until(lambda: entities(taken.frames) == [first, first], "the second version")
    assert payload(taken.frames[-1]).after == block.number


async def test_limits_faults_and_a_gateways_pages_are_borne(server: SubgraphServer) -> None:
    (first,) = trade(server, 1)
    server.busy, taken = 2, outlet()
    async with collecting(source(server), taken):
        await until(lambda: entities(taken.frames) == [first], "in spite of 429")
        server.broken = 3
        (second,) = trade(server, 2)
        await until(lambda: second in entities(taken.frames), "in spite of HTML")
    assert entities(taken.frames) == [first, second]


async def test_a_subgraph_that_met_errors_is_not_believed(server: SubgraphServer) -> None:
    trade(server, 1)
    server.failed, taken = True, outlet()
    async with collecting(source(server), taken):
        await until(lambda: "met errors" in taken.state.trouble, "what is wrong")
        assert taken.frames == []
        assert taken.state.connection == "reconnecting"
        server.failed = False
        await until(lambda: len(taken.frames) == 1, "well again")


async def test_a_query_that_is_refused_is_told_in_the_subgraphs_words(
    server: SubgraphServer,
) -> None:
    trade(server, 1)
    taken = outlet()
    # The server has Uniswap's schema: Curve's entities aren't in it.
    async with collecting(source(server, schema="messari-dex"), taken):
        await until(lambda: "refused the query" in taken.state.trouble, "the refusal")
    assert "Cannot query field" in taken.state.trouble
    assert taken.frames == []


async def test_the_key_is_sent_and_never_shown(server: SubgraphServer) -> None:
    server.key = "secret-of-the-gateway"
    trade(server, 1)
    taken = outlet()
    async with collecting(source(server, api_key=SecretText("wrong-key")), taken):
        await until(lambda: "HTTP 401" in taken.state.trouble, "the wrong key")
        assert "wrong-key" not in taken.state.trouble
    async with collecting(source(server, api_key=SecretText(server.key)), taken):
        await until(lambda: len(taken.frames) == 1, "the right key")
        assert server.key not in taken.state.endpoint


async def test_a_stretch_with_too_much_is_made_smaller(
    server: SubgraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.subgraph.reading.MOST_ENTITIES", 15)
    for number in range(40):
        trade(server, number)
    taken = outlet()
    async with collecting(source(server, page=5, reorganisation_depth=1), taken):
        await until(lambda: len(entities(taken.frames)) == 40, "all of them")
    assert max(sum(map(len, payload(one).entities.values())) for one in taken.frames) <= 20


async def test_nothing_to_read_is_a_mistake_of_the_configuration(server: SubgraphServer) -> None:
    with pytest.raises(SourceMisconfigured, match="no pool to read"):
        await SubgraphCollector(source(server), frozenset(), outlet()).run()


async def test_a_stream_of_another_protocol_is_not_continued(server: SubgraphServer) -> None:
    taken = FramesOutlet("subgraph", "graph")
    taken.frames.append(Frame("BTC-USD/123", 1, b"{}"))
    with pytest.raises(SourceMisconfigured, match="none of a subgraph"):
        await SubgraphCollector(source(server), frozenset({POOL}), taken).run()


async def test_the_doctor_asks_how_far_it_has_come(server: SubgraphServer) -> None:
    (finding,) = [await check_subgraph(source(server))]
    assert finding.level == "warning"  # its blocks are of 2023
    assert "block 1" in finding.message
    server.failed = True
    assert (await check_subgraph(source(server))).level == "error"
    assert transaction(1) not in finding.message
