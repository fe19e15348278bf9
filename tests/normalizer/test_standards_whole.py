"""Every event of the token standards, with any values: known, decoded, and nothing of it lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_abi.tools._strategies import get_abi_strategy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from docs.generator.standards import known, records
from docs.generator.suite_events import SuiteEvent, installed, kept
from normalizer.abi import EventAbi
from normalizer.abi_types import Parameter
from normalizer.decoders.evm_records import BUILDERS
from normalizer.events import chain
from normalizer.normalize import encode_event
from tests.fixtures.required import give_up
from tests.normalizer import blocks as b

SUITE = kept()
FAMILY = [line for section in ("ERC-1400 family", "SRC-20") for line in known(section)]
OTHERS = [*known("ERC-3643"), *known("ERC-20, ERC-721, ERC-1155, roles and proxies")]
#: Values that a record has in words or not at all. All others are in it as they were.
IN_WORDS = {
    ("ModuleInteraction", "selector"): "the function by name where it is known",
    ("ComplianceInteraction", "selector"): "the function by name where it is known",
    ("TokenListingConfigured", "listingType"): "allowed or refused",
    ("HoldReleased", "status"): "by whom",
    ("HoldCreated", "expiration"): "a time, where a clock can show it",
    ("HoldRenewed", "oldExpiration"): "a time, where a clock can show it",
    ("HoldRenewed", "newExpiration"): "a time, where a clock can show it",
}


def suite() -> list[SuiteEvent]:
    try:
        return installed()
    except FileNotFoundError as missing:
        give_up("contract artifacts", str(missing))


def test_the_kept_list_is_what_the_packages_have() -> None:
    assert suite() == SUITE


def test_the_whole_suite_and_the_whole_family_are_known() -> None:
    events = [event.signature for event in suite()] + FAMILY + OTHERS
    unknown = [text for text in events if _key(text) not in BUILDERS]
    assert unknown == []
    assert len(SUITE) > 125
    assert len(FAMILY) > 40


def test_every_event_of_the_family_and_of_src20_has_a_record_of_its_own() -> None:
    assert [text for text in FAMILY if records(EventAbi.parse(text)) == ("contract-event",)] == []


def test_of_the_suite_only_what_deploys_it_has_no_record_of_its_own() -> None:
    plain = {
        EventAbi.parse(event.signature).name
        for event in SUITE
        if records(EventAbi.parse(event.signature)) == ("contract-event",)
    }
    assert plain == {
        *("Deployed", "DeployerAdded", "DeployerRemoved", "DeploymentFeeEnabled"),
        *("DeploymentFeeSet", "FactorySet", "FeeDiscountApplied"),
        *("GatewaySuiteDeploymentProcessed", "IAFactorySet", "IdFactorySet"),
        *("ImplementationAuthorityDeployed", "ImplementationAuthoritySet", "Initialized"),
        *("PublicDeploymentStatusSet", "TREXFactorySet", "TREXVersionAdded"),
        *("TREXVersionFetched", "TokenFactoryAdded", "TokenFactoryRemoved"),
    }


def _key(text: str) -> tuple[str, int]:
    abi = EventAbi.parse(text)
    return abi.topic0, abi.topic_count


def _values(parameter: Parameter) -> SearchStrategy[Any]:
    if parameter.indexed and not parameter.one_word:
        return st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
    if parameter.type == "address":
        return st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
    if parameter.type == "string":
        # What no UTF-8 can say is no string of a contract that compiles.
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    return get_abi_strategy(parameter.type)


@pytest.mark.parametrize(
    "text", [*(event.signature for event in SUITE), *FAMILY, *OTHERS], ids=lambda text: text[:60]
)
def test_any_values_come_back_exactly_and_nothing_is_lost(text: str) -> None:
    abi, builder = BUILDERS[_key(text)]

    @settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(st.tuples(*map(_values, abi.signature.parameters)))
    def holds(values: tuple[Any, ...]) -> None:
        log = b.log(text, *values, address=b.CAROL)
        assert abi.decode(log["topics"], log["data"]) == _as_decoded(values)
        if abi.name == "TransferBatch":
            return  # as many events as kinds: see `test_evm_transfers`
        event = b.only(b.normalize(b.frame(log)))
        assert event.__struct_config__.tag in records(abi)
        if builder is None:
            assert isinstance(event, chain.ContractEvent)
            assert event.decoded
            return
        said = encode_event(event).decode()
        for parameter, value in zip(abi.signature.parameters, values, strict=True):
            if (abi.name, parameter.name) not in IN_WORDS:
                for one in _texts(parameter, value):
                    assert one in said, parameter.name

    holds()


def _as_decoded(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Lists as tuples; the library's addresses with a checksum in lower case."""
    return tuple(map(_plain, values))


def _plain(value: Any) -> Any:
    match value:
        case [*items]:
            return tuple(map(_plain, items))
        case str() if value.startswith("0x"):
            return value.lower()
        case _:
            return value


def _texts(parameter: Parameter, value: Any) -> list[str]:
    """How a value must show in a record's JSON; nothing for flags, which choose the record."""
    match value:
        case bool():
            return []
        case int():
            return [str(value)]
        case bytes():
            return ["0x" + value.hex()] if value else []
        case str() if parameter.type == "string" and not parameter.indexed:
            # Compared by what JSON leaves as it is.
            return re.findall(r"[A-Za-z0-9]+", value)
        case str():
            return [value.lower()]
        case _:
            inner = Parameter(parameter.name, re.sub(r"\[\d*\]$", "", parameter.type))
            return [text for one in value for text in _texts(inner, one)]


def test_an_array_of_addresses_is_told_in_lower_case() -> None:
    text = "ApprovalCriteriaSet(address token, bool, bool, bool, address[] approvers, bytes32 hash)"
    event = b.only(
        b.normalize(b.frame(b.log(text, b.TOKEN, True, False, True, [b.ALICE, b.BOB], b"\1" * 32)))
    )
    assert isinstance(event, chain.ApprovalCriteriaSet)
    assert event.approvers == (b.ALICE, b.BOB)
    assert (event.by_recipient, event.by_agent, event.sequential) == (True, False, True)


def test_encoding_is_that_of_the_library() -> None:
    """The log that the tests make is what a contract would have encoded."""
    log = b.log("SupplyLimitSet(address compliance, uint256 limit)", b.COMPLIANCE, 2**255)
    assert log["data"] == "0x" + encode(["address", "uint256"], [b.COMPLIANCE, 2**255]).hex()
