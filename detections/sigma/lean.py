"""Events read as far as the rules need them, from lines of nested ECS.

A class is made of just the fields that rules name; what else a line holds is skipped while it is
decoded, which is several times as fast as reading it whole. What this reading can't take exactly
(names with dots, values where objects are meant, lists of objects) is refused.
"""

import operator
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from detections.fields import ACTION
from detections.sigma.readers import Access, Attribute, Constant, Read

TIMESTAMP = "@timestamp"

_Tree = dict[str, "_Tree"]
#: No value is of this type. A key that has it can't be there: its line is refused.
_Never = Annotated[str, msgspec.Meta(min_length=2, max_length=1)]


class CannotBeLean(ValueError):
    """A field is named that has fields of its own, which are named as well."""


class LeanEvents:
    """Decodes lines into events that have some fields only. Raises CannotBeLean."""

    def __init__(self, fields: Iterable[str]) -> None:
        self.paths: dict[str, str] = {}
        """ECS name to the attributes that lead to it."""
        tree: _Tree = {}
        names = {*fields, ACTION, TIMESTAMP}
        for field in sorted(names):
            node = tree
            *parents, last = field.split(".")
            for number, part in enumerate(parents, 1):
                if ".".join(parents[:number]) in names:
                    raise CannotBeLean(f"{field} lies within a field that is named as well")
                node = node.setdefault(part, {})
            node.setdefault(last, {})
        self._decoder = msgspec.json.Decoder(self._record(tree, "", ""))

    def decode(self, line: bytes) -> Any:
        """One line. Raises msgspec.MsgspecError for what isn't JSON or not of this form."""
        return self._decoder.decode(line)

    def decode_lines(self, block: bytes) -> list[Any]:
        """All lines of a block; blank ones are left out. Raises as `decode`."""
        return self._decoder.decode_lines(block)

    def _record(self, tree: _Tree, prefix: str, path: str) -> type[msgspec.Struct]:
        attributes: list[tuple[str, Any, Any]] = []
        for number, (part, inner) in enumerate(tree.items()):
            name = f"{prefix}.{part}" if prefix else part
            attribute = f"f{number}"
            place = f"{path}.{attribute}" if path else attribute
            if not inner:
                self.paths[name] = place
                attributes.append((attribute, Any, msgspec.field(default=None, name=part)))
                continue
            record = self._record(inner, name, place)
            attributes.append((attribute, record, msgspec.field(default=record(), name=part)))
        # `{"event.action": "x"}` is the same field, in a place where nobody looks for it.
        for number, dotted in enumerate(_dotted_names(tree)):
            attributes.append((f"d{number}", _Never, msgspec.field(default="", name=dotted)))
        return msgspec.defstruct(
            f"Lean_{path.replace('.', '_') or 'event'}", attributes, frozen=True, gc=False
        )


def _dotted_names(tree: _Tree) -> list[str]:
    """Keys with dots that lead into the tree: `a.b` and `a.b.c` for `a: {b: {c: {}}}`."""
    found: list[str] = []
    for part, inner in tree.items():
        deeper = [*inner, *_dotted_names(inner)]
        found += [f"{part}.{name}" for name in deeper]
    return found


class LeanReader:
    """Reads lean events of one action; those of one of our actions have our record's defaults."""

    def __init__(self, paths: Mapping[str, str], action: Any, defaults: Mapping[str, Any]) -> None:
        self._paths = paths
        self._action = action
        self._defaults = defaults

    def access(self, name: str) -> Access:
        if name == ACTION:
            return Constant(self._action)
        return Attribute(self._paths[name], self._defaults.get(name))

    def field(self, name: str) -> Read | Constant:
        if name == ACTION:
            return Constant(self._action)
        read, default = path_reader(self._paths[name]), self._defaults.get(name)

        def read_or_default(event: Any) -> Any:
            value = read(event)
            return default if value is None else value

        return read_or_default

    def values(self, event: Any) -> Any:
        raise NotImplementedError("a lean event doesn't have all values; it can't be searched")


def path_reader(path: str) -> Read:
    """What reads the value at the end of a path of attributes."""
    return operator.attrgetter(path)
