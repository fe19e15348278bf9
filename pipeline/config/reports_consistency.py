"""What `reports` must agree with elsewhere in the configuration, told by its place."""

from collections.abc import Iterator, Sequence

from pipeline.problems import Problem, did_you_mean, one_of
from pipeline.time_zones import zone_names
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

_MADE_OF = ("file", "elasticsearch")


def report_problems(root: Node) -> Iterator[Problem]:
    """All of them."""
    reports = root.get("reports") if isinstance(root, MappingNode) else None
    if not isinstance(reports, MappingNode) or not isinstance(root, MappingNode):
        return
    sinks = {
        name: _text(sink, "type")
        for sink in _mappings(root.get("sinks"))
        if (name := _text(sink, "name")) is not None
    }
    fitting = [name for name, kind in sinks.items() if kind in _MADE_OF]
    scheduled = reports.get("schedule")
    if _mappings(scheduled) and scheduled is not None and reports.get("path") is None:
        yield scheduled.problem(
            "config/report-path",
            "reports.path is missing: a schedule needs a folder",
            expected="path: var/reports",
        )
    for part in ("schedule", "transports"):
        yield from _repeated(_mappings(reports.get(part)))
    for one in _mappings(scheduled):
        yield from _sink(one, fitting)
        zone = one.get("time_zone")
        if isinstance(zone, ScalarNode) and zone.text not in zone_names():
            hint = did_you_mean(zone.text, sorted(zone_names()))
            yield zone.problem(
                "config/time-zone",
                f"{zone.text[:64]} is no time zone",
                expected="an IANA name such as Europe/London",
                hint=hint,
            )


def _sink(scheduled: MappingNode, fitting: Sequence[str]) -> Iterator[Problem]:
    named = scheduled.get("sink")
    if isinstance(named, ScalarNode) and named.text not in fitting:
        yield named.problem(
            "config/report-sink",
            f"a report can't be made of {named.text}",
            expected=f"a sink of type file or elasticsearch: {one_of(fitting)}"
            if fitting
            else "a sink of type file or elasticsearch, and there is none",
            hint=did_you_mean(named.text, fitting),
        )


def _repeated(items: Sequence[MappingNode]) -> Iterator[Problem]:
    seen: dict[str, ScalarNode] = {}
    for item in items:
        name = item.get("name")
        if not isinstance(name, ScalarNode):
            continue
        if name.text in seen:
            first = seen[name.text]
            yield name.problem(
                "config/repeated-name",
                f"{name.text} is there twice",
                related=(first.location,),
            )
        seen.setdefault(name.text, name)


def _mappings(node: Node | None) -> list[MappingNode]:
    if not isinstance(node, SequenceNode):
        return []
    return [one for one in node.items if isinstance(one, MappingNode)]


def _text(node: MappingNode, key: str) -> str | None:
    found = node.get(key)
    return found.text if isinstance(found, ScalarNode) else None
