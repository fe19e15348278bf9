"""An investigation as a folder, of an alert, a case or parties: to be read, and to be checked
without Tapewatch.

timeline.html     to be read: filters, search, every document; loads nothing
timeline.pdf      to be printed and filed
market.html       the market around it, to be played again, where it rests on one
market.svg        the same as a picture
timeline.csv      one row per line of the timeline
timeline.ndjson   the documents of all lines, byte for byte as they were stored
alerts.ndjson     alerts and updates as the audit log hashed them
rules/            the rules in force that gave the alerts
raw/              messages of RAW byte for byte, and the frames in them
audit/            entries of the audit log with a proof for each
manifest.json     what is here, complete or not, with the SHA-256 of every file
check.py          checks all that, with nothing but Python
"""

import base64
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from importlib import resources
from pathlib import Path

import msgspec
from msgspec import Struct

from evidence.audit.export import export as export_entries
from evidence.audit.export import new_folder
from evidence.audit.notes import VerifyingKey
from evidence.audit.store import AuditFolder
from evidence.investigation.csv_rows import write_csv
from evidence.investigation.gather import Gathered
from evidence.investigation.lines import Line, line_of_action
from evidence.investigation.page import write_page
from evidence.investigation.proofs import Recorded
from evidence.investigation.raw_frames import RawMessages
from evidence.investigation.told import whole_time

_README = """\
The timeline of an investigation, exported by Tapewatch.

{about}
    from      {since}
    to        {until}

timeline.html is for reading: open it in a browser, it loads nothing. To check that the
files are whole, and what is proven by the audit log (Python 3.9 or newer):

    python3 check.py --key KEY

KEY is the public key of the audit log, which you should have from elsewhere. What is complete and
what is missing, manifest.json says; its SHA-256 was told when the export was made.
"""


class RuleText(Struct, frozen=True, kw_only=True):
    """A rule as its file has it."""

    hash: str
    name: str
    text: str


class Manifest(Struct, kw_only=True, omit_defaults=True):
    """What is in an export, and what is not."""

    #: Empty where it is of parties, or of a case without alerts.
    alert: str
    #: Id of the case, where it is one's; `alert` is its gravest one then.
    case: str = ""
    #: What was done to it, in its order; and what of that the audit log doesn't have so.
    activities: list[str] = []
    unproven_activities: list[str] = []
    #: First and last of numbers that the stream CASES lacks: whoever has a client of their own may
    #: write there what counts for nothing, under any number.
    activity_gaps: list[tuple[int, int]] = []
    #: Whom it is of, where it is of no alert or case.
    parties: list[str] = []
    #: Names that were asked for and that no event and no alert here has.
    unmet: list[str] = []
    #: All whom it is about, as documents name them.
    names: list[str]
    #: RFC 3339.
    since: str
    until: str
    #: Where the documents are from.
    archive: str
    lines: int
    alerts: int
    #: Ids of events that alerts rest on and that the archive doesn't have.
    missing: list[str]
    unreadable: list[str]
    #: Alerts whose very bytes the audit log has.
    proven: list[str]
    unproven: list[str]
    #: Hashes of rules whose text could not be had.
    unknown_rules: list[str]
    #: `event.original` of raw frames that are gone; None where they were not asked for.
    raw_gone: list[str] | None = None
    #: Numbers of entries in `audit/`; None where there is no audit log.
    entries: list[int] | None = None
    version: str = ""
    #: SHA-256 of each file, by its name in the folder.
    files: dict[str, str]


class Parts(Struct, kw_only=True):
    """What an export is made of, besides what was gathered."""

    rules: Sequence[RuleText] = ()
    raw: RawMessages | None = None
    audit: tuple[AuditFolder, VerifyingKey, Recorded] | None = None
    version: str = ""


Writer = Callable[[Path, Gathered, Sequence[Line], "Manifest"], None]


def export(
    gathered: Gathered,
    parts: Parts,
    to: Path,
    *,
    writers: Iterable[Writer] = (),
) -> Manifest:
    """Write it into a new folder. `writers` add files of their own.

    Raises OSError; then nothing of it stays.
    """
    with new_folder(to):
        return _written(gathered, parts, to, writers)


