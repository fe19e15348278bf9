"""Whether two names are of one person: a user's name, and how a rule or a commit names its author.

It errs to the side of saying yes: who is taken for the author of a rule may not close its alerts,
and then somebody else has to.
"""

from collections.abc import Iterable
from email.utils import parseaddr


def whole(text: str) -> str:
    """A text as it is compared: however it is written and spaced."""
    return " ".join(text.casefold().split())


def names(text: str) -> frozenset[str]:
    """What a person is called by a text: ``Jane Doe <jane.doe@example.com>`` has four names."""
    said = whole(text)
    if not said:
        return frozenset()
    called, address = parseaddr(said)
    if "@" not in address:
        return frozenset((said,))
    return frozenset(one for one in (said, called, address, address.partition("@")[0]) if one)


def same(one: str, other: str) -> bool:
    """Whether two texts name one person."""
    return bool(names(one) & names(other))


def among(user: str, people: Iterable[str]) -> bool:
    """Whether a user is one of these people."""
    mine = names(user)
    return any(mine & names(person) for person in people)
