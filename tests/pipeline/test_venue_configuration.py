"""The configuration of sources with accounts, and of venues whose feeds need a login."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.config.loading import load_configuration
from pipeline.config.sources import (
    ArchaxSource,
    FixDropCopySource,
    FixMarketDataSource,
    InxSource,
    OrderLogSource,
)
from pipeline.problems import Problem, ProblemsFound
from pipeline.units import SECOND
from tests.cli.command_line import write_configuration

ORDER_LOG: dict[str, Any] = {
    "name": "orders",
    "type": "order_log",
    "path": "logs/orders-*.csv",
    "venue": "acme-ats",
}
DROP_COPY: dict[str, Any] = {
    "name": "copy",
    "type": "fix_drop_copy",
    "host": "fix.ats-1.example.com",
    "port": 9880,
    "sender_comp_id": "US",
    "target_comp_id": "THEM",
    "venue": "acme-ats",
}
MARKET_DATA = DROP_COPY | {"name": "tzero", "type": "fix_market_data", "symbols": ["TZROP"]}
INX: dict[str, Any] = {
    "name": "inx",
    "type": "inx",
    "url": "wss://gw-client-api-ws.trading.republic.com",
    "rest_url": "https://gw-client-api-rest.trading.republic.com",
    "api_key_id": "${env:INX_ID}",
    "private_key": "${env:INX_KEY}",
    "markets": ["BTC-USD", "SPICE-USD"],
}
ARCHAX: dict[str, Any] = {
    "name": "archax",
    "type": "archax",
    "url": "wss://ace-auth.archax.com/api/3.0/gateway",
    "rest_url": "https://ace-auth.archax.com/api/3.0",
    "email": "${env:ARCHAX_EMAIL}",
    "password": "${env:ARCHAX_PASSWORD}",
    "symbols": ["ETH-USD"],
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INX_ID", "INX_KEY", "ARCHAX_EMAIL", "ARCHAX_PASSWORD"):
        monkeypatch.setenv(name, "x" * 20)


def problems(folder: Path, source: dict[str, Any]) -> list[Problem]:
    with pytest.raises(ProblemsFound) as caught:
        load_configuration(write_configuration(folder, sources=[source]))
    return list(caught.value.problems)


def test_all_of_them_load_with_what_they_need_only(tmp_path: Path) -> None:
    sources = [ORDER_LOG, DROP_COPY, MARKET_DATA, INX, ARCHAX]
    loaded = load_configuration(write_configuration(tmp_path, sources=sources)).sources
    kinds = [type(source) for source in loaded]
    assert kinds == [
        OrderLogSource,
        FixDropCopySource,
        FixMarketDataSource,
        InxSource,
        ArchaxSource,
    ]
    log, copy = loaded[0], loaded[1]
    assert isinstance(log, OrderLogSource)
    assert log.path == tmp_path / "logs" / "orders-*.csv"
    assert isinstance(copy, FixDropCopySource)
    assert (copy.tls, copy.heartbeat) == (True, 30 * SECOND)


@pytest.mark.parametrize(
    ("source", "change", "said"),
    [
        (ORDER_LOG, {"pth": "x"}, "path"),
        (ORDER_LOG, {"trade_sides": "eech"}, "each"),
        (ORDER_LOG, {"venue": None}, "venue"),
        (DROP_COPY, {"sender_compid": "US"}, "sender_comp_id"),
        (DROP_COPY, {"port": 99999}, "65535"),
        (DROP_COPY, {"host": "fix.example.com:9880"}, "host"),
        (DROP_COPY, {"sender_comp_id": "A=B"}, "FIX"),
        (DROP_COPY, {"heartbeat": "100ms"}, "1s"),
        (DROP_COPY, {"username": "${env:INX_ID}"}, "password"),
        (DROP_COPY, {"tls": False, "ca_certificate": "ca.pem"}, "tls: true"),
        (MARKET_DATA, {"symbols": []}, "symbols"),
        (INX, {"markets": ["A-USD", "B-USD", "C-USD"]}, "5"),
        (INX, {"private_key": "-----BEGIN PRIVATE KEY-----"}, "env"),
        (ARCHAX, {"channels": ["depths"]}, "depth"),
    ],
)
def test_what_is_wrong_is_said_with_what_was_meant(
    tmp_path: Path, source: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    (tmp_path / "ca.pem").write_text("x")
    changed = {name: value for name, value in (source | change).items() if value is not None}
    found = problems(tmp_path, changed)
    told = " ".join(
        f"{one.message} {one.expected} {one.hint} {one.advice} {one.path}" for one in found
    )
    assert said in told, told


LUNARCRUSH: dict[str, Any] = {"name": "crowd", "type": "lunarcrush", "api_key": "${env:INX_KEY}"}


@pytest.mark.parametrize(("key", "other"), [("token", "topic"), ("topic", "token")])
def test_two_topics_of_one_token_would_be_one_feed_of_two_scales(
    tmp_path: Path, key: str, other: str
) -> None:
    topics = [{key: "acme", other: "one"}, {key: "acme", other: "two"}]
    (found,) = problems(tmp_path, LUNARCRUSH | {"topics": topics})
    assert found.code == "config/repeated-topic"
    assert f'the {key} "acme" is there twice' in found.message
    assert found.related
