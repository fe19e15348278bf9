"""``lanes.md``: in which lane each rule runs, and why."""

from collections import Counter

from detections.lanes.routing import ASSET_FIELDS, INSTRUMENT_FIELDS, Route, routes
from detections.rules import load_rules
from detections.rules.model import Rule
from docs.generator.markdown import code, document, table
from docs.generator.rule_facts import RULES

_ONE_EVENT = "looks at one event"

_INTRODUCTION = """\
With `detections.lanes: N`, EVENTS has N parts by asset, and each has a lane of the detections: an
engine with a state of its own, that any worker can run. A further lane, `market`, sees everything.
With one lane, which is the default, all rules run in it.

Where a rule runs follows from what it must see together:

- A rule of single events runs in the asset lanes.
- A correlator says it itself, by the attribute `partition_by` of its class.
- A correlation runs in the asset lanes if equal values of what it groups by always mean one asset.
  These are
  {fields}.
  An alias counts if it stands for such fields only. What groups by less, and what refers to a rule
  of the market lane, runs there.
- `partition_by: asset` or `partition_by: market` in the rule's file decides it for a correlation or
  a correlator rule. A rule that looks across assets and says `asset` misses what is in other lanes.

A rule that alerts in the asset lanes and feeds a correlation of the market lane runs in both, and
alerts in one. What concerns a whole source or chain (a gap of all instruments, a reorganisation)
reaches all lanes; the rules of single events judge it in the first one only.

Lanes divide the assets. One busy asset is in one lane all the same, and a lane is one process: so
`detections.shares: N` divides the rules of each lane of assets as well, into N lanes that read the
same and have a state each, named by a letter (`detections-a`, or `detections-0-a` with several
lanes). Rules of single events and correlations stay together in the first share. Which share a
correlator's rules are in depends on its name alone, so a rule that comes or goes moves no other;
the shares are made to take about the same time for an order log. All shares together alert as one
lane does, byte for byte. Each share reads and decodes all events, so two of them are less than
twice as fast, and more than there are processors are of no use. The lane `market` is not divided.
Like the number of lanes, that of shares can't be changed on a bus whose lanes have begun."""


def page() -> str:
    """The page."""
    rules = load_rules([RULES])
    found = routes(rules)
    alerting = sorted(rules.alerting, key=lambda rule: (rule.typology, rule.title))
    names = [*sorted(ASSET_FIELDS), f"{INSTRUMENT_FIELDS[0]}` with `{INSTRUMENT_FIELDS[1]}"]
    return document(
        "Lanes",
        _INTRODUCTION.format(fields=", ".join(map(code, names))),
        "## Rules of the market lane\n\n"
        + _table([rule for rule in alerting if found[rule.id].partition_by == "market"], found),
        "## Rules of the asset lanes\n\n"
        + _counts([rule for rule in alerting if found[rule.id].partition_by == "asset"], found),
        _table([rule for rule in alerting if found[rule.id].partition_by == "asset"], found),
    )


def _table(rules: list[Rule], found: dict[str, Route]) -> str:
    return table(
        ("rule", "typology", "because it"),
        [
            (
                rule.title,
                f"[{rule.typology}](../catalogue/{rule.typology}.md)",
                _reason(found[rule.id]),
            )
            for rule in rules
        ],
    )


def _counts(rules: list[Rule], found: dict[str, Route]) -> str:
    counts = Counter(_reason(found[rule.id]) for rule in rules)
    single = counts[_ONE_EVENT]
    return f"{len(rules)} rules, of which {single} look at single events."


def _reason(route: Route) -> str:
    words = route.reason.split(" ")
    return " ".join(_word(word) for word in words)


def _word(word: str) -> str:
    name = word.rstrip(",")
    return code(name) + word[len(name) :] if "." in name else word
