"""Messages of FIX are found in the lines that engines write to their logs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fix_log import has_another, is_of_fix_log, logged_message
from pipeline.fix_message import fields_of

MESSAGE = b"8=FIX.4.4\x019=20\x0135=8\x0155=ACME\x0110=123\x01"


@pytest.mark.parametrize("separator", [b"\x01", b"|", b"^A", b"<SOH>", b";", b" "])
@pytest.mark.parametrize(
    "before", [b"", b"20260302-14:30:00.000123 : ", b"2026-03-02 14:30:00,123 INFO <toApp> [A->B] "]
)
@pytest.mark.parametrize("after", [b"", b"\r\n", b" (sent)", b"\n"])
def test_a_line_has_a_message_whatever_is_around_it_and_separates_fields(
    separator: bytes, before: bytes, after: bytes
) -> None:
    logged = before + MESSAGE.replace(b"\x01", separator) + after
    assert is_of_fix_log(logged)
    assert logged_message(logged) == MESSAGE


def test_the_last_separator_may_be_missing() -> None:
    assert logged_message(MESSAGE[:-1].replace(b"\x01", b"|")) == MESSAGE


def test_of_a_line_that_was_cut_all_is_given_that_is_there() -> None:
    cut = logged_message(b"8=FIX.4.2|9=20|35=8|55=AC")
    assert cut == b"8=FIX.4.2\x019=20\x0135=8\x0155=AC"


@pytest.mark.parametrize(
    "line",
    [
        b"20260302-14:30:00 : Created session",
        b'{"text":"8=FIX"}',
        b"8=FIX.4.4",
        b"8=FIX.4.4|35=8|",
        b"transact_time,exec_type",
        b"x" * 600 + MESSAGE,
    ],
)
def test_other_lines_have_none(line: bytes) -> None:
    assert not is_of_fix_log(line)
    assert logged_message(line) is None


def test_versions_of_fix() -> None:
    for version in (b"FIX.4.0", b"FIX.4.2", b"FIXT.1.1", b"FIX.5.0SP2"):
        assert logged_message(MESSAGE.replace(b"FIX.4.4", version)) is not None


@pytest.mark.parametrize("before", [b"", b"20260302-14:30:00.000123 : "])
def test_of_a_line_that_was_cut_and_went_on_the_first_is_given_and_not_ended(before: bytes) -> None:
    for place in range(20, len(MESSAGE)):
        line = MESSAGE[:place] + before + MESSAGE.replace(b"ACME", b"OTHER")
        found = logged_message(line)
        assert found is not None
        assert found == (MESSAGE[:place] + before).rstrip(b"\x01")
        assert has_another(line)


def test_what_only_looks_like_a_second_message_is_none() -> None:
    line = MESSAGE.replace(b"ACME", b"8=FIX.4.4") + b" 8=FIX"
    assert logged_message(line) == line[: -len(b" 8=FIX")]
    assert not has_another(line)
    assert not has_another(MESSAGE)
    assert not has_another(b"20260302-14:30:00 : Created session")


@given(st.binary(max_size=200))
def test_no_line_is_too_odd(line: bytes) -> None:
    assert (logged_message(line) is not None) == is_of_fix_log(line)
    found = logged_message(b"8=FIX.4.4|9=20|" + line.replace(b"\n", b""))
    assert found is not None


@given(
    st.lists(
        st.tuples(
            st.integers(11, 999),
            st.text("ABCdef0123.:- ", min_size=1).map(str.encode),
        ),
        max_size=20,
    )
)
def test_no_field_is_lost(pairs: list[tuple[int, bytes]]) -> None:
    body = b"".join(b"%d=%b|" % pair for pair in pairs if pair[0] not in _OF_DATA)
    found = logged_message(b"8=FIX.4.4|9=1|" + body + b"10=000|")
    assert found is not None
    kept = [pair for pair in pairs if pair[0] not in _OF_DATA]
    assert fields_of(found)[2:-1] == kept


#: Fields whose value is a length of what follows.
_OF_DATA = {90, 93, 95, 212, 348, 350, 352, 354, 356, 358, 360, 362, 364, 445, 618, 621}
