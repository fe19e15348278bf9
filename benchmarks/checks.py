"""What on-chain checks of transfers add beside the node's own answer.

    python -m benchmarks.checks                 blocks with 1, 10 and 40 transfers, 300 rounds each
    python -m benchmarks.checks --rounds 1000   more of them

A real node (anvil) with the real T-REX suite; twelve checks a transfer. *added* is the time of a
block's checks in which no finished request is on its way and no answer is waited for: before the
first, behind the last, and whatever lies between two rounds of questions.
The floor is the node's raw answer to the same calls, sent as finished bytes and read as bytes, in
the same run and in turn with the checks: the node's own pace varies by more than what is added.
*processor* is what the checks took of a core in our process, waiting or not: it is not longer where
the machine has other work to do.
"""

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from collectors.connection import Link
from collectors.evm.blocks import Block, Header, Log, read_block, read_logs
from collectors.evm.checks import RestrictionChecker
from collectors.evm.rpc import RpcClient
from collectors.evm.state_calls import AnswerCache
from demo.chain.anvil import Anvil, AnvilOptions
from demo.chain.ledger import Ledger
from demo.chain.trex import Holder, SecurityToken, SuiteRoles, TokenTerms
from demo.chain.trex_suite import deploy_security_token
from pipeline.config.checks import RestrictionChecks
from pipeline.evm_payload import StateCall
from tests.collectors.checked_transfers import deploy_yes, trex
from tests.collectors.linked import linked

#: What the issue asks for, in seconds.
WANTED = 0.005
_HOLDERS = 36
_TIMEOUT = 30.0
_WIDTH = 132


class Timed(Struct):
    """When requests left and answers came, by ``time.perf_counter``."""

    sent: list[float]
    received: list[float]

    def waited(self) -> float:
        """Seconds in which something that was sent, or being sent, was not yet answered."""
        marks = sorted([(at, 1) for at in self.sent] + [(at, -1) for at in self.received])
        total, under_way, since = 0.0, 0, 0.0
        for at, change in marks:
            if under_way == 0:
                since = at
            under_way += change
            if under_way == 0:
                total += at - since
        return total


class TimedLink:
    """A link that notes when something leaves and comes."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.times = Timed([], [])
        self.endpoint = link.endpoint
        self.scrub = link.scrub

    async def send(self, data: bytes | str) -> None:
        """Send; the time is that before it, as of the floor."""
        self.times.sent.append(time.perf_counter())
        await self._link.send(data)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._link.receive()
            self.times.received.append(time.perf_counter())
            yield message

    async def close(self) -> None:
        """Close the link."""
        await self._link.close()


class Sample(Struct):
    """One block's checks, in seconds."""

    whole: float
    added: float
    floor: float
    processor: float
    calls: int


class Scene(Struct):
    """Blocks of one kind."""

    name: str
    heights: list[int]


