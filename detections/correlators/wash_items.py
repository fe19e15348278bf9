"""Wash trading of single items, such as NFTs: the same thing goes back to who had it.

MiCA 91(2)(a) where the token is in its scope; MAR Annex I A(c). The patterns are Dune's filters for
wash trades of NFTs (spellbook `nft.wash_trades`), of those that trades alone can show:

- **back and forth**: one sold the item to another, who sold it to him, within `window`;
- **bought again and again**: one bought the item `minimum_purchases` times or more within `window`,
  or sold it so often.

One return alone, later than `soon`, is what Dune's filter has as well, and what who regrets a sale
does: `lone_returns` says whether a rule is about it too, or about nothing else.

The other filters are elsewhere: buyer and seller the same, or of one cluster (so also those whose
first money came from one source), is `wash_trading`'s; with borrowed money in one transaction,
`pool_transaction_wash`'s.

**What is an item?** An instrument of which all trades are of quantity 1, and of which hardly
anybody sells what he has just sold, or buys what he has just bought (`maximum_breaks` of its
trades: it may have been given back without a trade). Its symbol ends in a number by itself (`PUNK
#7804`, `0xbc4c…-2090`) and in a third of its trades the next seller is the last buyer, or it has
had six trades in which mostly he was. Of a kind of which there are many (ERC-1155) he is hardly
ever. Shares of which one is traded at a time have makers, who sell twice in a row. After a trade of
another quantity nothing is said, unless its venue takes it back. Of a venue that has nothing but
items this need not be guessed: `items: all`.

**Transfers** (`of: transfers`). An item of an ERC-721 token has a number, so nothing is guessed;
what was paid isn't known. Moves that may be sales are those by another contract than the token,
such as a marketplace, which is neither the giver nor the receiver: a vault that is called, and
gives back what it got, is no buyer. And both who had it must have signed for one of these moves
themselves, which a contract that keeps items never does. So its confidence is lower.

**Circles** (`pattern: circle`). Von Wachter and others (NFT Wash Trading, 2022) look for closed
cycles in the trades of an item: it goes from hand to hand, each buyer the next seller, until who
sold first has it again. Cycles of two are the pattern above, of three to `maximum_steps` this one.
Who regrets a sale buys back from whoever has it by then, so that a cycle alone is a hint.

An item is found with its first trade that fits, and each alert has the trades that no alert had
before. It is told again at once when somebody new takes part, and of the same parties when there is
a quarter more (20 trades at most), or when what was left over is a week old and they have stopped:
time is that of any trade of the lane. Dune's filters have no limit of time; `window` is long for
that reason.

**Without accounts** nothing can be said.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Finding, about, witness
from detections.alerting.wording import amount, lapse
from detections.correlators.base import Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.markets.item_deals import Deal, Item, Series, circle, repeated
from detections.markets.revised_trades import REVISIONS
from detections.parties import is_exempt
from normalizer.events.chain import TokenTransfer
from normalizer.events.market import Trade, TradeBusted, TradeCorrected
from pipeline.units import DAY, HOUR, WEEK, Duration, Ratio

_MOST_ITEMS = 200_000
#: What the same parties go on with is told when it is this part more.
_MORE_BY = 0.25
#: And what is less than that once the item wasn't traded among them for so long.
_OVER = WEEK
#: An instrument with such a name may be an item.
_NUMBERED = re.compile(r"(?:^|[^0-9A-Za-z])\d+$")
#: Another one needs so many trades, in this part of which the buyer was the next seller.
_KNOWN_BY, _HANDED_ON = 6, 0.8
#: And what is numbered this part, since items are moved without a trade as well: of a kind of which
#: there are many the next seller is hardly ever the last buyer.
_NUMBERED_HANDED_ON = 1 / 3
# Confidence before it is calibrated on labelled data: a base, and what it adds that somebody
# bought it again and again, that it went on, and that it took no more than a day.
_BASE, _AGAIN, _MORE, _SOON = 0.6, 0.1, 0.1, 0.1
_UNSURE = 0.6
#: Of moves on a chain, of which it isn't known what was paid.
_UNPAID = 0.7
#: That an item came back by others: one of them may have offered it in good faith.
_ROUND = 0.4
_NOTHING = Series([], back=False, again=0)


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on items sets."""

    #: Trades on a venue, or moves of items of ERC-721 tokens on a chain.
    of: Literal["trades", "transfers"] = "trades"
    #: Sold back, or bought or sold again and again; or in a circle of three and more.
    pattern: Literal["again", "circle"] = "again"
    #: `likely`: what looks like an item. `all`: whatever is traded one at a time, on a venue that
    #: has nothing but items.
    items: Literal["likely", "all"] = "likely"
    #: For how long trades of an item are held against each other.
    window: Annotated[Duration, Meta(ge=HOUR, le=520 * WEEK)] = 52 * WEEK
    #: Purchases, or sales, of one item by one party.
    minimum_purchases: Annotated[int, Meta(ge=2, le=50)] = 3
    #: An item that went to one and back once and no more, later than `soon`: told with all others,
    #: not at all, or nothing else is.
    lone_returns: Literal["with", "without", "only"] = "with"
    #: Within this time a return says more than that somebody regretted a sale.
    soon: Annotated[Duration, Meta(ge=HOUR, le=520 * WEEK)] = WEEK
    #: Trades after which an item is back, of `pattern: circle`.
    maximum_steps: Annotated[int, Meta(ge=3, le=50)] = 12
    #: Part of the trades in which somebody sells what he has just sold, or buys what he has.
    maximum_breaks: Annotated[Ratio, Meta(ge=0, le=1)] = 0.25
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("exchange", "router", "pool")


