"""A bust in FIX finds its trade by whichever id the two of them share."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from collectors.fix.looking_back import LookingBack
from collectors.fix.trade_names import TradeNames
from collectors.order_log.collector import OrderLogCollector
from collectors.order_log.log_lines import LogLine
from normalizer.events import market
from pipeline.config.sources import OrderLogSource
from pipeline.frames import Frame
from pipeline.trade_sides import decode_context
from pipeline.units import MILLISECOND
from tests.collectors.frames_outlet import FramesOutlet
from tests.collectors.test_fix_drop_copy import collecting, logged_on
from tests.collectors.test_fix_log import write
from tests.collectors.test_merged_fix_logs import at, merged
from tests.collectors.test_order_log import read
from tests.fixtures.waiting import until
from tests.normalizer import venue_frames as v
from tests.normalizer.test_fix import FILL, TIME, Pairs, changed, message
from tests.normalizer.test_fix_log import BUYER, logged
from tests.servers.fix_acceptor import FixAcceptor

BUST: Pairs = changed(FILL, t150="H", t19="e2", t17="e8", t880=None, t1057=None)
OTHER_BUST: Pairs = changed(BUYER, t150="H", t19="e3", t17="e9", t880=None, t1057=None)


def taken(*messages: bytes) -> str | None:
    names = TradeNames()
    return [names.take(one) for one in messages][-1]


def report(pairs: Pairs, **values: str | None) -> bytes:
    return message("8", changed(pairs, **values))


CAPTURE: Pairs = [(571, "r1"), (17, "e2"), (487, "0"), (55, "ACME-USD"), (31, "10"), (32, "1")]


@pytest.mark.parametrize(
    ("trade", "bust", "said"),
    [
        (report(FILL), report(BUST), "9001"),
        (report(FILL), report(BUST, t150="G"), "9001"),
        (report(FILL, t150="1", t20="0"), report(BUST, t150="1", t20="1"), "9001"),
        (report(FILL, t150="2"), report(BUST, t150="2", t20="2"), "9001"),
        # By another one of the trade's ids than it is known by; by what the trade never had.
        (report(FILL, t527="s1"), report(BUST, t19=None, t527="s1"), "9001"),
        (report(FILL, t880=None), report(BUST, t880="9001"), "e2"),
        # A second id of the bust is its own.
        (report(FILL, t527="s1"), report(BUST, t527="s9"), "9001"),
        (report(FILL), report(BUST, t880="s9"), "9001"),
        # The trade's own id is known, whatever ExecRefID says.
        (report(FILL), report(BUST, t880="9001", t19="e1"), ""),
        # It says itself what the trade is called.
        (report(FILL), report(BUST, t880="9001"), ""),
        (report(FILL, t880=None), report(BUST), ""),
        (report(FILL), report(FILL, t17="e5"), ""),
        (report(FILL), report(BUST, t20="3"), ""),
        # Of another instrument, another session, another trade.
        (report(FILL), report(BUST, t55="B-USD"), None),
        (report(FILL), report(BUST).replace(b"\x0149=V\x01", b"\x0149=W\x01"), None),
        (report(FILL), report(BUST, t19="e1"), None),
        # Trade capture reports.
        (message("AE", CAPTURE), message("AE", changed(CAPTURE, t487="1", t571="r2")), ""),
        (
            message("AE", changed(CAPTURE, t1003="T1")),
            message("AE", changed(CAPTURE, t487="1", t571="r2", t572="r1", t17=None)),
            "T1",
        ),
        (message("AE", changed(CAPTURE, t1003="T1")), report(BUST), None),
        (message("AE", CAPTURE), message("AE", changed(CAPTURE, t487="4")), ""),
    ],
)
def test_by_which_id(trade: bytes, bust: bytes, said: str | None) -> None:
    if said is None and b"35=AE" in trade:
        trade = trade.replace(b"\x0117=e2\x01", b"\x0117=e7\x01")
    assert taken(trade, bust) == said


def test_what_busts_a_correction_is_about_its_trade() -> None:
    first = report(BUST, t150="G")
    second = report(BUST, t19="e8", t17="e10")
    assert taken(report(FILL), first, second) == "9001"


def test_where_execution_ids_begin_anew_each_day_the_trades_own_id_counts() -> None:
    yesterday, today = report(FILL, t880="8001"), report(FILL, t880="9001")
    assert taken(yesterday, today, report(BUST, t880="8001")) == ""
    assert taken(yesterday, today, report(BUST)) == "9001"
    capture, anew = (message("AE", changed(CAPTURE, t1003=one, t17=None)) for one in ("T1", "T2"))
    bust = changed(CAPTURE, t487="1", t571="r2", t572="r1", t17=None)
    assert taken(capture, anew, message("AE", changed(bust, t1003="T1"))) == ""
    assert taken(capture, anew, message("AE", bust)) == "T2"


def test_the_oldest_are_forgotten() -> None:
    names = TradeNames(remembered=10)
    for number in range(100):
        names.take(report(FILL, t17=f"e{number}", t880=f"{number}"))
    found = [names.take(report(BUST, t19=f"e{number}")) for number in range(100)]
    known = [one is not None for one in found]
    assert known == sorted(known)
    assert 5 <= sum(known) <= 10


def test_a_damaged_message_is_of_no_trade() -> None:
    assert taken(b"8=FIX.4.4\x0135=8\x01150=H\x01x\x01") == ""


def events(protocol: str, lines: list[LogLine]) -> list[Any]:
    return v.normalize_each(protocol, *((line.payload, line.context) for line in lines)).events


def test_in_an_engines_log_it_busts_the_trade_of_both_sides(tmp_path: Path) -> None:
    lines = [logged("8", one) for one in (FILL, BUYER, BUST, OTHER_BUST)]
    trade, *busts = events("order_log", read(write(tmp_path / "a.fix", *lines)))
    assert isinstance(trade, market.Trade)
    assert [bust.trade_id for bust in busts] == [trade.trade_id] * 2
    assert all(isinstance(bust, market.TradeBusted) for bust in busts)


def test_so_it_does_in_the_logs_of_several_sessions(tmp_path: Path) -> None:
    write(tmp_path / "a.fix", at(1, FILL), at(3, BUST))
    write(tmp_path / "b.fix", at(1, BUYER), at(2, OTHER_BUST))
    found = events("order_log", merged(tmp_path))
    assert {event.trade_id for event in found} == {"9001"}
    assert [type(event) for event in found[1:]] == [market.TradeBusted] * 2


async def test_a_source_finds_the_trade_of_an_earlier_file_and_run(tmp_path: Path) -> None:
    outlet = FramesOutlet("order_log", "log")
    source = OrderLogSource(
        name="log",
        path=tmp_path,
        venue="acme",
        trade_sides="both",
        poll_every=10 * MILLISECOND,
    )
    write(tmp_path / "1.fix", logged("8", FILL), logged("8", BUYER))
    await followed(source, outlet, 2)
    write(tmp_path / "2.fix", logged("8", BUST))
    await followed(source, outlet, 3)
    write(tmp_path / "3.fix", logged("8", OTHER_BUST))
    await followed(source, outlet, 4)
    assert [decode_context(frame.context).trade for frame in outlet.frames[2:]] == ["9001"] * 2


class Hesitant(FramesOutlet):
    """The bus doesn't answer at first."""

    asked = 0

    async def recent(self, least: int) -> list[Frame]:
        self.asked += 1
        if self.asked == 1:
            raise TimeoutError
        return await super().recent(least)


