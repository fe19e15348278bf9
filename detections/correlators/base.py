"""What a correlator is, and the register of them."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Generic, Literal, TypeVar, cast

import msgspec

import detections.correlators
from detections.alerting.findings import Finding
from detections.books.order_books import SharedBooks
from detections.engine.correlator_state import check_savable, decode_state, encode_state
from detections.markets.linked_markets import MarketKey
from detections.markets.recent_trades import RecentTrades
from normalizer.events.alert import Level
from normalizer.events.market import Trade

S = TypeVar("S", bound=msgspec.Struct)

#: What a correlator may need (`Correlator.needs`): orders one by one, levels of a book, trades.
ORDERS = frozenset({"order-placed", "order-changed", "order-cancelled"})
LEVELS = frozenset({"book-update"})
TRADES = frozenset({"trade"})


class Correlator(ABC, Generic[S]):
    """A detection with state, moved on by events and by their time alone.

    One instance belongs to one rule. All that it remembers from one event to the next is in
    `state`, which is bounded; everything else about it stays as it was made. So checkpoints and
    restarts need no code of its own. Event time drives everything: the wall clock is never read.
    """

    parameters_type: ClassVar[type[msgspec.Struct]]
    """What a rule can set: a Struct with units, ranges and defaults."""
    state_type: ClassVar[type[msgspec.Struct]]
    """A Struct of plain things with a default for each, which is how it begins (see
    `detections.engine.correlator_state`)."""
    state_version: ClassVar[int] = 1
    """To be raised where the same fields come to mean something else. What is saved with another
    one, or with other fields, is not restored but rebuilt by replay."""
    partition_by: ClassVar[Literal["asset", "market"]] = "market"
    """What it must see together: `asset` where its state of one asset never depends on another's
    events, else all that there is. See `detections.lanes.routing`."""
    uses_books: ClassVar[bool] = False
    """Whether it looks at order books (see `detections.books.order_books`)."""
    of_unnamed: ClassVar[bool] = False
    """Whether it looks at no orders but those of which nobody is named: then it isn't shown how
    orders come and go in a book that names everybody (`OrderBook.all_named`)."""
    roused_by: ClassVar[frozenset[type[Any]]] = frozenset()
    """Classes of records, if all others do nothing while it is `asleep`: then it is shown these
    only. Of use to who looks at no book; else it is shown all."""
    uses_trades: ClassVar[bool] = False
    """Whether it wants to know what venues take back or correct (see
    `detections.markets.recent_trades`): by `revised` and `renewed`, besides the actions that it
    names."""
    highest_level: ClassVar[Level | None] = None
    """A rule of it may not have a higher level; None where it may have any."""
    typology: ClassVar[str]
    """The kind of abuse that it looks for."""
    books: SharedBooks
    """If it says that it uses them: the same for all correlators of an engine, and not its state.
    The engine moves them on before each event is observed."""
    trades: RecentTrades
    """If it says that it uses them: the same for all correlators of an engine, and not its
    state."""
    actions: frozenset[str]
    """The `event.action` of the records that it wants to see. May depend on the parameters."""
    needs: tuple[frozenset[str], ...] = ()
    """Sets of actions: it never says anything of a stream that has none of one of them. Besides
    those that it wants to see, of which it needs some anyhow. May depend on the parameters."""
    needs_named: frozenset[str] = frozenset()
    """Actions: it never says anything of a stream in which no event of one of them says who acts,
    by an account, an investor or a cluster. Empty where it does. May depend on the parameters."""

    def __init__(self, parameters: Any) -> None:
        self.parameters = parameters
        self.state: S = cast("S", self.state_type())
        if self.uses_books:
            self.books = SharedBooks()
        if self.uses_trades:
            self.trades = RecentTrades()

    @property
    def horizon(self) -> int | None:
        """How far back, in nanoseconds of event time, what it knows reaches; None if unknown.

        So far back its events are read again where its state can't be restored.
        """
        return None

    @abstractmethod
    def observe(self, event: Any) -> Iterable[Finding]:
        """Take one event, in the order of the stream; say what it completes."""

    def observer(self, record: type[Any]) -> Callable[[Any], Iterable[Finding] | None] | None:
        """What takes events of one class: `observe`, or a shorter way to do the same.

        None of those that it names for the books' sake only, or for the recent trades'.
        """
        return self.observe

    def passes_small(self, record: type[Any]) -> bool:
        """Whether events of this class do nothing here that are about a small order.

        Most events are, and so it isn't shown them. See `detections.books.order_book.Resting.small`
        and `detections.books.order_weight.passes_small`.
        """
        return False

    @property
    def asleep(self) -> bool:
        """Whether events do nothing to it but those that it is `roused_by`."""
        return False

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A venue took a trade back (`now` is None) or corrected it.

        Called where it `uses_trades` and doesn't name these actions among its own. Among
        `self.trades` the trade is what it was until all correlators have been told.
        """

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """All that was told of a market, what each trade was and became, in the order of telling.

        Called before the next event that isn't a bust or correction, for what must be made anew: a
        venue may take back thousands at once. `self.trades` are those that count now. It may be
        called more than once in between, and must come to the same.
        """

    def snapshot(self) -> bytes:
        """The state, for `restore`: the same state gives the same bytes."""
        return encode_state(self.state)

    def restore(self, data: bytes) -> None:
        """Take the state of a snapshot. Raises msgspec.MsgspecError, and leaves the present one."""
        self.state = self.read(data)

    def read(self, data: bytes) -> S:
        """The state of a snapshot. Raises msgspec.MsgspecError if it can't be read."""
        return decode_state(data, self.state_type)

    def begin(self) -> None:
        """Forget all."""
        self.state = cast("S", self.state_type())


C = TypeVar("C", bound="type[Correlator[Any]]")

_registered: dict[str, type[Correlator[Any]]] = {}


def correlator(name: str) -> Callable[[C], C]:
    """Register a class as what rules call `correlator: NAME`.

    Raises Unsavable if its state can't be saved exactly.
    """

    def register(found: C) -> C:
        check_savable(found.state_type)
        if _registered.setdefault(name, found) is not found:
            raise ValueError(f"two correlators are called {name}")
        return found

    return register


@cache
def correlators() -> Mapping[str, type[Correlator[Any]]]:
    """All correlators by name: every module in this package is loaded."""
    for module in pkgutil.iter_modules(detections.correlators.__path__):
        importlib.import_module(f"detections.correlators.{module.name}")
    return dict(sorted(_registered.items()))
