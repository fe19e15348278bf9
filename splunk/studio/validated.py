"""The record of what Splunk's validator passed: a hash of each definition in `validated.json`.

CI doesn't install the validator with all that it needs (half a gigabyte); it holds the dashboards
to this record.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from splunk.studio_definition import Definition

RECORD = Path(__file__).resolve().parent / "validated.json"


def digest(definition: Definition) -> str:
    """SHA-256 of the definition, whatever the order of its keys."""
    return hashlib.sha256(msgspec.json.encode(definition, order="deterministic")).hexdigest()


def validated() -> Mapping[str, str]:
    """The hash of each dashboard as it was passed, by its id; none of one that never was."""
    if not RECORD.is_file():
        return {}
    return msgspec.json.decode(RECORD.read_bytes(), type=dict[str, str])


def record(passed: Mapping[str, Definition]) -> None:
    """Keep that these were passed, and nothing else."""
    hashes = {name: digest(definition) for name, definition in passed.items()}
    encoded = msgspec.json.encode(hashes, order="sorted")
    RECORD.write_bytes(msgspec.json.format(encoded, indent=2) + b"\n")
