"""``tapewatch setup elastic``: what Elasticsearch needs, and what would change there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput
from pipeline.cli.failures import CONFIGURATION, Failure, command
from pipeline.cli.setup import setup

if TYPE_CHECKING:
    from delivery.elastic_setup.plan import Plan
    from delivery.elasticsearch_client import Connection
    from pipeline.config.schema import Configuration
    from pipeline.config.sinks import ElasticsearchSink

SinkName = Annotated[str | None, typer.Option("--sink", help="Only this sink.")]
Username = Annotated[
    str | None, typer.Option(help="Log in as this user, rather than as the sink does.")
]
Password = Annotated[
    str | None, typer.Option(help="Its password: ${env:NAME} or ${file:PATH}, not itself.")
]
ApiKeyOption = Annotated[
    str | None, typer.Option("--api-key", help="Or log in by a key: ${env:NAME} or ${file:PATH}.")
]


@setup.command("elastic")
@command
def setup_elastic(
    config: ConfigPath = DEFAULT_CONFIG,
    sink: SinkName = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done, and what differs.")
    ] = False,
    roles: Annotated[
        bool, typer.Option("--roles/--no-roles", help="Whether roles are written, too.")
    ] = True,
    rollover: Annotated[
        bool,
        typer.Option(
            "--rollover/--no-rollover",
            help="Whether a data stream rolls over whose fields changed their types.",
        ),
    ] = True,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Write over what others wrote under our names.")
    ] = False,
    username: Username = None,
    password: Password = None,
    api_key: ApiKeyOption = None,
    as_json: JsonOutput = False,
) -> None:
    """Install what every Elasticsearch sink needs: templates, retention, pipelines, roles.

    Safe to repeat: what is as it should be is left alone.
    """
    import asyncio

    from delivery.build import elasticsearch_fields, retention
    from delivery.elastic_setup.resources import Wanted
    from delivery.elastic_setup.running import set_up
    from delivery.sink import SinkUnavailable
    from delivery.templates import StreamNames
    from pipeline.cli.setup_elastic_text import as_data, said

    loaded, sinks = configured(config, sink)
    told: list[object] = []
    unfinished = False
    for settings in sinks:
        wanted = Wanted(
            names=StreamNames(namespace=settings.namespace),
            fields=elasticsearch_fields(),
            retention=retention(settings),
            roles=roles,
        )
        name = settings.name

        def note(todo: "Plan", name: str = name) -> None:
            _note(loaded, name, todo)

        try:
            outcome = asyncio.run(
                set_up(
                    connection(settings, username, password, api_key),
                    wanted,
                    dry_run=dry_run,
                    take_over=take_over,
                    roll_over=rollover,
                    before=note,
                )
            )
        except SinkUnavailable as error:
            raise Failure(f"{name}: {error.reason}") from error
        unfinished = unfinished or bool(outcome.plan.foreign)
        if as_json:
            told.append(as_data(name, outcome))
        else:
            typer.echo("\n".join(said(name, outcome)))
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(told).decode())
    if unfinished:
        raise typer.Exit(1)


@setup.command("elastic-key")
@command
def setup_elastic_key(
    who: Annotated[str, typer.Argument(help="Whose role: writer, analyst or auditor.")],
    out: Annotated[Path, typer.Option(help="File for the key; only its owner may read it.")],
    config: ConfigPath = DEFAULT_CONFIG,
    sink: SinkName = None,
    expires: Annotated[
        str | None, typer.Option(help="After which the key is worth nothing, such as 90d.")
    ] = None,
    username: Username = None,
    password: Password = None,
    api_key: ApiKeyOption = None,
) -> None:
    """Make an API key with the privileges of a role and no others, such as the sink's."""
    import asyncio

    from delivery.elastic_setup.api_keys import create_key
    from delivery.elastic_setup.roles import ROLES, Who
    from delivery.sink import SinkUnavailable
    from delivery.templates import StreamNames
    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.durations import duration_of
    from pipeline.cli.noting import noted_anyway
    from pipeline.problems import did_you_mean, one_of

    roles: dict[str, Who] = {role: role for role in ROLES}
    chosen = roles.get(who)
    if chosen is None:
        hint = did_you_mean(who, ROLES)
        meant = f": did you mean {hint}?" if hint else ""
        raise Failure(f"there is no role {who}{meant} There are {one_of(ROLES)}", CONFIGURATION)
    lasting = duration_of(expires, "--expires") if expires is not None else 0
    if expires is not None and not lasting:
        raise Failure(f"--expires {expires}: such a key would never expire", CONFIGURATION)
    loaded, sinks = configured(config, sink)
    if len(sinks) > 1:
        names = one_of([one.name for one in sinks])
        raise Failure(f"for which of the sinks, {names}? Say --sink", CONFIGURATION)
    (settings,) = sinks
    as_maker = connection(settings, username, password, api_key)
    names = StreamNames(namespace=settings.namespace)
    what = f"API key of Elasticsearch for {names.role(chosen)}, sink {settings.name}"
    with _private(out) as file:
        try:
            noted_anyway(loaded, CommandNote(what=what))
            key = asyncio.run(create_key(as_maker, chosen, names, expires_after=lasting))
        except BaseException as error:
            out.unlink()  # there is no key: it would only stand in the way of the next attempt
            if isinstance(error, SinkUnavailable):
                raise Failure(f"{settings.name}: {error.reason}") from error
            raise
        back = f'To take it back: DELETE /_security/api_key with {{"ids": ["{key.id}"]}}'
        try:
            file.write(key.encoded)
            file.flush()
        except OSError as error:
            raise Failure(
                f"the key {key.name} was made, and {out} can't be written: {error.strerror}. {back}"
            ) from None
    typer.echo(
        f"{out}: the key {key.name} (id {key.id}), {_until(key.expiration)}.\n"
        f"In the configuration: api_key: ${{file:{out}}}\n"
        f"{back}"
    )


