"""Two wallets that nobody has labelled are filled from one, and trade with each other: the product
says that it is wash trading, and an analyst sees why it says so, and undoes it."""

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from collectors.recording import RecordedSource, RecordingWriter
from pipeline.frames import Frame
from pipeline.system_users import current_user
from pipeline.units import SECOND
from tests.detections.clusters.chain_frames import ChainFrames
from tests.detections.clusters.chain_tape import ALICE, BOB, CAROL, DAN, FUNDER, START
from tests.end_to_end.pipeline_run import ROOT, Installation
from tests.normalizer import blocks as b

SWAPS = 8
ROUND_TRIPS = "Round trips in a liquidity pool"


def record(folder: Path, *, funded: bool) -> None:
    """Wallets are filled; five seconds later they swap with each other through a pool."""
    chain = ChainFrames()
    source = FUNDER if funded else "0x" + "ee" * 20
    frames: list[Frame] = [
        chain.frame((FUNDER, ALICE)),
        chain.frame((source, BOB)),
        chain.frame((ALICE, CAROL), (BOB, DAN)),
    ]
    for number in range(SWAPS):
        who, tokens = (ALICE, 10) if number % 2 == 0 else (BOB, -10)
        frames.append(chain.frame(swaps=[(who, tokens)]))
    with RecordingWriter(folder / "session.jsonl", [RecordedSource("chain", "evm")]) as writer:
        for number, frame in enumerate(frames):
            at = START + (number if number < 3 else number + 5) * SECOND
            writer.write("chain", Frame(frame.position, at, frame.payload))
    tokens = msgspec.to_builtins(b.REFERENCE)["tokens"]
    (folder / "reference.yaml").write_text(yaml.safe_dump({"tokens": tokens}))


def installation(folder: Path, *, funded: bool, **changes: Any) -> Installation:
    record(folder, funded=funded)
    return Installation(
        folder,
        reference=["reference.yaml"],
        sources=[{"name": "chain", "type": "replay", "path": "session.jsonl", "speed": "original"}],
        detections={"rules": [str(ROOT / "sigma_rules" / "wash_trading")]},
        clusters={"checkpoint_every": "1s"},
        **changes,
    )


def run(installed: Installation) -> None:
    with installed.running("--until-done") as running:
        assert running.wait() == 0, running.tail()


def asked(installed: Installation, *arguments: str) -> Any:
    answer = installed.run("clusters", *arguments, "--json")
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    installed = installation(tmp_path_factory.mktemp("clusters"), funded=True)
    run(installed)
    return installed


def test_wallets_of_one_source_that_trade_with_each_other_give_the_alert(
    found: Installation,
) -> None:
    alerts = [one for one in found.alerts() if one["rule"]["name"] == ROUND_TRIPS]
    assert alerts
    (cluster,) = asked(found, "list")
    assert set(cluster["members"]) == {ALICE, BOB}
    assert cluster["reasons"] == {"funding": 1}
    assert cluster["id"] in alerts[0]["event"]["reason"]
    assert {ALICE, BOB} <= set(alerts[0]["related"]["user"])


def test_without_a_common_source_nothing_is_found(tmp_path: Path) -> None:
    installed = installation(tmp_path, funded=False)
    run(installed)
    assert [one for one in installed.alerts() if one["rule"]["name"] == ROUND_TRIPS] == []
    assert asked(installed, "list") == []
    (why,) = asked(installed, "why", ALICE, BOB)
    assert (why["together"], why["sentence"]) == (False, "nothing links them")


def test_an_analyst_sees_why_and_finds_the_evidence(found: Installation) -> None:
    (why,) = asked(found, "why", ALICE, BOB)
    assert why["together"]
    ((step,), (link,)) = (why["path"], why["path"][0]["links"])
    assert (link["reason"], step["weight"]) == ("funding", 0.7)
    assert FUNDER in link["detail"]
    events = {one["event"]["id"]: one for one in found.documents("events")}
    shown = [events[one] for one in link["events"]]
    assert {one["destination"]["address"] for one in shown} == {ALICE, BOB}
    assert {one["blockchain"]["transaction"]["hash"] for one in shown} == set(link["transactions"])
    text = found.run("clusters", "why", ALICE, BOB).stdout
    assert text.startswith("they are one cluster: linked directly\n")
    assert f"their first money came from {FUNDER}" in text


def test_what_linked_them_is_an_event_with_its_evidence(found: Installation) -> None:
    (linked,) = [
        one for one in found.documents("events") if one["event"]["action"] == "addresses-linked"
    ]
    assert linked["surveillance"]["link"]["reason"] == "funding"
    assert linked["surveillance"]["link"]["weight"] == 0.7
    assert len(linked["surveillance"]["link"]["evidence"]) == 2


def test_an_override_is_on_record_and_undoes_the_cluster_until_it_is_lifted(
    found: Installation,
) -> None:
    said = found.run(
        "clusters", "override", "apart", ALICE, BOB, "--reason", "two brothers",
        "--on-behalf-of", "ana",
    )  # fmt: skip
    who = f"{current_user()}, on behalf of ana"
    assert said.returncode == 0, said.stderr
    identity = said.stdout.partition(":")[0]
    run(found)
    assert asked(found, "list") == []
    (why,) = asked(found, "why", ALICE, BOB)
    assert why["sentence"] == f"{who} has separated them: two brothers"
    (override,) = asked(found, "override", "list")
    assert (override["id"], override["who"]) == (identity, who)
    (event,) = [
        one for one in found.documents("events") if one["event"]["action"] == "cluster-overridden"
    ]
    assert event["event"]["reason"] == "two brothers"
    assert event["surveillance"]["override"]["author"] == who

    assert found.run("clusters", "override", "lift", identity).returncode == 0
    run(found)
    (cluster,) = asked(found, "list")
    assert set(cluster["members"]) == {ALICE, BOB}
    assert found.run("clusters", "override", "lift", "override-none").returncode == 1
    for command, code, said in (
        (("why", ALICE, "0x12"), 2, "0x12 is no address: expected an EVM address or a Solana"),
        (("override", "apart", ALICE, "0x12", "--reason", "x"), 2, "0x12 is no address"),
        (("override", "apart", ALICE, BOB, "--reason", " "), 2, "--reason: say why"),
    ):
        answer = found.run("clusters", *command)
        assert (answer.returncode, said in answer.stdout + answer.stderr) == (code, True), answer
    upper = found.run("clusters", "show", ALICE.upper())
    assert (upper.returncode, ALICE in upper.stdout) == (0, True)


def test_stages_that_are_killed_lose_and_repeat_nothing(tmp_path: Path) -> None:
    installed = installation(tmp_path, funded=True)
    with installed.running("--until-done") as running:
        for stage in ("clusters", "normalizer", "clusters"):
            running.until(lambda stage=stage: running.stage_pid(stage))
            time.sleep(1.5)
            if running.process.poll() is None and running.stage_pid(stage):
                running.kill_stage(stage)
        assert running.wait() == 0, running.tail()
    (cluster,) = asked(installed, "list")
    assert set(cluster["members"]) == {ALICE, BOB}
    linked = [
        one["event"]["action"]
        for one in installed.documents("events")
        if one["event"]["action"] in ("addresses-linked", "addresses-unlinked")
    ]
    assert linked == ["addresses-linked"]
