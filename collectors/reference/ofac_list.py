"""Reads OFAC's SDN list, in the two XML forms in which it is published, as its bytes come.

`sdn.xml` (schema `sdnList.xsd`; https://ofac.treasury.gov/sdn-list-data-formats-data-schemas): one
`sdnEntry` for each party, with `uid`, `programList` and `idList`. An address is an `id` whose
`idType` is `Digital Currency Address - ` and OFAC's symbol of the currency (FAQ 563), up to 256
characters. `publshInformation` (so spelt) has the day of publication and the number of entries,
which must be there. The form doesn't say when a party was listed.

`sdn_advanced.xml` (the UN's Advanced Sanctions Data Model): `FeatureTypeValues` names the kinds of
features; a `DistinctParty` has features with a `VersionDetail`; a `SanctionsEntry` of its profile
has the day of listing (the earliest `EntryEvent`) and the programmes (comments of its measures).
It holds no number of entries, so a list that was cut and mended can't be told from a shorter one;
the guard against shrinking is in `ofac_sdn`.

Names, birth dates and papers of the listed are passed over: the entry's number leads to them.

No document type, entity or reference to elsewhere is taken (defusedxml), no more than
`MOST_DEPTH` elements within each other, `MOST_TEXT` characters in one, `MOST_ADDRESSES` addresses.
"""

import datetime
import re
from collections.abc import Callable, Mapping
from xml.sax import SAXException
from xml.sax.handler import ContentHandler, feature_namespaces
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser
from msgspec import Struct, field

MOST_DEPTH = 32
MOST_TEXT = 4_096
MOST_ADDRESSES = 200_000

_ADDRESS = re.compile(r"Digital Currency Address - (\S{1,16})")
_MOST_PROGRAMS = 64


class ListDamaged(Exception):
    """What came is no whole SDN list; the message says where it ceases to be one."""


class ListedAddress(Struct, frozen=True, order=True):
    """An address on the list. `listed` is the day on which its party was listed, where known."""

    entry: str
    asset: str
    address: str
    programs: tuple[str, ...] = ()
    listed: datetime.date | None = None


class SdnList(Struct, frozen=True):
    """What was read. `entries` counts all parties, also those without an address."""

    published: datetime.date | None
    entries: int
    addresses: tuple[ListedAddress, ...]


class SdnReader:
    """Takes the bytes of a list in parts of any size. Both forms; the root element says which."""

    def __init__(self) -> None:
        self._handler = _Handler()
        self._parser = DefusedExpatParser(forbid_dtd=True)
        self._parser.setFeature(feature_namespaces, False)
        self._parser.setContentHandler(self._handler)

    def feed(self, part: bytes) -> None:
        """Read on. Raises :class:`ListDamaged`."""
        self._guarded(lambda: self._parser.feed(part))

    def close(self) -> SdnList:
        """The list, of which all must have come. Raises :class:`ListDamaged`."""
        self._guarded(self._parser.close)
        return self._handler.whole()

    def _guarded(self, step: Callable[[], object]) -> None:
        try:
            step()
        except SAXException as error:
            line = self._parser.getLineNumber()
            raise ListDamaged(f"line {line}: {error.getMessage()}") from None
        except DefusedXmlException as error:
            raise ListDamaged(f"it has a {type(error).__name__}, which no SDN list has") from None
        except (ValueError, OverflowError) as error:
            raise ListDamaged(str(error)) from None


class _Party(Struct):
    """The party that is being read."""

    uid: str = ""
    programs: list[str] = field(default_factory=list[str])
    found: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    #: Of the `id` or feature that is being read.
    kind: str = ""
    value: str = ""


class _Measure(Struct):
    """The `SanctionsEntry` that is being read."""

    profile: str = ""
    programs: list[str] = field(default_factory=list[str])
    days: list[datetime.date] = field(default_factory=list[datetime.date])


