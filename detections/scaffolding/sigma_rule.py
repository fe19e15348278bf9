"""A new Sigma rule about one kind of event."""

from detections.scaffolding.heading import (
    Heading,
    Scaffold,
    closing_lines,
    comment,
    heading_lines,
    joined,
    text,
)
from normalizer.events.taxonomy import FieldInfo, fields

#: Of a sentence, in this order, where the kind of event has them: who, what and where.
_TOLD = (
    (":", ("investor.address", "investor.account", "source.address", "investor.buyer.account")),
    (" to", ("destination.address", "investor.seller.account")),
    (" of", ("token.symbol", "market.instrument")),
    (" at", ("market.venue",)),
    (" in", ("blockchain.transaction.hash",)),
)
_NO_EVENTS = frozenset({"alert", "alert-update", "case-activity"})


def event_actions() -> list[str]:
    """Kinds of event that a rule can be about."""
    found = {action for field in fields().values() for action in field.records}
    return sorted(found - _NO_EVENTS)


def new_sigma_rule(heading: Heading, action: str) -> Scaffold:
    """A rule that alerts on every event of one kind, until its author says which."""
    known = fields()
    own = [one for one in known.values() if action in one.records]
    rule = [
        *heading_lines(heading, f"Say here what it finds. As it is, every {action}."),
        "logsource:",
        "  product: tapewatch",
        "detection:",
        *comment(
            "An event fits a selection where all that stands below it holds. A list is for any "
            "of several; gte, contains and others stand behind a field: token.amount|gte: 1000",
            "  ",
        ),
        "  selection:",
        f"    event.action: {action}",
        *comment(f"Other fields that {action} has: {_named(own)}.", "    "),
        "    # docs/reference/fields.md says what each is.",
        *comment("What is left out: the filter's name is up to you.", "  "),
        "  # filter_known:",
        "  #   related.user: [somebody]",
        "  # condition: selection and not 1 of filter_*",
        "  condition: selection",
        *comment(
            "The sentence that people read, with fields in braces. What stands in square brackets "
            "is left out where it has no value."
        ),
        f"reason: {text(f'{action}{_sentence(own)}')}",
        *closing_lines(),
    ]
    return Scaffold(rule=joined(rule), tests=joined(_tests(action)))


def _tests(action: str) -> list[str]:
    other = "trade" if action == "token-transfer" else "token-transfer"
    return [
        *comment(
            "What must alert, and what must not. An event needs only the fields that matter, the "
            "others are filled in; an alert names the fields that matter, and * is any text."
        ),
        "tests:",
        "  - name: what it is for",
        "    events:",
        f"      - {{event.action: {action}}}",
        "    alerts:",
        f'      - event.reason: "{action}*"',
        "  - name: another event is silent",
        "    events:",
        f"      - {{event.action: {other}}}",
        "    alerts: []",
    ]


def _named(own: list[FieldInfo]) -> str:
    """What few others have comes first; what all events have is left out."""
    everywhere = set(event_actions())
    chosen = [one for one in own if one.attribute is not None and not everywhere <= {*one.records}]
    chosen.sort(key=lambda one: (len(one.records), one.name))
    return ", ".join(one.name for one in chosen) or "none of its own"


def _sentence(own: list[FieldInfo]) -> str:
    names = {one.name for one in own}
    parts = [
        f"[{word} {{{name}}}]"
        for word, choices in _TOLD
        if (name := next((one for one in choices if one in names), None))
    ]
    return "".join(parts)
