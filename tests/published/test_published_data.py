"""Data in published forms comes in by the scripts of docs/published-data.md, and the rules hold."""

import json
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
from tests.docs.marked import DOCS
from tests.published.conftest import Script
from tests.published.decoded import decoded_events
from tests.published.dex_trades import write_dex_trades
from tests.published.samples import WETH, etherdelta, idex, pumps, rug_pulls, sales

ROOT = DOCS.parent


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


@pytest.mark.parametrize(
    ("sample", "name"), [(etherdelta, "EtherDeltaTrades.csv"), (idex, "IDEXTrades.csv")]
)
def test_wash_trades_of_exchanges_on_chains_are_found_and_nobody_else(
    tmp_path: Path, script: Script, sample: Callable[[Path], None], name: str
) -> None:
    sample(tmp_path)
    trades = tmp_path / "trades.csv"
    trades.write_bytes(script("dex_log.py", name, "token_decimals.json"))
    judged = Judgement("wash_trading", trades, tmp_path / "labels.csv", venue="etherdelta")
    assert judged.missed == []
    assert judged.wrong == []


def test_what_failed_and_trades_between_two_tokens_are_left_out(
    tmp_path: Path, script: Script
) -> None:
    idex(tmp_path)
    etherdelta_log = script("dex_log.py", "EtherDeltaTrades.csv", "token_decimals.json")
    idex_log = script("dex_log.py", "IDEXTrades.csv", "token_decimals.json")
    assert b"0xfailed" not in idex_log
    assert idex_log == etherdelta_log


def test_labels_of_the_authors_own_code(tmp_path: Path, script: Script) -> None:
    (tmp_path / "trades_labeled.csv").write_text(
        "transactionHash,eth_buyer_id,eth_seller_id,wash_label\n"
        "0xa,1,2,TRUE\n0xb,1,3,FALSE\n0xc,2,3,\n"
    )
    (tmp_path / "self_trades.csv").write_text(
        "transactionHash,eth_buyer,eth_seller\n0xd,0x1,0x1\n0xd,0x1,0x1\n"
    )
    written = script("dex_labels.py", "trades_labeled.csv", "self_trades.csv")
    labels = read_labels(written, "labels.csv")
    assert [label.events for label in labels] == [{"0xa"}, {"0xd"}]


@pytest.mark.parametrize("as_json", [False, True])
def test_sales_of_items_that_come_back_are_found_and_nothing_else(
    tmp_path: Path, script: Script, as_json: bool
) -> None:
    sales(tmp_path, as_json=as_json)
    trades = tmp_path / "trades.csv"
    trades.write_bytes(script("nft_log.py", "sales.ndjson" if as_json else "sales.csv"))
    judged = Judgement("wash_trading", trades, tmp_path / "labels.csv", venue="gallery")
    assert judged.missed == []
    assert judged.wrong == []


@pytest.mark.parametrize("whole_seconds", [False, True])
def test_pumps_of_binance_are_found_without_orders_or_accounts(
    tmp_path: Path, script: Script, whole_seconds: bool
) -> None:
    pumps(tmp_path / "pumps", whole_seconds=whole_seconds)
    script("pump_log.py", "pumps")
    folder = tmp_path / "pumps"
    trades = (folder / "trades.csv").read_text().splitlines()[1:]
    times = [int(line.split(",")[0]) for line in trades]
    assert times == sorted(times)
    assert len(read_labels((folder / "labels.csv").read_bytes(), "labels.csv")) == 3
    judged = Judgement(
        "pump_and_dump", folder / "trades.csv", folder / "labels.csv", venue="binance"
    )
    assert judged.missed == []
    assert judged.wrong == []


def sandwiches(swaps: Sequence[PoolSwap]) -> list[tuple[PoolSwap, PoolSwap]]:
    """Front and back, by MEV Inspect's own definition."""
    return [
        (first, last)
        for first, victim, last in zip(swaps, swaps[1:], swaps[2:], strict=False)
        if first.pool == victim.pool == last.pool
        and first.block_number == last.block_number
        and first.transaction_from == last.transaction_from != victim.transaction_from
        and first.side == victim.side != last.side
    ]


