"""An order of several that are held together, as it is judged and told of."""

from msgspec import Struct

from detections.alerting.findings import Step
from detections.books.desk import Moves, Pulled
from detections.books.order_book import Resting
from detections.parties import Party, party


class Layer(Struct, frozen=True, gc=False):
    """An order of a party, cancelled or moved again and again."""

    order_id: str
    party: Party
    buy: bool
    price: float
    quantity: float
    """The most that it showed."""
    filled: float
    placed: Step
    unsure: bool
    ended: Step | None = None
    moves: int = 0
    """How often it was moved to another price."""
    moved: Step | None = None
    """The last time."""

    @property
    def placed_at(self) -> int:
        """When it was placed."""
        return self.placed.timestamp

    @property
    def ended_at(self) -> int:
        """When it was cancelled, if it was."""
        assert self.ended is not None
        return self.ended.timestamp


def resting_layer(order_id: str, order: Resting, moves: Moves) -> Layer:
    """An order that rests."""
    return _layer(order_id, order, order.filled, moves, unsure=order.unsure)


def pulled_layer(one: Pulled) -> Layer:
    """An order that was cancelled."""
    return _layer(one.order_id, one.order, one.filled, one.moves, one.ended, unsure=one.unsure)


def _layer(
    order_id: str,
    order: Resting,
    filled: float,
    moves: Moves | None,
    ended: Step | None = None,
    *,
    unsure: bool,
) -> Layer:
    placed = order.placed
    assert placed is not None  # it is known of all that have an owner
    whose = party(order.account, order.investor, order.cluster)
    count, moved = (0, None) if moves is None else (moves.count, moves.newest)
    return Layer(
        *(order_id, whose, order.buy, order.price, order.most, filled, placed, unsure),
        *(ended, count, moved),
    )
