"""A rule file's keys, and the checks that both kinds of rule share."""

import datetime
import hashlib
import re
from collections.abc import Collection
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from detections.engine.finality import Finality
from detections.rules.calibration import Calibration
from detections.rules.model import PartitionBy, Rule
from detections.typologies import TYPOLOGIES
from normalizer.events import Level
from pipeline.problems import Problem, did_you_mean, one_of, shown
from pipeline.structured import examine
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_scalars import meaning

OURS = "tapewatch"
_MOST_PROBLEMS = 500
_UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_SLASHES = re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})")
CONDITION = "condition"
_TYPOLOGY = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
#: What only shapes what an alert says, how much it weighs, or when it goes out. No correlation and
#: no correlator is ever shown these keys: their state is the same whatever stands there. A key that
#: isn't here shapes state, so one that is new does until somebody has looked.
OF_ALERTS = frozenset(
    (
        *("title", "description", "author", "date", "modified", "license", "references", "related"),
        *("status", "level", "tags", "falsepositives", "fields", "scope"),
        *("typology", "reason", "note", "staged", "calibration", "finality"),
    )
)
REQUIRED = (
    *("title", "id", "status", "level", "description", "author", "date", "typology"),
    *("falsepositives", "references"),
)


class Logsource(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a rule's events come from. `product: tapewatch` means our own records."""

    product: str | None = None
    category: str | None = None
    service: str | None = None
    definition: str | None = None


class RuleDocument(Struct, forbid_unknown_fields=True, kw_only=True):
    """Keys of Sigma's specification, and ours: `typology`, `reason`, `note`, `staged`,
    `calibration`, `finality`, `correlator`, `parameters` and `partition_by`.

    All are optional here: which ones a rule needs is checked after reading, so that everything
    that is missing is said together with everything that is wrong.
    """

    title: str | None = None
    id: str | None = None
    name: str | None = None
    related: Node | None = None
    taxonomy: str | None = None
    status: Literal["stable", "test", "experimental", "deprecated", "unsupported"] | None = None
    description: str | None = None
    license: str | None = None
    author: str | None = None
    references: list[str] | None = None
    date: datetime.date | None = None
    modified: datetime.date | None = None
    level: Level | None = None
    tags: list[str] = field(default_factory=list[str])
    falsepositives: list[str] | None = None
    fields: list[str] | None = None
    scope: list[str] | None = None
    logsource: Node | None = None
    detection: Node | None = None
    correlation: Node | None = None
    generate: bool = False
    filter: Node | None = None
    typology: str | None = None
    reason: str | None = None
    note: str | None = None
    staged: bool = False
    calibration: Calibration | None = None
    finality: Finality = "latest"
    correlator: str | None = None
    parameters: Node | None = None
    partition_by: PartitionBy | None = None


class TooManyProblems(Exception):
    """A document is given up: nobody reads on, and a hostile one could ask for a million."""


class Reading:
    """A rule document being read, with the problems found so far."""

    def __init__(self, node: MappingNode, *, foreign: bool) -> None:
        self.node = node
        self.foreign = foreign
        """A rule for other log sources than ours: its fields and further keys are its own."""
        self.problems: list[Problem] = []

    def report(self, node: Node, code: str, message: str, **more: Any) -> None:
        """Note a problem; `more` are further fields of it. Raises TooManyProblems at last."""
        self.add(node.problem(code, message, **more))

    def add(self, problem: Problem) -> None:
        """Note a problem. Raises TooManyProblems at last."""
        self.problems.append(problem)
        if len(self.problems) >= _MOST_PROBLEMS:
            raise TooManyProblems

    def at(self, key: str) -> Node:
        """The value of a key, or the document's beginning where it isn't there."""
        return self.node.get(key) or self.node

    def key(self, key: str) -> Node:
        """The key itself."""
        return next((name for name, _ in self.node.pairs if name.text == key), self.node)

    @property
    def errors(self) -> int:
        """How many errors were found so far."""
        return sum(problem.severity == "error" for problem in self.problems)

    @property
    def usable(self) -> bool:
        return self.errors == 0


def read_document(reading: Reading, required: Collection[str]) -> RuleDocument | None:
    """The keys of the document, checked; None where they can't be read. Reports what is wrong."""
    node = _with_dashes(reading.node) if reading.foreign else reading.node
    if stray_condition(node) is not None:  # which reading the detection tells
        kept = [(key, value) for key, value in node.pairs if key.text != CONDITION]
        node = msgspec.structs.replace(node, pairs=kept)
    outcome = examine(node, RuleDocument, other_keys=None if reading.foreign else ())
    reading.problems += outcome.problems
    document = outcome.value
    present = {name.text for name, value in reading.node.pairs if not _is_empty(value)}
    for key in required:
        if key not in present:
            reading.report(
                reading.node,
                "rule/missing-key",
                f'the key "{key}" is missing',
                expected=_EXPECTED.get(key),
            )
    _check_id(reading)
    if document is not None:
        _check_typology(reading, document)
        _check_calibration(reading, document)
    return document


def stray_condition(document: MappingNode) -> Node | None:
    """A condition beside the detection that lacks it."""
    detection = document.get("detection")
    if not isinstance(detection, MappingNode) or detection.get(CONDITION) is not None:
        return None
    return document.get(CONDITION)


def _with_dashes(node: MappingNode) -> MappingNode:
    """The document with dates such as 2022/7/28, which others write, as 2022-07-28."""
    pairs = [
        (key, _dashed(value) if key.text in ("date", "modified") else value)
        for key, value in node.pairs
    ]
    return msgspec.structs.replace(node, pairs=pairs)


def _dashed(node: Node) -> Node:
    found = _SLASHES.fullmatch(node.text) if isinstance(node, ScalarNode) else None
    if found is None:
        return node
    year, month, day = found.groups()
    return msgspec.structs.replace(node, text=f"{year}-{month:0>2}-{day:0>2}")


def make_rule(
    reading: Reading, document: RuleDocument, id_: str, digest: str, state_digest: str
) -> Rule:
    """The rule's common part. What a rule of another log source lacks gets a default.

    `digest` is the hash of its content, and of what was applied to it; `state_digest` of what of
    that shapes its state.
    """
    changed = document.modified or document.date
    author = document.author or ""
    return Rule(
        id=id_,
        name=document.name,
        title=document.title or "",
        level=document.level or "medium",
        typology=document.typology or "other",
        version=changed.isoformat() if changed else digest[:12],
        hash=digest,
        state_hash=state_digest,
        location=reading.node.location,
        status=document.status or "experimental",
        staged=document.staged,
        calibration=document.calibration,
        finality=document.finality,
        description=document.description.strip() if document.description else None,
        authors=tuple(name.strip() for name in author.split(",") if name.strip()),
        references=tuple(document.references or ()),
        falsepositives=tuple(document.falsepositives or ()),
        tags=tuple(document.tags),
        note=document.note.strip() if document.note else None,
        partition_by=document.partition_by,
    )


def content_hash(node: Node) -> str:
    """SHA-256 of what a document says: the same however it is laid out, quoted or ordered."""
    plain = msgspec.json.encode(_plain(node), order="sorted")
    return hashlib.sha256(plain).hexdigest()


def state_hash(node: MappingNode) -> str:
    """The same without what only shapes alerts: of rules that differ in nothing else it is one."""
    kept = [(key, value) for key, value in node.pairs if key.text not in OF_ALERTS]
    return content_hash(msgspec.structs.replace(node, pairs=kept))


def _plain(node: Node) -> Any:
    if isinstance(node, MappingNode):
        return {key.text: _plain(value) for key, value in node.pairs}
    if isinstance(node, SequenceNode):
        return [_plain(item) for item in node.items]
    assert isinstance(node, ScalarNode)
    value = meaning(node)
    # JSON has neither infinities nor integers beyond 64 bits in msgspec: these go in as text.
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= 1 << 63):
        return {"number": repr(value)}
    return value


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.plain and meaning(node) is None


