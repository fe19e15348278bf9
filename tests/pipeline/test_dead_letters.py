"""Dead letters: put together by reason, sent through again, let go, with notes of what was done."""

import pytest

from pipeline.bus import Bus, Stream
from pipeline.bus.dead_letter_groups import Wanted, by_reason, newest_of_each
from pipeline.bus.dead_letter_policy import let_go
from pipeline.bus.dead_letter_replay import CannotReplay, replay
from pipeline.bus.dead_letters import StoredLetter, dead_letters, encode_fitting, expire, read_notes
from pipeline.bus.publisher import publish_once
from pipeline.config.schema import DeadLetterExpiry
from pipeline.frames import DeadLetter, decode_batch
from pipeline.source_state import now
from pipeline.units import DAY
from tests.pipeline.test_bus import bus, read_all, server

__all__ = ["bus", "server"]


def letter(position: str, reason: str = "bad", **more: object) -> DeadLetter:
    fields: dict[str, object] = {
        "stage": "normalizer",
        "source": "venue",
        "protocol": "coinbase",
        "received": int(position),
        "payload": position.encode(),
    }
    return DeadLetter(position=position, reason=reason, **(fields | more))  # type: ignore[arg-type]


async def bury(bus: Bus, *letters: DeadLetter) -> None:
    for number, one in enumerate(letters):
        subject = bus.names.subject(Stream.DEAD, one.stage)
        identity = f"{number}:{one.position}:{one.reason}"
        await publish_once(bus, subject, encode_fitting(one, bus.largest_payload), identity)


async def stored(bus: Bus) -> list[StoredLetter]:
    return [letter async for letter in dead_letters(bus)]


async def test_letters_of_one_reason_are_one_group_whatever_numbers_it_names(bus: Bus) -> None:
    await bury(
        bus,
        letter("10", "a frame of 1234 bytes is too large"),
        letter("11", "sequence missing", field="sequence"),
        letter("12", "a frame of 99 bytes is too large"),
        letter("13", "a frame of 5 bytes is too large", source="other"),
    )

    groups = by_reason(await stored(bus))

    assert [(g.reason, g.source, g.count, g.open) for g in groups] == [
        ("sequence missing", "venue", 1, 1),
        ("a frame of 99 bytes is too large", "venue", 2, 2),
        ("a frame of 5 bytes is too large", "other", 1, 1),
    ]
    assert (groups[1].first, groups[1].last, groups[1].newest) == (10, 12, 3)
    assert groups[1].positions == ["10", "12"]


@pytest.mark.parametrize(
    ("wanted", "positions"),
    [
        (Wanted(stage="delivery"), ["3"]),
        (Wanted(source="other"), ["2"]),
        (Wanted(reason="TOO LARGE"), ["1", "2"]),
        (Wanted(since=2), ["2", "3"]),
        (Wanted(until=2), ["1", "2"]),
        (Wanted(numbers=frozenset([1, 3])), ["1", "3"]),
        (Wanted(reason="large", source="venue", states=("open",)), ["1"]),
        (Wanted(states=("replayed",)), []),
    ],
)
async def test_letters_are_chosen_by_any_of_what_they_say(
    bus: Bus, wanted: Wanted, positions: list[str]
) -> None:
    await bury(
        bus,
        letter("1", "too large"),
        letter("2", "too large", source="other"),
        letter("3", "refused", stage="delivery"),
    )

    assert [s.letter.position for s in await stored(bus) if wanted.holds(s)] == positions


async def test_what_was_sent_again_is_told_from_what_is_open(bus: Bus) -> None:
    await bury(bus, letter("1"), letter("2"), letter("3", protocol=""))
    first, second, third = await stored(bus)

    await replay(bus, first)
    with pytest.raises(CannotReplay, match="holds no raw frame"):
        await replay(bus, third)

    after = await stored(bus)
    assert [(s.state, s.replays) for s in after] == [("replayed", 1), ("open", 0), ("failed", 0)]
    assert after[0].noted > 0
    assert "holds no raw frame" in after[2].detail
    assert second.state == "open"
    sent = await read_all(bus, Stream.RAW)
    assert [m.subject for m in sent] == ["raw.venue.dead"]
    assert decode_batch(sent[0].data).frames[0].payload == b"1"


