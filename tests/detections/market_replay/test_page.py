"""The page of a market: what is drawn and said, and that nothing of anybody's becomes markup."""

import base64
import gzip
import re
from typing import Any

import msgspec
import pytest

from detections.market_replay.clock import clock
from detections.market_replay.page import notes_of, render
from detections.market_replay.scene import Scene
from normalizer.events import Record
from normalizer.events.chain import LiquidityRemoved
from pipeline.units import DAY, MICROSECOND, MILLISECOND, MINUTE, SECOND
from tests.detections.market_replay.scenes import SUSPECT, alert, played, scene, scenes
from tests.detections.market_replay.test_recording import spoof
from tests.detections.samples import Tape, liquidity, swap


def packed(page: str, number: int = 0) -> dict[str, Any]:
    """What the page's script plays."""
    found = re.search(rf'<script type="application/json" id="scene-{number}">"([^"]*)"', page)
    assert found is not None
    return msgspec.json.decode(gzip.decompress(base64.b64decode(found[1])))


def drawn(page: str, classes: str) -> int:
    """How many marks of these classes there are in the picture: legends have no titles."""
    return len(re.findall(rf'class="{classes}"[^>]*><title>', page))


def test_their_orders_and_trades_are_drawn_and_said() -> None:
    one = alert(evidence_events=("event-3", "event-7"))
    page = render([one], [scene(spoof(Tape()), one)])
    assert "acct-9 placed and cancelled" in page
    assert "7 events within 1 s, with 1 order and 1 trade of theirs among 2 trades." in page
    assert drawn(page, "own order buy evidence") == 3  # a bar for each of its quantities
    assert drawn(page, "own end cross buy evidence") == 1
    assert drawn(page, "own deal buy") == 1
    assert drawn(page, "deal") == 1
    assert drawn(page, "alarm") == 1
    assert "bid of 50 at 100 (2 changes) by acct-9, for 0.04 s, then cancelled; order big" in page
    assert "What the alert rests on here: 2 events" in page


def test_a_page_is_the_same_each_time_and_loads_nothing() -> None:
    page = render([alert()], [scene(spoof(Tape()))])
    assert page == render([alert()], [scene(spoof(Tape()))])
    assert "default-src &#x27;none&#x27;" in page
    assert not re.search(r"<[^>]*(src|href)=", page)


def test_what_the_script_plays_is_the_scene() -> None:
    one = alert(evidence_events=("event-3",))
    found = scene(spoof(Tape()), one)
    told = packed(render([one], [found]))
    assert told["times"] == [round(at * MILLISECOND) for at in (0, 1, 10, 20, 30, 40, 50)]
    assert told["marks"] == [0, 0, 3, 1, 1, 0, 1]
    book: dict[tuple[bool, float], tuple[float, float]] = {}
    for levels in told["levels"]:
        for buy, price, quantity, theirs in levels:
            book[bool(buy), price] = (quantity, theirs)
    assert {at: level for at, level in book.items() if level[0]} == played(found, 7)


def test_names_of_anybody_stay_text() -> None:
    name = "</script><b>&\u202eme"
    tape = Tape(instrument="<i>X</i>")
    one = alert(entities=(name,), reason=f"{name} did it", rule_name="<u>rule</u>")
    page = render([one], [scene([tape.placed(0, "o", "buy", 1, 1, investor_account=name)], one)])
    for markup in ("<b>", "<i>X", "<u>", "\u202e"):
        assert markup not in page
    assert page.count("</script>") == 2  # of the data and of the code


def test_whom_no_alert_is_about_may_be_left_out() -> None:
    wallet, other = "0x" + "a" * 40, "0x" + "b" * 40
    about = alert(entities=(SUSPECT, wallet))
    tape = Tape()
    events: list[Record] = [
        *spoof(tape),
        tape.trade(60, 101, 1, buyer_account=SUSPECT, seller_account="other", seller_id="INV-7"),
        tape.placed(70, "c", "buy", 90, 1, investor_account="other", investor_id="INV-7"),
        tape.cancelled(80, "c"),
        swap(90, investor_address=other, transaction_from=other, side="buy", price=2.0,
             quantity=1.0),
        swap(91, investor_address=wallet, transaction_from=wallet, side="sell", price=2.0,
             quantity=1.0),
    ]  # fmt: skip
    named = render([about], scenes(events, about))
    page = render([about], scenes(events, about, name_others=False))
    told = " ".join((*packed(page)["said"], *packed(page, 1)["said"]))
    for name in ("maker", "other", "INV-7", other):
        assert name not in page.replace("others", "")
        assert name not in told
    assert f"{SUSPECT} cancelled" in told
    assert f"{SUSPECT} bought 1 ACME-USD from somebody at 101" in told
    assert f"{wallet} sold" in told
    assert "maker" in named


