"""Lines of social feeds, as docs/social-feed.md defines them, to events."""

from typing import Any

import pytest

from normalizer.assets import Assets
from normalizer.events.ecs import nest
from normalizer.events.social import SocialAnnouncement, SocialVolume
from normalizer.normalize import Normalized, Normalizer
from normalizer.reference import Reference
from pipeline.frames import FrameBatch
from pipeline.reference_records import Instrument, Token
from pipeline.social_payload import COLUMNS
from pipeline.trade_sides import LineContext, encode_context
from tests.normalizer import venue_frames as v
from tests.servers.ecs_schema import EcsSchema

VOLUME: dict[str, Any] = {
    "type": "volume",
    "medium": "telegram",
    "token": "acme",
    "start": "2023-11-14T22:05:00Z",
    "end": "2023-11-14T22:10:00Z",
    "messages": 340,
    "authors": 120,
    "sentiment": 0.8,
}
SIGNAL: dict[str, Any] = {
    "type": "announcement",
    "medium": "telegram",
    "venue": "demo-venue",
    "symbol": "ACME-USD",
    "time": "2023-11-14T22:10:00.25Z",
    "announcement": "pump-signal",
    "channel": "moonshots",
    "message_id": 77,
    "text_sha256": "AB" * 32,
    "members": 41_000,
}
REFERENCE = Reference(
    tokens=(
        Token(
            id="acme",
            symbol="ACME",
            instruments=(Instrument(venue="demo-venue", symbol="ACME-USD"),),
        ),
    )
)


def read(*lines: dict[str, Any]) -> Normalized:
    batch = FrameBatch("chatter", "social", v.frames(*lines))
    return Normalizer(REFERENCE).normalize(7, batch)


def refusal(line: dict[str, Any]) -> tuple[str | None, str]:
    (letter,) = read(line).dead
    return letter.field, letter.reason


def test_a_stretch_is_known_from_its_end_on_and_has_its_token() -> None:
    event = v.only(read(VOLUME))
    assert isinstance(event, SocialVolume)
    assert event.timestamp == event.end == event.start + 300 * 10**9
    assert (event.medium, event.messages, event.authors, event.sentiment) == (
        "telegram",
        340,
        120,
        0.8,
    )
    assert (event.token_id, event.token_symbol, event.provider) == (
        "acme",
        "ACME",
        "social:chatter",
    )


def test_a_call_keeps_of_its_text_the_hash_and_of_its_author_nothing() -> None:
    event = v.only(read(SIGNAL))
    assert isinstance(event, SocialAnnouncement)
    assert event.timestamp % 10**9 == 250_000_000
    assert (event.announcement, event.channel, event.message_id, event.members) == (
        "pump-signal",
        "moonshots",
        "77",
        41_000,
    )
    assert event.text_sha256 == "ab" * 32
    assert (event.token_id, event.instrument) == ("acme", "ACME-USD")
    assert event.related_user == ()
    assert "moonshots" not in event.id


def test_a_line_of_csv_is_the_same_as_one_of_json() -> None:
    cells = ",".join(str(VOLUME[name]) for name in VOLUME).encode()
    context = encode_context(LineContext(columns=",".join(VOLUME)))
    frame = v.frames(cells, context=context)
    of_csv = Normalizer(REFERENCE).normalize(7, FrameBatch("chatter", "social", frame))
    assert of_csv.events == read(VOLUME).events


def test_what_is_told_twice_is_one_event_and_what_is_another_is_another() -> None:
    first, again, later = read(
        VOLUME, VOLUME | {"messages": 7, "authors": 1}, VOLUME | {"end": "2023-11-14T22:11:00Z"}
    ).events
    assert first.id == again.id != later.id
    one, other = read(SIGNAL, SIGNAL | {"message_id": 78}).events
    assert one.id != other.id


def test_it_reaches_the_lane_of_its_asset_by_token_and_by_instrument() -> None:
    by_token, by_symbol, unknown = read(VOLUME, SIGNAL, SIGNAL | {"symbol": "OTHER-USD"}).events
    trade = v.only(
        Normalizer(REFERENCE, {"venue": "demo-venue"}).normalize(
            7,
            FrameBatch(
                "venue",
                "order_log",
                v.frames(
                    {
                        "transact_time": v.TIME,
                        "exec_type": "trade",
                        "symbol": "ACME-USD",
                        "last_px": 10,
                        "last_qty": 1,
                    }
                ),
            ),
        )
    )
    assets = Assets(REFERENCE)
    assert assets.key(by_token) == assets.key(by_symbol) == assets.key(trade)
    assert assets.key(unknown) == "instrument:demo-venue/OTHER-USD"


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"type": "volumes"}, "type", "did you mean volume?"),
        ({"medium": "Telegram"}, "medium", "did you mean telegram?"),
        ({"medium": "Was ist das"}, "medium", "such as telegram"),
        ({"start": None}, "start", "missing"),
        ({"end": "yesterday"}, "end", "no RFC 3339 time"),
        ({"end": VOLUME["start"]}, "end", "ends after its start"),
        ({"start": "2023-11-01T22:05:00Z"}, "end", "a day long at most"),
        ({"messages": None}, "messages", "missing"),
        ({"messages": -1}, "messages", ">= 0"),
        ({"authors": 341}, "authors", "more authors than messages"),
        ({"sentiment": 60}, "sentiment", "<= 1"),
        ({"token": None}, "token", "a line names a token"),
        ({"token": None, "venue": "x"}, "symbol", "missing"),
        ({"venue": "x", "symbol": "y"}, "token", "not both"),
        ({"channel": "moonshots"}, "channel", "a line of type volume has none"),
        ({"start": "2033-11-14T22:05:00Z"}, "start", "more than a day after"),
        ({"end": "2023-11-15T03:40:00Z"}, "end", "is to come yet"),
        ({"sentiment": "nan"}, "sentiment", ">= -1"),
        ({"start": "9" * 48}, "start", "more than a day after"),
    ],
)
def test_what_does_not_fit_is_told_with_its_column(
    change: dict[str, Any], field: str, said: str
) -> None:
    line = {name: value for name, value in (VOLUME | change).items() if value is not None}
    found, reason = refusal(line)
    assert (found, said in reason) == (field, True), reason


def test_a_kind_of_message_that_is_unknown_is_told() -> None:
    field, reason = refusal(SIGNAL | {"announcement": "shilling"})
    assert (field, "shilling" in reason) == ("announcement", True)


def test_both_are_documents_of_ecs(ecs_schema: EcsSchema) -> None:
    for event in read(VOLUME, SIGNAL).events:
        document = nest(event)
        assert ecs_schema.violations(document) == []
        assert document["event"]["created"] == document["@timestamp"]
    nested = nest(read(VOLUME).events[0])
    assert nested["event"]["start"] == "2023-11-14T22:05:00.000000000Z"
    assert nested["social"] == {
        "medium": "telegram",
        "messages": 340,
        "authors": 120,
        "sentiment": 0.8,
    }


def test_no_column_has_a_text_or_an_author() -> None:
    assert not {"text", "author", "user", "username", "name"} & set(COLUMNS)
