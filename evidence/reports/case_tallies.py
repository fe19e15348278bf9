"""What was done to cases in a period, what is open at its end, and what became of alerts.

Made of the activities of cases (`CaseActivity`), each of which tells what its case was after it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median_low

from msgspec import Struct

from evidence.cases.state import advance
from evidence.reports.figures import AGES, LEVELS, CaseFigures, Change, RuleOutcomes
from evidence.reports.period import Period
from normalizer.events.case import CaseActivity, Resolution

#: Codes by which an alert was none of a breach: its rule should not have alerted.
WITHOUT_BREACH: frozenset[Resolution] = frozenset(
    ("no-breach", "false-positive", "explained", "data-error")
)
#: Codes that say nothing of the rule.
NO_VERDICT: frozenset[Resolution] = frozenset(("duplicate", "retracted"))
_OVER = ("closed", "suppressed")


class _Case(Struct):
    activities: list[CaseActivity]

    def at(self, moment: int) -> CaseActivity | None:
        """The newest activity before a moment."""
        found = None
        for one in self.activities:
            if one.timestamp >= moment:
                break
            found = one
        return found


def case_figures(
    activities: Iterable[CaseActivity],
    period: Period,
    before: Period,
    rule_names: Mapping[str, str],
) -> CaseFigures:
    """The figures of a period. Suppressed cases, which nobody works on, are left out."""
    cases = _cases(activities)
    opened = [
        sum(
            one.action == "opened" and one.status != "suppressed" and within.holds(one.timestamp)
            for case in cases
            for one in case.activities
        )
        for within in (period, before)
    ]
    closed = [_closed(cases, within) for within in (period, before)]
    open_now, open_before = _open(cases, period.end), _open(cases, before.end)
    ages = [period.end - (one.opened or one.timestamp) for one in open_now]
    took = sorted(one.timestamp - (one.opened or one.timestamp) for _, one in closed[0])
    by_code = Counter(one.resolution for _, one in closed[0] if one.resolution)
    eyes = [one for _, one in closed[0] if one.four_eyes]
    return CaseFigures(
        opened=Change("opened", *opened),
        closed=Change("closed", *(len(one) for one in closed)),
        reopened=_done(cases, period, "reopened"),
        escalated=_done(cases, period, "escalated"),
        open=Change("open at the end", len(open_now), len(open_before)),
        open_by_level=[
            Change(
                level,
                sum(one.level == level for one in open_now),
                sum(one.level == level for one in open_before),
            )
            for level in LEVELS
        ],
        ages=_by_age(ages),
        oldest=max(ages, default=None),
        median_to_close=median_low(took) if took else None,
        slowest_to_close=took[-1] if took else None,
        resolutions=sorted(by_code.items(), key=lambda pair: (-pair[1], pair[0])),
        four_eyes=len(eyes),
        four_eyes_kept=sum(
            1 for one in eyes if one.approved_by and one.approved_by != one.proposed_by
        ),
        outcomes=_outcomes(closed[0], rule_names),
    )


def _cases(activities: Iterable[CaseActivity]) -> list[_Case]:
    """By their ids, each with its activities in order and none twice."""
    found: dict[str, dict[str, CaseActivity]] = {}
    for one in activities:
        found.setdefault(one.case_id, {}).setdefault(one.id, one)
    return [
        _Case(
            _taken(sorted(found[id_].values(), key=lambda one: (one.number, one.timestamp, one.id)))
        )
        for id_ in sorted(found)
    ]


def _taken(activities: list[CaseActivity]) -> list[CaseActivity]:
    """Without those that may not be, which changed nothing. Where a case's beginning is gone, all:
    each tells by itself what the case was after it."""
    if activities[0].number != 1:
        return activities
    taken: list[CaseActivity] = []
    case = None
    for one in activities:
        refused = len(case.refused) if case is not None else 0
        case = advance(case, one)
        if case is not None and len(case.refused) == refused:
            taken.append(one)
    return taken


def _closed(cases: Sequence[_Case], within: Period) -> list[tuple[_Case, CaseActivity]]:
    """Cases that were closed then, and are at the end of it: by the last closing."""
    found: list[tuple[_Case, CaseActivity]] = []
    for case in cases:
        last = case.at(within.end)
        if last is None or last.status != "closed":
            continue
        closing = [
            one for one in case.activities if one.action == "closed" and one.timestamp < within.end
        ]
        if closing and within.holds(closing[-1].timestamp):
            found.append((case, closing[-1]))
    return found


def _open(cases: Sequence[_Case], moment: int) -> list[CaseActivity]:
    states = (case.at(moment) for case in cases)
    return [one for one in states if one is not None and one.status not in _OVER]


def _done(cases: Sequence[_Case], period: Period, action: str) -> int:
    return sum(
        1
        for case in cases
        for one in case.activities
        if one.action == action and period.holds(one.timestamp)
    )


def _by_age(ages: Sequence[int]) -> list[tuple[str, int]]:
    counts = [0] * len(AGES)
    for age in ages:
        counts[next(at for at, (_, most) in enumerate(AGES) if most is None or age < most)] += 1
    return [(name, count) for (name, _), count in zip(AGES, counts, strict=True)]


def _outcomes(
    closed: Sequence[tuple[_Case, CaseActivity]], names: Mapping[str, str]
) -> list[RuleOutcomes]:
    """By rule: an alert has the reason code of its case."""
    reasons: dict[str, Counter[Resolution]] = {}
    titles = dict(names)
    for case, closing in closed:
        if closing.resolution is None:
            continue
        of: dict[str, str] = {}
        for one in case.activities:
            if one.rule_id and one.action in ("opened", "alerts-joined", "alerts-suppressed"):
                titles.setdefault(one.rule_id, one.rule_name or one.rule_id)
                if one.timestamp <= closing.timestamp:
                    of.update(dict.fromkeys(one.alerts, one.rule_id))
        for rule in of.values():
            reasons.setdefault(rule, Counter())[closing.resolution] += 1
    rows: list[RuleOutcomes] = []
    for rule, counts in reasons.items():
        judged = sum(count for code, count in counts.items() if code not in NO_VERDICT)
        rows.append(
            RuleOutcomes(
                id=rule,
                name=titles.get(rule, rule),
                judged=judged,
                without_breach=sum(n for code, n in counts.items() if code in WITHOUT_BREACH),
                reasons={str(code): counts[code] for code in sorted(counts)},
            )
        )
    return sorted(rows, key=lambda one: (-(one.share or 0.0), -one.judged, one.name, one.id))
