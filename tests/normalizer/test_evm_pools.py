"""Events of Uniswap v2, v3 and v4, of Curve and of flash loans, as their contracts emit them."""

from typing import Any

import msgspec
import pytest

from normalizer.events import chain
from normalizer.reference import Reference
from normalizer.reference_contradictions import contradictions
from tests.normalizer import blocks as b

V2_SWAP = "Swap(address indexed s, uint256 a, uint256 b, uint256 c, uint256 d, address indexed to)"
V2_SYNC = "Sync(uint112 reserve0, uint112 reserve1)"
V2_MINT = "Mint(address indexed sender, uint256 amount0, uint256 amount1)"
V2_BURN = "Burn(address indexed sender, uint256 amount0, uint256 amount1, address indexed to)"
V3_COLLECT = (
    "Collect(address indexed owner, address recipient, int24 indexed lower, int24 indexed upper,"
    " uint128 amount0, uint128 amount1)"
)
V3_FLASH = "Flash(address indexed s, address indexed r, uint256 a, uint256 b, uint256 c, uint256 d)"
V4_SWAP = (
    "Swap(bytes32 indexed id, address indexed sender, int128 amount0, int128 amount1,"
    " uint160 sqrtPriceX96, uint128 liquidity, int24 tick, uint24 fee)"
)
V4_MODIFY = (
    "ModifyLiquidity(bytes32 indexed id, address indexed sender, int24 lower, int24 upper,"
    " int256 delta, bytes32 salt)"
)
V4_INITIALIZE = (
    "Initialize(bytes32 indexed id, address indexed c0, address indexed c1, uint24 fee,"
    " int24 spacing, address hooks, uint160 sqrtPriceX96, int24 tick)"
)
V4_DONATE = "Donate(bytes32 indexed id, address indexed sender, uint256 a, uint256 b)"
TRANSFER = "Transfer(address indexed from, address indexed to, uint256 value)"
EXCHANGE = "TokenExchange(address indexed buyer, int128 i, uint256 dx, int128 j, uint256 dy)"
CRYPTO_EXCHANGE = "TokenExchange(address indexed b, uint256 i, uint256 x, uint256 j, uint256 y)"
NG_EXCHANGE = (
    "TokenExchange(address indexed b, uint256 i, uint256 x, uint256 j, uint256 y,"
    " uint256 fee, uint256 scale)"
)
UNDERLYING = "TokenExchangeUnderlying(address indexed b, int128 i, uint256 x, int128 j, uint256 y)"
MANAGER = "0x" + "40" * 20
POOL_ID = "0x" + "d4" * 32
OTHER = "0x" + "66" * 20
ROUTER = "0x" + "70" * 20
LENDER = "0x" + "1e" * 20
ZERO = "0x" + "00" * 20
UNIT, CENT = 10**18, 10**6


def with_pool(**changes: Any) -> Reference:
    (token,) = b.REFERENCE.tokens
    pool = msgspec.structs.replace(token.pools[0], **changes)
    return msgspec.structs.replace(
        b.REFERENCE, tokens=(msgspec.structs.replace(token, pools=(pool,)),)
    )


V4 = with_pool(protocol="uniswap-v4", address=MANAGER, pool_id=POOL_ID)
CURVE = with_pool(protocol="curve", coins=(OTHER, b.QUOTE, b.TOKEN))
V2 = with_pool(protocol="uniswap-v2")


def _id() -> bytes:
    return bytes.fromhex(POOL_ID[2:])


def happened(*logs: Any, reference: Reference = b.REFERENCE) -> list[Any]:
    numbered = [{**one, "logIndex": hex(place)} for place, one in enumerate(logs)]
    result = b.normalize(b.frame(*numbered), reference=reference)
    assert result.dead == []
    return result.events[1:]


