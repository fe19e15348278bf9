"""A pump's tape without trades that a venue took back, or with what it corrected them to."""

from collections.abc import Iterable, Sequence
from itertools import islice
from math import inf

from detections.markets.linked_markets import MarketKey
from detections.markets.pump_tape import BAR, CHUNK, PumpTape
from detections.markets.recent_trades import RecentTrades
from normalizer.events.market import Trade

#: Trades before a bar that tell whether the last of them was a purchase, and of which order.
_LOOKED_BACK = 100


def renew(
    tape: PumpTape,
    market: MarketKey,
    trades: RecentTrades,
    revisions: Sequence[tuple[Trade, Trade | None]],
    *,
    rushes: bool,
) -> bool:
    """Make the bars anew from the first on that held one of them; whether there was one.

    `rushes`: rush orders are counted. What was learnt of chunks that are older than five minutes
    stays: one of some hundreds makes little of it, however wrong it was (`BlockRate`).
    """
    first = min(was.timestamp for was, _ in revisions) // BAR
    if not tape.bars or first < tape.bars[0].number or not trades.reach(first * BAR):
        return False
    gone = {was.id for was, now in revisions if now is None}
    tape.witnesses = [one for one in tape.witnesses if one.id not in gone]
    flagged = {one.number for one in tape.chunks if one.flagged}
    again = _until(tape, market, trades, first, rushes=rushes)
    is_first = not again.time and trades.reach(1)
    _add(again, trades.between(market, first * BAR), rushes=rushes)
    for one in again.chunks:
        one.flagged = one.number in flagged
    tape.chunks, tape.bars = again.chunks, again.bars
    tape.earlier, tape.price, tape.up = again.earlier, again.price, again.up
    tape.burst_of, tape.burst_price = again.burst_of, again.burst_price
    if is_first and not tape.moves.weight:  # nothing is learnt yet
        tape.learnt = tape.chunks[0].number if tape.chunks else -1
    return True


def _until(
    tape: PumpTape, market: MarketKey, trades: RecentTrades, bar: int, *, rushes: bool
) -> PumpTape:
    """As it was when a bar began."""
    earlier = list(islice(trades.until(market, bar * BAR), _LOOKED_BACK))
    found = PumpTape()
    _add(found, reversed(earlier), rushes=rushes)
    began = next((one for one in tape.bars if one.number >= bar), None)
    if not earlier and began is not None and not trades.reach(1):  # some were forgotten
        found.price = began.before
    found.chunks = [one for one in tape.chunks if one.number * CHUNK < bar * BAR]
    found.bars = [one for one in tape.bars if one.number < bar]
    return found


def _add(tape: PumpTape, trades: Iterable[Trade], *, rushes: bool) -> None:
    for one in trades:
        price, quantity = float(one.price), float(one.quantity)
        if not (0 < price < inf and 0 < quantity < inf):
            continue
        value = price * quantity if one.notional is None else float(one.notional)
        tape.add(
            one.timestamp,
            price,
            value,
            None if one.side is None else one.side == "buy",
            (one.taker_order_id or "") if rushes else None,
            flagged=False,
            began=one.phase_began,
        )
