"""What is known of a case: whom it is about, what was done, how much, and what is missing."""

from pathlib import Path

import pytest

from evidence.cases.actions import About, Wish, do, opened
from evidence.investigation.archive import FolderArchive
from evidence.reports.source import FolderSource
from evidence.reports.suspicious.fields import FORMS, Form, written
from evidence.reports.suspicious.forms import KINDS
from evidence.reports.suspicious.material import Material, gather_case
from evidence.reports.suspicious.narrative import narrative
from evidence.reports.suspicious.parties import parties_of
from normalizer.events.chain_identity import WalletFrozen
from pipeline.failure import Failure
from pipeline.units import DAY
from tests.cli.command_line import tapewatch
from tests.evidence.reports.recorded_weeks import (
    ALERTS,
    ALL,
    EVENTS,
    WEEK,
    by_id,
    case,
    trade,
    wash,
    write,
)


def material(folder: Path, case: str = "TW-WASH") -> Material:
    out = write(folder / "out", ALL)
    return gather_case(FolderSource(out), FolderArchive(out), case)


def test_a_case_is_found_by_how_its_id_begins(tmp_path: Path) -> None:
    assert material(tmp_path, "TW-W").case_id == "TW-WASH"
    assert material(tmp_path / "as-copied", " tw-wash ").case_id == "TW-WASH"


@pytest.mark.parametrize("name", ["TW-NONE", "TW-", ""])
def test_a_case_that_is_none_or_several_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure):
        material(tmp_path, name)


def test_an_account_and_its_investor_are_one_party(tmp_path: Path) -> None:
    found = material(tmp_path)
    assert [(one.key, one.accounts, one.wallets) for one in found.parties] == [
        ("INV-1061", ["acct-echo"], [])
    ]


def test_a_cluster_is_its_members() -> None:
    first, second = (
        trade(name, WEEK, buyer_account=name, buyer_id=f"INV-{name}", buyer_cluster="CL-1")
        for name in ("acct-a", "acct-b")
    )
    found = parties_of(["CL-1", "CL-2", "0x" + "ab" * 20], [], [first, second])
    assert [(one.key, one.accounts, one.cluster) for one in found] == [
        ("0x" + "ab" * 20, [], None),
        ("CL-2", ["CL-2"], None),
        ("INV-acct-a", ["acct-a"], "CL-1"),
        ("INV-acct-b", ["acct-b"], "CL-1"),
    ]
    assert found[0].wallets == ["0x" + "ab" * 20]


def test_who_signed_for_another_is_not_that_other() -> None:
    fields = {
        "id": "f", "timestamp": WEEK, "ingested": WEEK, "original": "", "provider": "chain",
        "chain_id": 1, "network": "ethereum", "block_number": 7, "block_hash": "0x" + "00" * 32,
        "transaction_hash": "0x" + "ab" * 32, "token_address": "0x" + "03" * 20,
        "investor_address": "0x" + "01" * 20, "investor_id": "INV-1",
    }  # fmt: skip
    agent = "0x" + "0a" * 20
    frozen = WalletFrozen(**(fields | {"transaction_from": agent}))  # type: ignore[arg-type]
    found = parties_of(["INV-1"], [], [frozen])
    assert [(one.key, one.wallets) for one in found] == [("INV-1", ["0x" + "01" * 20])]


def test_amounts_are_those_of_the_evidence(tmp_path: Path) -> None:
    found = material(tmp_path)
    assert found.worth == {"USD": pytest.approx(3 * 13 * 100.04)}
    assert found.first == WEEK
    assert [one.trade_id for one in found.events] == ["trade-w1", "trade-w2", "trade-w3"]
    assert found.missing == []
    assert material(tmp_path / "other", "TW-SPOOF").missing == ["trade-s1", "trade-s2"]


def test_who_is_named_by_an_alert_that_no_longer_holds_alone_is_not_reported(
    tmp_path: Path,
) -> None:
    """Two alerts of a case: the one that is retracted is about somebody else as well."""
    false, true = (
        wash("x1", WEEK, entities=("acct-echo", "acct-innocent"), token_symbol="OTHER"),
        wash("w2", WEEK + 2 * DAY),
    )
    reorganised = Wish(
        action="alerts-retracted", who="tapewatch", at=WEEK + 3 * DAY, origin="tapewatch",
        alerts=["x1"],
    )  # fmt: skip
    other = trade("trade-x1", WEEK, seller_account="acct-innocent", seller_id="INV-7")
    told = [false, true, other, *EVENTS, *case("TW-TWO", [false, true], reorganised)]
    out = write(tmp_path / "out", told)
    found = gather_case(FolderSource(out), FolderArchive(out), "TW-TWO")
    assert [one.key for one in found.parties] == ["INV-1061"]
    assert [one.symbol for one in found.instruments] == ["ACME"]
    assert found.worth == {"USD": pytest.approx(13 * 100.04)}
    assert found.first == WEEK + 2 * DAY
    text = narrative(found, 17_000)
    assert "innocent" not in text
    assert "1 alert of the case no longer holds and is left out" in text


def test_a_case_of_which_no_alert_holds_is_nothing_to_report(tmp_path: Path) -> None:
    gone = Wish(
        action="alerts-retracted", who="tapewatch", at=WEEK + DAY, origin="tapewatch",
        alerts=["w1"],
    )  # fmt: skip
    out = write(tmp_path / "out", [*ALERTS, *EVENTS, *case("TW-ONE", by_id("w1"), gone)])
    with pytest.raises(Failure, match="no alert of TW-ONE still holds"):
        gather_case(FolderSource(out), FolderArchive(out), "TW-ONE")


