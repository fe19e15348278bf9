"""Wiring: a stage of a configuration, on the bus, with its report to the status board."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

from pipeline.bus import Bus, BusUnavailable
from pipeline.bus.command_notes import CommandNote
from pipeline.bus.lane_count import agree_on_lanes, agree_on_shares
from pipeline.bus.retention import Keeper, keeper_of
from pipeline.bus.status_board import ReaderState, StageReport
from pipeline.cancellation import raise_if_cancelled
from pipeline.cli.failures import CONFIGURATION, Failure
from pipeline.cli.noting import noted
from pipeline.config.schema import Configuration
from pipeline.config.sources import (
    ArchaxSource,
    CoinbaseSource,
    EvmSource,
    FixDropCopySource,
    FixMarketDataSource,
    InxSource,
    KrakenSource,
    OrderLogSource,
    ReplaySource,
    SolanaSource,
    SubgraphSource,
)
from pipeline.exception_groups import leaves
from pipeline.observability import Health
from pipeline.process import expect_much_state
from pipeline.reference_records import Token
from pipeline.source_state import ILL_CONNECTIONS, SourceState, now
from pipeline.supervisor import SUPERVISED, WORKER, worker_name

REPORT_EVERY = 0.5


class Reporter:
    """What a stage's process tells the status board."""

    def __init__(self, stage: str, health: Health) -> None:
        self.stage = stage
        self.health = health
        self.sources: Callable[[], list[SourceState]] = list[SourceState]
        self.readers: Callable[[], list[ReaderState]] = list[ReaderState]
        self.finished: Callable[[], bool] = lambda: False
        #: Of a stage that runs alone; with a supervisor, that one keeps the streams.
        self.keeper: Keeper | None = None

    async def run(self, bus: Bus) -> None:
        """Report until cancelled."""
        while True:
            await bus.status.put(
                StageReport(
                    stage=self.stage,
                    at=now(),
                    pid=os.getpid(),
                    sources=self.sources(),
                    readers=self.readers(),
                    finished=self.finished(),
                )
            )
            self._judge(bus)
            if bus.client.is_closed:
                # After an error that the server told, nats-py never connects again.
                raise BusUnavailable(f"the server ended the connection: {bus.client.last_error}")
            _stop_with_supervisor()
            await asyncio.sleep(REPORT_EVERY)
            raise_if_cancelled()

    def _judge(self, bus: Bus) -> None:
        problems = [
            f"{source.source}: {source.trouble or source.connection}"
            for source in self.sources()
            if source.connection in ILL_CONNECTIONS
        ]
        problems += [f"{r.name}: {r.trouble}" for r in self.readers() if r.trouble]
        if not bus.client.is_connected:
            problems.append("bus: not connected")
        if self.keeper is not None:
            problems += self.keeper.problems
            self.health.warnings = self.keeper.warnings
        self.health.ready, self.health.problems = not problems, problems


def _stop_with_supervisor() -> None:
    """End a stage whose supervisor was killed: the next one starts stages of its own."""
    supervisor = os.environ.get(SUPERVISED)
    if supervisor is not None and sys.platform != "win32" and os.getppid() != int(supervisor):
        raise Failure("the supervisor has ended, so this stage ends too")