#: Of an item: its source, venue and symbol; or source, contract and number.
Key = tuple[str, str, str]


class Place(NamedTuple):
    """What an item is called, and where."""

    item: str
    where: str
    currency: str | None
    about: dict[str, str]


class Rest(Struct, frozen=True, array_like=True):
    """What alerts on an item left over, by the last trade of two who dealt in it."""

    since: int
    key: Key
    seller: str
    buyer: str
    place: Place


class State(Struct):
    """Items by source, venue and symbol, the idlest first; what was left over, the oldest first."""

    items: dict[Key, Item] = field(default_factory=dict[Key, Item])
    rests: dict[tuple[Key, str, str], Rest] = field(
        default_factory=dict[tuple[Key, str, str], Rest]
    )


@correlator("wash_items")
class WashItems(Correlator[State]):
    """See the module. Memory: at most 200,000 instruments, with 100 trades each while they may be
    items."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 3
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
        self.needs_named = self.actions
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
        if kind is not Trade and kind is not TokenTransfer:
            self._revised(event)  # pyright: ignore[reportArgumentType]
            return ()
        rest = self._rest(event.timestamp) if self.state.rests else []
        take = self._moved if kind is TokenTransfer else self._sold
        found = take(event)  # pyright: ignore[reportArgumentType]
        return [*rest, *found] if rest else found

    def _rest(self, now: int) -> list[Finding]:
        """What was left over of series that have stopped."""
        rests, findings = self.state.rests, list[Finding]()
        while rests:
            name, rest = next(iter(rests.items()))
            if now - rest.since < _OVER:
                break
            del rests[name]
            item = self.state.items.get(rest.key)
            if item is None or item.doubt is not None or not self._is_item(item):
                continue
            found = self._found(item, rest.seller, rest.buyer)
            told = frozenset(item.told)
            fresh = [deal for deal in found.deals if deal.witness.id not in told]
            if fresh:
                told_late = self._told(item, rest.place, found, fresh)
                findings.append(replace(told_late, of_event=False, about=rest.place.about))
        return findings

    def _revised(self, event: TradeBusted | TradeCorrected) -> None:
        key = (event.provider, event.venue, event.instrument)
        item = self.state.items.get(key)
        if item is not None:
            item.revise(event, whole=self._all)
            if item.is_empty:
                del self.state.items[key]

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
        item.add(
            Deal(move.timestamp, seller, buyer, 0.0, unsure, witness(move), signer), self._p.window
        )
        if len(item.deals) < 2:
            return ()
        name = f"{move.token_symbol or contract} #{number}"
        return self._judge(key, item, Place(name, move.network or "the chain", None, about(move)))

    def _sold(self, event: Trade) -> Iterable[Finding]:
        items = self.state.items
        key = (event.provider, event.venue, event.instrument)
        item = items.get(key)
        if item is not None and item.divisible:
            return ()
        one = event.quantity == 1
        seller = event.seller_cluster or event.seller_id or event.seller_account
        buyer = event.buyer_cluster or event.buyer_id or event.buyer_account
        named = (
            seller is not None
            and buyer is not None
            and seller != buyer
            and not is_exempt(event.buyer_labels, self._exempt)
            and not is_exempt(event.seller_labels, self._exempt)
        )
        if not (named if one else not self._all):
            return ()
        if item is None:
            if len(items) >= _MOST_ITEMS:
                drop_idlest(items, _MOST_ITEMS - 1)
            item = Item(_NUMBERED.search(event.instrument) is not None)
        else:
            del items[key]  # to be put back at the end: the first is the idlest
        items[key] = item
        unsure = "unsure" in event.tags
        sold, bought = (seller or "", buyer or "") if named else ("", "")
        deal = Deal(event.timestamp, sold, bought, event.price, unsure, witness(event))
        if not one:
            item.split(deal)
            return ()
        item.add(deal, self._p.window)
        if item.doubt is not None or not self._is_item(item):
            return ()
        place = Place(event.instrument, event.venue, event.currency, about(event))
        return self._judge(key, item, place)

    def _is_item(self, item: Item) -> bool:
        trades = item.trades
        if len(item.deals) < 2:
            return False
        if self._all:
            return True
        if item.breaks > self._p.maximum_breaks * trades:
            return False
        if item.numbered:
            return item.handed_on >= _NUMBERED_HANDED_ON * (trades - 1)
        return trades >= _KNOWN_BY and item.handed_on >= _HANDED_ON * (trades - 1)

    def _judge(self, key: Key, item: Item, place: Place) -> Iterable[Finding]:
        last = item.deals[-1]
        found = self._found(item, last.seller, last.buyer)
        told = frozenset(item.told)
        fresh = [deal for deal in found.deals if deal.witness.id not in told]
        if not fresh:
            return ()
        rests = self.state.rests
        name = (key, *min((last.seller, last.buyer), (last.buyer, last.seller)))
        rests.pop(name, None)
        if self._is_due(found.deals, fresh, told):
            return [self._told(item, place, found, fresh)]
        rests[name] = Rest(last.timestamp, key, last.seller, last.buyer, place)
        if len(rests) > _MOST_ITEMS:
            drop_idlest(rests, _MOST_ITEMS)
        return ()

    def _found(self, item: Item, seller: str, buyer: str) -> Series:
        """What fits of the item's trades, by the last one's parties; empty if nothing does."""
        if self._p.pattern == "circle":
            found = circle(item.deals, self._p.maximum_steps)
        else:
            found = repeated(item.deals, seller, buyer, self._p.minimum_purchases)
            if not self._is_wanted(found):
                return _NOTHING
        signers = {deal.signer for deal in found.deals} - {""}
        return _NOTHING if self._transfers and len(signers) < 2 else found

    def _told(self, item: Item, place: Place, found: Series, fresh: list[Deal]) -> Finding:
        item.told += [deal.witness.id for deal in fresh]
        item.alerts += 1
        return self._finding(item, place, found, fresh)

    def _is_wanted(self, found: Series) -> bool:
        if self._p.lone_returns == "with" or not found.deals:
            return True
        deals = found.deals
        late = deals[-1].timestamp - deals[0].timestamp > self._p.soon
        lone = len(deals) == 2 and found.back and late
        return lone is (self._p.lone_returns == "only")

    def _is_due(self, deals: list[Deal], fresh: list[Deal], told: frozenset[str]) -> bool:
        """Whether what isn't told yet is enough for another alert."""
        before = [deal for deal in deals if deal.witness.id in told]
        known = {name for deal in before for name in (deal.seller, deal.buyer)}
        if all(deal.seller in known and deal.buyer in known for deal in fresh):
            return len(fresh) >= _MORE_BY * len(before)
        return True

    def _finding(self, item: Item, place: Place, found: Series, fresh: list[Deal]) -> Finding:
        deals = found.deals
        span = deals[-1].timestamp - deals[0].timestamp
        value = float_sum(deal.price for deal in deals)
        money = f" {place.currency}" if place.currency else ""
        unsure = any(deal.unsure for deal in deals)
        names = (name for deal in deals for name in (deal.seller, deal.buyer))
        return Finding(
            entities=tuple(dict.fromkeys(names)),
            reason=(
                f"{self._what(found, place)} on {place.where} within {lapse(span)}: {len(deals)} "
                + ("moves" if self._transfers else "trades")
                + " of one item"
                + ("" if self._transfers else f", worth {amount(value)}{money}")
            ),
            witnesses=tuple(deal.witness for deal in fresh),
            confidence=self._confidence(found, span)
            * (_UNSURE if unsure else 1.0)
            * (_UNPAID if self._transfers else 1.0),
            metrics={
                "trades": float(len(deals)),
                "new_trades": float(len(fresh)),
                "notional": value,
                "back_and_forth": float(found.back),
                "purchases": float(found.again),
                "trades_of_item": float(len(item.deals)),
                "span_seconds": span / 1e9,
                "alert_of_series": float(item.alerts),
            },
            tags=("unsure",) if unsure else (),
        )

    def _what(self, found: Series, place: Place) -> str:
        deals, last = found.deals, found.deals[-1]
        if self._p.pattern == "circle":
            did = "came" if self._transfers else "was sold"
            others = len({deal.buyer for deal in deals}) - 1
            return f"{place.item} {did} back to {last.buyer} by {others} others"
        if found.back:
            did = "passed" if self._transfers else "sold"
            return f"{last.seller} and {last.buyer} {did} {place.item} to each other and back"
        if sum(deal.buyer == last.buyer for deal in deals) == found.again:
            did = "got" if self._transfers else "bought"
            return f"{last.buyer} {did} {place.item} {found.again} times"
        did = "gave away" if self._transfers else "sold"
        return f"{last.seller} {did} {place.item} {found.again} times"

    def _confidence(self, found: Series, span: int) -> float:
        soon = _SOON * (span <= DAY)
        if self._p.pattern == "circle":
            return _ROUND + soon
        more = _MORE * min(1.0, (len(found.deals) - 2) / 4)
        return _BASE + _AGAIN * bool(found.back and found.again) + more + soon
