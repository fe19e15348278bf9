"""``tapewatch rules new``: a rule to begin with, and its test beside it."""

import shlex
import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec import Struct

from normalizer.events.alert import SEVERITY, Level
from pipeline.cli.app import JsonOutput
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.rules import rules
from pipeline.problems import did_you_mean, one_of, shown

if TYPE_CHECKING:
    from detections.scaffolding.heading import Heading, Scaffold

_DEFAULT_ACTION = "token-transfer"
_DEFAULT_RULES = Path("sigma_rules")


class Written(Struct, frozen=True, kw_only=True):
    """What ``tapewatch rules new --json`` prints."""

    id: str
    title: str
    rule: str
    tests: str
    example: str | None
    """The file whose parameters and tests it begins with."""


@rules.command()
@command
def new(
    file: Annotated[Path, typer.Argument(help="The rule's file, such as my_rules/spoofing/a.yml.")],
    correlator: Annotated[
        str | None,
        typer.Option(help="A rule of this correlator.", show_default="a Sigma rule"),
    ] = None,
    action: Annotated[
        str | None,
        typer.Option(help="A Sigma rule about this kind of event.", show_default=_DEFAULT_ACTION),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Its title.", show_default="of the file's name")
    ] = None,
    typology: Annotated[
        str | None,
        typer.Option(
            help="The kind of abuse.", show_default="the correlator's, else the folder's name"
        ),
    ] = None,
    level: Annotated[
        Level | None,
        typer.Option(help="How bad it is.", show_default="the example's, else medium"),
    ] = None,
    author: Annotated[
        str | None, typer.Option(help="Who writes it.", show_default="the system's user")
    ] = None,
    examples: Annotated[
        list[Path] | None,
        typer.Option(
            "--rules",
            help="Where to look for a rule of the correlator, to begin with its parameters and "
            "tests.",
            show_default=str(_DEFAULT_RULES),
        ),
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Write a new rule, and a test beside it: both good as they are, and yours to change.

    With --correlator all its parameters are in it, with units, ranges and defaults. No file is ever
    overwritten.
    """
    from pipeline.system_users import current_user

    if correlator is not None and action is not None:
        raise Failure("--correlator and --action are for two kinds of rule", CONFIGURATION)
    path = _rule_path(file)
    tests = path.with_name(f"{path.stem}.test{path.suffix}")
    for one in (path, tests):
        if one.exists():
            raise Failure(f"{one} is there already, and is left as it is", CONFIGURATION)
    from detections.scaffolding.heading import Heading

    heading = Heading(
        title=_title(title, path),
        id=str(uuid.uuid4()),
        author=author or current_user(),
        date=datetime.now(UTC).date().isoformat(),
        typology=_typology(typology, correlator, path),
        level=level or "medium",
    )
    scaffold = _scaffold(heading, correlator, action, level, examples)
    _check(scaffold.rule, path)
    _write(path, scaffold.rule, tests, scaffold.tests)
    written = Written(
        id=heading.id,
        title=heading.title,
        rule=str(path),
        tests=str(tests),
        example=scaffold.example,
    )
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(written), indent=2))
    else:
        _say(written, correlator)


def _check(rule: str, path: Path) -> None:
    """Raises ProblemsFound where what was given makes a bad rule, such as by its title."""
    from detections.rules.loading import rules_of
    from detections.rules.rule_text import parse_rule_file

    rules_of([parse_rule_file(rule.encode(), name=str(path), folder=path.parent)])


def _rule_path(file: Path) -> Path:
    """With `.yml` where it has no such ending. Raises Failure for what is no rule's file."""
    from detections.rules.files import RULE_SUFFIXES, content_of, is_test_file

    path = file if file.suffix.lower() in RULE_SUFFIXES else file.with_name(f"{file.name}.yml")
    if file.is_dir() or not file.name:
        raise Failure(f"{file} is a folder: name the rule's file in it", CONFIGURATION)
    if is_test_file(path) or content_of(path.name) != "rules" or path.name.startswith("."):
        said = f"{path} isn't the name of a rule's file: expected one such as agent_added.yml"
        raise Failure(said, CONFIGURATION)
    return path


def _title(given: str | None, path: Path) -> str:
    words = given if given is not None else path.stem.replace("_", " ").replace("-", " ")
    found = " ".join(words.split())
    if not found:
        raise Failure("a rule must have a title: say --title", CONFIGURATION)
    return found if given is not None else found[0].upper() + found[1:]


def _typology(given: str | None, correlator: str | None, path: Path) -> str:
    from detections.typologies import TYPOLOGIES

    of_correlator = None
    if correlator is not None:
        from detections.correlators.base import correlators

        name = _known(correlator, correlators(), "there is no correlator")
        of_correlator = correlators()[name].typology
    if given is not None:
        return _known(given, TYPOLOGIES, "there is no typology")
    if of_correlator is not None:
        return of_correlator
    folder = path.absolute().parent.name
    if folder in TYPOLOGIES:
        return folder
    hint = did_you_mean(folder, TYPOLOGIES)
    meant = f"; for the folder {shown(folder)} did you mean {hint}?" if hint else ""
    raise Failure(
        "say what kind of abuse the rule is for, by --typology or by a folder of that name: "
        f"{one_of(TYPOLOGIES)}{meant}",
        CONFIGURATION,
    )


def _known(name: str, names: Collection[str], message: str) -> str:
    if name in names:
        return name
    hint = did_you_mean(name, names)
    meant = f"; did you mean {hint}?" if hint else f"; expected {one_of(names)}"
    raise Failure(f"{message} {shown(name)}{meant}", CONFIGURATION)


def _scaffold(
    heading: "Heading",
    correlator: str | None,
    action: str | None,
    level: Level | None,
    examples: list[Path] | None,
) -> "Scaffold":
    if correlator is not None:
        from detections.scaffolding.correlator_rule import new_correlator_rule

        _check_level(correlator, level)
        if examples is None:
            examples = [_DEFAULT_RULES] if _DEFAULT_RULES.exists() else []
        return new_correlator_rule(heading, correlator, examples, level=level)
    from detections.scaffolding.sigma_rule import event_actions, new_sigma_rule

    chosen = _known(action or _DEFAULT_ACTION, event_actions(), "there are no events")
    return new_sigma_rule(heading, chosen)


def _check_level(correlator: str, level: Level | None) -> None:
    from detections.correlators.base import correlators

    highest = correlators()[correlator].highest_level
    if level is not None and highest is not None and SEVERITY[level] > SEVERITY[highest]:
        said = f"a rule of the correlator {correlator} can't have the level {level}"
        raise Failure(f"{said}: expected {highest} or lower", CONFIGURATION)


def _write(rule: Path, rule_text: str, tests: Path, tests_text: str) -> None:
    """Both, or neither; never over another file."""
    done: list[Path] = []
    try:
        rule.parent.mkdir(parents=True, exist_ok=True)
        for path, text in ((rule, rule_text), (tests, tests_text)):
            with path.open("x", encoding="utf-8", newline="\n") as out:
                done.append(path)
                out.write(text)
    except FileExistsError as error:
        _undo(done)
        said = f"{error.filename} is there already, and is left as it is"
        raise Failure(said, CONFIGURATION) from error
    except OSError as error:
        _undo(done)
        where = error.filename or rule
        raise Failure(f"can't write {where}: {error.strerror}", FAILED) from error


def _undo(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _say(written: Written, correlator: str | None) -> None:
    typer.echo(f"wrote {written.rule}")
    typer.echo(f"wrote {written.tests}")
    if written.example is not None:
        typer.echo(f"with the parameters and two tests of {written.example}")
    elif correlator is not None:
        typer.echo("without a test in which it alerts: no rule was found to take one of")
    typer.echo("\nSay in it what it is for, then try it:")
    typer.echo(f"  tapewatch rules check --rules {shlex.quote(written.rule)}")
    typer.echo(f"  tapewatch rules test --rules {shlex.quote(written.rule)}")
