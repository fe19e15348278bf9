"""Which rules a command is about that names none: those of the configuration, or `sigma_rules`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from msgspec import Struct

from pipeline.cli.app import DEFAULT_CONFIG
from pipeline.cli.names_from_here import from_here
from pipeline.cli.rules import DEFAULT_RULES

if TYPE_CHECKING:
    from pipeline.cli.delivered import Delivered

#: What `--help` says of the rules.
CONFIGURED = "the configured ones, else sigma_rules"
RulesConfig = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The configuration that names the rules, where the command line names none.",
        envvar="TAPEWATCH_CONFIG",
        show_default=str(DEFAULT_CONFIG),
    ),
]
MeantRules = Annotated[
    list[Path] | None,
    typer.Option("--rules", help="Rule files or folders.", show_default=CONFIGURED),
]


class Meant(NamedTuple):
    """The rules that a command is about, with the pySigma pipelines for them."""

    rules: list[Path]
    pipelines: list[Path]


def meant_rules(
    named: Sequence[Path], pipelines: Sequence[Path] | None, config: Path | None
) -> Meant:
    """Those that the command line names, or those of a configuration, which is said then.

    What a configuration says of its detections must be good: to check other rules in the place of
    those that run would say nothing of these. The rest of it may be for another machine. Raises
    ProblemsFound.
    """
    if named:
        return Meant([*named], [*(pipelines or ())])
    path = config or DEFAULT_CONFIG
    if config is None and not path.exists():
        return _default(pipelines, f"there is no {path} here")
    found = configured_rules(path, needed=config is not None)
    if found is None:
        return _default(pipelines, f"{path} names none")
    _say(found.rules, f"detections.rules of {path}")
    return found if pipelines is None else found._replace(pipelines=[*pipelines])


def configured_rules(path: Path, *, needed: bool = False) -> Meant | None:
    """The rules that a configuration names; None where it has nothing of detections, unless that is
    needed. The rest of it isn't looked at. Raises ProblemsFound."""
    from pipeline.config.schema import Detections
    from pipeline.structured import load

    class Named(Struct):
        detections: Detections

    class MayBeNamed(Struct):
        detections: Detections | None = None

    form = Named if needed else MayBeNamed
    found = load(path, form, other_keys=None, resolve="later").detections
    if found is None:
        return None
    return Meant([from_here(one) for one in found.rules], [*found.pipelines])


def delivered_rules(
    named: Sequence[Path], pipelines: Sequence[Path] | None, found: "Delivered", config: Path
) -> Meant:
    """Those that the command line names, or those that gave what the configured sink holds.

    Of a folder that was named instead, those that `meant_rules` tells. Raises ProblemsFound.
    """
    if not named and not found.rules:
        return meant_rules(named, pipelines, None if config == DEFAULT_CONFIG else config)
    chosen = [*named] or [from_here(one) for one in found.rules]
    return Meant(chosen, [*(found.pipelines if pipelines is None else pipelines)])


def _default(pipelines: Sequence[Path] | None, why: str) -> Meant:
    _say([DEFAULT_RULES], why)
    return Meant([DEFAULT_RULES], [*(pipelines or ())])


def _say(rules: Sequence[Path], why: str) -> None:
    typer.echo(f"rules: {', '.join(map(str, rules))} ({why})", err=True)
