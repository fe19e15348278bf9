"""The page in a browser: it plays the market again, event by event."""

from collections.abc import Generator
from pathlib import Path

import pytest

from detections.market_replay.page import render
from normalizer.events.chain import LiquidityAdded
from splunk.studio.browser import Page, browser, browser_path
from tests.detections.market_replay.scenes import alert, scene
from tests.detections.market_replay.test_recording import spoof
from tests.detections.samples import Tape, liquidity, swap

pytestmark = pytest.mark.skipif(browser_path() is None, reason="Chromium: none is installed")
_LADDER = (
    "[...document.querySelectorAll('.rung')].slice(1)"
    ".map(row => [...row.children].map(cell => cell.textContent).join('|'))"
    ".filter(text => !text.includes('·'))"
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Generator[Page]:
    """The page of a spoof, open."""
    path = tmp_path_factory.mktemp("page") / "market.html"
    path.write_text(render([alert()], [scene(spoof(Tape()))]), "utf-8")
    with browser(1100, 1500) as page:
        page.open(path)
        page.wait("document.documentElement.classList.contains('scripted')", 30)
        yield page


_PRICES = "[...document.querySelectorAll('.rung:not(.head) .price')].map(one => one.textContent)"


def press(page: Page, *actions: str) -> None:
    for action in actions:
        page.evaluate(f"document.querySelector('[data-do={action}]').click()")


def test_it_begins_at_their_first_order(shown: Page) -> None:
    press(shown, "own-back")
    assert shown.evaluate("document.querySelector('.when').textContent").endswith("3 of 7")
    assert shown.evaluate(_LADDER) == ["5|101|", "50|100|50", "5|99|"]
    assert shown.evaluate("document.querySelector('.tape .now').textContent") == (
        "00:00:00.010acct-9 rests on the book with a buy order of 50 ACME-USD at 100"
    )


def test_each_event_moves_the_book(shown: Page) -> None:
    press(shown, "own-back", "on", "on")
    assert shown.evaluate(_LADDER) == ["5|101|", "36|100|36", "5|99|"]
    press(shown, "on", "on")
    assert shown.evaluate(_LADDER) == ["3|101|", "5|99|"]
    press(shown, "back", "back", "back", "back", "back", "back")
    assert shown.evaluate(_LADDER) == ["5|99|"]


def test_a_click_on_the_picture_goes_to_that_time(shown: Page) -> None:
    shown.evaluate("""(() => {
        const chart = document.querySelector('svg.chart'), box = chart.getBoundingClientRect();
        const x = box.left + (box.width * 983) / 1000;
        chart.dispatchEvent(new MouseEvent('click', {clientX: x, bubbles: true}));
    })()""")
    assert shown.evaluate("document.querySelector('.when').textContent").endswith("7 of 7")


def test_the_slider_goes_back_to_the_beginning(shown: Page) -> None:
    shown.evaluate("""(() => {
        const slider = document.querySelector('.time');
        slider.value = 15;
        slider.dispatchEvent(new Event('input'));
    })()""")
    assert shown.evaluate("document.querySelector('.when').textContent").endswith("2 of 7")


def test_playing_goes_to_the_end_and_stops(shown: Page) -> None:
    shown.evaluate("""(() => {
        const speed = document.querySelector('select');
        speed.value = 10;
        document.querySelector('.time').value = 0;
    })()""")
    press(shown, "play")
    shown.wait("document.querySelector('.when').textContent.endsWith('7 of 7')", 20)
    shown.wait("document.querySelector('[data-do=play]').textContent === 'play'", 20)


def test_nothing_is_thrown(shown: Page) -> None:
    assert shown.failures == []


def test_a_pool_is_played_swap_by_swap(tmp_path: Path) -> None:
    wallet = "0x" + "a" * 40
    one = alert(entities=(wallet,))
    mine = {"investor_address": wallet, "price": 2.0, "quantity": 5.0}
    swaps = [swap(1, side="buy", price=1.0, quantity=1.0), swap(2, **mine, side="sell")]
    path = tmp_path / "pool.html"
    path.write_text(render([one], [scene(swaps, one)]), "utf-8")
    with browser(1100, 1500) as page:
        page.open(path)
        page.wait("document.documentElement.classList.contains('scripted')", 30)
        assert page.evaluate("document.querySelector('.when').textContent").endswith("2 of 2")
        assert page.evaluate("document.querySelector('.ladder').hidden")
        assert page.failures == []


def test_a_pools_mark_is_at_what_happened_also_where_liquidity_came_between(
    tmp_path: Path,
) -> None:
    events = [
        liquidity(LiquidityAdded, 1),
        liquidity(LiquidityAdded, 2),
        swap(3, side="buy", price=1.0, quantity=1.0),
        liquidity(LiquidityAdded, 4),
        swap(5, side="sell", price=2.0, quantity=1.0),
    ]
    path = tmp_path / "pool.html"
    path.write_text(render([alert()], [scene(events)]), "utf-8")
    mark = "Number(document.querySelector('.playhead').getAttribute('x1'))"
    with browser(1100, 1500) as page:
        page.open(path)
        page.wait("document.documentElement.classList.contains('scripted')", 30)
        found = [page.evaluate(mark)]
        for _ in range(5):
            press(page, "on")
            found.append(page.evaluate(mark))
        # Two columns from 78 to 984: a swap in the middle of its own, liquidity between them.
        assert found == [78, 78, 78, 304.5, 531, 757.5]
        for x, count in ((700, "5 of 5"), (300, "3 of 5")):
            page.evaluate(f"""(() => {{
                const chart = document.querySelector('svg.chart');
                const box = chart.getBoundingClientRect(), x = box.left + (box.width * {x}) / 1000;
                chart.dispatchEvent(new MouseEvent('click', {{clientX: x, bubbles: true}}));
            }})()""")
            assert page.evaluate("document.querySelector('.when').textContent").endswith(count)
        assert page.failures == []


@pytest.mark.parametrize(
    ("prices", "told"),
    [
        ((0.1 + 0.2, 100.16000000000001), ["0.30", "100.16"]),
        ((1.2e-10, 1.6e-10), ["1.2e-10", "1.6e-10"]),
    ],
)
def test_prices_have_the_digits_that_were_said(
    tmp_path: Path, prices: tuple[float, float], told: list[str]
) -> None:
    tape = Tape()
    events = [
        tape.placed(at, f"o{at}", "buy", one, 1, investor_account="acct-9")
        for at, one in enumerate(prices)
    ]
    path = tmp_path / "page.html"
    path.write_text(render([alert()], [scene(events)]), "utf-8")
    with browser(1100, 1500) as page:
        page.open(path)
        page.wait("document.documentElement.classList.contains('scripted')", 30)
        press(page, "on")
        shown = [one for one in page.evaluate(_PRICES) if one != "·"]
        assert sorted(shown) == told
        assert page.failures == []
