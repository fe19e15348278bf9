"""OFAC's list, read in both published forms, whole or not at all."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.reference.ofac_list import (
    MOST_DEPTH,
    ListDamaged,
    ListedAddress,
    SdnList,
    SdnReader,
)

# Cut from the published files: the Lazarus Group (27307), and an entry without an address.
SDN = b"""<?xml version="1.0" standalone="yes"?>
<sdnList xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns="https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/XML">
  <publshInformation>
    <Publish_Date>08/20/2026</Publish_Date>
    <Record_Count>2</Record_Count>
  </publshInformation>
  <sdnEntry>
    <uid>36</uid>
    <lastName>AEROCARIBBEAN AIRLINES</lastName>
    <sdnType>Entity</sdnType>
    <programList><program>CUBA</program></programList>
    <akaList><aka><uid>12</uid><type>a.k.a.</type><lastName>AERO-CARIBBEAN</lastName></aka></akaList>
  </sdnEntry>
  <sdnEntry>
    <uid>27307</uid>
    <lastName>LAZARUS GROUP</lastName>
    <sdnType>Entity</sdnType>
    <programList><program>DPRK3</program><program>CYBER2</program></programList>
    <idList>
      <id><uid>102203</uid><idType>Secondary sanctions risk:</idType><idNumber>none</idNumber></id>
      <id><uid>102204</uid><idType>Digital Currency Address - ETH</idType>
        <idNumber>0x098B716B8Aaf21512996dC57EB0615e2383E2f96</idNumber></id>
      <id><uid>102205</uid><idType>Digital Currency Address - XBT</idType>
        <idNumber>bc1qpt4fe0zjlvf4kv8mhnm5pnxs3v3u4y2fzlfxsj</idNumber></id>
    </idList>
    <dateOfBirthList><dateOfBirthItem><uid>1</uid><dateOfBirth>1 Jan 1970</dateOfBirth>
    </dateOfBirthItem></dateOfBirthList>
  </sdnEntry>
</sdnList>
"""

ADVANCED = b"""<?xml version="1.0" encoding="utf-8"?>
<Sanctions Version="3"
 xmlns="https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/ADVANCED_XML">
  <DateOfIssue CalendarTypeID="1"><Year>2026</Year><Month>8</Month><Day>20</Day></DateOfIssue>
  <ReferenceValueSets>
    <FeatureTypeValues>
      <FeatureType ID="8" FeatureTypeGroupID="1">Birthdate</FeatureType>
      <FeatureType ID="344" FeatureTypeGroupID="1">Digital Currency Address - XBT</FeatureType>
      <FeatureType ID="345" FeatureTypeGroupID="1">Digital Currency Address - ETH</FeatureType>
    </FeatureTypeValues>
  </ReferenceValueSets>
  <DistinctParties>
    <DistinctParty FixedRef="27307">
      <Profile ID="27307" PartySubTypeID="3">
        <Identity ID="19011" FixedRef="27307" Primary="true">
          <Alias FixedRef="27307" AliasTypeID="1403" Primary="true"><DocumentedName ID="1">
            <DocumentedNamePart><NamePartValue>Lazarus Group</NamePartValue></DocumentedNamePart>
          </DocumentedName></Alias>
        </Identity>
        <Feature ID="50214" FeatureTypeID="8">
          <FeatureVersion ID="1"><VersionDetail DetailTypeID="1432">1970</VersionDetail>
          </FeatureVersion>
        </Feature>
        <Feature ID="50215" FeatureTypeID="345">
          <FeatureVersion ID="47914" ReliabilityID="1560">
            <VersionDetail DetailTypeID="1432">
              0x098B716B8Aaf21512996dC57EB0615e2383E2f96</VersionDetail>
          </FeatureVersion>
          <IdentityReference IdentityID="19011" IdentityFeatureLinkTypeID="1" />
        </Feature>
        <Feature ID="50217" FeatureTypeID="344">
          <FeatureVersion ID="47916" ReliabilityID="1560">
            <VersionDetail DetailTypeID="1432">
              bc1qpt4fe0zjlvf4kv8mhnm5pnxs3v3u4y2fzlfxsj</VersionDetail>
          </FeatureVersion>
        </Feature>
      </Profile>
    </DistinctParty>
  </DistinctParties>
  <SanctionsEntries>
    <SanctionsEntry ID="27307" ProfileID="27307" ListID="1550">
      <EntryEvent ID="27307" EntryEventTypeID="1">
        <Date CalendarTypeID="1"><Year>2019</Year><Month>9</Month><Day>13</Day></Date>
      </EntryEvent>
      <SanctionsMeasure ID="19425" SanctionsTypeID="1705"><DatePeriod CalendarTypeID="1" />
      </SanctionsMeasure>
      <SanctionsMeasure ID="154166" SanctionsTypeID="1"><Comment>DPRK3</Comment></SanctionsMeasure>
    </SanctionsEntry>
  </SanctionsEntries>
