"""Events of ERC-3643 tokens and identity registries, and of pools."""

from typing import Any

import msgspec
import pytest

from normalizer.events import chain
from tests.normalizer import blocks as b


def decoded(signature: str, *values: Any, **options: Any) -> Any:
    data = options.pop("data", "0x")
    sender = options.pop("sender", b.AGENT)
    to = options.get("address", b.TOKEN)
    made = b.frame(
        b.log(signature, *values, **options),
        transactions=[b.transaction(sender=sender, to=to, data=data)],
    )
    return b.only(b.normalize(made))


def test_freezing_and_releasing_a_wallet_are_two_kinds_of_event() -> None:
    signature = "AddressFrozen(address indexed a, bool indexed b, address indexed c)"
    frozen = decoded(signature, b.ALICE, True, b.AGENT)
    assert isinstance(frozen, chain.WalletFrozen)
    assert (frozen.investor_address, frozen.agent) == (b.ALICE, b.AGENT)
    assert (frozen.category, frozen.type) == (("iam",), ("user", "change"))
    assert isinstance(decoded(signature, b.ALICE, False, b.AGENT), chain.WalletUnfrozen)


def test_partial_freezes_name_the_agent_who_called_the_token() -> None:
    event = decoded("TokensFrozen(address indexed wallet, uint256 amount)", b.ALICE, 5 * 10**18)
    assert isinstance(event, chain.TokensFrozen)
    assert (event.agent, event.amount, event.investor_id) == (b.AGENT, 5.0, "INV-0001")
    assert isinstance(
        decoded("TokensUnfrozen(address indexed wallet, uint256 amount)", b.ALICE, 1),
        chain.TokensUnfrozen,
    )


@pytest.mark.parametrize("word", ["", " indexed"])
def test_a_recovery_decodes_in_both_forms_the_standard_text_and_t_rex(word: str) -> None:
    signature = f"RecoverySuccess(address{word} a, address{word} b, address{word} c)"
    event = decoded(signature, b.ALICE, b.BOB, b.CAROL)
    assert isinstance(event, chain.WalletRecovered)
    assert (event.investor_address, event.new_wallet, event.identity) == (b.ALICE, b.BOB, b.CAROL)


def test_registrations_carry_the_token_behind_the_registry_and_the_country_of_the_call() -> None:
    signature = "IdentityRegistered(address indexed a, address indexed b)"
    event = decoded(
        signature,
        b.ALICE,
        b.CAROL,
        address=b.REGISTRY,
        data=b.call("registerIdentity", b.ALICE, b.CAROL, 840),
    )
    assert isinstance(event, chain.IdentityRegistered)
    assert (event.token_id, event.token_address, event.contract) == ("acme", b.TOKEN, b.REGISTRY)
    assert (event.identity, event.country, event.agent) == (b.CAROL, 840, b.AGENT)
    many = b.call("batchRegisterIdentity", [b.BOB, b.ALICE], [b.CAROL, b.CAROL], [276, 756])
    event = decoded(signature, b.ALICE, b.CAROL, address=b.REGISTRY, data=many)
    assert event.country == 756
    assert decoded(signature, b.ALICE, b.CAROL, address=b.REGISTRY).country is None


def test_identity_changes_decode() -> None:
    removed = decoded("IdentityRemoved(address indexed a, address indexed b)", b.ALICE, b.CAROL)
    assert isinstance(removed, chain.IdentityRemoved)
    assert removed.type == ("user", "deletion")
    signature = "IdentityUpdated(address indexed a, address indexed b)"
    updated = decoded(signature, b.BOB, b.CAROL)
    assert (updated.previous_identity, updated.identity) == (b.BOB, b.CAROL)
    assert updated.investor_address is None
    updated = decoded(signature, b.BOB, b.CAROL, data=b.call("updateIdentity", b.ALICE, b.CAROL))
    assert updated.investor_id == "INV-0001"
    country = decoded("CountryUpdated(address indexed a, uint16 indexed b)", b.ALICE, 276)
    assert isinstance(country, chain.InvestorCountryUpdated)
    assert country.country == 276


def test_pauses_agents_owners_and_wiring_decode() -> None:
    assert isinstance(decoded("Paused(address a)", b.AGENT), chain.TokenPaused)
    assert isinstance(decoded("Unpaused(address a)", b.AGENT), chain.TokenUnpaused)
    added = decoded("AgentAdded(address indexed a)", b.BOB)
    assert isinstance(added, chain.AgentAdded)
    assert (added.investor_address, added.category) == (b.BOB, ("configuration",))
    assert isinstance(decoded("AgentRemoved(address indexed a)", b.BOB), chain.AgentRemoved)
    owner = decoded("OwnershipTransferred(address indexed a, address indexed b)", b.BOB, b.CAROL)
    assert (owner.previous_owner, owner.investor_address) == (b.BOB, b.CAROL)
    wired = decoded("ComplianceAdded(address indexed a)", b.COMPLIANCE)
    assert (wired.component, wired.component_address) == ("compliance", b.COMPLIANCE)


def test_token_information_decodes_with_names_in_the_clear_and_with_names_hashed() -> None:
    plain = "UpdatedTokenInformation(string a, string b, uint8 c, string d, address e)"
    event = decoded(plain, "ACME II", "ACM2", 18, "4.1.6", b.CAROL)
    assert (event.new_name, event.new_symbol, event.new_version) == ("ACME II", "ACM2", "4.1.6")
    hashed = (
        "UpdatedTokenInformation("
        "string indexed a, string indexed b, uint8 c, string d, address indexed e)"
    )
    name, symbol = "0x" + "01" * 32, "0x" + "02" * 32
    event = decoded(hashed, name, symbol, 18, "4.1.6", b.CAROL)
    assert (event.new_name, event.new_symbol, event.new_identity) == (name, symbol, b.CAROL)


