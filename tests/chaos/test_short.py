"""The short form of `make chaos`: one round of each scenario, on a short tape, with a fixed seed.

Each takes some 10 to 30 seconds. Many rounds: `python -m tests.chaos`.
"""

from pathlib import Path

import pytest

from tests.chaos.catalogue import SCENARIOS
from tests.chaos.rounds import run_rounds
from tests.chaos.scenario import Unavailable
from tests.fixtures.required import give_up

SEED = 5
PASSES = 3
#: What the others need as well; these stand for them.
SHORT = {
    "kill": (),
    "kill-elasticsearch": (pytest.mark.elasticsearch,),
    "network-bus": (),
    "network-venue": (),
    "sink-hec": (),
    "forks": (pytest.mark.chain,),
    "workers": (),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=SHORT[name]) for name in SHORT])
def test_a_round_comes_out_as_promised(name: str, tmp_path: Path) -> None:
    told: list[str] = []
    try:
        result = run_rounds(
            SCENARIOS[name],
            tmp_path / name,
            rounds=1,
            seed=SEED,
            passes=PASSES,
            on_round=lambda number, played, seconds, path: told.append(
                f"{played.error} {played.differences.words()} {dict(played.faults)}"
            ),
        )
    except Unavailable as missing:
        give_up(name, str(missing))

    assert result.failed == [], told
    assert result.rounds == 1
    assert result.alerts > 0
