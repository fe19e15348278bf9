"""`timechart`: what is counted in buckets of time, the empty ones too."""

from splunk.spl.aggregates import Grouped
from splunk.spl.values import Row, every, number, text

#: Splunk's own spans, in seconds; the shortest that needs no more than so many buckets.
_SPANS = (1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 86_400)
_MOST_BUCKETS = 100
#: As many columns, the largest; the rest are one.
_MOST_COLUMNS = 10
_WITHOUT, _REST = "NULL", "OTHER"


def timechart(grouped: Grouped, rows: list[Row], now: float) -> list[Row]:
    """Rows by `_time`; with `by` a column for each value of the field."""
    times = [time for row in rows if (time := number(row.get("_time"))) is not None]
    if not times:
        return []
    span = next(
        (one for one in _SPANS if (max(times) - min(times)) / one < _MOST_BUCKETS), _SPANS[-1]
    )
    buckets: dict[int, list[Row]] = {
        start * span: [] for start in range(int(min(times) // span), int(max(times) // span) + 1)
    }
    for row in rows:
        time = number(row.get("_time"))
        if time is not None:
            buckets[int(time // span) * span].append(row)
    if not grouped.by:
        return [_columns(grouped, start, members, now) for start, members in buckets.items()]
    return _by_values(grouped, buckets, now)


def _columns(grouped: Grouped, start: int, rows: list[Row], now: float) -> Row:
    values = ((one.name, one.of(rows, now)) for one in grouped.aggregates)
    return {"_time": float(start)} | {name: value for name, value in values if value is not None}


def _by_values(grouped: Grouped, buckets: dict[int, list[Row]], now: float) -> list[Row]:
    (name,), (aggregate,) = grouped.by, grouped.aggregates
    totals: dict[str, float] = {}
    for rows in buckets.values():
        for value, members in _split(rows, name).items():
            totals[value] = totals.get(value, 0.0) + (number(aggregate.of(members, now)) or 0.0)
    kept = sorted(totals, key=lambda value: (-totals[value], value))[:_MOST_COLUMNS]
    found: list[Row] = []
    for start, rows in buckets.items():
        row: Row = {"_time": float(start)}
        columns: dict[str, list[Row]] = {value: [] for value in sorted(kept)}
        for value, members in _split(rows, name).items():
            columns.setdefault(value if value in kept else _REST, []).extend(members)
        for column, members in columns.items():
            # A count of nothing is 0; a price of nothing isn't there.
            result = aggregate.of(members, now)
            if result is not None:
                row[column] = result
        found.append(row)
    return found


def _split(rows: list[Row], name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        for value in every(row.get(name)) or [_WITHOUT]:
            found.setdefault(text(value), []).append(row)
    return found
