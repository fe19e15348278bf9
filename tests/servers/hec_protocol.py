"""Splunk's HTTP Event Collector protocol as Splunk documents it: answers, and what an event is.

Sources: Splunk's manual "Getting Data In", chapters "Format events for HTTP Event Collector",
"Troubleshoot HTTP Event Collector" (the table of codes) and "About HTTP Event Collector Indexer
Acknowledgment"; and two facts reported from real servers: an event after which the batch is
malformed has been indexed already (moby/moby#35862), and `time` in exponent notation is refused.
Stricter than Splunk where leniency would hide a sender's mistake: keys that Splunk would ignore,
and a JSON array around a batch, are errors here.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, cast

import msgspec

METADATA_KEYS = frozenset(("time", "host", "source", "sourcetype", "index", "fields", "event"))


class HecAnswer(msgspec.Struct, frozen=True):
    """An answer of the table of codes: HTTP status, code and text."""

    status: int
    code: int
    text: str


SUCCESS = HecAnswer(200, 0, "Success")
TOKEN_DISABLED = HecAnswer(403, 1, "Token disabled")
TOKEN_REQUIRED = HecAnswer(401, 2, "Token is required")
INVALID_AUTHORIZATION = HecAnswer(401, 3, "Invalid authorization")
INVALID_TOKEN = HecAnswer(403, 4, "Invalid token")
NO_DATA = HecAnswer(400, 5, "No data")
INVALID_DATA_FORMAT = HecAnswer(400, 6, "Invalid data format")
INCORRECT_INDEX = HecAnswer(400, 7, "Incorrect index")
INTERNAL_ERROR = HecAnswer(500, 8, "Internal server error")
SERVER_IS_BUSY = HecAnswer(503, 9, "Server is busy")
CHANNEL_MISSING = HecAnswer(400, 10, "Data channel is missing")
INVALID_CHANNEL = HecAnswer(400, 11, "Invalid data channel")
EVENT_REQUIRED = HecAnswer(400, 12, "Event field is required")
EVENT_BLANK = HecAnswer(400, 13, "Event field cannot be blank")
ACK_DISABLED = HecAnswer(400, 14, "ACK is disabled")
INDEXED_FIELDS_ERROR = HecAnswer(400, 15, "Error in handling indexed fields")
QUERY_AUTHORIZATION_DISABLED = HecAnswer(400, 16, "Query string authorization is not enabled")
HEALTHY = HecAnswer(200, 17, "HEC is healthy")
QUEUES_FULL = HecAnswer(503, 18, "HEC is unhealthy, queues are full")
SHUTTING_DOWN = HecAnswer(503, 23, "Server is shutting down")
QUEUE_AT_CAPACITY = HecAnswer(429, 26, "HEC queue is at capacity")
ACK_AT_CAPACITY = HecAnswer(429, 27, "HEC ACK channel is at capacity")


class HecRefusal(Exception):
    """A request that is answered with `answer`; `event_number` counts from 0."""

    def __init__(self, answer: HecAnswer, event_number: int | None = None) -> None:
        super().__init__(f"{answer.code} {answer.text}, event {event_number}")
        self.answer = answer
        self.event_number = event_number


class IndexedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the receiver stored it. `time` is in seconds since the epoch, None if not sent.

    `index` is the event's own, else that of the query string, else the token's default.
    """

    event: Any
    index: str
    time: float | None = None
    host: str | None = None
    source: str | None = None
    sourcetype: str | None = None
    fields: dict[str, Any] = {}
    channel: str | None = None
    token: str = ""
    ack_id: int | None = None


class _InExponentNotation(float):
    """A number that was written like 1.7e9, which Splunk refuses as a time."""


def _number(text: str) -> float:
    number = float(text)
    return _InExponentNotation(number) if "e" in text.lower() else number


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_no_constant)
_JSON_BLANKS = " \t\r\n"


def event_objects(body: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects that stand one after the other in `body`, with or without blanks between.

    Raises HecRefusal at the first that is not a JSON object, and for a body without any.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HecRefusal(INVALID_DATA_FORMAT, 0) from error
    position = _skip_blanks(text, 0)
    if position == len(text):
        raise HecRefusal(NO_DATA)
    number = 0
    while position < len(text):
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise HecRefusal(INVALID_DATA_FORMAT, number) from error
        if not isinstance(value, dict):
            raise HecRefusal(INVALID_DATA_FORMAT, number)
        yield cast(dict[str, Any], value)
        number += 1
        position = _skip_blanks(text, position)


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in _JSON_BLANKS:
        position += 1
    return position


def check_event(sent: dict[str, Any], number: int) -> None:
    """Raise HecRefusal unless `sent` is a whole event by the documented form."""
    if "event" not in sent:
        raise HecRefusal(EVENT_REQUIRED, number)
    event = sent["event"]
    if event is None or event in ({}, []) or (isinstance(event, str) and not event.strip()):
        raise HecRefusal(EVENT_BLANK, number)
    if sent.keys() - METADATA_KEYS:
        raise HecRefusal(INVALID_DATA_FORMAT, number)
    for key in ("host", "source", "sourcetype", "index"):
        if key in sent and not (isinstance(sent[key], str) and sent[key]):
            raise HecRefusal(INVALID_DATA_FORMAT, number)
    if "time" in sent and not _is_epoch(sent["time"]):
        raise HecRefusal(INDEXED_FIELDS_ERROR, number)
    if "fields" in sent:
        if not isinstance(sent["fields"], dict):
            raise HecRefusal(INVALID_DATA_FORMAT, number)
        fields = cast(dict[str, Any], sent["fields"])
        if not all(_is_flat(value) for value in fields.values()):
            raise HecRefusal(INDEXED_FIELDS_ERROR, number)


def _is_epoch(value: object) -> bool:
    if isinstance(value, str):
        try:
            value = _number(value)
        except ValueError:
            return False
    if isinstance(value, bool | _InExponentNotation) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value >= 0


def _is_flat(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_scalar(item) for item in cast(list[object], value))
    return _is_scalar(value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)
