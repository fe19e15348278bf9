"""Exposure to a mixer over several hops: tokens that came from one, though not directly.

FATF, Virtual Assets Red Flag Indicators (2020), on funds from mixers. A direct transfer from or to
a mixer is what the Sigma rule `mixer_transfer` tells at once. Here taint is followed from wallet to
wallet, by the haircut method (`detections.taint`): it thins out with each mixing, ends after
`maximum_hops`, and is forgotten `remembered` after it came. It stops where tokens of many lie
together: an exchange, a custodian, a pool (`stops`); what these send on is theirs.

It alerts where `minimum_amount` whole tokens of taint or more, and `minimum_share` of the transfer
or more, arrive two hops from the mixer or later

- at a stop: this is where they are cashed or hidden; or
- at a wallet whose investor is known; or
- at any other wallet, if half of the transfer or more is tainted.

Of one receiver and mixer it alerts again whenever the taint has doubled. The chain's own currency
is followed where its transfers are told; bridges, and swaps into another token, end the trail.

Balances are those that were seen: of a wallet that held tokens before, taint is overstated; that
is marked `unsure` once it sends more than it was seen to have. No source gives numbers: 10% and
five hops are choices. Sanctioned mixers have rules of their own.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, percent
from detections.cap_table.evidence import names, party, unit_of
from detections.correlators.base import Correlator, correlator
from detections.engine.correlator_state import Whole
from detections.idlest import drop_idlest
from detections.parties import is_exempt
from detections.taint import Holding, incoming, outgoing
from detections.token_kinds import kind_name, kind_of
from normalizer.events.chain import ZERO_ADDRESS, NativeTransfer, TokenTransfer
from pipeline.units import DAY, Duration, Ratio

_MOST_WALLETS = 200_000
_MOST_TOLD = 20_000
_MOSTLY = 0.5
_NATIVE_UNIT = 10**18
#: Confidence before it is calibrated on labelled data: by the share, and less with each hop.
_BASE, _SHARE, _STOP, _PER_HOP, _UNSURE = 0.45, 0.35, 0.15, 0.05, 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on exposure to mixers sets."""

    #: Labels of what taints.
    mixer_labels: tuple[str, ...] = ("mixer",)
    #: Transfers from the mixer on, after which taint ends; the one from the mixer is the first.
    maximum_hops: Annotated[int, Meta(ge=2, le=20)] = 5
    #: Part of a transfer that must be tainted.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.1
    #: Whole tokens of taint that must arrive.
    minimum_amount: Annotated[float, Meta(gt=0)] = 1.0
    #: How long taint is remembered.
    remembered: Annotated[Duration, Meta(ge=DAY, le=3_650 * DAY)] = 180 * DAY
    #: Where the tokens of many lie together.
    stops: tuple[str, ...] = ("exchange", "custodian", "pool", "router", "bridge")
    #: Whose tokens are nobody's: what these get and send is not followed, and not told.
    exempt_labels: tuple[str, ...] = ("issuer", "treasury")


class State(Struct):
    """Holdings by token and wallet, the idlest first; and who was told of."""

    clean: dict[tuple[str, str], Whole] = field(default_factory=dict[tuple[str, str], Whole])
    """Balances of wallets without taint."""
    tainted: dict[tuple[str, str], Holding] = field(default_factory=dict[tuple[str, str], Holding])
    told: dict[tuple[str, str, str], Whole] = field(
        default_factory=dict[tuple[str, str, str], Whole]
    )
    """By token, receiver and mixer: taint that had come at the newest alert."""
    arrived: dict[tuple[str, str, str], Whole] = field(
        default_factory=dict[tuple[str, str, str], Whole]
    )


