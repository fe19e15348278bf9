"""How final blocks are, and alerts that wait until theirs are final enough.

A rule with `finality: safe` or `finalized` alerts when the node has called the newest block that
its alert rests on so. An alert whose block is orphaned before was never given.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from normalizer.events import Alert, ChainFinality

#: What a rule may ask for. `latest` is any block.
Finality = Literal["latest", "safe", "finalized"]
_RANKS = {"pending": 0, "latest": 1, "safe": 2, "finalized": 3}


class FinalBlocks(msgspec.Struct, array_like=True):
    """The newest blocks of a chain that are safe and finalized; -1 where none is."""

    safe: int = -1
    finalized: int = -1


class HeldAlert(msgspec.Struct, array_like=True):
    """An alert that waits."""

    wanted: Finality
    alert: Alert


class FinalityState(msgspec.Struct, array_like=True):
    """All that the gate knows."""

    chains: dict[int, FinalBlocks] = msgspec.field(default_factory=dict[int, FinalBlocks])
    """By chain id."""
    held: list[HeldAlert] = msgspec.field(default_factory=list[HeldAlert])
    """In the order in which they came true."""


class FinalityGate:
    """Lets alerts through when their blocks are final enough. `wanted`: by rule id."""

    def __init__(self, wanted: Mapping[str, Finality]) -> None:
        self._wanted: dict[str, Finality] = {
            rule: finality for rule, finality in wanted.items() if finality != "latest"
        }
        self.state = FinalityState()

    def told(self, record: ChainFinality) -> list[Alert]:
        """More blocks are final. Returns the alerts that waited for it."""
        known = self.state.chains.setdefault(record.chain_id, FinalBlocks())
        if record.safe_number is not None:
            known.safe = max(known.safe, record.safe_number)
        if record.finalized_number is not None:
            known.finalized = max(known.finalized, record.finalized_number)
        if not self.state.held:
            return []
        ready: list[Alert] = []
        waiting: list[HeldAlert] = []
        for held in self.state.held:
            alert = self._with_finality(held.alert)
            if _is_enough(alert, held.wanted):
                ready.append(alert)
            else:
                waiting.append(held)
        self.state.held = waiting
        return ready

    def admit(self, alert: Alert) -> Alert | None:
        """The alert with its finality; None while it waits."""
        alert = self._with_finality(alert)
        wanted = self._wanted.get(alert.rule_id)
        if wanted is None or _is_enough(alert, wanted):
            return alert
        self.state.held.append(HeldAlert(wanted, alert))
        return None

    def _with_finality(self, alert: Alert) -> Alert:
        """The least final of its blocks is the newest one."""
        if not alert.evidence_blocks:
            return alert
        chains = self.state.chains
        known = None
        if alert.chain_id is not None:
            known = chains.get(alert.chain_id)
        elif len(chains) == 1:
            # A venue's event completed it; there is one chain that its blocks can be of.
            known = next(iter(chains.values()))
        newest = max(alert.evidence_blocks)
        now: Finality = "latest"
        if known is not None and newest <= known.finalized:
            now = "finalized"
        elif known is not None and newest <= known.safe:
            now = "safe"
        if alert.block_number == newest and _rank(alert.finality) > _RANKS[now]:
            return alert  # as the node said with the block itself
        return alert if alert.finality == now else msgspec.structs.replace(alert, finality=now)


def _is_enough(alert: Alert, wanted: Finality) -> bool:
    return not alert.evidence_blocks or _rank(alert.finality) >= _RANKS[wanted]


def _rank(finality: str | None) -> int:
    return _RANKS.get(finality or "latest", 1)
