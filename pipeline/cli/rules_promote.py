"""``tapewatch rules promote``: a staged rule goes live."""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec import Struct

from pipeline.cli.app import JsonOutput
from pipeline.cli.failures import CONFIGURATION, Failure, command
from pipeline.cli.rules import PipelineFiles, rules

if TYPE_CHECKING:
    from detections.rules.model import Rule

_DEFAULT_RULES = Path("sigma_rules")


class Promoted(Struct, frozen=True, kw_only=True):
    """What ``tapewatch rules promote --json`` prints."""

    id: str
    title: str
    file: str
    written: bool
    diff: str


@rules.command()
@command
def promote(
    rule: Annotated[str, typer.Argument(help="Its id, its name, or its file's name without .yml.")],
    paths: Annotated[
        list[Path] | None,
        typer.Option("--rules", help="Rule files or folders.", show_default=str(_DEFAULT_RULES)),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    pipelines: PipelineFiles = None,
    as_json: JsonOutput = False,
) -> None:
    """Take a rule off its trial: remove `staged: true` from its file, and show the difference.

    Nothing is written unless all rules are good before and after.
    """
    from detections.backtest.rule_documents import find_rule
    from detections.backtest.sweeps import SweepError
    from detections.rules.loading import read_rules, rules_of
    from detections.staging.promotion import CannotPromote, promoted
    from pipeline.yaml_source import parse_bytes

    files, problems = read_rules(paths or [_DEFAULT_RULES])
    before = rules_of(files, problems, pipelines=pipelines or ())
    try:
        place = find_rule(files, rule)
    except SweepError as error:
        raise Failure(str(error), CONFIGURATION) from error
    source = files[place.file].source
    path = Path(source.name)
    location = files[place.file].documents[place.document].location
    found = next(one for one in before.rules if one.location == location)
    data = path.read_bytes()
    try:
        change = promoted(data, place.document, source.name)
    except CannotPromote as error:
        raise Failure(str(error), CONFIGURATION) from error
    changed = list(files)
    changed[place.file] = parse_bytes(change.after, name=source.name, folder=source.folder)
    rules_of(changed, problems, pipelines=pipelines or ())
    if not dry_run:
        _replace(path, change.after)
    _tell(found, path, change.before, change.after, written=not dry_run, as_json=as_json)


def _replace(path: Path, data: bytes) -> None:
    """Write the file anew in one step, with the rights that it had."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_bytes(data)
        temporary.chmod(path.stat().st_mode & 0o7777)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Failure(f"can't write {path}: {error.strerror}") from error


def _tell(
    rule: "Rule", path: Path, before: bytes, after: bytes, *, written: bool, as_json: bool
) -> None:
    lines = difflib.unified_diff(
        before.decode().splitlines(),
        after.decode().splitlines(),
        f"{path} (staged)",
        f"{path} (live)",
        lineterm="",
    )
    diff = "\n".join(lines)
    if as_json:
        told = Promoted(id=rule.id, title=rule.title, file=str(path), written=written, diff=diff)
        typer.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))
        return
    typer.echo(diff)
    if written:
        typer.echo(f"\n{rule.title} is live from the next `tapewatch reload` or start on.")
