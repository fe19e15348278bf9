"""Social volume: far more is said of an asset in public than usually is.

No abuse by itself: people talk when there is news, or when a price moves. It says where to look,
as early as a campaign of promotion can be seen; what comes of it, `pump_and_dump` tells, which
takes the same feeds for a further signal. So a rule of it is never above medium, and its confidence
never above a half.

An alert is one stretch of time of one medium (Telegram, a vendor, news) with `minimum_messages` or
more about an asset, `minimum_multiple` times the median and `minimum_sigmas` standard deviations
(by the MAD) more than is usual in that feed, at that hour of the day where enough is known (see
`detections.markets.social_activity`); after it the same feed is silent for `pause`. With
`minimum_turn` only where it sounds that much better than usual too, or as much worse. With
`fewer_authors` only where each message has so much fewer authors than is usual there: a campaign is
a few who write much (M. Mirtaheri et al., 2021), and a crowd that talks of an article or of a price
that moved has as many authors as ever. Who runs many accounts is taken for a crowd by that. Where a
feed tells no authors it asks nothing.

What everybody talks of within `news_window` after an announcement is explained by it.

Needs a social feed (docs/social-feed.md). Before 24 stretches of it are known, nothing is said. All
numbers are our choice. MAR 12(2)(d): taking advantage of voicing an opinion after a position was
taken; 12(1)(c): disseminating misleading information, rumours among it.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding
from detections.alerting.social_evidence import social_metrics, words
from detections.correlators.base import Correlator, correlator
from detections.idlest import drop_idlest
from detections.markets.public_news import ROUTINE, PublicNews, announced, note
from detections.markets.social_activity import (
    MOST_ASSETS,
    SocialActivity,
    Talk,
    Terms,
    asset_of,
    hear,
)
from detections.rounding import reaches
from normalizer.events.reference import CorporateEvent
from normalizer.events.social import SocialVolume
from pipeline.units import DAY, HOUR, WEEK, Duration, Ratio

_MOST_CONFIDENCE = 0.5
#: A sentiment that is as usual but for less than this isn't mentioned.
_WORTH_SAYING = 0.1


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on social volume sets."""

    #: Messages in a stretch of time.
    minimum_messages: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    #: How many standard deviations above what is usual they are.
    minimum_sigmas: Annotated[float, Meta(ge=1, le=1_000)] = 8.0
    #: How many times what is usual they are.
    minimum_multiple: Annotated[float, Meta(ge=1, le=1_000_000)] = 5.0
    #: By how much better or worse than usual they sound, of 2 from worst to best; 0: however it is.
    minimum_turn: Annotated[float, Meta(ge=0, le=2)] = 0.0
    #: By what part each message has fewer authors than is usual there; 0: however many it has.
    fewer_authors: Annotated[Ratio, Meta(ge=0, lt=1)] = 0.0
    #: So long after an announcement it is what is talked of; `0s`: nothing is explained.
    news_window: Annotated[Duration, Meta(ge=0, le=WEEK)] = DAY
    #: Kinds of corporate events that explain nothing.
    routine_types: tuple[str, ...] = ROUTINE
    #: So long after an alert the same feed raises no other one.
    pause: Annotated[Duration, Meta(ge=0, le=WEEK)] = 6 * HOUR


class State(Struct):
    """What was said, and when a feed was last alerted on."""

    social: SocialActivity = field(default_factory=SocialActivity)
    alerted: dict[str, int] = field(default_factory=dict[str, int])
    news: PublicNews = field(default_factory=PublicNews)


@correlator("social_volume")
class SocialVolumes(Correlator[State]):
    """See the module. Memory: of 2,000 assets 8 feeds each, with 1,008 stretches of a week."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    highest_level = "medium"
    typology = "price_and_volume"
    needs = (frozenset({"social-volume"}),)
    actions = frozenset({"social-volume", "corporate-event"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._routine = frozenset(parameters.routine_types)
        self._terms = Terms(
            messages=parameters.minimum_messages,
            sigmas=parameters.minimum_sigmas,
            multiple=parameters.minimum_multiple,
        )

    @property
    def horizon(self) -> int:
        """What is usual."""
        return WEEK + DAY

    def observe(self, event: SocialVolume | CorporateEvent) -> Iterable[Finding]:
        """Take what was said in a stretch of time, or what was announced."""
        if isinstance(event, CorporateEvent):
            note(self.state.news, event, self._routine)
            return ()
        talk = hear(self.state.social, event, self._terms)
        if talk is None or abs(talk.turn) < self._p.minimum_turn or self._is_crowd(event, talk):
            return ()
        asset = event.token_symbol or event.token_id or event.instrument or ""
        of = asset_of(event.token_id, event.venue, event.instrument)
        feed = f"{of}\0{event.provider}\0{talk.medium}"
        last = self.state.alerted.pop(feed, None)
        if last is not None and event.timestamp - last < self._p.pause:
            self.state.alerted[feed] = last
            return ()
        self.state.alerted[feed] = event.timestamp
        drop_idlest(self.state.alerted, MOST_ASSETS)
        return [self._finding(asset, talk)]

    def _is_crowd(self, event: SocialVolume, talk: Talk) -> bool:
        """Whether as many as ever talk, or all do because something was announced."""
        fewer, window = talk.fewer_authors, self._p.news_window
        if (
            fewer is not None
            and not reaches(fewer, self._p.fewer_authors)
            and self._p.fewer_authors
        ):
            return True
        since, until = talk.start - window, talk.end
        return window > 0 and announced(self.state.news, event.token_id, since, until)

    def _finding(self, asset: str, talk: Talk) -> Finding:
        sounds = (
            f"; it sounded {'better' if talk.turn > 0 else 'worse'} than usual, "
            f"{talk.sentiment:+.2g} rather than {talk.usual_sentiment:+.2g}"
            if abs(talk.turn) >= _WORTH_SAYING
            else ""
        )
        far = talk.sigmas / (5 * self._p.minimum_sigmas)
        return Finding(
            entities=(asset,),
            reason=f"{words(talk)}, about {asset}{sounds}",
            witnesses=(talk.witness,),
            confidence=min(_MOST_CONFIDENCE, 0.3 + 0.2 * min(1.0, far)),
            metrics=social_metrics(talk),
        )
