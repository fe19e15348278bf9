"""Alerts and truths made up for the specification of the verdict."""

from typing import Any

from demo.ground_truth import Decoy, Planted
from normalizer.events import SEVERITY, Alert

T0 = 1_800_000_000_000_000_000
TX = "0x" + "ab" * 32


def alert(name: str, typology: str = "wash_trading", **fields: Any) -> Alert:
    """An alert of no rule in particular; `name` is its id."""
    return Alert(
        **{
            "id": name,
            "timestamp": T0,
            "provider": "venue",
            "severity": SEVERITY["high"],
            "risk_score": 73.0,
            "reason": "somebody did 12.5 of something",
            "message": "A rule: somebody did 12.5 of something",
            "rule_id": "00000000-0000-4000-8000-000000000001",
            "rule_name": "A rule",
            "rule_version": "2026-11-23",
            "rule_hash": "cd" * 32,
            "level": "high",
            "typology": typology,
        }
        | fields
    )


def planted(typology: str = "wash_trading", **ids: Any) -> Planted:
    return Planted(
        **{"typology": typology, "description": f"planted {typology}", "where": "venue"} | ids
    )


def decoy(resembles: str = "spoofing", **ids: Any) -> Decoy:
    return Decoy(
        **{
            "name": "patient order",
            "resembles": resembles,
            "description": "an order cancelled late",
            "where": "venue",
        }
        | ids
    )
