"""The events: one ``msgspec.Struct`` class per ``event.action``, with ECS names on the wire.

This is the language that the stages speak. Detections, delivery and evidence import nothing else
of the normalizer.
"""

from normalizer.events.alert import SEVERITY, Alert, Level
from normalizer.events.alert_update import AlertStatus, AlertUpdate
from normalizer.events.base import AssetEvent, Event, PartyEvent
from normalizer.events.case import CaseActivity
from normalizer.events.chain import ChainEvent, ChainRecord
from normalizer.events.chain_state import ChainFinality, ChainReorganised, ChainStateRecord
from normalizer.events.clusters import ClusterRecord
from normalizer.events.market import MarketEvent, MarketRecord, OrderEvent
from normalizer.events.pending import PendingEvent, PendingRecord
from normalizer.events.reference import ReferenceEvent
from normalizer.events.rule_set import RulesChanged
from normalizer.events.social import SocialEvent, SocialRecord
from normalizer.events.solana import SolanaRecord

#: Every record of the EVENTS stream.
Record = (
    ChainRecord
    | SolanaRecord
    | ChainStateRecord
    | MarketRecord
    | PendingRecord
    | ReferenceEvent
    | ClusterRecord
    | SocialRecord
    | RulesChanged
)

__all__ = [
    "SEVERITY",
    "Alert",
    "AlertStatus",
    "AlertUpdate",
    "AssetEvent",
    "CaseActivity",
    "ChainEvent",
    "ChainFinality",
    "ChainRecord",
    "ChainReorganised",
    "ChainStateRecord",
    "ClusterRecord",
    "Event",
    "Level",
    "MarketEvent",
    "MarketRecord",
    "OrderEvent",
    "PartyEvent",
    "PendingEvent",
    "PendingRecord",
    "Record",
    "ReferenceEvent",
    "RulesChanged",
    "SocialEvent",
]
