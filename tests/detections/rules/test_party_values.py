"""Labels, countries and accreditations that nobody has, in conditions and in parameters."""

import msgspec
import pytest

from detections.correlators.base import correlators
from detections.rules.parameter_check import kind_of_parameter
from pipeline.countries import COUNTRIES, alpha_2
from tests.detections.rules.documents import HEADER, problems, the_problem


def countries(*values: str, key: str = "denied") -> str:
    listed = ", ".join(values)
    return f"{HEADER}correlator: country_permissions\nparameters:\n  {key}: [{listed}]\n"


def labels(*values: str, key: str = "exempt_labels", of: str = "spoofing") -> str:
    listed = ", ".join(values)
    return f"{HEADER}correlator: {of}\nparameters:\n  {key}: [{listed}]\n"


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        *(("USA", "US"), ("us", "US"), ("deu", "DE"), ("xk", "XK"), ("XKX", "XK")),
        *(("UK", "GB"), ("EL", "GR"), ("Norway", None), ("AB", None)),
    ],
)
@pytest.mark.parametrize("key", ["allowed", "denied", "qualified_only"])
def test_a_country_that_no_investor_is_of_is_a_warning(
    key: str, value: str, hint: str | None
) -> None:
    problem = the_problem(countries("FR", value, key=key), severity="warning")
    assert problem.message == f"no investor has {value} for a country ({key})"
    assert problem.expected == "a country's two letters (ISO 3166-1 alpha-2), such as US"
    assert problem.hint == hint
    assert (problem.location.line, problem.location.column) == (
        14,
        2 + len(key) + len(": [FR, ") + 1,
    )


def test_countries_as_the_reference_data_has_them_are_good() -> None:
    assert problems(countries("FR", "US", "XK", "ZZ")) == []
    assert len(COUNTRIES) == 250
    assert (alpha_2("xk"), alpha_2("XKX"), alpha_2("XX"), alpha_2("FRA")) == (
        "XK",
        "XK",
        None,
        "FR",
    )


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("market maker", "market_maker"),
        ("Market_Maker", "market_maker"),
        ("'market_maker, custodian'", "[market_maker, custodian]"),
        ("Custodian", "custodian"),
    ],
)
def test_a_label_that_nobody_has_is_a_warning(value: str, hint: str | None) -> None:
    problem = the_problem(labels("pool", value), severity="warning")
    assert problem.message.startswith("no party has ")
    assert problem.message.endswith(" for a label (exempt_labels)")
    assert problem.expected == "a label such as market_maker: lower-case letters, no spaces"
    assert problem.hint == hint


def test_a_label_that_is_nearly_a_usual_one_is_a_warning() -> None:
    problem = the_problem(labels("custodain"), severity="warning")
    assert problem.hint == "custodian"
    assert problems(labels("kyc:expired", "vip", "agents")) == []


def test_an_accreditation_that_there_is_not_is_a_warning() -> None:
    text = countries("acredited", key="qualified_accreditations")
    problem = the_problem(text, severity="warning")
    assert (
        problem.message == "no party has acredited for an accreditation (qualified_accreditations)"
    )
    assert (problem.expected, problem.hint) == (
        "accredited, none, qualified or retail",
        "accredited",
    )


def test_a_currency_in_small_letters_is_a_warning() -> None:
    start = f"{HEADER}correlator: structured_amounts\nparameters:\n  pattern: sender\n"
    text = f"{start}  thresholds: {{usd: 5000, EUR: 1, stETH: 2}}\n"
    problem = the_problem(text, severity="warning")
    assert problem.message == "currencies are compared letter by letter, and this is in small ones"
    assert (problem.hint, problem.location.line) == ("USD", 15)
    offering = f"{HEADER}correlator: offering_cap\nparameters:\n  currency: eur\n"
    assert the_problem(offering, severity="warning").hint == "EUR"


@pytest.mark.parametrize(("value", "hint"), [("UK", "GB"), ("AB", None), ("uk", "GB")])
def test_two_letters_that_are_no_country_are_a_warning_in_a_condition(
    value: str, hint: str | None
) -> None:
    text = (
        f"{HEADER}logsource: {{product: tapewatch}}\ndetection:\n"
        f"  s: {{event.action: token-transfer, investor.source.jurisdiction: {value}}}\n"
        "  condition: s\n"
    )
    problem = the_problem(text, severity="warning")
    assert problem.message == f'investor.source.jurisdiction is never "{value}"'
    assert problem.hint == hint


def test_every_parameter_that_lists_parties_is_known_for_what_it_lists() -> None:
    """A new one is to be added to the check, or to these."""
    others = {
        *("classifications", "tokens", "volume_venues", "routine_types", "purposes", "windows"),
    }
    lists = {
        info.encode_name
        for one in correlators().values()
        for info in msgspec.structs.fields(one.parameters_type)
        if str(info.type).startswith("tuple")
    }
    assert {key for key in lists if kind_of_parameter(key) is None} == others
