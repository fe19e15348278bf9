"""``tapewatch dead``: what could not be decoded, validated or delivered."""

import time
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonLines, JsonOutput, app
from pipeline.cli.asking import ask_bus
from pipeline.cli.failures import CONFIGURATION, Failure, command
from pipeline.problems import all_of, did_you_mean

if TYPE_CHECKING:
    from pipeline.bus import Bus
    from pipeline.bus.dead_letter_groups import Wanted
    from pipeline.bus.dead_letters import StoredLetter

dead = typer.Typer(
    help="List dead letters, show one, send them through again, let them go.",
    no_args_is_help=True,
)
app.add_typer(dead, name="dead")

Stage = Annotated[str | None, typer.Option(help="Only those of a stage.")]
Source = Annotated[str | None, typer.Option(help="Only those of a source or sink.")]
Reason = Annotated[str | None, typer.Option(help="Only those whose reason holds this text.")]
Since = Annotated[
    str | None, typer.Option("--from", help="Only what was received from then on, or `2h ago`.")
]
Until = Annotated[str | None, typer.Option("--to", help="Only what was received until then.")]
OpenOnly = Annotated[
    bool, typer.Option("--open", help="Only those with which nothing was done yet.")
]


def wanted_letters(
    stage: str | None,
    source: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    *,
    only_open: bool = False,
    numbers: list[int] | None = None,
) -> "Wanted":
    """What the options mean. Raises Failure."""
    from pipeline.bus.dead_letter_groups import Wanted
    from pipeline.cli.moments import moment_of

    now = time.time_ns()
    begin = None if since is None else moment_of(since, "--from", now=now)
    end = None if until is None else moment_of(until, "--to", now=now)
    if begin is not None and end is not None and begin >= end:
        raise Failure(f"--from {since} is not before --to {until}", CONFIGURATION)
    return Wanted(
        numbers=frozenset(numbers or ()),
        stage=stage,
        source=source,
        reason=reason,
        since=begin,
        until=end,
        states=("open",) if only_open else ("open", "replayed", "failed"),
    )


class Others:
    """Letters that are not meant: it may be by a slip of the pen that none is."""

    def __init__(self) -> None:
        #: How many are meant, of which only the newest may be kept.
        self.meant = 0
        self._count = 0
        self._stages: set[str] = set()
        self._sources: set[str] = set()

    def add(self, stored: "StoredLetter") -> None:
        """Count one."""
        self._count += 1
        self._stages.add(stored.letter.stage)
        self._sources.add(stored.letter.source)

    def told(self, stage: str | None, source: str | None) -> str:
        """Why there is nothing to list."""
        if not self._count:
            return "No dead letters."
        said = f"None of {self._count:,} dead letters is meant"
        for what, given, known in (
            ("stage", stage, sorted(self._stages)),
            ("source", source, sorted(self._sources)),
        ):
            if given is not None and given not in known:
                hint = did_you_mean(given, known)
                meant = f"did you mean {hint}?" if hint else f"there are some of {all_of(known)}"
                return f"{said}: none is of the {what} {given}; {meant}"
        return f"{said}."


async def select(
    bus: "Bus", wanted: "Wanted", most: int | None = None, others: Others | None = None
) -> "list[StoredLetter]":
    """The letters that are meant, in their order; the newest so many."""
    from pipeline.bus.dead_letters import dead_letters

    found: list[StoredLetter] = []
    async for stored in dead_letters(bus):
        if not wanted.holds(stored):
            if others is not None:
                others.add(stored)
            continue
        found.append(stored)
        if others is not None:
            others.meant += 1
        if most is not None and len(found) > most:
            del found[0]
    return found


@dead.command("list")
@command
def list_letters(
    config: ConfigPath = DEFAULT_CONFIG,
    stage: Stage = None,
    source: Source = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    only_open: OpenOnly = False,
    each: Annotated[bool, typer.Option("--each", help="Every letter, not by reason.")] = False,
    most: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: JsonLines = False,
) -> None:
    """List dead letters by their reasons, with how many, the first and the last; or each."""
    from pipeline.bus.dead_letter_groups import by_reason
    from pipeline.cli.dead_tables import print_groups, print_letters

    wanted = wanted_letters(stage, source, reason, since, until, only_open=only_open)
    others = Others()

    async def look(bus: "Bus") -> "list[StoredLetter]":
        return await select(bus, wanted, most if each else None, others)

    found = ask_bus(config, "dead", look)
    groups = [] if each else by_reason(found)
    count, what = (others.meant, "letters") if each else (len(groups), "reasons")
    groups = groups[-most:]
    if as_json:
        for entry in found if each else groups:
            typer.echo(msgspec.json.encode(entry))
    elif not found:
        typer.echo(others.told(stage, source))
    elif each:
        print_letters(found)
    else:
        print_groups(groups)
    if count > most:
        typer.echo(f"the newest {most:,} of {count:,} {what}: --most shows more", err=True)


