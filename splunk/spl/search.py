"""A whole search: macros written out, commands parsed, fields checked, rows found."""

import re
from collections.abc import Iterable, Mapping

from splunk.conf_file import Stanzas
from splunk.spl import terms
from splunk.spl.commands import (
    COMMANDS,
    Command,
    Context,
    Fields,
    Lookup,
    Search,
    Subsearch,
    conditions,
)
from splunk.spl.tokens import split
from splunk.spl.values import Row, SplError, number

_MACRO = re.compile(r"`(\w+)(?:\(([^`]*)\))?`")
_DEEPEST = 10
#: Fields of every event besides those of the document.
_OWN = frozenset(("_raw", "_time", "index", "sourcetype", "source", "host"))


def expanded(search: str, macros: Stanzas) -> str:
    """The search without macros. Raises SplError where one isn't there or refers to itself."""
    for _ in range(_DEEPEST):
        if "`" not in search:
            return search
        search = _MACRO.sub(lambda found: _definition(found[1], found[2], macros), search)
    raise SplError(f"macros are too deep, or not understood: {search!r}")


def _definition(name: str, arguments: str | None, macros: Stanzas) -> str:
    given = split(arguments, ",") if arguments else []
    stanza = macros.get(f"{name}({len(given)})" if given else name)
    if stanza is None:
        raise SplError(f"there is no macro {name} with {len(given)} arguments")
    definition = stanza["definition"]
    names = [one.strip() for one in stanza.get("args", "").split(",") if one.strip()]
    for argument, value in zip(names, given, strict=True):
        definition = definition.replace(f"${argument}$", value)
    return definition


class Query:
    """A search that was understood."""

    def __init__(self, search: str, macros: Stanzas) -> None:
        """Raises SplError where it names a command, function or macro that isn't there."""
        self._macros = macros
        self.commands: list[Command] = []
        parts = split(expanded(search, macros), "|")
        for place, part in enumerate(parts):
            if place == 0:
                self.commands.append(self._searching(part.removeprefix("search ")))
                continue
            name, _, arguments = part.partition(" ")
            if name == "search":
                self.commands.append(self._searching(arguments))
            elif name in COMMANDS:
                self.commands.append(COMMANDS[name](arguments.strip()))
            else:
                raise SplError(f"there is no command {name} here: {part!r}")

    def unknown_fields(
        self, known: Iterable[str], lookups: Mapping[str, Iterable[str]]
    ) -> set[str]:
        """Fields that are read where nothing can have made them; `known` are those of events.

        Columns that `lookups` lacks count as unknown too.
        """
        there = frozenset(known) | _OWN
        found: set[str] = set()
        for command in self.commands:
            found |= command.reads() - there
            if isinstance(command, Lookup):
                columns = set(lookups.get(command.table, ()))
                found |= {command.key, *command.columns} - columns
            if isinstance(command, Search):
                for one in command.subsearches:
                    found |= one.unknown_fields(known, lookups)
            there = command.after(there)
        return found

    def after(self, known: Iterable[str]) -> frozenset[str]:
        """Fields that may be there at its end; `known` are those of events."""
        there = frozenset(known) | _OWN
        for command in self.commands:
            there = command.after(there)
        return there

    def needs(self) -> frozenset[str]:
        """Fields that it reads before it has made them itself."""
        made: frozenset[str] = frozenset()
        read: frozenset[str] = frozenset()
        for command in self.commands:
            read |= command.reads() - made
            made = command.after(made)
        return read

    def columns(self) -> list[str] | None:
        """The columns in their order, where the last command names them."""
        last = self.commands[-1]
        return list(last.names) if isinstance(last, Fields) else None

    def run(self, context: Context) -> list[Row]:
        """Its results; events come the newest first, as in Splunk."""
        rows = sorted(context.rows, key=lambda row: -(number(row["_time"]) or 0.0))
        for command in self.commands:
            rows = command.apply(rows, context)
        return rows

    def _searching(self, source: str) -> Search:
        return Search(source, lambda inner: _Bracketed(Query(inner.strip(), self._macros)))


class _Bracketed(Subsearch):
    def __init__(self, query: Query) -> None:
        self._query = query

    def terms(self, context: Context) -> terms.Terms:
        return conditions(self._query.run(context))

    def unknown_fields(
        self, known: Iterable[str], lookups: Mapping[str, Iterable[str]]
    ) -> set[str]:
        return self._query.unknown_fields(known, lookups)
