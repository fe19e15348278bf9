"""What the stream says of the rules: that others are in force from here on."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Event, Keywords
from normalizer.events.fields import described


class RulesChanged(Event, tag="rules-changed", kw_only=True):
    """Another rule set is in force for all that follows it in the stream.

    It is no event of the market, and no rule sees it. Its time is that of the newest event when it
    came into force, `ingested` the clock's; `reason` says why it was changed, `provider` is
    `tapewatch`.
    """

    rules: Annotated[str, described("Hash of the rule set that is in force from here on")] = field(
        name="surveillance.rules.hash"
    )
    previous: Annotated[str | None, described("Hash of the rule set before it")] = field(
        name="surveillance.rules.previous_hash", default=None
    )
    added: Annotated[Keywords, described("Ids of rules that are new")] = field(
        name="surveillance.rules.added", default=()
    )
    changed: Annotated[
        Keywords, described("Ids of rules that are others now, by their content or exceptions")
    ] = field(name="surveillance.rules.changed", default=())
    removed: Annotated[Keywords, described("Ids of rules that are gone")] = field(
        name="surveillance.rules.removed", default=()
    )
    author: Annotated[
        str | None, described("Author of the commit that the rules are of", personal="staff")
    ] = field(name="surveillance.rules.author", default=None)
    commit: Annotated[str | None, described("The commit; with -dirty where files differ")] = field(
        name="surveillance.rules.commit", default=None
    )
    operator: Annotated[
        str | None, described("Who put them into force: the system's user", personal="staff")
    ] = field(name="user.name", default=None)
