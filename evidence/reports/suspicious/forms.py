"""The forms: what is filled in, what is made of it, and what that is held against."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import Struct

from evidence.reports.suspicious import fincen, fincen_xml, goaml, stor
from evidence.reports.suspicious.fields import Form, Template
from evidence.reports.suspicious.goaml_rules import broken_rules
from evidence.reports.suspicious.material import Material
from evidence.reports.suspicious.schema import validate
from pipeline.problems import Problem
from pipeline.yaml_nodes import Node

F = TypeVar("F")
P = TypeVar("P")


class Check(Struct, frozen=True, kw_only=True):
    """What a built report was held against, and what is wrong with it."""

    against: list[str]
    errors: list[str]
    #: What it was not held against, and what that takes.
    lacking: list[str]


class Kind(Struct, Generic[F, P], frozen=True, kw_only=True):
    """One form."""

    form: Form
    title: str
    filing: type[F]
    #: Of whom it is about.
    subject: type[Struct]
    profile: type[P]
    template: Callable[[Material, P], Template]
    problems: Callable[[F, Node], list[Problem]]
    render: Callable[[F], dict[str, bytes]]
    check: Callable[[Mapping[str, bytes], Path | None], Check]


def _check_fincen(files: Mapping[str, bytes], schema: Path | None) -> Check:
    if schema is None:
        return Check(
            against=[],
            errors=[],
            lacking=[
                "FinCEN's schema: get https://www.fincen.gov/base/EFL_SARXBatchSchema.xsd and name "
                "it by --schema, or in reports.schemas of the configuration"
            ],
        )
    found = validate(files["fincen-sar.xml"], schema)
    return Check(against=[found.against], errors=found.errors, lacking=[])


def _check_goaml(files: Mapping[str, bytes], schema: Path | None) -> Check:
    document = files["goaml.xml"]
    errors = broken_rules(document)
    against = ["the documented rules of goAML's schema 4"]
    if schema is None:
        lacking = [
            "the schema of the country's unit, with its lookups: name it by --schema, or in "
            "reports.schemas of the configuration"
        ]
        return Check(against=against, errors=errors, lacking=lacking)
    found = validate(document, schema)
    return Check(against=[*against, found.against], errors=[*errors, *found.errors], lacking=[])


def _check_stor(files: Mapping[str, bytes], schema: Path | None) -> Check:
    against = ["the fields of Delegated Regulation (EU) 2016/957"]
    if schema is None:
        return Check(against=against, errors=[], lacking=[])
    found = validate(files["stor.xml"], schema)
    return Check(against=[*against, found.against], errors=found.errors, lacking=[])


KINDS: dict[Form, Kind[Any, Any]] = {
    "fincen-sar": Kind(
        form="fincen-sar",
        title="FinCEN suspicious activity report",
        filing=fincen.Filing,
        subject=fincen.Subject,
        profile=fincen.Profile,
        template=fincen.template,
        problems=fincen.problems,
        render=fincen_xml.render,
        check=_check_fincen,
    ),
    "goaml": Kind(
        form="goaml",
        title="goAML suspicious activity report",
        filing=goaml.Filing,
        subject=goaml.Subject,
        profile=goaml.Profile,
        template=goaml.template,
        problems=goaml.problems,
        render=goaml.render,
        check=_check_goaml,
    ),
    "stor": Kind(
        form="stor",
        title="Suspicious transaction and order report",
        filing=stor.Filing,
        subject=stor.Person,
        profile=stor.Profile,
        template=stor.template,
        problems=stor.problems,
        render=stor.render,
        check=_check_stor,
    ),
}
#: Of these a report that was held against no schema can't be approved.
SCHEMA_NEEDED: frozenset[Form] = frozenset(("fincen-sar",))
