"""``docs/catalogue/``: the rules that come with Tapewatch, a page for each typology."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from detections.conversion.convert import Converted
from detections.conversion.languages import Language
from detections.rules import CorrelatorRule, SigmaRule
from detections.rules.reason import Reason
from detections.typologies import TYPOLOGIES
from docs.generator.markdown import anchor, code, document, sentence, table
from docs.generator.rule_facts import Facts, all_facts, by_typology, kind_of, path_of, reason_of

_INDEX = """\
The rules in [sigma_rules](../../sigma_rules), by the kind of abuse or breach that they look for.
Each has its tests beside it, in `NAME.test.yml`. How they convert to Elastic and Splunk is in
[conversion](../reference/conversion.md), how to write one in the
[tutorial](../tutorial-rule-authors.md)."""
_LANGUAGES: tuple[tuple[Language, str], ...] = (
    ("lucene", "Elasticsearch query"),
    ("esql", "ES|QL"),
    ("eql", "EQL"),
    ("spl", "Splunk"),
)


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    grouped = by_typology(all_facts())
    return {
        "README.md": _index(grouped.items()),
        **{f"{typology}.md": _page(typology, facts) for typology, facts in grouped.items()},
    }


def _index(grouped: Iterable[tuple[str, list[Facts]]]) -> str:
    rows: list[tuple[str, str, str, str]] = []
    total = 0
    for typology, facts in grouped:
        total += len(facts)
        kinds = Counter(_short_kind(one) for one in facts)
        rows.append(
            (
                f"[{typology}]({typology}.md)",
                _looks_for(typology),
                str(len(facts)),
                ", ".join(f"{count} {kind}" for kind, count in kinds.items()),
            )
        )
    overview = table(("typology", "looks for", "rules", "kinds"), rows)
    return document("Catalogue of rules", _INDEX, overview, f"{total} rules in all.")


def _page(typology: str, facts: Sequence[Facts]) -> str:
    looks_for = _looks_for(typology)
    introduction = f"Looks for {looks_for}. [All typologies](README.md)" if looks_for else ""
    overview = table(
        ("rule", "level", "status", "kind"),
        [
            (
                f"[{one.one.rule.title}]({anchor(one.one.rule.title)})",
                one.one.rule.level,
                _status(one),
                kind_of(one.one),
            )
            for one in facts
        ],
    )
    return document(typology, introduction, overview, *(_section(one) for one in facts))


def _looks_for(typology: str) -> str:
    return TYPOLOGIES.get(typology, "")


def _short_kind(facts: Facts) -> str:
    match facts.one:
        case SigmaRule():
            return "Sigma"
        case CorrelatorRule():
            return "correlator"
        case _:
            return "correlation"


def _status(facts: Facts) -> str:
    rule = facts.one.rule
    return f"{rule.status}, staged" if rule.staged else rule.status


def _section(facts: Facts) -> str:
    rule = facts.one.rule
    path = path_of(rule.location)
    about = [
        f"- Level {rule.level}, status {_status(facts)}, version {rule.version}",
        f"- {_kind(facts)}",
        f"- Id {code(rule.id)}" + (f", name {code(rule.name)}" if rule.name else ""),
        f"- File [{path}](../../{path})",
    ]
    parts = [
        f"## {rule.title}",
        sentence(rule.description),
        "\n".join(about),
        *_thresholds(facts),
        *_data(facts),
        *_listed("What looks the same and is honest", rule.falsepositives),
        f"**For the analyst.** {sentence(rule.note)}" if rule.note else "",
        *_alert(reason_of(facts.one)),
        *_tests(facts),
        *_references(rule.references),
        *_exceptions(facts),
        *_conversion(facts),
    ]
    return "\n\n".join(part for part in parts if part)


def _kind(facts: Facts) -> str:
    one = facts.one
    kind = kind_of(one)
    if isinstance(one, CorrelatorRule):
        page = f"../reference/correlators.md#{one.correlator}"
        return f"{kind[0].upper()}{kind[1:]}: [how it works]({page})"
    return kind


def _thresholds(facts: Facts) -> list[str]:
    parts: list[str] = []
    if facts.how is not None:
        parts.append(f"**It waits for** {facts.how}.")
    if facts.parts:
        lines = [
            f"- {': '.join(text for text in (p.title, sentence(p.description), p.how) if text)}"
            for p in facts.parts
        ]
        parts.append("\n".join(["**Made of**", "", *lines]))
    parts += _listed("Thresholds in the detection", facts.numbers)
    if facts.parameters:
        rows = [(code(p.name), p.value, p.default, p.meaning) for p in facts.parameters]
        parts.append(table(("parameter", "this rule", "default", "meaning"), rows))
    return parts


def _data(facts: Facts) -> list[str]:
    if not facts.actions:
        return []
    records = ", ".join(f"[{action}](../reference/fields.md#{action})" for action in facts.actions)
    if len(facts.actions) > 12:
        records = f"{len(facts.actions)} kinds of record, [all](../reference/fields.md)"
    found = [f"**Data needed.** From {' and '.join(facts.sources)}: {records}."]
    if facts.lacks:
        found.append(f"It says nothing {'; '.join(facts.lacks)}.")
    if facts.fields:
        found.append(f"Fields: {', '.join(map(code, facts.fields))}.")
    return [" ".join(found)]


def _alert(reason: Reason | None) -> list[str]:
    if reason is None:
        return []
    written = "".join(
        f"[{_braced(section.parts)}]" if section.optional else _braced(section.parts)
        for section in reason.sections
    )
    return [f"**What the alert says**\n\n```text\n{' '.join(written.split())}\n```"]


def _braced(parts: Sequence[str]) -> str:
    return "".join(f"{{{part}}}" if place % 2 else part for place, part in enumerate(parts))


def _tests(facts: Facts) -> list[str]:
    lines = [f"- alerts: {name}" for name in facts.alerting]
    lines += [f"- silent: {name}" for name in facts.silent]
    return ["\n".join(["**Tests**", "", *lines])] if lines else []


def _references(references: Sequence[str]) -> list[str]:
    links = ", ".join(f"<{one}>" if "://" in one else one for one in references)
    return [f"**References.** {links}"] if links else []


def _exceptions(facts: Facts) -> list[str]:
    lines: list[str] = []
    for one in facts.exceptions:
        expires = datetime.fromtimestamp(one.expires // 10**9, UTC).date().isoformat()
        who = f" about {', '.join(map(code, sorted(one.entities)))}" if one.entities else ""
        path = path_of(one.location)
        lines.append(
            f"- until {expires}{who}: {sentence(one.reason)} ({one.owner}, [{path}](../../{path}))"
        )
    return ["\n".join(["**Exceptions**", "", *lines])] if lines else []


def _conversion(facts: Facts) -> list[str]:
    said = ", ".join(f"{name} {_outcome(facts.converted[one])}" for one, name in _LANGUAGES)
    return [f"**Conversion.** {said} ([why](../reference/conversion.md))"]


def _outcome(converted: Converted) -> str:
    if converted.query is None:
        return "no"
    return "yes, with losses" if converted.losses else "yes"


def _listed(title: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    return ["\n".join([f"**{title}**", "", *(f"- {sentence(item)}" for item in items)])]
