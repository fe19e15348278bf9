"""Whether two names are of one person: a user's name, and how a rule or a commit names its author.

It errs to the side of saying yes: who is taken for the author of a rule may not close its alerts,
and then somebody else has to.
"""

from collections.abc import Iterable
from email.utils import parseaddr


def names(text: str) -> frozenset[str]:
    """What a person is called by a text: ``Jane Doe <jane.doe@example.com>`` has four names."""
    whole = " ".join(text.casefold().split())
    if not whole:
        return frozenset()
    called, address = parseaddr(whole)
    if "@" not in address:
        return frozenset((whole,))
    return frozenset(one for one in (whole, called, address, address.partition("@")[0]) if one)


def same(one: str, other: str) -> bool:
    """Whether two texts name one person."""
    return bool(names(one) & names(other))


def among(user: str, people: Iterable[str]) -> bool:
    """Whether a user is one of these people."""
    mine = names(user)
    return any(mine & names(person) for person in people)
