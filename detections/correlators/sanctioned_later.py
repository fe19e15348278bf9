"""Transfers with an address that is put on a sanctions list afterwards.

Of each address the newest transfers are kept that were no dealing with a listed one when they
happened. When a list comes to name the address, they are what the list now touches: one alert, with
all of them as evidence. Of an address that nobody dealt with nothing is said.

What happened before the memory reaches, a replay or backtest finds: there, labels are of what is
known then.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import lapse
from detections.correlators.base import Correlator, correlator
from detections.idlest import drop_idlest
from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer
from normalizer.events.reference import AddressSanctioned
from pipeline.units import DAY, Duration

_SANCTIONED = "sanctioned"
_MOST_ENTITIES = 16


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How much of the past a rule looks at."""

    #: How far back transfers count, by event time.
    look_back: Annotated[Duration, Meta(ge=DAY, le=3_650 * DAY)] = 90 * DAY
    #: Transfers of one address that are kept as evidence, the newest; all are counted.
    most_transfers: Annotated[int, Meta(ge=1, le=100)] = 5
    #: Addresses that are kept in mind; beyond, the one that has been idle for longest is forgotten.
    most_addresses: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000


class Touch(Struct, frozen=True, array_like=True):
    """A transfer, and who was at its other end."""

    other: str
    token: str
    witness: Witness


class Dealings(Struct):
    """Transfers of one address."""

    count: int = 0
    first: int = 0
    newest: list[Touch] = field(default_factory=list[Touch])


class State(Struct):
    """Addresses, the idlest first."""

    addresses: dict[str, Dealings] = field(default_factory=dict[str, Dealings])


@correlator("sanctioned_later")
class SanctionedLater(Correlator[State]):
    """See the module. Memory: `most_addresses` with `most_transfers` transfers each."""

    parameters_type = Parameters
    state_type = State
    partition_by = "market"
    typology = "sanctions"
    needs = (frozenset({"address-sanctioned"}), frozenset({"token-transfer"}))

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._rule = parameters
        self.actions = frozenset({"token-transfer", "address-sanctioned"})

    @property
    def horizon(self) -> int:
        """A transfer counts for so long."""
        return self._rule.look_back

    def observe(self, event: TokenTransfer | AddressSanctioned) -> Iterable[Finding]:
        """Keep a transfer in mind, or say what a listing touches."""
        if isinstance(event, AddressSanctioned):
            return self._listed(event)
        source, destination = event.source_address, event.destination_address
        if _SANCTIONED not in event.source_labels:
            self._keep(source, destination, event)
        if _SANCTIONED not in event.destination_labels and destination != source:
            self._keep(destination, source, event)
        return ()

    def _keep(self, address: str, other: str, event: TokenTransfer) -> None:
        if address == ZERO_ADDRESS:
            return
        token = event.token_symbol or event.token_id or event.contract or ""
        # What is minted or burned, the token's own contract stands behind.
        other = event.contract or "" if other == ZERO_ADDRESS else other
        touch = Touch(other, token, witness(event))
        addresses = self.state.addresses
        # Taken out and put back at the end, so that the first address is always the idlest.
        dealings = addresses.pop(address, None)
        if dealings is None:
            dealings = Dealings(first=touch.witness.timestamp)
        dealings.count += 1
        dealings.newest.append(touch)
        del dealings.newest[: -self._rule.most_transfers]
        addresses[address] = dealings
        drop_idlest(addresses, self._rule.most_addresses)

    def _listed(self, event: AddressSanctioned) -> Iterable[Finding]:
        address = event.investor_address or ""
        # Of another list that names it later, nothing more is to be said.
        dealings = self.state.addresses.pop(address, None)
        if dealings is None:
            return ()
        since = event.timestamp - self._rule.look_back
        touches = [one for one in dealings.newest if one.witness.timestamp >= since]
        if not touches:
            return ()
        # Kept are the newest: where all of these count, so may older ones that were counted only.
        whole = len(touches) == len(dealings.newest) and dealings.first >= since
        count = dealings.count if whole else len(touches)
        others = list(dict.fromkeys(one.other for one in touches))
        tokens = sorted({one.token for one in touches})
        newest = max(one.witness.timestamp for one in touches)
        said = "1 transfer" if count == 1 else f"{count:,} transfers"
        with_whom = others[0] if len(others) == 1 else f"{len(others)} addresses"
        least = "" if whole else "at least "
        who = f"{address} ({event.investor_id})" if event.investor_id else address
        return [
            Finding(
                entities=(address, *others)[:_MOST_ENTITIES],
                reason=(
                    f"{who} came onto the list {event.list}, and {least}{said} of "
                    f"{', '.join(tokens)} with {with_whom} went before, the newest "
                    f"{lapse(event.timestamp - newest)} ago"
                ),
                witnesses=(*(one.witness for one in touches), witness(event)),
                metrics={"transfers": float(count), "counterparties": float(len(others))},
                tags=("retrospective",),
            )
        ]
