"""`tapewatch reference`: what is known, since when, and who changed it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.bus import Bus
from pipeline.bus.embedded import EmbeddedServer
from pipeline.bus.reference_outlet import ReferenceOutlet
from pipeline.config.loading import load_configuration
from pipeline.config.schema import EmbeddedBus
from pipeline.reference_changes import change_of, withdrawal
from pipeline.reference_records import Investor, Sanction, moment
from tests.cli.command_line import tapewatch, write_configuration

A, B = "0x" + "a" * 40, "0x" + "b" * 40


def with_history(folder: Path, look: Callable[[], None]) -> None:
    """A bus on which two sources said something on two days; ``look`` runs beside it."""
    path = write_configuration(folder)

    async def run() -> None:
        config = load_configuration(path).bus
        assert isinstance(config, EmbeddedBus)
        async with EmbeddedServer(config), await Bus.connect(config, name="test") as bus:
            crm = await ReferenceOutlet.open(bus, "crm")
            first, second = moment("2026-01-10T12:00:00Z"), moment("2026-02-10T12:00:00Z")
            records = [
                Investor(id="I-1", jurisdiction="DE", addresses=(A,)),
                Investor(id="I-2", addresses=(B,)),
            ]
            await crm.write([change_of(one) for one in records], read=first)
            ofac = await ReferenceOutlet.open(bus, "ofac")
            await ofac.write([change_of(Sanction(address=A, list="SDN"))], read=first)
            moved = Investor(id="I-1", jurisdiction="US", addresses=(A,))
            gone = withdrawal(("investor", "I-2", None))
            await crm.write([change_of(moved), gone], read=second)
            await asyncio.to_thread(look)

    asyncio.run(run())


def test_what_is_known_now_and_was_known_then_is_listed_shown_and_explained(
    tmp_path: Path,
) -> None:
    def look() -> None:
        def ask(*arguments: str) -> object:
            answer = tapewatch("reference", *arguments, "--json", folder=tmp_path)
            assert answer.code == 0, answer
            return json.loads(answer.out)

        listed = ask("list")
        assert [(one["source"], one["kind"], one["records"]) for one in listed] == [
            ("crm", "investor", 1), ("ofac", "sanction", 1),
        ]  # fmt: skip
        assert [one["records"] for one in ask("list", "--at", "2026-01-31")] == [2, 1]
        assert [one["key"] for one in ask("list", "--kind", "investor", "--source", "crm")] == [
            "I-1"
        ]

        for options, said in (
            (("--at", "2020-01-01"), "nothing was known by then"),
            (("--source", "crn"), "nothing is known by the source crn: did you mean crm?"),
            (("--source", "zzz"), "nothing is known by the source zzz: there are crm and ofac"),
            (("--kind", "token"), "nothing of kind token is known"),
            (("--kind", "sanction", "--source", "crm"), "nothing of kind sanction is known by the"),
        ):
            nothing = tapewatch("reference", "list", *options, folder=tmp_path)
            assert (nothing.code, nothing.out.startswith(said)) == (0, True), nothing
            machine = tapewatch("reference", "list", *options, "--json", folder=tmp_path)
            assert (machine.code, machine.out) == (0, "[]\n")
        for more in ((), ("--json",)):
            cut = tapewatch(
                "reference", "list", "--kind", "investor", "--at", "2026-01-31", "--limit", "1",
                *more, folder=tmp_path,
            )  # fmt: skip
            assert (cut.code, "I-1" in cut.out, "I-2" in cut.out) == (0, True, False)
            assert cut.error == "1 more: --limit\n"
        now, sanction = ask("show", A.upper().replace("0X", "0x"))
        assert now["record"]["jurisdiction"] == "US"
        assert sanction["key"] == f"SDN/{A}"
        then, _ = ask("show", A, "--at", "2026-01-31")
        assert then["record"]["jurisdiction"] == "DE"

        added, listing, changed = ask("history", A)
        assert [added["change"], listing["source"], changed["change"]] == [
            "added", "ofac", "changed",
        ]  # fmt: skip
        assert changed["fields"] == {"jurisdiction": ["DE", "US"]}
        came, went = ask("history", B)
        assert (came["change"], went["change"]) == ("added", "withdrawn")

        text = tapewatch("reference", "history", "I-1", folder=tmp_path).out
        assert "2026-02-10T12:00:00Z  changed by crm: investor I-1" in text
        assert 'jurisdiction: "DE" → "US"' in text
        for command in ("show", "history"):
            nothing = tapewatch("reference", command, "nobody", folder=tmp_path)
            assert (nothing.code, nothing.out) == (1, "")
            assert 'no record names "nobody": see `tapewatch reference list`' in nothing.error
            machine = tapewatch("reference", command, "nobody", "--json", folder=tmp_path)
            assert (machine.code, machine.out) == (1, "[]\n")
        filed = tapewatch("reference", "show", "inv-0001", folder=tmp_path)
        assert (filed.code, filed.out) == (1, "")
        assert "reference.yaml names it: what stands in files under `reference` is" in filed.error
        part = tapewatch("reference", "show", "inv-000", folder=tmp_path)
        assert 'no record names "inv-000": see `tapewatch reference list`' in part.error
        blank = tapewatch("reference", "show", " ", folder=tmp_path)
        assert 'no record names " ": see `tapewatch reference list`' in blank.error
        (tmp_path / "lists").mkdir()
        (tmp_path / "lists" / "more.yml").write_text("investors:\n  - id: I-9\n")
        write_configuration(tmp_path, reference=["lists"])
        below = tapewatch("reference", "show", "I-9", folder=tmp_path)
        assert "lists/more.yml names it: what stands in files" in below.error
        other = tapewatch("reference", "show", A, "--source", "ofax", folder=tmp_path)
        assert f'no record of the source ofax names "{A}"' in other.error

    with_history(tmp_path, look)


def test_a_source_that_is_gone_is_withdrawn_when_somebody_says_so(tmp_path: Path) -> None:
    def look() -> None:
        refused = tapewatch("reference", "withdraw", "recording", folder=tmp_path)
        assert (refused.code, "is configured" in refused.error) == (2, True)
        said = tapewatch("reference", "withdraw", "ofac", folder=tmp_path)
        assert "1 records of ofac would be withdrawn: add --yes" in said.out
        assert (
            "were withdrawn"
            in tapewatch("reference", "withdraw", "ofac", "--yes", folder=tmp_path).out
        )
        assert "nothing in force" in tapewatch("reference", "withdraw", "ofac", folder=tmp_path).out

    with_history(tmp_path, look)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--kind", "investors"], "did you mean investor?"),
        (["show", "x", "--at", "yesterdayish"], "--at yesterdayish: this isn't a time"),
        (["show", "x", "--at", "2 hours ago"], "--at 2 hours ago: "),
    ],
)
def test_a_wrong_option_is_told_with_what_was_meant(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    write_configuration(tmp_path)
    answer = tapewatch("reference", *arguments, folder=tmp_path)
    assert answer.code == 2
    assert said in answer.error


def test_check_says_where_a_record_can_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "investors.csv").write_text("id,jurisdiction\nI,DE\nJ,Germany\nI,US\n")
    source = {
        "name": "crm", "type": "reference_file", "path": "investors.csv", "kind": "investor",
    }  # fmt: skip
    write_configuration(tmp_path, sources=[source])
    answer = tapewatch("reference", "check", folder=tmp_path)
    assert answer.code == 0
    assert "2 of the first 3 records can't be read\n         /" in answer.out
    assert "investors.csv:3, jurisdiction: expected ISO 3166-1 alpha-2" in answer.out
    assert "investors.csv:4: investor I is there twice" in answer.out
    (tmp_path / "investors.csv").unlink()
    assert tapewatch("reference", "check", folder=tmp_path).code == 1
