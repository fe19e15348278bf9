"""Who last changed a rule, from the changes of rules in the stream EVENTS.

EVENTS is purged and a rule is changed seldom, so what was read is kept beside it, by rule.
"""

from collections.abc import Sequence
from typing import Self

import msgspec
import nats.js.errors
import structlog
from nats.js.kv import KeyValue

from normalizer.events import RulesChanged
from pipeline.bus import Bus, Stream
from pipeline.bus.positions import open_bucket

_BUCKET = "RULE_AUTHORS"
#: Of a rule, the newest changes that are remembered: who changed it before was replaced.
_MOST = 20
#: The last token of the subject of such records, as in detections.lanes.rules_in_force.
_RULES = "rules"
log = structlog.get_logger(__name__)

_decoder = msgspec.json.Decoder(RulesChanged)


class RuleAuthors:
    """People by rule. `read` brings it up to the stream's end."""

    def __init__(self, bus: Bus, kept: KeyValue) -> None:
        self._bus = bus
        self._kept = kept
        self._after = 0
        self.changed_by: dict[str, Sequence[str]] = {}

    @classmethod
    async def open(cls, bus: Bus) -> Self:
        """With what is kept."""
        kept = await open_bucket(bus.jetstream, bus.names.bucket(_BUCKET), history=1)
        opened = cls(bus, kept)
        try:
            keys = await kept.keys()
        except nats.js.errors.NoKeysError:
            keys = []
        for key in keys:
            value = (await kept.get(key)).value
            if value:
                opened.changed_by[_rule(key)] = msgspec.json.decode(value, type=tuple[str, ...])
        return opened

    async def read(self) -> None:
        """Take all changes that came since."""
        stream = self._bus.names.stream(Stream.EVENTS)
        subject = self._bus.names.subject(Stream.EVENTS, _RULES)
        while True:
            try:
                message = await self._bus.jetstream.get_msg(
                    stream, self._after + 1, subject=subject, next=True
                )
            except nats.js.errors.NotFoundError:
                return
            self._after = message.seq or self._after + 1
            try:
                changed = _decoder.decode(message.data or b"")
            except msgspec.MsgspecError as error:
                log.error("a change of rules can't be read", place=self._after, error=str(error))
                continue
            people = [one for one in (changed.author, changed.operator) if one]
            for rule in (*changed.added, *changed.changed):
                await self._note(rule, people)

    async def _note(self, rule: str, people: Sequence[str]) -> None:
        before = self.changed_by.get(rule, ())
        known = tuple(dict.fromkeys((*before, *people)))[-_MOST:]
        if known != before:
            self.changed_by[rule] = known
            await self._kept.put(_key(rule), msgspec.json.encode(known))


def _key(rule: str) -> str:
    """A rule's id as a key, which takes few characters."""
    return rule.encode().hex() or "none"


def _rule(key: str) -> str:
    return bytes.fromhex(key).decode() if key != "none" else ""
