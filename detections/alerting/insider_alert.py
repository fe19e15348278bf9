"""The alert on one party's dealing before one announcement: what it says, and how sure it is."""

from typing import NamedTuple

from msgspec import Struct, field

from detections.alerting.findings import Finding, Witness
from detections.alerting.wording import amount, lapse, percent
from detections.markets.event_study import Study
from detections.markets.trading_history import Flow
from detections.markets.unusual_trading import Unusual
from pipeline.units import HOUR

_MOST_EVIDENCE = 150
_SOLD_AFTER = 0.5
#: Confidence before it is calibrated on labelled data: a base, and what adds to it.
_BASE, _LINKED, _MOST = 0.45, 0.85, 0.98


class Announcement(Struct):
    """An announcement whose effect is not over, or not known yet."""

    id: str
    what: str
    announced: int
    due: int
    """When it is judged next."""
    known: int
    """When it was known here."""
    witness: Witness
    told: dict[str, None] = field(default_factory=dict[str, None])
    """Parties that were alerted."""


class Scale(NamedTuple):
    """What was asked for, and so how far beyond it something is."""

    deviations: float
    statistic: float
    by_chance: float


class Dealing(NamedTuple):
    """What one party did before one announcement."""

    asset: str
    news: Announcement
    found: Study
    one: Unusual
    profit: float
    chance: float
    """Of being right as often, if each time is a coin's."""


def insider_finding(deal: Dealing, until: int, money: str, scale: Scale) -> Finding:
    """The alert; `until` is up to when it is seen what the party did afterwards."""
    _, news, found, one, _, _ = deal
    rising = found.abnormal_return > 0
    after = one.history.between(news.announced, until + 1)
    undone = min(1.0, max(0.0, -after.net if rising else after.net) / one.quantity)
    first = min((w.timestamp for w in one.flow.witnesses), default=news.announced - one.window)
    before = news.announced - first
    late = news.known > news.announced + HOUR
    return Finding(
        entities=tuple(dict.fromkeys((one.party, *one.history.names, deal.asset))),
        reason=_sentence(deal, undone, before, money),
        witnesses=_evidence(one.flow, after, news.witness, undone > 0),
        confidence=_confidence(deal, undone, scale),
        metrics=_metrics(deal, undone, before),
        tags=("retrospective",) if late else (),
    )


def _sentence(deal: Dealing, undone: float, before: int, money: str) -> str:
    one, found = deal.one, deal.found
    rising = found.abnormal_return > 0
    did, undid = ("bought", "sold") if rising else ("sold", "bought back")
    labels = one.history.labels
    listed = f", who is on a list ({', '.join(labels)})," if labels else ""
    how: list[str] = []
    if one.deviations is not None:
        how.append(f"{amount(round(one.deviations, 1))} deviations from what others did")
    if one.first_time:
        how.append("the first time that it traded it")
    elif one.of_usual is not None:
        how.append(f"{amount(round(one.of_usual, 1))} times what it ever did in as long a time")
    like = f" ({'; '.join(how)})" if how else ""
    later = f", and {undid} {percent(undone)} of that after it" if undone > 0 else ""
    sign = "" if rising else "-"
    return (
        f"{one.party}{listed} {did} {amount(round(one.quantity, 8))} {deal.asset} from "
        f'{lapse(before)} before "{deal.news.what}"{like}, which moved the price by '
        f"{sign}{percent(abs(found.abnormal_return))} (t = {found.statistic:.1f} by the "
        f"{'market model' if found.market else 'mean'}): "
        f"{'a profit' if rising else 'a loss avoided'} of {amount(round(deal.profit, 2))}{money}"
        f"{later}"
    )


def _confidence(deal: Dealing, undone: float, scale: Scale) -> float:
    one = deal.one
    if one.history.labels:
        sure = _LINKED
    else:
        beyond = 0.0
        if one.deviations is not None and scale.deviations > 0:
            beyond = min(1.0, max(0.0, one.deviations / scale.deviations - 1) / 2)
        sure = _BASE + 0.15 * beyond
        sure += 0.1 * (one.first_time is True or (one.of_usual or 0.0) >= 2)
        sure += 0.1 * (deal.chance <= scale.by_chance)
    sure += 0.1 * (undone >= _SOLD_AFTER)
    clear = min(1.0, max(0.0, abs(deal.found.statistic) - scale.statistic) / 7)
    return min(_MOST, sure + 0.1 * clear)


def _metrics(deal: Dealing, undone: float, before: int) -> dict[str, float]:
    one, found = deal.one, deal.found
    metrics = {
        "abnormal_return": found.abnormal_return,
        "statistic": found.statistic,
        "estimation_returns": float(found.returns),
        "price_before": found.price_before,
        "price_after": found.price_after,
        "quantity": one.quantity,
        "profit": deal.profit,
        "trades": one.flow.trades,
        "share_of_side": one.share,
        "sold_after": undone,
        "hours_before": before / HOUR,
        "by_chance": deal.chance,
        "first_time": float(one.first_time is True),
    }
    if one.deviations is not None:
        metrics["deviations"] = one.deviations
    if one.of_usual is not None:
        metrics["times_usual"] = one.of_usual
    if one.expected is not None:
        metrics["expected_by_chance"] = one.expected
    return metrics


def _evidence(flow: Flow, after: Flow, news: Witness, undone: bool) -> tuple[Witness, ...]:
    """The trades before and after, and the announcement, each once."""
    some = [*flow.witnesses, *(after.witnesses if undone else ())][:_MOST_EVIDENCE]
    known = {one.id: one for one in (*some, news)}
    return tuple(sorted(known.values(), key=lambda one: (one.timestamp, one.id)))
