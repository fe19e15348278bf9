"""What an installation finds and does."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, cast

import msgspec
from msgspec import Struct

from delivery.kibana.client import KibanaClient

Kind = Literal[
    "space",
    "data view",
    "saved object",
    "dashboard",
    "connector",
    "timeline template",
    "exception list",
    "exception",
    "rule",
    "case settings",
]
Action = Literal["create", "update", "unchanged"]
_LONGEST = 80


class Change(Struct, frozen=True, kw_only=True):
    """What becomes of one thing. `differences` are sentences for people, path by path."""

    kind: Kind
    id: str
    title: str
    action: Action
    differences: tuple[str, ...] = ()
    #: What to send, where something is sent.
    body: Any = None


def settled(created: Change, found: Sequence[str]) -> Change:
    """What becomes of something that is there already, and differs by what was found."""
    if not found:
        return msgspec.structs.replace(created, action="unchanged", body=None)
    return msgspec.structs.replace(created, action="update", differences=tuple(found))


class Step(Protocol):
    """A part of the installation. Both methods raise KibanaRefused and SinkUnavailable."""

    #: What it installs, for people.
    name: str

    @property
    def lacking(self) -> tuple[str, ...]:
        """What it leaves out, whatever Kibana it is."""
        ...

    async def plan(self, client: KibanaClient) -> list[Change]:
        """What would change."""
        ...

    async def apply(self, client: KibanaClient, changes: Sequence[Change]) -> list[str]:
        """Make the changes that aren't `unchanged`. Gives what was left out, as sentences."""
        ...


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where theirs isn't what ours says. What they have besides is theirs: defaults, dates, ids.

    JSON within JSON is read.
    """
    ours, theirs = _read(ours), _read(theirs)
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        mine = cast("Mapping[str, Any]", ours)
        other = cast("Mapping[str, Any]", theirs)
        found: list[str] = []
        for key, value in mine.items():
            inner = f"{path}.{key}" if path else key
            if key not in other:
                if value not in (None, "", [], {}, False):
                    found.append(f"{inner}: {_shown(value)} is not there yet")
            else:
                found += differences(value, other[key], inner)
        return found
    if isinstance(ours, Sequence) and isinstance(theirs, Sequence) and not isinstance(ours, str):
        mine_list = cast("Sequence[Any]", ours)
        others = cast("Sequence[Any]", theirs)
        if isinstance(theirs, str) or len(mine_list) != len(others):
            return [f"{path}: {_shown(theirs)} becomes {_shown(ours)}"]
        return [
            line
            for number, (one, other_one) in enumerate(zip(mine_list, others, strict=True))
            for line in differences(one, other_one, f"{path}[{number}]")
        ]
    if ours == theirs:
        return []
    return [f"{path}: {_shown(theirs)} becomes {_shown(ours)}"]


def _read(value: Any) -> Any:
    """JSON that a text is, if it is an object or a list."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value, order="sorted").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
