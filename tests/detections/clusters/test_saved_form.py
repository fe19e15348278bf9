"""What was saved of clusters is read where it was written in the same form, and nowhere else."""

import msgspec
import pytest

from detections.clusters.rewinding import CannotRestore, Head, Remembered, read_remembered

_LENGTH = 8


def saved(head: object) -> list[bytes]:
    """A state as it is saved, with another head."""
    _, _, *rest = Remembered(received=7).parts()
    data = msgspec.msgpack.encode(head)
    return [len(data).to_bytes(_LENGTH, "big"), data, *rest]


def test_as_this_version_saves_it() -> None:
    assert read_remembered(Remembered(received=7, settings="x").parts()).received == 7


def test_as_it_was_saved_before_it_said_its_form() -> None:
    assert read_remembered(saved((1, "x", 7))).settings == "x"


@pytest.mark.parametrize("head", [Head(1, "x", 7, "0" * 16), Head(2, "x", 7), (1, "x")])
def test_of_another_version_it_is_of_no_use(head: object) -> None:
    with pytest.raises(CannotRestore):
        read_remembered(saved(head))
