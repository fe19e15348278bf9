"""Secrets in a configuration file: found on loading, with their places, and never shown."""

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, field

from pipeline.problems import ProblemsFound, render
from pipeline.secrets import EnvironmentScheme, FileScheme, Secret, SecretResolver, SecretText
from pipeline.structured import Resolve, examine, load

RESOLVER = SecretResolver({"env": EnvironmentScheme({"KEY": "s3cr3t"}), "file": FileScheme()})


class Venue(Struct, kw_only=True):
    key: Secret | None = None
    url: SecretText = SecretText("wss://default")
    headers: dict[str, SecretText] = field(default_factory=dict[str, SecretText])
    note: str = ""


def _load(text: str, **more: Any) -> Venue:
    return load(text.encode(), Venue, name="f.yaml", secrets=RESOLVER, **more)


def _codes(text: str, **more: Any) -> list[tuple[str, str, int]]:
    outcome = examine(text.encode(), Venue, name="f.yaml", secrets=RESOLVER, **more)
    return [(p.code, p.severity, p.location.line) for p in outcome.problems]


def test_references_are_resolved_when_they_are_revealed() -> None:
    venue = _load("key: ${env:KEY}\nurl: wss://h/${env:KEY}\nheaders: {X-Key: '${env:KEY}'}\n")
    assert venue.key is not None
    assert venue.key.reveal() == "s3cr3t"
    assert venue.url.reveal() == "wss://h/s3cr3t"
    assert venue.headers["X-Key"].reveal() == "s3cr3t"
    assert "s3cr3t" not in repr(venue)


def test_files_start_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    (tmp_path / "token").chmod(0o600)
    venue = _load("key: ${file:token}", folder=tmp_path)
    assert venue.key is not None
    assert venue.key.reveal() == "from-file"


def test_all_references_that_fail_are_reported_with_their_places() -> None:
    text = "key: ${env:A}\nurl: x${env:B}${env:C}\nheaders:\n  a: ${vault:x}\n  b: ${env:D\n"
    assert _codes(text) == [
        ("secret/unavailable", "error", 1),
        ("secret/unavailable", "error", 2),
        ("secret/unknown-scheme", "error", 4),
        ("secret/reference", "error", 5),
    ]


@pytest.mark.parametrize(
    ("resolve", "severities"), [("now", ["error"]), ("report", ["warning"]), ("later", [])]
)
def test_a_missing_secret_is_an_error_a_warning_or_left_for_later(
    resolve: Resolve, severities: list[str]
) -> None:
    codes = _codes("key: ${env:NOPE}", resolve=resolve)
    assert [severity for _, severity, _ in codes] == severities


def test_the_form_of_a_reference_is_an_error_even_when_it_is_resolved_later() -> None:
    assert _codes("key: ${evn:KEY}", resolve="later") == [("secret/unknown-scheme", "error", 1)]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a_file_that_everybody_can_read_is_a_warning_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    (tmp_path / "token").chmod(0o644)
    assert _codes("note: a\nkey: ${file:token}", folder=tmp_path) == [
        ("secret/exposed", "warning", 2)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "key: hunter2",
        "key: 'hunter2'",
        "{key: hunter2, nte: x}",
        "{kye: hunter2}",
        "key: |\n  hunter2\n  hunter2\nnte: x",
        "key: [hunter2, hunter2]",
        "key: {a: hunter2}",
        "key:\n  - hunter2\n  - hunter2\nnte: x",
        "url: [hunter2]",
        "url: wss://user:hunter2@host",
        "{url: hunter2, nte: x}",
        "headers: {a: hunter2, b: [x]}",
        "key: ${env:KEY}hunter2",
        "headers: hunter2",
        "headers: [hunter2]",
        "x: &p hunter2\nkey: *p",
        "{api_key:hunter2}",
        "{note: {x: 1}, key: hunter2}",
    ],
)
def test_a_secret_in_the_file_is_an_error_that_does_not_show_it(text: str) -> None:
    with pytest.raises(ProblemsFound) as caught:
        _load(text)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)


def test_a_reference_in_an_ordinary_setting_is_an_error() -> None:
    assert _codes("note: see ${env:KEY}") == [("secret/not-here", "error", 1)]
    assert _load("note: see $${env:KEY} and ${x}").note == "see ${env:KEY} and ${x}"


def test_a_secret_that_is_left_out_is_none() -> None:
    venue = _load("{}")
    assert venue.key is None
    assert venue.url.reveal() == "wss://default"


def test_the_report_of_a_plain_secret_says_what_to_do() -> None:
    outcome = examine(b"key: hunter2", Venue, name="f.yaml", secrets=RESOLVER)
    assert render(outcome.problems) == (
        "f.yaml:1:6: error: a secret can't stand in a file (key)\n"
        "  1 | key: ***\n"
        "    |      ^^^\n"
        "    expected a reference: ${env:NAME} or ${file:PATH}\n"
        "    if this is a real secret, take it as exposed and have it replaced"
    )
