"""Whatever bytes come, there is a value or ProblemsFound, within bounded time."""

import contextlib
import time
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

import pipeline.yaml_composer as yaml_composer
from pipeline.problems import ProblemsFound, render, to_json
from pipeline.secrets import EnvironmentScheme, FileScheme, SecretResolver
from pipeline.structured import examine, load
from tests.pipeline.structured_example import Example

GOLDEN = (Path(__file__).parent / "golden" / "badly_wrong.yaml").read_bytes()
RESOLVER = SecretResolver({"env": EnvironmentScheme({"KEY": "value"}), "file": FileScheme()})
PARSERS = [getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader]

_PIECES = st.sampled_from(
    [
        *("\n", "\n  ", "\n    - ", ": ", "- ", "? ", "{", "}", "[", "]", ", ", "|\n", ">-\n"),
        *("&a ", "*a", "!x ", "!!str ", "<<", "#", "'", '"', "\\", "\t", "---\n", "...\n", "%"),
        *("bus", "type", "nats", "urls", "sources", "venue", "name", "window", "detections"),
        *("5s", "5", "1e999", "no", "0x1F", ".nan", "~", "true", "10%", "2026-01-31", "-"),
        *("${env:KEY}", "${env:", "${file:x}", "$${", "é", "\u202e", "\U0001f600", '"\\ud800"'),
        *('"\\U99999999"', '"\\x00"', "a" * 1_100, "9" * 500),
    ]
)
_YAML_LIKE = st.lists(_PIECES, max_size=60).map(lambda parts: "".join(parts).encode())


@st.composite
def _broken_copies(draw: st.DrawFn) -> bytes:
    data = bytearray(GOLDEN)
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        data[start:end] = draw(st.one_of(st.binary(max_size=4), _PIECES.map(str.encode)))
    return bytes(data)


_QUICK = settings(max_examples=150, deadline=None)


def _must_hold(data: bytes, type_: Any) -> None:
    for parser in PARSERS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(yaml_composer, "PARSER", parser)
            outcome = examine(data, type_, name="f.yaml", secrets=RESOLVER)
        if outcome.ok:
            load(data, type_, name="f.yaml", secrets=RESOLVER)
        else:
            assert render(outcome.problems)
            assert to_json(outcome.problems)
        for problem in outcome.problems:
            place = problem.location
            assert place.line >= 0
            assert place.column >= (1 if place.line else 0)
            assert place.line <= data.count(b"\n") + data.count(b"\r") + 1


@_QUICK
@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_problems(data: bytes) -> None:
    _must_hold(data, Any)


def test_a_document_that_only_begins_has_its_problem_on_its_line() -> None:
    (problem,) = examine(b"---", int, name="f.yaml").problems
    assert (problem.location.line, problem.location.column) == (1, 4)


@_QUICK
@given(_YAML_LIKE)
def test_anything_like_yaml_gives_a_value_or_problems(data: bytes) -> None:
    _must_hold(data, Any)
    _must_hold(data, Example)


@_QUICK
@given(_broken_copies())
def test_any_broken_copy_of_a_file_gives_a_value_or_problems(data: bytes) -> None:
    _must_hold(data, Example)


@_QUICK
@given(st.text(max_size=80))
def test_any_text_in_quotes_is_read_as_it_is(text: str) -> None:
    with contextlib.suppress(UnicodeEncodeError):
        data = yaml.safe_dump(text, allow_unicode=False, default_style='"').encode()
        outcome = examine(data, str)
        assert outcome.value == text.replace("$${", "${") or "${" in text


class Investor(Struct, kw_only=True):
    address: Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{40}$", description="an EVM address")]
    name: str
    jurisdiction: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    accredited: bool
    limit: Annotated[int, Meta(ge=0)]
    labels: list[str]
    cluster: str | None = None


class Reference(Struct):
    investors: list[Investor]


def _reference(entries: int, investor: str) -> bytes:
    lines = [investor.replace("NUMBER", f"{n:040x}") for n in range(entries)]
    return ("investors:\n" + "\n".join(lines)).encode()


_INVESTOR = """\
  - address: 0xNUMBER
    name: Investor NUMBER
    jurisdiction: US
    accredited: true
    limit: 250000
    labels: [custodian, 'market maker']
    cluster: c1"""


def _seconds(data: bytes, errors: bool) -> float:
    best = 1e9
    for _ in range(3):  # of the processor's time, since the machine may be shared
        start = time.process_time()
        outcome = examine(data, Reference)
        best = min(best, time.process_time() - start)
        assert outcome.ok is not errors
    return best


@pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="PyYAML was built without libyaml")
def test_a_reference_file_of_5000_entries_loads_in_less_than_a_second() -> None:
    assert _seconds(_reference(5_000, _INVESTOR), errors=False) < 1


@pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="PyYAML was built without libyaml")
def test_a_file_that_is_wrong_everywhere_takes_no_longer() -> None:
    wrong = _INVESTOR.replace("jurisdiction", "juristiction").replace("true", "yes")
    assert _seconds(_reference(5_000, wrong), errors=True) < 1


@pytest.mark.parametrize(
    "data",
    [
        b"password" * 500_000 + b": a: b",
        b"a: " + b"secret" * 600_000 + b": b",
        b"a: ://" + b"x" * 3_000_000 + b": b",
        b"a: 1" + b"_0" * 1_000_000,
        b"a: " + b"9" * 4_000_000,
        b"a: 1:" + b"0:" * 1_000_000,
        b"a: " + b"${" * 1_000_000,
        b"a: " + b"x" * 4_000_000,
        b"{" + b"? " * 100_000,
        b"- " * 100_000,
        b"a:\n" + b" " * 4_000_000 + b"\tb",
        b"'" + b"''" * 1_000_000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_large_hostile_files_are_answered_in_bounded_time(data: bytes) -> None:
    start = time.process_time()
    with contextlib.suppress(ProblemsFound):
        load(data, dict[str, int | str], name="f.yaml")
    with contextlib.suppress(ProblemsFound):
        load(data, Example, name="f.yaml")
    assert time.process_time() - start < 10