def configured(config: Path, only: str | None) -> "tuple[Configuration, list[ElasticsearchSink]]":
    """The configuration and its sinks of Elasticsearch. Raises Failure and ProblemsFound."""
    from pipeline import logs
    from pipeline.config.loading import load_configuration
    from pipeline.config.sinks import ElasticsearchSink
    from pipeline.problems import did_you_mean, one_of

    # Its own log-in may not be there yet: it is made by what this installs.
    loaded = load_configuration(config, resolve="later")
    logs.configure(loaded.logging, stage="setup")
    sinks = [one for one in loaded.sinks if isinstance(one, ElasticsearchSink)]
    if not sinks:
        raise Failure(
            f"{config} has no sink of type elasticsearch: there is nothing to set up",
            CONFIGURATION,
        )
    if only is None:
        return loaded, sinks
    chosen = [one for one in sinks if one.name == only]
    if not chosen:
        names = [one.name for one in sinks]
        hint = did_you_mean(only, names)
        meant = f": did you mean {hint}?" if hint else ""
        raise Failure(
            f"there is no Elasticsearch sink {only}{meant} There is {one_of(names)}", CONFIGURATION
        )
    return loaded, chosen


def connection(
    settings: "ElasticsearchSink", username: str | None, password: str | None, api_key: str | None
) -> "Connection":
    """To the sink's server, as somebody else where that is said. Raises Failure."""
    import msgspec

    from delivery.build import elasticsearch_connection
    from pipeline.secrets import Secret, SecretError

    to = elasticsearch_connection(settings)
    if api_key is not None and (username is not None or password is not None):
        raise Failure("--api-key, or --username and --password: not both", CONFIGURATION)
    if (username is None) != (password is None):
        raise Failure("--username and --password go together", CONFIGURATION)
    for option, given in (("--api-key", api_key), ("--password", password)):
        if given is not None and not given.startswith("${"):
            raise Failure(
                f"{option}: a secret can't stand on the command line, which others see and your "
                "shell keeps: name where it is, as ${env:NAME} or ${file:PATH}; if this is a real "
                "secret, take it as exposed and have it replaced",
                CONFIGURATION,
            )
    try:
        if api_key is not None:
            key = Secret(api_key)
            return msgspec.structs.replace(to, api_key=key, username=None, password=None)
        if username is not None and password is not None:
            secret = Secret(password)
            return msgspec.structs.replace(to, api_key=None, username=username, password=secret)
    except SecretError as error:
        expected = f": {error.expected} is expected" if error.expected else ""
        raise Failure(f"{error}{expected}", CONFIGURATION) from None
    return to


def _note(loaded: "Configuration", name: str, todo: "Plan") -> None:
    """What will be changed, for the audit log, where there is one."""
    import msgspec

    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.noting import noted_anyway

    written = [f"{change.resource.kind} {change.resource.name}" for change in todo.changes]
    after = {"written": written, "data_streams": [one.stream for one in todo.streams]}
    noted_anyway(
        loaded,
        CommandNote(
            action="configuration-changed",
            what=f"Elasticsearch of the sink {name}",
            after=msgspec.Raw(msgspec.json.encode(after)),
        ),
    )


def _private(out: Path):
    import os

    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure(f"{out} is there already: remove it, or say another file") from None
    except OSError as error:
        raise Failure(f"can't write {out}: {error.strerror}") from None
    return os.fdopen(descriptor, "w")


def _until(expiration: int | None) -> str:
    from datetime import UTC, datetime

    if expiration is None:
        return "which doesn't expire"
    return f"good until {datetime.fromtimestamp(expiration / 1000, UTC):%Y-%m-%d %H:%M} UTC"
