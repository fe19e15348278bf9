"""The scenes of what alerts rest on, out of what holds the events."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli.failures import FAILED, Failure
from pipeline.cli.market_inputs import Holdings
from pipeline.page.words import shortened
from pipeline.units import HOUR

if TYPE_CHECKING:
    from detections.market_replay.extent import Extent
    from detections.market_replay.scene import Place, Scene
    from evidence.investigation.export import Writer
    from evidence.investigation.gather import Gathered
    from normalizer.events import Alert

#: Markets of one page: those that most of the evidence is of.
MOST_MARKETS = 6
#: Alerts of a case that are further apart than this are no one picture.
_LONGEST_CASE = 2 * HOUR


class NoMarket(Failure):
    """Alerts rest on no order, trade or swap; the text says it."""


def drawn(
    alerts: "Sequence[Alert]", held: Holdings, extent: "Extent", *, name_others: bool = True
) -> "tuple[list[Scene], list[str]]":
    """Scenes of the markets that the alerts rest on, and ids of evidence that isn't there.

    Without `name_others` they name only whom the alerts are about.

    Raises NoMarket, and Failure.
    """
    from detections.market_replay.recording import Recording, place_of
    from detections.market_replay.suspects import Suspects
    from evidence.sentences import sentence
    from normalizer.events import MarketEvent

    suspects = Suspects.of(alerts)
    missing = set(suspects.events)
    places: Counter[Place] = Counter()
    in_pools = True
    for event in held.rested_on(suspects.events):
        if event.id not in missing:
            continue
        missing.discard(event.id)
        place = place_of(event)
        if place is not None:
            places[place] += 1
            in_pools &= not isinstance(event, MarketEvent)
        if not missing:
            break
    if not places:
        raise NoMarket(_no_market(alerts, missing, suspects.events), FAILED)
    # Of equally many, the same ones each time.
    most = sorted(places, key=lambda place: (-places[place], place))[:MOST_MARKETS]
    since, until = extent.of(alerts, in_pools=in_pools)
    recording = Recording(
        most, suspects, since=since, until=until, say=sentence, name_others=name_others
    )
    for event in held.of_markets(most, since, until):
        recording.take(event)
    found = recording.finish()
    if not found:
        raise NoMarket(_nothing(most, since, until), FAILED)
    return found, sorted(missing)


def _nothing(places: "Sequence[Place]", since: int, until: int) -> str:
    from normalizer.events.ecs import rfc3339

    names = ", ".join(f"{shortened(one.instrument)} on {shortened(one.venue)}" for one in places)
    return f"nothing happened in {names} from {rfc3339(since)} until {rfc3339(until)}"


def _no_market(alerts: "Sequence[Alert]", missing: set[str], wanted: frozenset[str]) -> str:
    if wanted and len(missing) == len(wanted):
        said = f"none of the {len(wanted):,} events that it rests on is there"
        return f"{said}: name what it was found in"
    return (
        "it rests on no order, trade or swap, so there is no market to draw: "
        f"`tapewatch evidence {alerts[0].id[:12]}` shows what it rests on"
    )


def market_writer(held: Holdings) -> "Writer":
    """Adds `market.html` and its picture, `market.svg`, to an export: of all alerts of a case, if
    they are of about one time, else of its gravest one. Of what rests on no market there is none,
    nor of what is about no alert.
    """

    def write(folder: Path, gathered: "Gathered", lines: object, manifest: object) -> None:
        from detections.market_replay.extent import Extent
        from detections.market_replay.page import render
        from detections.market_replay.printed import printed

        if gathered.subject is None:
            return
        alerts = [gathered.subject]
        if gathered.case is not None:
            of_case = frozenset(gathered.case.alerts)
            all_of_them = [one for one in gathered.alerts if one.id in of_case] or alerts
            since, until = Extent(around=0).of(all_of_them)
            if until - since <= _LONGEST_CASE:
                alerts = all_of_them
        try:
            # It goes to others, who have no business with everybody's names.
            scenes, _ = drawn(alerts, held, Extent(), name_others=False)
        except NoMarket:
            return
        except Failure as failure:  # as where there is too much of it: the rest stands without
            typer.echo(f"without a picture of the market: {failure}", err=True)
            return
        (folder / "market.html").write_text(render(alerts, scenes, gathered.updates), "utf-8")
        (folder / "market.svg").write_text(printed(alerts, scenes, gathered.updates), "utf-8")

    return write
