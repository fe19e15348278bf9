"""The configuration file: everything that is wrong with it in one run, and no more than that."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config.loading import load_configuration
from pipeline.config.schema import EmbeddedBus
from pipeline.config.sources import ReplaySource
from pipeline.problems import Problem, ProblemsFound
from tests.cli.command_line import ROOT, configuration, tapewatch, write_configuration

GOLDEN = Path(__file__).parent / "golden"


def problems(folder: Path, **changes: Any) -> list[Problem]:
    with pytest.raises(ProblemsFound) as caught:
        load_configuration(write_configuration(folder, **changes))
    return list(caught.value.problems)


def codes(folder: Path, **changes: Any) -> list[str]:
    return [problem.code for problem in problems(folder, **changes)]


def coinbase(**changes: Any) -> dict[str, Any]:
    return {
        "name": "venue",
        "type": "coinbase",
        "url": "wss://venue.example",
        "rest_url": "https://venue.example",
        "products": ["A-USD"],
    } | changes


def test_the_file_that_comes_with_the_product_loads_without_a_warning() -> None:
    warnings: list[Problem] = []

    loaded = load_configuration(ROOT / "pipeline.yaml", warnings=warnings)

    assert warnings == []
    assert isinstance(loaded.bus, EmbeddedBus)
    assert isinstance(loaded.sources[0], ReplaySource)
    assert loaded.bus.path == ROOT / "var" / "nats", "paths start from the file's folder"


def test_every_example_in_the_products_file_loads_when_its_comment_marks_are_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ALCHEMY_KEY", "COINBASE_KEY", "COINBASE_SECRET", "COINBASE_PASSPHRASE"):
        monkeypatch.setenv(name, "x" * 20)
    for name in (
        "ELASTIC_API_KEY",
        "HOOK_PATH",
        "HOOK_SECRET",
        "TRM_KEY",
        "FRACTAL_ID",
        "SOLANA_KEY",
        "THEGRAPH_KEY",
        "SLACK_HOOK",
        "PAGERDUTY_KEY",
        "SMTP_PASSWORD",
    ):
        monkeypatch.setenv(name, "x" * 20)
    for name in ("hec-token", "elastic-ca.pem", "mask-key", "fractal-secret"):
        (tmp_path / name).write_text("x\n")
        (tmp_path / name).chmod(0o600)
    lines = [
        line.replace("  # ", "  ", 1) if line.startswith(("  # -", "  #   ")) else line
        for line in (ROOT / "pipeline.yaml").read_text().splitlines()
    ]
    text = "\n".join(lines).replace("notifications: []", "notifications:")
    text = text.replace("dead_letters: []", "dead_letters:")
    text = text.replace("/etc/tapewatch", str(tmp_path))
    document = yaml.safe_load(text)
    document["reference"] = [str(ROOT / "demo/recorded/reference.yaml")]
    document["detections"]["rules"] = [str(ROOT / "sigma_rules")]
    document["sources"][0]["path"] = str(ROOT / "demo/recorded/session.jsonl.gz")

    loaded = load_configuration(write_configuration(tmp_path, **document))

    assert {type(source).__name__ for source in loaded.sources} == {
        "ReplaySource", "EvmSource", "SubgraphSource", "SolanaSource", "CoinbaseSource",
        "KrakenSource", "FixDropCopySource", "OrderLogSource",
        "SqlReference", "OfacList", "Trm", "Fractal",
    }  # fmt: skip
    assert {type(sink).__name__ for sink in loaded.sinks} == {
        "FileSink", "ElasticsearchSink", "SplunkHecSink",
    }  # fmt: skip
    assert (len(loaded.notifications), len(loaded.dead_letters)) == (4, 2)


def test_the_external_bus_of_the_products_file_loads_too(tmp_path: Path) -> None:
    (tmp_path / "nats.creds").write_text("x")
    (tmp_path / "ca.pem").write_text("x")
    lines = (ROOT / "pipeline.yaml").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip() == "# type: nats")
    example = [line.replace("# ", "", 1).strip() for line in lines[start : start + 5]]
    text = "\n".join(example).replace("/etc/tapewatch", str(tmp_path))

    loaded = load_configuration(write_configuration(tmp_path, bus=yaml.safe_load(text)))

    assert not isinstance(loaded.bus, EmbeddedBus)
    assert loaded.bus.prefix == "TAPEWATCH"


def test_a_badly_wrong_file_is_told_everything_at_once_with_exit_2(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_bytes((GOLDEN / "bad_configuration.yaml").read_bytes())

    answer = tapewatch("run", folder=tmp_path, TAPEWATCH_TEST_SET_KEY="x")

    said = answer.error.replace(str(tmp_path), "<folder>")
    golden = GOLDEN / "bad_configuration.txt"
    if os.environ.get("TAPEWATCH_WRITE_GOLDEN"):
        golden.write_text(said)
    assert said == golden.read_text()
    assert answer.code == 2
    assert answer.out == ""
    assert "hunter2" not in said
    assert not (tmp_path / "var").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipeline.yaml"], "nothing was started"


def test_commands_that_need_no_secrets_do_not_ask_for_them(tmp_path: Path) -> None:
    unset = "${env:TAPEWATCH_TEST_UNSET}"
    source = coinbase(api_key=unset, api_secret=unset, passphrase=unset)
    write_configuration(tmp_path, sources=[source])

    assert tapewatch("run", folder=tmp_path).code == 2
    answer = tapewatch("status", folder=tmp_path)

    assert "TAPEWATCH_TEST_UNSET" not in answer.error
    assert "no embedded bus runs" in answer.error


def test_two_sources_or_two_sinks_of_one_name_are_refused(tmp_path: Path) -> None:
    source, sink = configuration()["sources"][0], configuration()["sinks"][0]
    hook = {"name": "files", "type": "webhook", "url": "https://hook.example"}

    assert codes(tmp_path, sources=[source, source]) == ["config/repeated-name"]
    assert codes(tmp_path, sinks=[sink, sink]) == ["config/repeated-name"]
    assert codes(tmp_path, notifications=[hook]) == ["config/repeated-name"]


@pytest.mark.parametrize(
    "bus",
    [{"max_storage": "47GiB"}, {"streams": {"raw": {"max_size": "23GiB"}}}],
)
def test_streams_that_do_not_fit_into_the_storage_are_refused(
    tmp_path: Path, bus: dict[str, Any]
) -> None:
    assert codes(tmp_path, bus={"type": "embedded", "path": "nats"} | bus) == ["config/storage"]


def test_smaller_streams_fit_into_less_storage(tmp_path: Path) -> None:
    bus = {"type": "embedded", "path": "nats", "max_storage": "31GiB",
           "streams": {"raw": {"max_size": "1GiB"}}}  # fmt: skip

    assert load_configuration(write_configuration(tmp_path, bus=bus))


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (coinbase(rest_url=None), "config/rest-url"),
        (coinbase(api_key="${env:HOME}"), "config/incomplete-credentials"),
        (coinbase(api_secret="${env:HOME}", passphrase="${env:HOME}"),
         "config/incomplete-credentials"),
        ({"name": "k", "type": "kraken", "url": "wss://k.example", "symbols": ["A/USD"],
          "channels": ["level3"]}, "config/level3-token"),
        ({"name": "r", "type": "replay", "path": "pipeline.yaml", "protocol": "coinbase"},
         "config/replay-venue"),
        ({"name": "r", "type": "reference_file", "path": "a.csv"}, "config/reference-kind"),
        ({"name": "r", "type": "reference_file", "path": "a.yaml", "kind": "token"},
         "config/reference-kind"),
        ({"name": "r", "type": "reference_file", "path": "a.txt", "kind": "token"},
         "config/reference-format"),
        ({"name": "r", "type": "reference_file", "path": "a.csv", "kind": "investor",
          "columns": {"juristiction": "land"}}, "config/reference-field"),
    ],
)  # fmt: skip
def test_what_a_source_cannot_work_without_is_told(
    tmp_path: Path, source: dict[str, Any], code: str
) -> None:
    assert codes(tmp_path, sources=[source]) == [code]


def test_checks_on_chain_are_chosen_from_those_that_there_are(tmp_path: Path) -> None:
    chain = {"name": "chain", "type": "evm", "network": "n", "endpoints": ["ws://127.0.0.1:1"]}
    checks = {"ask": ["verfied"], "calls_per_blok": 3, "batch": 0, "timeout": "0s"}

    found = problems(tmp_path, sources=[chain | {"checks": checks}])

    assert {one.path: one.hint for one in found} == {
        "sources[0].checks.ask[0]": "verified",
        "sources[0].checks.calls_per_blok": "calls_per_block",
        "sources[0].checks.batch": None,
        "sources[0].checks.timeout": None,
    }


@pytest.mark.parametrize(
    "source",
    [
        coinbase(),
        coinbase(rest_url=None, channels=["matches"]),
        coinbase(api_key="${env:HOME}", api_secret="${env:HOME}", passphrase="${env:HOME}"),
        {"name": "k", "type": "kraken", "url": "wss://k.example", "symbols": ["A/USD"],
         "channels": ["level3"], "token": "${env:HOME}"},
        {"name": "r", "type": "replay", "path": "pipeline.yaml", "protocol": "evm"},
    ],
)  # fmt: skip
def test_sources_that_have_what_they_need_are_good(tmp_path: Path, source: dict[str, Any]) -> None:
    assert load_configuration(write_configuration(tmp_path, sources=[source])).sources


@pytest.mark.parametrize(
    ("bus", "code"),
    [
        ({"username": "watch"}, "config/incomplete-credentials"),
        ({"password": "${env:HOME}"}, "config/incomplete-credentials"),
        ({"token": "${env:HOME}", "username": "watch", "password": "${env:HOME}"},
         "config/several-credentials"),
        ({"tls": {"key": "pipeline.yaml"}}, "config/incomplete-credentials"),
        ({"tls": {"ca_certificate": "pipeline.yml"}}, "config/no-such-path"),
        ({"credentials": "nats.creds"}, "config/no-such-path"),
    ],
)  # fmt: skip
def test_a_bus_that_cannot_be_logged_in_to_is_told(
    tmp_path: Path, bus: dict[str, Any], code: str
) -> None:
    external = {"type": "nats", "urls": ["nats://127.0.0.1:4222"]}
    assert codes(tmp_path, bus=external | bus) == [code]


def test_a_sink_with_half_a_login_is_refused(tmp_path: Path) -> None:
    sink = {"name": "e", "type": "elasticsearch", "urls": ["https://e.example"], "username": "w"}
    assert codes(tmp_path, sinks=[sink]) == ["config/incomplete-credentials"]


@pytest.mark.parametrize("name", ["investors.csv", "Investors.XLSX", "i.parquet"])
def test_a_table_under_reference_is_told_to_be_a_source(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("id\n")
    (tmp_path / "r.yaml").write_text("")
    path = write_configuration(tmp_path, reference=["r.yaml", name])
    with pytest.raises(ProblemsFound) as caught:
        load_configuration(path)
    (problem,) = caught.value.problems
    assert problem.code == "config/reference-table"
    assert "type: reference_file" in (problem.advice or "")


def test_a_path_that_is_nearly_right_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    bus = {"type": "nats", "urls": ["tls://n.example:4222"], "tls": {"ca_certificate": "ca.pen"}}

    (problem,) = problems(tmp_path, bus=bus)

    assert problem.hint == "ca.pem"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a group of settings"),
        ("bus: [\n", "pipeline.yaml:2:1: error"),
        ("- a\n- b\n", "pipeline.yaml:1:1: error"),
        ("bus: {type: embedded, path: nats}\nbus: 1\n", "pipeline.yaml:2:1: error"),
        ("bus: &a [*a]\n", "pipeline.yaml:1"),
        ("\x00\x01", "pipeline.yaml"),
        ("a: " + "[" * 5_000, "pipeline.yaml:1"),
    ],
    ids=["empty", "torn", "list", "twice", "cycle", "binary", "deep"],
)
def test_what_is_no_configuration_at_all_is_told_in_words(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "pipeline.yaml").write_text(text)

    answer = tapewatch("doctor", folder=tmp_path)

    assert answer.code == 2
    assert said in answer.out


@pytest.mark.parametrize("command", [("run",), ("status",), ("dead", "list"), ("setup", "elastic")])
def test_a_file_that_is_not_there_is_said_with_exit_2(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    answer = tapewatch(*command, "--config", "other.yaml", folder=tmp_path)

    assert answer.code == 2
    assert "other.yaml" in answer.error


def test_a_secret_file_that_others_can_read_is_a_warning_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef")
    (tmp_path / "key").chmod(0o644)
    hook = {"name": "h", "type": "webhook", "url": "https://h.example", "secret": "${file:key}"}
    warnings: list[Problem] = []

    load_configuration(write_configuration(tmp_path, notifications=[hook]), warnings=warnings)

    assert [(w.code, w.severity) for w in warnings] == [("secret/exposed", "warning")]
    answer = tapewatch("doctor", "--json", folder=tmp_path)
    findings = [f for f in json.loads(answer.out) if f["subject"] == "configuration"]
    assert [f["level"] for f in findings] == ["warning", "ok"]
    assert "pipeline.yaml:" in findings[0]["message"]
    assert findings[0]["advice"]
