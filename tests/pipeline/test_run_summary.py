"""What a run says at its end."""

from pipeline.run_summary import RunSummary, summary_text


def test_it_is_said_in_a_line_each() -> None:
    summary = RunSummary(
        seconds=83.4,
        read={"chain": 48, "venue": 1609},
        events=1825,
        alerts={"critical": 2, "medium": 7},
        dead_letters={"normalizer": 3},
        delivered={"files": 1834},
    )
    assert summary_text(summary).splitlines() == [
        "done in 1m23s",
        "read       chain 48, venue 1,609",
        "events     1,825",
        "alerts     9 (critical 2, medium 7)",
        "delivered  files 1,834",
        "dead       3 (normalizer 3): see `tapewatch dead list`",
    ]


def test_nothing_is_said_to_be_nothing() -> None:
    nothing = RunSummary(seconds=0.2, read={}, events=0, alerts={}, dead_letters={}, delivered={})
    assert summary_text(nothing).splitlines() == [
        "done in 0s",
        "read       nothing new",
        "events     0",
        "alerts     0",
        "delivered  nothing",
        "dead       0",
    ]
