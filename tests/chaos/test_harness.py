"""What the rounds are for: one document lost, doubled or changed on purpose is told."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.forks import judge
from tests.chaos.recorded import RecordedScenario
from tests.chaos.rounds import run_rounds
from tests.chaos.scenario import Played
from tests.end_to_end.pipeline_run import Installation

Lines = list[dict[str, Any]]


def lose(lines: Lines) -> Lines:
    return lines[:-1]


def double(lines: Lines) -> Lines:
    return [*lines, lines[0]]


def change(lines: Lines) -> Lines:
    reason = lines[-1]["event"] | {"reason": "something else"}
    return [*lines[:-1], lines[-1] | {"event": reason}]


def invent(lines: Lines) -> Lines:
    identifier = lines[-1]["event"] | {"id": "nobody wants it"}
    return [*lines, lines[-1] | {"event": identifier}]


def nothing(lines: Lines) -> Lines:
    return lines


SPOILED: tuple[tuple[Callable[[Lines], Lines], tuple[int, int, int]], ...] = (
    (nothing, (0, 0, 0)),
    (lose, (1, 0, 0)),
    (double, (0, 1, 0)),
    (change, (0, 0, 1)),
    (invent, (0, 0, 1)),
)


class Spoiled(RecordedScenario):
    """The undisturbed run once more, with one thing wrong with its alerts."""

    name = "spoiled"
    title = "one document is not as it should be"

    def play(self, folder: Path, chance: random.Random) -> Played:
        shutil.copytree(self.folder / "calm" / "out", folder / "out")
        installation = self.installation(folder)
        spoil, _ = SPOILED[int(folder.name.removeprefix("round-"))]
        rewrite(installation, "alerts", spoil(installation.alerts()))
        return self.judged(installation)


def rewrite(installation: Installation, content: str, documents: Lines) -> None:
    folder = installation.folder / "out" / content
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(one) + "\n" for one in documents)
    (folder / "20260101T000000Z-00000001.ndjson").write_text(lines)


def test_a_round_tells_of_one_alert_that_is_lost_doubled_changed_or_invented(
    tmp_path: Path,
) -> None:
    found: list[tuple[int, int, int]] = []
    result = run_rounds(
        Spoiled,
        tmp_path / "rounds",
        rounds=len(SPOILED),
        seed=1,
        passes=1,
        on_round=lambda number, played, seconds, path: found.append(
            (played.differences.lost, played.differences.doubled, played.differences.changed)
        ),
    )

    assert found == [wanted for _, wanted in SPOILED]
    assert result.failed == [1, 2, 3, 4]


def alert(identifier: str) -> dict[str, Any]:
    event = {"id": identifier, "action": "alert"}
    return {"event": event, "surveillance": {"typology": "other"}}


def update(identifier: str, status: str) -> dict[str, Any]:
    event = {"id": f"{identifier}:{status}", "action": "alert-update"}
    return {
        "event": event,
        "surveillance": {"typology": "other", "alert": {"id": identifier, "status": status}},
    }


def of_block(identifier: str, block: str) -> dict[str, Any]:
    event = {"id": identifier, "action": "transfer"}
    return {"event": event, "blockchain": {"block": {"hash": block}}}


A, B, EVENT = alert("a"), alert("b"), of_block("e", "0xf")


@pytest.mark.parametrize(
    ("alerts", "events", "wanted"),
    [
        ([A, B], [EVENT, of_block("o", "0x0")], (0, 0, 0)),
        ([A, B, update("b", "retracted"), update("b", "reinstated")], [EVENT], (0, 0, 0)),
        ([A], [EVENT], (1, 0, 0)),
        ([A, B, update("b", "retracted")], [EVENT], (1, 0, 0)),
        ([A, B, B], [EVENT], (0, 1, 0)),
        ([A, B, alert("c")], [EVENT], (0, 0, 1)),
        ([A, B, alert("c"), update("c", "retracted")], [EVENT], (0, 0, 0)),
        ([A, B], [], (1, 0, 0)),
        ([A, B], [EVENT, EVENT], (0, 1, 0)),
    ],
)
def test_a_round_of_forks_tells_what_does_not_stand_as_it_should(
    tmp_path: Path, alerts: Lines, events: Lines, wanted: tuple[int, int, int]
) -> None:
    installations: dict[str, Installation] = {}
    for name, documents in (("live", (alerts, events)), ("truth", ([A, B], [EVENT]))):
        (tmp_path / name).mkdir()
        made = installations[name] = Installation(tmp_path / name)
        for content, lines in zip(("alerts", "events"), documents, strict=True):
            rewrite(made, content, lines)
    played = Played()

    judge(played, installations["live"], installations["truth"], {"0xf"})

    found = played.differences
    assert (found.lost, found.doubled, found.changed) == wanted
