"""Marking the open: trades right after it that set the first price, on which others then lean.

MAR Annex I A(g) and 12(2)(b); Commission Delegated Regulation (EU) 2016/522, Annex II (transactions
in the opening of the market). For markets without an opening auction; for those with one see
`auction_orders`. The time of the open comes with the events, from the venue's calendar in the
reference data (a reference time of purpose `open`). All of this must hold of a party, a cluster, an
investor or an account, by the widest name known, in the first `window` of the day:

1. It bought, net of what it sold, `minimum_share` or more of all that was traded (or sold, net)
   from when it first came in until it last did, `minimum_window_share` or more of all that was
   traded until then, and came in `minimum_orders` times or more, for half of that or more. What
   waited overnight trades in the first seconds, before anybody can lean on the price that a party
   then makes: it says nothing of that party's part in it. Nor does what others trade at the price
   that it made make its part any smaller, or what they sell to it there make it larger.
2. From before the first of its trades to the farthest of them the price went the same way, by
   `minimum_move` or more, and by `minimum_usual_moves` times what it usually goes in as long a time
   as it was after the open when the party last came in, where that is known. That others lean on
   the price while it is there is enough: who must push it again, since makers bring it back, has
   marked it no less.
3. Its own trades, where it was the one that came in, made `minimum_pushed` of that or more.
4. Others traded as well, `minimum_others` times or more: where nobody else does, no price is made.

Needs a feed that names accounts: without, see `odd_open` for what is left. News overnight makes
many trade at once; one alone has no such share. The numbers are our choice, after those of
`marking_the_close`.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.wording import amount, lapse, percent
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import TRADES, Correlator, correlator
from detections.idlest import latest
from detections.markets.linked_markets import MarketKey
from detections.markets.reference_window import Party, ReferenceWindow, Trading
from detections.markets.usual_moves import UsualMoves
from detections.parties import Party as Named
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.market import MarketEvent, Trade
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio

#: How many steps of a market tell what is usual there.
_KNOWN = 12.0
#: Of moves in less time than this nothing is asked: single trades make them.
_SHORTEST = MINUTE


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on marking the open sets."""

    #: The time after the open in which the price is made.
    window: Annotated[Duration, Meta(ge=SECOND, le=30 * MINUTE)] = 5 * MINUTE
    #: The party's net part of all that is traded from when it first comes in until it last does,
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.4
    #: and of all that is traded in the window until then.
    minimum_window_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: Times at which it comes in.
    minimum_orders: Annotated[int, Meta(ge=1, le=1_000)] = 3
    #: How far the price goes, as a part of what it was.
    minimum_move: Annotated[Ratio, Meta(gt=0, le=10)] = 0.003
    #: How many times the usual move of as long a time that is.
    minimum_usual_moves: Annotated[float, Meta(ge=0, le=100)] = 2.0
    #: The part of the move that the party's own trades make.
    minimum_pushed: Annotated[Ratio, Meta(ge=0, le=1)] = 0.5
    #: Trades of others in the window.
    minimum_others: Annotated[int, Meta(ge=0, le=1_000)] = 1
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class Opening(Struct):
    """The first minutes of a day in one market."""

    until: int
    traded: ReferenceWindow


class State(Struct):
    """What opens, and how far prices usually go."""

    openings: dict[tuple[str, str, str], Opening] = field(
        default_factory=dict[tuple[str, str, str], Opening]
    )
    moves: dict[tuple[str, str, str], UsualMoves] = field(
        default_factory=dict[tuple[str, str, str], UsualMoves]
    )


