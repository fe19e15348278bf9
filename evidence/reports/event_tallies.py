"""What a period's events come to: sources, gaps, changes of rules, refused transfers."""

from collections import Counter

from evidence.reports.figures import Gap, Refusal, RuleChange, SourceFigures
from evidence.reports.period import Period
from evidence.reports.source import EventsSeen
from normalizer.events import ChainReorganised, Record, RulesChanged
from normalizer.events.chain import TokenTransferRefused
from normalizer.events.market import FeedGap

_NO_REASON = "no reason given"
#: A reason that a contract gives may be anything: no longer than this is shown.
_LONGEST = 160


class EventTallies:
    """Takes events one by one; copies of one by its id once."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._seen: set[str] = set()
        self._gaps: list[Gap] = []
        self._changes: list[RuleChange] = []
        self._refused: dict[tuple[str, str], list[int]] = {}
        self._forks: Counter[str] = Counter()

    def add(self, event: Record) -> None:
        """Take one of the period, or of the one before."""
        if event.id in self._seen:
            return
        self._seen.add(event.id)
        now = self._period.holds(event.timestamp)
        match event:
            case TokenTransferRefused():
                token = event.token_symbol or event.token_id or event.token_address or ""
                reason = event.status_meaning or event.reason or _NO_REASON
                counts = self._refused.setdefault((token, reason[:_LONGEST]), [0, 0])
                counts[0 if now else 1] += 1
            case FeedGap() if now:
                self._gaps.append(
                    Gap(
                        time=event.timestamp,
                        provider=event.provider,
                        instrument=event.instrument or "*",
                        reason=(event.reason or "")[:_LONGEST],
                    )
                )
            case ChainReorganised() if now:
                self._forks[event.provider] += 1
            case RulesChanged() if now:
                self._changes.append(
                    RuleChange(
                        time=event.timestamp,
                        rules=event.rules,
                        who=event.operator or event.author or "",
                        why=event.reason or "",
                        added=sorted(event.added),
                        changed=sorted(event.changed),
                        removed=sorted(event.removed),
                    )
                )
            case _:
                pass

    def gaps(self) -> list[Gap]:
        """In their order."""
        return sorted(self._gaps, key=lambda one: (one.time, one.provider, one.instrument))

    def rule_changes(self) -> list[RuleChange]:
        """In their order."""
        return sorted(self._changes, key=lambda one: (one.time, one.rules))

    def refusals(self) -> list[Refusal]:
        """The most frequent first; those of the period before alone are left out."""
        rows = [
            Refusal(token=token, reason=reason, now=now, before=before)
            for (token, reason), (now, before) in self._refused.items()
            if now
        ]
        return sorted(rows, key=lambda one: (-one.now, one.token, one.reason))

    def sources(self, seen: EventsSeen, unsure: Counter[str]) -> list[SourceFigures]:
        """All sources that gave anything in either period, by name."""
        gaps = Counter(one.provider for one in self._gaps)
        days = len(self._period.days)
        rows: list[SourceFigures] = []
        for name in sorted({*seen.now, *seen.before, *gaps, *unsure}):
            there = sum(1 for at in range(days) if seen.days[name, at])
            rows.append(
                SourceFigures(
                    provider=name,
                    events=seen.now[name],
                    before=seen.before[name],
                    gaps=gaps[name],
                    unsure=unsure[name],
                    reorganisations=self._forks[name],
                    silent_days=days - there if there or seen.before[name] else 0,
                )
            )
        return rows
