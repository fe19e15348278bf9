"""The keys that a Struct gives a file: what may stand there, what holds without, what it means.

What may stand there is said in the very words that an error message uses.
"""

import types
from pathlib import Path
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from pipeline.structured.attribute_comments import attribute_comments
from pipeline.structured.compiler import reader_for
from pipeline.units import format_duration, format_ratio, format_size

_SHOWN = {"duration": format_duration, "size": format_size, "ratio": format_ratio}


class Option(Struct, frozen=True, kw_only=True):
    """One key."""

    key: str
    value: str
    """What may stand there."""
    default: str | None
    """As a person would write it; None where it has none, empty of a group that is as it is."""
    meaning: str
    required: bool = False
    groups: tuple[type[Struct], ...] = ()
    """The Structs that may stand there, or in its list."""
    many: bool = False


def options(cls: type[Struct]) -> list[Option]:
    """The keys of a Struct, in their order."""
    hints = get_type_hints(cls, include_extras=True)
    comments = attribute_comments(cls)
    return [
        Option(
            key=field.encode_name,
            value=_value(hints[field.name]),
            default=_default(field, hints[field.name]),
            meaning=comments.get(field.name, ""),
            required=field.required,
            groups=groups(hints[field.name]),
            many=_is_list(hints[field.name]),
        )
        for field in msgspec.structs.fields(cls)
    ]


def groups(hint: Any) -> tuple[type[Struct], ...]:
    """The Structs in a type."""
    if isinstance(hint, type) and issubclass(hint, Struct):
        return (hint,)
    return tuple(dict.fromkeys(found for part in get_args(hint) for found in groups(part)))


def _value(hint: Any) -> str:
    text = reader_for(hint).expected
    optional = " or null"
    return text.removesuffix(optional).removesuffix(" or nothing")


def _is_list(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return _is_list(get_args(hint)[0])
    return get_origin(hint) in (list, tuple)


def _default(field: msgspec.structs.FieldInfo, hint: Any) -> str | None:
    if field.required:
        return None
    if groups(hint) and not _is_list(hint):
        return None if field.default is None else _differing(field)
    factory = field.default_factory
    value = field.default if factory is msgspec.NODEFAULT else factory()
    return shown(value, hint)


def _differing(field: msgspec.structs.FieldInfo) -> str:
    """What of a group's default differs from the group's own defaults."""
    value: Struct = field.default_factory()
    own, hints = type(value)(), get_type_hints(type(value), include_extras=True)
    differing = [
        f"{inner.encode_name}: {shown(given, hints[inner.name]) or 'none'}"
        for inner in msgspec.structs.fields(value)
        if not groups(hints[inner.name])
        and (given := getattr(value, inner.name)) != getattr(own, inner.name)
    ]
    return f"{{{', '.join(differing)}}}" if differing else ""


def shown(value: Any, hint: Any) -> str | None:
    """A value as a person would write it in the file."""
    if value is None:
        return None
    unit = _unit(hint)
    if unit is not None:
        return _SHOWN[unit](value)
    if isinstance(value, (list, tuple)):
        items = cast("list[Any] | tuple[Any, ...]", value)
        return f"[{', '.join(str(item) for item in items)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        inner = ", ".join(f"{name}: {_plain_number(one)}" for name, one in pairs)
        return f"{{{inner}}}"
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, Path):
        return value.as_posix()
    return _plain_number(value)


def _plain_number(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _unit(hint: Any) -> str | None:
    if get_origin(hint) is Annotated:
        inner, *metadata = get_args(hint)
        for meta in metadata:
            if isinstance(meta, Meta) and meta.extra and "unit" in meta.extra:
                return str(meta.extra["unit"])
        return _unit(inner)
    if get_origin(hint) in (Union, types.UnionType):
        return next((unit for part in get_args(hint) if (unit := _unit(part))), None)
    return None
