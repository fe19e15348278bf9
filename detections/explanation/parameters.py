"""A correlator's parameters with their units, as one writes them in a rule."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
import msgspec.inspect as mi

from pipeline.units import format_duration, format_ratio, format_size

_UNITS: Mapping[str, Callable[[Any], str]] = {
    "duration": format_duration,
    "ratio": format_ratio,
    "size": format_size,
}


def parameters_words(parameters: msgspec.Struct) -> str:
    """`window: 10m, minimum_share: 10%, ...`."""
    info = mi.type_info(type(parameters))
    assert isinstance(info, mi.StructType)
    return ", ".join(
        f"{field.encode_name}: {_value(getattr(parameters, field.name), field.type)}"
        for field in info.fields
    )


def _value(value: Any, kind: mi.Type) -> str:
    if value is None:
        return "none"
    if isinstance(value, (tuple, list, frozenset, set)):
        return ", ".join(sorted(str(one) for one in value)) or "none"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, dict):
        pairs = cast("dict[object, object]", value).items()
        inner = kind.value_type if isinstance(kind, mi.DictType) else mi.AnyType()
        return "{" + ", ".join(f"{key}: {_value(one, inner)}" for key, one in pairs) + "}"
    unit = _unit(kind)
    if unit is not None:
        return unit(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _unit(kind: mi.Type) -> Callable[[Any], str] | None:
    """How a quantity is written, from what the type says of its unit."""
    if isinstance(kind, mi.UnionType):
        return next((unit for one in kind.types if (unit := _unit(one)) is not None), None)
    if isinstance(kind, mi.Metadata):
        extra = cast("dict[str, Any]", kind.extra or {})
        return _UNITS.get(extra.get("unit", "")) or _unit(kind.type)
    return None
