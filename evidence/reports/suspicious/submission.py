"""Submitting a report: only what a second person approved, in the very bytes, and once."""

from collections.abc import Callable

from evidence.reports.suspicious.dossier import Dossier, Note
from evidence.reports.suspicious.steps import Report, Step, StepAction
from evidence.reports.suspicious.transports import InDoubt, NotTaken, Package, Transport
from pipeline.failure import FAILED, Failure


def submit(
    dossier: Dossier,
    transport: Transport,
    *,
    who: str,
    clock: Callable[[], int],
    note: Note,
    again: str = "",
) -> Report:
    """Submit it. `clock` gives nanoseconds; `again` says why it is sent once more after it could
    not be known whether it was taken. Raises Failure where it may not be, or was not."""
    report, files = dossier.unchanged()
    assert report.form is not None
    form, case, digest = report.form, report.case, report.digest

    def step(action: StepAction, *, why: str = "", receipt: str = "") -> Step:
        found = Step(
            number=0, action=action, at=clock(), who=who, form=form, case=case,
            digest=digest, transport=transport.name, why=why, receipt=receipt,
        )  # fmt: skip
        return taken(dossier, found, note)

    if report.status == "submitting":
        same_way = report.transport == transport.name
        if not (same_way and transport.repeatable) and not again.strip():
            raise Failure(
                f"it was being submitted by {report.transport}, and it isn't known whether it was "
                "taken: ask the receiver; if it wasn't, say so by --again WHY",
                FAILED,
            )
        if again.strip():
            doubt = Step(
                number=0, action="in-doubt", at=clock(), who=who, form=form, case=case,
                digest=digest, transport=report.transport, why=again,
            )  # fmt: skip
            taken(dossier, doubt, note)
            step("submitting")
    else:
        step("submitting")
    package = Package(form=form, case=case, digest=digest, files=files)
    try:
        receipt = transport.submit(package)
    except NotTaken as error:
        step("failed", why=str(error))
        raise Failure(f"it was not taken: {error}", FAILED) from None
    except InDoubt as error:
        raise Failure(
            f"it isn't known whether it was taken: {error}; ask the receiver before you try again",
            FAILED,
        ) from None
    step("submitted", receipt=receipt)
    return dossier.state()


def taken(dossier: Dossier, step: Step, note: Note) -> Step:
    """Take a step that may be taken, once it is noted. Raises Failure."""
    with dossier.noted(step, note) as whole:
        return dossier.add(whole)