def test_an_alert_of_the_case_that_is_gone_is_missing(tmp_path: Path) -> None:
    kept = [one for one in ALL if one.id != "w3"]
    out = write(tmp_path / "out", kept)
    found = gather_case(FolderSource(out), FolderArchive(out), "TW-WASH")
    assert found.missing == ["w3"]


def test_the_narrative_answers_the_five_questions_and_fits(tmp_path: Path) -> None:
    found = material(tmp_path)
    text = narrative(found, 17_000)
    for word in ("WHO.", "WHAT.", "WHEN.", "WHERE.", "WHY.", "HOW."):
        assert f"\n{word} " in text
    for told in ("acct-echo", "3,901.56 USD", "2026-11-16 00:00:00 UTC", "trade trade-w1"):
        assert told in text
    assert len(narrative(found, 1_000)) <= 1_000
    assert len(narrative(found, 300)) <= 300


# -- a case without an alert -----------------------------------------------------------------------


def referral(folder: Path, *attached: str, typology: str = "insider_dealing") -> Path:
    """A case of a complaint, to which events were attached by their ids."""
    about = About(title="A client complains", typology=typology, entities=("INV-1061",))
    first, state = opened("TW-TIP", about, Wish(action="opened", who="alice", at=WEEK))
    done = [first]
    for one in attached:
        wish = Wish(action="evidence-attached", who="alice", at=WEEK, evidence=one)
        activity, state = do(state, wish)
        done.append(activity)
    return write(folder / "out", [*ALERTS, *EVENTS, *done])


def test_it_reports_the_events_that_were_attached(tmp_path: Path) -> None:
    out = referral(tmp_path, "trade-w1", "trade-w2", "https://files.example.com/letter.pdf")
    found = gather_case(FolderSource(out), FolderArchive(out), "TW-TIP")
    assert [one.trade_id for one in found.events] == ["trade-w1", "trade-w2"]
    assert [one.key for one in found.parties] == ["INV-1061"]
    assert (found.alerts, found.missing, found.typologies) == ([], [], ["insider_dealing"])
    assert [(one.name, one.venue) for one in found.instruments] == [("ACME-USD", "demo-venue")]
    text = narrative(found, 17_000)
    assert "suspected insider dealing (TW-TIP), 16 November 2026" in text
    assert ": a referral about 1 party." in text
    assert "No surveillance rule found it. The case was opened as: A client complains." in text
    assert "(trade trade-w1)" in text
    assert "Evidence: what is told above; kept whole" in text


@pytest.mark.parametrize("form", FORMS)
def test_each_form_can_be_made_of_it(tmp_path: Path, form: Form) -> None:
    for typology, said in (("insider_dealing", "insider dealing"), ("", "market abuse")):
        out = referral(tmp_path / (typology or "none"), "trade-w1", typology=typology)
        found = gather_case(FolderSource(out), FolderArchive(out), "TW-TIP")
        text = written(KINDS[form].template(found, KINDS[form].profile()))
        assert "trade-w1" in text
        assert f"suspected {said} (TW-TIP)" in text


def test_what_was_attached_and_is_no_event_is_told(tmp_path: Path) -> None:
    """A slip of the pen, or an event that is gone: the report would lack it, and nobody know."""
    out = referral(tmp_path, "trade-w1", "trade-none", "https://files.example.com/letter.pdf", "w1")
    found = gather_case(FolderSource(out), FolderArchive(out), "TW-TIP")
    assert found.no_events == ["trade-none", "w1"]
    given = ("report", "suspicious", "TW-TIP", "--form", "stor", "--to", "made", "--out", "out")
    said = tapewatch(*given, folder=tmp_path)
    assert (said.code, "attached, and no event by its id: trade-none and w1" in said.out) == (
        0, True,
    ), said  # fmt: skip


def test_what_no_longer_holds_is_no_referral_and_names_nobody(tmp_path: Path) -> None:
    gone = Wish(action="alerts-retracted", who="tapewatch", at=WEEK, alerts=["w1"])
    more = Wish(action="evidence-attached", who="alice", at=WEEK, evidence="trade-w2")
    out = write(tmp_path / "out", [*ALERTS, *EVENTS, *case("TW-ONE", by_id("w1"), gone, more)])
    found = gather_case(FolderSource(out), FolderArchive(out), "TW-ONE")
    found.title = "Wash trading: acct-innocent"
    text = narrative(found, 17_000)
    assert "referral" not in text
    assert "innocent" not in text
    assert "No surveillance rule" not in text
    assert "November 2026: what people found about 0 parties." in text
    assert "WHY. 1 alert of the case no longer holds and is left out." in text


def test_without_events_there_is_nothing_to_report(tmp_path: Path) -> None:
    for attached in ((), ("trade-none",)):
        out = referral(tmp_path / str(len(attached)), *attached)
        with pytest.raises(Failure, match="no alert is in TW-TIP: there is nothing to report; put"):
            gather_case(FolderSource(out), FolderArchive(out), "TW-TIP")


def test_what_was_attached_to_a_case_with_alerts_is_told_as_well(tmp_path: Path) -> None:
    more = Wish(
        action="evidence-attached", who="alice", at=WEEK, origin="command", evidence="trade-w2"
    )
    out = write(tmp_path / "out", [*ALERTS, *EVENTS, *case("TW-ONE", by_id("w1"), more)])
    found = gather_case(FolderSource(out), FolderArchive(out), "TW-ONE")
    assert [one.trade_id for one in found.events] == ["trade-w1", "trade-w2"]