def test_a_v2_swap_has_the_reserves_that_the_pair_told_before_it() -> None:
    reserves, swap = happened(
        b.log(V2_SYNC, 900 * UNIT, 2_000 * CENT, address=b.POOL),
        b.log(V2_SWAP, ROUTER, 0, 200 * CENT, 100 * UNIT, 0, b.ALICE, address=b.POOL),
        reference=V2,
    )
    assert isinstance(reserves, chain.PoolReserves)
    assert reserves.pool_price == pytest.approx(2000 / 900)
    assert isinstance(swap, chain.PoolSwap)
    assert (swap.amount0_raw, swap.amount1_raw) == (str(-100 * UNIT), str(200 * CENT))
    assert (swap.side, swap.quantity, swap.price) == ("buy", 100.0, 2.0)
    assert (swap.reserve0_raw, swap.reserve1_raw) == (str(900 * UNIT), str(2_000 * CENT))
    assert swap.pool_price == reserves.pool_price
    assert swap.venue == "uniswap-v2"
    assert (swap.investor_address, swap.sender, swap.recipient) == (b.ALICE, ROUTER, b.ALICE)


def test_another_pairs_reserves_are_not_a_swaps() -> None:
    _, swap = happened(
        b.log(V2_SYNC, 1, 1, address=OTHER),
        b.log(V2_SWAP, ROUTER, 0, 200, 100, 0, b.ALICE, address=b.POOL),
    )
    assert swap.reserve0_raw is None
    assert swap.liquidity is None


def test_v2_liquidity_is_the_root_of_the_product_and_its_change() -> None:
    _, added, _, removed = happened(
        b.log(V2_SYNC, 400, 100, address=b.POOL),
        b.log(V2_MINT, ROUTER, 400, 100, address=b.POOL),
        b.log(V2_SYNC, 100, 25, address=b.POOL),
        b.log(V2_BURN, ROUTER, 300, 75, b.BOB, address=b.POOL),
        reference=V2,
    )
    assert isinstance(added, chain.LiquidityAdded)
    assert (added.liquidity, added.amount0_raw, added.tick_lower) == ("200", "400", None)
    assert isinstance(removed, chain.LiquidityRemoved)
    assert (removed.liquidity, removed.amount1_raw, removed.owner) == ("150", "-75", b.BOB)
    assert removed.quote_quantity == 75 / CENT


def through_a_router(shares: Any, *logs: Any, signed: bool) -> Any:
    """The last event of a transaction in which a router moves somebody's shares."""
    numbered = [{**one, "logIndex": hex(place)} for place, one in enumerate((*shares, *logs))]
    frame = b.frame(*numbered, transactions=[b.transaction(to=ROUTER)] if signed else [])
    result = b.normalize(frame, reference=V2)
    assert result.dead == []
    return result.events[-1]


@pytest.mark.parametrize("signed", [True, False])
def test_v2_liquidity_is_whose_shares_were_made(signed: bool) -> None:
    shares = [  # the first of all are nobody's, and the protocol may get some as its fee
        b.log(TRANSFER, ZERO, ZERO, 1_000, address=b.POOL),
        b.log(TRANSFER, ZERO, LENDER, 7, address=b.POOL),
        b.log(TRANSFER, ZERO, b.BOB, 200, address=b.POOL),
    ]
    added = through_a_router(
        shares,
        b.log(V2_SYNC, 400, 100, address=b.POOL),
        b.log(V2_MINT, ROUTER, 400, 100, address=b.POOL),
        signed=signed,
    )
    assert isinstance(added, chain.LiquidityAdded)
    assert added.owner == b.BOB
    assert added.investor_address == (b.ALICE if signed else b.BOB)
    assert added.investor_labels == (("market_maker",) if signed else ("custodian",))
    assert b.BOB in added.related_user


@pytest.mark.parametrize("signed", [True, False])
def test_v2_liquidity_was_theirs_who_gave_the_shares_back_to_the_pair(signed: bool) -> None:
    shares = [
        b.log(TRANSFER, b.BOB, b.POOL, 150, address=b.POOL),
        b.log(TRANSFER, b.POOL, ZERO, 150, address=b.POOL),
    ]
    removed = through_a_router(
        shares,
        b.log(V2_SYNC, 100, 25, address=b.POOL),
        b.log(V2_BURN, ROUTER, 300, 75, ROUTER, address=b.POOL),
        signed=signed,
    )
    assert isinstance(removed, chain.LiquidityRemoved)
    assert removed.owner == b.BOB
    assert removed.investor_address == (b.ALICE if signed else b.BOB)


