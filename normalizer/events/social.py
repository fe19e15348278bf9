"""What is said of an asset in public: how much, by how many, how it sounds, and calls to buy.

Nothing of a text is kept but its hash, and of who wrote it nothing at all: numbers of messages and
authors are enough to see a campaign, and whoever investigates finds the messages at their source.
"""

from typing import Annotated, Literal

from msgspec import field

from normalizer.events.base import AssetEvent
from normalizer.events.fields import Nanoseconds, described

DATASET = "tapewatch.social"

#: What an announcement is: a call to buy at once as organisers of pumps make it, somebody's opinion
#: that it should be bought or sold, a piece of news.
AnnouncementType = Literal["pump-signal", "recommendation", "news"]


class SocialEvent(AssetEvent, kw_only=True):
    """Fields of both kinds. The asset is a token of the reference data, or a venue's instrument."""

    dataset: str = field(name="event.dataset", default=DATASET)
    venue: Annotated[str | None, described("Name of the venue")] = field(
        name="market.venue", default=None
    )
    instrument: Annotated[str | None, described("The venue's symbol")] = field(
        name="market.instrument", default=None
    )
    medium: Annotated[
        str, described("Where it was said: telegram, x, reddit, news, or who counted it")
    ] = field(name="social.medium")


class SocialVolume(SocialEvent, tag="social-volume", kw_only=True):
    """What was said of an asset in a stretch of time. `@timestamp` is its end: from then on it is
    known."""

    start: Annotated[Nanoseconds, described("When the stretch that is counted began")] = field(
        name="event.start"
    )
    end: Annotated[Nanoseconds, described("The first moment after it")] = field(name="event.end")
    messages: Annotated[int, described("Messages, posts or articles that name the asset")] = field(
        name="social.messages"
    )
    authors: Annotated[int | None, described("Who wrote them, each counted once")] = field(
        name="social.authors", default=None
    )
    sentiment: Annotated[
        float | None, described("How they sound on average: -1 (bad) to 1 (good)")
    ] = field(name="social.sentiment", default=None)


class SocialAnnouncement(SocialEvent, tag="social-announcement", kw_only=True):
    """One message that many see at once, such as the call of a group that pumps a price."""

    announcement: Annotated[AnnouncementType, described("What kind of message it is")] = field(
        name="social.announcement.type"
    )
    channel: Annotated[
        str | None,
        described("The channel, group, forum or paper that it stood in", personal="account"),
    ] = field(name="social.channel", default=None)
    message_id: Annotated[
        str | None, described("Its id there, to find it again", personal="account")
    ] = field(name="social.message.id", default=None)
    text_sha256: Annotated[
        str | None, described("SHA-256 of its text as UTF-8, lower-case hexadecimal")
    ] = field(name="social.message.hash.sha256", default=None)
    members: Annotated[int | None, described("How many follow the channel")] = field(
        name="social.members", default=None
    )


SocialRecord = SocialVolume | SocialAnnouncement

__all__ = ["AnnouncementType", "SocialAnnouncement", "SocialEvent", "SocialRecord", "SocialVolume"]
