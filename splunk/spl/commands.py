"""Commands of the search language that the app's searches use.

Source: Splunk Search Reference. Each command knows which fields it reads and which are there after
it, so that a search can be checked before there are rows.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from splunk.spl import aggregates, expressions, terms
from splunk.spl.timechart import timechart
from splunk.spl.tokens import split, words
from splunk.spl.values import Row, SplError, every, order, text

Lookups = Mapping[str, list[dict[str, str]]]
_AS = re.compile(r"\s+as\s+", re.IGNORECASE)


class Context(msgspec.Struct, frozen=True):
    """What a search is run in."""

    rows: list[Row]
    """All events of the index."""
    now: float
    """Seconds since 1970."""
    lookups: Lookups
    """Rows of lookup files, by the lookup's name."""


class Command(ABC):
    """One command of a search."""

    @abstractmethod
    def reads(self) -> frozenset[str]:
        """Fields that it uses."""

    def after(self, known: frozenset[str]) -> frozenset[str]:
        """Fields that may be there after it, of those that may be there before."""
        return known

    @abstractmethod
    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        """Its results."""


class Search(Command):
    """Rows that its conditions hold for. At the beginning of a search: of all events."""

    def __init__(self, source: str, subsearch: "Callable[[str], Subsearch]") -> None:
        self._source = source
        self.subsearches: list[Subsearch] = []

        def nothing(inner: str) -> terms.Terms:
            self.subsearches.append(subsearch(inner))
            return terms.Terms(frozenset(), lambda row: False)

        self._fields = terms.parse(source, nothing).fields

    def reads(self) -> frozenset[str]:
        return self._fields

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        asked = iter(self.subsearches)
        found = terms.parse(self._source, lambda _: next(asked).terms(context))
        return [row for row in rows if found.holds(row)]


class Subsearch(ABC):
    """A search in brackets: the conditions that its results come to."""

    @abstractmethod
    def terms(self, context: Context) -> terms.Terms: ...

    @abstractmethod
    def unknown_fields(
        self, known: Iterable[str], lookups: Mapping[str, Iterable[str]]
    ) -> set[str]: ...


class Where(Command):
    def __init__(self, source: str) -> None:
        self._condition = expressions.parse(source)

    def reads(self) -> frozenset[str]:
        return self._condition.fields

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        holds = self._condition.evaluate
        return [row for row in rows if expressions.is_true(holds(row, context.now))]


class Regex(Command):
    def __init__(self, source: str) -> None:
        found = re.fullmatch(r'\s*"?([\w.{}@]+)"?\s*(!?=)\s*"(.*)"\s*', source, re.DOTALL)
        if found is None:
            raise SplError(f"regex {source}: not understood")
        self._field, self._negated = found[1], found[2] == "!="
        self._pattern = re.compile(found[3].replace('\\"', '"'))

    def reads(self) -> frozenset[str]:
        return frozenset((self._field,))

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        return [row for row in rows if self._matches(row) is not self._negated]

    def _matches(self, row: Row) -> bool:
        return any(self._pattern.search(text(one)) for one in every(row.get(self._field)))


class Eval(Command):
    def __init__(self, source: str) -> None:
        self._made: list[tuple[str, expressions.Expression]] = []
        for part in split(source, ","):
            name, sign, value = part.partition("=")
            if not sign:
                raise SplError(f"eval {part}: there is no =")
            self._made.append((name.strip().strip("\"'"), expressions.parse(value)))

    def reads(self) -> frozenset[str]:
        made: set[str] = set()
        read: set[str] = set()
        for name, expression in self._made:
            read |= expression.fields - made
            made.add(name)
        return frozenset(read)

    def after(self, known: frozenset[str]) -> frozenset[str]:
        return known | {name for name, _ in self._made}

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        return [self._evaluated(row, context.now) for row in rows]

    def _evaluated(self, row: Row, now: float) -> Row:
        found = dict(row)
        for name, expression in self._made:
            value = expression.evaluate(found, now)
            if isinstance(value, bool):
                raise SplError(f"eval {name}: a condition is no value")
            if value is None:
                found.pop(name, None)
            else:
                found[name] = value
        return found


