"""`tapewatch privacy`: persons by their pseudonyms, and erasing one for good."""

import json
import stat
from pathlib import Path

import msgspec
import pytest

from pipeline.cli.privacy import erasure_note
from pipeline.config.loading import load_configuration
from pipeline.config.schema import Configuration
from pipeline.pseudonyms import Pseudonyms
from pipeline.reload import changed_parts, concerned
from pipeline.system_users import current_user
from tests.cli.command_line import tapewatch, write_configuration

UID = "b76ab44d-b71e-4d19-b6f9-f6e88cd73946"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_configuration(tmp_path, privacy={"path": str(tmp_path / "privacy")})
    return tmp_path


@pytest.fixture
def pseudonym(folder: Path) -> str:
    return Pseudonyms(folder / "privacy" / "people.json").of("kyc", [UID])[UID]


def test_the_list_shows_pseudonyms_and_nobody(folder: Path, pseudonym: str) -> None:
    shown = tapewatch("privacy", "list", folder=folder)
    assert shown.code == 0
    assert pseudonym in shown.out
    assert "kyc" in shown.out
    assert UID not in shown.out
    (listed,) = json.loads(tapewatch("privacy", "list", "--json", folder=folder).out)
    assert listed["pseudonym"] == pseudonym


def test_the_audit_log_is_told_whose_decision_an_erasure_was() -> None:
    note = erasure_note("p-1", "request 17 of 2026", "dpo")
    assert json.loads(bytes(note.after)) == {"on_behalf_of": "dpo"}  # type: ignore[arg-type]
    assert erasure_note("p-1", "request 17 of 2026", "").after is msgspec.UNSET


def test_an_erasure_is_written_down_and_leaves_nothing_that_leads_back(
    folder: Path, pseudonym: str
) -> None:
    done = tapewatch(
        "privacy", "erase", pseudonym, "--why", "request 17 of 2026", "--on-behalf-of", "dpo",
        folder=folder,
    )  # fmt: skip

    assert done.code == 0, done.error
    assert "kyc withdraws" in done.out
    assert "have them deleted there" in done.out
    (entry,) = json.loads(tapewatch("privacy", "list", "--erased", "--json", folder=folder).out)
    assert (entry["pseudonym"], entry["why"]) == (pseudonym, "request 17 of 2026")
    assert (entry["who"], entry["on_behalf_of"]) == (current_user(), "dpo")
    journal = folder / "privacy" / "erasures.jsonl"
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert "nobody" in tapewatch("privacy", "list", folder=folder).out
    stored = b"".join(path.read_bytes() for path in (folder / "privacy").iterdir())
    assert UID.encode() not in stored
    assert Pseudonyms(folder / "privacy" / "people.json").of("kyc", [UID])[UID] != pseudonym


def test_who_is_kept_out_gets_no_pseudonym_again(folder: Path, pseudonym: str) -> None:
    done = tapewatch("privacy", "erase", pseudonym, "--why", "r", "--keep-out", folder=folder)
    assert done.code == 0
    assert "come back" not in done.out
    book = Pseudonyms(folder / "privacy" / "people.json")
    assert book.of("kyc", [UID]) == {}
    assert set(book.of("other", [UID])) == {UID}, "at another source it is another person"
    stored = b"".join(path.read_bytes() for path in (folder / "privacy").glob("people*"))
    assert pseudonym.encode() not in stored


def test_nobody_is_erased_twice_or_without_a_reason(folder: Path, pseudonym: str) -> None:
    assert tapewatch("privacy", "erase", pseudonym, "--why", " ", folder=folder).code == 2
    assert tapewatch("privacy", "erase", pseudonym, folder=folder).code == 2
    assert tapewatch("privacy", "erase", pseudonym, "--why", "r", folder=folder).code == 0
    again = tapewatch("privacy", "erase", pseudonym, "--why", "r", folder=folder)
    assert again.code == 1
    assert "nobody has the pseudonym" in again.error
    erased = tapewatch("privacy", "list", "--erased", "--json", folder=folder)
    assert len(json.loads(erased.out)) == 1


def test_ids_are_read_from_standard_input_for_files_of_ones_own(folder: Path) -> None:
    given = tapewatch(
        "privacy", "pseudonyms", "kyc", folder=folder, stdin=f"{UID}\n\nb,c\n".encode()
    )
    assert given.code == 0
    head, first, second = given.out.splitlines()
    named = Pseudonyms(folder / "privacy" / "people.json").of("kyc", [UID, "b,c"])
    assert (head, first, second) == (
        "id,pseudonym",
        f"{UID},{named[UID]}",
        f'"b,c",{named["b,c"]}',
    )


def test_without_privacy_in_the_configuration_there_is_nobody(tmp_path: Path) -> None:
    write_configuration(tmp_path)
    shown = tapewatch("privacy", "list", folder=tmp_path)
    assert shown.code == 2
    assert "no `privacy`" in shown.error


def test_doctor_tells_of_keys_that_others_can_read(folder: Path, pseudonym: str) -> None:
    assert "keys of 1 pseudonyms" in tapewatch("doctor", folder=folder).out
    (folder / "privacy" / "people.json").chmod(0o644)
    told = tapewatch("doctor", folder=folder)
    assert told.code == 1
    assert "chmod 600" in told.out
    assert pseudonym not in told.out


def test_a_mask_whose_key_is_too_short_lets_nothing_start(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short")
    (tmp_path / "key").chmod(0o600)
    mask = {"key": "${file:key}", "wallet": "hash"}
    sink = {"name": "files", "type": "file", "path": "out", "mask": mask}
    write_configuration(tmp_path, sinks=[sink])

    refused = tapewatch("run", folder=tmp_path)
    assert refused.code == 2
    assert "files: mask.key: a key of 16 bytes or more is wanted" in refused.error
    assert not (tmp_path / "out").exists()
    assert "16 bytes" in tapewatch("doctor", folder=tmp_path).out


def test_a_reload_takes_another_folder_of_keys_and_another_mask(tmp_path: Path) -> None:
    def loaded(name: str, action: str) -> Configuration:
        sink = {"name": "files", "type": "file", "path": "out", "mask": {"wallet": action}}
        path = write_configuration(tmp_path, privacy={"path": name}, sinks=[sink])
        return load_configuration(path)

    parts = changed_parts(loaded("a", "keep"), loaded("b", "drop"), reference=False)
    assert set(parts) == {"privacy", "sinks"}
    stages = {one.stage for one in concerned(parts, loaded("b", "drop"))}
    assert stages == {"collectors", "delivery"}


def test_nobody_erases_in_the_name_of_another(
    folder: Path, pseudonym: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, "dpo")
    refused = tapewatch("privacy", "erase", pseudonym, "--why", "x", "--who", "dpo", folder=folder)
    assert refused.code == 2
    assert tapewatch("privacy", "erase", pseudonym, "--why", "x", folder=folder).code == 0
    (entry,) = json.loads(tapewatch("privacy", "list", "--erased", "--json", folder=folder).out)
    assert entry["who"] == current_user()
