"""Both of the demo's worlds through the real normalizer and the real rules, without a bus.

What the stages of `tapewatch run` do with frames happens here in one process, so that a test of
what comes out of a session needs no server but, for the chain's part, the node.
"""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from demo.ground_truth import GroundTruth, ground_truth
from demo.venue import facts as venue_facts
from demo.venue import scenario as venue_scenario
from demo.venue.clock import SimulatedClock
from demo.venue.exchange import Exchange
from demo.venue.feed import execution_frames
from demo.workspace import VENUE
from detections.engine.engine import Engine
from normalizer.events import Alert, Record
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import Frame, FrameBatch
from pipeline.units import MILLISECOND, SECOND
from tests.fixtures.shipped_rules import shipped_rules

if TYPE_CHECKING:
    from tests.fixtures.chain import PlayedScenario

START = 1_800_000_000 * SECOND


class WatchedSession(msgspec.Struct):
    """What a session leaves: events in the order of the stream, alerts, and what was played."""

    events: list[Record]
    alerts: list[Alert]
    truth: GroundTruth


def play_venue(start: int = START) -> tuple[list[Frame], venue_scenario.Session]:
    """The venue's session as the frames that its `full` channel sends to an operator."""
    clock = SimulatedClock(start)
    exchange = Exchange([venue_facts.PRODUCT], clock=clock)
    frames: list[Frame] = []
    empty = b'{"sequence":0,"bids":[],"asks":[]}'
    frames.append(Frame("ACME-USD:0", start, empty, "snapshot", "ACME-USD"))

    def take(_: str, execution: object) -> None:
        events = execution.events  # type: ignore[attr-defined]
        for event, payload in zip(
            events,
            execution_frames(execution, events, "full", operator=True),  # type: ignore[arg-type]
            strict=True,
        ):
            position = f"ACME-USD:{event.sequence}"
            frames.append(Frame(position, clock() + MILLISECOND, payload))

    exchange.listen(take)
    return frames, venue_scenario.play(exchange, clock)


def watch_venue(reference: Reference | None = None) -> WatchedSession:
    """The venue alone, with what compliance knows of its accounts."""
    frames, session = play_venue()
    known = reference or msgspec.convert(_venue_reference(), Reference)
    normalized = Normalizer(known, {"venue": VENUE}).normalize(
        1, FrameBatch("venue", "coinbase", frames)
    )
    assert not normalized.dead
    alerts = Engine(shipped_rules()).process(normalized.events)
    return WatchedSession(normalized.events, alerts, ground_truth([], session))


def watch_both(chain: "PlayedScenario") -> WatchedSession:
    """Both worlds as one stream, in the order of event time."""
    from demo.workspace import reference_of

    reference = msgspec.convert(reference_of(chain.deployment.facts), Reference)
    normalizer = Normalizer(reference, {"venue": VENUE})
    blocks = asyncio.run(_collect(chain))
    on_chain = normalizer.normalize(1, FrameBatch("chain", "evm", blocks))
    first = next(event.timestamp for event in on_chain.events)
    frames, session = play_venue(first)
    at_venue = normalizer.normalize(2, FrameBatch("venue", "coinbase", frames))
    assert not on_chain.dead
    assert not at_venue.dead
    events = sorted([*on_chain.events, *at_venue.events], key=lambda event: event.timestamp)
    alerts = Engine(shipped_rules()).process(events)
    return WatchedSession(events, alerts, ground_truth(chain.planted, session))


async def _collect(chain: "PlayedScenario") -> list[Frame]:
    from collectors.evm import Watched, WatchedToken
    from tests.collectors.evm_session import collecting, source
    from tests.collectors.list_outlet import ListOutlet
    from tests.fixtures.waiting import until

    facts = chain.deployment.facts
    token = facts.tokens[0]
    watched = Watched.of(
        {
            token.address: WatchedToken(
                identity_registry=token.identity_registry, compliance=token.compliance
            )
        },
        [pool.address for pool in facts.pools],
    )
    head = int(chain.node.rpc("eth_blockNumber"), 16)
    outlet = ListOutlet()
    config = source(chain.node.ws_url, start_block=facts.start_block)
    async with collecting(config, watched, outlet):
        await until(lambda: len(outlet.frames) > head - facts.start_block, seconds=60)
    return outlet.frames


def _venue_reference() -> dict[str, object]:
    product = venue_facts.PRODUCT
    return {
        "tokens": [
            {
                "id": "acme",
                "name": "Acme Harbour Property Fund",
                "symbol": product.base_currency,
                "standard": "ERC-3643",
                "decimals": 6,
                "classification": "reg-d-506c",
                "issuer": {"id": "ISS-0001", "name": "Acme Capital"},
                "instruments": [{"venue": VENUE, "symbol": product.id}],
            }
        ],
        "investors": [
            {
                "id": account.investor,
                "jurisdiction": account.jurisdiction,
                "accreditation": account.accreditation,
                "labels": list(account.labels),
                "accounts": [{"venue": VENUE, "account": account.account}],
            }
            | ({"cluster": account.cluster} if account.cluster else {})
            for account in venue_facts.ACCOUNTS
        ],
    }
