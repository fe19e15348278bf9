"""What is wrong with `cases` that no single value shows."""

import datetime
from collections.abc import Iterator

from pipeline.config.cases import LONGEST_SUPPRESSION
from pipeline.problems import Problem, did_you_mean, one_of, shown
from pipeline.units import DAY
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_scalars import meaning

_CRITERIA = ("rules", "typology", "entities", "token")


def case_problems(root: Node) -> Iterator[Problem]:
    """All of them."""
    cases = root.get("cases") if isinstance(root, MappingNode) else None
    if not isinstance(root, MappingNode) or not isinstance(cases, MappingNode):
        return
    people = {person.get("user"): person for person in _items(cases, "people")}
    users = [node.text for node in people if isinstance(node, ScalarNode)]
    yield from _repeated(cases, "people", "user", "is given twice")
    yield from _repeated(cases, "people", "kibana_profile", "is of two people")
    yield from _namesakes(cases)
    yield from _repeated(cases, "suppress", "name", "names two windows")
    yield from _repeated(cases, "escalate", "step", "names two steps")
    for assignment in _items(cases, "assign"):
        for user in _scalars(assignment, "to"):
            if users and user.text not in users:
                yield user.problem(
                    "config/case-person",
                    f"cases.assign: {shown(user.text)} is none of cases.people",
                    expected=f"one of {one_of(users)}",
                    hint=did_you_mean(user.text, users),
                )
    for window in _items(cases, "suppress"):
        yield from _suppression(window)
    yield from _escalations(root, cases)
    if isinstance(cases.get("kibana"), MappingNode) and root.get("kibana") is None:
        yield cases.problem(
            "config/case-kibana",
            "cases.kibana: it isn't known which Kibana is meant",
            expected="kibana: {url: ..., api_key: ...} beside cases",
        )
    eyes = cases.get("four_eyes_from")
    never = isinstance(eyes, ScalarNode) and eyes.text == "never"
    if isinstance(cases.get("kibana"), MappingNode) and not people and not never:
        yield cases.problem(
            "config/case-people",
            "cases.kibana: without people one person could close alone what two must, by their "
            "user here and another name in Kibana",
            expected="people: [{user: ..., also: [their name in Kibana]}, ...] in cases",
        )
    if users and not any(
        "supervisor" in [role.text for role in _scalars(person, "roles")]
        for person in people.values()
    ):
        yield cases.problem(
            "config/case-supervisor",
            "cases.people: nobody may approve what is proposed, so cases that need two people "
            "can never be closed",
            expected="roles: [supervisor] of somebody",
        )


def _escalations(root: MappingNode, cases: MappingNode) -> Iterator[Problem]:
    known = {
        name.text: one
        for one in _items(root, "notifications")
        if isinstance(name := one.get("name"), ScalarNode)
    }
    for step in _items(cases, "escalate"):
        for name in _scalars(step, "notify"):
            there = known.get(name.text)
            if there is None:
                yield name.problem(
                    "config/case-notification",
                    f"cases.escalate: there is no notification {shown(name.text)}",
                    expected=f"one of {one_of(known)}" if known else "its name in notifications",
                    hint=did_you_mean(name.text, known),
                )
            elif "escalations" not in [one.text for one in _scalars(there, "content")]:
                yield name.problem(
                    "config/case-notification",
                    f"cases.escalate: the notification {name.text} gets alerts only",
                    expected=f"content: [alerts, escalations] of {name.text}",
                    related=(there.location,),
                )


def _suppression(window: MappingNode) -> Iterator[Problem]:
    if not any(_given(window.get(key)) for key in _CRITERIA):
        yield window.problem(
            "config/case-suppression",
            "cases.suppress: without rules, typology, entities or token it would suppress all",
            expected=f"{one_of(_CRITERIA)}",
        )
    begin, end = _moment(window.get("begin")), _moment(window.get("end"))
    place = window.get("end")
    if begin is None or end is None or place is None:
        return
    length = end - begin
    if length <= datetime.timedelta(0):
        yield place.problem(
            "config/case-suppression",
            "cases.suppress: it ends before it begins",
            expected="an end after begin",
        )
    elif length > datetime.timedelta(days=LONGEST_SUPPRESSION // DAY):
        yield place.problem(
            "config/case-suppression",
            f"cases.suppress: it lasts {length.days} days; somebody must decide again before",
            expected=f"an end {LONGEST_SUPPRESSION // DAY} days after begin at most",
        )


def _given(node: Node | None) -> bool:
    """Whether something is said: not an empty list, and not null."""
    if isinstance(node, SequenceNode):
        return bool(node.items)
    return node is not None and not (
        isinstance(node, ScalarNode) and node.plain and meaning(node) is None
    )


def _moment(node: Node | None) -> datetime.datetime | None:
    if not isinstance(node, ScalarNode):
        return None
    try:
        found = datetime.datetime.fromisoformat(node.text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _repeated(cases: MappingNode, key: str, name: str, said: str) -> Iterator[Problem]:
    seen: dict[str, Node] = {}
    for item in _items(cases, key):
        place = item.get(name)
        if not isinstance(place, ScalarNode):
            continue
        if place.text in seen:
            yield place.problem(
                "config/repeated-name",
                f"cases.{key}: {shown(place.text)} {said}",
                expected="another one",
                related=(seen[place.text].location,),
            )
        seen.setdefault(place.text, place)


def _namesakes(cases: MappingNode) -> Iterator[Problem]:
    """Names of two people: whoever comes by one of these is neither."""
    seen: dict[str, tuple[MappingNode, ScalarNode]] = {}
    for person in _items(cases, "people"):
        user = person.get("user")
        for place in (*([user] if isinstance(user, ScalarNode) else ()), *_scalars(person, "also")):
            name = " ".join(place.text.casefold().split())
            other, first = seen.setdefault(name, (person, place))
            twice = place is user and first is other.get("user")  # which is told already
            if other is not person and not twice:
                yield place.problem(
                    "config/repeated-name",
                    f"cases.people: {shown(place.text)} is a name of two people",
                    expected="a name that only one of them has",
                    related=(first.location,),
                )


def _items(node: MappingNode, key: str) -> list[MappingNode]:
    found = node.get(key)
    items = found.items if isinstance(found, SequenceNode) else ()
    return [item for item in items if isinstance(item, MappingNode)]


def _scalars(node: MappingNode, key: str) -> list[ScalarNode]:
    found = node.get(key)
    items = found.items if isinstance(found, SequenceNode) else ()
    return [item for item in items if isinstance(item, ScalarNode)]
