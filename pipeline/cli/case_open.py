"""``tapewatch case open`` and ``case join``: make a case by hand, and put alerts into one."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline.cli.alert_anywhere import (
    AlsoOut,
    AlsoSplunk,
    Elsewhere,
    find_anywhere,
    wanted_alert,
)
from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath
from pipeline.cli.case import CaseId, Why, case, check_written, on_bus
from pipeline.cli.case_meant import meant_case
from pipeline.cli.chosen_sink import SPLUNK_TOKEN, SplunkAuthority, SplunkToken
from pipeline.cli.failures import CONFIGURATION, Failure, command
from pipeline.problems import UNSHOWABLE, did_you_mean, fit_for_terminal, one_of
from pipeline.source_state import now
from pipeline.system_users import current_user

if TYPE_CHECKING:
    from evidence.cases.actions import About
    from evidence.cases.store import CaseStore
    from normalizer.events import CaseActivity, Level
    from pipeline.bus import Bus
    from pipeline.config.cases import Cases
    from pipeline.config.schema import Configuration

_ATTEMPTS = 5
#: Characters of a title: more is no title, and nobody reads it in a list.
_MOST_TITLE = 160


@case.command("open")
@command
def open_case(
    why: Why,
    alert: Annotated[
        str | None, typer.Option("--alert", metavar="ID", help="The alert's event.id, whole.")
    ] = None,
    title: Annotated[
        str | None,
        typer.Option("--title", help="Of a case without an alert: what it is about, in few words."),
    ] = None,
    parties: Annotated[
        list[str] | None,
        typer.Option(
            "--party", metavar="NAME", help="Whom it is about: accounts, addresses, investors."
        ),
    ] = None,
    level: Annotated[
        Literal["informational", "low", "medium", "high", "critical"] | None,
        typer.Option("--level", help="How bad it would be.", show_default="medium"),
    ] = None,
    typology: Annotated[
        str | None, typer.Option("--typology", help="The kind of abuse, such as insider_dealing.")
    ] = None,
    token: Annotated[
        str | None, typer.Option("--token", metavar="ID", help="The token's id, or its ticker.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    out: AlsoOut = None,
    splunk: AlsoSplunk = None,
    splunk_token: SplunkToken = SPLUNK_TOKEN,
    splunk_ca: SplunkAuthority = None,
) -> None:
    """Open a case: of an alert, also of one that by the configuration opens none, or without any,
    of a complaint, a tip or a request, which --title and --party describe. An alert joins the open
    case that it belongs to. It is looked for on the bus, then in the configured sinks."""
    _check_why(why)
    elsewhere = Elsewhere(out=out, splunk=splunk, splunk_token=splunk_token, splunk_ca=splunk_ca)
    if alert is not None:
        of_referral = (title, parties, level, typology, token)
        if any(one is not None for one in of_referral):
            said = (
                "--title, --party, --level, --typology and --token are for a case without --alert"
            )
            raise Failure(said, CONFIGURATION)
        work = _of_alert(config, wanted_alert(alert), elsewhere, why)
    else:
        if elsewhere != Elsewhere():
            raise Failure("--out and --splunk belong to --alert", CONFIGURATION)
        about = _about(title, parties or (), typology, token)
        work = _of_referral(config, about, level or "medium", why)
    _tell(on_bus(config, work))


@case.command("join")
@command
def join_case(
    case_id: CaseId,
    alert: Annotated[
        str, typer.Option("--alert", metavar="ID", help="The alert's event.id, whole.")
    ],
    why: Why,
    config: ConfigPath = DEFAULT_CONFIG,
    out: AlsoOut = None,
    splunk: AlsoSplunk = None,
    splunk_token: SplunkToken = SPLUNK_TOKEN,
    splunk_ca: SplunkAuthority = None,
) -> None:
    """Put an alert that is in no case into this one, whatever kind of abuse and asset it is of. It
    is looked for as by `open`."""
    _check_why(why)
    elsewhere = Elsewhere(out=out, splunk=splunk, splunk_token=splunk_token, splunk_ca=splunk_ca)
    _tell(on_bus(config, _of_alert(config, wanted_alert(alert), elsewhere, why, into=case_id)))


_Work = Callable[["CaseStore", "Configuration", "Bus"], Awaitable["CaseActivity"]]


def _of_alert(
    config: Path, wanted: str, elsewhere: Elsewhere, why: str, *, into: str | None = None
) -> _Work:
    elsewhere.check()

    async def work(store: "CaseStore", loaded: "Configuration", bus: "Bus") -> "CaseActivity":
        from evidence.cases.by_hand import open_by_hand
        from evidence.cases.rule_authors import RuleAuthors
        from evidence.cases.state import ActionRefused
        from evidence.cases.store import CaseChanged

        settings = _settings(loaded, config)
        named = None
        if into is not None:
            there = (await meant_case(store, into)).case
            assert there is not None
            named = there.id
        found = await find_anywhere(bus, loaded, wanted, elsewhere)
        authors = await RuleAuthors.open(bus)
        await authors.read()
        for _ in range(_ATTEMPTS):
            try:
                return await open_by_hand(
                    store, found, settings, authors.changed_by,
                    who=current_user(), at=now(), why=why.strip(), into=named,
                )  # fmt: skip
            except ActionRefused as refused:
                raise Failure(f"{wanted}: {refused}") from None
            except CaseChanged:
                continue  # the stage, or somebody else, was faster
        raise Failure("cases change too fast: try it again")

    return work


def _of_referral(config: Path, about: "About", level: "Level", why: str) -> _Work:
    async def work(store: "CaseStore", loaded: "Configuration", bus: "Bus") -> "CaseActivity":
        from evidence.cases.by_hand import open_referral
        from evidence.cases.state import ActionRefused
        from pipeline.cli.token_meant import meant_token

        settings = _settings(loaded, config)
        if about.token_id is not None:
            about.token_id, about.token_symbol = await meant_token(
                bus, loaded.reference, about.token_id
            )
        try:
            return await open_referral(
                store, about, level, settings, who=current_user(), at=now(), why=why.strip()
            )
        except ActionRefused as refused:
            raise Failure(str(refused)) from None

    return work


def _about(
    title: str | None, parties: Sequence[str], typology: str | None, token: str | None
) -> "About":
    """What the case is about that somebody describes. Raises Failure."""
    from detections.typologies import TYPOLOGIES
    from evidence.cases.actions import About
    from pipeline.reference_records import compared_account

    named = list(dict.fromkeys(compared_account(one.strip()) for one in parties))
    if title is None and not parties:
        raise Failure("name an alert by --alert, or --title and --party", CONFIGURATION)
    if title is None or not title.strip():
        raise Failure("say what it is about, in few words: --title", CONFIGURATION)
    if not named or not all(named):
        raise Failure("say whom it is about: --party", CONFIGURATION)
    if len(title.strip()) > _MOST_TITLE:
        said = f"the title has more than {_MOST_TITLE} characters: --why takes the rest"
        raise Failure(said, CONFIGURATION)
    token = token.strip() if token is not None else None
    if token == "":
        raise Failure("--token: an empty id is no token's", CONFIGURATION)
    for what, text in (
        ("title", title),
        *(("party", one) for one in named),
        ("token", token or ""),
    ):
        check_written(what, text)
        if UNSHOWABLE.search(text):  # it stands in lists, subjects of e-mails and reports
            raise Failure(f"the {what} has a character that can't be shown", CONFIGURATION)
    if typology is not None and typology not in TYPOLOGIES:
        hint = did_you_mean(typology, TYPOLOGIES)
        meant = f"did you mean {hint}?" if hint else f"one of {one_of(TYPOLOGIES)} is wanted"
        none = f"there is no {typology}: " if typology else ""
        raise Failure(f"--typology: {none}{meant}", CONFIGURATION)
    return About(title=title.strip(), typology=typology or "", entities=named, token_id=token)


def _settings(loaded: "Configuration", config: Path) -> "Cases":
    if loaded.cases is None:
        raise Failure(f"{config} has no `cases`: see docs/cases.md", CONFIGURATION)
    return loaded.cases


def _check_why(why: str) -> None:
    if not why.strip():
        raise Failure("a reason is wanted: --why", CONFIGURATION)
    check_written("why", why)


def _tell(done: "CaseActivity") -> None:
    typer.echo(fit_for_terminal(f"{done.message} (number {done.number})"))
