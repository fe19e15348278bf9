"""The ABI decoder against eth-abi's encoder, for every ABI type."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_abi.packed import encode_packed
from eth_hash.auto import keccak
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from normalizer.abi import AbiMismatch, EventAbi, FunctionAbi
from normalizer.abi_types import SignatureError, parse_signature

TRANSFER = EventAbi.parse("Transfer(address indexed from, address indexed to, uint256 value)")
A, B = "0x" + "ab" * 20, "0x" + "cd" * 20
SIZES = st.integers(1, 32).map(lambda n: 8 * n)


def topic(kind: str, value: Any) -> str:
    return "0x" + encode([kind], [value]).hex()


def word_types() -> st.SearchStrategy[str]:
    return st.one_of(
        st.just("address"),
        st.just("bool"),
        SIZES.map(lambda bits: f"uint{bits}"),
        SIZES.map(lambda bits: f"int{bits}"),
        st.integers(1, 32).map(lambda size: f"bytes{size}"),
    )


def all_types() -> st.SearchStrategy[str]:
    plain = st.one_of(
        word_types(),
        st.sampled_from(["string", "bytes", "function", "fixed128x18", "ufixed64x10"]),
    )

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        tuples = st.lists(inner, min_size=1, max_size=3).map(lambda kinds: f"({','.join(kinds)})")
        arrays = st.tuples(inner, st.sampled_from(["[]", "[1]", "[2]"])).map("".join)
        return st.one_of(tuples, arrays)

    return st.recursive(plain, grow, max_leaves=5)


def values_of(kind: str) -> st.SearchStrategy[Any]:
    if kind.endswith("]"):
        base, _, count = kind[:-1].rpartition("[")
        size = {"min_size": int(count), "max_size": int(count)} if count else {"max_size": 3}
        return st.lists(values_of(base), **size).map(tuple)
    if kind.startswith("("):
        inner = parse_signature(f"f{kind}").parameters
        return st.tuples(*[values_of(parameter.type) for parameter in inner])
    if kind == "address":
        return st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
    if kind == "bool":
        return st.booleans()
    if kind == "string":
        return st.text(max_size=70)
    if kind == "bytes":
        return st.binary(max_size=70)
    if kind == "function":
        return st.binary(min_size=24, max_size=24)
    if "fixed" in kind:
        bits, places = map(int, kind.lstrip("ufixed").split("x"))
        low, high = (
            (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        )
        return st.integers(low, high).map(lambda n: Decimal(n).scaleb(-places))
    if kind.startswith("bytes"):
        size = int(kind[5:])
        return st.binary(min_size=size, max_size=size)
    bits = int(kind.lstrip("uint"))
    if kind[0] == "u":
        return st.integers(0, 2**bits - 1)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def typed_values(draw: st.DrawFn, kinds: st.SearchStrategy[str]) -> tuple[str, Any]:
    kind = draw(kinds)
    return kind, draw(values_of(kind))


def event_of(parameters: list[tuple[str, Any]], indexed: list[bool]) -> tuple[EventAbi, Any, Any]:
    text = ", ".join(
        f"{kind}{' indexed' if is_indexed else ''} p{number}"
        for number, ((kind, _), is_indexed) in enumerate(zip(parameters, indexed, strict=True))
    )
    abi = EventAbi.parse(f"E({text})")
    pairs = list(zip(parameters, indexed, strict=True))
    topics = [abi.topic0, *(topic(kind, value) for (kind, value), is_in in pairs if is_in)]
    plain = [parameter for parameter, is_in in pairs if not is_in]
    data = "0x" + encode([kind for kind, _ in plain], [value for _, value in plain]).hex()
    return abi, topics, data


@given(
    st.lists(typed_values(word_types()), max_size=6).flatmap(
        lambda p: st.tuples(st.just(p), st.lists(st.booleans(), min_size=len(p), max_size=len(p)))
    )
)
@settings(max_examples=200, deadline=None)
def test_words_come_back_as_they_were_encoded_whether_indexed_or_not(
    case: tuple[list[tuple[str, Any]], list[bool]],
) -> None:
    parameters, indexed = case
    assume(sum(indexed) <= 3)
    abi, topics, data = event_of(parameters, indexed)
    assert abi.decode(topics, data) == tuple(value for _, value in parameters)


@given(st.lists(typed_values(all_types()), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_every_type_nested_as_one_likes_comes_back_as_it_was_encoded(
    parameters: list[tuple[str, Any]],
) -> None:
    abi, topics, data = event_of(parameters, [False] * len(parameters))
    assert abi.decode(topics, data) == tuple(value for _, value in parameters)


@given(st.lists(typed_values(all_types()), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_arguments_of_a_call_come_back_as_they_were_encoded(
    parameters: list[tuple[str, Any]],
) -> None:
    kinds = [kind for kind, _ in parameters]
    abi = FunctionAbi.parse(f"f({','.join(kinds)})")
    calldata = abi.selector + encode(kinds, [value for _, value in parameters]).hex()
    assert abi.decode(calldata) == tuple(value for _, value in parameters)


@given(st.text(max_size=40))
@settings(max_examples=50, deadline=None)
def test_an_indexed_text_is_its_hash(text: str) -> None:
    abi = EventAbi.parse("E(string indexed name, uint8 n)")
    hashed = "0x" + keccak(encode_packed(["string"], [text])).hex()
    assert abi.decode([abi.topic0, hashed], topic("uint8", 7)) == (hashed, 7)


def test_indexed_and_plain_parameters_keep_their_declared_order() -> None:
    abi = EventAbi.parse(
        "Mint(address sender, address indexed owner, int24 indexed low, uint128 n)"
    )
    topics = [abi.topic0, topic("address", B), topic("int24", -5)]
    assert abi.decode(topics, "0x" + encode(["address", "uint128"], [A, 9]).hex()) == (A, B, -5, 9)


@pytest.mark.parametrize(
    ("topics", "data", "field"),
    [
        ([TRANSFER.topic0, topic("address", A)], "0x", "topics"),
        (
            [TRANSFER.topic0, "0x01" + topic("address", A)[4:], topic("address", B)],
            "0x",
            "topics[1]",
        ),
        ([TRANSFER.topic0, topic("address", A), topic("address", B)[:-2]], "0x", "topics[2]"),
        ([TRANSFER.topic0, topic("address", A), topic("address", B)[:-1] + "_"], "0x", "topics[2]"),
        ([TRANSFER.topic0, topic("address", A), topic("address", B)], "0x", "data"),
        ([TRANSFER.topic0, topic("address", A), topic("address", B)], "0x" + "00" * 33, "data"),
        ([TRANSFER.topic0, topic("address", A), topic("address", B)], "0x" + "zz" * 32, "data"),
        ([TRANSFER.topic0, topic("address", A), topic("address", B)], "00" * 32, "data"),
    ],
)
def test_a_log_that_does_not_fit_names_the_field(topics: list[str], data: str, field: str) -> None:
    with pytest.raises(AbiMismatch) as caught:
        TRANSFER.decode(topics, data)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("bool", "02"),
        ("uint8", "0100"),
        ("uint160", "01" + "00" * 20),
        ("int24", "00800000"),
        ("address", "01" + "00" * 20),
    ],
)
def test_dirty_high_bits_are_a_mismatch_and_not_cut_off(kind: str, word: str) -> None:
    abi = EventAbi.parse(f"E(uint256 a, {kind} b)")
    with pytest.raises(AbiMismatch) as caught:
        abi.decode([abi.topic0], "0x" + "00" * 32 + word.zfill(64))
    assert caught.value.field == "data[32:64]"
    assert "b: " in caught.value.reason


def test_bytes_behind_a_short_bytes_type_must_be_zero() -> None:
    abi = EventAbi.parse("E(bytes4 selector)")
    assert abi.decode([abi.topic0], "0x" + "aabbccdd".ljust(64, "0")) == (
        bytes.fromhex("aabbccdd"),
    )
    with pytest.raises(AbiMismatch):
        abi.decode([abi.topic0], "0x" + "aabbccdd01".ljust(64, "0"))


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_data_is_either_decoded_or_a_mismatch(data: bytes) -> None:
    abi = EventAbi.parse("E(string a, (uint256, bytes)[] b, int8[2] c)")
    with suppress(AbiMismatch):
        values = abi.decode([abi.topic0], "0x" + data.hex())
        assert [type(value) for value in values] == [str, tuple, tuple]


@pytest.mark.parametrize(
    "text",
    ["Transfer", "Transfer(", "Transfer(adress a)", "E(uint7 a)", "E(bytes33 a)", "E(uint a", "()"],
)
def test_a_bad_signature_is_refused(text: str) -> None:
    with pytest.raises(SignatureError):
        parse_signature(text)


def test_aliases_tuples_and_missing_names_are_understood() -> None:
    signature = parse_signature(
        "event E(uint a, tuple(int b, byte)[2][] indexed c, address payable)"
    )
    assert signature.canonical == "E(uint256,(int256,bytes1)[2][],address)"
    assert [p.name for p in signature.parameters] == ["a", "c", "arg2"]
    assert signature.parameters[1].indexed
