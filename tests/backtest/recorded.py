"""The recorded session's events as NDJSON, by the real normalizer, without a bus."""

from functools import cache
from pathlib import Path

import msgspec

from collectors.recording import decode_header, decode_line, open_lines
from normalizer.events.ecs import nest
from normalizer.normalize import Normalizer
from normalizer.reference_files import load_reference
from pipeline.frames import FrameBatch

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "demo" / "recorded"


@cache
def recorded_lines() -> tuple[bytes, ...]:
    """Nested ECS, in the order of the recording."""
    normalizer = Normalizer(load_reference([RECORDED / "reference.yaml"]), {"venue": "demo-venue"})
    lines: list[bytes] = []
    with open_lines(RECORDED / "session.jsonl.gz") as file:
        header = decode_header(file.readline(), "session")
        for number, line in enumerate(file):
            place, frame = decode_line(line, len(header.sources))
            source = header.sources[place]
            batch = FrameBatch(source.name, source.protocol, [frame])
            events = normalizer.normalize(number, batch).events
            lines += [msgspec.json.encode(nest(event)) for event in events]
    return tuple(lines)
