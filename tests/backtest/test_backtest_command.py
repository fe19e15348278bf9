"""`tapewatch backtest` as a command: what it prints and writes, and how it fails."""

import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.backtest.samples import CORRELATION, LARGE, RULE, transfer, write
from tests.cli.command_line import Answer, tapewatch, write_configuration

GOLDEN = Path(__file__).parent / "golden"
LABELS = """\
labels:
  - {rule: large, events: [event-2]}
  - {rule: large, events: [event-4], label: false, note: settled block trade}
  - {rule: large, events: [event-0], note: case 7}
  - {typology: spoofing, entities: [INV-0001]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Rules, other rules, labels, and two days of transfers."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "large.yml").write_text(RULE)
    (tmp_path / "rules" / "often.yml").write_text(CORRELATION)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "large.yml").write_text(RULE.replace("gte: 100", "gte: 150"))
    (tmp_path / "labels.yml").write_text(LABELS)
    lines = [
        transfer(number, amount, hours=hours)
        for number, (hours, amount) in enumerate(
            [(0, 50), (1, 100), (2, 150), (20, 90), (30, 400), (47, 120), (49, 130)]
        )
    ]
    write(tmp_path / "events.ndjson", *lines)
    return tmp_path


def backtest(folder: Path, *options: str, **more: Any) -> Answer:
    events = () if "--events" in options or "--stream" in options else ("--events", "events.ndjson")
    return tapewatch("backtest", "--rules", "rules", *events, *options, folder=folder, **more)


ALL = (
    *("--labels", "labels.yml", "--compare", "other"),
    *("--sweep", "large:selection.token.amount|gte=50..150:50"),
)


def test_what_the_terminal_shows(folder: Path) -> None:
    answer = backtest(folder, *ALL)

    assert (answer.code, answer.error) == (0, "")
    shown = "\n".join(line.rstrip() for line in answer.out.splitlines()) + "\n"
    assert shown == (GOLDEN / "backtest.txt").read_text()


def test_the_json_is_the_same_every_time(folder: Path) -> None:
    first = backtest(folder, *ALL, "--json", "-")
    second = backtest(folder, *ALL, "--json", "again.json", PYTHONHASHSEED="7")

    assert (first.code, second.code) == (0, 0)
    assert first.out.encode() == (folder / "again.json").read_bytes()
    result = json.loads(first.out)
    assert result["alerts"] == 6
    assert result["comparison"]["gone"] == 4


class _Page(HTMLParser):
    """Everything in a page that could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data", "action", "xlink:href", "poster"):
                self.loads.append(value or "")


def test_the_page_loads_nothing(folder: Path) -> None:
    answer = backtest(folder, *ALL, "--html", "report/page.html")

    assert answer.code == 0, answer
    text = (folder / "report" / "page.html").read_text()
    page = _Page()
    page.feed(text)
    assert all(one.startswith("#") for one in page.loads)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src &#x27;none&#x27;" in text
    assert not re.search(r"https?://", text.replace("http://www.w3.org/2000/svg", ""))
    for said in ("6 alerts", "Large transfer", "case 7", "What would change", "Other values"):
        assert said in text


def test_what_events_say_is_escaped_on_the_page(folder: Path) -> None:
    symbol: dict[str, Any] = {"token.symbol": "<script>alert(1)</script>"}
    hostile = transfer(9, 500, **symbol)
    write(folder / "events.ndjson", hostile)

    backtest(folder, "--html", "page.html")

    text = (folder / "page.html").read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_exceptions_and_what_went_wrong_are_on_the_page_too(folder: Path) -> None:
    (folder / "rules" / "agreed.exceptions.yml").write_text(
        "exceptions:\n  - {rules: [large], entities: [INV-0002], owner: jane@example.com, "
        "reason: Custodian, expires: 2027-01-31}\n"
    )
    with (folder / "events.ndjson").open("ab") as file:
        file.write(b"{torn\n")

    answer = backtest(folder, "--html", "page.html")

    assert answer.code == 1
    text = (folder / "page.html").read_text()
    for said in ("Exceptions", "jane@example.com", "What went wrong", "events.ndjson:8:"):
        assert said in text
    assert "1 exception held back" in answer.out


