"""Names from a list: of whom the report is about, what the form has, and where it is open."""

from pathlib import Path

import pytest

from evidence.reports.suspicious import fincen
from evidence.reports.suspicious.fields import written
from evidence.reports.suspicious.persons import Filled, fill, listed, read, subject_keys
from pipeline.failure import Failure
from pipeline.pseudonyms import Pseudonyms
from tests.evidence.reports.suspicious.test_forms import template

LIST = (
    "id,last_name,first_name,shoe_size,kind\r\n"
    'INV-1061,"O\'Doe ""Jo""",Jane,42,person\r\n'
    "INV-9,Nobody,Else,43,person\r\n"
)


def filled(text: str, persons: str = LIST) -> Filled:
    known = listed(persons)
    root = read(text, "filing.yaml")
    return fill(text, root, fincen.Subject.__struct_fields__, known.columns, known.persons)


def test_open_lines_of_the_subjects_are_filled_in_and_no_others(tmp_path: Path) -> None:
    text = written(template(tmp_path, "fincen-sar"))
    done = filled(text)
    assert done.found == ["INV-1061"]
    assert done.unused == ["shoe_size"]
    changed = [
        (old.strip(), new.strip())
        for old, new in zip(text.split("\n"), done.text.split("\n"), strict=True)
        if old != new
    ]
    assert [new.partition("  #")[0] for _, new in changed] == [
        'kind: "person"', 'last_name: "O\'Doe \\"Jo\\""', 'first_name: "Jane"',
    ]  # fmt: skip
    assert "Nobody" not in done.text
    assert filled(done.text).text == done.text


def test_what_a_person_wrote_stays(tmp_path: Path) -> None:
    text = written(template(tmp_path, "fincen-sar")).replace("first_name:", "first_name: Joan")
    assert "first_name: Joan\n" in filled(text).text


def test_who_is_not_in_the_list_is_told(tmp_path: Path) -> None:
    text = written(template(tmp_path, "fincen-sar"))
    assert filled(text, "id,last_name\nINV-9,Nobody\n").missing == ["INV-1061"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column `id`"),
        ("last_name\nDoe\n", "no column `id`"),
        ('id,last_name\n"INV-1,x\n', "no CSV: line 1"),
        ("id,last_name,last_name\nINV-1,x,y\n", "the column `last_name` twice"),
        ("id,last_name\nINV-1,x\nINV-1,y\n", "line 3 has an id that another line has"),
        ("id,last_name\nINV-1,x,y\n", "line 2: other cells than the 2 columns have"),
        ("id,last_name\nINV-1\n", "line 2: other cells than the 2 columns have"),
    ],
)
def test_what_is_no_list_is_told_without_what_it_says(text: str, said: str) -> None:
    with pytest.raises(Failure, match=said) as caught:
        listed(text)
    assert "INV-1" not in str(caught.value)


def test_a_pseudonym_is_looked_up_and_never_made(tmp_path: Path) -> None:
    keys = Pseudonyms(tmp_path / "people.json")
    made = keys.of("fractal", ["user-1"])
    assert keys.known("fractal", ["user-1", "user-2"]) == made
    assert keys.known("jumio", ["user-1"]) == {}
    assert len(keys.people()) == 1


def test_subjects_are_told_by_their_keys(tmp_path: Path) -> None:
    text = written(template(tmp_path, "stor"))
    assert subject_keys(read(text, "filing.yaml")) == ["INV-1061"]
