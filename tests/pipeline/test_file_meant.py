"""Which file was meant: a slip is noticed, and an ending alone makes no two names alike."""

from pathlib import Path

import pytest

from pipeline.file_meant import file_meant

THERE = ("pipeline.yaml", "bin.yaml", "other.key", "investors.csv", "statement.pdf", ".env")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("pipelin.yaml", "pipeline.yaml"),
        ("pipeline.yml", "pipeline.yaml"),
        ("Investors.CSV", "investors.csv"),
        ("investor.csv", "investors.csv"),
        ("statment.pdf", "statement.pdf"),
        ("investors", "investors.csv"),
        ("nope.yaml", None),
        ("nowhere", None),
        ("x" * 300, None),
    ],
)
def test_a_file_that_is_called_nearly_so_is_meant(
    tmp_path: Path, given: str, meant: str | None
) -> None:
    for name in THERE:
        (tmp_path / name).touch()
    assert file_meant(tmp_path / given) == (None if meant is None else tmp_path / meant)


def test_in_a_folder_that_is_not_there_nothing_is_meant(tmp_path: Path) -> None:
    assert file_meant(tmp_path / "nowhere" / "pipeline.yaml") is None


def test_a_link_to_nothing_is_not_meant_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "gone")
    assert file_meant(tmp_path / "a.yaml") is None
