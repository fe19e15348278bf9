"""The three forms: what is open is told by its place, and what is made holds against the rules."""

import csv
import io
import os
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from msgspec import Struct

from evidence.reports.suspicious import fincen, fincen_xml, goaml, stor
from evidence.reports.suspicious.fields import FORMS, Template, written
from evidence.reports.suspicious.forms import KINDS
from evidence.reports.suspicious.goaml_rules import broken_rules
from evidence.reports.suspicious.schema import validate
from pipeline.problems import ProblemsFound
from pipeline.structured import load
from pipeline.structured.loading import examine
from tests.evidence.reports.suspicious import filled
from tests.evidence.reports.suspicious.test_material import material
from tests.fixtures.shared_data import SAR_SCHEMA, shared_data

GOLDEN = Path(__file__).parent / "golden"
EVIL = '=cmd|"/c calc"!A1 <x>&</x> #read("/etc")'


def template(folder: Path, form: Any, case: str = "TW-WASH") -> Template:
    kind = KINDS[form]
    return kind.template(material(folder, case), kind.profile())


def golden(name: str, content: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("TAPEWATCH_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    assert content == path.read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_the_file_to_fill_in_is_as_it_was(tmp_path: Path, form: Any) -> None:
    golden(f"{form}.yaml", written(template(tmp_path, form)).encode())


@pytest.mark.parametrize("form", FORMS)
def test_what_is_open_is_told_by_file_line_and_column(tmp_path: Path, form: Any) -> None:
    text = written(template(tmp_path, form))
    with pytest.raises(ProblemsFound) as found:
        load(text.encode(), KINDS[form].filing, name="filing.yaml")
    lines = text.split("\n")
    assert len(found.value.problems) > 8
    for one in found.value.problems:
        assert one.location.file == "filing.yaml"
        assert lines[one.location.line - 1].partition("#")[0].rstrip().endswith(":")


def test_a_fincen_sar_is_as_it_was(tmp_path: Path) -> None:
    text = filled.sar(template(tmp_path, "fincen-sar"))
    golden(
        "fincen-sar.xml", fincen_xml.render(load(text.encode(), fincen.Filing))["fincen-sar.xml"]
    )


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"subjects__last_name": None, "subjects__first_name": None},
        {"subjects__kind": "entity", "subjects__first_name": None, "subjects__accounts": []},
        {
            "subjects__tin": "987654321", "subjects__birth_date": "1980-02-29",
            "subjects__address": filled.PROFILE["institution"]["address"],
            "subjects__occupation": "Trader", "subjects__email": "jane@example.com",
            "subjects__phone": "2125550199", "subjects__relationship": "none",
        },
        {
            "filing": "continuing", "prior_document": "31000123456789", "note": "FIN-2026-TOKENS",
            "suspicion__amount": "unknown", "narrative": "x\n" * 8_499,
            "suspicion__activities": ["wash-trading", "insider-trading", "other"],
            "suspicion__other_activity": EVIL, "institution__business": "other",
            "institution__other_business": "Alternative trading system",
            "suspicion__instruments": ["stocks", "other"],
        },
    ],
)  # fmt: skip
def test_a_fincen_sar_holds_against_fincens_schema(tmp_path: Path, values: dict[str, Any]) -> None:
    outcome = examine(
        filled.sar(template(tmp_path, "fincen-sar"), **values).encode(), fincen.Filing
    )
    assert outcome.value is not None, outcome.problems
    assert fincen.problems(outcome.value, outcome.node) == []
    built = fincen_xml.render(outcome.value)
    assert validate(built["fincen-sar.xml"], shared_data(SAR_SCHEMA)).errors == []


def test_what_is_against_fincens_schema_is_told(tmp_path: Path) -> None:
    text = filled.sar(template(tmp_path, "fincen-sar"))
    whole = fincen_xml.render(load(text.encode(), fincen.Filing))["fincen-sar.xml"]
    broken = whole.replace(b"<PartyNameTypeCode>L<", b"<PartyNameTypeCode>X<", 1)
    assert "PartyNameTypeCode" in validate(broken, shared_data(SAR_SCHEMA)).errors[0]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"filing": "correction"}, "prior_document"),
        ({"suspicion__activities": ["other"]}, "other_activity"),
        ({"suspicion__last_day": "2026-11-30"}, "before what is reported"),
        ({"subjects__kind": "entity"}, "no first name"),
    ],
)
def test_what_contradicts_itself_is_told(tmp_path: Path, values: dict[str, Any], line: str) -> None:
    text = filled.sar(template(tmp_path, "fincen-sar"), **values)
    outcome = examine(text.encode(), fincen.Filing)
    assert outcome.value is not None
    assert any(line in one.message for one in fincen.problems(outcome.value, outcome.node))