def _written(gathered: Gathered, parts: Parts, to: Path, writers: Iterable[Writer]) -> Manifest:
    lines, documents = _with_actions(gathered, parts)
    manifest = _manifest(gathered, parts, lines)
    with (to / "timeline.ndjson").open("wb") as file:
        for document in documents:
            file.write(document)
            file.write(b"\n")
    write_csv(to / "timeline.csv", lines)
    if parts.rules:
        _write_rules(to / "rules", parts.rules)
    if parts.raw is not None:
        _write_raw(to / "raw", parts.raw)
    if parts.audit is not None:
        _write_audit(to, parts.audit)
    write_page(to / "timeline.html", gathered, lines, documents, manifest)
    for write in writers:
        write(to, gathered, lines, manifest)
    (to / "README.txt").write_text(
        _README.format(
            about="\n".join(f"    {name:<9} {value}" for name, value in _about(gathered)),
            since=manifest.since,
            until=manifest.until,
        ),
        "utf-8",
    )
    _copy("evidence.audit", "check_export.py", to / "check_audit.py")
    _copy("evidence.investigation", "check_frames.py", to / "check_frames.py")
    _copy("evidence.investigation", "check_timeline.py", to / "check.py")
    manifest.files = hashes(to)
    (to / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def _about(gathered: Gathered) -> list[tuple[str, str]]:
    subject, case = gathered.subject, gathered.case
    rule = [] if subject is None else [("rule", _plain(subject.rule_name))]
    if case is not None:
        return [("case", case.case.id), *rule]
    if subject is not None:
        return [("alert", subject.id), *rule]
    return [("party", _plain(one)) for one in gathered.parties]


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of all files in it, by name."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = sha256()
                while part := file.read(1 << 20):
                    digest.update(part)
            found[path.relative_to(folder).as_posix()] = digest.hexdigest()
    return found


def _with_actions(gathered: Gathered, parts: Parts) -> tuple[list[Line], list[bytes]]:
    """All lines with their documents, what people did in its place between them."""
    pairs = list(zip(gathered.lines, gathered.documents, strict=True))
    if parts.audit is not None:
        for _, content, entry in parts.audit[2].actions:
            pairs.append((line_of_action(entry, content), content))
        pairs.sort(key=lambda pair: (pair[0].time, pair[0].kind != "event", pair[0].id))
    return [line for line, _ in pairs], [document for _, document in pairs]


def _manifest(gathered: Gathered, parts: Parts, lines: Sequence[Line]) -> Manifest:
    known = {rule.hash for rule in parts.rules}
    wanted = sorted({alert.rule_hash for alert in gathered.alerts})
    audit = None if parts.audit is None else parts.audit[2]
    told = [one.id for one in (*gathered.alerts, *gathered.updates)]
    file = gathered.case
    done = [] if file is None else [activity.id for activity, _ in file.activities]
    proven = frozenset[str]() if audit is None else audit.activities
    return Manifest(
        alert="" if gathered.subject is None else gathered.subject.id,
        parties=list(gathered.parties),
        unmet=list(gathered.unmet),
        case="" if file is None else file.case.id,
        activities=done,
        unproven_activities=[one for one in done if one not in proven],
        activity_gaps=[] if file is None else file.gaps,
        names=sorted(gathered.scope.names),
        since=whole_time(gathered.scope.since),
        until=whole_time(gathered.scope.until),
        archive=gathered.archive,
        lines=len(lines),
        alerts=len(gathered.alerts),
        missing=gathered.missing,
        unreadable=gathered.unreadable,
        proven=[] if audit is None else sorted(audit.proven),
        unproven=told if audit is None else audit.unproven,
        unknown_rules=[one for one in wanted if one not in known],
        raw_gone=None if parts.raw is None else parts.raw.gone,
        entries=None if audit is None else [number for number, _, _ in audit.entries],
        version=parts.version,
        files={},
    )


def _write_rules(folder: Path, rules: Sequence[RuleText]) -> None:
    folder.mkdir()
    for rule in rules:
        (folder / f"{rule.hash[:16]}-{_file_name(rule.name)}.yml").write_text(rule.text, "utf-8")


def _write_raw(folder: Path, raw: RawMessages) -> None:
    folder.mkdir()
    for number, message in sorted(raw.messages.items()):
        (folder / f"RAW-{number}").write_bytes(message)
    with (folder / "frames.ndjson").open("wb") as file:
        for frame in raw.frames:
            said: Mapping[str, str] = {
                "original": frame.original,
                "source": frame.source,
                "position": frame.position,
                "received": whole_time(frame.received),
                "payload": base64.b64encode(frame.payload).decode(),
            }
            file.write(msgspec.json.encode(said) + b"\n")


def _write_audit(to: Path, audit: tuple[AuditFolder, VerifyingKey, Recorded]) -> None:
    folder, key, found = audit
    (to / "alerts.ndjson").write_bytes(
        b"".join(found.proven[one] + b"\n" for one in sorted(found.proven))
    )
    if found.entries:
        export_entries(folder, key, [(n, line) for n, line, _ in found.entries], to / "audit")


def _copy(package: str, name: str, to: Path) -> None:
    with resources.as_file(resources.files(package) / name) as source:
        shutil.copyfile(source, to)


def _file_name(text: str) -> str:
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in text)
    return kept[:80] or "rule"


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)


__all__ = ["Manifest", "Parts", "RuleText", "export", "hashes"]