@dead.command("show")
@command
def show(
    number: Annotated[int, typer.Argument(min=1)],
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonOutput = False,
) -> None:
    """Print one dead letter whole, its payload as text, and what was done with it."""
    from pipeline.bus.dead_letters import dead_letters
    from pipeline.cli.dead_tables import print_letter

    async def look(bus: "Bus") -> "StoredLetter | None":
        async for stored in dead_letters(bus, after=number - 1):
            return stored if stored.sequence == number else None
        return None

    found = ask_bus(config, "dead", look)
    if found is None:
        raise Failure(f"there is no dead letter {number}: see `tapewatch dead list --each`")
    if as_json:
        typer.echo(msgspec.json.encode(found))
        return
    print_letter(found)


class Replayed(NamedTuple):
    """How a replay went."""

    sent: int
    problems: list[str]


@dead.command("replay")
@command
def replay_letters(
    numbers: Annotated[list[int] | None, typer.Argument(help="Which; all without any.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    stage: Stage = None,
    source: Source = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also those that were sent through again before.")
    ] = False,
) -> None:
    """Send what dead letters are about through the pipeline again, after a fix.

    Those that were sent before are left out, unless they are named by number or with --again.
    """
    from pipeline.bus.command_notes import CommandNote
    from pipeline.bus.dead_letter_groups import newest_of_each
    from pipeline.bus.dead_letter_replay import CannotReplay, replay

    wanted = wanted_letters(
        stage, source, reason, since, until, only_open=not (again or numbers), numbers=numbers
    )

    async def send(bus: "Bus") -> Replayed:
        found = await select(bus, wanted)
        sent, problems = 0, list[str]()
        for stored in found if numbers else newest_of_each(found):
            try:
                await replay(bus, stored)
                sent += 1
            except CannotReplay as error:
                problems.append(str(error))
        return Replayed(sent, problems + _missing(wanted, found))

    note = CommandNote(what="dead replay", after=msgspec.Raw(msgspec.json.encode(wanted)))
    done = ask_bus(config, "dead", send, note=note)
    typer.echo(f"{done.sent} sent through again")
    if done.problems:
        raise Failure("\n".join(done.problems))


@dead.command("expire")
@command
def expire_letters(
    numbers: Annotated[list[int] | None, typer.Argument(help="Which.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    stage: Stage = None,
    source: Source = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Take dead letters out that nobody needs any more. Say which: by number, reason or age."""
    from pipeline.bus.command_notes import CommandNote
    from pipeline.bus.dead_letters import expire

    wanted = wanted_letters(stage, source, reason, since, until, numbers=numbers)
    if wanted.everything:
        raise Failure(
            "which ones? Give numbers, --reason, --stage, --source, or an age: --to '7d ago'",
            CONFIGURATION,
        )
    told = ", ".join(
        f"{name} {value}"
        for name, value in (("stage", stage), ("source", source), ("reason", reason),
                            ("from", since), ("to", until))
        if value is not None
    )  # fmt: skip

    async def let_go(bus: "Bus") -> Replayed:
        found = await select(bus, wanted)
        count = await expire(bus, [stored.sequence for stored in found], told or "by number")
        return Replayed(count, _missing(wanted, found))

    note = CommandNote(what="dead expire", after=msgspec.Raw(msgspec.json.encode(wanted)))
    done = ask_bus(config, "dead", let_go, note=note)
    typer.echo(f"{done.sent} expired")
    if done.problems:
        raise Failure("\n".join(done.problems))


def _missing(wanted: "Wanted", found: "list[StoredLetter]") -> list[str]:
    there = {stored.sequence for stored in found}
    return [
        f"there is no dead letter {number}: see `tapewatch dead list --each`"
        for number in sorted(wanted.numbers - there)
    ]
