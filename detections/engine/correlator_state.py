"""What a correlator's state may be made of, so that saving and restoring it changes nothing.

A state is a Struct of plain things. From its types follow how it is written and read, and its
layout: a state that was saved with another layout is not restored, but rebuilt from the events.
"""

from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from detections.identity import fingerprint


class Whole(int):
    """An integer of any size. What is declared as `int` must be of 64 bits."""


class Unsavable(TypeError):
    """A state type has something in it that can't be saved exactly: what, where and what else."""


def encode_state(state: msgspec.Struct) -> bytes:
    """The state as bytes: the same state gives the same bytes."""
    return _encode(state)


def decode_state(data: bytes, type_: type[Any]) -> Any:
    """The state that was encoded. Raises msgspec.MsgspecError if it is none of this type."""
    return _decoder(type_).decode(data)


@cache
def layout(type_: type[msgspec.Struct], besides: tuple[type[Any], ...] = ()) -> str:
    """A hash of how states of this type are written. How `besides` look is no part of it."""
    return fingerprint(_shape(inspect.type_info(type_), besides))[:16]


def check_savable(type_: type[msgspec.Struct]) -> None:
    """Raises Unsavable, with the place, unless states of this type can be saved exactly."""
    try:
        type_()
    except TypeError as error:
        raise Unsavable(f"{type_.__name__} needs a default for each field: {error}") from error
    _check(inspect.type_info(type_), type_.__name__, set())


def _hook(value: Any) -> Any:
    if isinstance(value, Whole):
        return str(int(value))
    raise TypeError(f"{type(value).__name__} can't be part of a correlator's state")


def _back(type_: type[Any], value: Any) -> Any:
    if type_ is Whole:
        return Whole(value)
    raise TypeError(f"{type_.__name__} can't be part of a correlator's state")


_encode = msgspec.msgpack.Encoder(enc_hook=_hook).encode


@cache
def _decoder(type_: type[Any]) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(type_, dec_hook=_back)


_PLAIN = (
    inspect.NoneType,
    inspect.BoolType,
    inspect.IntType,
    inspect.FloatType,
    inspect.StrType,
    inspect.BytesType,
    inspect.LiteralType,
)
_INSTEAD: dict[type[inspect.Type], str] = {
    inspect.SetType: "a set has no order that is the same in every process: use dict[..., None]",
    inspect.FrozenSetType: "a set has no order that is the same in every process: use a tuple",
    inspect.AnyType: "what it is can't be told when it is read: name its type",
}


def _check(type_: inspect.Type, place: str, seen: set[Any]) -> None:
    match type_:
        case inspect.StructType() | inspect.NamedTupleType():
            if type_.cls not in seen:
                seen.add(type_.cls)
                for field in type_.fields:
                    _check(field.type, f"{place}.{field.name}", seen)
        case inspect.ListType() | inspect.VarTupleType():
            _check(type_.item_type, f"{place}[]", seen)
        case inspect.TupleType():
            for number, item in enumerate(type_.item_types):
                _check(item, f"{place}[{number}]", seen)
        case inspect.DictType():
            _check(type_.key_type, f"{place} (key)", seen)
            _check(type_.value_type, f"{place}[]", seen)
        case inspect.UnionType():
            for one in type_.types:
                _check(one, place, seen)
        case inspect.CustomType() if type_.cls is Whole:
            pass
        case _ if not isinstance(type_, _PLAIN):
            why = _INSTEAD.get(type(type_), "use Structs, dicts, lists, tuples and plain values")
            raise Unsavable(f"{place} is {type(type_).__name__}, which can't be saved: {why}")
        case _:
            pass


def _shape(type_: inspect.Type, above: tuple[Any, ...]) -> list[str]:
    """The type in words: of a Struct that contains itself, the name from the second time on."""
    name = type(type_).__name__
    match type_:
        case inspect.StructType() | inspect.NamedTupleType():
            if type_.cls in above:
                return [f"{name} again"]
            inner = (*above, type_.cls)
            fields = [(one.name, _shape(one.type, inner)) for one in type_.fields]
            listed = isinstance(type_, inspect.NamedTupleType) or type_.array_like
            return [name, str(listed), *(f"{name} {shape}" for name, shape in fields)]
        case inspect.ListType() | inspect.VarTupleType():
            return [name, *_shape(type_.item_type, above)]
        case inspect.TupleType():
            return [name, *(str(_shape(one, above)) for one in type_.item_types)]
        case inspect.DictType():
            return [
                name,
                str(_shape(type_.key_type, above)),
                str(_shape(type_.value_type, above)),
            ]
        case inspect.UnionType():
            return [name, *sorted(str(_shape(one, above)) for one in type_.types)]
        case inspect.LiteralType():
            return [name, *sorted(map(str, type_.values))]
        case _:
            return [name]
