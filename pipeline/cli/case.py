"""``tapewatch case``: look at cases, and work on them.

Who does something is the system's user of this process, by its number and not by a variable of the
environment. What may be done says the case itself, and the roles in `cases.people`.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonLines, JsonOutput, app
from pipeline.cli.case_meant import attached_file, meant_case
from pipeline.cli.failures import CONFIGURATION, Failure, command
from pipeline.problems import fit_for_terminal
from pipeline.source_state import now
from pipeline.system_users import current_user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from evidence.cases.actions import Wish
    from evidence.cases.state import Case
    from evidence.cases.store import CaseStore
    from normalizer.events import CaseActivity
    from pipeline.bus import Bus
    from pipeline.config.schema import Configuration

case = typer.Typer(
    help="List cases, show one, work on it: assign, comment, attach, propose, approve, close.",
    no_args_is_help=True,
)
app.add_typer(case, name="case")

CaseId = Annotated[str, typer.Argument(metavar="CASE", help="The id, or how it begins.")]
Why = Annotated[str, typer.Option("--why", help="Why, for the record.")]
Expect = Annotated[
    int | None,
    typer.Option(
        "--expect",
        min=1,
        metavar="NUMBER",
        help="Only if nothing was done to it since this number, as `show` tells it.",
    ),
]
Seen = Annotated[
    int,
    typer.Option(
        "--expect",
        min=1,
        metavar="NUMBER",
        help="The case as you have looked at it: the newest number that `show` tells.",
    ),
]
Status = Literal["open", "in-progress", "pending", "closed", "suppressed"]
ResolutionCode = Literal[
    "no-breach", "false-positive", "explained", "duplicate", "data-error", "retracted",
    "reported", "referred", "warned",
]  # fmt: skip
Resolution = Annotated[
    ResolutionCode, typer.Option("--resolution", help="The reason code: see docs/cases.md.")
]
_ATTEMPTS = 5
_WORKING = ("open", "in-progress", "pending")
_LEVELS = ("critical", "high", "medium", "low", "informational")


@case.command("list")
@command
def list_cases(
    config: ConfigPath = DEFAULT_CONFIG,
    status: Annotated[
        Status | None, typer.Option("--status", help="Only these; without, what isn't closed.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    assignee: Annotated[str | None, typer.Option(help="Only those of somebody.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those of yours.")] = False,
    level: Annotated[
        Literal["informational", "low", "medium", "high", "critical"] | None,
        typer.Option(help="Only of this level, or a higher one."),
    ] = None,
    as_json: JsonLines = False,
) -> None:
    """List cases, the most severe and oldest first."""
    from pipeline.cli.case_text import print_cases, row_of

    wanted: tuple[str, ...] = (status,) if status is not None else _WORKING

    async def ask(
        store: "CaseStore", loaded: "Configuration", _: "Bus"
    ) -> "tuple[list[Case], bool]":
        stored = (await store.all()).values()
        return [one.case for one in stored if one.case is not None], loaded.cases is not None

    found, opened = on_bus(config, ask)
    who = current_user() if mine else assignee
    least = _LEVELS.index(level) if level is not None else len(_LEVELS)
    chosen = [
        one
        for one in found
        if (everything or one.status in wanted)
        and (who is None or one.assignee == who)
        and _LEVELS.index(one.level) <= least
    ]
    chosen.sort(key=lambda one: (_LEVELS.index(one.level), one.begun, one.id))
    if as_json:
        for one in chosen:
            typer.echo(msgspec.json.encode(row_of(one)))
    elif chosen:
        print_cases(chosen, now())
    elif found:
        typer.echo(f"None of {len(found)} cases is meant.")
    else:
        why = "." if opened else f": {config} has no `cases:`, so none are opened of alerts"
        typer.echo(f"No cases{why}")


@case.command("show")
@command
def show(case_id: CaseId, config: ConfigPath = DEFAULT_CONFIG, as_json: JsonOutput = False) -> None:
    """Show a case whole: alerts by rule, evidence, and everything that was done."""
    from pipeline.cli.case_text import page, print_case
    from pipeline.cli.printing import WIDE, output

    async def ask(
        store: "CaseStore", _: "Configuration", __: "Bus"
    ) -> "tuple[Case, list[CaseActivity]]":
        found = (await meant_case(store, case_id)).case
        assert found is not None
        return found, await store.history(found.id)

    found, history = on_bus(config, ask)
    if as_json:
        typer.echo(page(found, history))
    else:
        print_case(found, history, output(width=WIDE), now())


@case.command("assign")
@command
def assign(
    case_id: CaseId,
    user: Annotated[str, typer.Argument(metavar="USER")],
    config: ConfigPath = DEFAULT_CONFIG,
    why: Why = "",
    expect: Expect = None,
) -> None:
    """Give a case to somebody. Who wrote one of its rules can't have it."""
    _do(config, case_id, expect, action="assigned", assignee=user, why=why)