def test_a_v2_pair_that_is_paid_back_in_kind_has_lent() -> None:
    _, loan, transfer = happened(
        b.log(V2_SYNC, 900 * UNIT, 2_003 * CENT, address=b.POOL),
        b.log(V2_SWAP, ROUTER, 0, 1_003 * CENT, 0, 1_000 * CENT, ROUTER, address=b.POOL),
        b.log("Transfer(address indexed a, address indexed b, uint256 v)", b.ALICE, b.BOB, 1),
        reference=V2,
    )
    assert isinstance(loan, chain.FlashLoan)
    assert (loan.protocol, loan.asset, loan.borrower) == ("uniswap-v2", b.QUOTE, ROUTER)
    assert (loan.amount_raw, loan.fee_raw) == (str(1_000 * CENT), str(3 * CENT))
    assert transfer.tags == ("flash-loan",)


def test_v3_collect_initialize_and_flash() -> None:
    collected, opened, loan = happened(
        b.log(V3_COLLECT, MANAGER, b.BOB, -60, 60, 5, 7, address=b.POOL),
        b.log("Initialize(uint160 price, int24 tick)", 1 << 96, 0, address=b.POOL),
        b.log(V3_FLASH, ROUTER, ROUTER, 0, 10**9, 0, 3_000_000, address=b.POOL),
    )
    assert isinstance(collected, chain.LiquidityCollected)
    assert (collected.amount0_raw, collected.amount1_raw) == ("-5", "-7")
    assert (collected.owner, collected.recipient, collected.investor_address) == (
        MANAGER,
        b.BOB,
        b.ALICE,
    )
    assert isinstance(opened, chain.PoolInitialized)
    assert opened.pool_price == pytest.approx(10**12)
    assert isinstance(loan, chain.FlashLoan)
    assert (loan.asset, loan.amount_raw, loan.fee_raw) == (b.QUOTE, str(10**9), "3000000")


def test_v4_amounts_are_turned_round_and_pools_are_told_by_their_id() -> None:
    root = 112_045_541_949_572_279_837_463  # sqrt(2 * 10**-12) by 2**96: two USDX for an ACME
    opened, swap, added, removed, given = happened(
        b.log(
            V4_INITIALIZE, _id(), b.TOKEN, b.QUOTE, 3000, 60, ZERO, root, -269_400, address=MANAGER
        ),
        b.log(V4_SWAP, _id(), ROUTER, -2 * UNIT, 4 * CENT, root, 10**15, -1, 500, address=MANAGER),
        b.log(V4_MODIFY, _id(), MANAGER, -120, 60, 77, bytes(31) + b"\x05", address=MANAGER),
        b.log(V4_MODIFY, _id(), MANAGER, -120, 60, -77, bytes(31) + b"\x05", address=MANAGER),
        b.log(V4_DONATE, _id(), ROUTER, 5, 6, address=MANAGER),
        reference=V4,
    )
    assert isinstance(opened, chain.PoolInitialized)
    assert (opened.token0, opened.fee, opened.tick_spacing) == (b.TOKEN, 3000, 60)
    assert opened.pool_price == pytest.approx(2.0, rel=1e-6)
    assert isinstance(swap, chain.PoolSwap)
    assert (swap.amount0_raw, swap.amount1_raw) == (str(2 * UNIT), str(-4 * CENT))
    assert (swap.side, swap.quantity, swap.price, swap.fee) == ("sell", 2.0, 2.0, 500)
    assert (swap.pool, swap.contract, swap.venue) == (POOL_ID, MANAGER, "uniswap-v4")
    assert (swap.instrument, swap.token_id) == ("ACME-USDX", "acme")
    assert isinstance(added, chain.LiquidityAdded)
    assert (added.liquidity, added.amount0_raw, added.tick_lower) == ("77", None, -120)
    assert isinstance(removed, chain.LiquidityRemoved)
    assert removed.position == "0x" + "00" * 31 + "05"
    assert isinstance(given, chain.PoolDonation)


def test_a_v4_pool_that_nobody_knows_is_told_by_its_id_alone() -> None:
    (swap,) = happened(b.log(V4_SWAP, _id(), ROUTER, 5, -4, 1, 1, 1, 1, address=MANAGER))
    assert (swap.pool, swap.instrument, swap.side) == (POOL_ID, POOL_ID, None)


