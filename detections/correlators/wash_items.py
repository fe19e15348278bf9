"""Wash trading of single items, such as NFTs: the same thing goes back to who had it.

MiCA 91(2)(a) where the token is in its scope; MAR Annex I A(c). The patterns are Dune's filters for
wash trades of NFTs (spellbook `nft.wash_trades`), of those that trades alone can show:

- **back and forth**: one sold the item to another, who sold it to him, within `window`;
- **bought again and again**: one bought the item `minimum_purchases` times or more within `window`,
  or sold it so often.

The other filters are elsewhere: buyer and seller the same, or of one cluster (so also those whose
first money came from one source), is `wash_trading`'s; with borrowed money in one transaction,
`pool_transaction_wash`'s.

**What is an item?** An instrument of which all trades are of quantity 1, and of which hardly
anybody sells what he has just sold, or buys what he has just bought (`maximum_breaks` of its
trades: it may have been given back without a trade). Its symbol ends in a number by itself (`PUNK
#7804`, `0xbc4c…-2090`), or it has had six trades in which mostly the buyer was the next seller.
Shares of which one is traded at a time have makers, who sell twice in a row. Of a venue that has
nothing but items this need not be guessed: `items: all`.

**Transfers** (`of: transfers`). An item of an ERC-721 token has a number, so nothing is guessed;
what was paid isn't known. Moves that may be sales are those by another contract than the token,
such as a marketplace, which is neither the giver nor the receiver: a vault that is called, and
gives back what it got, is no buyer. And both who had it must have signed for one of these moves
themselves, which a contract that keeps items never does. So its confidence is lower.

An item is found with its first trade that fits, and each alert has the trades that no alert had
before. Dune's filters have no limit of time; `window` is long for that reason.

**Without accounts** nothing can be said.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse
from detections.correlators.base import Correlator, correlator
from detections.idlest import drop_idlest
from detections.markets.revised_trades import REVISIONS, revise
from detections.parties import is_exempt
from normalizer.events.chain import TokenTransfer
from normalizer.events.market import Trade, TradeBusted, TradeCorrected
from pipeline.units import DAY, HOUR, WEEK, Duration, Ratio

_MOST_ITEMS = 200_000
_MOST_DEALS = 100
#: An instrument with such a name may be an item.
_NUMBERED = re.compile(r"(?:^|[^0-9A-Za-z])\d+$")
#: Another one needs so many trades, in this part of which the buyer was the next seller.
_KNOWN_BY, _HANDED_ON = 6, 0.8
# Confidence before it is calibrated on labelled data: a base, and what it adds that somebody
# bought it again and again, that it went on, and that it took no more than a day.
_BASE, _AGAIN, _MORE, _SOON = 0.6, 0.1, 0.1, 0.1
_UNSURE = 0.6
#: Of moves on a chain, of which it isn't known what was paid.
_UNPAID = 0.7


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on items sets."""

    #: Trades on a venue, or moves of items of ERC-721 tokens on a chain.
    of: Literal["trades", "transfers"] = "trades"
    #: `likely`: what looks like an item. `all`: whatever is traded one at a time, on a venue that
    #: has nothing but items.
    items: Literal["likely", "all"] = "likely"
    #: For how long trades of an item are held against each other.
    window: Annotated[Duration, Meta(ge=HOUR, le=520 * WEEK)] = 52 * WEEK
    #: Purchases, or sales, of one item by one party.
    minimum_purchases: Annotated[int, Meta(ge=2, le=50)] = 3
    #: Part of the trades in which somebody sells what he has just sold, or buys what he has.
    maximum_breaks: Annotated[Ratio, Meta(ge=0, le=1)] = 0.25
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("exchange", "router", "pool")


class Deal(Struct, frozen=True, array_like=True, gc=False):
    """What is kept of a trade."""

    timestamp: int
    seller: str
    buyer: str
    price: float
    unsure: bool
    witness: Witness
    signer: str = ""
    """Of a transfer: who signed the transaction, by the widest name."""

    def corrected(self, price: float | None, quantity: float | None) -> "Deal":
        """The venue corrected it. An item stays one."""
        return self if price is None else replace(self, price=price)


