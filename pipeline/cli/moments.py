"""Moments as people name them: a time, a day, `2h ago`, `now`, or the number of a message."""

from typing import Literal

from pipeline.cli.failures import CONFIGURATION, Failure
from pipeline.units import UnitError, parse_duration

_AGO = " ago"


def moment_of(
    text: str, option: Literal["--from", "--to", "--at"], *, now: int, numbers: bool = False
) -> int:
    """Nanoseconds since the epoch. A day is meant to its end, but where `--from` names it.

    `now` is what `ago` counts from. With `numbers`, the message says that these would do as well.
    Raises Failure.
    """
    from detections.backtest.label_files import moment
    from detections.reading import NotAnEvent

    said = text.strip()
    if said == "now":
        return now
    if said.endswith(_AGO):
        try:
            return now - parse_duration(said.removesuffix(_AGO))
        except UnitError as error:
            hint = f": did you mean {error.hint}{_AGO}?" if error.hint else ""
            raise Failure(f"{option} {text}: {error}{hint}", CONFIGURATION) from error
    try:
        return moment(said, end=option != "--from")
    except NotAnEvent as error:
        also = ", or the number of a message" if numbers else ""
        raise Failure(
            f"{option} {text}: this isn't a time such as 2026-11-23T14:00:00Z, a day such as "
            f'2026-11-23, "2h ago" or "now"{also}',
            CONFIGURATION,
        ) from error


def sequence_of(text: str | None, option: Literal["--from", "--to"]) -> int | None:
    """The number of a message, or None where none is named. Raises Failure."""
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise Failure(
            f"{option} {text}: --from and --to are both numbers of messages, or both times",
            CONFIGURATION,
        )
    return int(text)