class Stats(Command):
    def __init__(self, source: str) -> None:
        self._grouped = aggregates.parse(source)

    def reads(self) -> frozenset[str]:
        read = [one.fields for one in self._grouped.aggregates]
        return frozenset(self._grouped.by).union(*read)

    def after(self, known: frozenset[str]) -> frozenset[str]:
        return frozenset((*self._grouped.by, *(one.name for one in self._grouped.aggregates)))

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        if not self._grouped.by:
            return [self.counted(rows, context)]
        return [{**group, **self.counted(members, context)} for group, members in self.groups(rows)]

    def groups(self, rows: list[Row]) -> list[tuple[Row, list[Row]]]:
        """Rows that have all the fields, by their values; one with several values is in several."""
        found: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            keys: list[tuple[str, ...]] = [()]
            for name in self._grouped.by:
                keys = [(*key, text(one)) for key in keys for one in every(row.get(name))]
            for key in keys:
                found.setdefault(key, []).append(row)
        by = self._grouped.by
        return [(dict(zip(by, key, strict=True)), found[key]) for key in sorted(found)]

    def counted(self, rows: list[Row], context: Context) -> Row:
        values = ((one.name, one.of(rows, context.now)) for one in self._grouped.aggregates)
        return {name: value for name, value in values if value is not None}


class EventStats(Stats):
    """As `stats`, but each row stays and gets what its group has."""

    def after(self, known: frozenset[str]) -> frozenset[str]:
        return known | {one.name for one in self._grouped.aggregates}

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        added: dict[int, Row] = {}
        for _, members in self.groups(rows):
            counted = self.counted(members, context)
            added.update((id(member), counted) for member in members)
        return [{**row, **added.get(id(row), {})} for row in rows]


class TimeChart(Command):
    def __init__(self, source: str) -> None:
        self._grouped = aggregates.parse(source)
        if len(self._grouped.by) > 1 or (self._grouped.by and len(self._grouped.aggregates) > 1):
            raise SplError(f"timechart {source}: one column by one field")

    def reads(self) -> frozenset[str]:
        read = [one.fields for one in self._grouped.aggregates]
        return frozenset(("_time", *self._grouped.by)).union(*read)

    def after(self, known: frozenset[str]) -> frozenset[str]:
        # By a field the columns are its values.
        columns = () if self._grouped.by else (one.name for one in self._grouped.aggregates)
        return frozenset(("_time", *columns))

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        return timechart(self._grouped, rows, context.now)


class Sort(Command):
    def __init__(self, source: str) -> None:
        found = re.fullmatch(r"\s*(?:(\d+)\s+)?(.*)", source, re.DOTALL)
        assert found is not None
        self._most = int(found[1]) if found[1] else 10_000
        self._keys = re.findall(r"([-+]?)\s*([\w.{}]+)", found[2])
        if not self._keys:
            raise SplError(f"sort {source}: by nothing")

    def reads(self) -> frozenset[str]:
        return frozenset(name for _, name in self._keys)

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        found = list(rows)
        for sign, name in reversed(self._keys):
            having = [row for row in found if name in row]
            having.sort(key=lambda row: order(row[name]), reverse=sign == "-")
            found = having + [row for row in found if name not in row]
        return found[: self._most] if self._most else found


class Head(Command):
    def __init__(self, source: str) -> None:
        if not source.strip().isdigit():
            raise SplError(f"head {source}: a number of rows")
        self._most = int(source)

    def reads(self) -> frozenset[str]:
        return frozenset()

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        return rows[: self._most]


class Dedup(Command):
    """The first row of each value; rows without one go."""

    def __init__(self, source: str) -> None:
        self._names = words(source)
        if not self._names or "=" in source:
            raise SplError(f"dedup {source}: names of fields")

    def reads(self) -> frozenset[str]:
        return frozenset(self._names)

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        found: dict[tuple[str, ...], Row] = {}
        for row in rows:
            if all(name in row for name in self._names):
                found.setdefault(tuple(text(row[name]) for name in self._names), row)
        return list(found.values())


