"""``tapewatch rules calibrate``: a rule's confidence is held to what people found of its alerts."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec import Struct

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput
from pipeline.cli.chosen_sink import DeliveredElasticsearch, DeliveredOut, WhichSink
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.rules import PipelineFiles, RulePaths, Verdicts, rules, rules_said
from pipeline.cli.rules_meant import MeantRules, delivered_rules
from pipeline.page.words import plural

if TYPE_CHECKING:
    from detections.staging.sureness import Sureness


class CalibrationReport(Struct, frozen=True, kw_only=True):
    """What ``tapewatch rules calibrate --json`` prints."""

    id: str
    title: str
    file: str
    judged: int
    """By all verdicts, those that its file had before with them."""
    right: int
    said: float
    """The confidence that stands for those of these alerts, as the rule says by itself."""
    says_now: float
    """What an alert of that confidence says from now on."""
    new: "Sureness"
    """What was found of the rule as it is in its file."""
    written: bool
    diff: str


@rules.command()
@command
def calibrate(
    rule: Annotated[
        str, typer.Argument(help="Its id, name or title, or its file where that has no other.")
    ],
    paths: RulePaths = None,
    rule_files: MeantRules = None,
    out: DeliveredOut = None,
    elasticsearch: DeliveredElasticsearch = False,
    sink: WhichSink = None,
    labels: Verdicts = None,
    least: Annotated[int, typer.Option(min=1, help="Cases that must have been judged.")] = 10,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    pipelines: PipelineFiles = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonOutput = False,
) -> None:
    """Write into a rule how often its alerts were right, so that their confidence says so.

    Verdicts are those of closed cases, each counted once, and labels. Exit 1 where too few alerts
    of the rule as it is now were judged; nothing is written then.
    """
    from detections.staging.advice import Criteria
    from detections.staging.calibrating import CannotCalibrate, calibrated, with_verdicts
    from pipeline.cli.delivered import delivered
    from pipeline.cli.delivered_statistics import gather
    from pipeline.cli.rule_file_change import RuleFileChange

    found = delivered(config, out=out, elasticsearch=elasticsearch, sink=sink)
    meant = delivered_rules(rules_said(rule_files, paths), pipelines, found, config)
    change = RuleFileChange(meant.rules, rule, meant.pipelines)
    gathered = gather(found, change.ruleset, labels)
    of_all = gathered.statistics.rules(Criteria())
    mine = next((one for one in of_all if one.id == change.rule.id), None)
    new = None if mine is None else mine.sureness
    if new is None or new.judged < least:
        from pipeline.cli.rules_stats_text import NAMELESS

        known = 0 if new is None else new.judged
        left_out = gathered.nameless_cases
        why = f". {plural(left_out, 'case')} left out: {NAMELESS}" if left_out else ""
        raise Failure(
            f"{known:,} of {least:,} verdicts that are wanted on alerts of {change.rule.title}, as "
            f"it is in {change.path}: close cases of its alerts with a reason code that says "
            f"whether there was a breach, or give --labels{why}",
            FAILED,
        )
    outcomes = gathered.statistics.outcomes(change.rule)
    calibration = with_verdicts(change.rule.calibration, outcomes)
    try:
        after = calibrated(change.before, change.document, change.name, calibration).after
    except CannotCalibrate as error:
        raise Failure(str(error), CONFIGURATION) from error
    change.check(after)
    if not dry_run:
        change.write(after)
    report = CalibrationReport(
        id=change.rule.id,
        title=change.rule.title,
        file=str(change.path),
        judged=calibration.judged,
        right=calibration.right,
        said=calibration.said,
        says_now=round(calibration.calibrated(calibration.said), 4),
        new=new,
        written=not dry_run,
        diff=change.difference(after, "before", "calibrated"),
    )
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
        return
    typer.echo(report.diff)
    typer.echo(
        f"\n{calibration.right:,} of {calibration.judged:,} were right: where {report.title} said "
        f"{calibration.said:.2f} by itself, its alerts say {report.says_now:.2f}"
    )
    if report.written:
        typer.echo("from the next `tapewatch reload` or start on.")
