"""What token somebody means who names one: by its id, its ticker, or the address of a contract."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.failure import CONFIGURATION, Failure
from pipeline.problems import ProblemsFound, did_you_mean, one_of
from pipeline.reference_records import Token, compared_account

if TYPE_CHECKING:
    from pipeline.bus import Bus


async def meant_token(bus: "Bus", files: Sequence[Path], named: str) -> tuple[str, str | None]:
    """The id and the ticker of the token that is called so in the reference data: on the bus, and
    in the configured files.

    What is called so by nobody stays as it is where it is an address, since alerts name contracts
    by it that nobody described, and where there are no tokens, or who asks may not read the files.
    Raises Failure for all else: no alert would ever be of it.
    """
    from normalizer.reference_files import load_reference
    from pipeline.bus.reference_scan import standing
    from pipeline.reference_changes import decode_record

    tokens: dict[str, Token] = {}
    whole = True
    try:
        tokens |= {one.id: one for one in load_reference(files).tokens}
    except (ProblemsFound, OSError):
        whole = False
    for one in await standing(bus, kinds=("token",)):
        record = decode_record(one.change)
        if isinstance(record, Token):
            tokens[record.id] = record
    wanted = named.lower()
    fitting = [named] if named in tokens else [t for t in tokens if wanted in _names(tokens[t])]
    if len(fitting) == 1:
        return fitting[0], tokens[fitting[0]].symbol
    if fitting:
        raise Failure(f"--token: {named} may be {one_of(sorted(fitting))}", CONFIGURATION)
    if not (whole and tokens) or named.startswith("0x"):
        return compared_account(named), None
    hint = did_you_mean(named, tokens)
    meant = f"did you mean {hint}?" if hint else "see `tapewatch reference list --kind token`"
    raise Failure(f"--token: the reference data has no {named}: {meant}", CONFIGURATION)


def _names(token: Token) -> set[str]:
    """In lower case."""
    named = (token.id, token.symbol or "", *(one.address for one in token.contracts))
    return {one.lower() for one in named}
