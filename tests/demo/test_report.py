"""The page: one well-formed file that loads nothing, and believes nothing that a source says."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from demo.ground_truth import GroundTruth
from demo.report import Latency, write_report
from demo.report.page import render_page
from demo.report.story import Story, tell
from demo.verdict import judge
from normalizer.events import Alert, Record
from normalizer.events.ecs import nest
from pipeline.page.markup import el, style_sheet
from pipeline.page.scales import Linear, Log, padded, tick_texts, ticks
from tests.demo.invented_alerts import T0, alert, decoy, planted
from tests.demo.watched_session import WatchedSession, watch_both, watch_venue
from tests.fixtures.chain import PlayedScenario

VOID = {"meta", "link", "br", "hr", "img", "input", "!doctype"}


class Page(HTMLParser):
    """Reads a page strictly: every element that begins must end, in its place."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "elements without an end"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice in {tag}"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> ends nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())

    def all(self, attribute: str) -> list[str]:
        found = (attributes.get(attribute) for _, attributes in self.elements)
        return [value for value in found if value is not None]


def page_of(session: WatchedSession, **options: object) -> Page:
    return Page(render_page(story_of(session, **options)))


def story_of(session: WatchedSession, **options: object) -> Story:
    verdict = judge(session.truth, session.alerts)
    return tell(verdict, session.events, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def venue() -> WatchedSession:
    return watch_venue()


def test_the_page_is_well_formed_and_its_ids_are_unique(venue: WatchedSession) -> None:
    page = page_of(venue)
    assert [name for name, count in Counter(page.all("id")).items() if count > 1] == []


def test_every_link_leads_to_something_on_the_page(venue: WatchedSession) -> None:
    page = page_of(venue)
    links = page.all("href")
    assert links
    assert {link for link in links if not link.startswith("#")} == set()
    assert {link[1:] for link in links} <= set(page.all("id"))


def test_nothing_is_loaded_and_nothing_runs(venue: WatchedSession) -> None:
    page = page_of(venue)
    tags = {tag for tag, _ in page.elements}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form", "image"})
    names = {name for _, attributes in page.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "style")]
    text = render_page(story_of(venue))
    assert "url(http" not in text
    assert "@import" not in text
    assert "default-src &#x27;none&#x27;" in text


def test_the_head_has_all_totals(venue: WatchedSession) -> None:
    story = story_of(venue, latency=Latency(median=11_300_000, p99=32_800_000))
    text = Page(render_page(story)).text
    totals = story.totals()
    assert totals.trades == 63
    for name in ("blocks", "transfers", "orders", "trades", "events", "alerts"):
        assert f"{name} {getattr(totals, name):,}" in text
    assert "median latency 11.3 ms" in text
    assert "p99 latency 32.8 ms" in text


def test_latency_is_left_out_where_it_was_not_measured(venue: WatchedSession) -> None:
    assert "latency" not in page_of(venue).text


def test_a_recorded_session_is_called_one(venue: WatchedSession) -> None:
    assert "A recorded session of 27 s" in page_of(venue, recorded=True).text
    assert "A live session of 27 s" in page_of(venue).text


def test_every_alert_has_a_card_with_its_reason_and_all_of_its_evidence(
    venue: WatchedSession,
) -> None:
    text = page_of(venue).text
    for one in venue.alerts:
        assert one.rule_name in text
        assert one.reason in text
        for evidence in (one.evidence_events, one.evidence_orders, (one.id,)):
            for name in evidence:
                assert name in text


def test_every_planted_abuse_is_in_the_table(venue: WatchedSession) -> None:
    text = page_of(venue).text
    for one in venue.truth.planted:
        assert one.description in text
    assert "All 8 planted abuses found, no false alarm" in text


def test_what_was_missed_and_falsely_raised_is_said_as_plainly(venue: WatchedSession) -> None:
    honest = venue.truth.decoys[0]
    false = alert("f", "spoofing", evidence_orders=honest.order_ids, rule_name="Too eager")
    alerts = [one for one in venue.alerts if one.typology != "spoofing"] + [false]
    page = Page(render_page(tell(judge(venue.truth, alerts), venue.events)))
    assert "4 of 8 planted abuses found, 1 false alarm" in page.text
    assert page.text.count("✗ missed") == 4
    assert "✗ false alarm" in page.text
    assert honest.description in page.text
    assert "4 of 5 raised no alarm" in page.text


def test_every_chart_has_a_text_alternative(venue: WatchedSession) -> None:
    page = page_of(venue)
    charts = [attributes for tag, attributes in page.elements if attributes.get("role") == "img"]
    assert len(charts) == 3, "venue, book and rate; nothing happened on a chain"
    for chart in charts:
        for name in str(chart["aria-labelledby"]).split():
            assert name in page.all("id")


def test_the_spoofing_chart_shows_the_large_orders_life(venue: WatchedSession) -> None:
    assert (
        "A buy order of 390 ACME-USD by acct-mirage stood at 99.94 for 750 ms"
        in page_of(venue).text
    )


def test_no_coordinate_is_unreal(venue: WatchedSession) -> None:
    text = render_page(story_of(venue))
    assert not re.search(r'="[^"]*\b(nan|inf)\b', text)


HOSTILE = "</td></style><script>alert(1)</script><img src=x onerror='a()'>\" onload=\"b() & \u202e"


