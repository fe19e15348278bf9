"""A case of a complaint, a tip or a request: opened without an alert, which alerts join."""

import asyncio
from pathlib import Path

import msgspec
import pytest
import yaml

from evidence.cases.by_hand import REFERRAL
from pipeline.bus import Bus
from pipeline.bus.reference_outlet import ReferenceOutlet
from pipeline.config.loading import load_configuration
from pipeline.reference_changes import change_of
from pipeline.reference_records import Token, TokenContract
from tests.cli.test_case import Desk, desk, stage_takes, written
from tests.evidence.cases.examples import START, alert

__all__ = ["desk"]  # the fixture

COMPLAINT = (
    *("open", "--title", "A client complains of insiders", "--party", "0xF" + "0" * 39),
    *("--party", "INV-7", "--typology", "insider_dealing", "--token", "acme"),
    *("--why", "letter of 3 March"),
)
PARTIES = ["0xf" + "0" * 39, "INV-7"]


def referral(desk: Desk, *more: str, who: str = "alice") -> str:
    """The id of the case."""
    return desk.ok(*COMPLAINT, *more, who=who).split(":")[0]


def test_it_is_opened_of_what_somebody_says(desk: Desk) -> None:
    said = desk.ok(*COMPLAINT, "--level", "high")
    assert "alice opened the case: letter of 3 March (number 1)" in said
    name = said.split(":")[0]
    shown = desk.ok("show", name)
    assert "A client complains of insiders" in shown
    assert "high, open for" in shown
    assert "two people must close it" in shown
    assert "alerts      none: it was opened without" in shown
    (case,) = [one for one in desk.cases() if one["id"] == name]
    assert (case["entities"], case["alerts"], case["typology"]) == (PARTIES, 0, "insider_dealing")
    page = msgspec.json.decode(desk.ok("show", name, "--json"))
    assert page["history"][0]["tags"] == [REFERRAL]
    assert page["case"]["rules"] == {}


def test_each_is_another_case_of_medium_level_where_nothing_else_is_said(desk: Desk) -> None:
    names = {referral(desk), referral(desk)}
    assert len(names) == 2
    assert {one["level"] for one in desk.cases() if one["id"] in names} == {"medium"}


def test_alerts_of_the_same_kind_parties_and_token_join_it_by_themselves(desk: Desk) -> None:
    name = referral(desk)
    fitting = alert(20, entities=PARTIES, typology="insider_dealing", level="high")
    asyncio.run(stage_takes(desk.path, fitting))
    (case,) = [one for one in desk.cases() if one["id"] == name]
    assert (case["alerts"], case["level"], case["four_eyes"]) == (1, "high", True)


def describe(desk: Desk, *tokens: Token) -> None:
    """The reference data gets these."""

    async def run() -> None:
        loaded = load_configuration(desk.path)
        async with await Bus.connect(loaded.bus, name="test") as bus:
            outlet = await ReferenceOutlet.open(bus, "issuer")
            await outlet.write([change_of(one) for one in tokens], read=START)

    asyncio.run(run())


ACME = Token(
    id="acme", symbol="ACME", contracts=(TokenContract(chain=1, address="0xA" + "c" * 39),)
)


@pytest.mark.parametrize("called", ["acme", "ACME", " Acme", "0xa" + "C" * 39])
def test_a_token_is_the_one_that_the_reference_data_calls_so(desk: Desk, called: str) -> None:
    """By its ticker no alert would join: these name the token by its id."""
    describe(desk, ACME, Token(id="birch", symbol="BRCH"))
    name = referral(desk, "--token", called)
    (activity,) = msgspec.json.decode(desk.ok("show", name, "--json"))["history"]
    assert (activity["token.id"], activity["token.symbol"]) == ("acme", "ACME")


def test_files_of_reference_data_tell_of_tokens_too(desk: Desk, tmp_path: Path) -> None:
    """These are in no stream: the normalizer reads them itself."""
    file = tmp_path / "reference.yaml"
    file.write_text("tokens: [{id: birch, symbol: BRCH}]\n")
    written_down = yaml.safe_load(desk.path.read_text()) | {"reference": [str(file)]}
    desk.path.write_text(yaml.safe_dump(written_down))
    name = referral(desk, "--token", "BRCH")
    (activity,) = msgspec.json.decode(desk.ok("show", name, "--json"))["history"]
    assert (activity["token.id"], activity["token.symbol"]) == ("birch", "BRCH")
    assert "has no zzz" in desk.refused(*COMPLAINT, "--token", "zzz", code=2)
    file.write_text("tokens: [")
    referral(desk, "--token", "zzz")


