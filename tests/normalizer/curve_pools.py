"""What was recorded of real Curve pools (`record_curve_pools`)."""

from pathlib import Path

import msgspec

_GOLDEN = Path(__file__).parent / "golden"
BLOCKS = _GOLDEN / "curve_blocks.ndjson"
STATES = _GOLDEN / "curve_states.ndjson"


class PoolState(msgspec.Struct, frozen=True):
    """What a pool answered before what was done to it in a block. Amounts are exact, as texts."""

    name: str
    pool: str
    block: int
    balances: tuple[str, ...]
    rates: tuple[str, ...]
    amplification: int
    amplification_precision: int
    fee: int
    offpeg_fee_multiplier: int
