"""`tapewatch doctor`: one finding for each part, with what to do."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.chain.anvil import Anvil
from tests.cli.command_line import RECORDED, Answer, tapewatch, write_configuration

SECRET = "s3cr3t-0123456789abcdef"


@pytest.fixture
def closed() -> Iterator[str]:
    """Host and port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else's
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def findings(answer: Answer) -> dict[str, dict[str, Any]]:
    return {finding["subject"]: finding for finding in json.loads(answer.out)}


def test_a_good_installation_has_no_bad_finding(tmp_path: Path) -> None:
    write_configuration(tmp_path)

    answer = tapewatch("doctor", folder=tmp_path)

    assert answer.code == 0, answer
    assert answer.error == ""
    for part in ("configuration", "reference data", "rules", "bus", "source recording"):
        assert f"ok   {part}: " in answer.out
    assert "bad " not in answer.out
    assert not (tmp_path / "nats").exists(), "nothing was started"


def test_a_port_of_the_metrics_that_another_process_has_is_found(tmp_path: Path) -> None:
    """Else everything is good, and `tapewatch run` doesn't start."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        write_configuration(tmp_path, observability={"port": port})
        answer = tapewatch("doctor", "--json", folder=tmp_path)
    assert answer.code == 1, answer
    finding = findings(answer)["metrics"]
    assert finding["level"] == "error"
    assert f"127.0.0.1:{port}" in finding["message"]
    assert "observability.port" in finding["advice"]


def test_everything_that_is_wrong_is_found_in_one_run(tmp_path: Path, closed: str) -> None:
    (tmp_path / "rule.yml").write_text("title: [\n")
    (tmp_path / "reference.yaml").write_text("tokens: {}\n")
    (tmp_path / "file").write_text("in the way\n")
    ws, http = f"ws://{closed}", f"http://{closed}"
    write_configuration(
        tmp_path,
        bus={"type": "embedded", "path": "file/nats"},
        reference=["reference.yaml"],
        detections={"rules": ["rule.yml"]},
        sources=[
            {"name": "node", "type": "evm", "network": "n", "endpoints": [f"{ws}/v3/${{env:KEY}}"]},
            {"name": "venue", "type": "coinbase", "url": f"{ws}?key=${{env:KEY}}",
             "rest_url": http, "products": ["A-USD"]},
            {"name": "other", "type": "kraken", "url": ws, "symbols": ["A/USD"]},
        ],
        sinks=[
            {"name": "es", "type": "elasticsearch", "urls": [http], "api_key": "${env:KEY}"},
            {"name": "hec", "type": "splunk_hec", "url": http, "token": "${env:KEY}"},
            {"name": "files", "type": "file", "path": "file/out"},
        ],
        notifications=[{"name": "hook", "type": "webhook", "url": f"{http}/${{env:KEY}}"}],
    )  # fmt: skip

    answer = tapewatch("doctor", "--json", folder=tmp_path, KEY=SECRET)

    assert answer.code == 1, answer
    assert answer.error == ""
    assert SECRET not in answer.out
    found = findings(answer)
    parts = ("reference data", "rules", "bus", "source node", "source venue", "source other",
             "sink es", "sink hec", "sink files", "notification hook")  # fmt: skip
    for part in parts:
        assert found[part]["level"] == "error", found[part]
    for part in parts[2:]:
        assert found[part]["advice"], found[part]
    assert "rule.yml:" in found["rules"]["message"]
    assert "reference.yaml:1:9" in found["reference data"]["message"]


def test_a_node_of_another_chain_is_found(anvil: Anvil, tmp_path: Path) -> None:
    source = {"name": "node", "type": "evm", "network": "n", "endpoints": [anvil.ws_url]}
    write_configuration(tmp_path, sources=[source | {"chain_id": 1}])

    answer = tapewatch("doctor", "--json", folder=tmp_path)

    assert answer.code == 1
    assert (
        "is of chain 31337, the configuration says 1" in findings(answer)["source node"]["message"]
    )
    write_configuration(tmp_path, sources=[source | {"chain_id": 31337}])
    answer = tapewatch("doctor", "--json", folder=tmp_path)
    assert findings(answer)["source node"]["level"] != "error"


def test_an_unset_secret_is_a_warning_for_the_configuration_and_an_error_for_its_part(
    tmp_path: Path,
) -> None:
    write_configuration(
        tmp_path,
        sources=[{"name": "node", "type": "evm", "network": "n",
                  "endpoints": ["wss://node.example/${env:TAPEWATCH_TEST_UNSET}"]}],
    )  # fmt: skip

    answer = tapewatch("doctor", "--json", folder=tmp_path)

    levels = [(f["subject"], f["level"]) for f in json.loads(answer.out)]
    assert ("configuration", "warning") in levels
    assert ("source node", "error") in levels
    assert answer.code == 1


def test_an_external_bus_that_is_not_there_is_found(tmp_path: Path, closed: str) -> None:
    write_configuration(tmp_path, bus={"type": "nats", "urls": [f"nats://{closed}"]})

    answer = tapewatch("doctor", "--json", folder=tmp_path, timeout=30)

    assert answer.code == 1
    assert closed in findings(answer)["bus"]["message"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    write_configuration(tmp_path, bus={"type": "embedded", "path": "locked/nats"})

    answer = tapewatch("doctor", "--json", folder=tmp_path)

    assert findings(answer)["bus"]["level"] == "error"


def test_a_recording_that_is_none_is_found(tmp_path: Path) -> None:
    path = RECORDED / "reference.yaml"
    write_configuration(tmp_path, sources=[{"name": "r", "type": "replay", "path": str(path)}])

    answer = tapewatch("doctor", "--json", folder=tmp_path)

    assert findings(answer)["source r"]["level"] == "error"
    assert "not a Tapewatch recording" in findings(answer)["source r"]["message"]


def test_a_log_whose_name_is_too_long_is_found_like_any_that_can_not_be_read(
    tmp_path: Path,
) -> None:
    log = {"name": "log", "type": "order_log", "venue": "v", "path": "a" * 300}
    write_configuration(tmp_path, sources=[log])

    answer = tapewatch("doctor", folder=tmp_path)

    assert answer.code == 1
    assert "can't be read: File name too long" in answer.out
    assert "sink files" in answer.out


def test_rules_are_read_with_the_configured_pipelines(tmp_path: Path) -> None:
    (tmp_path / "ledger.yml").write_text(
        "title: Large move\nlogsource: {product: ledger}\n"
        "detection:\n  s: {units|gte: 5000}\n  condition: s\n"
    )
    pipeline = "transformations:\n  - {type: field_name_mapping, mapping: {units: token.symbol}}\n"
    pipeline += "  - {type: change_logsource, product: tapewatch}\n"
    (tmp_path / "names.yml").write_text(pipeline)
    detections = {"rules": ["ledger.yml"], "pipelines": ["names.yml"]}
    write_configuration(tmp_path, detections=detections)

    answer = tapewatch("doctor", "--json", folder=tmp_path)

    assert "token.symbol" in findings(answer)["rules"]["message"]
