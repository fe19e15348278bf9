"""Data in published forms comes in by the scripts of docs/published-data.md, and the rules hold."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from detections.backtest.label_files import read_labels
from detections.backtest.labels import Label, Labels
from detections.engine.engine import Engine
from detections.lanes.event_messages import decode_record
from detections.rules import load_rules
from normalizer.events import Alert
from normalizer.events.chain import PoolSwap
from normalizer.reference import Reference
from normalizer.reference_files import load_reference
from pipeline.cli.raw_events import ChainName, RawEvents
from pipeline.problems import Problem
from simulation.catalogue import play
from simulation.normalizing import normalized
from tests.collectors.exports import ethereum_etl
from tests.docs.marked import DOCS, files
from tests.published.samples import WETH, etherdelta, pumps, rug_pulls

ROOT = DOCS.parent
SCRIPTS = files(DOCS / "published-data.md")
Script = Callable[..., bytes]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Runs a script of the page in the reader's folder; what it printed."""

    def run(name: str, *arguments: str) -> bytes:
        (tmp_path / name).write_text(SCRIPTS[name])
        command = [sys.executable, name, *arguments]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60)
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout

    return run


class Judgement:
    """Alerts of some rules over files, against labels."""

    def __init__(
        self,
        rules: str,
        path: Path,
        labels: Path,
        *,
        venue: str = "",
        reference: Sequence[Path] = (),
    ) -> None:
        problems: list[Problem] = []
        raw = RawEvents(
            [path],
            reference=load_reference(reference) if reference else Reference(),
            report=problems.append,
            venue=venue or None,
            chain=None if venue else ChainName(1, "ethereum"),
        )
        ruleset = load_rules([ROOT / "sigma_rules" / rules])
        engine = Engine(ruleset)
        self.alerts: list[Alert] = []
        for batch in raw.batches():
            self.alerts += engine.process([decode_record(line) for line in batch.lines])
        self.alerts += engine.finish()
        assert problems == []
        assert engine.failures == 0
        told = Labels(read_labels(labels.read_bytes(), labels.name), ruleset.rules)
        found: dict[int, list[Alert]] = defaultdict(list)
        self.wrong: list[Alert] = []
        for alert in self.alerts:
            places = told.matching(alert, alert.rule_id)
            for place in places:
                found[place].append(alert)
            if not any(told.used[place].right for place in places):
                self.wrong.append(alert)
        self.missed: list[Label] = [
            one for place, one in enumerate(told.used) if one.right and place not in found
        ]


def test_wash_trades_of_etherdelta_are_found_and_nobody_else(
    tmp_path: Path, script: Script
) -> None:
    etherdelta(tmp_path)
    trades = tmp_path / "trades.csv"
    trades.write_bytes(script("etherdelta_log.py", "EtherDeltaTrades.csv", "decimals.csv"))
    judged = Judgement("wash_trading", trades, tmp_path / "labels.csv", venue="etherdelta")
    assert judged.missed == []
    assert judged.wrong == []


@pytest.mark.parametrize("whole_seconds", [False, True])
def test_pumps_of_binance_are_found_without_orders_or_accounts(
    tmp_path: Path, script: Script, whole_seconds: bool
) -> None:
    pumps(tmp_path / "pumps", whole_seconds=whole_seconds)
    script("pump_log.py", "pumps")
    folder = tmp_path / "pumps"
    judged = Judgement(
        "pump_and_dump", folder / "trades.csv", folder / "labels.csv", venue="binance"
    )
    assert judged.missed == []
    assert judged.wrong == []


def test_sandwiches_are_found_by_their_transactions(tmp_path: Path, script: Script) -> None:
    session = play("sandwich", 11, episodes=2)
    (tmp_path / "tables").mkdir()
    ethereum_etl([frame for _, frame in session.frames], tmp_path / "tables")
    swaps = [one for some, _ in normalized(session) for one in some if isinstance(one, PoolSwap)]
    rows = ["id,block_number,sandwicher_address,frontrun_swap_transaction_hash,"
            "backrun_swap_transaction_hash,profit_amount"]  # fmt: skip
    for first, victim, last in zip(swaps, swaps[1:], swaps[2:], strict=False):
        # MEV Inspect's own definition.
        if (
            first.pool == victim.pool == last.pool
            and first.block_number == last.block_number
            and first.transaction_from == last.transaction_from != victim.transaction_from
            and first.side == victim.side != last.side
        ):
            hashes = f"{(first.transaction_hash or '').upper()},{last.transaction_hash}"
            rows.append(f"{len(rows)},{first.block_number},{first.transaction_from},{hashes},1")
    assert len(rows) == 1 + 6
    (tmp_path / "sandwiches.csv").write_text("\n".join(rows) + "\n")
    labels = tmp_path / "labels.csv"
    labels.write_bytes(script("sandwich_labels.py", "sandwiches.csv"))
    judged = Judgement("front_running", tmp_path / "tables", labels)
    assert judged.missed == []
    assert judged.wrong == []


def test_rug_pulls_are_found_by_their_tokens_and_honest_pools_are_none(
    tmp_path: Path, script: Script
) -> None:
    rug_pulls(tmp_path)
    script("rug_labels.py", "tokens.csv", WETH)
    judged = Judgement(
        "liquidity_removal/rug_pull.yml",
        tmp_path / "tables",
        tmp_path / "labels.csv",
        reference=[tmp_path / "pools.yaml"],
    )
    assert judged.missed == []
    assert judged.wrong == []
    assert len(judged.alerts) == 7
