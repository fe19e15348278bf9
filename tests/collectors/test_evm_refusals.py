"""Refused calls of security tokens are explained while the node still knows the block."""

from collections.abc import Callable

import msgspec
import pytest
from eth_abi.abi import encode

from collectors.evm import Watched, WatchedToken
from collectors.evm.calldata import Transfer, revert_reason, selector, wanted_transfer
from demo.chain.anvil import Anvil
from demo.chain.trex import SecurityToken
from pipeline.config.checks import RestrictionChecks
from pipeline.evm_payload import Refusal
from tests.collectors.evm_session import Emitter, collecting, payload, source
from tests.collectors.list_outlet import ListOutlet
from tests.collectors.provider import Provider
from tests.fixtures.chain import HOLDERS, NON_RESIDENT, UNREGISTERED
from tests.fixtures.waiting import until

Start = Callable[..., Anvil]
A, B = "0x" + "aa" * 20, "0x" + "bb" * 20


def watched(token: SecurityToken) -> Watched:
    return Watched.of(
        {
            token.address: WatchedToken(
                identity_registry=str(token.identity_registry.address),
                compliance=str(token.compliance.address),
            )
        }
    )


def refusals(outlet: ListOutlet) -> dict[str, Refusal]:
    """By transaction hash."""
    found = [
        msgspec.convert(one, Refusal)
        for frame in outlet.frames
        for one in payload(frame)["refusals"]
    ]
    return {one.transaction_hash: one for one in found}


async def refused(token: SecurityToken, url: str, **options: object) -> tuple[list[Refusal], dict]:
    """Sends three transfers that are refused and collects their blocks from `url`, without checks:
    those ask the registries themselves.
    """
    options.setdefault("checks", RestrictionChecks(enabled=False))
    ledger = token.ledger
    accounts = ledger.accounts
    holder = accounts[HOLDERS[0]]
    start = int(ledger.node.rpc("eth_blockNumber"), 16) + 1
    hashes = [
        token.transfer(holder, accounts[UNREGISTERED], token.units(5)),
        token.transfer(holder, accounts[NON_RESIDENT], token.units(5)),
        token.transfer(holder, accounts[HOLDERS[1]], token.units(10_000_000)),
        token.transfer(holder, accounts[HOLDERS[1]], token.units(1)),
    ]
    receipts = ledger.receipts(hashes)
    assert [one.status for one in receipts] == ["0x0"] * 3 + ["0x1"]
    outlet = ListOutlet()
    async with collecting(source(url, start_block=start, **options), watched(token), outlet):
        await until(lambda: len(outlet.frames) >= 4)
    told = {
        one["transactionHash"]: one for frame in outlet.frames for one in payload(frame)["receipts"]
    }
    assert sorted(told) == sorted(hashes[:3])
    explained = refusals(outlet)
    return [explained.get(one, Refusal("none")) for one in hashes[:3]], told


