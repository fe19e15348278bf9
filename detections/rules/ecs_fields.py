"""The field names of the Elastic Common Schema, for rules whose events are not ours."""

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import msgspec

#: Written by `python -m tests.detections.rules.ecs_list` from the npm package @elastic/ecs.
FILE = Path(__file__).with_name("ecs_fields.txt")
_CLOSE = 0.9
_OPEN = frozenset(("object", "flattened", "nested"))


class EcsField(msgspec.Struct, frozen=True):
    """A field of ECS."""

    type: str
    """Elasticsearch's."""
    many: bool
    """Whether ECS wants a list."""


@cache
def ecs_fields() -> Mapping[str, EcsField]:
    """All fields by name."""
    return dict(_parsed(FILE.read_text(encoding="utf-8")))


def meant_ecs_field(name: str) -> str | None:
    """The field of ECS that a name which is none was probably meant to be.

    None for names that aren't built like those of ECS: every product has its own.
    """
    known = ecs_fields()
    if "." not in name or name in known or name != name.lower() or _is_open(name, known):
        return None
    depth = name.count(".")
    # A slip is in one segment, or in the dots: the others stand as they are.
    candidates = [one for one in known if abs(one.count(".") - depth) <= 1 and _akin(one, name)]
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=_CLOSE)
    return close[0] if close else None


def _akin(one: str, other: str) -> bool:
    return abs(len(one) - len(other)) <= 3 and (one[0] == other[0] or one[-4:] == other[-4:])


def _is_open(name: str, known: Mapping[str, EcsField]) -> bool:
    """Whether it stands below a field that holds whatever its sender puts there."""
    parts = name.split(".")
    above = (".".join(parts[:count]) for count in range(1, len(parts)))
    return any(known[one].type in _OPEN for one in above if one in known)


def _parsed(text: str) -> Iterator[tuple[str, EcsField]]:
    """The lines are a tree: each is indented below its parent, and has a type if it is a field."""
    way: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        depth = len(line) - len(line.lstrip(" "))
        segment, _, type_ = line.strip().partition(" ")
        del way[depth:]
        way.append(segment)
        if type_:
            yield ".".join(way), EcsField(type_.removesuffix("[]"), type_.endswith("[]"))
