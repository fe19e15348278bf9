"""``tapewatch audit index``: the log in Elasticsearch, to search it."""

import asyncio
from typing import Annotated

import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput
from pipeline.cli.audit import KeyOption, Log, audit, open_log
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command


@audit.command("index")
@command
def index(
    log: Log,
    config: ConfigPath = DEFAULT_CONFIG,
    sink: Annotated[str | None, typer.Option("--sink", help="Which Elasticsearch sink's.")] = None,
    key: KeyOption = None,
    as_json: JsonOutput = False,
) -> None:
    """Put what is signed into Elasticsearch, to search it there. Each entry once: repeat it."""
    import msgspec

    from delivery.build import elasticsearch_connection
    from delivery.sink import SinkUnavailable
    from delivery.templates import StreamNames
    from evidence.audit.elasticsearch_index import index_log
    from evidence.audit.entries import EntryUnreadable
    from evidence.audit.export import signed_now
    from pipeline.cli.setup_elastic import configured
    from pipeline.problems import one_of

    folder, trusted = open_log(log, key)
    _, sinks = configured(config, sink)
    if len(sinks) > 1:
        names = one_of([one.name for one in sinks])
        raise Failure(f"into which of {names}? Say --sink", CONFIGURATION)
    (settings,) = sinks
    if settings.mask is not None:
        raise Failure(
            f"the sink {settings.name} has a mask, and what is signed can't be masked: say another",
            CONFIGURATION,
        )
    signed = signed_now(folder, trusted)
    try:
        found = asyncio.run(
            index_log(
                folder,
                signed.checkpoint,
                elasticsearch_connection(settings),
                StreamNames(namespace=settings.namespace),
            )
        )
    except SinkUnavailable as error:
        raise Failure(f"{settings.name}: {error.reason}", FAILED) from error
    except EntryUnreadable as error:
        raise Failure(f"{log}: {error}: see tapewatch audit verify", FAILED) from error
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        typer.echo(f"{found.written:,} entries written, {found.end:,} are there")
