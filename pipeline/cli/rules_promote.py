"""``tapewatch rules promote``: a staged rule goes live."""

from typing import Annotated

import msgspec
import typer
from msgspec import Struct

from pipeline.cli.app import JsonOutput
from pipeline.cli.failures import CONFIGURATION, Failure, command
from pipeline.cli.rules import PipelineFiles, RulePaths, rules, rules_said
from pipeline.cli.rules_meant import MeantRules, RulesConfig, meant_rules


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
    rule: Annotated[
        str, typer.Argument(help="Its id, name or title, or its file where that has no other.")
    ],
    paths: RulePaths = None,
    rule_files: MeantRules = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    pipelines: PipelineFiles = None,
    config: RulesConfig = None,
    as_json: JsonOutput = False,
) -> None:
    """Take a rule off its trial: remove `staged: true` from its file, and show the difference.

    Nothing is written unless all rules are good before and after.
    """
    from detections.staging.promotion import CannotPromote, promoted
    from pipeline.cli.rule_file_change import RuleFileChange

    meant = meant_rules(rules_said(rule_files, paths), pipelines, config)
    change = RuleFileChange(meant.rules, rule, meant.pipelines)
    try:
        after = promoted(change.before, change.document, change.name).after
    except CannotPromote as error:
        raise Failure(str(error), CONFIGURATION) from error
    change.check(after)
    if not dry_run:
        change.write(after)
    told = Promoted(
        id=change.rule.id,
        title=change.rule.title,
        file=str(change.path),
        written=not dry_run,
        diff=change.difference(after, "staged", "live"),
    )
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))
        return
    typer.echo(told.diff)
    if told.written:
        typer.echo(f"\n{told.title} is live from the next `tapewatch reload` or start on.")