def derived_id(digest: str) -> str:
    """The id of a rule that has none: from its content, in the form of a UUID."""
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def _check_id(reading: Reading) -> None:
    node = reading.node.get("id")
    if isinstance(node, ScalarNode) and not _is_empty(node) and not re.fullmatch(_UUID, node.text):
        reading.report(
            node,
            "rule/id",
            "this isn't a UUID",
            expected="a UUID, such as 5f2c1f0e-8a3c-4a0e-9b57-1f7e2f3a4b5c",
            advice="make one with: uuidgen",
        )


def _check_typology(reading: Reading, document: RuleDocument) -> None:
    name = document.typology
    if name is None or name in TYPOLOGIES:
        return
    node = reading.at("typology")
    if not re.fullmatch(_TYPOLOGY, name):
        reading.report(
            node,
            "rule/typology",
            f"{shown(name)} can't be the name of a typology",
            expected="lower-case words joined by _, such as wash_trading",
            hint=did_you_mean(name, TYPOLOGIES),
        )
        return
    reading.report(
        node,
        "rule/typology",
        f"{shown(name)} isn't a known typology; it is taken as a new one",
        severity="warning",
        hint=did_you_mean(name, TYPOLOGIES),
        expected=one_of(TYPOLOGIES),
    )


def _check_calibration(reading: Reading, document: RuleDocument) -> None:
    found = document.calibration
    if found is None or found.right <= found.judged:
        return
    at = reading.at("calibration")
    right = at.get("right") if isinstance(at, MappingNode) else None
    reading.report(
        right or at,
        "rule/calibration",
        f"of {found.judged:,} that were judged, {found.right:,} can't be right",
        expected=f"a number from 0 to {found.judged:,}",
        advice="it is written by: tapewatch rules calibrate",
    )


_EXPECTED = {
    "id": "a UUID of its own; make one with: uuidgen",
    "status": "stable, test, experimental, deprecated or unsupported",
    "level": "informational, low, medium, high or critical",
    "date": "the day when it was written, such as 2026-01-31",
    "typology": "the kind of abuse, such as wash_trading",
    "falsepositives": "a list of what looks the same and is honest",
    "references": "a list of laws, papers or pages that it rests on; it may be empty: []",
}
