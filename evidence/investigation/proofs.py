"""What the audit log knows of an investigation: its alerts, its raw frames, what analysts did."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from evidence.audit.entries import Entry, decode
from evidence.audit.export import signed_now
from evidence.audit.notes import VerifyingKey
from evidence.audit.store import AuditFolder
from normalizer.events import Alert, AlertUpdate

#: What the log tells of the streams, not of what people did.
_OF_STREAMS = frozenset(
    {"alert-given", "alert-updated", "events-made", "frames-stored", "reference-changed", "died"}
)

#: What has lines of its own, or none.
_LINED = _OF_STREAMS | {"case-action"}


class Recorded(Struct, kw_only=True):
    """Entries of the audit log that belong to an investigation."""

    #: Number, the line, and what it says, in order.
    entries: list[tuple[int, bytes, Entry]]
    #: Alerts and updates, in the form in which the log hashed them, by their id.
    proven: dict[str, bytes]
    #: Ids of alerts and updates that the log has in another form, or not at all.
    unproven: list[str]
    #: Ids of what was done to the case, as the log has it byte for byte.
    activities: frozenset[str] = frozenset()

    @property
    def actions(self) -> list[tuple[int, bytes, Entry]]:
        """What people did, but to the case: that has lines of its own."""
        return [one for one in self.entries if one[2].action not in _LINED]


def recorded(
    folder: AuditFolder,
    key: VerifyingKey,
    told: Sequence[Alert | AlertUpdate],
    names: Iterable[str],
    messages: Iterable[int],
    activities: Mapping[str, str] | None = None,
) -> Recorded:
    """Read the log for these alerts, the names of parties, and messages of RAW.

    `activities`: ids of what was done to a case, by the SHA-256 of each.

    Only what is under a signed checkpoint counts. Raises AuditLogFailed.
    """
    digests = {sha256(form).hexdigest(): (one.id, form) for one in told for form in forms(one)}
    alerts = frozenset(one.id for one in told if isinstance(one, Alert))
    about = alerts | frozenset(names)
    places = frozenset(f"RAW/{one}" for one in messages)
    entries: list[tuple[int, bytes, Entry]] = []
    proven: dict[str, bytes] = {}
    known = activities or {}
    done: set[str] = set()
    size = signed_now(folder, key).checkpoint.size
    for number, line in enumerate(folder.lines()):
        if number >= size:
            break
        content = line.removesuffix(b"\n")
        try:
            entry = decode(content)
        except ValueError:
            continue  # a crash left it half written
        if entry.action in ("alert-given", "alert-updated"):
            found = digests.get(entry.sha256)
            if found is None:
                continue
            proven.setdefault(*found)
        elif entry.action == "frames-stored":
            if entry.what not in places:
                continue
        elif entry.action == "case-action":
            if entry.sha256 not in known:
                continue
            done.add(known[entry.sha256])
        elif entry.action in _OF_STREAMS or not _is_about(entry, about):
            continue
        entries.append((number, content, entry))
    return Recorded(
        entries=entries,
        proven=proven,
        unproven=[one.id for one in told if one.id not in proven],
        activities=frozenset(done),
    )


def forms(told: Alert | AlertUpdate) -> list[bytes]:
    """The lines that the bus may have had of it.

    A field that has its default is left out there, if it was never set; one that was set to an
    equal value is not. Out of a document nobody can tell, so both are tried.
    """
    encode = msgspec.json.Encoder().encode
    found = [encode(told)]
    for kinds in ((str,), (str, float)):
        defaults = {
            field.name: field.default
            for field in msgspec.structs.fields(told)
            if isinstance(field.default, kinds) and getattr(told, field.name) == field.default
        }
        found.append(encode(msgspec.structs.replace(told, **defaults)))
    return list(dict.fromkeys(found))


def _is_about(entry: Entry, about: frozenset[str]) -> bool:
    if entry.what in about:
        return True
    return any(word.strip(",.;:()'\"") in about for word in f"{entry.what} {entry.why}".split())
