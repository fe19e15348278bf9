"""``conversion.md``: what each rule becomes in Elastic and Splunk, and what is lost on the way."""

from collections.abc import Mapping

from detections.conversion.convert import Converted
from detections.conversion.languages import Language
from docs.generator.markdown import anchor, code, document, table
from docs.generator.rule_facts import Facts, all_facts

_INTRODUCTION = """\
`tapewatch rules convert --to elastic` writes rules of Elastic Security (NDJSON, for *Rules, Import
rules*), `--to splunk` a `savedsearches.conf`; `--format` gives the queries alone. pySigma's
backends make the queries. Before they do, each condition is fitted to the target: what the target
takes otherwise than the engine does is rewritten to what it takes alike. Where that can't be done,
the rule is **refused**, or converted with a **loss**, which is said with its place in the rule and
stands in the converted rule's description. `--strict` refuses losses too.

Elastic Security gets the first of Lucene, ES|QL and EQL that says a rule without a loss, else the
first that says it at all. A rule that can't be converted can be taken over all the same: with
`--alerts` it becomes a rule that looks for the alerts that Tapewatch itself wrote of it."""

_PROOF = """\
## What was tried, and what was not

- **Lucene**: run on a real Elasticsearch, with our index templates. A test loads the events of all
  rules' tests and variants of them (other case, missing fields, empty lists, hostile texts), runs
  every rule of ours and hundreds of random ones on them, and demands the hits of the engine, event
  by event.
- **ES|QL, EQL**: checked against Elastic's grammars. The server that the tests have lacks both, so
  no query of theirs was ever run.
- **SPL**: no Splunk can be had for tests, and no search was ever run on one. Fields, macros and
  keys are checked, `splunk-appinspect` has nothing against the file, and every rule that converts
  without a loss is evaluated by our own reading of SPL over the events of all rules' tests: it
  finds those that the engine alerts on.
- **Elastic's rules** are held to Kibana's schema of rules to import. No Kibana was there to import
  them.

## What holds for every query

- Elasticsearch doesn't index texts beyond 1,024 characters: no query finds them.
- A query alerts on each event, or each group and bucket of time. Tapewatch's alerts of correlations
  are fewer: a series alerts when it begins and when it has doubled.
- Times of queries end at the present: events of the past that come later are found by their time of
  receipt (`event.ingested`; Splunk's index time), but not by correlations.
- Two fields with the same number written differently, such as 05 and 5, are equal to the engine
  alone.
- Values of reference lists are those of the day of the conversion: convert again when they change.
- Exceptions are part of a query, until their end. Those from correlations can't be: this is said.
- Case is left out of account, as in Sigma. Where the normalizer decides about a field's case
  (actions, addresses, hashes, labels, countries), the query compares exactly; elsewhere Lucene gets
  regular expressions with both cases of each letter. `|cased` makes short queries."""

_LEGEND: Mapping[str, str] = {
    "absence": "that something doesn't follow can't be asked for; it is an extension of ours",
    "aliases": "the backend can't give fields another name",
    "approximate": "the target's count or percentile is an approximation",
    "buckets": "counted in fixed buckets of time: a burst on both sides of an edge is missed",
    "chain": "a correlation of correlations",
    "comparison": "the backend would write another comparison than the rule's",
    "correlation": "the language, or its backend, has no correlation of this type",
    "correlator": "Python with a state",
    "exception": "an exception isn't part of the query",
    "expression": "the regular expression can't be said alike",
    "fields": "values of several fields counted together",
    "keyword": "a text looked for in all fields",
    "letter-case": "case is compared in another way",
    "list": "the field is a list, which the language doesn't support here",
    "long-text": "longer than what the target takes",
    "many-values": "it compares with more values than a server may take",
    "name": "a name that would be read as a part of the query",
    "network": "a network in a field that is text there",
    "not-indexed": "the field isn't indexed",
    "words": "the field is held as words, and can't be compared whole",
    "number": "the target doesn't hold the number exactly",
    "order": "the backend can't ask for an order of events",
    "placeholder": "a placeholder without a value",
    "series": "each sequence is reported once, no longer series",
    "size-of-text": "an exact integer is text there, whose size can't be compared",
    "text": "the text has characters that can't be written safely",
    "time": "a time that the target doesn't hold",
    "time-part": "an hour, day or week of a time",
    "timespan": "the backend drops the timespan, or can't write it",
    "two-fields": "two fields are compared with each other",
    "types": "an event that matches several rules counts for the first alone",
    "unknown-fields": "fields of others, whose types aren't known",
    "value": "a kind of value that can't be converted",
    "wildcard": "a wildcard that can't be said alike",
}
_LANGUAGES: tuple[tuple[Language, str], ...] = (
    ("lucene", "Lucene"),
    ("esql", "ES|QL"),
    ("eql", "EQL"),
    ("spl", "SPL"),
)


def page() -> str:
    """The page."""
    facts = all_facts()
    rows = [
        (_link(one), *(_cell(one.converted[language]) for language, _ in _LANGUAGES))
        for one in facts
    ]
    counts = [_count(facts, language) for language, _ in _LANGUAGES]
    head = ("rule", *(name.replace("|", r"\|") for _, name in _LANGUAGES))
    by_rule = table(head, [*rows, ("**in all**", *counts)])
    used = {why for one in facts for c in one.converted.values() for why in _codes(c)}
    legend = table(
        ("reason", "meaning"),
        [(code(name), _LEGEND[name]) for name in sorted(used | _LEGEND.keys())],
    )
    return document(
        "Conversion to Elastic and Splunk",
        _INTRODUCTION,
        _PROOF,
        "## Rules\n\nyes: the same meaning. loses, no: for the reasons below.\n\n" + by_rule,
        f"## Reasons\n\n{legend}",
    )


def _link(facts: Facts) -> str:
    rule = facts.one.rule
    return f"[{rule.title}](../catalogue/{rule.typology}.md{anchor(rule.title)})"


def _codes(converted: Converted) -> list[str]:
    wanted = "error" if converted.query is None else "warning"
    codes = [loss.code for loss in converted.losses if loss.severity == wanted]
    return [one.removeprefix("convert/") for one in dict.fromkeys(codes)]


def _cell(converted: Converted) -> str:
    reasons = ", ".join(map(code, _codes(converted)))
    if converted.query is None:
        return f"no: {reasons}"
    return f"loses: {reasons}" if reasons else "yes"


def _count(facts: tuple[Facts, ...], language: Language) -> str:
    found = [one.converted[language] for one in facts]
    same = sum(c.query is not None and not c.losses for c in found)
    lossy = sum(c.query is not None and bool(c.losses) for c in found)
    return f"{same} yes, {lossy} lose, {len(found) - same - lossy} no"


def legend() -> Mapping[str, str]:
    """What each reason means."""
    return _LEGEND
