"""Files of suspicious reports, filled in as a compliance officer would."""

from typing import Any

import yaml

from evidence.reports.suspicious.fields import Template, written

_ADDRESS = {
    "street": "1 Harbour Street", "city": "New York", "state": "NY", "zip": "10004",
    "country": "US",
}  # fmt: skip
PROFILE: dict[str, Any] = {
    "transmitter": {
        "name": "Acme ATS LLC", "tin": "123456789", "control_code": "PBSA8180",
        "contact": "Carol Carter", "phone": "2125550100", "address": _ADDRESS,
    },
    "institution": {
        "name": "Acme ATS LLC", "tin": "123456789", "regulator": "sec",
        "business": "execution-broker", "contact_office": "Compliance",
        "contact_phone": "2125550101", "address": _ADDRESS,
    },
}  # fmt: skip


def filled(template: Template, **values: Any) -> str:
    """The template with some values set, by path: `suspicion__amount=12`, of subjects all."""
    content: dict[str, Any] = yaml.safe_load(written(template))
    for path, value in values.items():
        names = path.split("__")
        for where in _at(content, names[:-1]):
            where[names[-1]] = value
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10_000)


def _at(content: Any, names: list[str]) -> list[Any]:
    found: list[Any] = [content]
    for name in names:
        inner: list[Any] = []
        for one in found:
            value = one[name]
            inner += value if isinstance(value, list) else [value]
        found = inner
    return found


def sar(template: Template, **values: Any) -> str:
    """A whole FinCEN SAR."""
    known: dict[str, Any] = {
        "filing_date": "2026-11-24",
        "transmitter": PROFILE["transmitter"],
        "institution": PROFILE["institution"],
        "subjects__kind": "person",
        "subjects__last_name": "Doe",
        "subjects__first_name": "Jane",
        "subjects__relationship": "customer",
        "suspicion__amount": 3902,
    }
    return filled(template, **(known | values))


def goaml(template: Template, **values: Any) -> str:
    """A whole report of goAML."""
    known: dict[str, Any] = {
        "submission_date": "2026-11-24",
        "currency": "EUR",
        "entity": {
            "rentity_id": 4711, "institution_name": "Acme ATS", "institution_code": "ACMELULL",
            "reporting_person": {
                "first_name": "Carol", "last_name": "Carter", "email": "carol@acme.example",
            },
            "location": {"address": "1 Rue du Port", "city": "Luxembourg", "country": "LU"},
        },
        "subjects__kind": "person",
        "subjects__first_name": "Jane",
        "subjects__last_name": "Doe",
        "indicators": ["MMN"],
        "action": "The account was suspended.",
    }  # fmt: skip
    return filled(template, **(known | values))


def stor(template: Template, **values: Any) -> str:
    """A whole STOR."""
    known: dict[str, Any] = {
        "date": "2026-11-24",
        "submitter": {
            "name": "Carol Carter", "position": "Compliance officer", "entity": "Acme ATS S.A.",
            "lei": "529900T8BM49AURSDO55", "address": "1 Rue du Port, Luxembourg",
            "country": "LU", "capacity": "operating a trading venue",
            "relationship": "member of the venue",
            "contact": {
                "name": "Carol Carter", "position": "Compliance officer",
                "email": "carol@acme.example",
            },
        },
        "transaction__isin": "US0378331005",
        "transaction__instrument_type": "transferable security on DLT",
        "transaction__venue": "Acme ATS",
        "transaction__execution_country": "LU",
        "persons__kind": "person",
        "persons__name": "Jane Doe",
    }  # fmt: skip
    return filled(template, **(known | values))