def test_a_grid_of_two_parameters_is_drawn(folder: Path) -> None:
    answer = backtest(
        folder,
        *("--sweep", "large:selection.token.amount|gte=50,100", "--sweep", "often:timespan=1h,2h"),
        *("--html", "page.html"),
    )

    assert answer.code == 0, answer
    assert "Alerts by both parameters" in (folder / "page.html").read_text()


def test_dead_lines_are_told_and_stop_no_other(folder: Path) -> None:
    with (folder / "events.ndjson").open("ab") as file:
        file.write(b"{torn\n")

    answer = backtest(folder)

    assert answer.code == 1
    assert "1 line is no event. The first:" in answer.out
    assert "events.ndjson:8:" in answer.out
    assert "6 alerts" in answer.out


def test_dead_lines_are_all_counted_however_many_are_wrong_in_one_way(folder: Path) -> None:
    with (folder / "events.ndjson").open("ab") as file:
        file.write(b"{torn\n" * 3_000)

    answer = backtest(folder, "--json", "-")

    events = json.loads(answer.out)["events"]
    assert (answer.code, events["dead"], events["read"]) == (1, 3_000, 7)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"", (), "events.ndjson: there is none in it"),
        (b"\n\n", (), "events.ndjson: there is none in it"),
        (b"rubbish\n", (), "events.ndjson: no line of it is one"),
        (b"rubbish\n" * 500, (), "events.ndjson: no line of it is one"),
        (b"\0" * 4096, (), "events.ndjson: no line of it is one"),
        (None, ("--from", "2031-01-01"), "all 7 of it are outside the wanted time"),
    ],
)
def test_rules_that_met_no_event_have_not_found_nothing(
    folder: Path, content: bytes | None, options: tuple[str, ...], said: str
) -> None:
    if content is not None:
        (folder / "events.ndjson").write_bytes(content)

    answer = backtest(folder, *options)

    assert answer.code == 1
    assert "error: the rules met no event of events.ndjson" in answer.error
    assert said in answer.error
    assert "0 events" in answer.out, "what was read is shown all the same"


def test_rules_that_had_nothing_to_look_at_are_told(folder: Path) -> None:
    status = RULE.replace("token-transfer", "trading-status").replace("Large transfer", "Status")
    status = status.replace("name: large", "name: status").replace(
        "    token.amount|gte: 100\n", ""
    )
    (folder / "rules" / "status.yml").write_text(status.replace(LARGE, LARGE[:-1] + "9"))

    answer = backtest(folder, "--html", "page.html")
    written = json.loads(backtest(folder, "--json", "-").out)

    assert "\n1 rule had nothing to look at, since no event is trading-status\n" in answer.out
    reasons = {one["title"]: one["blind"] for one in written["rules"]}
    assert reasons == {
        "Large transfer": None,
        "Large transfers in short time": None,
        "Status": "no event is trading-status",
    }
    page = (folder / "page.html").read_text()
    assert "1 rule gave no alert; 1 had nothing to look at" in page
    assert "no event is trading-status" in page


def test_a_mark_of_utf_8_is_no_part_of_the_first_event(folder: Path) -> None:
    text = (folder / "events.ndjson").read_text()
    (folder / "events.ndjson").write_text(text, encoding="utf-8-sig")

    answer = backtest(folder, "--json", "-")

    assert (answer.code, json.loads(answer.out)["events"]["read"]) == (0, 7)


def test_a_time_that_no_event_can_have_counts_for_no_time(folder: Path) -> None:
    with (folder / "events.ndjson").open("ab") as file:
        file.write(b'{"@timestamp":%d,"event.action":"x"}\n' % 10**40)

    answer = backtest(folder, "--json", "-")

    events = json.loads(answer.out)["events"]
    assert (answer.code, events["dead"], events["read"]) == (1, 1, 7)
    assert events["last"] < "2026-02"


