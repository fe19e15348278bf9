"""Which alerts a lane has given and which of them stand: what a reorganisation is held against, and
what a bust or correction of a trade amends."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec

from detections.alerting.revised_evidence import RevisedEvidence, Revision
from detections.identity import fingerprint
from normalizer.events import Alert, AlertStatus, AlertUpdate, ChainReorganised, Level
from normalizer.events.market import TradeBusted, TradeCorrected

#: Alerts that are remembered. One that was given before so many others can't be retracted.
REMEMBERED_ALERTS = 50_000


class GivenAlert(msgspec.Struct, array_like=True, frozen=True):
    """An alert that was given, as far as an update about it needs it."""

    place: int
    """The message of EVENTS on which it came true, the orphaned ones left out."""
    rule_id: str
    rule_name: str
    level: Level
    typology: str
    staged: bool
    entities: tuple[str, ...]


class GivenAlerts(msgspec.Struct, array_like=True):
    """By id, in the order in which they came true."""

    standing: dict[str, GivenAlert] = msgspec.field(default_factory=dict[str, GivenAlert])
    retracted: Annotated[dict[str, GivenAlert], "in the order of retraction"] = msgspec.field(
        default_factory=dict[str, GivenAlert]
    )
    #: What was last told: by that a later alert is reinstated.
    last_fork: ChainReorganised | None = None
    evidence: RevisedEvidence = msgspec.field(default_factory=RevisedEvidence)

    def give(self, place: int, alerts: Iterable[Alert]) -> list[Alert | AlertUpdate]:
        """New alerts came true. One that had been retracted is reinstated instead."""
        told: list[Alert | AlertUpdate] = []
        for alert in alerts:
            given = _given(place, alert)
            back = self.retracted.pop(alert.id, None) is not None
            if not back:
                told.append(alert)
            else:
                fork = self.last_fork
                assert fork is not None
                told.append(_update(alert.id, given, "reinstated", fork, alert.timestamp))
            self.standing.setdefault(alert.id, given)
            if alert.evidence_trades:
                for revision, why in self.evidence.give(alert, back=back):
                    told.append(_amendment(alert.id, given, revision, why))
        self._forget()
        return told

    def follow(
        self, place: int, alerts: Iterable[Alert], records: Iterable[object]
    ) -> list[Alert | AlertUpdate]:
        """What came true on these records, and what of the standing alerts they amend."""
        told = self.give(place, alerts)
        for record in records:
            if isinstance(record, TradeBusted | TradeCorrected):
                told += self.revise(record)
        return told

    def revise(self, event: TradeBusted | TradeCorrected) -> list[AlertUpdate]:
        """A venue took a trade back or corrected it: what of the standing alerts rests on it."""
        return [
            _amendment(alert, given, revision, why)
            for revision, alert, why in self.evidence.revise(event)
            if (given := self.standing.get(alert)) is not None
        ]

    def replace(
        self, first: int, alerts: Mapping[str, tuple[int, Alert]], fork: ChainReorganised
    ) -> list[Alert | AlertUpdate]:
        """From place `first` on, these are the alerts that are true without the orphaned events.

        Returns what differs: first what is retracted, then what is new or reinstated.
        """
        self.last_fork = fork
        told: list[Alert | AlertUpdate] = []
        later = {key: given for key, given in self.standing.items() if given.place >= first}
        for key, given in later.items():
            del self.standing[key]
            if key not in alerts:
                told.append(_update(key, given, "retracted", fork, fork.timestamp))
                self.retracted[key] = given
        for key, (place, alert) in alerts.items():
            if key in later:
                self.standing[key] = msgspec.structs.replace(later[key], place=place)
            elif key not in self.standing:
                told += self.give(place, [alert])
        self._forget()
        return told

    def _forget(self) -> None:
        for known in (self.standing, self.retracted):
            while len(known) > REMEMBERED_ALERTS:
                del known[next(iter(known))]


def _given(place: int, alert: Alert) -> GivenAlert:
    return GivenAlert(
        place,
        alert.rule_id,
        alert.rule_name,
        alert.level,
        alert.typology,
        alert.staged,
        alert.entities,
    )


def _amendment(alert_id: str, given: GivenAlert, revision: Revision, why: str) -> AlertUpdate:
    return AlertUpdate(
        id=fingerprint([alert_id, "amended", revision.id]),
        timestamp=revision.timestamp,
        provider=revision.provider,
        original=revision.original,
        reason=why,
        message=f"{given.rule_name}: amended: {why}",
        alert_id=alert_id,
        status="amended",
        rule_id=given.rule_id,
        rule_name=given.rule_name,
        level=given.level,
        typology=given.typology,
        staged=given.staged,
        evidence_events=(revision.id,),
        evidence_trades=(revision.trade,),
        venue=revision.venue,
        instrument=revision.instrument,
        related_user=given.entities,
    )


def _update(
    alert_id: str, given: GivenAlert, status: AlertStatus, fork: ChainReorganised, timestamp: int
) -> AlertUpdate:
    network = fork.network or f"chain {fork.chain_id}"
    where = f"{network} left its branch after block {fork.common_number} ({fork.common_hash})"
    blocks = "1 block was" if fork.depth == 1 else f"{fork.depth} blocks were"
    if status == "retracted":
        reason = f"{where}; {blocks} orphaned, and without them the alert does not hold"
    else:
        reason = f"{where}, and what the alert rests on is part of the chain again"
    return AlertUpdate(
        id=fingerprint([alert_id, status, fork.id]),
        timestamp=timestamp,
        provider=fork.provider,
        original=fork.original,
        reason=reason,
        message=f"{given.rule_name}: {status}: {reason}",
        alert_id=alert_id,
        status=status,
        rule_id=given.rule_id,
        rule_name=given.rule_name,
        level=given.level,
        typology=given.typology,
        staged=given.staged,
        evidence_events=(fork.id,),
        chain_id=fork.chain_id,
        network=fork.network,
        common_number=fork.common_number,
        common_hash=fork.common_hash,
        orphaned=fork.orphaned,
        related_hash=fork.related_hash,
        related_user=given.entities,
    )
