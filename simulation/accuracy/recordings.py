"""Real recordings of venues, in which all is presumed to be honest."""

import gzip
from pathlib import Path

from collectors.cryptofeed_lines import parse_line
from pipeline.frames import Frame
from pipeline.reference_records import Reference
from simulation.session import Session, Source

_FILES = (("COINBASE.ws.28.0.gz", "coinbase"), ("KRAKEN.ws.50.0.gz", "kraken-v1"))


def recordings(folder: Path) -> dict[str, Session]:
    """By name; those that are there. The files are as cryptofeed writes them."""
    found: dict[str, Session] = {}
    for file, protocol in _FILES:
        path = folder / file
        if not path.is_file():
            continue
        frames: list[tuple[int, Frame]] = []
        with gzip.open(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                parsed = parse_line(line)
                if parsed is not None:
                    received, payload = parsed
                    frames.append((0, Frame(f"{file}:{number}", received, payload)))
        found[f"{protocol} of 2021-04-17"] = Session(
            sources=(Source("recorded", protocol, protocol.partition("-")[0]),),
            frames=frames,
            reference=Reference(),
            public=True,
        )
    return found
