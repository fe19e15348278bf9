"""Decoding of EVM logs and calldata by their ABI, exact for every ABI type.

Events whose parameters are all single words are read here, with strict range checks; everything
else goes through the eth-abi library, strict as well. Values are what eth-abi gives: ``int``,
``bool``, ``bytes``, ``str``, ``Decimal``, tuples; addresses are lower-case texts with ``0x``. An
indexed parameter of a dynamic type is its keccak256 hash, as a text with ``0x``.
"""

from collections.abc import Callable, Sequence
from typing import Any

from eth_abi.abi import decode as decode_abi
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from normalizer.abi_types import Parameter, Signature, parse_signature, word_kind
from pipeline.remembered import Remembered

_ZEROS = b"\x00" * 32
_MOST_ADDRESSES = 1 << 16
#: Calldata and log data above this are not decoded by the library: no honest call is as large.
MOST_DATA_BYTES = 1 << 20

ReadWord = Callable[[bytes], Any]


class AbiMismatch(ValueError):
    """A log or call that does not fit its ABI; ``field`` is where, ``reason`` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class _WordError(ValueError):
    pass


def topic0(signature: Signature) -> str:
    """keccak256 of the canonical signature, as logs carry it."""
    return "0x" + keccak(signature.canonical.encode()).hex()


def selector(signature: Signature) -> str:
    """First four bytes of keccak256 of the canonical signature, as calldata begins."""
    return "0x" + keccak(signature.canonical.encode())[:4].hex()


def _read_address(word: bytes) -> str:
    if word[:12] != _ZEROS[:12]:
        raise _WordError("the upper 12 bytes of an address are not zero")
    return "0x" + word[12:].hex()


def _read_bool(word: bytes) -> bool:
    value = int.from_bytes(word)
    if value > 1:
        raise _WordError("a bool is neither 0 nor 1")
    return value == 1


def _read_uint(bits: int) -> ReadWord:
    def read(word: bytes) -> int:
        value = int.from_bytes(word)
        if value >> bits:
            raise _WordError(f"above the range of uint{bits}")
        return value

    return read


def _read_int(bits: int) -> ReadWord:
    lowest, highest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def read(word: bytes) -> int:
        value = int.from_bytes(word, signed=True)
        if not lowest <= value <= highest:
            raise _WordError(f"outside the range of int{bits}")
        return value

    return read


def _read_bytes(size: int) -> ReadWord:
    padding = _ZEROS[size:]

    def read(word: bytes) -> bytes:
        if word[size:] != padding:
            raise _WordError(f"bytes behind the {size} of a bytes{size} are not zero")
        return word[:size]

    return read


def _word_reader(kind: str) -> ReadWord | None:
    match word_kind(kind):
        case None:
            return None
        case "address", _:
            return _read_address
        case "bool", _:
            return _read_bool
        case "uint", 256:
            return int.from_bytes
        case "uint", bits:
            return _read_uint(bits)
        case "int", bits:
            return _read_int(bits)
        case _, size:
            return _read_bytes(size)


def _by_library(kind: str) -> ReadWord:
    def read(word: bytes) -> Any:
        return _decode_by_library([kind], word)[0]

    return read


def _decode_by_library(kinds: list[str], data: bytes) -> tuple[Any, ...]:
    if len(data) > MOST_DATA_BYTES:
        raise _WordError(f"{len(data)} bytes are more than the {MOST_DATA_BYTES} that are decoded")
    try:
        return decode_abi(kinds, data, strict=True)
    except (DecodingError, OverflowError, UnicodeDecodeError, RecursionError, MemoryError) as error:
        raise _WordError(f"not a valid encoding of ({','.join(kinds)}): {error}") from error


def _bytes_of(text: str, field: str) -> bytes:
    if text[:2] != "0x":
        raise AbiMismatch(field, "is not hexadecimal with 0x")
    try:
        value = bytes.fromhex(text[2:])
    except ValueError:
        raise AbiMismatch(field, "is not hexadecimal") from None
    # fromhex skips white space, which then shows as missing bytes.
    if 2 * len(value) + 2 != len(text):
        raise AbiMismatch(field, "is not hexadecimal")
    return value


def _address_of(topic: str) -> str:
    word = _bytes_of(topic, "")
    if len(word) != 32:
        raise _WordError("is not 32 bytes")
    return _read_address(word)


def _topic_reader(parameter: Parameter, addresses: Remembered[str, str]) -> Callable[[str], Any]:
    if parameter.type == "address":
        return addresses.__getitem__
    if not parameter.one_word:
        read: ReadWord = _read_hash
    else:
        read = _word_reader(parameter.type) or _by_library(parameter.type)

    def read_topic(topic: str) -> Any:
        word = _bytes_of(topic, "")
        if len(word) != 32:
            raise _WordError("is not 32 bytes")
        return read(word)

    return read_topic


def _read_hash(word: bytes) -> str:
    return "0x" + word.hex()


class EventAbi:
    """An event's ABI, compiled. Immutable but for a bounded cache of addresses."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.name = signature.name
        self.topic0 = topic0(signature)
        indexed = [p for p in signature.parameters if p.indexed]
        if len(indexed) > 3:
            raise ValueError(f"{signature.canonical} has more than three indexed parameters")
        self.topic_count = 1 + len(indexed)
        self.names = tuple(parameter.name for parameter in signature.parameters)
        # Holders come again and again.
        addresses = Remembered(_address_of, _MOST_ADDRESSES)
        self._topics = tuple(
            (number, _topic_reader(parameter, addresses))
            for number, parameter in enumerate(indexed, 1)
        )
        plain = [p for p in signature.parameters if not p.indexed]
        self._data_types = [parameter.type for parameter in plain]
        words = [_word_reader(parameter.type) for parameter in plain]
        self._words = tuple(
            (32 * place, read) for place, read in enumerate(words) if read is not None
        )
        self._by_words = None not in words
        self._data_length = 32 * len(plain)
        # Indexed parameters are read first; this puts the values into the declared order again.
        read_order = sorted(
            range(len(signature.parameters)),
            key=lambda place: not signature.parameters[place].indexed,
        )
        self._order = tuple(map(read_order.index, range(len(read_order))))
        self._in_order = self._order == tuple(range(len(read_order)))

    @classmethod
    def parse(cls, text: str) -> "EventAbi":
        """Compile a human signature. Raises :class:`~normalizer.abi_types.SignatureError`."""
        return cls(parse_signature(text))

    def decode(self, topics: Sequence[str], data: str) -> tuple[Any, ...]:
        """The values in declared order. Raises :class:`AbiMismatch`.

        ``topics`` with topic0, ``data`` and topics as hexadecimal texts with ``0x``.
        """
        if len(topics) != self.topic_count:
            raise AbiMismatch("topics", f"{len(topics)} topics, not {self.topic_count}")
        values: list[Any] = []
        place = 0
        try:
            for place, read_topic in self._topics:
                values.append(read_topic(topics[place]))
        except (_WordError, AbiMismatch) as error:
            raise self._mismatch(True, place, error) from None
        self._decode_data(_bytes_of(data, "data"), values)
        if self._in_order:
            return tuple(values)
        return tuple([values[place] for place in self._order])

    def _decode_data(self, data: bytes, values: list[Any]) -> None:
        if not self._by_words:
            try:
                values.extend(_decode_by_library(self._data_types, data))
            except _WordError as error:
                raise AbiMismatch("data", str(error)) from error
            return
        if len(data) != self._data_length:
            raise AbiMismatch("data", f"{len(data)} bytes, not {self._data_length}")
        offset = 0
        try:
            for offset, read in self._words:
                values.append(read(data[offset : offset + 32]))
        except _WordError as error:
            raise self._mismatch(False, offset // 32, error) from None

    def _mismatch(self, indexed: bool, place: int, error: ValueError) -> AbiMismatch:
        parameters = [p for p in self.signature.parameters if p.indexed == indexed]
        reason = error.reason if isinstance(error, AbiMismatch) else str(error)
        if indexed:
            return AbiMismatch(f"topics[{place}]", f"{parameters[place - 1].name}: {reason}")
        where = f"data[{32 * place}:{32 * place + 32}]"
        return AbiMismatch(where, f"{parameters[place].name}: {reason}")


class FunctionAbi:
    """A function's ABI: its selector, and the arguments in a call's input."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.name = signature.name
        self.selector = selector(signature)
        self._types = [parameter.type for parameter in signature.parameters]

    @classmethod
    def parse(cls, text: str) -> "FunctionAbi":
        """Compile a human signature. Raises :class:`~normalizer.abi_types.SignatureError`."""
        return cls(parse_signature(text))

    def decode(self, calldata: str) -> tuple[Any, ...]:
        """The arguments in an input that begins with the selector. Raises :class:`AbiMismatch`."""
        if calldata[:10].lower() != self.selector:
            raise AbiMismatch("input", f"does not begin with {self.selector}")
        try:
            return _decode_by_library(self._types, _bytes_of("0x" + calldata[10:], "input"))
        except _WordError as error:
            raise AbiMismatch("input", str(error)) from error
