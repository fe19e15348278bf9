"""Our reading of SPL, held to the examples and rules of Splunk's Search Reference."""

import pytest

from splunk.conf_file import app_conf
from splunk.spl.commands import Context
from splunk.spl.search import Query
from splunk.spl.values import Row, row_of

EVENTS: list[Row] = [
    row_of({"n": 1, "name": "Ann", "list": ["a", "b"], "deep": {"x": "10"}}, 0.5),
    row_of({"n": 2, "name": "Bob", "list": ["b"], "deep": {"x": "9"}}, 1.5),
    row_of({"n": 3, "name": "ann*", "deep": {}}, 3.5),
]


def run(search: str) -> list[Row]:
    lookups = {"people": [{"who": "Ann", "city": "Rome"}]}
    return Query(search, app_conf("macros")).run(Context(EVENTS, 100.0, lookups))


def numbers(search: str) -> list[object]:
    return sorted(row["n"] for row in run(search) if isinstance(row["n"], float))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("*", [1, 2, 3]),
        ("name=ann", [1]),
        ("name=ANN*", [1, 3]),
        ("name!=ann", [2, 3]),
        ("list{}!=a", [2]),
        ("NOT list{}=a", [2, 3]),
        ("list{}=b NOT name=bob", [1]),
        # OR binds closer than AND
        ("name=ann OR name=bob n=2", [2]),
        ("n>1 n<=2", [2]),
        ('name IN ("ann", "bob")', [1, 2]),
        ("deep.x=*", [1, 2]),
        ("bob", [2]),
        ("* | where 'deep.x'>9", [1]),
        ('* | where name>"Ann"', [2, 3]),
        ("* | where isnull('deep.x')", [3]),
        ("* | where NOT 'deep.x'=9", [1, 3]),
        ('* | where in(name,"Ann","Cid")', [1]),
        ('* | regex name="^[AB]"', [1, 2]),
        ('* | regex name!="^[AB]"', [3]),
        ("* | where `tapewatch_cap_table_url`=name", []),
        ("* | dedup list{}", [1, 2]),
        ("* | head 2", [2, 3]),
        ("* | sort - name | head 1", [3]),
        ("[ search name=bob | fields name | format ]", [2]),
    ],
)
def test_what_is_found(search: str, found: list[int]) -> None:
    assert numbers(search) == found


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1+2*3", 7.0),
        ("(1+2)*3", 9.0),
        ('"a"."b".1', "ab1"),
        ("n/0", None),
        ("0-n", -1.0),
        ("round(2.345,2)", 2.35),
        ('if(n=1,"one","more")', "one"),
        ('case(n=2,"two",true(),"other")', "other"),
        ("coalesce(nothing,name)", "Ann"),
        ('mvjoin(mvappend("a","b"),", ")', "a, b"),
        ('replace(name,"n+","N")', "AN"),
        ("substr(name,2)", "nn"),
        ("substr(name,-2,1)", "n"),
        ('strftime(0.25,"%F %T.%3N")', "1970-01-01 00:00:00.250"),
        ('strptime("1970-01-01T00:00:02.500Z","%Y-%m-%dT%H:%M:%S.%9N%Z")', 2.5),
        ("now()", 100.0),
        ("lower(name)", "ann"),
    ],
)
def test_what_an_expression_gives(expression: str, value: object) -> None:
    (row,) = run(f"n=1 | eval v={expression}")
    assert row.get("v") == value


@pytest.mark.parametrize(
    ("search", "rows"),
    [
        ("* | stats count, sum(n) AS s, dc(list{}) AS d", [{"count": 3, "s": 6, "d": 2}]),
        ("* | stats count by list{}", [{"list{}": "a", "count": 1}, {"list{}": "b", "count": 2}]),
        ('* | stats count(eval(n>1 AND name!="x")) AS c', [{"c": 2}]),
        ("* | stats latest(name) AS l, perc95(n) AS p", [{"l": "ann*", "p": 3}]),
        ("n=1 | lookup people who AS name OUTPUT city | table city", [{"city": "Rome"}]),
        ("n=2 | lookup people who AS name OUTPUT city | table city", [{}]),
        ("n=1 | mvexpand list{} | table list{}", [{"list{}": "a"}, {"list{}": "b"}]),
        ("n<3 | rename name AS who | eventstats sum(n) AS s by list{} | where n=2 | table who s",
         [{"who": "Bob", "s": 3}]),
        ("n=2 | fields name", [{"_time": 1.5, "name": "Bob"}]),
        ("n=2 | fields name, n | fields - _time, n", [{"name": "Bob"}]),
        ("n<3 | timechart count by name",
         [{"_time": 0, "Ann": 1, "Bob": 0}, {"_time": 1, "Ann": 0, "Bob": 1}]),
        ("* | timechart avg(n) AS a",
         [{"_time": 0, "a": 1}, {"_time": 1, "a": 2}, {"_time": 2}, {"_time": 3, "a": 3}]),
    ],
)  # fmt: skip
def test_what_rows_become(search: str, rows: list[Row]) -> None:
    assert run(search) == rows
