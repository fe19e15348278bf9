"""What an EVM source asks the node about each transfer of a security token."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.units import MILLISECOND, MINUTE, SECOND, Duration

CheckGroup = Literal[
    "verified",
    "compliance",
    "frozen",
    "restriction",
    "status",
    "balances",
    "supply",
    "country",
]


class RestrictionChecks(Struct, forbid_unknown_fields=True, kw_only=True):
    """What the node is asked about each transfer of a security token, at the transfer's own block.

    Which of them apply to a token follows from its `standard`, `identity_registry` and
    `compliance` in the reference data. The answers are in the events as `token.check.*`.
    """

    #: `false`: nothing is asked.
    enabled: bool = True
    #: `verified`, `compliance`, `frozen`, `country`: ERC-3643. `restriction`: ERC-1404. `status`:
    #: ERC-1594 and ERC-1410. `balances`, `supply`: any token.
    ask: list[CheckGroup] = field(
        default_factory=lambda: [
            "verified",
            "compliance",
            "frozen",
            "restriction",
            "status",
            "balances",
            "supply",
            "country",
        ]
    )
    #: Calls about one block at most. What permits transfers is asked first; what is left out is
    #: marked so in the events.
    calls_per_block: Annotated[int, Meta(ge=1, le=10_000)] = 500
    #: Calls in one JSON-RPC batch at most; it adapts to what the node takes. 1: no batches.
    batch: Annotated[int, Meta(ge=1, le=1_000)] = 100
    #: How long a block waits for the answers; it goes on without those that are not there.
    timeout: Annotated[Duration, Meta(ge=10 * MILLISECOND, le=5 * MINUTE)] = 3 * SECOND