def main() -> int:
    """Measure and print the table; 1 where the target is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=300, help="measurements of each kind")
    options.add_argument("--blocks", type=int, default=12, help="different blocks of each kind")
    chosen = options.parse_args()
    with Anvil(AnvilOptions(mining="manual", accounts=48)) as node:
        token, scenes = _chain(node, chosen.blocks)
        # What set the chain up is no part of a collector: its garbage is not to be counted.
        gc.collect()
        gc.freeze()
        table, worst = asyncio.run(_measure(node, token, scenes, chosen.rounds))
    # Wide enough for all columns, also where the output goes into a file.
    Console(width=_WIDTH).print(table)
    return 0 if worst <= WANTED else 1


def _chain(node: Anvil, blocks: int) -> tuple[SecurityToken, list[Scene]]:
    ledger = Ledger(node)
    accounts = ledger.accounts
    token = deploy_security_token(
        ledger,
        SuiteRoles(issuer=accounts[0], agent=accounts[1], verifier=accounts[2]),
        TokenTerms(
            name="Measured Share",
            symbol="MSR",
            decimals=6,
            allowed_countries=("US", "DE"),
            max_balance=900_000,
            supply_limit=9_000_000,
        ),
    )
    holders = [Holder(address=one, country="US") for one in accounts[3 : 3 + _HOLDERS]]
    token.onboard(holders)
    ledger.settle([token.mint([(one.address, token.units(100_000)) for one in holders])])
    wallets = [one.address for one in holders]
    scenes = [
        Scene(
            f"{count} in a block", [_block(token, wallets, wallets, count) for _ in range(blocks)]
        )
        for count in (1, 10, 40)
    ]
    # The registries that are known forbid what these let through: all is asked a second time.
    yes, issuer = deploy_yes(ledger), accounts[0]
    ledger.settle(
        [
            ledger.send(token.token, "setIdentityRegistry", yes, sender=issuer),
            ledger.send(token.token, "setCompliance", yes, sender=issuer),
            ledger.send(token.compliance, "bindToken", token.address, sender=issuer),
        ]
    )
    strangers = list(accounts[40:44])
    heights = [_block(token, wallets, strangers, 10) for _ in range(blocks)]
    scenes.append(Scene("10 that were not permitted", heights))
    return token, scenes


def _block(
    token: SecurityToken, sources: Sequence[str], destinations: Sequence[str], count: int
) -> int:
    hashes = [
        token.transfer(
            sources[at % len(sources)], destinations[(at + 1) % len(destinations)], 1 + at
        )
        for at in range(count)
    ]
    heights = {one.height for one in token.ledger.settle(hashes)}
    assert len(heights) == 1
    return heights.pop()


async def _measure(
    node: Anvil, token: SecurityToken, scenes: Sequence[Scene], rounds: int
) -> tuple[Table, float]:
    table = Table(title=f"Checks of transfers; added at p99 at most {WANTED * 1e3:g} ms")
    for name in ("transfers", "calls"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("floor", "checks", "added", "processor"):
        for share in ("p50", "p99"):
            table.add_column(f"{name}\n{share} ms", justify="right", no_wrap=True)
    worst = 0.0
    for scene in scenes:
        samples = [
            await _sample(
                node, token, scene.heights[at % len(scene.heights)], checks_first=at % 2 == 0
            )
            for at in range(rounds)
        ]
        added = _at([one.added for one in samples], 0.99)
        worst = max(worst, added)
        table.add_row(
            scene.name,
            f"{statistics.mean(one.calls for one in samples):.0f}",
            *(
                f"{_at([getattr(one, name) for one in samples], share) * 1e3:.2f}"
                for name in ("floor", "whole", "added", "processor")
                for share in (0.5, 0.99)
            ),
        )
    return table, worst


async def _sample(node: Anvil, token: SecurityToken, height: int, *, checks_first: bool) -> Sample:
    """The checks of one block, and the node's raw answers to the same calls, in either order."""
    watched, _ = trex(token)
    block, logs = _fetched(node, height, watched.addresses)
    settings = RestrictionChecks()
    calls: list[StateCall] = []
    whole = added = floor = processor = 0.0
    async with linked(node.ws_url) as link:
        timed = TimedLink(link)
        async with RpcClient(timed, timeout=_TIMEOUT) as rpc:  # type: ignore[arg-type]
            # Once for the connection and the caches of both sides, which a running collector has.
            for counts in (False, True):
                checker = RestrictionChecker(rpc, watched, settings, AnswerCache(), "measured")
                if counts and not checks_first:
                    floor = await _floor(node, calls, block.header, settings.batch)
                timed.times = Timed([], [])
                begin, busy = time.perf_counter(), time.process_time()
                found = await checker.check(block.header, block.transactions, logs, [])
                whole = time.perf_counter() - begin
                processor = time.process_time() - busy
                added = whole - timed.times.waited()
                calls = found.calls
                assert all(one.output for one in calls)
                if counts and checks_first:
                    floor = await _floor(node, calls, block.header, settings.batch)
    return Sample(whole, added, floor, processor, len(calls))


def _fetched(node: Anvil, height: int, addresses: frozenset[str]) -> tuple[Block, list[Log]]:
    def raw(result: object) -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(result))

    block = read_block(raw(node.rpc("eth_getBlockByNumber", hex(height), True)))
    chosen = {"blockHash": block.header.hash, "address": sorted(addresses)}
    return block, read_logs(raw(node.rpc("eth_getLogs", chosen)))


async def _floor(node: Anvil, calls: Sequence[StateCall], header: Header, batch: int) -> float:
    """The node's raw answers to the same calls, in batches of the same size, all sent at once."""
    messages = [
        msgspec.json.encode(
            [
                {
                    "jsonrpc": "2.0",
                    "id": at,
                    "method": "eth_call",
                    "params": [
                        {"to": one.to, "data": one.data},
                        {"blockHash": header.hash if state == "after" else header.parent},
                    ],
                }
                for at, one in enumerate(mine[start : start + batch])
            ]
        )
        for state in ("before", "after")
        if (mine := [one for one in calls if one.state == state])
        for start in range(0, len(mine), batch)
    ]
    async with linked(node.ws_url) as link:
        for _ in range(2):
            begin = time.perf_counter()
            for message in messages:
                await link.send(message)
            for _ in messages:
                await link.receive()
            took = time.perf_counter() - begin
    return took


def _at(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


if __name__ == "__main__":
    sys.exit(main())