class Fields(Command):
    """These fields alone, and `_time` and `_raw`; `fields -` all but these."""

    kept: frozenset[str] = frozenset(("_time", "_raw"))

    def __init__(self, source: str) -> None:
        self._without = source.strip().startswith("-")
        self.names = words(source.strip().lstrip("+-"))

    def reads(self) -> frozenset[str]:
        return frozenset(self.names)

    def after(self, known: frozenset[str]) -> frozenset[str]:
        if self._without:
            return known - set(self.names)
        return frozenset(self.names) | (self.kept & known)

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        if self._without:
            return [{n: v for n, v in row.items() if n not in self.names} for row in rows]
        names = [*(name for name in self.kept if name not in self.names), *self.names]
        return [{name: row[name] for name in names if name in row} for row in rows]


class Table(Fields):
    """These fields alone, as columns."""

    kept = frozenset()


class Rename(Command):
    def __init__(self, source: str) -> None:
        parts = [_AS.split(part.strip(), maxsplit=1) for part in split(source, ",")]
        if any(len(part) != 2 for part in parts):
            raise SplError(f"rename {source}: FIELD AS NAME, with commas between")
        self._names = [(old.strip("\"'"), new.strip("\"'")) for old, new in parts]

    def reads(self) -> frozenset[str]:
        return frozenset(old for old, _ in self._names)

    def after(self, known: frozenset[str]) -> frozenset[str]:
        return known.difference(self.reads()) | {new for _, new in self._names}

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        names = dict(self._names)
        new = frozenset(names.values())
        # A column keeps its place; one that had the new name before goes.
        return [
            {
                names.get(name, name): value
                for name, value in row.items()
                if name in names or name not in new
            }
            for row in rows
        ]


class Lookup(Command):
    """`lookup TABLE KEY [AS FIELD] OUTPUT COLUMNS`."""

    def __init__(self, source: str) -> None:
        found = re.fullmatch(
            r"\s*(\w+)\s+(\w+)(?:\s+[Aa][Ss]\s+([\w.{}]+))?\s+OUTPUT\s+(.+)", source, re.DOTALL
        )
        if found is None:
            raise SplError(f"lookup {source}: not understood")
        self.table, self.key = found[1], found[2]
        self._field = found[3] or found[2]
        self.columns = words(found[4])

    def reads(self) -> frozenset[str]:
        return frozenset((self._field,))

    def after(self, known: frozenset[str]) -> frozenset[str]:
        return known.union(self.columns)

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        if self.table not in context.lookups:
            raise SplError(f"there is no lookup {self.table}")
        by_key = {one[self.key]: one for one in context.lookups[self.table]}
        found: list[Row] = []
        for row in rows:
            value = row.get(self._field)
            entry = by_key.get(text(value)) if value is not None else None
            looked_up: Row = {name: entry[name] for name in self.columns} if entry else {}
            found.append({**row, **looked_up})
        return found


class MvExpand(Command):
    def __init__(self, source: str) -> None:
        (self._name,) = words(source)

    def reads(self) -> frozenset[str]:
        return frozenset((self._name,))

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        return [
            {**row, self._name: one} for row in rows for one in every(row.get(self._name)) or [""]
        ]


class Format(Command):
    """The end of a search in brackets."""

    def __init__(self, source: str) -> None:
        if source.strip():
            raise SplError("format takes no arguments here")

    def reads(self) -> frozenset[str]:
        return frozenset()

    def apply(self, rows: list[Row], context: Context) -> list[Row]:
        return rows


COMMANDS: Mapping[str, Callable[[str], Command]] = {
    "dedup": Dedup,
    "eval": Eval,
    "eventstats": EventStats,
    "fields": Fields,
    "format": Format,
    "head": Head,
    "lookup": Lookup,
    "mvexpand": MvExpand,
    "regex": Regex,
    "rename": Rename,
    "sort": Sort,
    "stats": Stats,
    "table": Table,
    "timechart": TimeChart,
    "where": Where,
}


def conditions(rows: list[Row]) -> terms.Terms:
    """What `format` makes of rows: one of them, by all of its fields."""
    wanted: list[dict[str, Any]] = [
        {name: text(value) for name, value in row.items() if name != "_time"} for row in rows
    ]

    def holds(row: Row) -> bool:
        return any(
            all(value in [text(v) for v in every(row.get(name))] for name, value in one.items())
            for one in wanted
        )

    return terms.Terms(frozenset(name for one in wanted for name in one), holds)
