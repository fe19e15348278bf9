"""KQL as Lucene's query language, as far as the queries of `kibana/` go: to run them for real.

KQL's values, lists and wildcards are Lucene's too; what differs is the case of the operators,
comparisons and the question whether a field exists. Source: elastic/kibana, `@kbn/es-query`,
`kuery/grammar`.
"""

import re
from itertools import pairwise
from typing import Any

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|<=|>=|[<>():]|[^\s()<>:"]+)')
_FIELD = re.compile(r"[A-Za-z@][\w.@]*")


def fields_of(query: str) -> list[str]:
    """Names of the fields that a query asks about."""
    tokens = _TOKEN.findall(query)
    return [
        name
        for name, operator in pairwise(tokens)
        if operator in (":", "<", ">", "<=", ">=") and _FIELD.fullmatch(name)
    ]


def to_query(query: str) -> dict[str, Any]:
    """As a query of Elasticsearch."""
    if not query.strip():
        return {"match_all": {}}
    text = " ".join(_lucene(_TOKEN.findall(query)))
    return {"query_string": {"query": text, "analyze_wildcard": True, "default_operator": "AND"}}


def _lucene(tokens: list[str]) -> list[str]:
    out: list[str] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        following = tokens[place + 1] if place + 1 < len(tokens) else ""
        if token in ("and", "or", "not"):
            out.append(token.upper())
        elif following == ":" and tokens[place + 2] == "*":
            out.append(f"_exists_:{token}")
            place += 2
        elif following == ":":
            out.append(f"{token}:{tokens[place + 2]}")
            place += 2
        elif following in ("<", ">", "<=", ">="):
            out.append(f"{token}:{following}{tokens[place + 2]}")
            place += 2
        else:
            out.append(token)
        place += 1
    return out
