"""``tapewatch setup elastic``: what the sinks of Elasticsearch need."""

import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath
from pipeline.cli.failures import Failure, command
from pipeline.cli.setup import setup


@setup.command("elastic")
@command
def setup_elastic(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Install the Elasticsearch templates of every configured sink. Safe to repeat."""
    import asyncio

    from delivery.build import build_elasticsearch
    from delivery.sink import SinkUnavailable
    from pipeline import logs
    from pipeline.config.loading import load_configuration
    from pipeline.config.sinks import ElasticsearchSink

    loaded = load_configuration(config)
    logs.configure(loaded.logging, stage="setup")
    sinks = [sink for sink in loaded.sinks if isinstance(sink, ElasticsearchSink)]
    if not sinks:
        raise Failure(f"{config} has no sink of type elasticsearch: there is nothing to set up")
    for settings in sinks:
        try:
            report = asyncio.run(build_elasticsearch(settings).install_templates())
        except SinkUnavailable as error:
            raise Failure(f"{settings.name}: {error.reason}") from error
        written, unchanged = len(report.written), len(report.unchanged)
        typer.echo(f"{settings.name}: {written} templates written, {unchanged} as they should be")
        for name in report.written:
            typer.echo(f"  written: {name}")
        for sentence in (*report.left_out, *report.doubts):
            typer.echo(f"  note: {sentence}")
