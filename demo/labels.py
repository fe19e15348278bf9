"""A session's truth as labels for `tapewatch backtest`: by the events that were played on purpose.

An abuse that was planted is a true label, a decoy a false one, each of its typology.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from demo.ground_truth import Decoy, GroundTruth, Planted
from normalizer.events import Alert, AlertUpdate, CaseActivity, Record
from normalizer.events.ecs import parse

LABELS_FILE = "labels.yml"
_HEAD = """\
# What was played on purpose, for `tapewatch backtest --labels`: abuses that must be found, and
# honest behaviour that only looks like one. Made from the session's truth, by its events.
"""


def write_labels(path: Path, truth: GroundTruth, events: Iterable[Mapping[str, Any]]) -> None:
    """Write the file. `events` are the session's, as ECS documents."""
    path.write_text(labels_text(truth, events), encoding="utf-8")


def labels_text(truth: GroundTruth, events: Iterable[Mapping[str, Any]]) -> str:
    """The file's content."""
    played: list[Planted | Decoy] = [*truth.planted, *truth.decoys]
    by_trace: dict[str, list[int]] = {}
    for at, one in enumerate(played):
        for trace in (*one.transaction_hashes, *one.order_ids, *one.trade_ids):
            by_trace.setdefault(trace.lower(), []).append(at)
    found: list[dict[str, None]] = [{} for _ in played]
    for document in events:
        record = parse(document)
        if record is not None and not isinstance(record, Alert | AlertUpdate | CaseActivity):
            for trace in _traces(record):
                for at in by_trace.get(trace, ()):
                    found[at][record.id] = None
    labels = [
        {
            "label": isinstance(one, Planted),
            "typology": one.typology if isinstance(one, Planted) else one.resembles,
            "note": one.description,
            "events": list(events_of_one),
        }
        for one, events_of_one in zip(played, found, strict=True)
    ]
    return _HEAD + yaml.safe_dump({"labels": labels}, sort_keys=False, width=100)


def _traces(record: Record) -> Iterable[str]:
    """What a source calls the transaction, the orders and the trade of an event."""
    names = ("transaction_hash", "order_id", "maker_order_id", "taker_order_id", "trade_id")
    return [value.lower() for name in names if (value := getattr(record, name, None))]
