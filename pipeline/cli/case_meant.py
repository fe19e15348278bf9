"""What somebody means who names a case, or evidence for one."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.failure import CONFIGURATION, Failure
from pipeline.file_meant import file_meant
from pipeline.problems import did_you_mean

if TYPE_CHECKING:
    from evidence.cases.store import CaseStore, StoredCase

_MOST_NAMED = 5
#: Endings of files that people attach. What has one and is no file here is a slip of the pen.
_DOCUMENT = re.compile(
    r"\.(csv|docx?|eml|gz|html?|jpe?g|json|md|msg|ndjson|odt|ods|parquet|pdf|png|pptx?|txt|xlsx?"
    r"|xml|ya?ml|zip)$",
    re.IGNORECASE,
)


async def meant_case(store: "CaseStore", case_id: str) -> "StoredCase":
    """The case of an id, or the only one whose id begins so, in upper or lower case.

    Raises Failure.
    """
    case_id = case_id.strip()
    if not case_id:
        raise Failure("an empty id names no case", CONFIGURATION)
    if (found := await store.load_named(case_id)) is not None:
        return found
    everything = await store.all()
    begin = case_id.lower()
    fitting = {one: stored for one, stored in everything.items() if one.lower().startswith(begin)}
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if fitting:
        some = ", ".join(sorted(fitting)[:_MOST_NAMED])
        raise Failure(f"{case_id} may be {some}: give more of the id")
    hint = did_you_mean(case_id, everything) or did_you_mean(f"TW-{case_id}", everything)
    meant = f"did you mean {hint}? See" if hint else "see"
    raise Failure(f"there is no case {case_id}: {meant} `tapewatch case list --all`")


def attached_file(what: str) -> Path | None:
    """The file that is meant; None for a URL or an id, however long.

    Raises Failure for a file that isn't there: what is attached stays, and without its SHA-256 it
    would be evidence of nothing.
    """
    path = Path(what)
    try:
        if path.is_file():
            return path
        there = path.exists()
    except (OSError, ValueError):
        return None
    # Ids of events begin with their source, and may go on with a pair such as BTC/USD.
    like_a_path = "/" in what.partition(":")[0]
    if "://" in what or not (there or like_a_path or _DOCUMENT.search(what)):
        return None
    found = file_meant(path)
    meant = f"did you mean {found}?" if found else "name one"
    why = "is no file" if there else "isn't there"
    raise Failure(
        f"{what} {why}: {meant}, or for what lies elsewhere its URL, such as "
        "https://files.example.com/statement.pdf",
        CONFIGURATION,
    )
