"""What a source compiles to, as files: for an import by hand, and to see in a diff what changes."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from delivery.kibana.dashboards_api import dashboards
from delivery.kibana.links import Links
from delivery.kibana.saved_objects import ndjson, saved_objects
from delivery.kibana.source import Source

SAVED_OBJECTS = "saved_objects.ndjson"


def compiled(source: Source, links: Links, fields: Mapping[str, str]) -> dict[str, bytes]:
    """Content by name: the saved objects, and each dashboard in the form of the Dashboards API."""
    files = {SAVED_OBJECTS: ndjson(saved_objects(source, links, fields))}
    for id_, body in dashboards(source, links).items():
        text = msgspec.json.format(msgspec.json.encode(body, order="deterministic"), indent=1)
        files[f"dashboards_api/{id_}.json"] = text + b"\n"
    return files


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write them below `folder`. Raises OSError."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
