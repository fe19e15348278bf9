"""Reads the sources of a folder, and says at once what is wrong with them, each with its place."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from delivery.kibana.chart import chart
from delivery.kibana.dimensions import DimensionError
from delivery.kibana.security_source import Cases, Security, Timelines
from delivery.kibana.source import Dashboard, DataViews, Panel, Searches, Source
from pipeline.problems import Location, Problem, ProblemsFound, did_you_mean
from pipeline.structured import examine
from pipeline.yaml_nodes import MappingNode, Node, SequenceNode

T = TypeVar("T")
_NO_CHARTS = ("text", "documents", "vega")
#: A map of numbers, whose names come with the rules.
_METRICS = "surveillance.metrics."


class _Known(msgspec.Struct, frozen=True):
    """What may be referred to; `fields` by data view."""

    views: frozenset[str]
    searches: frozenset[str]
    dashboards: frozenset[str]
    vega: frozenset[str]
    fields: Mapping[str, frozenset[str]]


def read_source(folder: Path, fields: Iterable[str]) -> Source:
    """Everything in `folder`. `fields`: all that our documents have.

    Raises ProblemsFound with all that is wrong.
    """
    problems: list[Problem] = []
    views, views_node = _read(folder / "data_views.yaml", DataViews, problems)
    searches, searches_node = _read(folder / "searches.yaml", Searches, problems)
    cases, _ = _read(folder / "cases.yaml", Cases, problems)
    timelines, _ = _read(folder / "timelines.yaml", Timelines, problems)
    security, _ = _read(folder / "security.yaml", Security, problems)
    dashboards: list[tuple[Dashboard, Node]] = []
    for path in sorted((folder / "dashboards").glob("*.yaml")):
        dashboard, node = _read(path, Dashboard, problems)
        if dashboard is not None:
            dashboards.append((dashboard, node))
    vega = _vega(folder / "vega", problems)
    if views is None or searches is None or cases is None or timelines is None or security is None:
        raise ProblemsFound(problems)
    known = _Known(
        views=frozenset(one.id for one in views.data_views),
        searches=frozenset(one.id for one in searches.searches),
        dashboards=frozenset(one.id for one, _ in dashboards),
        vega=frozenset(vega),
        fields={one.id: frozenset((*fields, *one.runtime)) for one in views.data_views},
    )
    seen: set[str] = set()
    for number, view in enumerate(views.data_views):
        node = _item(views_node, "data_views", number)
        problems += _twice(view.id, seen, node)
        named = (*view.labels, *view.links)
        problems += [
            _no_field(one, known.fields[view.id], node)
            for one in named
            if one not in known.fields[view.id]
        ]
    for number, search in enumerate(searches.searches):
        node = _item(searches_node, "searches", number)
        problems += _twice(search.id, seen, node)
        problems += _missing("data view", search.data_view, known.views, node)
        there = known.fields.get(search.data_view, frozenset())
        problems += [_no_field(one, there, node) for one in search.columns if one not in there]
    for dashboard, node in dashboards:
        problems += _twice(dashboard.id, seen, node)
        problems += _dashboard(dashboard, node, known)
    if problems:
        raise ProblemsFound(problems)
    return Source(
        data_views=tuple(views.data_views),
        searches=tuple(searches.searches),
        # The overview first: it is where people begin.
        dashboards=tuple(
            sorted(
                (one for one, _ in dashboards),
                key=lambda one: (one.id != "tapewatch-overview", one.title),
            )
        ),
        vega=vega,
        cases=cases,
        timelines=timelines,
        security=security,
    )


def _read(path: Path, kind: type[T], problems: list[Problem]) -> tuple[T | None, Node]:
    outcome = examine(path, kind)
    problems += outcome.problems
    return outcome.value, outcome.node


def _vega(folder: Path, problems: list[Problem]) -> dict[str, str]:
    """The specifications by name; they must be JSON, as Kibana takes them and we write them."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        text = path.read_text(encoding="utf-8")
        try:
            msgspec.json.decode(text, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            said = f"this is no JSON object: {error}"
            problems.append(
                Problem(location=Location(str(path), 1, 1), code="kibana/vega", message=said)
            )
        found[path.stem] = text
    return found


def _item(node: Node, key: str, number: int) -> Node:
    listed = node.get(key) if isinstance(node, MappingNode) else None
    return listed.items[number] if isinstance(listed, SequenceNode) else node


def _dashboard(dashboard: Dashboard, node: Node, known: _Known) -> Iterator[Problem]:
    for number, control in enumerate(dashboard.controls):
        place = _item(node, "controls", number)
        yield from _missing("data view", control.of, known.views, place)
        there = known.fields.get(control.of)
        if there is not None and control.field not in there:
            yield _no_field(control.field, there, place)
    for number, panel in enumerate(dashboard.panels):
        yield from _panel(panel, _item(node, "panels", number), known)


def _panel(panel: Panel, node: Node, known: _Known) -> Iterator[Problem]:
    yield from _missing("data view", panel.of, known.views, node)
    for target in panel.opens:
        yield from _missing("dashboard", target, known.dashboards, node)
    x, _, width, height = panel.box
    if width < 1 or height < 1 or x + width > 48:
        said = "the panel is wider than the dashboard's 48 columns, or has no size"
        yield node.problem("kibana/place", said, expected="x y width height")
    if panel.show == "documents":
        yield from _missing("search", panel.search, known.searches, node)
    if panel.show == "vega":
        yield from _missing("specification vega/*.json", panel.spec, known.vega, node)
    if panel.show in _NO_CHARTS:
        return
    try:
        named = chart(panel).fields()
    except DimensionError as error:
        yield node.problem("kibana/panel", str(error))
        return
    there = known.fields.get(panel.of, frozenset())
    for one in named:
        if one not in there and not one.startswith(_METRICS):
            yield _no_field(one, there, node)


def _missing(what: str, name: str, known: Iterable[str], node: Node) -> Iterator[Problem]:
    if name not in (names := set(known)):
        said = f"there is no {what} {name}" if name else f"no {what} is named"
        yield node.problem("kibana/reference", said, hint=did_you_mean(name, names))


def _twice(id_: str, seen: set[str], node: Node) -> Iterator[Problem]:
    if id_ in seen:
        yield node.problem("kibana/twice", f"{id_} is there twice")
    seen.add(id_)


def _no_field(name: str, known: Iterable[str], node: Node) -> Problem:
    hint = did_you_mean(name, known)
    return node.problem("kibana/field", f"no document has the field {name}", hint=hint)
