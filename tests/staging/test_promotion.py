"""`staged: true` leaves the file, and nothing else of it changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.staging.promotion import CannotPromote, promoted
from pipeline.yaml_source import parse_bytes

PLAIN = """\
# A rule that is loved
title:   A rule   # with odd blanks
id: x
staged: true
detection:
  s: {a: 1}
"""


@pytest.mark.parametrize(
    "line",
    [
        "staged: true",
        "staged:    true",
        "staged: true  # until May",
        '"staged": true',
        "staged: True",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_goes_and_the_rest_stays(line: str, end: str) -> None:
    data = PLAIN.replace("staged: true", line).replace("\n", end).encode()

    change = promoted(data, 0, "rule.yml")

    assert change.before == data
    assert change.after == PLAIN.replace("staged: true\n", "").replace("\n", end).encode()


@pytest.mark.parametrize("end", ["", "\n"])
def test_as_the_last_line(end: str) -> None:
    assert promoted(f"title: x\nstaged: true{end}".encode(), 0, "r.yml").after == b"title: x\n"


def test_of_several_documents_only_the_one_that_is_meant() -> None:
    data = b"title: a\nstaged: true\n---\ntitle: b\nstaged: true\n---\ntitle: c\nstaged: true\n"

    after = promoted(data, 1, "r.yml").after

    assert after == b"title: a\nstaged: true\n---\ntitle: b\n---\ntitle: c\nstaged: true\n"


def test_a_byte_order_mark_stays() -> None:
    assert promoted(b"\xef\xbb\xbftitle: a\nstaged: true\n", 0, "r.yml").after == (
        b"\xef\xbb\xbftitle: a\n"
    )


def test_a_character_that_turns_text_is_no_obstacle() -> None:
    text = "title: \u200fa\nstaged: true\n".encode()  # which the check of rules only warns of
    assert promoted(text, 0, "r.yml").after == "title: \u200fa\n".encode()


@pytest.mark.parametrize("text", ["title: x\n", "title: x\nstaged: false\n"])
def test_a_rule_that_is_live_already_is_refused(text: str) -> None:
    with pytest.raises(CannotPromote, match="it is live already"):
        promoted(text.encode(), 0, "r.yml")


@pytest.mark.parametrize(
    "text",
    [
        "{title: x, staged: true}\n",
        "--- {title: x, staged: true}\n",
        "{title: x,\nstaged: true, id: y}\n",
        "title: x\nstaged: true\nother: *a\n".replace("true", "&a true"),
    ],
)
def test_what_cannot_be_done_line_by_line_is_refused(text: str) -> None:
    with pytest.raises(CannotPromote, match="remove it by hand"):
        promoted(text.encode(), 0, "r.yml")


@given(
    st.lists(
        st.sampled_from(
            ["a: 1", "b: [1, 2]", "c:\n  - d", "# note", "", "e: >\n  folded\n  text", 'f: "q"']
        ),
        unique=True,
    ),
    st.integers(0, 7),
)
def test_the_meaning_is_that_of_the_file_without_the_key(parts: list[str], at: int) -> None:
    place = min(at, len(parts))
    text = "\n".join(["title: x", *parts[:place], "staged: true", *parts[place:]]) + "\n"
    without = "\n".join(["title: x", *parts]) + "\n"

    assert promoted(text.encode(), 0, "r.yml").after == without.encode()
    assert parse_bytes(without.encode(), name="r.yml").source.problems == []
