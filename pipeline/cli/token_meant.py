"""What token somebody means who names one: by its id, its ticker, or the address of a contract."""

from typing import TYPE_CHECKING

from pipeline.failure import CONFIGURATION, Failure
from pipeline.problems import did_you_mean, one_of
from pipeline.reference_records import Token, compared_account

if TYPE_CHECKING:
    from pipeline.bus import Bus


async def meant_token(bus: "Bus", named: str) -> tuple[str, str | None]:
    """The id and the ticker of the token that is called so in the reference data.

    What is called so by nobody stays as it is where it is an address, since alerts name contracts
    by it that nobody described, and where there are no tokens at all. Raises Failure for all else:
    no alert would ever be of it.
    """
    from pipeline.bus.reference_scan import standing
    from pipeline.reference_changes import decode_record

    tokens: dict[str, Token] = {}
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
    if not tokens or named.startswith("0x"):
        return compared_account(named), None
    hint = did_you_mean(named, tokens)
    meant = f"did you mean {hint}?" if hint else "see `tapewatch reference list --kind token`"
    raise Failure(f"--token: the reference data has no {named}: {meant}", CONFIGURATION)


def _names(token: Token) -> set[str]:
    """In lower case."""
    named = (token.id, token.symbol or "", *(one.address for one in token.contracts))
    return {one.lower() for one in named}