class _Handler(ContentHandler):
    """Follows the elements by their names without prefix; what isn't wanted is passed over."""

    def __init__(self) -> None:
        super().__init__()
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._party = _Party()
        self._measure = _Measure()
        self._day: dict[str, int] = {}
        self._features: dict[str, str] = {}
        self._of_profile: dict[str, _Measure] = {}
        self._parties: list[_Party] = []
        self._entries = 0
        self._expected: int | None = None
        self._published: datetime.date | None = None
        self._addresses = 0
        self._closed = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        name = name.rpartition(":")[2]
        if not self._path and name not in ("sdnList", "Sanctions"):
            raise ValueError(f"it begins with <{name[:40]}>, not with <sdnList> or <Sanctions>")
        self._path.append(name)
        if len(self._path) > MOST_DEPTH:
            raise ValueError(f"elements lie deeper than {MOST_DEPTH} in each other")
        self._text.clear()
        self._length = 0
        if begin := _BEGIN.get(name):
            begin(self, attrs)

    def characters(self, content: str) -> None:
        self._length += len(content)
        if self._length > MOST_TEXT and self._path[-1] in _END:
            raise ValueError(f"<{self._path[-1]}> has more than {MOST_TEXT} characters")
        if self._length <= MOST_TEXT:
            self._text.append(content)

    def endElement(self, name: str) -> None:
        name = self._path.pop()
        if end := _END.get(name):
            end(self, "".join(self._text).strip())
        self._text.clear()
        self._length = 0
        if not self._path:
            self._closed = True

    def whole(self) -> SdnList:
        """What was read. Raises ValueError where something of it is missing."""
        if not self._closed:
            raise ListDamaged("it ends before its end")
        if self._expected is not None and self._entries < self._expected:
            raise ListDamaged(
                f"it has {self._entries} of the {self._expected} entries that it names"
            )
        if not self._entries:
            raise ListDamaged("it has no entry")
        return SdnList(self._published, self._entries, tuple(sorted(self._listed())))

    def _listed(self) -> "set[ListedAddress]":
        found: set[ListedAddress] = set()
        for party in self._parties:
            measure = self._of_profile.get(party.uid, _Measure())
            programs = tuple(dict.fromkeys([*party.programs, *measure.programs]))
            listed = min(measure.days, default=None)
            for asset, address in party.found:
                found.add(ListedAddress(party.uid, asset, address, programs, listed))
        return found

    # sdn.xml

    def begin_entry(self, attrs: AttributesImpl) -> None:
        self._party = _Party()

    def end_uid(self, text: str) -> None:
        if self._path[-1:] == ["sdnEntry"]:
            self._party.uid = text

    def end_program(self, text: str) -> None:
        if len(self._party.programs) < _MOST_PROGRAMS:
            self._party.programs.append(text)

    def end_id_type(self, text: str) -> None:
        self._party.kind = text

    def end_id_number(self, text: str) -> None:
        self._party.value = text

    def begin_id(self, attrs: AttributesImpl) -> None:
        self._party.kind = self._party.value = ""

    def end_id(self, text: str) -> None:
        self._keep(self._party.kind)

    def end_entry(self, text: str) -> None:
        self._end_party()

    def end_published(self, text: str) -> None:
        self._published = datetime.datetime.strptime(text, "%m/%d/%Y").date()

    def end_count(self, text: str) -> None:
        self._expected = int(text)

    # sdn_advanced.xml

    def begin_feature_type(self, attrs: AttributesImpl) -> None:
        self._party.kind = attrs.get("ID", "")

    def end_feature_type(self, text: str) -> None:
        if _ADDRESS.fullmatch(text):
            self._features[self._party.kind] = text

    def begin_distinct_party(self, attrs: AttributesImpl) -> None:
        self._party = _Party()

    def begin_profile(self, attrs: AttributesImpl) -> None:
        if self._path[-2:-1] == ["DistinctParty"]:
            self._party.uid = attrs.get("ID", "")

    def begin_feature(self, attrs: AttributesImpl) -> None:
        self._party.kind = attrs.get("FeatureTypeID", "")

    def end_detail(self, text: str) -> None:
        if text:
            self._party.value = text
            self._keep(self._features.get(self._party.kind, ""))

    def begin_sanctions_entry(self, attrs: AttributesImpl) -> None:
        self._measure = _Measure(profile=attrs.get("ProfileID", ""))

    def begin_date(self, attrs: AttributesImpl) -> None:
        self._day = {}

    def end_year(self, text: str) -> None:
        self._day["year"] = int(text)

    def end_month(self, text: str) -> None:
        self._day["month"] = int(text)

    def end_day(self, text: str) -> None:
        self._day["day"] = int(text)

    def end_date(self, text: str) -> None:
        if self._path[-1:] == ["EntryEvent"] and len(self._day) == 3:
            self._measure.days.append(datetime.date(**self._day))

    def end_issued(self, text: str) -> None:
        if len(self._day) == 3:
            self._published = datetime.date(**self._day)

    def end_comment(self, text: str) -> None:
        wanted = self._path[-1:] == ["SanctionsMeasure"] and text
        if wanted and len(self._measure.programs) < _MOST_PROGRAMS:
            self._measure.programs.append(text)

    def end_sanctions_entry(self, text: str) -> None:
        known = self._of_profile.setdefault(self._measure.profile, _Measure())
        known.programs += self._measure.programs
        known.days += self._measure.days

    def _keep(self, kind: str) -> None:
        if (named := _ADDRESS.fullmatch(kind)) and self._party.value:
            self._addresses += 1
            if self._addresses > MOST_ADDRESSES:
                raise ValueError(f"it has more than {MOST_ADDRESSES} addresses")
            self._party.found.append((named[1], self._party.value))

    def _end_party(self) -> None:
        self._entries += 1
        if self._party.found:
            if not self._party.uid:
                raise ValueError("a party with an address has no number")
            self._parties.append(self._party)

    def end_distinct_party(self, text: str) -> None:
        self._end_party()


_BEGIN: Mapping[str, Callable[[_Handler, AttributesImpl], None]] = {
    "sdnEntry": _Handler.begin_entry,
    "id": _Handler.begin_id,
    "FeatureType": _Handler.begin_feature_type,
    "DistinctParty": _Handler.begin_distinct_party,
    "Profile": _Handler.begin_profile,
    "Feature": _Handler.begin_feature,
    "SanctionsEntry": _Handler.begin_sanctions_entry,
    "Date": _Handler.begin_date,
    "DateOfIssue": _Handler.begin_date,
}
_END: Mapping[str, Callable[[_Handler, str], None]] = {
    "uid": _Handler.end_uid,
    "program": _Handler.end_program,
    "idType": _Handler.end_id_type,
    "idNumber": _Handler.end_id_number,
    "id": _Handler.end_id,
    "sdnEntry": _Handler.end_entry,
    "Publish_Date": _Handler.end_published,
    "Record_Count": _Handler.end_count,
    "FeatureType": _Handler.end_feature_type,
    "VersionDetail": _Handler.end_detail,
    "Year": _Handler.end_year,
    "Month": _Handler.end_month,
    "Day": _Handler.end_day,
    "Date": _Handler.end_date,
    "DateOfIssue": _Handler.end_issued,
    "Comment": _Handler.end_comment,
    "SanctionsEntry": _Handler.end_sanctions_entry,
    "DistinctParty": _Handler.end_distinct_party,
}