class Item(Struct, array_like=True):
    """An instrument, as long as it may be a single item."""

    numbered: bool
    divisible: bool = False
    """It has had a trade of another quantity than 1: it is no item."""
    handed_on: int = 0
    """Trades in which the buyer of the one before sells."""
    breaks: int = 0
    deals: list[Deal] = field(default_factory=list[Deal])
    told: list[str] = field(default_factory=list[str])
    """Ids of the trades that alerts had, of those that are kept."""
    alerts: int = 0


class Place(NamedTuple):
    """What an item is called, and where."""

    item: str
    where: str
    currency: str | None


class State(Struct):
    """Items by source, venue and symbol, the idlest first."""

    items: dict[tuple[str, str, str], Item] = field(
        default_factory=dict[tuple[str, str, str], Item]
    )


@correlator("wash_items")
class WashItems(Correlator[State]):
    """See the module. Memory: at most 200,000 instruments, with 100 trades each while they may be
    items."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "wash_trading"
    actions = frozenset({"trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._transfers = parameters.of == "transfers"
        self._all = parameters.items == "all" or self._transfers
        self.actions = (
            frozenset({"token-transfer"}) if self._transfers else frozenset({"trade"}) | REVISIONS
        )
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """How long trades are held against each other."""
        return self._p.window

    def observe(
        self, event: Trade | TradeBusted | TradeCorrected | TokenTransfer
    ) -> Iterable[Finding]:
        """Take a trade or what became of one, or a transfer."""
        kind = event.__class__
        if kind is TokenTransfer:
            return self._moved(event)  # pyright: ignore[reportArgumentType]
        if kind is not Trade:
            self._revised(event)  # pyright: ignore[reportArgumentType]
            return ()
        return self._sold(event)  # pyright: ignore[reportArgumentType]

    def _revised(self, event: TradeBusted | TradeCorrected) -> None:
        item = self.state.items.get((event.provider, event.venue, event.instrument))
        if item is not None:
            revise(item.deals, event)

    def _moved(self, move: TokenTransfer) -> Iterable[Finding]:
        number, contract = move.item_id, move.contract or ""
        # An ERC-1155 kind is told with its operator: there may be many of it.
        if number is None or move.authority is not None or move.transfer_type != "transfer":
            return ()
        called, source, destination = (
            move.transaction_to,
            move.source_address,
            (move.destination_address),
        )
        if called is None or called in (contract, source, destination):
            return ()
        seller = move.source_cluster or move.source_investor or source
        buyer = move.destination_cluster or move.destination_investor or destination
        if (
            seller == buyer
            or is_exempt(move.source_labels, self._exempt)
            or is_exempt(move.destination_labels, self._exempt)
        ):
            return ()
        items, key = self.state.items, (move.provider, f"{move.chain_id}:{contract}", number)
        item = items.pop(key, None) or Item(True)
        items[key] = item
        if len(items) > _MOST_ITEMS:
            drop_idlest(items, _MOST_ITEMS)
        signer = {source: seller, destination: buyer}.get(move.transaction_from or "", "")
        unsure = "unsure" in move.tags
        self._add(item, Deal(move.timestamp, seller, buyer, 0.0, unsure, witness(move), signer))
        if len(item.deals) < 2:
            return ()
        name = f"{move.token_symbol or contract} #{number}"
        return self._judge(item, seller, buyer, Place(name, move.network or "the chain", None))

    def _sold(self, event: Trade) -> Iterable[Finding]:
        items = self.state.items
        key = (event.provider, event.venue, event.instrument)
        item = items.get(key)
        if item is not None and item.divisible:
            return ()
        if item is None:
            if len(items) >= _MOST_ITEMS:
                drop_idlest(items, _MOST_ITEMS - 1)
            item = Item(_NUMBERED.search(event.instrument) is not None)
        else:
            del items[key]  # to be put back at the end: the first is the idlest
        items[key] = item
        if event.quantity != 1:
            if self._all:
                return ()
            item.divisible, item.deals, item.told = True, [], []
            return ()
        seller = event.seller_cluster or event.seller_id or event.seller_account
        buyer = event.buyer_cluster or event.buyer_id or event.buyer_account
        if seller is None or buyer is None or seller == buyer:
            return ()
        if is_exempt(event.buyer_labels, self._exempt) or is_exempt(
            event.seller_labels, self._exempt
        ):
            return ()
        unsure = "unsure" in event.tags
        self._add(item, Deal(event.timestamp, seller, buyer, event.price, unsure, witness(event)))
        if not self._is_item(item):
            return ()
        place = Place(event.instrument, event.venue, event.currency)
        return self._judge(item, seller, buyer, place)

    def _add(self, item: Item, deal: Deal) -> None:
        deals = item.deals
        if deals:
            before = deals[-1]
            item.handed_on += before.buyer == deal.seller
            item.breaks += before.seller == deal.seller or before.buyer == deal.buyer
        deals.append(deal)
        floor = deal.timestamp - self._p.window
        gone = 0
        while deals[gone].timestamp < floor:
            gone += 1
        gone = max(gone, len(deals) - _MOST_DEALS)
        if gone:
            del deals[:gone]
            kept = {deal.witness.id for deal in deals}
            item.told = [one for one in item.told if one in kept]

    def _is_item(self, item: Item) -> bool:
        trades = len(item.deals)
        if self._all:
            return trades > 1
        if trades < 2 or item.breaks > self._p.maximum_breaks * trades:
            return False
        return item.numbered or (
            trades >= _KNOWN_BY and item.handed_on >= _HANDED_ON * (trades - 1)
        )

    def _judge(self, item: Item, seller: str, buyer: str, place: Place) -> Iterable[Finding]:
        forth = [d for d in item.deals if d.seller == seller and d.buyer == buyer]
        back = [d for d in item.deals if d.seller == buyer and d.buyer == seller]
        chosen: dict[str, Deal] = {}
        if back:
            chosen |= {deal.witness.id: deal for deal in (*forth, *back)}
        again = 0
        for purchases in (
            [d for d in item.deals if d.buyer == buyer],
            [d for d in item.deals if d.seller == seller],
        ):
            if len(purchases) >= self._p.minimum_purchases:
                again = max(again, len(purchases))
                chosen |= {deal.witness.id: deal for deal in purchases}
        if self._transfers and len({d.signer for d in chosen.values()} - {""}) < 2:
            return ()
        told = frozenset(item.told)
        fresh = [deal for id_, deal in chosen.items() if id_ not in told]
        if not fresh:
            return ()
        fresh.sort(key=_place)
        item.told += [deal.witness.id for deal in fresh]
        item.alerts += 1
        return [self._finding(item, place, list(chosen.values()), fresh, bool(back), again)]

    def _finding(
        self,
        item: Item,
        place: Place,
        chosen: list[Deal],
        fresh: list[Deal],
        back: bool,
        again: int,
    ) -> Finding:
        chosen.sort(key=_place)
        span = chosen[-1].timestamp - chosen[0].timestamp
        last = chosen[-1]
        value = sum(deal.price for deal in chosen)
        money = f" {place.currency}" if place.currency else ""
        if back:
            did = "passed" if self._transfers else "sold"
            what = f"{last.seller} and {last.buyer} {did} {place.item} to each other and back"
        elif sum(deal.buyer == last.buyer for deal in chosen) == again:
            did = "got" if self._transfers else "bought"
            what = f"{last.buyer} {did} {place.item} {again} times"
        else:
            did = "gave away" if self._transfers else "sold"
            what = f"{last.seller} {did} {place.item} {again} times"
        unsure = any(deal.unsure for deal in chosen)
        confidence = (
            _BASE
            + _AGAIN * bool(back and again)
            + _MORE * min(1.0, (len(chosen) - 2) / 4)
            + _SOON * (span <= DAY)
        )
        names = (name for deal in chosen for name in (deal.seller, deal.buyer))
        return Finding(
            entities=tuple(dict.fromkeys(names)),
            reason=(
                f"{what} on {place.where} within {lapse(span)}: {len(chosen)} "
                + ("moves" if self._transfers else "trades")
                + " of one item"
                + ("" if self._transfers else f", worth {amount(value)}{money}")
            ),
            witnesses=tuple(deal.witness for deal in fresh),
            confidence=confidence
            * (_UNSURE if unsure else 1.0)
            * (_UNPAID if self._transfers else 1.0),
            metrics={
                "trades": float(len(chosen)),
                "new_trades": float(len(fresh)),
                "notional": value,
                "back_and_forth": float(back),
                "purchases": float(again),
                "trades_of_item": float(len(item.deals)),
                "span_seconds": span / 1e9,
                "alert_of_series": float(item.alerts),
            },
            tags=("unsure",) if unsure else (),
        )


def _place(deal: Deal) -> tuple[int, str]:
    return (deal.timestamp, deal.witness.id)
