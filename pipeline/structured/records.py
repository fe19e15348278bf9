"""Readers of Structs: known keys, required keys, and choices of Structs by a tag."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from pipeline.problems import did_you_mean, one_of, shown
from pipeline.structured.paths import absolute
from pipeline.structured.reader import Reader
from pipeline.structured.walk import INVALID, FieldError, Walk, Where
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode
from pipeline.yaml_scalars import meaning

#: How near a misspelt tag must be for the rest to be read as that of the right one.
_LITTLE_DOUBT = 0.75


class FieldReader:
    """One key of a Struct: its name in the file and in the record, its reader and default."""

    __slots__ = ("_default", "_factory", "attribute", "key", "reader", "required")

    def __init__(self, attribute: str, key: str, reader: Reader, default: Any, factory: Any):
        self.attribute = attribute
        self.key = key
        self.reader = reader
        self._default = default
        self._factory = factory
        self.required = default is msgspec.NODEFAULT and factory is msgspec.NODEFAULT

    def default(self) -> Any:
        """The value where the key isn't given. Only for a field that isn't required."""
        return self._default if self._factory is msgspec.NODEFAULT else self._factory()


class RecordReader(Reader):
    """A Struct. Its fields are set after it is made, since a type may contain itself."""

    kinds = (MappingNode,)

    def __init__(self, cls: type[msgspec.Struct], tag_field: str | None, tag: object) -> None:
        self._cls = cls
        self._fields: dict[str, FieldReader] = {}
        self._keys: list[str] = []
        self.tag_field = tag_field
        self.tag = None if tag is None else str(tag)

    def set_fields(self, fields: Sequence[FieldReader]) -> None:
        """The fields in their order; for once, before the first reading."""
        self._fields = {field.key: field for field in fields}
        self._keys = [self.tag_field] if self.tag_field else []
        self._keys += self._fields

    @property
    def keys(self) -> Sequence[str]:
        """The keys that may be given."""
        return self._keys

    @property
    def expected(self) -> str:
        return f"a group of settings ({one_of(self._keys)})"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        return self.read_over(node, where, walk)

    def read_over(
        self,
        node: Node,
        where: Where,
        walk: Walk,
        base: msgspec.Struct | None = None,
        others: Collection[str] | None = (),
    ) -> object:
        """As `read`. What isn't given is taken from `base`, where there is one; keys in `others`
        are somebody else's and passed over, all unknown ones if it is None."""
        if not isinstance(node, MappingNode):
            return self.wrong_type(node, where, walk)
        values: dict[str, object] = {}
        failed: set[str] = set()
        for key, value in node.pairs:
            field = self._fields.get(key.text)
            if field is None:
                if key.text == self.tag_field:
                    self._check_tag(value, where, walk, failed)
                elif others is not None and key.text not in others:
                    self._unknown(key, value, where, walk, others, failed)
                continue
            read = self._read_field(field, value, (where, key.text), walk, base)
            if read is INVALID:
                failed.add(field.attribute)
            else:
                values[field.attribute] = read
        if len(values) < len(self._fields):
            self._fill(node, where, walk, base, values, failed)
        return INVALID if failed else self._make(values, node, where, walk)

    def _read_field(
        self,
        field: FieldReader,
        value: Node,
        where: Where,
        walk: Walk,
        base: msgspec.Struct | None,
    ) -> object:
        reader = field.reader
        if field.required and base is None:
            return reader.read(value, where, walk)
        if isinstance(reader, RecordReader) and isinstance(value, MappingNode):
            # A default that differs from the Struct's own holds for what isn't given below it.
            own = getattr(base, field.attribute) if base is not None else field.default()
            return reader.read_over(value, where, walk, own if type(own) is reader._cls else None)
        mark = walk.mark()
        read = reader.read(value, where, walk)
        if read is INVALID and isinstance(value, ScalarNode) and meaning(value) is None:
            walk.forget(mark)
            return reader.wrong_type(
                value, where, walk, advice="give a value, or remove the key to take the default"
            )
        return read

    def _fill(
        self,
        node: MappingNode,
        where: Where,
        walk: Walk,
        base: msgspec.Struct | None,
        values: dict[str, object],
        failed: set[str],
    ) -> None:
        missing: list[str] = []
        for field in self._fields.values():
            attribute, reader = field.attribute, field.reader
            if attribute in values or attribute in failed:
                continue
            if base is not None:
                value = getattr(base, attribute)
            elif field.required:
                missing.append(field.key)
                continue
            else:
                value = field.default()
            if isinstance(value, Path):
                value = absolute(value, walk.folder)
            elif isinstance(reader, RecordReader) and type(value) is reader._cls:
                # Read as if it were there and empty, for the relative paths in it.
                nothing = MappingNode(node.source, node.line, node.column, 0, 0, [])
                value = reader.read_over(nothing, (where, field.key), walk, value)
            values[attribute] = value
        for key in missing:
            failed.add(key)
            walk.report(
                node,
                where,
                "config/missing-key",
                f"{shown(key)} is missing here",
                expected=f"{key}: {self._fields[key].reader.expected}",
            )

    def _make(self, values: dict[str, Any], node: MappingNode, where: Where, walk: Walk) -> object:
        try:
            return self._cls(**values)
        except FieldError as error:
            place = node.get(error.key)
            return walk.report(
                place or node,
                (where, error.key),
                "config/inconsistent",
                error.message,
                expected=error.expected,
                hint=error.hint,
            )
        except ValueError as error:
            return walk.report(node, where, "config/inconsistent", str(error))

    def _check_tag(self, node: Node, where: Where, walk: Walk, failed: set[str]) -> None:
        if not isinstance(node, ScalarNode) or node.text != self.tag:
            failed.add(self.tag_field or "")
            unknown_tag(node, (where, self.tag_field or ""), walk, [self.tag or ""])

    def _unknown(
        self,
        key: ScalarNode,
        value: Node,
        where: Where,
        walk: Walk,
        others: Collection[str],
        failed: set[str],
    ) -> None:
        failed.add(key.text)
        keys = [*self._keys, *others]
        hint = did_you_mean(key.text, keys)
        meant = self._fields.get(hint or "")
        if meant is not None:
            failed.add(meant.attribute)  # one slip, one problem: it isn't missing as well
            if meant.reader.secret:
                walk.mask(value)
        walk.report(
            key,
            (where, key.text),
            "config/unknown-key",
            f"the key {shown(key.text)} isn't known here",
            expected=one_of(keys) if hint is None else None,
            hint=hint,
        )