def test_two_pools_of_one_manager_are_two_and_the_same_twice_is_a_contradiction() -> None:
    (token,) = V4.tokens
    other = msgspec.structs.replace(token.pools[0], pool_id="0x" + "d5" * 32)
    two = msgspec.structs.replace(token, pools=(token.pools[0], other))
    assert contradictions([msgspec.structs.replace(V4, tokens=(two,))]) == []
    twice = msgspec.structs.replace(token, pools=(token.pools[0],) * 2)
    (found,) = contradictions([msgspec.structs.replace(V4, tokens=(twice,))])
    assert found.path == ("tokens", 0, "pools", 1, "pool_id")


@pytest.mark.parametrize("form", [EXCHANGE, CRYPTO_EXCHANGE, NG_EXCHANGE])
def test_curve_coins_are_numbers_that_the_reference_data_explains(form: str) -> None:
    more = (7, 8) if form == NG_EXCHANGE else ()
    bought, other = happened(
        b.log(form, ROUTER, 1, 200 * CENT, 2, 100 * UNIT, *more, address=b.POOL),
        b.log(form, ROUTER, 0, 5, 2, 3 * UNIT, *more, address=b.POOL),
        reference=CURVE,
    )
    assert (bought.coin0, bought.coin1) == (2, 1)
    assert (bought.amount0_raw, bought.amount1_raw) == (str(-100 * UNIT), str(200 * CENT))
    assert (bought.side, bought.price, bought.quantity) == ("buy", 2.0, 100.0)
    # Against the third coin nobody knows a price, but how much was bought.
    assert (other.coin0, other.coin1) == (0, 2)
    assert (other.side, other.quantity, other.price) == ("buy", 3.0, None)


def test_an_unknown_curve_pool_has_its_coins_in_their_order() -> None:
    (swap,) = happened(b.log(EXCHANGE, ROUTER, 2, 10, 0, 9, address=b.POOL), reference=V4)
    assert (swap.coin0, swap.coin1, swap.amount0_raw, swap.amount1_raw) == (0, 2, "-9", "10")
    assert (swap.venue, swap.side) == ("curve", None)


def test_underlying_coins_are_numbered_otherwise_so_only_the_first_is_sure() -> None:
    (swap,) = happened(
        b.log(UNDERLYING, ROUTER, 1, 200 * CENT, 2, 100 * UNIT, address=b.POOL), reference=CURVE
    )
    assert (swap.side, swap.tags) == (None, ("underlying",))


def test_a_curve_coin_that_no_pool_has_is_a_dead_letter() -> None:
    result = b.normalize(b.frame(b.log(EXCHANGE, ROUTER, -1, 1, 2, 1, address=b.POOL)))
    assert [(letter.field, letter.reason) for letter in result.dead] == [
        ("logs[0].sold_id", "-1 and 2 are no two coins of a pool")
    ]


@pytest.mark.parametrize("kind", ["uint256[]", "uint256[3]"])
def test_curve_liquidity_in_all_coins(kind: str) -> None:
    amounts, fees = [1, 2 * CENT, 3 * UNIT], [0, 0, 0]
    added, removed, uneven = happened(
        b.log(
            f"AddLiquidity(address indexed p, {kind} a, {kind} f, uint256 d, uint256 supply)",
            *(b.BOB, amounts, fees, 9, 1000),
            address=b.POOL,
        ),
        b.log(
            f"RemoveLiquidity(address indexed p, {kind} a, {kind} f, uint256 supply)",
            *(b.BOB, amounts, fees, 400),
            address=b.POOL,
        ),
        b.log(
            "RemoveLiquidityImbalance(address indexed p,"
            f" {kind} a, {kind} f, uint256 d, uint256 supply)",
            *(b.BOB, amounts, fees, 9, 300),
            address=b.POOL,
        ),
        reference=CURVE,
    )
    assert added.amounts_raw == ("1", str(2 * CENT), str(3 * UNIT))
    assert (added.amount0_raw, added.amount1_raw) == (str(3 * UNIT), str(2 * CENT))
    assert (added.token_quantity, added.quote_quantity, added.supply_raw) == (3.0, 2.0, "1000")
    assert (removed.amount0_raw, removed.supply_raw, uneven.supply_raw) == (
        str(-3 * UNIT),
        "400",
        "300",
    )


