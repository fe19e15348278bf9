"""Personal data from end to end: providers that tell names, and no byte of them on our side."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.pseudonyms import Pseudonyms
from tests.collectors.test_ofac_list import ADVANCED
from tests.end_to_end.pipeline_run import RECORDED, Installation
from tests.servers.providers.chainalysis import ChainalysisDouble
from tests.servers.providers.civic import CivicDouble
from tests.servers.providers.double import PLANTED
from tests.servers.providers.fractal import FractalDouble
from tests.servers.providers.jumio import JumioDouble
from tests.servers.providers.ofac import OfacDouble
from tests.servers.providers.trm import TrmDouble

UID = "b76ab44d-b71e-4d19-b6f9-f6e88cd73946"
ACCOUNT = "572ac7b5-9f83-409d-ba8e-f0014e411c7e"
WORKFLOW = "41f71912-1c6b-4e2f-b340-d6dc10cd69b8"


class World:
    """All providers, each with something personal to tell, and an installation that asks them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.fractal = stack.enter_context(FractalDouble())
        self.jumio = stack.enter_context(JumioDouble())
        self.civic = stack.enter_context(CivicDouble())
        self.chainalysis = stack.enter_context(ChainalysisDouble())
        self.trm = stack.enter_context(TrmDouble())
        self.ofac = stack.enter_context(OfacDouble())
        self.ofac.content = ADVANCED
        self.fractal.verified(UID)
        self.fractal.shared("user-token", UID, wallet=recorded_wallets()[0])
        self.jumio.decided(ACCOUNT, WORKFLOW)
        self.civic.issued(recorded_wallets()[0])
        self._outside = folder / "outside"
        self._outside.mkdir()
        for wallet in recorded_wallets():
            self.chainalysis.sanctioned.add(wallet)
            self.trm.owned(wallet, 10, "Mixer")
        inside = folder / "inside"
        inside.mkdir()
        self.installation = Installation(
            inside,
            sources=[*self._sources(), Installation(inside).configuration["sources"][0]],
            reference=[str(tokens_alone(inside))],
            privacy={"path": str(inside / "privacy")},
            sinks=[
                {"name": "files", "type": "file", "path": "out"},
                {
                    "name": "masked",
                    "type": "file",
                    "path": "masked",
                    "mask": {
                        "key": self._secret("mask", "a key for this sink alone"),
                        "identity": "hash",
                        "wallet": "drop",
                        "account": "hash",
                        "attribute": "drop",
                        "text": "drop",
                    },
                },
            ],
        )

    def _private(self, name: str, text: str) -> str:
        path = self._outside / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def _secret(self, name: str, text: str) -> str:
        return f"${{file:{self._private(name, text)}}}"

    def _sources(self) -> list[dict[str, Any]]:
        def login(double: Any, name: str, path: str) -> dict[str, Any]:
            return {
                "name": name,
                "token_url": double.url + path,
                "client_id": self._secret(f"{name}-id", double.client_id),
                "client_secret": self._secret(f"{name}-secret", double.client_secret),
                "every": "1s",
                "per_second": 100,
            }

        return [
            login(self.fractal, "fractal", "/oauth/token")
            | {
                "type": "fractal",
                "url": self.fractal.url,
                "user_tokens": self._private("tokens", "user-token\n"),
            },
            login(self.jumio, "jumio", "/oauth2/token")
            | {
                "type": "jumio",
                "url": self.jumio.url + "/api/v1",
                "workflows": self._private("wf.csv", f"account,workflow\n{ACCOUNT},{WORKFLOW}\n"),
            },
            login(self.civic, "civic", "/oauth/token")
            | {"type": "civic", "url": self.civic.url + "/partner"},
            {
                "type": "chainalysis",
                "name": "chainalysis",
                "url": self.chainalysis.url,
                "api_key": self._secret("chainalysis", self.chainalysis.key),
                "every": "1s",
                "per_second": 1000,
            },
            {
                "type": "trm",
                "name": "trm",
                "url": self.trm.url,
                "api_key": self._secret("trm", self.trm.key),
                "every": "1s",
                "per_second": 1000,
            },
            {"type": "ofac", "name": "ofac", "url": self.ofac.url, "every": "1s"},
        ]

    def told(self) -> list[dict[str, Any]]:
        """The events of reference data in the sink."""
        return [
            event
            for event in self.installation.documents("events")
            if event["event"]["provider"].startswith("reference:")
        ]

    def providers(self) -> set[str]:
        """Of which sources there are events of reference data."""
        return {event["event"]["provider"].removeprefix("reference:") for event in self.told()}

    def masked(self, content: str) -> list[dict[str, Any]]:
        """What the sink with a mask holds."""
        return self.installation.documents(content, "masked")

    def bytes_with(self, word: str) -> list[str]:
        """Files of the installation in which a word stands: the bus, the sink, logs and keys."""
        files = [path for path in self.installation.folder.rglob("*") if path.is_file()]
        assert len(files) > 10
        return [
            str(path.relative_to(self.installation.folder))
            for path in files
            if word.encode() in path.read_bytes()
        ]


