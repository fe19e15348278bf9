"""Whether a query is one of its language, by Elastic's own grammars; it runs nowhere here."""

from typing import Any

from antlr4 import CommonTokenStream, InputStream
from antlr4.error.ErrorListener import ErrorListener
from eql import EqlError
from eql.parser import allow_runs, elasticsearch_syntax, parse_query
from esql_parser.EsqlBaseLexer import EsqlBaseLexer
from esql_parser.EsqlBaseParser import EsqlBaseParser


class _Errors(ErrorListener):
    def __init__(self) -> None:
        self.found: list[str] = []

    def syntaxError(
        self, recognizer: Any, symbol: Any, line: int, column: int, message: str, error: Any
    ) -> None:
        self.found.append(f"{line}:{column}: {message}")


def esql_mistakes(query: str) -> list[str]:
    """What ES|QL's grammar says of a query."""
    errors = _Errors()
    lexer = EsqlBaseLexer(InputStream(query))
    parser = EsqlBaseParser(CommonTokenStream(lexer))
    for part in (lexer, parser):
        part.removeErrorListeners()
        part.addErrorListener(errors)
    parser.singleStatement()
    return errors.found


def eql_mistakes(query: str) -> list[str]:
    """What EQL's grammar says of a query."""
    try:
        with elasticsearch_syntax, allow_runs:
            parse_query(query)
    except EqlError as error:
        return [str(error)]
    return []
