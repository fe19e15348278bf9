"""An array's elements are what they are in one piece, however the file is read, and no more of it
is in memory than a few of them."""

import io
import json
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.evm import json_array
from collectors.evm.json_array import DamagedArray, array_elements

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def elements(data: bytes, *, begin: int = 0, piece: int = 1 << 20) -> list[bytes]:
    rest = io.BytesIO(data[begin:])

    def read(size: int) -> bytes:
        return rest.read(min(size, piece))

    return list(array_elements(read, data[:begin], longest=1 << 20))


@given(
    st.lists(_values),
    st.integers(0, 40),
    st.integers(1, 30),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_the_elements_are_those_of_the_whole(
    values: list[Any], begin: int, piece: int, indent: int | None, escaped: bool
) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=escaped).encode(errors="replace")
    found = elements(b" \n" + data + b"\n", begin=begin, piece=piece)
    assert [json.loads(one) for one in found] == json.loads(data)


@pytest.mark.parametrize(
    ("data", "whole", "said"),
    [
        (b"[1, 2", 2, "cut off: its end is missing"),
        (b'[{"a":1},{"a":', 1, "damaged or cut off at"),
        (b'[1,"no end', 1, "damaged or cut off at"),
        (b"[1,", 1, "cut off: its end is missing"),
        (b"[1 2]", 1, "damaged at '2]'"),
        (b"[1,}" + b" " * 40 + b"]", 1, "damaged at '}"),
        (b"[1]x", 1, "something stands behind the end"),
        (b"[", 0, "cut off"),
    ],
)
def test_what_is_whole_of_a_damaged_array_is_given_first(
    data: bytes, whole: int, said: str
) -> None:
    found: list[bytes] = []
    with pytest.raises(DamagedArray, match=said):
        found.extend(array_elements(io.BytesIO(data).read, b"", longest=1 << 20))
    assert len(found) == whole


def test_what_is_no_utf_8_stays_as_it_is_for_its_element_to_be_told() -> None:
    assert elements(b'["\xff\xfe", "\xc3\xa9"]') == [b'"\xff\xfe"', b'"\xc3\xa9"']


@pytest.mark.parametrize("open_with", [b"{", b'"'])
def test_an_element_without_end_is_not_read_to_the_end(open_with: bytes) -> None:
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            self.given += size
            return (b'"a":1,' * (size // 6 + 1))[:size] if open_with == b"{" else b"a" * size

    source = Endless()
    with pytest.raises(DamagedArray, match="larger than 1 MiB"):
        list(array_elements(source.read, b"[" + open_with, longest=1 << 20))
    assert source.given < 8 << 20


def test_a_large_array_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "_PIECE", 1 << 14)
    random_bytes = random.Random(1).randbytes(50).hex()
    line = json.dumps({"data": random_bytes, "topics": [1, 2, 3]}).encode()
    data = b"[" + b",\n".join([line] * 50_000) + b"]"
    file = io.BytesIO(data)
    tracemalloc.start()
    try:
        count = sum(1 for _ in array_elements(file.read, b"", longest=1 << 20))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 50_000
    assert most < 1 << 20 < len(data)
