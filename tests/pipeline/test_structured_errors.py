"""What the author of a badly wrong file is told: everything, at once, in plain words."""

import json
import os
from pathlib import Path

import pytest

from pipeline.problems import ProblemsFound, render, to_json
from pipeline.secrets import EnvironmentScheme, FileScheme, SecretResolver
from pipeline.structured import load
from tests.pipeline.structured_example import Example

GOLDEN = Path(__file__).parent / "golden"
RESOLVER = SecretResolver({"env": EnvironmentScheme({}), "file": FileScheme()})


def _found() -> ProblemsFound:
    text = (GOLDEN / "badly_wrong.yaml").read_bytes()
    with pytest.raises(ProblemsFound) as caught:
        load(text, Example, name="badly_wrong.yaml", folder=GOLDEN, secrets=RESOLVER)
    return caught.value


def test_a_badly_wrong_file_gives_all_its_problems_at_once() -> None:
    golden = GOLDEN / "badly_wrong.txt"
    said = str(_found()) + "\n"
    if os.environ.get("TAPEWATCH_WRITE_GOLDEN"):
        golden.write_text(said)
    assert said == golden.read_text()


def test_no_secret_of_the_file_is_in_any_form_of_the_report() -> None:
    error = _found()
    for said in (str(error), repr(error), repr(error.problems), to_json(error.problems)):
        assert "hunter2" not in said


def test_the_json_form_has_a_row_for_every_problem() -> None:
    error = _found()
    rows = json.loads(to_json(error.problems))
    assert len(rows) == len(error.problems) == render(error.problems).count("badly_wrong.yaml:") - 1
    assert {row["code"] for row in rows} >= {
        "config/unknown-key",
        "config/missing-key",
        "config/wrong-type",
        "config/out-of-range",
        "config/unit",
        "config/unknown-choice",
        "secret/unavailable",
        "secret/plain-text",
        "yaml/duplicate-key",
        "yaml/ambiguous-text",
    }
