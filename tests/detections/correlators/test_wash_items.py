"""Single items that go back to who had them, beyond what the tests beside the rule show."""

from typing import Any

from detections.alerting.findings import Finding
from detections.correlators.wash_items import Parameters, WashItems
from detections.engine.engine import Engine
from normalizer.events.chain import TokenTransfer
from normalizer.events.market import TradeBusted, TradeCorrected
from tests.detections.samples import START, Tape, correlator
from tests.detections.test_revised_trades import revised

DAY = 86_400_000.0


def sold(hands: str, instrument: str = "PUNK #1", every: float = DAY, **more: Any) -> list[Any]:
    """A trade for each two letters: the first sells to the second."""
    tape = Tape(instrument=instrument, **more)
    return [
        tape.trade(number * every, 10.0, 1.0, seller_account=pair[0], buyer_account=pair[1])
        for number, pair in enumerate(hands.split())
    ]


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    correlator = WashItems(Parameters(**parameters))
    return [finding for event in events for finding in correlator.observe(event)]


def test_each_trade_is_told_once_and_the_first_ones_too() -> None:
    findings = found(sold("ab ba ab ba"))
    assert [[w.id for w in one.witnesses] for one in findings] == [
        ["event-1", "event-2"],
        ["event-3"],
        ["event-4"],
    ]
    assert [one.metrics["trades"] for one in findings] == [2, 3, 4]
    assert findings[1].confidence < findings[2].confidence


def test_what_goes_on_is_told_when_it_is_a_quarter_more() -> None:
    hands = " ".join(["ab", "ba"] * 100)
    findings = found(sold(hands, every=3_600_000.0))
    sizes = [len(one.witnesses) for one in findings]
    assert sizes[:9] == [2, 1, 1, 1, 2, 2, 3, 3, 4]
    assert max(sizes) == 20
    assert len(findings) < 25
    told = [witness.id for one in findings for witness in one.witnesses]
    assert len(told) == len(set(told))
    assert len(told) > 200 - 20


def test_what_is_left_over_is_told_a_week_after_they_have_stopped() -> None:
    hands = " ".join(["ab", "ba"] * 11)
    series = sold(hands, every=3_600_000.0)
    before = found(series)
    told = {witness.id for one in before for witness in one.witnesses}
    left = [one.id for one in series if one.id not in told]
    assert left
    other = sold("xy yz", "PUNK #2", every=7 * DAY)
    for trade, days in zip(other, (7, 8), strict=True):
        trade.timestamp = series[-1].timestamp + int(days * DAY - 1) * 1_000_000
    assert found([*series, other[0]]) == before
    *_, last = found([*series, *other])
    assert [witness.id for witness in last.witnesses] == left
    assert last.entities == ("a", "b")
    assert len(found([*series, *other])) == len(before) + 1
    # Others deal in it by then.
    then = sold("cd dc", every=3_600_000.0)
    for number, trade in enumerate(then):
        trade.id = trade.trade_id = f"then-{number}"
        trade.timestamp = series[-1].timestamp + (number + 1) * 3_600_000 * 1_000_000
    *_, last = found([*series, *then, other[1]])
    assert [witness.id for witness in last.witnesses] == left


def test_what_is_left_over_is_told_of_its_item_and_not_of_what_is_traded_by_then() -> None:
    series = sold(" ".join(["ab", "ba"] * 11), every=3_600_000.0)
    (other,) = sold("xy", "PUNK #2")
    other.id = "other"
    other.timestamp = other.ingested = series[-1].timestamp + 8 * 86_400_000_000_000
    engine = Engine(correlator("wash_items", "{}"))
    *_, last = [*engine.process([*series, other]), *engine.finish()]
    assert last.timestamp == other.timestamp
    assert last.entities == ("a", "b")
    assert (last.venue, last.instrument) == (other.venue, "PUNK #1")


def test_what_was_an_item_and_is_none_any_more_has_nothing_left_over() -> None:
    series = sold(" ".join(["ab", "ba"] * 11), every=3_600_000.0)
    kind = sold(" ".join(chr(1_000 + 2 * n) + chr(1_001 + 2 * n) for n in range(60)))
    (other,) = sold("xy", "PUNK #2")
    for number, trade in enumerate(kind):
        trade.id = trade.trade_id = f"then-{number}"
        trade.timestamp = series[-1].timestamp + (number + 1) * 60_000_000_000
    other.timestamp = series[-1].timestamp + 8 * 86_400_000_000_000
    assert found([*series, *kind, other]) == found([*series, *kind])


