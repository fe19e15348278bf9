"""What is looked at before anything starts: files that a stage could not run without."""

from pipeline.cli.failures import CONFIGURATION, Failure
from pipeline.config.schema import Configuration
from pipeline.problems import Problem, ProblemsFound


def preflight(config: Configuration) -> None:
    """Read reference data, rules and the heads of recordings. Raises what is wrong, all of it."""
    from collectors.recording import RecordingError
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
    try:
        venues(config)
    except (RecordingError, OSError) as error:
        raise Failure(str(error), CONFIGURATION) from error
