"""How fast the normalizer is on one core: raw frames to encoded events.

Run ``python -m benchmarks.normalizer``. Times are processor time, so that other work on the machine
counts less. The last column compares with the bare JSON decode of the
same bytes in the same run, which no normalizer can beat.
"""

import argparse
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks import normalizer_frames as made
from normalizer.normalize import Normalizer, encode_events
from pipeline.frames import Frame, FrameBatch

_BATCH = 256
_RECORDING = Path(__file__).resolve().parents[2] / "shared" / "data" / "COINBASE.ws.28.0.gz"
VENUE_TARGET = 60_000
CHAIN_TARGET = 40_000


def main() -> None:
    """Measure and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5, help="the best round counts")
    rounds = options.parse_args().rounds
    table = Table(title="Normalizer, one core, decode to encoded event")
    table.add_column("frames")
    for name in ("bytes/frame", "unit", "per second", "target", "JSON decode alone", "ratio"):
        table.add_column(name, justify="right")
    venues = [
        ("Coinbase full, with accounts", "coinbase", made.coinbase_full(20_000)),
        ("Kraken v2 book", "kraken", made.kraken_book(20_000)),
    ]
    if _RECORDING.exists():
        recorded = made.recorded_coinbase(_RECORDING)
        venues.insert(1, ("Coinbase level2 and matches, recorded", "coinbase", recorded))
    for name, protocol, frames in venues:
        _measure(table, name, protocol, frames, len(frames), "frames", VENUE_TARGET, rounds)
    blocks = made.erc20_blocks(100)
    _measure(
        table, "ERC-20 transfers, 100 a block", "evm", blocks, 10_000, "logs", CHAIN_TARGET, rounds
    )
    Console().print(table)


def _measure(
    table: Table,
    name: str,
    protocol: str,
    frames: list[Frame],
    units: int,
    unit: str,
    target: int,
    rounds: int,
) -> None:
    batches = [
        FrameBatch("benchmark", protocol, frames[start : start + _BATCH])
        for start in range(0, len(frames), _BATCH)
    ]
    normalizer = Normalizer(made.reference())
    whole = bare = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        for sequence, batch in enumerate(batches):
            result = normalizer.normalize(sequence, batch)
            encode_events(result.events)
            assert not result.dead
        whole = min(whole, time.process_time() - begin)
        begin = time.process_time()
        for frame in frames:
            msgspec.json.decode(frame.payload)
        bare = min(bare, time.process_time() - begin)
    size = sum(len(frame.payload) for frame in frames) // len(frames)
    table.add_row(
        name,
        f"{size:,}",
        unit,
        f"{units / whole:,.0f}",
        f"{target:,}",
        f"{units / bare:,.0f}",
        f"{whole / bare:.1f}",
    )


if __name__ == "__main__":
    main()
