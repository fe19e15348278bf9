"""What is looked at before anything starts: files that a stage could not run without."""

from collections.abc import Iterator

from pipeline.cli.failures import CONFIGURATION, Failure
from pipeline.config.schema import Configuration
from pipeline.config.sources import ReplaySource
from pipeline.problems import Problem, ProblemsFound


def preflight(config: Configuration) -> None:
    """Read reference data, rules and the heads of recordings. Raises what is wrong, all of it."""
    from collectors.recording import UNREADABLE, RecordingError
    from detections.rules import load_rules
    from normalizer.reference_files import load_reference
    from pipeline.cli.stages import venues

    problems: list[Problem] = []
    for load, paths in ((load_reference, config.reference), (load_rules, config.detections.rules)):
        try:
            load(paths)
        except ProblemsFound as found:
            problems += found.problems
    if problems:
        raise ProblemsFound(problems)
    for name, error in mask_errors(config):
        raise Failure(f"{name}: {error}", CONFIGURATION)
    if (error := audit_error(config)) is not None:
        raise Failure(f"audit: {error}", CONFIGURATION)
    try:
        venues(config)
        _no_name_twice(config)
    except (RecordingError, *UNREADABLE) as error:
        raise Failure(str(error), CONFIGURATION) from error


def mask_errors(config: Configuration) -> Iterator[tuple[str, str]]:
    """Sinks and notifications whose mask can't be applied, and why. They would get nothing."""
    from delivery.build import build_masker
    from delivery.mask import MaskError

    for settings in (*config.sinks, *config.notifications):
        try:
            build_masker(settings)
        except MaskError as error:
            yield settings.name, str(error)


def audit_error(config: Configuration) -> str | None:
    """Why the audit log can't be kept with this key in this folder; None if it can, or needn't."""
    from evidence.audit.notes import NoteWrong, SigningKey
    from evidence.audit.store import AuditFolder, AuditLogFailed
    from pipeline.secrets import SecretError

    if config.audit is None:
        return None
    folder = AuditFolder(config.audit.path)
    try:
        key = SigningKey.parse(config.audit.key.reveal())
        there = folder.key() if folder.segments() else key.verifying
    except (NoteWrong, SecretError, AuditLogFailed) as error:
        return f"{error}: see `tapewatch audit key`"
    if str(there) != str(key.verifying):
        return f"the log in {folder.path} is of another key: {there}"
    return None


def _no_name_twice(config: Configuration) -> None:
    """Recordings name their sources themselves. Where each goes on is kept by name."""
    from collectors.recording import read_header

    owners: dict[str, str] = {}
    for source in config.sources:
        if isinstance(source, ReplaySource) and source.protocol == "recorded":
            names = [recorded.name for recorded in read_header(source.path).sources]
        else:
            names = [source.name]
        for name in names:
            if name in owners:
                raise Failure(
                    f"sources {owners[name]} and {source.name} both send frames of {name}: "
                    "run them one after the other, on another bus.path or bus.prefix",
                    CONFIGURATION,
                )
            owners[name] = source.name
