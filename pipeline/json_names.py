"""Names that an object of JSON has twice: RFC 8259 leaves open which counts; the last one would.

Looking at each name takes several times as long as decoding. So names are counted first: as many
as there are values means that none is there twice.
"""

import json
import re
from typing import Any, NamedTuple, cast

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)
_BEFORE_COLON = (b" :", b"\t:", b"\n:", b"\r:")


class RepeatedName(NamedTuple):
    """A name that its object has had already, and where it stands again, from 1."""

    path: str
    line: int
    column: int


def all_differ(data: bytes, count: int) -> bool:
    """Whether no name of a flat object is there twice, `count` being how many differ.

    A comma stands between each two: so many at most, and so many that differ. False says nothing,
    since there are commas in texts and lists too.
    """
    return data.count(b",") + 1 == count


def count_names(value: Any) -> int:
    """The names in a decoded document, those within its objects and lists among them."""
    found, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            inner = cast("dict[str, Any]", one)
            found += len(inner)
            waiting += [each for each in inner.values() if isinstance(each, (dict, list))]
        elif isinstance(one, list):
            items = cast("list[Any]", one)
            waiting += [each for each in items if isinstance(each, (dict, list))]
    return found


def repeated_name(data: bytes, decoded: Any) -> RepeatedName | None:
    """The first name that is there twice, of JSON that was decoded without complaint."""
    if data.count(b'":') == count_names(decoded) and not any(one in data for one in _BEFORE_COLON):
        return None
    return find_repeated(data)


def find_repeated(data: bytes) -> RepeatedName | None:
    """The same, by looking at each name; nothing of it need be decoded."""
    open_names: list[set[str] | None] = []  # of each object that is open; None of a list
    way: list[str] = []  # what each was last in
    text: re.Match[bytes] | None = None
    for token in _TOKEN.finditer(data):
        match data[token.start()]:
            case 0x22:  # "
                text = token
            case 0x3A if text is not None and open_names:  # :
                names, name = open_names[-1], _said(text[0])
                way[-1] = name
                if names is not None:
                    if name in names:
                        return _place(data, text.start(), way)
                    names.add(name)
            case 0x7B | 0x5B as begun:  # { [
                open_names.append(set() if begun == 0x7B else None)
                way.append("")
            case 0x7D | 0x5D if open_names:  # } ]
                open_names.pop()
                way.pop()
            case _:
                pass
    return None


def _said(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token.decode(errors="replace")


def _place(data: bytes, offset: int, path: list[str]) -> RepeatedName:
    line = data.count(b"\n", 0, offset) + 1
    before = data[data.rfind(b"\n", 0, offset) + 1 : offset]
    column = len(before.decode(errors="replace")) + 1
    return RepeatedName(".".join(one for one in path if one), line, column)