SWAP = (
    "Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1,"
    " uint160 sqrtPriceX96, uint128 liquidity, int24 tick)"
)
#: 2 USDX (6 decimals) per ACME (18 decimals): sqrt(2 * 10**6 / 10**18) * 2**96, rounded down.
SQRT_PRICE = 112_045_541_949_572_279_837_463


def test_a_swap_is_told_from_the_side_of_the_trader_who_signed() -> None:
    event = decoded(
        SWAP,
        b.CAROL,
        b.BOB,
        -3 * 10**18,
        6_018_000,
        SQRT_PRICE,
        10**20,
        -269_400,
        address=b.POOL,
        sender=b.ALICE,
    )
    assert isinstance(event, chain.PoolSwap)
    assert (event.side, event.quantity, event.notional) == ("buy", 3.0, 6.018)
    assert event.price == 2.006
    assert event.pool_price == pytest.approx(2.0, rel=1e-12)
    assert (event.venue, event.instrument, event.currency) == ("uniswap-v3", "ACME-USDX", "USDX")
    assert (event.investor_id, event.sender, event.recipient) == ("INV-0001", b.CAROL, b.BOB)
    assert (event.amount0_raw, event.amount1_raw) == ("-3000000000000000000", "6018000")
    assert event.sqrt_price_x96 == str(SQRT_PRICE)
    assert event.token_id == "acme"


def test_in_a_pool_where_the_token_is_the_second_asset_side_and_price_turn_round() -> None:
    token = b.REFERENCE.tokens[0]
    pool = msgspec.structs.replace(token.pools[0], token0=b.QUOTE, token1=b.TOKEN)
    turned = msgspec.structs.replace(
        b.REFERENCE, tokens=(msgspec.structs.replace(token, pools=(pool,)),)
    )
    sqrt_price = 2**192 // SQRT_PRICE
    swap = b.log(
        SWAP, b.CAROL, b.BOB, -4_000_000, 2 * 10**18, sqrt_price, 1, 269_400, address=b.POOL
    )
    event = b.only(b.normalize(b.frame(swap), reference=turned))
    assert (event.side, event.quantity, event.notional, event.price) == ("sell", 2.0, 4.0, 2.0)
    assert event.pool_price == pytest.approx(2.0, rel=1e-12)


def test_a_swap_in_an_unknown_pool_keeps_the_exact_amounts_and_guesses_nothing() -> None:
    event = decoded(SWAP, b.CAROL, b.BOB, 1, -2, 0, 1, 0, address=b.CAROL)
    assert (event.side, event.price, event.pool_price, event.instrument) == (
        None,
        None,
        None,
        b.CAROL,
    )
    assert (event.amount0_raw, event.amount1_raw) == ("1", "-2")


def test_liquidity_in_and_out() -> None:
    mint = (
        "Mint(address sender, address indexed owner, int24 indexed a, int24 indexed b,"
        " uint128 amount, uint256 amount0, uint256 amount1)"
    )
    added = decoded(mint, b.CAROL, b.BOB, -60, 60, 7, 8, 9, address=b.POOL, sender=b.ALICE)
    assert isinstance(added, chain.LiquidityAdded)
    assert (added.owner, added.tick_lower, added.tick_upper) == (b.BOB, -60, 60)
    assert (added.amount0_raw, added.liquidity, added.investor_id) == ("8", "7", "INV-0001")
    assert (added.token_quantity, added.quote_quantity, added.currency) == (8e-18, 9e-6, "USDX")
    burn = (
        "Burn(address indexed owner, int24 indexed a, int24 indexed b,"
        " uint128 amount, uint256 amount0, uint256 amount1)"
    )
    removed = decoded(burn, b.BOB, -60, 60, 7, 8, 9, address=b.POOL)
    assert isinstance(removed, chain.LiquidityRemoved)
    assert (removed.amount0_raw, removed.amount1_raw) == ("-8", "-9")
    assert (removed.token_quantity, removed.quote_quantity) == (8e-18, 9e-6)
    elsewhere = decoded(burn, b.BOB, -60, 60, 7, 8, 9, address=b.TOKEN)
    assert (elsewhere.token_quantity, elsewhere.currency) == (None, None)


def test_events_without_a_record_keep_name_and_arguments() -> None:
    signature = "GatewaySuiteDeploymentProcessed(address indexed requester, address owner, uint256)"
    event = decoded(signature, b.ALICE, b.BOB, 2**200)
    assert isinstance(event, chain.ContractEvent)
    assert (event.decoded, event.log_name) == (True, "GatewaySuiteDeploymentProcessed")
    assert msgspec.json.decode(event.log_arguments or "") == {
        "requester": b.ALICE,
        "intendedOwner": b.BOB,
        "feeApplied": str(2**200),
    }


def test_an_unknown_log_is_kept_whole_marked_and_counted() -> None:
    result = b.normalize(b.frame(b.log("Unheard(uint256 indexed a, string b)", 1, "text")))
    event = result.events[1]
    assert isinstance(event, chain.ContractEvent)
    assert (event.decoded, event.tags, result.undecoded) == (False, ("undecoded",), 1)
    assert len(event.topics) == 2
    assert event.data is not None
    assert b"text".hex() in event.data
