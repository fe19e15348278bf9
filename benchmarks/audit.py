"""How fast the audit log takes entries on one core, beside the floor: hashing and writing lines.

Run ``python -m benchmarks.audit``. Processor time, so that other work on the machine counts less.
The floor writes the same bytes to a file, and hashes them once, with nothing else done.
"""

import argparse
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from evidence.audit.entries import Happening, encode
from evidence.audit.notes import SigningKey
from evidence.audit.store import AuditLog
from evidence.audit.verify import verify

#: Entries per second on one core that are wanted.
TARGET = 20_000
_BATCH = 1_000


def happenings(first: int) -> list[Happening]:
    """Entries as the bus brings them."""
    return [
        Happening(
            action="alert-given",
            time=1_767_225_600_000_000_000 + number,
            who="A rule with a title (7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa)",
            what=f"{number:064x}",
            why="acct-1 sold 5,000 ACME-USD at 10.05 to itself, 12 times within 30 s",
            place=f"ALERTS/{number}",
            sha256="ab" * 32,
        )
        for number in range(first, first + _BATCH)
    ]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--entries", type=int, default=200_000)
    count = options.parse_args().entries
    batches = [happenings(first) for first in range(0, count, _BATCH)]
    with tempfile.TemporaryDirectory(prefix="tapewatch-bench-") as text:
        started = time.process_time()
        with (Path(text) / "floor").open("wb") as file:
            for first, batch in enumerate(batches):
                for number, one in enumerate(batch, first * _BATCH):
                    line = encode(one, number)
                    sha256(line).digest()
                    file.write(line)
        floor = count / (time.process_time() - started)
        key = SigningKey.new("benchmark")
        started, clock = time.process_time(), time.monotonic()
        with AuditLog(Path(text) / "audit", key) as log:
            for batch in batches:
                log.append(batch)
                log.sign()
        rate, wall = count / (time.process_time() - started), count / (time.monotonic() - clock)
        started = time.process_time()
        assert verify(log.folder, key.verifying).good
        read = count / (time.process_time() - started)
    print(
        f"append, signed every {_BATCH:,}: {rate:,.0f} entries/s of processor time "
        f"({TARGET:,} are wanted), {rate / floor:.2f} of the floor ({floor:,.0f}); "
        f"{wall:,.0f}/s with this disk\nverify: {read:,.0f} entries/s"
    )


if __name__ == "__main__":
    main()