</Sanctions>
"""

WALLET = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
COIN = "bc1qpt4fe0zjlvf4kv8mhnm5pnxs3v3u4y2fzlfxsj"


def read(data: bytes, *, part: int = 1 << 16) -> SdnList:
    reader = SdnReader()
    for start in range(0, len(data), part):
        reader.feed(data[start : start + part])
    return reader.close()


def test_the_list_gives_addresses_with_entry_and_programmes() -> None:
    found = read(SDN)
    assert (found.published, found.entries) == (datetime.date(2026, 8, 20), 2)
    assert found.addresses == (
        ListedAddress("27307", "ETH", WALLET, ("DPRK3", "CYBER2")),
        ListedAddress("27307", "XBT", COIN, ("DPRK3", "CYBER2")),
    )


def test_the_advanced_form_tells_the_day_of_listing_as_well() -> None:
    found = read(ADVANCED)
    assert (found.published, found.entries) == (datetime.date(2026, 8, 20), 1)
    assert found.addresses == (
        ListedAddress("27307", "ETH", WALLET, ("DPRK3",), datetime.date(2019, 9, 13)),
        ListedAddress("27307", "XBT", COIN, ("DPRK3",), datetime.date(2019, 9, 13)),
    )


def test_no_name_and_no_birth_date_is_in_what_was_read() -> None:
    for found in (read(SDN), read(ADVANCED)):
        assert not {"LAZARUS", "Lazarus", "1970", "AEROCARIBBEAN"} & set(str(found).split())


@given(st.sampled_from([SDN, ADVANCED]), st.integers(1, 700))
def test_the_size_of_the_parts_makes_no_difference(data: bytes, part: int) -> None:
    assert read(data, part=part) == read(data)


@given(st.sampled_from([SDN, ADVANCED]), st.data())
def test_a_list_that_was_cut_off_is_refused(data: bytes, chosen: st.DataObject) -> None:
    whole = data.rstrip()
    with pytest.raises(ListDamaged):
        read(whole[: chosen.draw(st.integers(0, len(whole) - 1))])


def test_a_list_with_fewer_entries_than_it_says_is_refused() -> None:
    start = SDN.index(b"  <sdnEntry>")
    end = SDN.index(b"</sdnEntry>") + len(b"</sdnEntry>\n")
    with pytest.raises(ListDamaged, match="1 of the 2 entries"):
        read(SDN[:start] + SDN[end:])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<html><body>Service unavailable</body></html>", "begins with <html>"),
        (b"not XML", "line 1"),
        (b"", "ends before its end"),
        (SDN.replace(b"<sdnList ", b'<!DOCTYPE x [<!ENTITY a "b">]>\n<sdnList ', 1), "DTD"),
        (SDN.replace(b"<sdnList ", b'<!DOCTYPE x SYSTEM "http://x/y">\n<sdnList ', 1), "DTD"),
        (SDN.replace(b"08/20/2026", b"20.8.2026"), "20.8.2026"),
        (SDN.replace(b"<uid>27307</uid>", b"<uid></uid>"), "no number"),
        (SDN.replace(b"LAZARUS", b"<a>" * MOST_DEPTH), "deeper than"),
        (SDN.replace(b"CYBER2", b"X" * 10_000), "more than 4096 characters"),
    ],
)
def test_what_is_no_list_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(ListDamaged, match=why):
        read(data)


@given(st.sampled_from([SDN, ADVANCED]), st.data())
def test_whatever_becomes_of_its_bytes_it_is_read_or_refused_in_words(
    data: bytes, chosen: st.DataObject
) -> None:
    damaged = bytearray(data)
    for _ in range(chosen.draw(st.integers(1, 6))):
        place = chosen.draw(st.integers(0, len(damaged) - 1))
        with_ = chosen.draw(st.binary(max_size=4))
        damaged[place : place + chosen.draw(st.integers(0, 40))] = with_
        if not damaged:
            break
    try:
        found = read(bytes(damaged))
    except ListDamaged:
        return
    assert all(one.entry and one.address for one in found.addresses)