@correlator("marking_the_open")
class MarkingTheOpen(Correlator[State]):
    """See the module. Memory: some numbers for each market that has an open; in the first minutes
    500 parties of it with 100 trades each."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    roused_by = frozenset({Trade})
    typology = "marking_the_close"
    needs = (TRADES,)
    needs_named = TRADES
    # What comes after the window ends it: an order will do, where nobody trades.
    actions = frozenset({"trade", "order-placed", "order-cancelled"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """The first minutes of a day, and what is usual."""
        return self._p.window + 7 * HOUR

    @property
    def asleep(self) -> bool:
        """Without an opening that an order may end. Trades begin them."""
        return not self.state.openings

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        findings = self._late(event) if self.state.openings else ()
        if event.__class__ is not Trade or event.phase != "continuous":
            return findings
        began = event.phase_began
        if began is None or not (event.price > 0 and event.quantity > 0):  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            return findings
        self._traded(event, began)  # pyright: ignore[reportArgumentType]
        return findings

    def _traded(self, event: Trade, began: int) -> None:
        key = (event.provider, event.venue, event.instrument)
        moves = latest(self.state.moves, key, MOST_BOOKS, UsualMoves)
        moves.add(event.timestamp, event.price, self._p.window, began)
        until = began + self._p.window
        if event.timestamp >= until:
            return
        opening = self.state.openings.get(key)
        if opening is None or opening.until != until:
            opening = Opening(until, ReferenceWindow(began, event.reference or "open", "open"))
            opening.traded.start_price = event.price
            self.state.openings[key] = opening
        bought = event.buyer_cluster or event.buyer_id or event.buyer_account
        sold = event.seller_cluster or event.seller_id or event.seller_account
        if bought and is_exempt(event.buyer_labels, self._exempt):
            bought = None
        if sold and is_exempt(event.seller_labels, self._exempt):
            sold = None
        traded = opening.traded
        traded.add(
            0, event.price, event.quantity, event.side, bought, sold, witness(event),
            window=self._p.window, end=0,
        )  # fmt: skip
        if bought in traded.parties:
            who = Party(event.buyer_account, event.buyer_id, event.buyer_cluster)
            traded.who[bought] = who
        if sold in traded.parties:
            who = Party(event.seller_account, event.seller_id, event.seller_cluster)
            traded.who[sold] = who

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """The first minutes, without trades that were taken back or corrected."""
        opening, moves = self.state.openings.get(market), self.state.moves.get(market)
        if opening is None or moves is None:
            return
        began = opening.until - self._p.window
        if all(was.timestamp < began for was, _ in revisions) or not self.trades.reach(began):
            return
        del self.state.openings[market]
        self.state.moves[market] = UsualMoves()
        for trade in self.trades.between(market, began):
            if trade.phase == "continuous" and trade.price > 0 and trade.quantity > 0:
                self._traded(trade, began)
                moves.price = trade.price
        self.state.moves[market] = moves  # what is usual was learnt already

    def _late(self, event: MarketEvent) -> Iterable[Finding]:
        """Where this is after the first minutes, these are done."""
        key = (event.provider, event.venue, event.instrument)
        opening = self.state.openings.get(key)
        if opening is None or event.timestamp < opening.until:
            return ()
        del self.state.openings[key]
        return self._done(event, opening.traded, self.state.moves.get(key))

    def _done(
        self, event: MarketEvent, traded: ReferenceWindow, moves: UsualMoves | None
    ) -> Iterable[Finding]:
        known = None if moves is None or moves.steps < _KNOWN else moves
        return [
            finding
            for name, trading in traded.parties.items()
            if (finding := self._party(event, traded, name, trading, known)) is not None
        ]

    def _least(self, traded: ReferenceWindow, trading: Trading, moves: UsualMoves | None) -> float:
        """How far the price must have gone until a party last came in."""
        p = self._p
        if moves is None:
            return p.minimum_move
        took = min(p.window, max(_SHORTEST, trading.last_order - traded.at))
        return max(p.minimum_move, p.minimum_usual_moves * moves.usual(took / p.window))

    def _party(
        self,
        event: MarketEvent,
        traded: ReferenceWindow,
        name: str,
        trading: Trading,
        moves: UsualMoves | None,
    ) -> Finding | None:
        p = self._p
        way = trading.way
        if trading.orders < p.minimum_orders or not way.came_in_at:
            return None
        sign = 1.0 if trading.bought > trading.sold else -1.0
        farthest, pushed_there = way.high if sign > 0 else way.low
        moved = farthest / way.first_price - 1
        if not reaches(sign * moved, self._least(traded, trading, moves)):
            return None
        # What it gets later made no price; what it gives back, it hasn't.
        net = min(sign * trading.net_until, sign * (trading.bought - trading.sold))
        share = net / (trading.until - trading.others_before)
        of_all = net / trading.until
        pushed = pushed_there / (farthest - way.first_price)
        others = traded.trades - len(trading.trades)
        if not (
            reaches(share, p.minimum_share)
            and reaches(of_all, p.minimum_window_share)
            and trading.taken >= (trading.bought + trading.sold) / 2
            and reaches(pushed, p.minimum_pushed)
            and others >= p.minimum_others
        ):
            return None
        who = traded.who[name]
        party = Named(who.account, who.investor, who.cluster)
        did, went = ("bought", "rose") if moved > 0 else ("sold", "fell")
        over = (share - p.minimum_share) / (1 - p.minimum_share + 1e-9)
        return Finding(
            entities=party.names,
            reason=(
                f"{party} {did} {amount(net)} {event.instrument} on {event.venue} in the first "
                f"{lapse(p.window)} of the day, {percent(share)} of all that was traded from its "
                f"first order to its last and {percent(of_all)} of all until then; the price "
                f"{went} by {percent(abs(moved))} to {amount(farthest)}, "
                f"{percent(min(1.0, pushed))} of it by its own trades"
            ),
            witnesses=tuple(trading.trades),
            confidence=min(
                1.0,
                0.45 + 0.2 * max(0.0, over) + 0.15 * min(1.0, abs(moved) / (5 * p.minimum_move)),
            ),
            metrics={
                "change": moved,
                "price": farthest,
                "share": share,
                "share_of_all": of_all,
                "pushed": pushed,
                "quantity": net,
                "orders": float(trading.orders),
                "trades_of_others": float(others),
            },
            tags=("unsure",) if "unsure" in event.tags else (),
        )
