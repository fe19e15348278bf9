"""A panel with its sentences read: measures and what they are split by."""

from collections.abc import Mapping

from msgspec import Struct

from delivery.kibana.dimensions import (
    Bucket,
    DimensionError,
    Kinds,
    Measure,
    Terms,
    bucket,
    measure,
)
from delivery.kibana.source import Filtered, Panel, Show

#: What each kind of chart takes: least and most measures, and whether it has an axis.
_MEASURES: Mapping[Show, tuple[int, int]] = {
    "metric": (1, 1),
    "bars": (1, 8),
    "columns": (1, 8),
    "line": (1, 8),
    "area": (1, 8),
    "donut": (1, 1),
    "table": (1, 12),
    "map": (1, 1),
}
_WITH_AXIS = frozenset(("bars", "columns", "line", "area"))


class Chart(Struct, frozen=True, kw_only=True):
    """A chart of one data view. `axis` is what it runs along, `split` its series or slices."""

    panel: Panel
    measures: tuple[Measure, ...]
    axis: Bucket | None = None
    split: Bucket | None = None
    rows: tuple[Bucket, ...] = ()

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """All that it is split by, the outermost first."""
        return tuple(one for one in (*self.rows, self.axis, self.split) if one is not None)

    def fields(self) -> list[str]:
        """Fields that it reads, but for those in queries."""
        named = [one.field for one in self.measures if one.field]
        return named + [one.field for one in self.buckets if not isinstance(one, Kinds)]


def unordered(made: Chart) -> bool:
    """Whether its first measure has no order: the last value of a field is no number of a group."""
    return made.measures[0].function == "last"


def chart(panel: Panel) -> Chart:
    """The chart that a panel shows. Raises DimensionError with what is wrong and where."""
    try:
        made = _chart(panel)
    except DimensionError as error:
        raise DimensionError(f"panel {panel.title!r}: {error}") from None
    return made


def _chart(panel: Panel) -> Chart:
    least, most = _MEASURES[panel.show]
    measures = tuple(_measure(label, value) for label, value in panel.values.items())
    if not least <= len(measures) <= most:
        raise DimensionError(f"{panel.show} takes {least} to {most} values, {len(measures)} given")
    if bool(panel.over) != (panel.show in _WITH_AXIS):
        raise DimensionError("`over` belongs to bars, columns, line and area, and only to them")
    if bool(panel.rows) != (panel.show == "table"):
        raise DimensionError("`rows` belongs to table, and only to it")
    if panel.by and panel.kinds:
        raise DimensionError("either `by` or `kinds`")
    split: Bucket | None = None
    if panel.by:
        split = bucket("", panel.by)
    elif panel.kinds:
        split = Kinds(label="Kind", queries=tuple(panel.kinds.items()))
    if panel.show in ("donut", "map") and split is None:
        raise DimensionError(f"{panel.show} needs `by`")
    if panel.show == "map" and not isinstance(split, Terms):
        raise DimensionError("a map's regions are the values of a field: `by: top N of FIELD`")
    return Chart(
        panel=panel,
        measures=measures,
        axis=bucket("", panel.over) if panel.over else None,
        split=split,
        rows=tuple(bucket(label, text) for label, text in panel.rows.items()),
    )


def _measure(label: str, value: str | Filtered) -> Measure:
    if isinstance(value, Filtered):
        return measure(label, value.is_, value.where)
    return measure(label, value)
