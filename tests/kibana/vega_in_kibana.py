"""What Kibana does with a Vega specification: it puts filters in, asks Elasticsearch, and draws.

Source: elastic/kibana, `src/platform/plugins/shared/vis_types/vega/public/data_model`
(`es_query_parser.ts`: placeholders, `%timefilter%`, `format.property`).
"""

import copy
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from tests.kibana.demo_documents import DemoIndex

ROOT = Path(__file__).resolve().parents[2]
_PLACEHOLDER = "%dashboard_context-"


class Drawn(msgspec.Struct):
    """A drawing, and the data sets behind it."""

    svg: str
    warnings: list[str]
    data: dict[str, Any]


def with_data(spec: dict[str, Any], demo: DemoIndex) -> tuple[dict[str, Any], dict[str, int]]:
    """The specification with what its searches found, and how many rows each found."""
    made = copy.deepcopy(spec)
    rows: dict[str, int] = {}
    for one in made["data"]:
        url = one.pop("url", None)
        if url is None:
            continue
        # Kibana refuses a query of one's own beside these.
        assert not {"%context%", "%timefield%"} & url.keys() or "query" not in url["body"]
        found: Any = demo.search(url["index"], _filled(url["body"]))
        for part in one.pop("format")["property"].split("."):
            found = found[part]
        one["values"] = found
        rows[one["name"]] = len(found)
    return made, rows


def _filled(value: Any) -> Any:
    """As an empty dashboard over all of time fills the placeholders."""
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        if set(inner) == {"%timefilter%"}:
            assert inner["%timefilter%"] is True
            return {"gte": "2020-01-01T00:00:00Z", "lte": "2100-01-01T00:00:00Z"}
        return {
            key: "2100-01-01T00:00:00Z" if one == {"%timefilter%": "max"} else _filled(one)
            for key, one in inner.items()
        }
    if isinstance(value, list):
        return [
            _filled(one)
            for one in cast("list[Any]", value)
            if not (isinstance(one, str) and one.startswith(_PLACEHOLDER))
        ]
    assert not (isinstance(value, str) and value.startswith("%")), value
    return value


def node() -> str | None:
    """Node.js, if it is there with Vega."""
    found = shutil.which("node")
    return found if found and (ROOT / "node_modules" / "vega").is_dir() else None


def draw(
    specs: Sequence[dict[str, Any]], width: int, height: int, background: str | None = None
) -> list[Drawn]:
    """Drawn by Vega itself, of version 5, which the specifications name."""
    command = node()
    assert command is not None
    asked = [
        {"spec": one, "width": width, "height": height, "background": background} for one in specs
    ]
    finished = subprocess.run(
        [command, str(Path(__file__).with_name("render_vega.cjs"))],
        input=json.dumps(asked).encode(),
        capture_output=True,
        cwd=ROOT,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    return msgspec.json.decode(finished.stdout, type=list[Drawn])
