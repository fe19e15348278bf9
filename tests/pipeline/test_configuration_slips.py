"""Values of the right type that mean nothing: URLs without a scheme, no time, no room."""

from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import fields

from pipeline.config import urls
from pipeline.config.loading import load_configuration
from pipeline.config.reports import Transport
from pipeline.config.sinks import Notification, Sink
from pipeline.config.sources import Source
from pipeline.problems import Problem, ProblemsFound, render
from tests.cli.command_line import write_configuration

COINBASE = {
    "name": "venue",
    "type": "coinbase",
    "url": "wss://venue.example",
    "rest_url": "https://venue.example",
    "products": ["A-USD"],
}
CHAIN = {"name": "chain", "type": "evm", "network": "n", "endpoints": ["wss://node.example"]}
ELASTIC = {"name": "elastic", "type": "elasticsearch", "urls": ["https://es.example:9200"]}
MAIL = {
    "name": "mail",
    "type": "email",
    "host": "smtp.example.com",
    "sender": "a@example.com",
    "recipients": ["b@example.com"],
}


def the_problem(folder: Path, **changes: Any) -> Problem:
    with pytest.raises(ProblemsFound) as caught:
        load_configuration(write_configuration(folder, **changes))
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"sources": [CHAIN | {"endpoints": ["localhost:8545"]}]}, "ws://localhost:8545"),
        ({"sources": [CHAIN | {"endpoints": ["https://node.example"]}]}, None),
        ({"sources": [COINBASE | {"url": "venue.example"}]}, "wss://venue.example"),
        ({"sources": [COINBASE | {"rest_url": "wss://venue.example"}]}, None),
        ({"sinks": [ELASTIC | {"urls": ["127.0.0.1:9200"]}]}, "http://127.0.0.1:9200"),
        ({"sinks": [ELASTIC | {"urls": ["https://es.example", "es.example:9200"]}]},
         "https://es.example:9200"),
        ({"sinks": [ELASTIC | {"urls": ["https://"]}]}, None),
        ({"sinks": [ELASTIC | {"urls": ["//es.example"]}]}, None),
        ({"kibana": {"url": "localhost:5601", "api_key": "${env:HOME}"}}, "http://localhost:5601"),
        ({"reports": {"path": "r", "transports": [
            {"name": "p", "type": "https", "url": "portal.example", "file": "stor.xml"}]}},
         "https://portal.example"),
    ],
)  # fmt: skip
def test_a_url_of_another_kind_is_told_at_its_place(
    tmp_path: Path, changes: dict[str, Any], hint: str | None
) -> None:
    problem = the_problem(tmp_path, **changes)
    assert (problem.code, problem.hint) == ("config/url", hint)
    assert problem.location.line > 1


def test_a_key_in_a_url_of_another_kind_is_not_shown(tmp_path: Path) -> None:
    endpoint = "node.example/v2/8f14e45fceea167a5a36dedd4bea2543"
    problem = the_problem(tmp_path, sources=[CHAIN | {"endpoints": [endpoint]}])
    assert "8f14e45f" not in render([problem])


@pytest.mark.parametrize("url", ["wss://node.example/x", "WSS://node.example", "${env:HOME}"])
def test_a_url_of_the_right_kind_is_good(tmp_path: Path, url: str) -> None:
    load_configuration(write_configuration(tmp_path, sources=[CHAIN | {"endpoints": [url]}]))


@pytest.mark.parametrize(
    "changes",
    [
        {"bus": {"type": "embedded", "path": "n", "streams": {"dead": {"max_age": "0s"}}}},
        {"bus": {"type": "embedded", "path": "n", "streams": {"raw": {"max_size": "0MiB"}}}},
        {"bus": {"type": "embedded", "path": "n", "streams": {"raw": {"duplicate_window": "0s"}}}},
        {"sources": [CHAIN | {"request_timeout": "0s"}]},
        {"sources": [CHAIN | {"buffer": "0B"}]},
        {"sources": [CHAIN | {"reconnection": {"initial": "0s"}}]},
        {"sources": [CHAIN | {"reconnection": {"stale_after": "0s"}}]},
        {"sources": [CHAIN | {"start_block": -1}]},
        {"sources": [CHAIN | {"chain_id": 0}]},
        {"sources": [COINBASE | {"channels": []}]},
        {"sinks": [ELASTIC | {"timeout": "0s"}]},
    ],
)
def test_no_time_no_room_no_block_and_no_channel_are_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    problem = the_problem(tmp_path, **changes)
    assert problem.code in ("config/out-of-range", "config/length", "config/wrong-type")


@pytest.mark.parametrize("host", ["smtp.example.com:587", "smtp://smtp.example.com", "a b"])
def test_a_host_is_no_url_and_has_no_port(tmp_path: Path, host: str) -> None:
    problem = the_problem(tmp_path, notifications=[MAIL | {"host": host}])
    assert (problem.code, problem.expected) == ("config/pattern", "a host name without port")


@pytest.mark.parametrize("host", ["smtp.example.com", "10.0.0.1", "::1", "fe80::1:2"])
def test_a_host_may_be_a_name_or_an_address(tmp_path: Path, host: str) -> None:
    load_configuration(write_configuration(tmp_path, notifications=[MAIL | {"host": host}]))


def test_a_name_ends_before_the_end_of_the_line(tmp_path: Path) -> None:
    source = COINBASE | {"name": "venue\n"}
    assert the_problem(tmp_path, sources=[source]).code == "config/pattern"
    chain = CHAIN | {"contracts": ["0x" + "a" * 40 + "\n"]}
    assert the_problem(tmp_path, sources=[chain]).code == "config/pattern"


def test_whatever_the_configuration_has_a_url_in_is_looked_at() -> None:
    """A key that is new in a source or a sink is not forgotten."""
    of_databases = {("reference_sql", "url")}
    there = {
        (str(kind.__struct_config__.tag), field.encode_name)
        for kind in get_args(Source | Sink | Notification | Transport)
        for field in fields(kind)
        if field.encode_name in ("endpoints", "rest_url", "token_url", "url", "urls")
    }
    looked_at = {(type_, key) for type_, keys in urls.KEYS.items() for key in keys}
    assert there - of_databases - {("solana", "endpoints")} == looked_at
