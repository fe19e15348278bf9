"""Liquidity that leaves one pool of a token for another one: it was moved, and is not lost."""

from msgspec import Struct

from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.pools.collapse import Collapse, token_of
from normalizer.events.chain import LiquidityAdded

_MOST_OWNERS = 10_000
_MOST_OF_OWNER = 64
_HALF = 0.5

Key = tuple[int, str]


class Moved(Struct, frozen=True, array_like=True):
    """Liquidity that an owner added somewhere; its worth is -1 where it isn't told (Uniswap v4)."""

    timestamp: int
    pool: Key
    token: str
    quote: float


def keep_added(moved: dict[str, list[Moved]], event: LiquidityAdded, key: Key, owner: str) -> None:
    """Keep what an owner added, by owner, the idlest first."""
    quote = -1.0 if event.quote_quantity is None else event.quote_quantity
    had = moved.pop(owner, [])
    added = Moved(event.timestamp, key, token_of(event), quote)
    moved[owner] = [*had, added][-_MOST_OF_OWNER:]
    if len(moved) > _MOST_OWNERS:
        drop_idlest(moved, _MOST_OWNERS)


def migrated(moved: dict[str, list[Moved]], collapse: Collapse, key: Key, window: int) -> bool:
    """Whether who took it added as much as half of it to another pool of the token."""
    if collapse.kind != "liquidity":
        return False
    since = collapse.steps[0].timestamp - window
    elsewhere = [
        one.quote
        for one in moved.get(collapse.owner, ())
        if one.pool != key and one.token == collapse.where.token and one.timestamp >= since
    ]
    # What was added is unknown of Uniswap v4: the doubt is the provider's.
    return -1.0 in elsewhere or float_sum(elsewhere) >= _HALF * collapse.quote > 0