async def test_a_replay_that_broke_off_before_its_note_sends_nothing_twice(bus: Bus) -> None:
    await bury(bus, letter("1"))
    (first,) = await stored(bus)

    await replay(bus, first)
    await replay(bus, first)  # as it was known before the note
    (noted,) = await stored(bus)
    assert await bus.last_sequence(Stream.RAW) == 1
    await replay(bus, noted)

    assert await bus.last_sequence(Stream.RAW) == 2, "a second replay is one of its own"


@pytest.mark.parametrize("token", ["3", "all", "normalizer"])
async def test_a_record_goes_back_to_the_subject_of_its_lane(bus: Bus, token: str) -> None:
    await bus.writer(Stream.EVENTS, token).write(b"one\ntwo", "1")
    refused = letter("1", stage="delivery", original="EVENTS/1/1")
    await bury(bus, refused)
    (first,) = await stored(bus)

    await replay(bus, first)
    await bury(bus, letter("2", stage="delivery", original="EVENTS/2/0"))
    await replay(bus, (await stored(bus))[-1])

    sent = (await read_all(bus, Stream.EVENTS))[1:]
    assert [(m.subject, m.data) for m in sent] == [(f"events.{token}.dead", b"two")] * 2


async def test_what_a_sink_could_not_read_of_a_whole_message_is_sent_whole(bus: Bus) -> None:
    await bus.writer(Stream.EVENTS, "3").write(b"one\ntwo", "1")
    await bury(bus, letter("1", stage="delivery", original="EVENTS/1"))

    await replay(bus, (await stored(bus))[0])

    assert [one.data for one in await read_all(bus, Stream.EVENTS)] == [b"one\ntwo"] * 2


async def test_an_event_that_a_rule_failed_on_is_not_sent_for_nothing(bus: Bus) -> None:
    """An event counts once, so that the rule, once it is right, wouldn't look at it again."""
    await bus.writer(Stream.EVENTS, "3").write(b"one\ntwo", "1")
    failed = letter("1", "rule r failed on event two", stage="detections", original="EVENTS/1")
    await bury(bus, failed)

    with pytest.raises(CannotReplay, match="`tapewatch replay` runs the rules over that time"):
        await replay(bus, (await stored(bus))[0])

    assert [one.data for one in await read_all(bus, Stream.EVENTS)] == [b"one\ntwo"]


async def test_a_record_that_has_left_the_bus_is_said_to_have(bus: Bus) -> None:
    await bury(bus, letter("1", stage="delivery", original="EVENTS/7/0"))
    (first,) = await stored(bus)

    with pytest.raises(CannotReplay, match="EVENTS/7/0, which is not on the bus any more"):
        await replay(bus, first)


async def test_expired_letters_are_gone_and_a_note_says_which_and_why(bus: Bus) -> None:
    await bury(bus, letter("1"), letter("2", "other"), letter("3"))

    count = await expire(bus, [1, 3, 99], "reason bad")

    assert count == 2
    assert [s.letter.position for s in await stored(bus)] == ["2"]
    (note,) = await read_notes(bus)
    assert (note.what, note.letters, note.detail) == ("expired", [1, 3], "reason bad")


async def test_letters_go_by_policy_of_reason_and_age(bus: Bus) -> None:
    recent = str(now())
    await bury(bus, letter("1"), letter("2", "other"), letter(recent), letter("3", source="x"))
    policies = [
        DeadLetterExpiry(reason="BAD", source="venue", after=DAY),
        DeadLetterExpiry(stage="delivery", after=0),
    ]

    assert await let_go(bus, policies) == 1
    assert await let_go(bus, policies) == 0
    assert [s.letter.position for s in await stored(bus)] == ["2", recent, "3"]
    assert [n.detail for n in await read_notes(bus)] == [
        "policy: source venue, reason BAD, after 1d"
    ]


async def test_of_what_died_again_and_again_one_letter_will_do(bus: Bus) -> None:
    await bury(bus, letter("1", "a"), letter("1", "b"), letter("2", "a"))

    assert [s.sequence for s in newest_of_each(await stored(bus))] == [2, 3]