def test_events_in_utf_16_are_told_for_what_they_are(folder: Path) -> None:
    text = (folder / "events.ndjson").read_text()
    (folder / "events.ndjson").write_text(text, encoding="utf-16")

    answer = backtest(folder)

    assert (answer.code, answer.out) == (2, "")
    assert "events.ndjson is in UTF-16, not in UTF-8: convert it by `iconv" in answer.error


def test_events_of_every_form_give_the_same(folder: Path) -> None:
    plain = json.loads(backtest(folder, "--json", "-").out)
    content = (folder / "events.ndjson").read_bytes()
    (folder / "events.gz").write_bytes(gzip.compress(content))
    with duckdb.connect() as connection:
        query = f"SELECT * FROM read_json('{folder / 'events.ndjson'}')"
        connection.execute(f"COPY ({query}) TO '{folder / 'nested.parquet'}' (FORMAT parquet)")

    packed = json.loads(backtest(folder, "--events", "events.gz", "--json", "-").out)
    parquet = json.loads(backtest(folder, "--events", "nested.parquet", "--json", "-").out)
    piped = json.loads(backtest(folder, "--events", "-", "--json", "-", stdin=content).out)

    for found in (packed, parquet, piped):
        assert found["rules"] == plain["rules"]
        assert found["events"] == plain["events"]


def test_a_part_of_the_time(folder: Path) -> None:
    whole_day = backtest(folder, "--from", "2026-01-02", "--to", "2026-01-02", "--json", "-")

    result = json.loads(whole_day.out)
    assert result["events"]["read"] == 2
    assert result["events"]["outside"] == 5


def test_the_stream_is_read_while_nothing_runs(folder: Path) -> None:
    write_configuration(folder)
    ran = tapewatch("run", "--until-done", folder=folder, timeout=120)
    assert ran.code == 0, ran

    answer = backtest(folder, "--stream", "--json", "-")
    part = backtest(folder, "--stream", "--from", "2026-11-23T13:40:40Z", "--json", "-")

    assert (answer.code, answer.error) == (0, "")
    assert json.loads(answer.out)["events"]["read"] == 825
    assert 0 < json.loads(part.out)["events"]["read"] < 825


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--events", "none.ndjson"), "there is no file or folder none.ndjson"),
        (("--events", "events.ndjson", "--stream"), "one of --events, --order-log, --stream and"),
        (("--column", "a", "--stream"), "--column belongs to --events"),
        (("--query", "a"), "--query belongs to --elasticsearch"),
        (("--from", "soon"), "--from soon: this isn't a time"),
        (("--from", "12"), "numbers of messages are for --stream"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "--to doesn't come after --from"),
        (("--sweep", "large"), '--sweep: "large" is no sweep'),
        (("--sweep", "larg:x=1"), "did you mean large?"),
        (("--sweep", "large:selection.token.amount|gte=many"), "tried by a sweep"),
        (("--labels", "none.yml"), "can't read none.yml"),
        (("--labels", "rules/large.yml"), "rules/large.yml:1:1"),
        (("--closed-world",), "--closed-world belongs to --labels"),
        (("--compare", "none"), "no such file"),
        (("--allowed-lateness", "10"), "this number has no unit"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(
    folder: Path, options: tuple[str, ...], said: str
) -> None:
    answer = backtest(folder, *options)

    assert answer.code == 2, answer
    assert said in answer.error
    assert answer.out == ""


def test_a_configuration_without_the_sink_is_told(folder: Path) -> None:
    write_configuration(folder)

    answer = tapewatch("backtest", "--rules", "rules", "--elasticsearch", folder=folder)

    assert answer.code == 2
    assert "has no sink of type elasticsearch" in answer.error


def test_an_output_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "file").touch()

    answer = backtest(folder, "--html", "file/page.html")

    assert answer.code == 1
    assert "can't write file/page.html" in answer.error
