"""``tapewatch market``: the market around an alert as a page, to be looked at and played again."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.chosen_sink import (
    SPLUNK_TOKEN,
    DeliveredOut,
    FromElasticsearch,
    FromSplunk,
    SplunkAuthority,
    SplunkIndexes,
    SplunkToken,
    WhichSink,
)
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.market_inputs import Wanted, holdings
from pipeline.cli.market_scenes import drawn
from pipeline.cli.normalize import JsonColumn, ReferenceFiles, TradeSides, Venue
from pipeline.cli.output_files import keep_apart, write_whole
from pipeline.cli.printing import output, say
from pipeline.page.words import plural

if TYPE_CHECKING:
    from detections.market_replay.scene import Scene
    from normalizer.events import Alert

#: What somebody may hope to get who names the page so.
_NEITHER = (".gif", ".jpeg", ".jpg", ".pdf", ".png", ".webp")


@app.command()
@command
def market(
    wanted: Annotated[
        str, typer.Argument(metavar="ALERT|CASE", help="The id, or how it begins; a case's: TW-...")
    ],
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            help="The page to write; only its picture, if it ends in .svg.",
        ),
    ],
    out: DeliveredOut = None,
    elasticsearch: FromElasticsearch = False,
    sink: WhichSink = None,
    splunk: FromSplunk = None,
    splunk_token: SplunkToken = SPLUNK_TOKEN,
    splunk_index: SplunkIndexes = None,
    splunk_ca: SplunkAuthority = None,
    alerts: Annotated[
        list[Path] | None,
        typer.Option("--alerts", help="Alerts that `tapewatch detect` printed, in files."),
    ] = None,
    events: Annotated[
        list[Path] | None,
        typer.Option("--events", help="The events that they are of: files, folders."),
    ] = None,
    column: JsonColumn = None,
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
    name_others: Annotated[
        bool,
        typer.Option(
            "--name-others/--no-name-others",
            help="Name also those whom the alert is not about: leave them out of what goes to "
            "somebody else.",
        ),
    ] = True,
    as_json: JsonOutput = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Draw the market around an alert: prices, the book, whose orders and trades, to play again.

    A page that loads nothing. Books are made of the events anew, as the rules saw them. Exit 1 if
    events that the alert rests on are missing, or alerts of the case.
    """
    from detections.market_replay.extent import Extent
    from detections.market_replay.page import render
    from detections.market_replay.printed import printed
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
        splunk=splunk,
        splunk_token=splunk_token,
        splunk_index=splunk_index,
        splunk_ca=splunk_ca,
    )
    around = None if window is None else duration_of(window, "--window")
    begin, end = time_of(since, "--from"), time_of(until, "--until", end=True)
    if begin is not None and end is not None and begin >= end:
        raise Failure(f"--from {since} is not before --until {until}", CONFIGURATION)
    if to.suffix.lower() in _NEITHER:
        said = f"--to {to}: a page ends in .html, or in .svg, which is the picture alone"
        raise Failure(said, CONFIGURATION)
    held = holdings(asked)
    read = [*asked.alerts, *asked.events, *asked.order_log, *asked.reference, config]
    keep_apart("--to", to, read=[*read, *([] if out is None else [out])])
    found, gone = held.alerts(wanted.strip())
    scenes, missing = drawn(found, held, Extent(around, begin, end), name_others=name_others)
    updates = held.updates({one.id for one in found})
    drawing = printed if to.suffix.lower() == ".svg" else render
    write_whole(to, drawing(found, scenes, updates).encode())
    if as_json:
        document = _document(found, scenes, missing, to) | {"missing_alerts": gone}
        typer.echo(msgspec.json.encode(document))
    else:
        if gone:
            are = "is" if len(gone) == 1 else "are"
            say(output(), f"{plural(len(gone), 'alert')} of the case {are} missing", "yellow")
        _tell(scenes, missing, to)
    if missing or gone:
        raise typer.Exit(FAILED)


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
        are = "is" if len(missing) == 1 else "are"
        events = plural(len(missing), "event")
        say(console, f"{events} that it rests on {are} missing", "yellow")
    say(console, f"written to {to}")
