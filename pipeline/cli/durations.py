"""Durations as options have them: `90d`, `1h30m`."""

from pipeline.failure import CONFIGURATION, Failure
from pipeline.units import UnitError, parse_duration


def duration_of(text: str, option: str) -> int:
    """Nanoseconds. Raises Failure, which says what was meant or what to do."""
    try:
        return parse_duration(text)
    except UnitError as error:
        meant = f": did you mean {error.hint}?" if error.hint else ""
        todo = f": {error.advice}" if error.advice and not meant else ""
        raise Failure(f"{option} {text}: {error}{meant}{todo}", CONFIGURATION) from None