def test_who_is_new_to_it_is_told_at_once() -> None:
    hands = " ".join(["ab", "ba"] * 10)
    *_, last = found(sold(f"{hands} ac", every=3_600_000.0))
    assert last.entities == ("a", "b", "c")
    assert last.witnesses[-1].id == "event-21"


def test_in_a_circle_of_three_it_comes_back_by_others() -> None:
    (one,) = found(sold("ab bc ca"), pattern="circle")
    assert [w.id for w in one.witnesses] == ["event-1", "event-2", "event-3"]
    assert one.reason == (
        "PUNK #1 was sold back to a by 2 others on demo-venue within 2 days: "
        "3 trades of one item, worth 30"
    )
    assert one.confidence < found(sold("ab ba"))[0].confidence


def test_no_circle() -> None:
    for hands in (
        "ab ba",  # of two: the other pattern's
        "ab bc cd de",  # on and on
        "ab bc da",  # a gap: c gave it to d, or d to a, otherwise
        "ab bc cb ba",  # two of two, one within the other
    ):
        assert found(sold(hands), pattern="circle") == []
    assert found(sold("ab bc cd da"), pattern="circle", maximum_steps=3) == []
    assert found(sold("ab bc cd da"), pattern="circle", maximum_steps=4)


def test_rounds_of_a_circle_are_told_once_each_trade() -> None:
    findings = found(sold(" ".join(["ab", "bc", "ca"] * 20)), pattern="circle")
    told = [witness.id for one in findings for witness in one.witnesses]
    assert len(told) == len(set(told)) >= 50
    assert len(findings) < 16


def test_from_hand_to_hand_is_no_wash_nor_what_comes_back_once_by_others() -> None:
    assert found(sold("ab bc cd de")) == []
    assert found(sold("ab bc ca")) == []


def test_three_sales_by_one_party() -> None:
    (one,) = found(sold("ab bc ad de af"))
    assert one.metrics["purchases"] == 3
    assert "a sold PUNK #1 3 times" in one.reason


def test_the_window_bounds_it() -> None:
    assert found(sold("ab ba", every=8 * DAY), window=7 * 86_400_000_000_000) == []
    assert len(found(sold("ab ba", every=6 * DAY), window=7 * 86_400_000_000_000)) == 1


def test_an_item_without_a_number_is_known_by_how_it_is_handed_on() -> None:
    assert found(sold("ab ba", instrument="MONA-LISA")) == []
    assert found(sold("ab bc cd de ea ab ba", instrument="MONA-LISA"))
    assert found(sold("ab ba", instrument="MONA-LISA"), items="all")


def test_who_sells_twice_in_a_row_sells_shares() -> None:
    assert found(sold("mb mc bm cm mb mc", instrument="BOND 2031")) == []


def test_of_a_numbered_kind_of_which_there_are_many_one_may_sell_again_and_again() -> None:
    assert found(sold("ab cd ae fg ah ij", instrument="0xe1155-7")) == []
    assert found(sold("ab cd ba fg ab ij", instrument="0xe1155-7")) == []


def test_an_item_stays_one_however_often_it_is_sold() -> None:
    hands = " ".join(["ab ba ab ba ab ba ab ba xa"] * 45)  # x got it by a transfer
    findings = found(sold(hands, every=60_000.0))
    assert int(findings[-1].witnesses[-1].id.removeprefix("event-")) > 45 * 9 - 20


def test_clusters_and_labels_and_unknown_parties() -> None:
    events = sold("ab ba")
    for event in events:
        event.buyer_cluster = event.seller_cluster = "CL-1"
    assert found(events) == []
    assert found(sold("ab ba", buyer_labels=("exchange",))) == []
    for event in events:
        event.buyer_cluster = event.buyer_account = None
    assert found(events) == []


def test_saved_and_restored_it_goes_on() -> None:
    events = sold("ab bc cb bc cb")
    straight, broken = WashItems(Parameters()), WashItems(Parameters())
    expected = [one for event in events for one in straight.observe(event)]
    came: list[Finding] = []
    for event in events:
        state = broken.snapshot()
        broken = WashItems(Parameters())
        broken.restore(state)
        came += broken.observe(event)
    assert expected
    assert came == expected


