"""What the streams hold, as entries of the audit log. Pure: the same messages, the same entries."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Raw

from evidence.audit.entries import Happening
from evidence.audit.outbox import PLACE, Left, shown, whose
from normalizer.events import Alert, AlertUpdate, CaseActivity
from normalizer.events.rule_set import RulesChanged
from pipeline.bus import StreamMessage
from pipeline.bus.command_notes import decode_note
from pipeline.bus.dead_letters import Note, is_note
from pipeline.bus.lane_order import is_order
from pipeline.frames import decode_batch, decode_dead_letter
from pipeline.reference_changes import decode_chunk

#: A change of rules is told in full up to so many bytes.
_MOST_TOLD = 4_096
#: Alerts of an action on a case that are named.
_MOST_ALERTS = 50
#: Dead letters with which something was done that are named.
_MOST_LETTERS = 50
_RULES = b'"rules-changed"'
_encoder = msgspec.json.Encoder()
_told = msgspec.json.Decoder(Alert | AlertUpdate)
_rules = msgspec.json.Decoder(RulesChanged)
_cases = msgspec.json.Decoder(CaseActivity)
_notes = msgspec.json.Decoder(Note)


def of_raw(message: StreamMessage) -> Iterator[Happening]:
    """Frames as they came: from which position of the source to which, and a hash over them."""
    batch = decode_batch(message.data)
    frames = batch.frames
    yield Happening(
        action="frames-stored",
        time=message.stored,
        who=batch.source,
        what=f"RAW/{message.sequence}",
        count=len(frames),
        sha256=_hash(message.data),
        after=_json([frames[0].position, frames[-1].position] if frames else []),
    )


def of_events(message: StreamMessage) -> Iterator[Happening]:
    """How many events were made of them, and a change of rules in its place between them."""
    if is_order(message):
        return
    lines = message.data.split(b"\n")
    yield Happening(
        action="events-made",
        time=message.stored,
        who="normalizer",
        what=f"EVENTS/{message.sequence}",
        count=len(lines),
        sha256=_hash(message.data),
    )
    for line in lines if _RULES in message.data else ():
        if _RULES not in line:
            continue
        try:
            changed = _rules.decode(line)
        except msgspec.MsgspecError:
            continue  # the text stands in another event
        yield Happening(
            action="rules-changed",
            time=message.stored,
            who=changed.operator or "tapewatch",
            what=f"rule set {changed.rules}",
            why=changed.reason or "",
            before=_json(changed.previous),
            after=_json(
                {
                    "added": changed.added,
                    "changed": changed.changed,
                    "removed": changed.removed,
                    "author": changed.author,
                    "commit": changed.commit,
                }
            )
            if len(line) < _MOST_TOLD
            else msgspec.UNSET,
            sha256=_hash(line),
        )


def of_alerts(message: StreamMessage) -> Iterator[Happening]:
    """Each alert and each update of one, by the rule that gave it."""
    for line in message.data.split(b"\n"):
        told = _told.decode(line)
        yield Happening(
            action="alert-given" if isinstance(told, Alert) else "alert-updated",
            time=message.stored,
            who=f"{told.rule_name} ({told.rule_id})",
            what=told.id if isinstance(told, Alert) else told.alert_id,
            why=told.reason,
            sha256=_hash(line),
            after=_json(
                {"level": told.level, "rule": told.rule_hash}
                if isinstance(told, Alert)
                else {"status": told.status}
            ),
        )


def of_reference(message: StreamMessage) -> Iterator[Happening]:
    """Changes of reference data by their number and a hash; what an analyst decided, in full."""
    chunk = decode_chunk(message.data)
    yield Happening(
        action="reference-changed",
        time=message.stored,
        who=chunk.source,
        what=f"REFERENCE/{message.sequence}",
        count=len(chunk.changes),
        sha256=_hash(message.data),
    )
    for change in chunk.changes:
        if change.kind == "override":
            yield Happening(
                action="override",
                time=message.stored,
                who=chunk.source,
                what=change.key,
                after=Raw(change.record) if change.record else msgspec.UNSET,
                sha256=_hash(change.record),
            )


def of_case(message: StreamMessage) -> Iterator[Happening]:
    """What somebody did to a case, with what it was before and after."""
    done = _cases.decode(message.data)
    after = {
        "status": done.status,
        "level": done.level,
        "assignee": done.assignee,
        "alerts": done.alert_count,
        "resolution": done.resolution,
        "proposed_by": done.proposed_by,
        "approved_by": done.approved_by,
        "comment": done.comment,
        "evidence": done.evidence,
        "evidence_sha256": done.evidence_hash,
        "joined": done.alerts[:_MOST_ALERTS] if done.alerts else None,
    }
    before = {
        "status": done.previous_status,
        "level": done.previous_level,
        "assignee": done.previous_assignee,
    }
    yield Happening(
        action="case-action",
        time=done.timestamp,
        who=f"{done.who} ({done.provider})",
        what=f"{done.case_id}: {done.action}",
        why=done.why,
        count=len(done.alerts) or 1,
        before=_json({name: was for name, was in before.items() if was is not None}),
        after=_json({name: now for name, now in after.items() if now is not None}),
        sha256=_hash(message.data),
    )


def of_dead(message: StreamMessage) -> Iterator[Happening]:
    """What could not be decoded, judged or delivered, and what was done with such letters."""
    if is_note(message):
        yield _of_note(message)
        return
    letter = decode_dead_letter(message.data)
    yield Happening(
        action="died",
        time=message.stored,
        who=letter.stage,
        what=f"{letter.source} {letter.position}",
        why=letter.reason,
        sha256=_hash(message.data),
    )


def _of_note(message: StreamMessage) -> Happening:
    note = _notes.decode(message.data)
    named = ", ".join(f"DEAD/{number}" for number in note.letters[:_MOST_LETTERS])
    left = len(note.letters) - _MOST_LETTERS
    return Happening(
        action="dead-letters",
        time=note.at,
        who="dead-letters",
        what=f"{note.what}: {named}" + (f" and {left:,} more" if left > 0 else ""),
        why=note.detail,
        count=len(note.letters),
        sha256=_hash(message.data),
    )


def of_command(message: StreamMessage) -> Iterator[Happening]:
    """What somebody was about to do by a command."""
    note = decode_note(message.data)
    yield Happening(
        action=note.action,
        time=note.time,
        who=note.who,
        what=note.what,
        why=note.why,
        before=note.before,
        after=note.after,
        sha256=_hash(message.data),
    )


def of_left(left: Left) -> Happening:
    """What somebody was about to do by a command that needs no bus. Raises msgspec.MsgspecError."""
    note = decode_note(left.data)
    user, _, host = note.who.partition("@")
    # Anybody may write any name into a file: the operating system knows whose it is.
    who = note.who if user == left.owner else f"{left.owner}@{host} (says {user})"
    return Happening(
        action=note.action,
        time=note.time,
        who=who,
        what=note.what,
        why=note.why,
        place=left.place,
        before=note.before,
        after=note.after,
        sha256=_hash(left.data),
    )


def left_unreadable(left: Left, error: Exception) -> Happening:
    """A file in the outbox that is no note: its hash is kept all the same."""
    return Happening(
        action="unreadable",
        time=_time_of(left.path),
        who=left.owner,
        what=left.place,
        why=str(error),
        place=left.place,
        sha256=_hash(left.data),
    )


def put_aside(path: Path, error: OSError) -> Happening:
    """A file in the outbox that can't be read: whose it is, and that it was there."""
    place = f"{PLACE}{shown(path)}"
    return Happening(
        action="unreadable",
        time=_time_of(path),
        who=whose(path) or "unknown",
        what=place,
        why=f"it is put aside: {error.strerror or error}",
        place=place,
    )


def _time_of(path: Path) -> int:
    text = path.name.partition("-")[0]
    return min(int(text), 2**63 - 1) if text.isascii() and text.isdigit() else 0


def unreadable(message: StreamMessage, stream: str, error: Exception) -> Happening:
    """A message that none of these can read: its hash is kept all the same."""
    return Happening(
        action="unreadable",
        time=message.stored,
        who=message.subject,
        what=f"{stream}/{message.sequence}",
        why=str(error),
        sha256=_hash(message.data),
    )


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()


def _json(value: object) -> Raw:
    return Raw(_encoder.encode(value))
