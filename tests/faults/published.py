"""The results of `make faults`, as docs/sinks-under-fault.json and .md."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from tests.faults.trial import Outcome

DOCS = Path(__file__).parents[2] / "docs"
_JSON = DOCS / "sinks-under-fault.json"
_PAGE = DOCS / "sinks-under-fault.md"
_HEAD = """\
# Sinks under fault

What becomes of documents when the place that they are delivered to fails again and again.
`make faults` pushes a million events and alerts (`DOCUMENTS=`) through each sink, by the code that
the delivery stage runs, while 5 % of all requests have bad luck, and after 1 % of the batches the
stage dies before it could say that they were delivered: then another one delivers them again.
Notifications, which go to people and pagers, get a part of that. Afterwards each document is
counted at the other end. `make test` plays all of it with some thousands.

*Lost* are documents that are not there; *strange* ones that nobody sent. Where `once` is promised,
a document that is there twice is a failure. Where `by id` is, a copy may come when an answer was
lost or the stage died: it has the same id (HEC: `event.id`; webhook: `Idempotency-Key`; PagerDuty:
`dedup_key`; e-mail: `Message-ID`), by which who receives it drops it. Slack has none. *Again*
counts such copies. Why a sink can or can't do better: [duplicates](duplicates.md).

Elasticsearch is a real one, behind a proxy that refuses; disks fail by the calls that write and
sync them; the mail server is a real one. HEC is a double of ours, written from Splunk's documents
and strict about them, and Slack and PagerDuty are any HTTP receiver: none of the three was met.
*Requests* are what could have bad luck: of files writes, of HEC batches, of Elasticsearch bulks.

<!-- Written by `make faults`. Don't edit what follows. -->

"""
_COLUMNS = (
    "sink", "promise", "documents", "requests", "injected", "restarts", "lost", "again", "strange",
    "as promised", "seconds", "seed", "date",
)  # fmt: skip


def publish(found: Iterable[Outcome]) -> None:
    """Put results in the place of earlier ones of the same sink, and write the page."""
    there = {one.trial: one for one in _read()}
    there.update({one.trial: one for one in found})
    content = msgspec.json.format(msgspec.json.encode(list(there.values())), indent=2)
    _JSON.write_bytes(content + b"\n")
    _PAGE.write_text(page(list(there.values())), "utf-8")


def page(outcomes: Sequence[Outcome]) -> str:
    """The page of these results."""
    lines = [
        f"| {' | '.join(_COLUMNS)} |",
        f"| {' | '.join('---' for _ in _COLUMNS)} |",
        *(f"| {' | '.join(_cells(one))} |" for one in outcomes),
        "",
        "| sink | at the other end | faults | versions |",
        "| --- | --- | --- | --- |",
    ]
    for one in outcomes:
        faults = ", ".join(f"{kind} {times}" for kind, times in one.faults.items())
        versions = ", ".join(f"{name} {version}" for name, version in one.versions.items())
        lines.append(f"| `{one.trial}` | {one.what} | {faults} | {versions} |")
    return _HEAD + "\n".join(lines) + "\n"


def _cells(one: Outcome) -> list[str]:
    found = one.found
    numbers = (one.documents, one.requests, sum(one.faults.values()), one.restarts)
    return [
        f"`{one.trial}`",
        one.promise,
        *(f"{number:,}" for number in numbers),
        *(f"{number:,}" for number in (found.lost, found.again, found.strange)),
        "yes" if one.as_promised else "**no**",
        f"{one.seconds:,.0f}",
        str(one.seed),
        one.date,
    ]


def _read() -> list[Outcome]:
    return msgspec.json.decode(_JSON.read_bytes(), type=list[Outcome]) if _JSON.exists() else []
