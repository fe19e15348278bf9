"""What was done to a suspicious report, step by step, and what may be done next. Pure.

draft -> approved -> submitting -> submitted. Whoever prepared any version of it can't approve it;
an approval is of the very bytes whose digest it names, so a changed draft needs another; and
nothing is submitted but what is approved.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from evidence.cases.persons import among, same
from evidence.reports.suspicious.fields import Form

StepAction = Literal[
    "prepared", "approved", "rejected", "submitting", "submitted", "failed", "in-doubt"
]
Status = Literal["new", "draft", "approved", "submitting", "submitted"]


class StepRefused(ValueError):
    """This may not be done to the report as it is; the text says why."""


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step."""

    number: Annotated[int, Meta(ge=1)]
    action: StepAction
    #: Nanoseconds since the epoch, by the clock.
    at: int
    who: str
    form: Form
    case: str
    #: Over all files of the report: see `digest`.
    digest: str
    why: str = ""
    #: SHA-256 of each file.
    files: dict[str, str] = field(default_factory=dict[str, str])
    #: What it was held against.
    checked: list[str] = field(default_factory=list[str])
    transport: str = ""
    #: What the receiver says, such as where it lies.
    receipt: str = ""
    #: SHA-256 of the step before, byte for byte; empty for the first.
    previous: str = ""


class Report(Struct, kw_only=True):
    """What a report is after its steps."""

    status: Status = "new"
    number: int = 0
    digest: str = ""
    form: Form | None = None
    case: str = ""
    preparers: list[str] = field(default_factory=list[str])
    approved_by: str = ""
    receipt: str = ""
    transport: str = ""
    checked: list[str] = field(default_factory=list[str])
    #: Of the newest step, byte for byte.
    head: str = ""


def step_bytes(step: Step) -> bytes:
    """A step as it lies in its file."""
    return msgspec.json.format(msgspec.json.encode(step), indent=2) + b"\n"


def digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the names and the SHA-256 of all files: no byte can change without it."""
    told = {name: sha256(content).hexdigest() for name, content in files.items()}
    return digest_of_hashes(told)


def digest_of_hashes(hashes: Mapping[str, str]) -> str:
    """The same, of hashes."""
    return sha256(msgspec.json.encode(dict(hashes), order="deterministic")).hexdigest()


def fold(steps: Iterable[tuple[Step, bytes]]) -> Report:
    """The report after these steps, in their order, each with its bytes. Raises StepRefused where
    they are not what was written: changed, left out, or not allowed."""
    report = Report()
    for step, content in steps:
        if step.number != report.number + 1:
            raise StepRefused(f"step {report.number + 1} is missing")
        if step.previous != report.head:
            raise StepRefused(f"step {step.number} is not of the steps before it: one was changed")
        reason = refusal(report, step)
        if reason is not None:
            raise StepRefused(f"step {step.number} ({step.action}): {reason}")
        _take(report, step)
        report.head = sha256(content).hexdigest()
    return report


def refusal(report: Report, step: Step) -> str | None:
    """Why this may not be done to it as it is; None where it may."""
    if report.form is not None and (step.form, step.case) != (report.form, report.case):
        return "it is another report's"
    if not step.who.strip():
        return "it doesn't say who"
    if report.status == "submitted":
        return "it is submitted already: prepare another report to correct it"
    if step.action == "prepared":
        if report.status == "submitting":
            return "it is being submitted"
        return _of_prepared(step)
    if report.status == "new":
        return "nothing is prepared"
    if step.digest != report.digest:
        return "it is of other bytes than were prepared last"
    match step.action:
        case "approved":
            if report.status != "draft":
                return f"it is {report.status} already"
            if among(step.who, report.preparers):
                return f"{step.who} prepared it: somebody else must approve it"
            return None
        case "rejected":
            if report.status not in ("draft", "approved"):
                return f"it is {report.status}"
            return None if step.why.strip() else "it doesn't say why"
        case "submitting":
            if report.status == "draft":
                return "nobody has approved it"
            if report.status != "approved":
                return "it is being submitted, or it isn't known whether it was"
            return None
        case "submitted" | "failed" | "in-doubt":
            if report.status != "submitting":
                return f"it is {report.status}, not being submitted"
            if step.transport != report.transport:
                return f"it is being submitted by {report.transport}"
            return None
    return None


def _of_prepared(step: Step) -> str | None:
    if not step.files or digest_of_hashes(step.files) != step.digest:
        return "its digest is not that of its files"
    return None


def _take(report: Report, step: Step) -> None:
    report.number = step.number
    report.form, report.case = step.form, step.case
    match step.action:
        case "prepared":
            report.status, report.digest, report.approved_by = "draft", step.digest, ""
            report.checked = step.checked
            if not any(same(step.who, one) for one in report.preparers):
                report.preparers.append(step.who)
        case "approved":
            report.status, report.approved_by = "approved", step.who
        case "rejected":
            report.status, report.approved_by = "draft", ""
        case "submitting":
            report.status, report.transport = "submitting", step.transport
        case "submitted":
            report.status, report.receipt = "submitted", step.receipt
        case "failed" | "in-doubt":
            # `in-doubt`: a person has looked, and it was not taken.
            report.status = "approved"