def hostile(session: WatchedSession) -> tuple[GroundTruth, list[Record], list[Alert]]:
    """The session with a hostile value in every text of every event, alert and truth."""

    def spoilt(one: msgspec.Struct, keep: set[str]) -> dict[str, object]:
        changed: dict[str, object] = {}
        for field in msgspec.structs.fields(type(one)):
            value = getattr(one, field.name)
            if field.name in keep or not isinstance(value, str | tuple):
                continue
            if isinstance(value, str):
                changed[field.name] = value + HOSTILE
            elif value and isinstance(value[0], str):
                changed[field.name] = tuple(item + HOSTILE for item in value)
        return changed

    replace = msgspec.structs.replace
    enums = {"side", "level"}
    events = [replace(event, **spoilt(event, enums)) for event in session.events]
    alerts = [replace(one, **spoilt(one, enums)) for one in session.alerts]
    kinds = {"where"}
    truth = GroundTruth(
        planted=[replace(one, **spoilt(one, kinds)) for one in session.truth.planted],
        decoys=[replace(one, **spoilt(one, kinds)) for one in session.truth.decoys],
    )
    return truth, events, alerts


def test_hostile_values_stay_text(venue: WatchedSession) -> None:
    truth, events, alerts = hostile(venue)
    text = render_page(tell(judge(truth, alerts), events))
    page = Page(text)
    assert "<script" not in text
    assert "<img" not in text
    assert "\u202e" not in text, "nor may they turn the direction of the text"
    tags = {tag for tag, _ in page.elements}
    assert tags == {tag for tag, _ in page_of(venue).elements}
    names = {name for _, attributes in page.elements for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.text, "it is shown as what it is"


def test_hostile_numbers_do_not_break_the_page(venue: WatchedSession) -> None:
    events = [
        msgspec.structs.replace(event, price=value)
        if getattr(event, "price", None) is not None
        else event
        for event, value in zip(
            venue.events, [1e-300, 1e300, 0.0, 1e18] * len(venue.events), strict=False
        )
    ]
    Page(render_page(tell(judge(venue.truth, venue.alerts), events)))


def test_a_session_in_which_nothing_happened_has_a_page_too() -> None:
    page = Page(render_page(tell(judge(GroundTruth(), []), [])))
    assert "No alert was raised." in page.text


def test_an_alert_whose_evidence_is_not_there_says_so() -> None:
    one = alert("a", evidence_events=("venue:1", "venue:2"))
    page = Page(render_page(tell(judge(GroundTruth(), [one]), [])))
    assert "2 events of the evidence missing: venue:1, venue:2" in page.text


def test_documents_give_the_same_page_as_records(venue: WatchedSession, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    documents = [nest(event) for event in venue.events]
    alerts = [nest(one) for one in venue.alerts]
    write_report(path, verdict=judge(venue.truth, alerts), events=documents)
    assert path.read_text(encoding="utf-8") == render_page(story_of(venue))


def test_a_copy_of_an_event_counts_once_and_a_strange_document_is_counted(
    venue: WatchedSession,
) -> None:
    documents = [nest(event) for event in venue.events] * 2 + [{"event": {"action": "strange"}}]
    story = tell(judge(venue.truth, venue.alerts), documents)
    assert story.totals().events == len(venue.events)
    assert "1 document of the output is no event" in Page(render_page(story)).text


@pytest.mark.chain
def test_both_worlds_are_on_one_page(played: PlayedScenario) -> None:
    session = watch_both(played)
    page = page_of(session)
    assert judge(session.truth, session.alerts).complete
    assert "All 18 planted abuses found, no false alarm" in page.text
    charts = [attributes for tag, attributes in page.elements if attributes.get("role") == "img"]
    assert len(charts) == 5
    for one in session.alerts:
        for transaction in one.evidence_transactions:
            assert transaction in page.text
        for block in one.evidence_blocks:
            assert f"block {block}" in page.text


def test_decoys_are_told_with_what_they_resemble() -> None:
    verdict = judge(GroundTruth(planted=[planted(order_ids=("p",))], decoys=[decoy()]), [])
    text = Page(render_page(tell(verdict, []))).text
    assert "(resembles spoofing): an order cancelled late" in text


def test_an_element_escapes_its_children_and_attributes() -> None:
    assert el("p", "<b>", title='"') == '<p title="&quot;">&lt;b&gt;</p>'
    assert el("p", el("b", "x")) == "<p><b>x</b></p>"


@pytest.mark.parametrize("tag", ["script", "style", "p onload=x", "1", ""])
def test_no_element_can_be_made_that_runs_or_breaks_out(tag: str) -> None:
    with pytest.raises(ValueError):
        el(tag, "x")


def test_a_style_sheet_can_not_close_itself() -> None:
    with pytest.raises(ValueError):
        style_sheet("</style><script>")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, ["0", "2", "4", "6", "8", "10"]),
        (99.93, 100.05, ["99.95", "100.00", "100.05"]),
        (-2, 2.75, ["-2", "-1", "0", "1", "2"]),
        (5, 5, ["5"]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[str]) -> None:
    assert tick_texts(ticks(low, high, 5)) == expected


def test_scales_map_their_ends_and_bear_a_domain_without_width() -> None:
    scale = Linear(10, 20, 0, 100)
    assert (scale(10), scale(15), scale(20)) == (0, 50, 100)
    assert Linear(5, 5, 0, 100)(5) == 50
    assert Log(1, 100, 0, 100)(10) == pytest.approx(50)
    assert Log(1, 100, 0, 100)(0) == 0
    assert padded([]) == (0.0, 1.0)


def test_times_of_the_page_are_event_times(venue: WatchedSession) -> None:
    assert venue.events[0].timestamp == T0
    assert "on 15 January 2027, 08:00:00 UTC" in page_of(venue).text
