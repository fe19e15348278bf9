"""Text of FIX is read in the encoding that its message names, else in UTF-8 or ISO 8859-1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fix_text import free_text, text_in, text_of


@pytest.mark.parametrize(
    ("value", "encoding", "text"),
    [
        ("Müller", None, "Müller"),
        ("Müller", "UTF-8", "Müller"),
        ("東京", "Shift_JIS", "東京"),
        ("東京", "EUC-JP", "東京"),
        ("東京", "ISO-2022-JP", "東京"),
        ("plain", "Shift_JIS", "plain"),
    ],
)
def test_what_is_named_or_utf_8(value: str, encoding: str | None, text: str) -> None:
    written = value.encode(encoding or "utf-8")
    assert text_of(written, None if encoding is None else encoding.encode()) == text


@pytest.mark.parametrize("encoding", [None, b"UTF-8", b"KLINGON", b"ISO-2022-JP", b"\xff"])
def test_what_is_not_that_is_of_iso_8859_1(encoding: bytes | None) -> None:
    assert text_of("Müller".encode("latin-1"), encoding) == "Müller"


@given(st.binary(max_size=12), st.sampled_from([None, b"UTF-8", b"Shift_JIS", b"ISO-2022-JP", b""]))
def test_it_never_fails(value: bytes, encoding: bytes | None) -> None:
    text_of(value, encoding)


def test_a_field_is_read_by_its_message() -> None:
    values = {347: b"Shift_JIS", 1: "口座".encode("shift_jis"), 58: b"account"}
    assert text_in(values, 1) == "口座"
    assert text_in(values, 44) == ""
    assert free_text(values) == "account"
    assert free_text(values | {355: "理由".encode("shift_jis")}) == "理由"
    assert free_text({58: b"why", 355: b"?"}) == "why"