@pytest.mark.chain
@pytest.mark.usefixtures("undone")
async def test_refused_transfers_tell_their_reasons_apart(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    (unverified, forbidden, beyond), _ = await refused(security_token, anvil.ws_url)
    assert unverified.reason == forbidden.reason == "Transfer not possible"
    assert (unverified.receiver_verified, unverified.compliance_allows) == (False, False)
    assert (forbidden.receiver_verified, forbidden.compliance_allows) == (True, False)
    assert beyond.reason == "Insufficient Balance"
    assert beyond.receiver_verified is True


@pytest.mark.chain
@pytest.mark.usefixtures("undone")
async def test_a_node_without_traces_replays_the_call(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    async with Provider(anvil) as provider:
        provider.lacks = {"debug_traceTransaction"}
        (unverified, _, beyond), _ = await refused(security_token, provider.url)
        assert provider.asked["eth_call"] >= 3
    assert unverified.reason == "Transfer not possible"
    assert unverified.receiver_verified is False
    assert beyond.reason == "Insufficient Balance"


@pytest.mark.chain
@pytest.mark.usefixtures("undone")
async def test_a_node_that_can_tell_nothing_costs_no_block(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    async with Provider(anvil) as provider:
        provider.lacks = {"debug_traceTransaction", "eth_call"}
        found, receipts = await refused(security_token, provider.url)
    assert [one.reason for one in found] == [None] * 3
    assert [one.receiver_verified for one in found] == [None] * 3
    assert {one["status"] for one in receipts.values()} == {"0x0"}


@pytest.mark.chain
@pytest.mark.usefixtures("undone")
async def test_explaining_can_be_switched_off(anvil: Anvil, security_token: SecurityToken) -> None:
    async with Provider(anvil) as provider:
        found, _ = await refused(
            security_token,
            provider.url,
            explain_refusals=False,
        )
        assert provider.asked["debug_traceTransaction"] == 0
        assert provider.asked["eth_call"] == 0
    assert [one.transaction_hash for one in found] == ["none"] * 3


@pytest.mark.chain
@pytest.mark.usefixtures("undone")
async def test_registries_that_the_checks_ask_are_not_asked_twice(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    found, _ = await refused(security_token, anvil.ws_url, checks=RestrictionChecks())
    assert [one.reason for one in found] == ["Transfer not possible"] * 2 + ["Insufficient Balance"]
    assert [one.receiver_verified for one in found] == [None] * 3


@pytest.mark.chain
@pytest.mark.parametrize("lacks", [set[str](), {"eth_getBlockReceipts"}])
async def test_many_silent_calls_in_a_block_ask_for_its_receipts_at_once(
    start_anvil: Start, lacks: set[str]
) -> None:
    node = start_anvil(mining="manual")
    emitter = Emitter(node)
    for _ in range(20):
        emitter.emit(0)
    # More logs than the gas pays for: the call fails.
    failing = emitter.emit(100_000)
    node.mine()
    outlet = ListOutlet()
    async with Provider(node) as provider:
        provider.lacks = lacks
        config = source(provider.url, contracts=[emitter.address])
        async with collecting(config, Watched(), outlet):
            await until(lambda: len(outlet.frames) == 3)
        asked_singly = provider.asked["eth_getTransactionReceipt"]
    assert asked_singly == (21 if lacks else 0)
    (receipt,) = [one for frame in outlet.frames for one in payload(frame)["receipts"]]
    assert receipt["transactionHash"] == failing
    assert "gas" in str(refusals(outlet)[failing].reason).lower()


def calldata(signature: str, types: tuple[str, ...], *values: object) -> str:
    return "0x" + (selector(signature) + encode(types, values)).hex()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            calldata("transfer(address,uint256)", ("address", "uint256"), B, 2**256 - 1),
            Transfer(A, B, 2**256 - 1),
        ),
        (
            calldata(
                "forcedTransfer(address,address,uint256)",
                ("address", "address", "uint256"),
                B,
                A,
                7,
            ),
            Transfer(B, A, 7),
        ),
        (
            calldata(
                "batchTransfer(address[],uint256[])", ("address[]", "uint256[]"), [B, A], [3, 4]
            ),
            Transfer(A, B, 3),
        ),
        (
            calldata("mint(address,uint256)", ("address", "uint256"), B, 7),
            Transfer("0x" + "00" * 20, B, 7),
        ),
        (calldata("batchTransfer(address[],uint256[])", ("address[]", "uint256[]"), [], []), None),
        (calldata("pause()", ()), None),
        ("0x", None),
        ("0xa9059cbb00", None),
        ("0xa9059cbb" + "ff" * 64, None),
        ("not hex", None),
    ],
)
def test_the_wanted_transfer_is_read_from_calldata(data: str, expected: Transfer | None) -> None:
    assert wanted_transfer(A, data) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (selector("Error(string)") + encode(("string",), ("no",)), "no"),
        (selector("Panic(uint256)") + encode(("uint256",), (0x11,)), "panic 0x11"),
        (bytes.fromhex("deadbeef") + b"\0" * 32, "custom error 0xdeadbeef"),
        (selector("Error(string)") + b"\xff" * 32, "custom error 0x08c379a0"),
        (b"", None),
        (b"\1\2", None),
    ],
)
def test_revert_data_is_put_in_words(output: bytes, expected: str | None) -> None:
    assert revert_reason(output) == expected
