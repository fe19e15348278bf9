"""A finding on a rise, with what was said of the asset in public before it."""

import msgspec

from detections.alerting.findings import Finding
from detections.alerting.wording import amount, lapse
from detections.markets.social_activity import Signal, Talk

#: What each adds to a finding's confidence; together no more than makes it 1. Set by hand: how
#: often a rise after such talk is a pump was never measured.
_OF_TALK, _OF_TURN, _OF_CALL = 0.1, 0.05, 0.1


def strengthened(finding: Finding, signal: Signal, *, since: int, turn: float) -> Finding:
    """The finding on a rise that began at `since` is surer, and says why.

    `turn`: how much better the talk must sound than it usually does to count as well.
    """
    said: list[str] = []
    confidence = finding.confidence
    metrics = dict(finding.metrics)
    witnesses = list(finding.witnesses)
    talk, call = signal.talk, signal.call
    if talk is not None:
        confidence += _OF_TALK
        said.append(f"{words(talk)}, {_lead(since - talk.end)}")
        metrics |= social_metrics(talk)
        witnesses.append(talk.witness)
        if talk.turn >= turn:
            confidence += _OF_TURN
            said.append(
                f"it sounded better than usual there, {_signed(talk.sentiment)} rather than "
                f"{_signed(talk.usual_sentiment)}"
            )
    if call is not None:
        confidence += _OF_CALL
        said.append(f"a call to buy came on {call.medium} {lapse(since - call.time)} before it")
        metrics["seconds_after_call"] = (since - call.time) / 1e9
        witnesses.append(call.witness)
    witnesses.sort(key=lambda one: one.timestamp)
    return msgspec.structs.replace(
        finding,
        reason=f"{finding.reason}; {', and '.join(said)}",
        confidence=min(1.0, confidence),
        metrics=metrics,
        witnesses=tuple(witnesses),
    )


def words(talk: Talk) -> str:
    """How much was said: `telegram had 340 messages by 120 authors within 5 min, 28 times ...`."""
    authors = "" if talk.authors is None else f" by {amount(talk.authors)} authors"
    many = (
        f"{amount(round(talk.multiple, 1))} times what is usual"
        if talk.usual >= 1
        else "where next to nothing is usual"
    )
    return (
        f"{talk.medium} had {amount(talk.messages)} messages{authors} within "
        f"{lapse(talk.end - talk.start)}, {many}"
    )


def social_metrics(talk: Talk) -> dict[str, float]:
    """The numbers of an unusual stretch."""
    found = {
        "social_messages": float(talk.messages),
        "social_usual": talk.usual,
        "social_sigmas": talk.sigmas,
    }
    if talk.authors is not None:
        found["social_authors"] = float(talk.authors)
    if talk.sentiment is not None:
        found["sentiment"] = talk.sentiment
    if talk.usual_sentiment is not None:
        found["sentiment_usual"] = talk.usual_sentiment
    return found


def _lead(before: int) -> str:
    return f"{lapse(before)} before it began" if before >= 0 else "when it began"


def _signed(sentiment: float | None) -> str:
    return f"{sentiment or 0.0:+.2g}"
