"""Pseudonyms: stable while the key is kept, and nobody's once it is gone."""

import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.pseudonyms import PSEUDONYM, Pseudonyms, PseudonymsUnavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "privacy" / "people.json"


def test_the_same_person_keeps_the_pseudonym_and_no_two_share_one(path: Path) -> None:
    first = Pseudonyms(path).of("fractal", ["a", "b"])
    again = Pseudonyms(path).of("fractal", ["b", "c", "a"])

    assert again["a"] == first["a"]
    assert again["b"] == first["b"]
    assert len(set(again.values())) == 3
    assert all(PSEUDONYM.fullmatch(one) for one in again.values())


def test_the_same_id_at_another_source_is_another_person(path: Path) -> None:
    book = Pseudonyms(path)
    assert book.of("fractal", ["7"])["7"] != book.of("jumio", ["7"])["7"]
    assert book.of("ab", ["c"])["c"] != book.of("a", ["bc"])["bc"], "no run of letters is two"


def test_nobody_else_can_read_the_file_and_it_is_refused_where_others_could(path: Path) -> None:
    book = Pseudonyms(path)
    book.of("fractal", ["a"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    path.chmod(0o640)
    with pytest.raises(PseudonymsUnavailable, match="chmod 600"):
        book.of("fractal", ["a"])


def test_a_damaged_file_is_refused_and_left_as_it_is(path: Path) -> None:
    book = Pseudonyms(path)
    book.of("fractal", ["a"])
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])

    with pytest.raises(PseudonymsUnavailable, match="restore it"):
        book.of("fractal", ["b"])
    assert path.read_bytes() == whole[:-9]


def test_the_list_names_pseudonym_and_source_and_no_id(path: Path) -> None:
    book = Pseudonyms(path)
    made = book.of("fractal", ["uid-1"]) | book.of("civic", ["uid-2"])
    listed = book.people()
    assert {one.pseudonym for one in listed} == set(made.values())
    assert [one.source for one in listed] == ["fractal", "civic"]


def test_erasing_somebody_unknown_changes_nothing(path: Path) -> None:
    book = Pseudonyms(path)
    book.of("fractal", ["a"])
    before = path.read_bytes()
    assert book.erase("inv-" + "a" * 26) is None
    assert path.read_bytes() == before


def test_what_lay_on_the_disk_before_an_erasure_is_overwritten(path: Path) -> None:
    book = Pseudonyms(path)
    made = book.of("fractal", ["a", "b"])
    with path.open("rb", buffering=0) as former:
        assert former.read(1) == b"{"
        book.erase(made["a"])
        former.seek(0)
        assert set(former.read()) == {0}


def test_two_processes_at_once_give_one_person_one_pseudonym(path: Path) -> None:
    found: list[dict[str, str]] = []
    ids = [str(number) for number in range(40)]

    def ask() -> None:
        found.append(Pseudonyms(path).of("fractal", ids))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(one == found[0] for one in found)


_ids = st.text(min_size=1, max_size=40)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(_ids, min_size=1, max_size=8, unique=True), data=st.data())
def test_after_erasure_no_byte_links_the_pseudonym_to_the_source(
    tmp_path: Path, people: list[str], data: st.DataObject
) -> None:
    folder = tmp_path / os.urandom(8).hex()
    book = Pseudonyms(folder / "people.json")
    made = book.of("fractal", people)
    gone = data.draw(st.sampled_from(people))

    erased = book.erase(made[gone])

    assert erased is not None
    assert made[gone] not in {one.pseudonym for one in book.people()}
    stored = b"".join(path.read_bytes() for path in folder.iterdir())
    assert made[gone].encode() not in stored
    if len(gone) > 8:
        assert gone.encode() not in stored
    # Whoever has the whole file and the id can't come to the old pseudonym: it is another one.
    assert book.of("fractal", [gone])[gone] != made[gone]
    assert all(book.of("fractal", [one])[one] == made[one] for one in people if one != gone)
