"""What a social feed says in tests: of the token `acme`, on Telegram. Times in nanoseconds."""

from typing import Any

from normalizer.events.social import SocialAnnouncement, SocialVolume
from pipeline.units import MINUTE
from tests.detections.samples import START


def said(at: int, messages: int, *, width: int = 5 * MINUTE, **more: Any) -> SocialVolume:
    """Of the stretch that began `at` nanoseconds after the start."""
    end = START + at + width
    fields: dict[str, Any] = {
        "id": f"said-{at}-{messages}",
        "timestamp": end,
        "ingested": end,
        "original": "RAW/1/0",
        "provider": "social:chatter",
        "medium": "telegram",
        "token_id": "acme",
        "start": START + at,
        "end": end,
        "messages": messages,
    }
    return SocialVolume(**fields | more)


def call(at: int, **more: Any) -> SocialAnnouncement:
    fields: dict[str, Any] = {
        "id": f"call-{at}",
        "timestamp": START + at,
        "ingested": START + at,
        "original": "RAW/1/0",
        "provider": "social:chatter",
        "medium": "telegram",
        "token_id": "acme",
        "announcement": "pump-signal",
    }
    return SocialAnnouncement(**fields | more)
