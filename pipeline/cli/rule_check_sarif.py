"""Problems as SARIF 2.1.0: what code hosts and editors show at the lines that they are about."""

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

import msgspec

from pipeline.problems import Location, Problem, in_file_order

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif(problems: Sequence[Problem], *, version: str) -> bytes:
    """The document. `version` is that of the program."""
    ordered = in_file_order(problems)
    codes = sorted({problem.code for problem in ordered})
    run = {
        "tool": {
            "driver": {
                "name": "tapewatch",
                "semanticVersion": version,
                "rules": [{"id": code} for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, codes.index(problem.code)) for problem in ordered],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _result(problem: Problem, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": problem.severity,
        "message": {"text": _message(problem)},
        "locations": [_location(problem.location, problem)],
    }
    if problem.related:
        result["relatedLocations"] = [
            {"id": number, **_location(place)} for number, place in enumerate(problem.related, 1)
        ]
    return result


def _message(problem: Problem) -> str:
    parts = [problem.message]
    if problem.expected is not None:
        parts.append(f"expected {problem.expected}")
    if problem.hint is not None:
        parts.append(f"did you mean {problem.hint}?")
    if problem.advice is not None:
        parts.append(problem.advice)
    return "; ".join(parts)


def _location(place: Location, problem: Problem | None = None) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.file)}}
    if place.line:
        region: dict[str, Any] = {"startLine": place.line, "startColumn": max(1, place.column)}
        if problem is not None and problem.context is not None:
            region["endColumn"] = region["startColumn"] + problem.context.length
        physical["region"] = region
    return {"physicalLocation": physical}


def _uri(name: str) -> str:
    path = PurePath(name)
    return Path(path).as_uri() if path.is_absolute() else quote(path.as_posix())