def test_a_pool_is_drawn_by_swaps_in_their_order() -> None:
    wallet = "0x" + "a" * 40
    one = alert(entities=(wallet,))
    mine = {"investor_address": wallet, "price": 2.0, "quantity": 5.0}
    swaps = [
        swap(1, **mine, side="buy"),
        swap(2, side="buy", price=2.2, quantity=1.0),
        swap(3, **mine, side="sell"),
    ]
    page = render([one], [scene(swaps, one)])
    assert "3 swaps within 1 s, of which 2 are theirs." in page
    assert drawn(page, "own deal buy") == drawn(page, "own deal sell") == 1
    assert "swaps in the order of the chain" in page


def test_liquidity_that_left_is_drawn_where_it_did() -> None:
    one = alert(evidence_events=("liquidity-2",))
    events = [swap(1, side="buy", price=2.0, quantity=1.0), liquidity(LiquidityRemoved, 2)]
    page = render([one], [scene(events, one)])
    assert drawn(page, "liquidity left evidence") == 1
    assert "liquidity left" in page
    assert "liquidity came" not in page


def test_an_alert_is_marked_where_it_rests_on_something() -> None:
    one = alert(evidence_events=("event-1",))
    here = scene([Tape().placed(0, "o", "buy", 1, 1)], one)
    there = scene([Tape(instrument="B").placed(0, "o", "buy", 1, 1, id="x")], one)
    assert drawn(render([one], [here]), "alarm") == 1
    assert drawn(render([one], [there]), "alarm") == 0


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            scene([Tape().update(0, bid_prices=(1.0,), bid_quantities=(1.0,))]),
            "not whose orders it is",
        ),
        (scene([Tape().placed(500, "o", "buy", 1, 1)]), "orders of before, if there were any"),
        (scene([Tape().gap(0), Tape().placed(1, "o", "buy", 1, 1)]), "A part of the feed is"),
        (scene(spoof(Tape()), most_moments=2), "5 more events can't be played again"),
    ],
    ids=["levels", "late", "gap", "too many"],
)
def test_what_is_to_be_known_of_a_picture_is_said(found: Scene, said: str) -> None:
    assert any(said in note for note in notes_of(found))


def test_a_book_that_begins_with_a_snapshot_lacks_nothing() -> None:
    tape = Tape()
    assert notes_of(scene([tape.snapshot(500), tape.placed(501, "o", "buy", 1, 1)])) == []


def test_two_alerts_are_both_told() -> None:
    first, second = alert(), alert(id="alert-2", reason="acct-9 did it again")
    page = render([first, second], [scene(spoof(Tape()), first, second)])
    assert "<h1>2 alerts</h1>" in page
    assert "acct-9 did it again" in page


def test_a_long_flow_is_drawn_with_as_many_points_as_can_be_seen() -> None:
    tape = Tape()
    events: list[Record] = []
    for number in range(20_000):
        events.append(tape.placed(number * 0.02, "o", "buy", 10 + number % 7, 1))
        events.append(tape.cancelled(number * 0.02 + 0.01, "o"))
    page = render([alert()], [scene(events, until=400, most_moments=100)])
    (path,) = re.findall(r'<path d="([^"]*)" class="bid-area"', page)
    assert path.count("H") < 4_000


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (DAY, "2026-01-01"),
        (MINUTE, "00:00"),
        (SECOND, "00:00:01"),
        (MILLISECOND, "00:00:01.250"),
        (MICROSECOND, "00:00:01.250007"),
    ],
)
def test_times_are_as_exact_as_they_need_to_be(step: int, told: str) -> None:
    moment = 1_767_225_600 * SECOND + SECOND + 250 * MILLISECOND + 7 * MICROSECOND
    assert clock(moment, step) == told


def test_who_is_shown_is_whom_the_alert_names() -> None:
    assert SUSPECT in render([alert()], [scene(spoof(Tape()))])