@correlator("mixer_exposure")
class MixerExposure(Correlator[State]):
    """See the module. Memory: 200,000 wallets without taint, and as many with it."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 2
    typology = "structuring"
    actions = frozenset({"token-transfer", "native-transfer"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._mixers = frozenset(parameters.mixer_labels)
        self._stops = frozenset(parameters.stops)
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """Taint is remembered for so long; so are the balances that it is held against."""
        return self._p.remembered

    def observe(self, event: TokenTransfer | NativeTransfer) -> Iterable[Finding]:
        """Take a transfer."""
        if isinstance(event, NativeTransfer):
            token, symbol = f"native:{event.chain_id}", "of the chain's own currency"
            raw, unit = int(event.value_raw), _NATIVE_UNIT
        else:
            token = kind_of(event)
            symbol = event.token_symbol or event.token_id or event.contract or "tokens"
            symbol += kind_name(event)
            raw, unit = int(event.amount_raw), unit_of(event)
        if not raw:
            return ()
        return self._moved(event, token, symbol, raw, unit)

    def _moved(
        self, event: TokenTransfer | NativeTransfer, token: str, symbol: str, raw: int, unit: int
    ) -> Iterable[Finding]:
        source, destination = event.source_address, event.destination_address
        if source == destination:
            return ()
        labels = event.source_labels
        from_mixer = bool(labels) and is_exempt(labels, self._mixers)
        taint, hops, origin, unsure = 0, 0, "", False
        trail: list[Witness] | None = None
        if from_mixer:
            taint, hops, origin = raw, 1, source
        elif source != ZERO_ADDRESS:
            key = (token, source)
            holding = self.state.tainted.get(key)
            if holding is None:
                self._spend(key, raw)
            else:
                if event.timestamp - holding.tainted_at > self._p.remembered:
                    holding.tainted = Whole(0)
                hops, origin = holding.hops + 1, holding.source
                trail, taint = holding.path, outgoing(holding, raw)
                unsure = holding.unsure
                if not holding.tainted:
                    del self.state.tainted[key]
                    if holding.balance:
                        self._clean(key, holding.balance)
        if destination == ZERO_ADDRESS or is_exempt(event.destination_labels, self._exempt):
            return ()
        if labels and is_exempt(labels, self._stops):
            taint = 0  # what lies with others' is theirs, whoever it came from
        if taint * 1_000 < raw or hops > self._p.maximum_hops:
            taint = 0
        stop = is_exempt(event.destination_labels, self._stops)
        known = event.destination_labels
        if not stop and not (known and is_exempt(known, self._mixers)):
            self._receive(event, (token, destination), raw, taint, hops, origin, trail)
        if not taint or hops < 2 or (known and is_exempt(known, self._mixers)):
            return ()
        return self._arrived(
            event, token, symbol, raw, unit, taint, hops, origin, trail or [],
            stop=stop, unsure=unsure,
        )  # fmt: skip

    # -- what is held ------------------------------------------------------------------------------

    def _spend(self, key: tuple[str, str], raw: int) -> None:
        balance = self.state.clean.pop(key, None)
        if balance is not None and balance > raw:
            self.state.clean[key] = Whole(balance - raw)

    def _clean(self, key: tuple[str, str], balance: int) -> None:
        clean = self.state.clean
        clean[key] = Whole(balance)
        if len(clean) > _MOST_WALLETS:
            drop_idlest(clean, _MOST_WALLETS)

    def _receive(
        self,
        event: TokenTransfer | NativeTransfer,
        key: tuple[str, str],
        raw: int,
        taint: int,
        hops: int,
        origin: str,
        trail: list[Witness] | None,
    ) -> None:
        state = self.state
        holding = state.tainted.pop(key, None)
        if holding is None:
            balance = state.clean.pop(key, Whole(0))
            if not taint:
                self._clean(key, balance + raw)
                return
            holding = Holding(balance)
        path = [*(trail or ()), witness(event)] if taint else []
        incoming(holding, raw, taint, hops, event.timestamp, origin, path)
        state.tainted[key] = holding
        if len(state.tainted) > _MOST_WALLETS:
            drop_idlest(state.tainted, _MOST_WALLETS)

    # -- alerts ------------------------------------------------------------------------------------

    def _arrived(
        self,
        event: TokenTransfer | NativeTransfer,
        token: str,
        symbol: str,
        raw: int,
        unit: int,
        taint: int,
        hops: int,
        origin: str,
        trail: list[Witness],
        *,
        stop: bool,
        unsure: bool,
    ) -> Iterable[Finding]:
        p, share = self._p, taint / raw
        if share < p.minimum_share:
            return ()
        if not stop and event.destination_investor is None and share < _MOSTLY:
            return ()
        key = (token, event.destination_address, origin)
        total = self.state.arrived.pop(key, Whole(0)) + taint
        self.state.arrived[key] = Whole(total)
        if len(self.state.arrived) > _MOST_TOLD:
            drop_idlest(self.state.arrived, _MOST_TOLD)
        if total < p.minimum_amount * unit:
            return ()
        told = self.state.told.pop(key, None)
        if told is not None and total < 2 * told:
            self.state.told[key] = told
            return ()
        self.state.told[key] = Whole(total)
        if len(self.state.told) > _MOST_TOLD:
            drop_idlest(self.state.told, _MOST_TOLD)
        confidence = _BASE + _SHARE * share + _STOP * stop - _PER_HOP * (hops - 2)
        where = party(event.destination_address, event.destination_investor)
        if event.destination_labels:
            where += f" [{', '.join(event.destination_labels)}]"
        return [
            Finding(
                entities=names(
                    event.destination_address,
                    event.destination_investor,
                    event.source_address,
                    event.source_investor,
                    origin,
                ),
                reason=(
                    f"{amount(round(raw / unit, 8))} {symbol} from "
                    f"{party(event.source_address, event.source_investor)} to {where}: "
                    f"{percent(share)} of it ({amount(round(taint / unit, 8))}) came from the "
                    f"mixer {origin} over {hops} hops, by haircut"
                ),
                witnesses=(*trail, witness(event)),
                confidence=max(0.1, confidence) * (_UNSURE if unsure else 1.0),
                metrics={
                    "share": share,
                    "tainted": taint / unit,
                    "tainted_in_all": total / unit,
                    "hops": float(hops),
                },
                tags=("unsure",) if unsure else (),
            )
        ]