def test_a_token_that_nobody_knows_is_a_slip_unless_it_is_an_address(desk: Desk) -> None:
    describe(desk, ACME, Token(id="acme-2", symbol="acme2"), Token(id="acme-3", symbol="ACME2"))
    slip = desk.refused(*COMPLAINT, "--token", "acne", code=2)
    assert "--token: the reference data has no acne: did you mean acme?" in slip
    unlike = desk.refused(*COMPLAINT, "--token", "zzz", code=2)
    assert "has no zzz: see `tapewatch reference list --kind token`" in unlike
    either = desk.refused(*COMPLAINT, "--token", "ACME2", code=2)
    assert "--token: ACME2 may be acme-2 or acme-3" in either
    name = referral(desk, "--token", "0x" + "D" * 40)
    (activity,) = msgspec.json.decode(desk.ok("show", name, "--json"))["history"]
    assert activity["token.id"] == "0x" + "d" * 40


def test_any_alert_that_is_in_no_case_can_be_put_into_it(desk: Desk, tmp_path: Path) -> None:
    name = referral(desk)
    out = written(tmp_path / "out", alert(21, entities=("0xe",), typology="spoofing"))
    given = ("join", name[:6], "--alert", "alert-21", "--why", "the same evening")
    said = desk.ok(*given, "--out", str(out))
    assert "alice put 1 alert of Rule 1 into the case: the same evening" in said
    assert f"it is in {name} already" in desk.refused(*given, "--out", str(out))
    again = ("join", name, "--alert", "alert-1", "--why", "this as well")
    assert "already, which is open" in desk.refused(*again)
    (case,) = [one for one in desk.cases() if one["id"] == name]
    assert case["alerts"] == 1


def test_nothing_is_put_into_a_closed_case_or_none(desk: Desk, tmp_path: Path) -> None:
    name = referral(desk, "--level", "low")
    desk.ok("close", name, "--resolution", "no-breach", "--why", "nothing in it")
    out = written(tmp_path / "out", alert(21, entities=("0xe",)))
    given = ("--alert", "alert-21", "--why", "late", "--out", str(out))
    assert f"{name} is closed: see `tapewatch case reopen`" in desk.refused("join", name, *given)
    assert "there is no case TW-000" in desk.refused("join", "TW-000", *given)


def test_two_must_close_a_grave_one(desk: Desk) -> None:
    name = referral(desk, "--level", "high")
    desk.ok("assign", name, "alice")
    reason = ("--resolution", "reported", "--why", "STOR of 4 March")
    assert "two people must close it" in desk.refused("close", name, *reason, who="bob")
    desk.ok("propose-closing", name, *reason)
    (number,) = [str(one["number"]) for one in desk.cases() if one["id"] == name]
    assert "no supervisor" in desk.refused("approve", name, "--expect", number)
    desk.ok("approve", name, "--expect", number, who="bob")


def test_who_is_none_of_the_people_opens_none(desk: Desk) -> None:
    assert "mallory is none of cases.people" in desk.refused(*COMPLAINT, who="mallory")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "name an alert by --alert, or --title and --party"),
        (("--title", "x"), "say whom it is about: --party"),
        (("--title", "x", "--party", " "), "say whom it is about: --party"),
        (("--title", " ", "--party", "y"), "say what it is about, in few words: --title"),
        (("--party", "y"), "say what it is about, in few words: --title"),
        (("--title", "x" * 161, "--party", "y"), "the title has more than 160 characters"),
        (("--title", "x", "--party", "y", "--typology", "insider_dealin"),
         "--typology: there is no insider_dealin: did you mean insider_dealing?"),
        (("--title", "x", "--party", "y", "--out", "out"), "--out and --splunk belong to --alert"),
        (("--alert", "a", "--party", "y"), "are for a case without --alert"),
        (("--title", "\udcff", "--party", "y"), "given as title is no text in UTF-8"),
        (("--title", "a\nb", "--party", "y"), "the title has a character that can't be shown"),
        (("--title", "a\u202eb", "--party", "y"), "the title has a character that can't be shown"),
        (("--title", "x", "--party", "\x1b[31m"), "the party has a character that can't be shown"),
        (("--title", "x", "--party", "y", "--token", "a\x00"), "the token has a character that"),
        (("--title", "x", "--party", "y", "--token", " "), "--token: an empty id is no token's"),
        (("--title", "x", "--party", "y", "--typology", ""), "--typology: one of wash_trading, "),
    ],
)  # fmt: skip
def test_what_it_wants(desk: Desk, given: tuple[str, ...], said: str) -> None:
    assert said in desk.refused("open", "--why", "because", *given, code=2)


def test_what_rests_on_alerts_says_that_there_are_none(desk: Desk, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from pipeline.cli.commands import app

    name = referral(desk)
    out = written(tmp_path / "out", alert(21))
    (out / "events").mkdir()
    given = ["market", name, "--out", str(out), "--to", str(tmp_path / "m.html")]
    asked = CliRunner().invoke(app, [*given, "--config", str(desk.path)])
    assert asked.exit_code == 1
    assert f"no alert is in {name}: see `tapewatch case join`" in asked.stderr