class TaggedReader(Reader):
    """A union of Structs, told apart by a key such as `type`."""

    kinds = (MappingNode,)

    def __init__(self, records: Sequence[RecordReader]) -> None:
        self._tag_field = records[0].tag_field or "type"
        self._by_tag: Mapping[str, RecordReader] = {r.tag or "": r for r in records}

    @property
    def expected(self) -> str:
        return f"a group of settings with {self._tag_field}: {one_of(self._by_tag)}"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, MappingNode):
            return self.wrong_type(node, where, walk)
        tag = node.get(self._tag_field)
        if tag is None:
            hint = did_you_mean(self._tag_field, [key.text for key, _ in node.pairs])
            walk.report(
                node,
                where,
                "config/missing-key",
                f"{shown(self._tag_field)} is missing here",
                expected=f"{self._tag_field}: {one_of(self._by_tag)}",
                advice=f"{shown(hint)} may be meant as it" if hint else None,
            )
            if hint is not None:
                self.read(_renamed(node, hint, self._tag_field), where, walk)
            return INVALID
        record = self._by_tag.get(tag.text) if isinstance(tag, ScalarNode) else None
        if record is not None:
            return record.read(node, where, walk)
        unknown_tag(tag, (where, self._tag_field), walk, list(self._by_tag))
        if isinstance(tag, ScalarNode) and (meant := _nearly(tag.text, self._by_tag)) is not None:
            # All that is wrong is said at once, also of the rest of what is meant.
            self._by_tag[meant].read(_with_tag(node, tag, meant), where, walk)
        return INVALID


def _nearly(text: str, tags: Collection[str]) -> str | None:
    """The tag that is misspelt, where there is little doubt."""
    close = difflib.get_close_matches(text.casefold(), tags, n=1, cutoff=_LITTLE_DOUBT)
    return close[0] if close else None


def _renamed(node: MappingNode, key: str, name: str) -> MappingNode:
    pairs = [
        (structs.replace(one, text=name) if one.text == key else one, value)
        for one, value in node.pairs
    ]
    return structs.replace(node, pairs=pairs)


def _with_tag(node: MappingNode, tag: ScalarNode, text: str) -> MappingNode:
    pairs = [
        (key, structs.replace(tag, text=text) if value is tag else value)
        for key, value in node.pairs
    ]
    return structs.replace(node, pairs=pairs)


def unknown_tag(node: Node, where: Where, walk: Walk, tags: Sequence[str]) -> object:
    """Report that the value of a tag's key names nothing."""
    text = node.text if isinstance(node, ScalarNode) else ""
    return walk.report(
        node,
        where,
        "config/unknown-choice",
        f"{shown(text)} isn't one of the choices" if text else "the value is missing",
        expected=one_of(tags),
        hint=did_you_mean(text, tags),
    )
