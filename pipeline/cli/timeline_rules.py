"""Texts of the rules that alerted, as they were then: out of files, or of what was in force."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli.rules import DEFAULT_RULES
from pipeline.cli.rules_meant import Meant, configured_rules
from pipeline.failure import Failure
from pipeline.problems import ProblemsFound

if TYPE_CHECKING:
    from evidence.investigation.export import RuleText
    from pipeline.bus.rule_archive import RuleFile

#: What `--help` says of them.
AS_THEY_WERE = "the configured ones, else sigma_rules; then what was in force"


def rule_texts(hashes: Collection[str], named: Sequence[Path], config: Path) -> list["RuleText"]:
    """The files with the very rules of these hashes; without those that could not be had.

    They are looked for in the named rules, or else the configured ones, or else `sigma_rules`; what
    is not there as it was, among the rule sets that were in force, which the configured bus keeps.
    Raises ProblemsFound where rules that were named can't be read.
    """
    from evidence.investigation.export import RuleText

    found = _in_files(hashes, named, config)
    missing = set(hashes) - {one.hash for one in found}
    if missing and config.is_file():
        for digest, file in sorted(_archived(missing, config).items()):
            text = file.data.decode("utf-8", "replace")
            found.append(RuleText(hash=digest, name=Path(file.name).stem, text=text))
    return found


def _in_files(hashes: Collection[str], named: Sequence[Path], config: Path) -> list["RuleText"]:
    from detections.rules import load_rules
    from evidence.investigation.export import RuleText

    try:
        configured = configured_rules(config) if config.is_file() else None
        paths, pipelines = configured or Meant(
            [DEFAULT_RULES] if DEFAULT_RULES.is_dir() else [], []
        )
        paths = [*named] or paths
        rules = load_rules(paths, pipelines).rules if paths else []
    except ProblemsFound:
        if named:
            raise
        return []  # nobody named them: that they are unknown is told
    files = {rule.hash: Path(rule.location.file) for rule in rules if rule.hash in hashes}
    return [
        RuleText(hash=digest, name=file.stem, text=file.read_text("utf-8"))
        for digest, file in files.items()
    ]


def _archived(hashes: Collection[str], path: Path) -> dict[str, "RuleFile"]:
    """Where the bus can't be read, nothing, and that is said."""
    import asyncio

    import nats.errors

    from detections.lanes.archived_texts import archived_texts
    from detections.lanes.rules_in_force import existing_archive
    from pipeline.bus.opened import opened_bus
    from pipeline.config.loading import load_configuration

    async def read() -> dict[str, "RuleFile"]:
        config = load_configuration(path, resolve="later")
        async with opened_bus(config.bus, name="timeline") as bus:
            archive = await existing_archive(bus)
            return {} if archive is None else await archived_texts(archive, hashes)

    try:
        return asyncio.run(read())
    except (Failure, ProblemsFound, nats.errors.Error, TimeoutError) as error:
        why = str(error) or "the bus didn't answer in time"
        typer.echo(f"rules that were in force could not be looked at: {why}", err=True)
        return {}