async def test_a_bus_that_does_not_answer_is_asked_again_and_only_as_long_as_that() -> None:
    outlet = Hesitant("order_log", "log")
    outlet.frames = [Frame("a.fix:1", 1, logged("8", FILL), "message")]
    names = TradeNames()
    back = LookingBack(outlet, names)
    assert names.take(report(BUST)) is None
    assert await back.trade_of(report(BUST)) == "9001"
    assert await back.trade_of(report(OTHER_BUST)) == ""
    assert outlet.asked == 2


async def followed(source: OrderLogSource, outlet: FramesOutlet, frames: int) -> None:
    task = asyncio.create_task(OrderLogCollector(source, outlet).run())
    try:
        await until(lambda: len(outlet.frames) == frames, f"{frames} frames")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_drop_copy_busts_the_trade_of_both_sides_in_an_earlier_run_too() -> None:
    outlet = FramesOutlet("fix", "copy")
    with FixAcceptor() as acceptor:
        async with collecting(outlet, acceptor.port):
            await logged_on(acceptor)
            send(acceptor, FILL, BUYER, BUST)
            await until(lambda: len(outlet.frames) == 3, "a trade and a bust")
        await until(lambda: not acceptor.logged_on.is_set(), "the end of the session")
        send(acceptor, OTHER_BUST)
        async with collecting(outlet, acceptor.port):
            await until(lambda: len(outlet.frames) == 4, "the other bust")
    found = v.normalize_each("fix", *((one.payload, one.context) for one in outlet.frames)).events
    assert [type(event) for event in found] == [
        market.Trade,
        market.TradeBusted,
        market.TradeBusted,
    ]
    assert {getattr(event, "trade_id", None) for event in found} == {"9001"}


def send(acceptor: FixAcceptor, *reports: Pairs) -> None:
    for pairs in reports:
        acceptor.send("8", [(tag, TIME[:21] if tag == 60 else value) for tag, value in pairs])
