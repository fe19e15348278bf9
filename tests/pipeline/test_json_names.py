"""Names that an object of JSON has twice are found, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.json_names import RepeatedName, find_repeated, repeated_name


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a":1,"b":2}', None),
        ('{"a":1,"a":2}', ("a", 1, 8)),
        ('{"a" :1, "a":2}', ("a", 1, 10)),
        ('{"a"\r:1,"a":2}', ("a", 1, 9)),
        ('{"a":{"b":1},"c":{"b":1}}', None),
        ('{"a":{"b":1,\n "b":1}}', ("a.b", 2, 2)),
        ('{"x":[{"a":1},{"a":1,"a":3}]}', ("x.a", 1, 22)),
        ('[[{"a":1}],{"b":1,"b":2}]', ("b", 1, 19)),
        (r'{"a":"\":","b":"x\\"}', None),
        (r'{"a":1,"\u0061":2}', ("a", 1, 8)),
        ('{"ä":1,"ä":2}', ("ä", 1, 8)),
        ('{"a":{"c":1},"b":2,"a":3}', ("a", 1, 20)),
    ],
)
def test_it_is_found_where_it_stands(text: str, found: tuple[str, int, int] | None) -> None:
    data = text.encode()
    expected = None if found is None else RepeatedName(*found)
    assert find_repeated(data) == expected
    assert repeated_name(data, json.loads(data)) == expected


class _Pairs(list[tuple[str, Any]]):
    """An object, whose names may be there twice."""


_values = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(alphabet='a":\\ {}[],ä', max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(st.tuples(st.sampled_from(["a", "b", '":', ""]), inner), max_size=3).map(_Pairs),
    ),
    max_leaves=10,
)


def _written(value: Any, blank: str) -> str:
    if isinstance(value, _Pairs):
        pairs = (f"{json.dumps(name)}{blank}:{_written(one, blank)}" for name, one in value)
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(one, blank) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _repeats(value: Any) -> bool:
    if isinstance(value, _Pairs):
        names = [name for name, _ in value]
        return len(set(names)) < len(names) or any(_repeats(one) for _, one in value)
    return isinstance(value, list) and any(_repeats(one) for one in value)


@given(_values, st.sampled_from(["", " ", "\t", "\n"]))
def test_it_is_told_of_just_those_that_have_one(value: Any, blank: str) -> None:
    data = _written(value, blank).encode()
    assert (repeated_name(data, json.loads(data)) is not None) == _repeats(value)