def test_curve_liquidity_in_one_coin_in_every_generations_form() -> None:
    one = "RemoveLiquidityOne(address indexed p, "
    first, stable, crypto, ng, crypto_ng = happened(
        b.log(one + "uint256 shares, uint256 amount)", b.BOB, 5, 7 * CENT, address=b.POOL),
        b.log(one + "uint256 s, uint256 a, uint256 b)", b.BOB, 5, 7 * CENT, 1000, address=b.POOL),
        b.log(one + "uint256 s, uint256 a, uint256 b)", b.BOB, 5, 1, 7 * CENT, address=b.POOL),
        b.log(
            one + "int128 id, uint256 s, uint256 a, uint256 supply)",
            *(b.BOB, 1, 5, 7 * CENT, 900),
            address=b.POOL,
        ),
        b.log(
            one + "uint256 s, uint256 i, uint256 a, uint256 fee, uint256 scale)",
            *(b.BOB, 5, 1, 7 * CENT, 3, 4),
            address=b.POOL,
        ),
        reference=CURVE,
    )
    assert (first.quote_quantity, first.supply_raw) == (None, None)
    assert (stable.quote_quantity, stable.supply_raw) == (None, "1000")
    for event in (crypto, ng, crypto_ng):
        assert (event.quote_quantity, event.amount1_raw) == (7.0, str(-7 * CENT))
    assert (crypto.supply_raw, ng.supply_raw, crypto_ng.supply_raw) == (None, "900", None)


def test_crypto_pools_tell_one_fee() -> None:
    pair = "uint256[2]"
    added, ng, removed = happened(
        b.log(
            f"AddLiquidity(address indexed p, {pair} a, uint256 fee, uint256 supply)",
            *(b.BOB, [5, 6], 1, 77),
            address=b.POOL,
        ),
        b.log(
            "AddLiquidity(address indexed p,"
            f" {pair} a, uint256 fee, uint256 supply, uint256 scale)",
            *(b.BOB, [5, 6], 1, 78, 9),
            address=b.POOL,
        ),
        b.log(
            f"RemoveLiquidity(address indexed p, {pair} a, uint256 supply)",
            *(b.BOB, [5, 6], 76),
            address=b.POOL,
        ),
        reference=V4,
    )
    assert [one.supply_raw for one in (added, ng, removed)] == ["77", "78", "76"]
    assert (removed.amount0_raw, removed.amount1_raw) == ("-5", "-6")


_LOAN = "FlashLoan(address indexed a, "


@pytest.mark.parametrize(
    ("signature", "values", "protocol", "fee"),
    [
        (
            _LOAN + "address indexed i, address indexed asset, uint256 m, uint256 p, uint16 c)",
            (ROUTER, b.ALICE, b.TOKEN, 100, 9, 0),
            "aave-v2",
            "9",
        ),
        (
            _LOAN
            + "address i, address indexed t, uint256 m, uint8 r, uint256 p, uint16 indexed c)",
            (ROUTER, b.ALICE, b.TOKEN, 100, 0, 5, 0),
            "aave-v3",
            "5",
        ),
        (
            _LOAN + "address indexed t, uint256 m, uint256 f)",
            (ROUTER, b.TOKEN, 100, 0),
            "balancer-v2",
            "0",
        ),
        (_LOAN + "address indexed t, uint256 m)", (ROUTER, b.TOKEN, 100), "morpho", "0"),
        (
            _LOAN + "address t, uint256 m, uint256 f)",
            (ROUTER, b.TOKEN, 100, 2),
            "erc-3156",
            "2",
        ),
    ],
)
def test_flash_loans_mark_the_swaps_of_their_transaction(
    signature: str, values: Any, protocol: str, fee: str
) -> None:
    swap, loan, other = happened(
        b.log(V2_SWAP, ROUTER, 0, 200, 100, 0, b.ALICE, address=b.POOL),
        b.log(signature, *values, address=LENDER),
        b.log(V2_SWAP, ROUTER, 0, 200, 100, 0, b.ALICE, address=b.POOL, number=2),
    )
    assert (loan.protocol, loan.fee_raw, loan.amount_raw) == (protocol, fee, "100")
    assert (loan.borrower, loan.asset) == (ROUTER, b.TOKEN)
    assert swap.tags == ("flash-loan",)
    assert other.tags == ()
