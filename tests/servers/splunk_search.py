"""A strict search head of Splunk, for tests: the export of search results, over TLS.

Test code written from Splunk's REST API Reference, not Splunk: no Splunk can be had from a package
registry. It understands the little of SPL that Tapewatch sends, refuses all else, and answers in
the documented form: one JSON object a line, the last row marked.
"""

import json
import re
import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.servers.arrivals import Arrivals
from tests.servers.certificates import self_signed
from tests.servers.loopback_http import (
    DropConnection,
    HttpRequest,
    HttpResponse,
    LoopbackHttpServer,
)

PATH = "/services/search/v2/jobs/export"
TOKEN = "eyJraWQiOiJzcGx1bmsuc2VjcmV0Iiw.test"
_PARAMETERS = {
    "search", "output_mode", "preview", "adhoc_search_level", "earliest_time", "latest_time",
    "exec_mode", "max_time", "rf", "count",
}  # fmt: skip
_STRING = r'"(?:[^"\\]|\\.)*"'
_SEARCH = re.compile(
    rf"search \((?P<indexes>index={_STRING}(?: OR index={_STRING})*)\) "
    rf"sourcetype=(?P<sourcetype>{_STRING}) "
    r"(?P<kind>\(event\.kind=alert OR event\.action=alert-update\)"
    r"|NOT event\.kind=alert NOT event\.action=alert-update|event\.action=case-activity) "
    rf"\((?P<terms>(?:event\.action=)?{_STRING}(?: OR (?:event\.action=)?{_STRING})*)\) "
    r"\| fields _raw"
)
_TERM = re.compile(rf"(?P<field>event\.action=)?(?P<text>{_STRING})")


class SplunkSearchHead:
    """Holds documents, as index and JSON; use as a context manager.

    `answers` holds what the next requests are answered with instead: a status, or "drop", "cut"
    (rows without their end), "preview" (rows that count for nothing before the real ones), or a
    message as type and text, which comes among the rows.
    """

    def __init__(self, folder: Path, documents: Sequence[tuple[str, dict[str, Any]]]) -> None:
        self.ca_certificate, key = self_signed(folder, "localhost")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.ca_certificate, key)
        self._documents = documents
        self._server = LoopbackHttpServer(self._handle, context)
        self.answers: list[int | str | tuple[str, str]] = []
        self.searches: Arrivals[dict[str, str]] = Arrivals()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return self._server.url.replace("127.0.0.1", "localhost")

    def __enter__(self) -> "SplunkSearchHead":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        if request.path != PATH:
            return _refused(404, "ERROR", "Not Found")
        if request.method != "POST":
            return _refused(405, "ERROR", "Method Not Allowed")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refused(401, "WARN", "call not properly authenticated")
        if not request.headers.get("content-type", "").startswith(
            "application/x-www-form-urlencoded"
        ):
            return _refused(400, "FATAL", "Empty search.")
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        self.searches.append(form)
        fault = self.answers.pop(0) if self.answers else None
        if fault == "drop":
            raise DropConnection
        if isinstance(fault, int):
            return _refused(fault, "ERROR", "Search not executed: the quota is exceeded")
        if set(form) - _PARAMETERS or form.get("output_mode") != "json":
            return _refused(400, "FATAL", "Unknown argument, or another form than JSON")
        return self._results(form, fault)

    def _results(self, form: dict[str, str], fault: str | tuple[str, str] | None) -> HttpResponse:
        found = _SEARCH.fullmatch(form.get("search", ""))
        if found is None:
            return _refused(400, "FATAL", f"Error in 'search' command: {form.get('search')}")
        indexes = {json.loads(one) for one in re.findall(_STRING, found["indexes"])}
        terms = [(bool(m["field"]), json.loads(m["text"])) for m in _TERM.finditer(found["terms"])]
        since, until = float(form["earliest_time"]), float(form["latest_time"])
        kind = found["kind"]
        rows = [
            raw
            for index, document in self._documents
            if index in indexes
            and json.loads(found["sourcetype"]) == "tapewatch:ecs"
            and since <= _seconds(document["@timestamp"]) < until
            and _is_of(document, kind)
            for raw in [json.dumps(document, ensure_ascii=False)]
            if any(_matches(document, raw, *term) for term in terms)
        ]
        lines: list[dict[str, Any]] = []
        if fault == "preview":
            lines.append({"preview": True, "offset": 0, "result": {"_raw": "{}"}})
        for place, raw in enumerate(rows):
            line: dict[str, Any] = {"preview": False, "offset": place, "result": {"_raw": raw}}
            if place == len(rows) - 1 and fault != "cut":
                line["lastrow"] = True
            lines.append(line)
        if not rows:
            lines.append({"preview": False, "offset": 0, "lastrow": True})
        if isinstance(fault, tuple):
            lines.insert(0, {"messages": [{"type": fault[0], "text": fault[1]}]})
        body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return HttpResponse(status=200, body=body.encode(), headers=headers)


def _matches(document: dict[str, Any], raw: str, of_action: bool, text: str) -> bool:
    if of_action:
        return document["event"]["action"] == text
    phrase = re.escape(json.dumps(text, ensure_ascii=False)[1:-1])
    return re.search(rf"(?<!\w){phrase}(?!\w)", raw, re.IGNORECASE) is not None


def _is_of(document: dict[str, Any], kind: str) -> bool:
    event = document["event"]
    if kind == "event.action=case-activity":
        return event["action"] == "case-activity"
    return (event["kind"] == "alert" or event["action"] == "alert-update") is kind.startswith("(")


def _seconds(text: str) -> float:
    whole, _, rest = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{rest or 0}")


def _refused(status: int, kind: str, text: str) -> HttpResponse:
    body = json.dumps({"messages": [{"type": kind, "text": text}]}).encode()
    return HttpResponse(status=status, body=body, headers={"Content-Type": "application/json"})
