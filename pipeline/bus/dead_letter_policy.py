"""Letting dead letters go by themselves, where the configuration says which and when."""

from collections.abc import Sequence

from pipeline.bus.connection import Bus
from pipeline.bus.dead_letter_groups import Wanted
from pipeline.bus.dead_letters import dead_letters, expire
from pipeline.config.schema import DeadLetterExpiry
from pipeline.source_state import now
from pipeline.units import format_duration


async def let_go(bus: Bus, policies: Sequence[DeadLetterExpiry]) -> int:
    """Take out the letters that a policy has no more use for. How many those were."""
    at = now()
    by_policy: list[list[int]] = [[] for _ in policies]
    wanted = [
        Wanted(
            stage=policy.stage,
            source=policy.source,
            reason=policy.reason,
            until=at - policy.after,
        )
        for policy in policies
    ]
    if not policies:
        return 0
    async for stored in dead_letters(bus):
        for meant, chosen in zip(wanted, by_policy, strict=True):
            if meant.holds(stored):
                chosen.append(stored.sequence)
                break
    count = 0
    for policy, chosen in zip(policies, by_policy, strict=True):
        if chosen:
            count += await expire(bus, chosen, _why(policy))
    return count


def _why(policy: DeadLetterExpiry) -> str:
    parts = [
        f"{name} {value}"
        for name, value in (
            ("stage", policy.stage),
            ("source", policy.source),
            ("reason", policy.reason),
        )
        if value is not None
    ]
    return f"policy: {', '.join([*parts, f'after {format_duration(policy.after)}'])}"