@case.command("unassign")
@command
def unassign(
    case_id: CaseId, config: ConfigPath = DEFAULT_CONFIG, why: Why = "", expect: Expect = None
) -> None:
    """Take a case from who works on it."""
    _do(config, case_id, expect, action="unassigned", why=why)


@case.command("status")
@command
def status(
    case_id: CaseId,
    wanted: Annotated[Literal["open", "in-progress"], typer.Argument(metavar="STATUS")],
    config: ConfigPath = DEFAULT_CONFIG,
    why: Why = "",
    expect: Expect = None,
) -> None:
    """Say that a case is being worked on (in-progress), or not yet (open)."""
    _do(config, case_id, expect, action="status-changed", status=wanted, why=why)


@case.command("comment")
@command
def comment(
    case_id: CaseId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write; - reads it.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Write a comment; also on a closed case."""
    try:
        written = sys.stdin.read() if text == "-" else text
    except UnicodeDecodeError:
        raise Failure("what is written is no text in UTF-8", CONFIGURATION) from None
    if not written.strip():
        raise Failure("there is nothing to write", CONFIGURATION)
    _do(config, case_id, None, action="commented", comment=written.strip(), again=True)


@case.command("attach")
@command
def attach(
    case_id: CaseId,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="A file, a URL, or an id.")],
    config: ConfigPath = DEFAULT_CONFIG,
    why: Why = "",
) -> None:
    """Attach evidence: a file by its name and SHA-256 (it stays where it is), a URL, an id."""
    digest = None
    if (path := attached_file(what)) is not None:
        import hashlib

        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise Failure(f"can't read {path}: {error.strerror}") from None
        what = str(path.resolve())
    wish: dict[str, Any] = {"evidence": what, "evidence_hash": digest, "why": why}
    _do(config, case_id, None, action="evidence-attached", again=True, **wish)


@case.command("propose-closing")
@command
def propose_closing(
    case_id: CaseId,
    resolution: Resolution,
    why: Why,
    config: ConfigPath = DEFAULT_CONFIG,
    expect: Expect = None,
) -> None:
    """Propose to close a case: somebody else must approve it, who did not work on it."""
    _do(config, case_id, expect, action="resolution-proposed", resolution=resolution, why=why)


@case.command("withdraw")
@command
def withdraw(case_id: CaseId, config: ConfigPath = DEFAULT_CONFIG, why: Why = "") -> None:
    """Withdraw what you proposed."""
    _do(config, case_id, None, action="resolution-withdrawn", why=why)


@case.command("reject")
@command
def reject(
    case_id: CaseId, why: Why, config: ConfigPath = DEFAULT_CONFIG, expect: Expect = None
) -> None:
    """Reject what somebody proposed: the case goes on."""
    _do(config, case_id, expect, action="resolution-rejected", why=why)


@case.command("approve")
@command
def approve(
    case_id: CaseId, expect: Seen, config: ConfigPath = DEFAULT_CONFIG, why: Why = ""
) -> None:
    """Approve what somebody else proposed: the case is closed."""
    _do(config, case_id, expect, action="closed", why=why, approving=True)


@case.command("close")
@command
def close(
    case_id: CaseId,
    resolution: Resolution,
    why: Why,
    config: ConfigPath = DEFAULT_CONFIG,
    expect: Expect = None,
) -> None:
    """Close a case that one person may close; else see `propose-closing` and `approve`."""
    _do(config, case_id, expect, action="closed", resolution=resolution, why=why)


@case.command("reopen")
@command
def reopen(
    case_id: CaseId, why: Why, config: ConfigPath = DEFAULT_CONFIG, expect: Expect = None
) -> None:
    """Reopen a closed case; its ages count anew."""
    _do(config, case_id, expect, action="reopened", why=why)


@case.command("escalate")
@command
def escalate(
    case_id: CaseId,
    why: Why,
    notify: Annotated[
        list[str] | None, typer.Option("--notify", help="A notification that tells of it.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Tell others of a case now, whatever its age."""
    _do(config, case_id, None, action="escalated", why=why, notify=notify or [], by_hand=True)


def _do(
    config: Path,
    case_id: str,
    expect: int | None,
    *,
    again: bool = False,
    approving: bool = False,
    by_hand: bool = False,
    **wish: Any,
) -> None:
    """Do something to a case, and say it. `again`: whoever was faster, it is right all the same."""
    from evidence.cases.actions import Wish
    from evidence.cases.state import ActionRefused
    from evidence.cases.store import CaseChanged

    for said in ("why", "comment", "evidence"):
        check_written(said, wish.get(said) or "")

    async def work(store: "CaseStore", loaded: "Configuration", _: "Bus") -> "CaseActivity":
        for attempt in range(_ATTEMPTS):
            stored = await meant_case(store, case_id)
            wanted = Wish(who=current_user(), at=now(), **wish)
            _complete(stored.case, wanted, loaded, approving=approving, by_hand=by_hand)
            _allowed(stored.case, wanted, loaded, expect)
            try:
                return (await store.do(stored, wanted))[0]
            except ActionRefused as refused:
                assert stored.case is not None
                raise Failure(f"{stored.case.id}: {refused}") from None
            except CaseChanged as changed:
                if not again or attempt == _ATTEMPTS - 1:
                    raise Failure(str(changed)) from None
        raise AssertionError

    done = on_bus(config, work)
    typer.echo(fit_for_terminal(f"{done.message} (number {done.number})"))


def check_written(what: str, text: str) -> None:
    """Raises Failure for what could not be kept as it is."""
    from evidence.cases.actions import MOST_WRITTEN

    if len(text) > MOST_WRITTEN:
        said = f"the {what} has {len(text):,} characters, and {MOST_WRITTEN:,} are kept"
        raise Failure(f"{said}: put it into a file, and attach that", CONFIGURATION)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Failure(f"the {what} is no text in UTF-8", CONFIGURATION) from None


def _complete(
    found: "Case | None",
    wanted: "Wish",
    config: "Configuration",
    *,
    approving: bool,
    by_hand: bool,
) -> None:
    """What follows from the case as it is."""
    if approving and found is not None:
        if found.proposal is None:
            raise Failure(f"{found.id}: no resolution is proposed")
        wanted.resolution = found.proposal.resolution
        wanted.why = wanted.why or found.proposal.why
    if by_hand and found is not None:
        telling = [one.name for one in config.notifications if "escalations" in one.content]
        for name in wanted.notify:
            if name not in telling:
                raise Failure(
                    f"there is no notification {name} that tells of escalations", CONFIGURATION
                )
        if not wanted.notify:
            whom = f"say --notify, of {', '.join(telling)}" if telling else "none is configured"
            raise Failure(f"nobody would be told: {whom}", CONFIGURATION)
        wanted.step = f"by-hand-{found.number + 1}"


def _allowed(
    found: "Case | None", wanted: "Wish", config: "Configuration", expect: int | None
) -> None:
    """Raises Failure where the person's role, or what they saw, doesn't allow it."""
    from evidence.cases.people import People

    assert found is not None
    if expect is not None and found.number != expect:
        raise Failure(
            f"{found.id} is at number {found.number}, not {expect}: look at it again; "
            "nothing was done"
        )
    people = People.of(config.cases)
    wanted.who = people.user(wanted.who)
    refused = people.refusal(wanted.who, wanted.action, found)
    if wanted.assignee is not None:
        wanted.assignee = people.user(wanted.assignee)
        refused = refused or people.assignable(wanted.assignee, found)
        if found.working and wanted.assignee == found.assignee:
            refused = refused or f"it is {found.assignee}'s already; nothing was done"
    if refused is not None:
        raise Failure(f"{found.id}: {refused}")


def on_bus(config: Path, ask: "Callable[[CaseStore, Configuration, Bus], Awaitable[Any]]") -> Any:
    """What is found in the cases of a configuration, whether anything runs or not."""
    import asyncio

    from evidence.cases.store import CaseStore
    from pipeline import logs
    from pipeline.bus.opened import opened_bus
    from pipeline.config.loading import load_configuration

    loaded = load_configuration(config, resolve="later")
    logs.configure(loaded.logging, stage="case")

    async def work() -> Any:
        async with opened_bus(loaded.bus, name="case") as bus:
            return await ask(await CaseStore.open(bus), loaded, bus)

    return asyncio.run(work())
