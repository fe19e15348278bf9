"""What busts and corrections call a trade, and what its own reports call it. Pure.

A report of a trade has an ExecID (17) and mostly an id of the trade as well, such as TrdMatchID
(880). A bust needs to say no more than ExecRefID (19), the ExecID that it takes back, or says the
id of a trade whose reports had none. So what each report said is remembered.
"""

import re
from collections.abc import Iterable, Iterator

from pipeline.fix_codes import CAPTURE_IDS, CAPTURE_REFERENCES, TRADE_IDS
from pipeline.fix_message import BadMessage, fields_of, values_of
from pipeline.fix_text import text_in

#: Ids that are remembered, at least; at most twice as many. A report of a trade has two, mostly.
REMEMBERED_NAMES = 200_000
#: ExecType (150) of trades, corrections and busts, ExecTransType (20) of busts and corrections, and
#: trade capture reports.
_ABOUT_TRADES = re.compile(rb"\x01(?:150=[12FGH]|20=[12]|35=AE)\x01")
_KINDS = re.compile(rb"\x0135=(8|AE)\x01")
_BUSTS = (b"H", b"G")
_SESSION = (49, 56, 55)
#: Which ids a reference is looked for among: ExecRefID and TradeReportRefID are of other reports.
_AMONG = {19: 17, 572: 571}
#: By what a trade is looked for, in this order. Ids of reports may begin anew each day, so its own
#: come first; SecondaryExecID may be that of the bust.
_REFERENCES = (880, 1003, 19, 527)
_OF_CAPTURES = (1003, 880, 572, 527, 17, 571)

Values = dict[int, bytes]


class TradeNames:
    """Remembers the newest of them, by session and instrument."""

    def __init__(self, remembered: int = REMEMBERED_NAMES) -> None:
        self._remembered = remembered
        self._young: dict[bytes, str] = {}
        self._old: dict[bytes, str] = {}

    def take(self, message: bytes) -> str | None:
        """Of a bust or correction: the trade's id, empty where it says that itself, None where no
        id in it is known. Empty for all other messages; of reports of trades the ids are kept.
        """
        if _ABOUT_TRADES.search(message) is None or (kind := _KINDS.search(message)) is None:
            return ""  # most messages, without taking them apart
        try:
            values = values_of(fields_of(message))
        except BadMessage:
            return ""  # the normalizer says what is wrong with it
        if kind[1] == b"AE":
            return self._capture(values)
        return self._report(values)

    def add_earlier(self, messages: Iterable[bytes]) -> None:
        """Messages of before those that were taken, in their order."""
        earlier = TradeNames(self._remembered)
        for message in messages:
            earlier.take(message)
        self._old = {**earlier._old, **earlier._young, **self._old}

    def _report(self, values: Values) -> str | None:
        revises = values.get(20, b"0") in (b"1", b"2")
        if not revises and values.get(20, b"0") != b"0":
            return ""  # a status
        if not revises and values.get(150) not in _BUSTS:
            said = _first(values, (*TRADE_IDS, 17))
            self._remember(values, (17, *TRADE_IDS), said)
            return ""
        said = _first(values, (*TRADE_IDS, 19))
        return self._revised(values, _REFERENCES, said, 17)

    def _capture(self, values: Values) -> str | None:
        match values.get(487, b"0"):
            case b"0":
                self._remember(values, CAPTURE_IDS, _first(values, CAPTURE_IDS))
                return ""
            case b"1" | b"2":
                said = _first(values, CAPTURE_REFERENCES)
                return self._revised(values, _OF_CAPTURES, said, 571)
            case _:
                return ""

    def _revised(
        self, values: Values, references: Iterable[int], said: str, own: int
    ) -> str | None:
        found = next(filter(None, self._sought(values, references)), None)
        if found is None:
            return None
        # What corrects or busts a correction may name that.
        self._remember(values, (own,), found)
        return "" if found == said else found

    def _sought(self, values: Values, references: Iterable[int]) -> Iterator[str | None]:
        for tag in references:
            if values.get(tag):
                key = _key(values, tag)
                yield self._young.get(key) or self._old.get(key)

    def _remember(self, values: Values, tags: Iterable[int], trade: str) -> None:
        for tag in tags:
            if values.get(tag):
                self._young[_key(values, tag)] = trade
        if len(self._young) >= self._remembered:
            self._old, self._young = self._young, {}


def _first(values: Values, tags: Iterable[int]) -> str:
    return next((text_in(values, tag) for tag in tags if values.get(tag)), "")


def _key(values: Values, tag: int) -> bytes:
    session = [values.get(one, b"") for one in _SESSION]
    return b"\x01".join((*session, b"%d" % _AMONG.get(tag, tag), values[tag]))
