"""``tapewatch run``: all stages, or one."""

import os
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, app
from pipeline.cli.failures import CONFIGURATION, Failure, command

if TYPE_CHECKING:
    from pipeline.config.schema import Configuration
    from pipeline.run_summary import RunSummary

StageName = Literal[
    "collectors", "normalizer", "detections", "clusters", "cases", "delivery", "reports", "audit"
]  # fmt: skip


@app.command()
@command
def run(
    config: ConfigPath = DEFAULT_CONFIG,
    only: Annotated[
        StageName | None, typer.Option(help="Run one stage, on a bus that is there.")
    ] = None,
    until_done: Annotated[
        bool,
        typer.Option(
            "--until-done", help="End when all recordings are read and everything is delivered."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --until-done: print what was done as JSON.")
    ] = False,
) -> None:
    """Watch: run all stages until stopped (Ctrl-C), or one of them with --only.

    With --until-done it says at its end what was read, found and delivered.
    """
    from normalizer.events.taxonomy import fields
    from pipeline import logs
    from pipeline.config.loading import load_configuration
    from pipeline.problems import Problem, render
    from pipeline.supervisor import SUPERVISED, Supervisor

    if as_json and not until_done:
        raise Failure("--json belongs to --until-done", CONFIGURATION)
    warnings: list[Problem] = []
    loaded = load_configuration(config, warnings=warnings, fields=fields())
    supervised = SUPERVISED in os.environ
    logs.configure(loaded.logging, stage=only or "supervisor")
    if warnings and not supervised:
        typer.echo(render(warnings), err=True)
    if only is None:
        from pipeline.cli.preflight import preflight
        from pipeline.cli.reloading import Reloading
        from pipeline.process import run as run_process

        preflight(loaded)
        supervisor = Supervisor(loaded, config, reloader=Reloading(config))
        run_process(supervisor.run(until_done=until_done))
        if until_done and supervisor.summary is not None:
            _say(supervisor.summary, as_json=as_json)
    else:
        _run_stage(only, loaded, supervised)


def _say(summary: "RunSummary", *, as_json: bool) -> None:
    import msgspec

    from pipeline.run_summary import summary_text

    if as_json:
        typer.echo(msgspec.json.encode(summary))
    else:
        typer.echo(summary_text(summary))


def _run_stage(stage: StageName, config: "Configuration", supervised: bool) -> None:
    import structlog

    from pipeline.cli.stages import run_stage
    from pipeline.exception_groups import first_leaf
    from pipeline.observability import Endpoint, Health
    from pipeline.problems import ProblemsFound
    from pipeline.process import run as run_process

    endpoint = None
    health = Health()
    if config.observability.enabled and not supervised:
        endpoint = Endpoint(config.observability, lambda: health)
    try:
        run_process(run_stage(stage, config, health))
    except (ProblemsFound, Failure):
        raise
    except Exception as error:
        # The supervisor starts the stage again; whoever mends it needs all of this.
        structlog.get_logger(__name__).error("stage failed", exc_info=error)
        first = first_leaf(error)
        raise Failure(f"{stage} failed: {type(first).__name__}: {first}") from error
    finally:
        if endpoint is not None:
            endpoint.close()
