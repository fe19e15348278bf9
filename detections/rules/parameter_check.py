"""Whether a parameter of a correlator names labels, countries and currencies that there are.

Correlators compare them letter by letter: of `denied: [USA]` nobody is ever told.
"""

from typing import Literal

from detections.rules.country_codes import country_meant, is_country
from detections.rules.document import Reading
from detections.rules.party_check import ACCREDITATIONS, LABELS, is_label, label_meant
from detections.rules.value_slips import list_meant
from pipeline.problems import did_you_mean, one_of
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

Kind = Literal["label", "country", "accreditation", "currency"]
_LABELS = frozenset(("stops", "exempt_senders", "exempt_receivers"))
_COUNTRIES = frozenset(("allowed", "denied", "qualified_only", "states", "us_jurisdictions"))
_CURRENCIES = frozenset(("currency", "same_currency", "thresholds"))
_EXPECTED = {
    "label": "a label such as market_maker: lower-case letters, no spaces",
    "country": "a country's two letters (ISO 3166-1 alpha-2), such as US",
    "accreditation": one_of(sorted(ACCREDITATIONS)),
}


def kind_of_parameter(key: str) -> Kind | None:
    """What a parameter of this name lists; None for those that list something else."""
    if key.endswith("labels") or key in _LABELS:
        return "label"
    if key.endswith("accreditations"):
        return "accreditation"
    if key in _COUNTRIES:
        return "country"
    return "currency" if key in _CURRENCIES else None


def check_parameters(reading: Reading, parameters: MappingNode) -> None:
    """Warn of values that no party of the reference data has, and no price."""
    for key, node in parameters.pairs:
        kind = kind_of_parameter(key.text)
        for one in _listed(node):
            if kind == "currency":
                _check_currency(reading, one)
            elif kind is not None:
                _check(reading, key.text, kind, one)
        if kind == "currency" and isinstance(node, ScalarNode):
            _check_currency(reading, node)


def _listed(node: Node) -> list[ScalarNode]:
    """The entries of a list, or the keys of a group."""
    if isinstance(node, MappingNode):
        return [key for key, _ in node.pairs]
    items = node.items if isinstance(node, SequenceNode) else []
    return [one for one in items if isinstance(one, ScalarNode)]


def _check(reading: Reading, key: str, kind: Kind, node: ScalarNode) -> None:
    text = node.text
    known, hint = {
        "label": (is_label(text), did_you_mean(text, LABELS)),
        "country": (is_country(text), country_meant(text)),
        "accreditation": (text in ACCREDITATIONS, did_you_mean(text, ACCREDITATIONS)),
    }[kind]
    if not known:
        whose = "investor" if kind == "country" else "party"
        article = "an" if kind == "accreditation" else "a"
        reading.report(
            node,
            "rule/value",
            f"no {whose} has {text[:60]} for {article} {kind} ({key})",
            severity="warning",
            expected=_EXPECTED[kind],
            hint=list_meant(text) or hint,
        )
    elif kind == "label" and (meant := label_meant(text)) is not None:
        reading.report(
            node,
            "rule/label",
            f"{text} is none of the usual labels; it is taken as one of yours ({key})",
            severity="warning",
            hint=meant,
        )


def _check_currency(reading: Reading, node: ScalarNode) -> None:
    if node.text.islower():
        reading.report(
            node,
            "rule/value",
            "currencies are compared letter by letter, and this is in small ones",
            severity="warning",
            hint=node.text.upper(),
        )
