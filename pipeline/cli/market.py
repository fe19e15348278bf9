"""``tapewatch market``: the market around an alert as a page, to be looked at and played again."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec import Struct

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.market_inputs import Holdings, Wanted, holdings
from pipeline.cli.normalize import ReferenceFiles, TradeSides, Venue
from pipeline.cli.output_files import keep_apart, write_whole
from pipeline.cli.printing import output, say
from pipeline.units import HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from detections.market_replay.scene import Place, Scene
    from normalizer.events import Alert

#: Markets of one page: those that most of the evidence is of.
MOST_MARKETS = 6
#: What is shown before and after the evidence: a half of how long that took, within these.
_LEAST, _LEAST_OF_POOLS, _MOST = 5 * SECOND, 2 * MINUTE, HOUR


@app.command()
@command
def market(
    wanted: Annotated[
        str, typer.Argument(metavar="ALERT|CASE", help="The id, or how it begins; a case's: TW-...")
    ],
    to: Annotated[Path, typer.Option("--to", help="The page to write, such as market.html.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="From the folder that the file sink writes to.")
    ] = None,
    elasticsearch: Annotated[
        bool, typer.Option("--elasticsearch", help="From the configured Elasticsearch sink.")
    ] = False,
    sink: Annotated[
        str | None, typer.Option(help="Which Elasticsearch sink, where there are several.")
    ] = None,
    alerts: Annotated[
        list[Path] | None,
        typer.Option("--alerts", help="Alerts that `tapewatch detect` printed, in files."),
    ] = None,
    events: Annotated[
        list[Path] | None,
        typer.Option("--events", help="The events that they are of: files, folders."),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(help="Column of JSON events in Parquet files.", show_default="the only one"),
    ] = None,
    order_log: Annotated[
        list[Path] | None,
        typer.Option("--order-log", help="The order logs that they are of, instead."),
    ] = None,
    venue: Venue = None,
    trade_sides: TradeSides = None,
    reference: ReferenceFiles = None,
    window: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="So long before and after the evidence.",
            show_default="half of how long that took, 5s (pools 2m) to 1h",
        ),
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="Event time to begin at.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Event time to end before.")] = None,
    as_json: JsonOutput = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Draw the market around an alert: prices, the book, whose orders and trades, to play again.

    A page that loads nothing. Books are made of the events anew, as the rules saw them. Exit 1 if
    events that the alert rests on are missing.
    """
    from detections.market_replay.page import render
    from pipeline.cli.backtest_inputs import time_of
    from pipeline.cli.durations import duration_of

    asked = Wanted(
        config=config,
        out=out,
        elasticsearch=elasticsearch,
        sink=sink,
        alerts=alerts or (),
        events=events or (),
        column=column,
        order_log=order_log or (),
        venue=venue,
        trade_sides=trade_sides,
        reference=reference or (),
    )
    around = None if window is None else duration_of(window, "--window")
    begin, end = time_of(since, "--from"), time_of(until, "--until", end=True)
    if begin is not None and end is not None and begin >= end:
        raise Failure(f"--from {since} is not before --until {until}", CONFIGURATION)
    held = holdings(asked)
    read = [*asked.alerts, *asked.events, *asked.order_log, *asked.reference, config]
    keep_apart("--to", to, read=[*read, *([] if out is None else [out])])
    found = held.alerts(wanted.strip())
    scenes, missing = drawn(found, held, Extent(around, begin, end))
    write_whole(to, render(found, scenes).encode())
    if as_json:
        typer.echo(msgspec.json.encode(_document(found, scenes, missing, to)))
    else:
        _tell(scenes, missing, to)
    if missing:
        raise typer.Exit(FAILED)


class Extent(Struct, frozen=True):
    """What was said of the time to show, in nanoseconds; None of all else."""

    around: int | None = None
    since: int | None = None
    until: int | None = None

    def of(self, alerts: "Sequence[Alert]", least: int) -> tuple[int, int]:
        """From when to when, the end not included. Raises Failure where nothing is left."""
        first = min(one.timestamp if one.created is None else one.created for one in alerts)
        last = max(max(one.timestamp, one.ended or 0) for one in alerts)
        around = self.around
        if around is None:
            around = min(_MOST, max(least, (last - first) // 2))
        begin = first - around if self.since is None else self.since
        end = last + around + 1 if self.until is None else self.until
        if begin >= end:
            said = "nothing of the alert's time is left: see --from and --until"
            raise Failure(said, CONFIGURATION)
        return begin, end


def drawn(
    alerts: "Sequence[Alert]", held: Holdings, extent: Extent
) -> "tuple[list[Scene], list[str]]":
    """Scenes of the markets that the alerts rest on, and ids of evidence that isn't there.

    Raises Failure where they rest on no market.
    """
    from detections.market_replay.recording import Recording, place_of
    from detections.market_replay.suspects import Suspects
    from evidence.sentences import sentence
    from normalizer.events.chain import PoolSwap

    suspects = Suspects.of(alerts)
    missing = set(suspects.events)
    places: Counter[Place] = Counter()
    least = _LEAST_OF_POOLS
    for event in held.rested_on(suspects.events):
        if event.id not in missing:
            continue
        missing.discard(event.id)
        place = place_of(event)
        if place is not None:
            places[place] += 1
            if not isinstance(event, PoolSwap):
                least = _LEAST
        if not missing:
            break
    if not places:
        raise Failure(_no_market(alerts, missing, suspects.events), FAILED)
    # Of equally many, the same ones each time.
    most = sorted(places, key=lambda place: (-places[place], place))[:MOST_MARKETS]
    since, until = extent.of(alerts, least)
    recording = Recording(most, suspects, since=since, until=until, say=sentence)
    for event in held.of_markets(most, since, until):
        recording.take(event)
    return recording.finish(), sorted(missing)


def _no_market(alerts: "Sequence[Alert]", missing: set[str], wanted: frozenset[str]) -> str:
    if len(missing) == len(wanted):
        return f"none of the {len(wanted):,} events that it rests on is there"
    return (
        "it rests on no order, trade or swap, so there is no market to draw: "
        f"`tapewatch evidence {alerts[0].id[:12]}` shows what it rests on"
    )


def _document(
    alerts: "Sequence[Alert]", scenes: "Sequence[Scene]", missing: Sequence[str], to: Path
) -> dict[str, object]:
    from detections.market_replay.page import notes_of
    from normalizer.events.ecs import rfc3339

    return {
        "page": str(to),
        "alerts": [one.id for one in alerts],
        "markets": [
            {
                "provider": scene.place.provider,
                "venue": scene.place.venue,
                "instrument": scene.place.instrument,
                "from": rfc3339(scene.since),
                "until": rfc3339(scene.until),
                "events": len(scene.moments) + scene.left_out,
                "evidence": len(scene.evidence),
                "orders": len(scene.lives),
                "trades": len(scene.deals),
                "notes": notes_of(scene),
            }
            for scene in scenes
        ],
        "missing": missing,
    }


def _tell(scenes: "Sequence[Scene]", missing: Sequence[str], to: Path) -> None:
    from detections.market_replay.page import notes_of

    console = output()
    for scene in scenes:
        say(
            console,
            f"{scene.place.instrument} on {scene.place.venue}: "
            f"{len(scene.moments) + scene.left_out:,} events, {len(scene.evidence):,} in evidence",
        )
        for note in notes_of(scene):
            say(console, f"  {note}", "yellow")
    if missing:
        say(console, f"{len(missing):,} events that it rests on are missing", "yellow")
    say(console, f"written to {to}")