def test_a_goaml_report_is_as_it_was_and_holds_against_the_rules(tmp_path: Path) -> None:
    text = filled.goaml(template(tmp_path, "goaml"), subjects__wallets=["0x" + "01" * 20])
    document = goaml.render(load(text.encode(), goaml.Filing))["goaml.xml"]
    golden("goaml.xml", document)
    assert broken_rules(document) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"<submission_code>E</submission_code>", b"", "submission_code is missing"),
        (b"<submission_code>E<", b"<submission_code>Q<", "not of the form"),
        (b"<last_name>Doe</last_name>", b"<last_name></last_name>", "it is empty"),
        (b"<significance>10<", b"<significance>11<", "not of the form"),
        (b"<first_name>Jane<", b"<first_name>" + b"J" * 101 + b"<", "101 characters"),
        (b"<activity>", b"<comments>x</comments><activity>", "activity is missing"),
        (b"</activity>", b"<comments>x</comments></activity>", "not allowed"),
        (b"</report>", b"", "no XML"),
    ],
)
def test_what_is_against_goamls_rules_is_told(
    tmp_path: Path, old: bytes, new: bytes, told: str
) -> None:
    text = filled.goaml(template(tmp_path, "goaml"))
    document = goaml.render(load(text.encode(), goaml.Filing))["goaml.xml"]
    assert old in document
    assert told in broken_rules(document.replace(old, new, 1))[0]


def test_a_stor_has_the_fields_of_the_template_in_three_forms(tmp_path: Path) -> None:
    text = filled.stor(template(tmp_path, "stor"))
    files = stor.render(load(text.encode(), stor.Filing))
    golden("stor.xml", files["stor.xml"])
    golden("stor.csv", files["stor.csv"])
    assert files["stor.pdf"].startswith(b"%PDF-")
    assert stor.render(load(text.encode(), stor.Filing)) == files
    sections = [one.attrib["number"] for one in fromstring(files["stor.xml"])]
    assert sections == ["1", "2", "3", "4", "6"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"transaction__isin": "US0378331004"}, "check digit"),
        ({"transaction__isin": None}, "isin or an other_code"),
        ({"submitter__lei": "529900T8BM49AURSDO56"}, "check digits"),
        ({"persons__kind": "entity", "persons__birth_date": "1980-01-01"}, "no date of birth"),
    ],
)
def test_what_is_wrong_with_a_stor_is_told(
    tmp_path: Path, values: dict[str, Any], told: str
) -> None:
    outcome = examine(filled.stor(template(tmp_path, "stor"), **values).encode(), stor.Filing)
    assert outcome.value is not None, outcome.problems
    assert told in stor.problems(outcome.value, outcome.node)[0].message


def test_what_people_write_is_text(tmp_path: Path) -> None:
    text = filled.stor(template(tmp_path, "stor"), persons__name=EVIL, nature__reasons=EVIL)
    files = stor.render(load(text.encode(), stor.Filing))
    root = fromstring(files["stor.xml"])
    assert root.findtext(".//Name") == EVIL
    cells = [row[2] for row in csv.reader(io.StringIO(files["stor.csv"].decode()))]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


class _Named(Struct):
    names: list[str]


@pytest.mark.parametrize(
    "name", ["\u200bacct", "a\u2028b", "\ufeffx", "\U000e0041x", "\x85", "ü😀"]
)
def test_an_account_whose_name_can_not_be_seen_stands_in_the_file_all_the_same(name: str) -> None:
    text = written(Template(values={"names": [name, "acct-b"]}))
    outcome = examine(text.encode(), _Named, name="filing.yaml")
    assert outcome.ok, outcome.problems
    assert outcome.value == _Named([name, "acct-b"])