@pytest.fixture
def sandwich_swaps(tmp_path: Path, script: Script) -> list[PoolSwap]:
    """Swaps with six sandwiches, their blocks as tables and the labels."""
    session = play("sandwich", 11, episodes=2)
    (tmp_path / "tables").mkdir()
    ethereum_etl([frame for _, frame in session.frames], tmp_path / "tables")
    swaps = [one for some, _ in normalized(session) for one in some if isinstance(one, PoolSwap)]
    rows = ["id,block_number,sandwicher_address,frontrun_swap_transaction_hash,"
            "backrun_swap_transaction_hash,profit_amount"]  # fmt: skip
    for first, last in sandwiches(swaps):
        hashes = f"{(first.transaction_hash or '').upper()},{last.transaction_hash}"
        rows.append(f"{len(rows)},{first.block_number},{first.transaction_from},{hashes},1")
    assert len(rows) == 1 + 6
    (tmp_path / "sandwiches.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "labels.csv").write_bytes(script("sandwich_labels.py", "sandwiches.csv"))
    return swaps


def test_sandwiches_are_found_by_their_transactions(
    tmp_path: Path, sandwich_swaps: list[PoolSwap]
) -> None:
    judged = Judgement("front_running", tmp_path / "tables", tmp_path / "labels.csv")
    assert len(sandwich_swaps) > 20
    assert judged.missed == []
    assert judged.wrong == []


@pytest.mark.parametrize("as_float", [False, True])
def test_sandwiches_are_found_in_swaps_without_any_logs(
    tmp_path: Path, script: Script, sandwich_swaps: list[PoolSwap], as_float: bool
) -> None:
    write_dex_trades(tmp_path / "trades.csv", sandwich_swaps, as_float=as_float)
    script("swap_tables.py", "again", "trades.csv")
    judged = Judgement("front_running", tmp_path / "again", tmp_path / "labels.csv")
    assert judged.missed == []
    assert judged.wrong == []
    pools = (tmp_path / "again" / "pools.csv").read_text().splitlines()
    assert pools[0] == "pool,token0,token1"
    assert {line.split(",")[0] for line in pools[1:]} == {one.pool for one in sandwich_swaps}


def test_sandwiches_are_labelled_by_their_places_in_blocks(
    tmp_path: Path, script: Script, sandwich_swaps: list[PoolSwap]
) -> None:
    rows = [
        {
            "block_number": one.block_number,
            "tx_index": one.transaction_index,
            "mev_type": kind,
            "address_to": one.transaction_to,
        }
        for pair in sandwiches(sandwich_swaps)
        for one, kind in zip(pair, ("frontrun", "backrun"), strict=True)
    ]
    rows.append(rows[0] | {"mev_type": "arb", "tx_index": 0})
    (tmp_path / "mev.json").write_text(json.dumps(rows))
    written = script("zeromev_labels.py", "mev.json", "tables/transactions.csv")
    given = read_labels((tmp_path / "labels.csv").read_bytes(), "labels.csv")
    labels = read_labels(written, "zeromev.csv")
    assert {one.events for one in labels} == {one.events for one in given}
    assert {one.typology for one in labels} == {"front_running"}


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


def test_decoded_events_become_the_logs_that_they_were(tmp_path: Path, script: Script) -> None:
    rug_pulls(tmp_path)
    script("rug_labels.py", "tokens.csv", WETH)
    decoded_events(tmp_path / "tables", tmp_path / "events")
    (tmp_path / "events" / "cut.json").write_text('[{"args": {"reserve0": 1')
    (tmp_path / "events" / "approvals.json").write_text('[{"event": "Approval", "args": {}}]')
    script("decoded_logs.py", "events", "tables/blocks.csv", "again")
    judged = Judgement(
        "liquidity_removal/rug_pull.yml",
        tmp_path / "again",
        tmp_path / "labels.csv",
        reference=[tmp_path / "pools.yaml"],
    )
    assert judged.missed == []
    assert judged.wrong == []
    assert len(judged.alerts) == 7