async def run_stage(stage: str, config: Configuration, health: Health) -> None:
    """Run one stage until cancelled. ``health`` is kept up to date."""
    prepare = _STAGES[stage]
    # Imports and files first: a wrong rule must be told before anything connects.
    start = prepare(config)
    reporter = Reporter(_reported_name(stage, config), health)
    async with await Bus.connect(config.bus, name=stage) as bus:
        work = asyncio.ensure_future(start(bus, reporter))
        report = asyncio.create_task(reporter.run(bus))
        keeping = None
        if SUPERVISED not in os.environ:
            reporter.keeper = keeper_of(bus, config)
            keeping = asyncio.create_task(reporter.keeper.run())
        try:
            await asyncio.wait({work, report}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                _raise_plainly(work)
                await report  # a stage whose sources have ended still says so
            report.result()
        finally:
            running = [task for task in (work, report, keeping) if task is not None]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def _reported_name(stage: str, config: Configuration) -> str:
    """What this process reports as: several may be of one stage, here and on other machines."""
    number = os.environ.get(WORKER)
    if number is not None:
        return worker_name(stage, int(number))
    shared = config.detections.are_shared
    if stage != "detections" or not shared:
        return stage
    return f"{stage}-{socket.gethostname().replace('.', '-')}-{os.getpid()}"


def _raise_plainly(work: "asyncio.Future[None]") -> None:
    """Raise what the work raised; of a group, what a person must mend comes first."""
    from collectors.connection import SourceMisconfigured

    try:
        work.result()
    except BaseExceptionGroup as group:
        wrong = group.subgroup(SourceMisconfigured)
        if wrong is not None:
            texts = [str(error) for error in leaves(wrong)]
            raise Failure("; ".join(texts), CONFIGURATION) from None
        raise


Start = Callable[[Bus, Reporter], Awaitable[None]]


def _collectors(config: Configuration) -> Start:
    from collectors.evm.watched import Watched, WatchedToken
    from collectors.solana.watched import WatchedMints
    from collectors.stage import Collectors, Watching
    from collectors.subgraph.watched import WatchedPools
    from normalizer.known_wallets import known_wallets
    from normalizer.reference import Reference, watched, watched_mints
    from normalizer.reference_files import load_reference

    reference = load_reference(config.reference)
    wallets = known_wallets(reference)

    def watch(tokens: Sequence[Token] = ()) -> Mapping[str, Watching]:
        """What to watch, with the tokens of sources of reference data."""
        ids = {token.id for token in reference.tokens}
        more = [token for token in tokens if token.id not in ids]
        known = Reference(tokens=(*reference.tokens, *more))
        contracts: dict[str, Watching] = {}
        for source in config.sources:
            if isinstance(source, SolanaSource):
                mints = watched_mints(known, source.chain)
                contracts[source.name] = WatchedMints(frozenset(mints))
            if isinstance(source, EvmSource):
                found = [
                    contract
                    for token in known.tokens
                    for chain in {
                        part.chain for part in (*token.contracts, *token.pools, *token.price_feeds)
                    }
                    if source.chain_id in (None, chain)
                    for contract in watched(known, chain)
                ]
                contracts[source.name] = Watched.of(
                    {
                        c.address: WatchedToken(
                            identity_registry=c.registry,
                            compliance=c.compliance,
                            standard=c.standard,
                        )
                        for c in found
                        if c.role == "token"
                    },
                    [c.address for c in found if c.role != "token" and c.pool_id is None],
                    wallets,
                    [c.address for c in found if c.role == "price-feed"],
                    [(c.address, c.pool_id) for c in found if c.pool_id is not None],
                )
        for source in config.sources:
            if isinstance(source, SubgraphSource):
                by_nodes = [
                    address
                    for node in config.sources
                    if isinstance(node, EvmSource) and node.chain_id == source.chain_id
                    for address in (*cast(Watched, contracts[node.name]).addresses, *node.contracts)
                ]
                own = [
                    pool.address
                    for token in known.tokens
                    for pool in token.pools
                    if (pool.chain, pool.protocol) == (source.chain_id, source.protocol)
                ]
                contracts[source.name] = WatchedPools.of([*own, *source.pools], by_nodes)
        return contracts

    contracts = watch()

    async def start(bus: Bus, reporter: Reporter) -> None:
        collectors = Collectors(bus, config.sources, contracts, watch, config.privacy)
        reporter.sources = lambda: collectors.states
        reporter.finished = lambda: collectors.finished
        await collectors.run()

    return start


def _normalizer(config: Configuration) -> Start:
    from normalizer.normalize import Normalizer
    from normalizer.reference_files import load_reference
    from normalizer.source_clocks import SourceClocks
    from normalizer.stage import NormalizerStage

    reference = load_reference(config.reference)
    detections = config.detections
    lanes, tolerance = detections.lanes, detections.clock_tolerance
    normalizer = Normalizer(reference, venues(config), clock_tolerance=tolerance)
    expect_much_state()
    clocks = SourceClocks(tolerance=tolerance, apart=detections.idle_after)

    async def start(bus: Bus, reporter: Reporter) -> None:
        await agree_on_lanes(bus, lanes)
        stage = NormalizerStage(bus, normalizer, lanes, clocks)
        reporter.readers = lambda: [stage.reported()]
        await stage.run()

    return start


def venues(config: Configuration) -> Mapping[str, str]:
    """The venue of every source that has one, by the source's name."""
    found: dict[str, str] = {}
    for source in config.sources:
        match source:
            case (
                CoinbaseSource()
                | KrakenSource()
                | OrderLogSource()
                | FixDropCopySource()
                | FixMarketDataSource()
                | InxSource()
                | ArchaxSource()
            ):
                found[source.name] = source.venue
            case ReplaySource(protocol="recorded"):
                from collectors.recording import read_header

                for recorded in read_header(source.path).sources:
                    if recorded.venue:
                        found[recorded.name] = recorded.venue
            case ReplaySource():
                if source.venue:
                    found[source.name] = source.venue
            case _:
                pass
    return found


def _detections(config: Configuration) -> Start:
    from detections.engine.engine import Engine
    from detections.lanes.lane import Lane
    from detections.lanes.rule_news import telling, telling_left_out
    from detections.lanes.ruled_engine import RuledEngine
    from detections.lanes.rules_in_force import RulesInForce
    from detections.lanes.stage import DetectionStage, LanePlace, lane_places, worker_id
    from detections.rules import load_rules
    from detections.rules.rule_set import RuleSet
    from pipeline.cli.engines import engine_maker

    settings = config.detections
    make = engine_maker(settings)
    rules = load_rules(settings.rules, pipelines=settings.pipelines)
    places = lane_places(settings.lanes, settings.shares)
    shared = settings.are_shared

    expect_much_state()

    async def start(bus: Bus, reporter: Reporter) -> None:
        await agree_on_lanes(bus, settings.lanes)
        await agree_on_shares(bus, settings.lanes, settings.shares)
        in_force = await RulesInForce.open(bus)

        def make_lane(place: LanePlace) -> Lane:
            def make_part(rules: RuleSet) -> Engine:
                return make(place.rules(rules))

            return Lane(
                bus,
                RuledEngine(
                    make_part(rules),
                    make_part,
                    in_force,
                    on_switch=telling(place.name),
                    on_left_out=telling_left_out(place.name),
                ),
                warm_up=settings.warm_up,
                checkpoint_every=settings.checkpoint_every,
                name=place.name,
                events=place.events(bus),
            )

        stage = DetectionStage(bus, places, make_lane)
        reporter.readers = lambda: stage.states
        await (stage.share(worker_id(os.environ.get(WORKER))) if shared else stage.run())

    return start


def _clusters(config: Configuration) -> Start:
    from detections.clusters.stage import ClusterStage

    settings, lanes = config.clusters, config.detections.lanes
    if settings is None:
        raise Failure("the configuration has no clusters: nothing is to be found", CONFIGURATION)
    expect_much_state()

    async def start(bus: Bus, reporter: Reporter) -> None:
        await agree_on_lanes(bus, lanes)
        stage = ClusterStage(bus, settings, lanes=lanes)
        reporter.readers = lambda: [stage.state]
        await stage.run()

    return start


def _delivery(config: Configuration) -> Start:
    from delivery.build import build_masker, build_notification, build_sink, together
    from delivery.stage import DocumentCache, SinkRunner, run_sink

    async def start(bus: Bus, reporter: Reporter) -> None:
        cache = DocumentCache()
        runners: list[SinkRunner] = []
        reporter.readers = lambda: [runner.state for runner in runners]
        async with asyncio.TaskGroup() as group:
            for settings in config.sinks:
                sink, masker = build_sink(settings), build_masker(settings)
                mine = [
                    SinkRunner(
                        bus,
                        sink,
                        content,
                        cache,
                        batch=settings.batch,
                        retry_maximum=settings.retry_maximum,
                        masker=masker,
                    )
                    for content in settings.content
                ]
                runners += mine
                group.create_task(run_sink(mine, sink, settings.retry_maximum))
            for settings in config.notifications:
                sink = build_notification(settings)
                masker = build_masker(settings)
                mine = [
                    SinkRunner(
                        bus,
                        sink,
                        "alerts" if told == "alerts" else "cases",
                        cache,
                        batch=together(settings),
                        retry_maximum=settings.retry_maximum,
                        masker=masker,
                    )
                    for told in settings.content
                ]
                runners += mine
                group.create_task(run_sink(mine, sink, settings.retry_maximum))

    return start


def _audit(config: Configuration) -> Start:
    from evidence.audit.stage import AuditStage

    settings = config.audit
    if settings is None:
        raise Failure("the configuration has no audit: nothing is to be recorded", CONFIGURATION)

    async def start(bus: Bus, reporter: Reporter) -> None:
        stage = AuditStage(bus, settings)
        reporter.readers = lambda: stage.states
        await stage.run()

    return start


def _cases(config: Configuration) -> Start:
    from evidence.cases.stage import CaseStage

    settings = config.cases
    if settings is None:
        raise Failure("the configuration has no cases: none are to be opened", CONFIGURATION)

    async def start(bus: Bus, reporter: Reporter) -> None:
        stage = CaseStage(bus, settings, kibana=config.kibana)
        reporter.readers = lambda: [stage.reported]
        await stage.run()

    return start


def _reports(config: Configuration) -> Start:
    from evidence.reports.stage import ReportStage
    from pipeline.cli.report_schedule import report_schedule

    settings = config.reports
    if settings is None:
        raise Failure("the configuration has no reports: none are to be made", CONFIGURATION)

    async def start(bus: Bus, reporter: Reporter) -> None:
        loop = asyncio.get_running_loop()

        def note(what: str, where: str) -> None:
            """Called from a thread; raises Failure where it can't be noted."""
            wanted = CommandNote(action="export", what=what, why=where)
            asyncio.run_coroutine_threadsafe(noted(bus, config, wanted), loop).result()

        stage = ReportStage(
            report_schedule(config, note),
            check_every=settings.check_every,
            settle=settings.settle,
        )
        await stage.run()

    return start


_STAGES: dict[str, Callable[[Configuration], Start]] = {
    "collectors": _collectors,
    "normalizer": _normalizer,
    "detections": _detections,
    "clusters": _clusters,
    "cases": _cases,
    "delivery": _delivery,
    "reports": _reports,
    "audit": _audit,
}