def recorded_wallets() -> list[str]:
    """Wallets of the recorded session's investors."""
    known = yaml.safe_load((RECORDED / "reference.yaml").read_text())
    return [wallet for one in known["investors"] for wallet in one.get("addresses", ())]


def tokens_alone(folder: Path) -> Path:
    """The recorded reference data without its investors: those come from the providers here."""
    known = yaml.safe_load((RECORDED / "reference.yaml").read_text())
    path = folder / "tokens.yaml"
    path.write_text(yaml.safe_dump({"tokens": known["tokens"]}))
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The pipeline with all providers, until each of them has told what it knows."""
    with ExitStack() as stack:
        built = World(tmp_path_factory.mktemp("persons"), stack)
        with built.installation.running() as run:
            run.until(lambda: len(built.providers()) == 6)
            run.until(lambda: built.installation.documents("alerts"))
            for content in ("events", "alerts"):
                there = len(built.installation.documents(content))
                run.until(lambda: len(built.masked(content)) >= there, 60)  # noqa: B023
        yield built


def test_every_provider_is_heard(world: World) -> None:
    assert world.providers() == {"fractal", "jumio", "civic", "ofac", "chainalysis", "trm"}


def test_the_pseudonym_is_on_the_bus_and_in_the_sink(world: World) -> None:
    people = Pseudonyms(world.installation.folder / "privacy" / "people.json")
    pseudonym = people.of("fractal", [UID])[UID]
    places = world.bytes_with(pseudonym)
    assert any(place.startswith("nats/") for place in places)
    assert any(place.startswith("out/") for place in places)


def test_a_sink_with_a_mask_has_every_document_and_nobody_in_it(world: World) -> None:
    people = Pseudonyms(world.installation.folder / "privacy" / "people.json")
    pseudonym = people.of("fractal", [UID])[UID]
    for content in ("events", "alerts"):
        whole = {one["event"]["id"] for one in world.installation.documents(content)}
        assert whole <= {one["event"]["id"] for one in world.masked(content)}
    held = {
        place.partition("/")[0]
        for word in (pseudonym, *recorded_wallets())
        for place in world.bytes_with(word)
    }
    assert "out" in held
    assert "masked" not in held
    assert any("h:" in json.dumps(one) for one in world.masked("events"))


@pytest.mark.parametrize("word", [*PLANTED, UID, ACCOUNT, WORKFLOW, "user-token"])
def test_no_byte_of_a_person_is_stored_anywhere(world: World, word: str) -> None:
    assert world.bytes_with(word) == []


def test_no_secret_is_stored_anywhere(world: World) -> None:
    for double in (world.fractal, world.jumio, world.civic):
        assert world.bytes_with(double.client_secret) == []
    for double in (world.chainalysis, world.trm):
        assert world.bytes_with(double.key) == []


def test_who_is_erased_is_forgotten_and_cannot_be_found_again(world: World) -> None:
    installation = world.installation
    keys = installation.folder / "privacy" / "people.json"
    pseudonym = Pseudonyms(keys).of("fractal", [UID])[UID]

    done = installation.run("privacy", "erase", pseudonym, "--why", "asked for", "--keep-out")
    assert done.returncode == 0, done.stderr
    before = len(world.told())
    with installation.running() as run:
        run.until(lambda: any(_withdraws(event, pseudonym) for event in world.told()[before:]))

    assert world.bytes_with(UID) == []
    places = world.bytes_with(pseudonym)
    assert "privacy/people.json" not in places
    assert "privacy/erasures.jsonl" in places
    assert Pseudonyms(keys).of("fractal", [UID]) == {}, "and nobody gets the pseudonym again"


def _withdraws(event: dict[str, Any], pseudonym: str) -> bool:
    text = json.dumps(event)
    return pseudonym in text and "withdrawn" in text
