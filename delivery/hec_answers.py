"""The answers of Splunk's HTTP Event Collector, and what each means for a batch.

Source: Splunk's manual "Getting Data In", chapters "Troubleshoot HTTP Event Collector" (table of
codes) and "About HTTP Event Collector Indexer Acknowledgment".
"""

from typing import Literal

import msgspec
from msgspec import Struct

SUCCESS = 0
NO_DATA = 5
HEALTHY = 17

#: 5 no data, 6 invalid data format, 12 event field required, 13 event blank, 15 indexed fields.
_DATA_FAULTS = frozenset((5, 6, 12, 13, 15))

_ADVICE = {
    1: "the token is disabled; enable it in Splunk under Settings, Data inputs",
    2: "no token was sent; set `token`",
    3: "the token was not understood; `token` must hold the token's value alone",
    4: "the token is unknown to this Splunk; compare `token` with Settings, Data inputs",
    7: "the token may not write to this index, or it doesn't exist; see `index`",
    10: "the token has acknowledgement enabled; set `acknowledgement: true`",
    14: "the token has acknowledgement disabled; enable it, or set `acknowledgement: false`",
}


class HecBody(Struct, kw_only=True):
    """The JSON of an answer, as far as it matters."""

    code: int | None = None
    text: str = ""
    ack_id: int | None = msgspec.field(name="ackId", default=None)
    invalid_event: int | None = msgspec.field(name="invalid-event-number", default=None)


class AckBody(Struct):
    """The answer to a question for acknowledgements: by id, whether it is indexed."""

    acks: dict[str, bool]


_decoder = msgspec.json.Decoder(HecBody)
_ack_decoder = msgspec.json.Decoder(AckBody)

#: `taken`; `data`: an event is bad; `large`: the body is too large; `wait`: try again later.
Meaning = Literal["taken", "data", "large", "wait"]


class HecAnswer(Struct, frozen=True, kw_only=True):
    """An answer, read."""

    meaning: Meaning
    reason: str = ""
    ack_id: int | None = None
    invalid_event: int | None = None


def read_answer(status: int, content: bytes) -> HecAnswer:
    """What an answer to a batch means. Only a fault of the data itself is ever `data`."""
    try:
        body = _decoder.decode(content)
    except msgspec.MsgspecError:
        body = HecBody()
    if status == 200 and body.code == SUCCESS:
        return HecAnswer(meaning="taken", ack_id=body.ack_id)
    if status == 413:
        return HecAnswer(meaning="large", reason="Splunk takes no body of this size")
    said = f"HTTP {status}"
    if body.code is not None:
        said += f", code {body.code} {body.text}"
    if status == 400 and body.code in _DATA_FAULTS:
        return HecAnswer(meaning="data", reason=said, invalid_event=body.invalid_event)
    advice = _ADVICE.get(body.code) if body.code is not None else None
    if advice is None and status in (200, 301, 302, 307, 308, 404, 405) and body.code is None:
        advice = "`url` must be the collector's, mostly https://host:8088, without a path"
    return HecAnswer(meaning="wait", reason=f"{said}: {advice}" if advice else said)


def read_acks(content: bytes) -> set[int]:
    """The ids that are indexed by now. Raises msgspec.MsgspecError or ValueError if it is none."""
    return {int(ack) for ack, done in _ack_decoder.decode(content).acks.items() if done}
