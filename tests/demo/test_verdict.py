"""What counts as found, missed and false; and how the terminal says it."""

from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from demo.ground_truth import GroundTruth, TruthUnreadable, ground_truth
from demo.verdict import Verdict, judge
from demo.verdict_tables import render
from normalizer.events.ecs import nest
from tests.demo.invented_alerts import T0, TX, alert, decoy, planted
from tests.demo.watched_session import watch_venue

GOLDEN = Path(__file__).parent / "golden" / "verdict.txt"


def test_an_alert_of_the_same_kind_on_the_same_trade_finds_the_planted_abuse() -> None:
    truth = GroundTruth(planted=[planted(trade_ids=("7", "8"))])
    verdict = judge(truth, [alert("a", evidence_trades=("8",))])
    assert verdict.items[0].found
    assert verdict.alerts[0].kind == "match"
    assert verdict.complete


@pytest.mark.parametrize(
    ("played", "evidence"),
    [
        ({"order_ids": ("o1",)}, {"evidence_orders": ("o0", "o1")}),
        ({"transaction_hashes": (TX,)}, {"evidence_transactions": (TX,)}),
        ({"transaction_hashes": (TX.upper().replace("X", "x"),)}, {"evidence_transactions": (TX,)}),
    ],
)
def test_orders_and_transactions_bind_as_trades_do(
    played: dict[str, tuple[str, ...]], evidence: dict[str, tuple[str, ...]]
) -> None:
    verdict = judge(GroundTruth(planted=[planted(**played)]), [alert("a", **evidence)])
    assert verdict.complete


def test_what_no_alert_rests_on_is_missed_whatever_else_was_alerted() -> None:
    truth = GroundTruth(planted=[planted(trade_ids=("7",)), planted(trade_ids=("9",))])
    verdict = judge(truth, [alert("a", evidence_trades=("7",))])
    assert verdict.missed == (truth.planted[1],)
    assert not verdict.complete
    assert (verdict.total.found, verdict.total.missed) == (1, 1)
    assert verdict.total.recall == 0.5


def test_the_same_accounts_without_the_same_evidence_are_not_enough() -> None:
    truth = GroundTruth(planted=[planted(trade_ids=("7",), accounts=("acct-1",))])
    verdict = judge(truth, [alert("a", evidence_trades=("1",), entities=("acct-1",))])
    assert verdict.missed
    assert verdict.false_alarms


def test_an_alert_on_nothing_planted_is_a_false_alarm() -> None:
    verdict = judge(GroundTruth(), [alert("a", evidence_trades=("7",))])
    assert [one.kind for one in verdict.alerts] == ["false"]
    assert verdict.total.precision == 0.0
    assert verdict.total.recall is None


def test_a_false_alarm_on_a_decoy_names_the_decoy() -> None:
    truth = GroundTruth(decoys=[decoy(order_ids=("d",)), decoy(order_ids=("e",))])
    verdict = judge(truth, [alert("a", "spoofing", evidence_orders=("d",))])
    assert verdict.false_alarms[0].decoys == (truth.decoys[0],)
    assert verdict.decoys_passed == 1


def test_evidence_of_a_planted_abuse_under_another_typology_is_related_not_false() -> None:
    truth = GroundTruth(planted=[planted("sanctions", transaction_hashes=(TX,))])
    verdict = judge(truth, [alert("a", "transfer_restrictions", evidence_transactions=(TX,))])
    assert verdict.alerts[0].kind == "related"
    assert verdict.items[0].related == verdict.alerts
    assert verdict.missed, "only its own kind finds it"
    assert not verdict.false_alarms


def test_related_alerts_count_neither_for_nor_against_precision() -> None:
    truth = GroundTruth(planted=[planted("sanctions", transaction_hashes=(TX,))])
    verdict = judge(
        truth,
        [
            alert("a", "sanctions", evidence_transactions=(TX,)),
            alert("b", "large_transfers", evidence_transactions=(TX,)),
        ],
    )
    by_name = {count.typology: count for count in verdict.counts}
    assert by_name["large_transfers"].precision is None
    assert verdict.total.precision == 1.0
    assert (verdict.total.alerts, verdict.total.related) == (2, 1)


def test_one_alert_may_find_several_planted_abuses() -> None:
    truth = GroundTruth(planted=[planted(trade_ids=("1",)), planted(trade_ids=("2",))])
    verdict = judge(truth, [alert("a", evidence_trades=("1", "2"))])
    assert verdict.complete
    assert verdict.alerts[0].planted == (0, 1)


def test_a_second_copy_of_an_alert_counts_once() -> None:
    one = alert("a", evidence_trades=("7",))
    assert judge(GroundTruth(), [one, nest(one), one]).total.alerts == 1


def test_records_and_documents_nested_or_dotted_are_judged_alike() -> None:
    truth = GroundTruth(planted=[planted(trade_ids=("7",))])
    one = alert("a", evidence_trades=("7",))
    dotted = msgspec.json.decode(msgspec.json.encode(one))
    verdicts = [judge(truth, [form]) for form in (one, nest(one), dotted)]
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert verdicts[0].complete


def test_a_document_that_is_no_alert_is_refused() -> None:
    with pytest.raises(ValueError, match="no alert"):
        judge(GroundTruth(), [{"event": {"action": "something else"}}])


