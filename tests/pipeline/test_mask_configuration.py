"""Masks in the configuration: what is wrong is said with its place, and what was meant."""

from pathlib import Path
from typing import Any

import pytest

from normalizer.events.taxonomy import fields
from pipeline.config.loading import load_configuration
from pipeline.problems import Problem, ProblemsFound
from tests.cli.command_line import write_configuration


def sink(mask: dict[str, Any]) -> dict[str, Any]:
    return {"name": "files", "type": "file", "path": "out", "mask": mask}


def problems(folder: Path, mask: dict[str, Any]) -> list[Problem]:
    with pytest.raises(ProblemsFound) as caught:
        load_configuration(write_configuration(folder, sinks=[sink(mask)]), fields=fields())
    return list(caught.value.problems)


def test_a_mask_is_read_and_what_it_does_not_name_is_kept(tmp_path: Path) -> None:
    path = write_configuration(
        tmp_path, sinks=[sink({"wallet": "drop", "fields": {"investor.id": "drop"}})]
    )
    mask = load_configuration(path, fields=fields()).sinks[0].mask

    assert mask is not None
    assert (mask.wallet, mask.identity, mask.fields) == ("drop", "keep", {"investor.id": "drop"})
    assert mask.action("text") == "hash", "sentences name what is masked elsewhere"


@pytest.mark.parametrize(
    ("mask", "code", "hint"),
    [
        ({"walet": "drop"}, "config/unknown-key", "wallet"),
        ({"wallet": "dorp"}, "config/unknown-choice", "drop"),
        ({"fields": {"investor.sorce.id": "drop"}}, "config/mask-field", "investor.source.id"),
        ({"fields": {"event.id": "drop"}}, "config/mask-field", None),
        ({"wallet": "hash"}, "config/mask-key", None),
        ({"fields": {"investor.id": "hash"}}, "config/mask-key", None),
        ({"wallet": "hash", "key": "not a reference"}, "secret/plain-text", None),
    ],
)
def test_a_mistake_is_said_with_its_place_and_what_was_meant(
    tmp_path: Path, mask: dict[str, Any], code: str, hint: str | None
) -> None:
    found = {problem.code: problem for problem in problems(tmp_path, mask)}
    assert code in found
    assert found[code].location.line > 0
    assert found[code].hint == hint


def test_attributes_that_a_sentence_may_still_tell_are_warned_of(tmp_path: Path) -> None:
    warnings: list[Problem] = []
    path = write_configuration(tmp_path, sinks=[sink({"attribute": "drop"})])
    load_configuration(path, warnings=warnings)
    assert [problem.code for problem in warnings] == ["config/mask-text"]

    warnings.clear()
    path = write_configuration(tmp_path, sinks=[sink({"attribute": "drop", "text": "drop"})])
    load_configuration(path, warnings=warnings)
    assert warnings == []


def test_a_notification_has_a_mask_as_well(tmp_path: Path) -> None:
    hook = {"name": "hook", "type": "webhook", "url": "https://hooks.example", "mask": {"x": "y"}}
    with pytest.raises(ProblemsFound):
        load_configuration(write_configuration(tmp_path, notifications=[hook]))


def test_a_source_of_persons_needs_a_place_for_their_keys(tmp_path: Path) -> None:
    source = {
        "name": "kyc",
        "type": "fractal",
        "client_id": "${env:PATH}",
        "client_secret": "${env:PATH}",
    }
    with pytest.raises(ProblemsFound) as caught:
        load_configuration(write_configuration(tmp_path, sources=[source]))
    assert [problem.code for problem in caught.value.problems] == ["config/privacy"]
    path = write_configuration(tmp_path, sources=[source], privacy={"path": "var/privacy"})
    privacy = load_configuration(path).privacy
    assert privacy is not None
    assert privacy.keys == tmp_path / "var" / "privacy" / "people.json"
