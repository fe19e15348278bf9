"""Which sink a command reads what was delivered out of: by its options, or as it is configured."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.failures import CONFIGURATION, Failure

if TYPE_CHECKING:
    from evidence.investigation.archive import Archive
    from pipeline.config.schema import Configuration
    from pipeline.config.sinks import ElasticsearchSink

Out = Annotated[
    Path | None, typer.Option("--out", help="From the folder that the file sink writes to.")
]
FromElasticsearch = Annotated[
    bool, typer.Option("--elasticsearch", help="From the configured Elasticsearch sink.")
]
WhichSink = Annotated[
    str | None, typer.Option("--sink", help="Which Elasticsearch sink, where there are several.")
]
#: The same for commands that look at what was alerted, without either in the configured file sink.
DeliveredOut = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="A folder that a file sink writes to.",
        show_default="the configured file sink's",
    ),
]
DeliveredElasticsearch = Annotated[
    bool, typer.Option("--elasticsearch", help="Alerts of the configured Elasticsearch sink.")
]

#: Where a token is, no token.
SPLUNK_TOKEN = "${env:SPLUNK_TOKEN}"  # noqa: S105
FromSplunk = Annotated[
    str | None,
    typer.Option("--splunk", metavar="URL", help="From Splunk: its management port, 8089."),
]
SplunkToken = Annotated[
    str,
    typer.Option("--splunk-token", metavar="REFERENCE", help="Where its authentication token is."),
]
SplunkIndexes = Annotated[
    list[str] | None,
    typer.Option("--splunk-index", help="Its indexes.", show_default="tapewatch, tapewatch_alerts"),
]
SplunkAuthority = Annotated[
    Path | None, typer.Option("--splunk-ca", help="Authority of its certificate, PEM.")
]


def check_one(out: Path | None, elasticsearch: bool, sink: str | None) -> None:
    """Raise Failure where the options `--out`, `--elasticsearch` and `--sink` say several."""
    if out is not None and elasticsearch:
        raise Failure("say --out or --elasticsearch, not both", CONFIGURATION)
    if sink is not None and not elasticsearch:
        raise Failure("--sink belongs to --elasticsearch", CONFIGURATION)


def check_of_splunk(
    splunk: str | None, token: str, indexes: Sequence[str] | None, authority: Path | None
) -> None:
    """Raise Failure where an option says how to ask Splunk, and nothing that it is asked."""
    if splunk is not None:
        return
    strays = {
        "--splunk-token": token != SPLUNK_TOKEN,
        "--splunk-index": bool(indexes),
        "--splunk-ca": authority is not None,
    }
    for option, stray in strays.items():
        if stray:
            raise Failure(f"{option} belongs to --splunk", CONFIGURATION)


def file_sink_folder(loaded: "Configuration", config: Path) -> Path:
    """The folder of the first file sink in the configuration, a file. Raises Failure."""
    from pipeline.config.sinks import FileSink

    folder = next((one.path for one in loaded.sinks if isinstance(one, FileSink)), None)
    if folder is None:
        said = f"{config} has no file sink: say --elasticsearch, or --out FOLDER"
        raise Failure(said, CONFIGURATION)
    return folder


def archive_of_sink(sink: "ElasticsearchSink") -> "Archive":
    """The data streams of a sink, to look things up in."""
    from delivery.build import elasticsearch_connection
    from delivery.templates import StreamNames
    from evidence.investigation.elasticsearch_archive import ElasticsearchArchive

    names = StreamNames(namespace=sink.namespace)
    return ElasticsearchArchive(
        elasticsearch_connection(sink),
        alerts=names.stream("alerts"),
        events=names.stream("events"),
        cases=names.stream("cases"),
    )