def test_latency_is_from_the_event_to_its_ingestion_where_the_document_has_both() -> None:
    one = alert("a", evidence_trades=("7",))
    document = nest(one)
    assert judge(GroundTruth(), [document]).alerts[0].latency is None
    document["event"]["ingested"] = "2027-01-15T08:00:00.0125Z"
    verdict = judge(GroundTruth(planted=[planted(trade_ids=("7",))]), [document])
    assert verdict.items[0].latency == 12_500_000


def test_alerts_and_their_items_are_in_the_order_of_event_time() -> None:
    truth = GroundTruth(planted=[planted(trade_ids=("7",))])
    late = alert("late", evidence_trades=("7",), timestamp=T0 + 5)
    soon = alert("soon", evidence_trades=("7",), timestamp=T0 + 1)
    verdict = judge(truth, [late, soon])
    assert [one.alert.id for one in verdict.items[0].alerts] == ["soon", "late"]


def test_the_truth_survives_saving_and_loading(tmp_path: Path) -> None:
    truth = GroundTruth(planted=[planted(trade_ids=("7",))], decoys=[decoy(order_ids=("d",))])
    truth.save(tmp_path / "truth.json")
    assert GroundTruth.load(tmp_path / "truth.json") == truth


def test_a_file_that_is_no_truth_is_named_with_the_field(tmp_path: Path) -> None:
    file = tmp_path / "truth.json"
    file.write_text('{"planted": [{"typology": 3}]}')
    with pytest.raises(TruthUnreadable, match=r"truth\.json.*planted\[0\]\.typology"):
        GroundTruth.load(file)
    file.write_text("not JSON")
    with pytest.raises(TruthUnreadable, match=r"truth\.json"):
        GroundTruth.load(file)


def test_the_venues_session_is_found_whole_and_its_decoys_are_left_in_peace() -> None:
    session = watch_venue()
    verdict = judge(session.truth, session.alerts)
    assert verdict.missed == ()
    assert [one.alert.reason for one in verdict.false_alarms] == []
    assert verdict.total.planted == 8
    assert verdict.decoys_passed == len(session.truth.decoys) == 5


def test_taking_an_alert_away_makes_its_abuse_missed() -> None:
    session = watch_venue()
    without = [one for one in session.alerts if one.typology != "spoofing"]
    verdict = judge(session.truth, without)
    assert [one.typology for one in verdict.missed] == ["spoofing"] * 4


def test_the_chains_words_become_the_rules_typologies() -> None:
    class OnChain(msgspec.Struct):
        typology: str
        description: str
        transaction_hashes: tuple[str, ...]

    class AtVenue(msgspec.Struct):
        planted: tuple[()] = ()
        decoys: tuple[()] = ()

    on_chain = [
        OnChain(name, "", (TX,))
        for name in ("large_transfer", "sanctioned_address", "refused_transfer", "wash_trading")
    ]
    truth = ground_truth(on_chain, AtVenue())  # type: ignore[arg-type]
    assert [one.typology for one in truth.planted] == [
        "large_transfers",
        "sanctions",
        "transfer_restrictions",
        "wash_trading",
    ]


def invented() -> Verdict:
    truth = GroundTruth(
        planted=[
            planted(trade_ids=("7",), description="acct-echo sold 13 ACME to itself"),
            planted("sanctions", where="chain", transaction_hashes=(TX,)),
            planted("spoofing", order_ids=("9",), description="a bid of 400 that nobody noticed"),
        ],
        decoys=[decoy(order_ids=("d",)), decoy(order_ids=("x",))],
    )
    long_id = "5124508d-aa13-4eec-8e2c-30f1bfa12f75"
    return judge(
        truth,
        [
            alert(
                "a",
                evidence_trades=("7",),
                evidence_orders=(long_id, "2", "3", "4", "5"),
                rule_name="Self-trade",
                reason="acct-echo bought 13 from itself",
            ),
            alert("b", evidence_trades=("7",), rule_name="Self-trade", timestamp=T0 + 1),
            alert(
                "c",
                "sanctions",
                level="critical",
                evidence_transactions=(TX, "0x" + "12" * 32),
                transaction_hash=TX,
                block_number=31,
                reason=f"900 ACME from 0x{'1c' * 20} to [bold]nobody[/bold]",
                timestamp=T0 + 2,
            ),
            alert("d", "large_transfers", evidence_transactions=(TX,), timestamp=T0 + 3),
            alert(
                "e",
                "spoofing",
                level="medium",
                evidence_orders=("d",),
                reason="a terminal \x1b[2Jcleared",
                timestamp=T0 + 4,
            ),
        ],
    )


def shown(verdict: Verdict) -> str:
    console = Console(width=100, file=StringIO(), color_system=None)
    console.print(render(verdict))
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def test_the_terminal_shows_what_was_planted_found_missed_and_falsely_raised() -> None:
    assert shown(invented()) == GOLDEN.read_text()


def test_what_a_source_sent_can_neither_command_the_terminal_nor_style_it() -> None:
    text = shown(invented())
    assert "\x1b" not in text
    assert "[bold]nobody[/bold]" in text


def test_no_line_is_wider_than_a_hundred_columns() -> None:
    session = watch_venue()
    text = shown(judge(session.truth, session.alerts))
    assert max(len(line) for line in text.splitlines()) <= 100


def test_a_session_without_anything_is_shown_as_well() -> None:
    assert "0 of 0 planted abuses found" in shown(judge(GroundTruth(), []))
