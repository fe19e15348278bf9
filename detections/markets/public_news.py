"""What was announced of assets, for whoever would take its effects for something else.

A price that jumps when an issuer tells good news was pumped by nobody, and that everybody then
talks of it is no campaign (MAR 7(1)(a): information that, made public, would be likely to move
prices). Announcements are corporate events of the reference data, from when they were made on;
those that change prices by themselves or are known before (a NAV, a split) explain nothing.
"""

from normalizer.events.reference import CorporateEvent

_MOST_ASSETS, _MOST_OF_ASSET = 10_000, 16

PublicNews = dict[str, list[tuple[str, int]]]
"""By token, the idlest first: its newest announcements, by id and when the public learns of it."""

#: Kinds of corporate events that are no news.
ROUTINE = ("nav", "split", "capital-call", "redemption")


def note(known: PublicNews, event: CorporateEvent, routine: frozenset[str]) -> None:
    """Take an announcement; one that is withdrawn, or made at another time, was none before."""
    token = event.token_id
    if token is None or event.corporate_type in routine:
        return
    told = [one for one in known.pop(token, []) if one[0] != event.corporate_id]
    if event.change != "withdrawn":
        told.append((event.corporate_id, event.announced))
    known[token] = told[-_MOST_OF_ASSET:]
    if len(known) > _MOST_ASSETS:
        del known[next(iter(known))]


def announced(known: PublicNews, token: str | None, since: int, until: int) -> bool:
    """Whether anything was announced of a token from one time (ns) to another, both included."""
    if token is None:
        return False
    return any(since <= time <= until for _, time in known.get(token, ()))