def passed(pairs: str, **more: Any) -> list[TokenTransfer]:
    """Moves of item 7 through a marketplace, each signed for by who gets it."""
    events: list[TokenTransfer] = []
    for number, pair in enumerate(pairs.split(), 1):
        fields: dict[str, Any] = {
            "id": f"event-{number}",
            "timestamp": START + number * 3_600 * 10**9,
            "ingested": START,
            "original": "RAW/1/0",
            "provider": "chain",
            "chain_id": 1,
            "block_number": number,
            "contract": "0xc0",
            "transaction_from": pair[1],
            "transaction_to": "0xf0",
            "transaction_hash": f"0x{number}",
            "source_address": pair[0],
            "destination_address": pair[1],
            "amount_raw": "1",
            "item_id": "7",
        }
        events.append(TokenTransfer(**(fields | more)))
    return events


def moved(events: list[TokenTransfer]) -> list[Finding]:
    detection = WashItems(Parameters(of="transfers"))
    return [one for event in events for one in detection.observe(event)]


def test_an_item_of_a_token_goes_back_through_a_marketplace() -> None:
    (one,) = moved(passed("ab ba"))
    assert one.reason == (
        "b and a passed 0xc0 #7 to each other and back on the chain within 60 min: "
        "2 moves of one item"
    )
    assert one.confidence < found(sold("ab ba"))[0].confidence


def test_a_move_that_is_no_sale_as_far_as_the_chain_tells() -> None:
    assert moved(passed("ab ba", transaction_to="0xc0")) == []  # by the token itself
    assert moved(passed("av va", transaction_to="v")) == []  # a vault that was called
    assert moved(passed("av va", transaction_from="a")) == []  # one that never signs
    assert moved(passed("ab ba", transfer_type="forced")) == []
    assert moved(passed("ab ba", authority="o")) == []  # a kind of ERC-1155
    assert moved(passed("ab bc cd")) == []
    assert moved(passed("ab ba", item_id=None)) == []


# -- what a venue takes back -----------------------------------------------------------------------


def after_bust(hands: str, *gone: int, then: str, instrument: str = "PUNK #1") -> list[Finding]:
    """Some of the trades are busted, and then it goes on."""
    first, more = sold(hands, instrument), sold(f"{hands} {then}", instrument)
    before, later = more[: len(first)], more[len(first) :]
    busts = [revised(TradeBusted, before[place], 1) for place in gone]
    return found([*before, *busts, *later])


def test_a_gap_that_was_never_there_makes_no_share_of_an_item() -> None:
    hands = "ab cd ef gh ij bc cd"  # c, e, g and i had it from nobody
    assert after_bust(hands, then="dc", instrument="BOND 2031") == []
    assert after_bust(hands, 1, 2, 3, 4, then="dc", instrument="BOND 2031")


def test_what_was_handed_on_by_a_busted_trade_was_not() -> None:
    hands = "ab bc cd de ef"
    assert after_bust(hands, then="fe", instrument="MONA-LISA")
    assert after_bust(hands, 2, then="fe", instrument="MONA-LISA") == []


def odd(hands: str, quantity: float = 2.0) -> list[Any]:
    """Three trades of an item, of which the second is of two."""
    events = sold(hands)
    events[1].quantity = quantity
    return events


def test_a_trade_of_two_makes_it_no_item_unless_it_is_taken_back() -> None:
    first, two, back = odd("ab bx ba")
    assert found([first, two, back]) == []
    assert len(found([first, two, revised(TradeBusted, two, 1), back])) == 1
    again = odd("ab bx ba")[1]
    again.trade_id = again.id = "again"
    busted = revised(TradeBusted, two, 1)
    assert found([first, two, again, busted, back]) == [], "two such trades are no slip"


def test_nor_if_it_was_of_one_after_all() -> None:
    first, two, back = odd("ab ba ab")
    corrected = revised(TradeCorrected, two, 1, quantity=1.0)
    (finding,) = found([first, two, corrected, back])
    assert finding.metrics["trades_of_item"] == 3
    corrected = revised(TradeCorrected, two, 1, price=9.0)
    assert found([first, two, corrected, back]) == []


def test_a_trade_of_one_that_was_of_two_makes_it_no_item() -> None:
    first, one, back = odd("ab ba ab", 1.0)
    assert len(found([first, one, back])) == 2
    assert len(found([first, one, revised(TradeCorrected, one, 1, quantity=2.0), back])) == 1


def test_of_an_item_of_which_nothing_is_left_nothing_is_known() -> None:
    detection = WashItems(Parameters())
    (trade,) = sold("ab")
    for event in (trade, revised(TradeBusted, trade, 1)):
        assert list(detection.observe(event)) == []
    assert detection.state.items == {}
