"""Restrictions of the suite that are broken on purpose, and the alerts that have to come.

Each is a generator: what comes before its ``yield`` is there already when the watching begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.trex_suite.guarded import Guarded

Play = Callable[[Guarded], Iterator[None]]

REFUSED = "Transfer refused by the token"
NOT_MINTED = "Minting refused by the token"
FORCED = "Forced transfer by an agent"
MODULE_OUT, MODULE_IN = "Compliance module removed", "Compliance module added"
LIMIT = "Compliance limit set or removed"
NOT_COMPLIANT = "Transfer against what the compliance contract says"
HARDLY = "Transfer that was hardly allowed, after others in its block"
NOBODY_KNOWS = "Tokens went to a wallet that nobody knows"
FROZEN, UNFROZEN = "Wallet frozen", "Freeze lifted"


class Breach(NamedTuple):
    """What is done, and the titles of the rules that have to alert, one for each alert."""

    play: Play
    alerts: tuple[str, ...]
    module: str | None
    """The one module that refuses it; None where the token or the registry does, or nobody."""


BREACHES: dict[str, Breach] = {}


def gives(*alerts: str, module: str | None = None) -> Callable[[Play], Play]:
    """Enters a breach in the table, by its function's name."""

    def enter(play: Play) -> Play:
        BREACHES[play.__name__] = Breach(play, alerts, module)
        return play

    return enter
