"""Everything about one asset has one key, whatever the reference data links in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from normalizer.assets import Assets
from normalizer.enrichment import Enrichment
from normalizer.events.chain import Block, ContractEvent
from normalizer.events.market import FeedGap, Trade
from normalizer.reference import Instrument, Pool, PriceFeed, Quote, Reference, Token, TokenContract
from tests.normalizer import blocks as b
from tests.normalizer.test_evm_transfers import TRANSFER

_ADDRESSES = st.sampled_from([f"0x{digit * 40}" for digit in "123456"])
_CHAINS = st.sampled_from([1, 137])
_VENUES = st.sampled_from(["coinbase", "uniswap-v3"])
_SYMBOLS = st.sampled_from(["ACME-USD", "A-USDC", "B-USDC"])
_QUOTE = Quote(symbol="USDC", address="0x" + "9" * 40, decimals=6)


@st.composite
def tokens(draw: st.DrawFn, number: int) -> Token:
    contracts = st.builds(
        TokenContract, chain=_CHAINS, address=_ADDRESSES, compliance=st.none() | _ADDRESSES
    )
    pools = st.builds(
        Pool,
        chain=_CHAINS,
        address=_ADDRESSES,
        token0=_ADDRESSES,
        token1=st.just(_QUOTE.address),
        quote=st.just(_QUOTE),
    )
    feeds = st.builds(PriceFeed, chain=_CHAINS, address=_ADDRESSES, currency=st.just("USD"))
    instruments = st.builds(Instrument, venue=_VENUES, symbol=_SYMBOLS)
    return Token(
        id=f"token-{number}",
        symbol=draw(st.sampled_from([None, "A", "B"])),
        contracts=tuple(draw(st.lists(contracts, max_size=2))),
        pools=tuple(draw(st.lists(pools, max_size=1))),
        price_feeds=tuple(draw(st.lists(feeds, max_size=1))),
        instruments=tuple(draw(st.lists(instruments, max_size=2))),
    )


@st.composite
def references(draw: st.DrawFn) -> Reference:
    return Reference(tokens=tuple(draw(tokens(n)) for n in range(draw(st.integers(0, 3)))))


def on_chain(reference: Reference, chain: int, contract: str) -> ContractEvent:
    """A log of a contract, enriched as the normalizer does it."""
    known = Enrichment(reference).chain(chain)
    token = known.tokens.get(contract) or known.suite.get(contract)
    if token is None:
        priced = known.pools.get(contract) or known.price_feeds.get(contract)
        token = priced.token if priced else None
    return ContractEvent(
        id="log",
        timestamp=1,
        ingested=1,
        original="RAW/1/0",
        provider=f"node-{chain}",
        chain_id=chain,
        block_number=1,
        block_hash="0x" + "0" * 64,
        contract=contract,
        **(token.fields() if token else {}),
    )


def at_venue(reference: Reference, venue: str, symbol: str, provider: str) -> Trade:
    token = Enrichment(reference).instrument(venue, symbol).token
    return Trade(
        id="trade",
        timestamp=1,
        ingested=1,
        original="RAW/1/0",
        provider=provider,
        venue=venue,
        instrument=symbol,
        trade_id="1",
        price=1.0,
        quantity=1.0,
        **(token.fields() if token else {}),
    )


@given(references(), _ADDRESSES)
def test_a_contract_has_one_key_on_all_chains(reference: Reference, contract: str) -> None:
    assets = Assets(reference)
    assert assets.key(on_chain(reference, 1, contract)) == assets.key(
        on_chain(reference, 137, contract)
    )


@given(references(), _VENUES, _SYMBOLS)
def test_an_instrument_has_one_key_by_whichever_source(
    reference: Reference, venue: str, symbol: str
) -> None:
    assets = Assets(reference)
    trades = (at_venue(reference, venue, symbol, provider) for provider in ("one", "two"))
    assert len({assets.key(trade) for trade in trades}) == 1


@given(references())
def test_a_token_has_one_key_wherever_it_is(reference: Reference) -> None:
    assets = Assets(reference)
    for token in reference.tokens:
        events = [on_chain(reference, c.chain, c.address.lower()) for c in token.contracts]
        events += [on_chain(reference, p.chain, p.address) for p in token.pools]
        trades = [at_venue(reference, i.venue, i.symbol, "one") for i in token.instruments]
        assert len({assets.key(event) for event in (*events, *trades)}) <= 1


@given(references())
def test_the_order_of_the_reference_data_decides_nothing(reference: Reference) -> None:
    backwards = Reference(tokens=reference.tokens[::-1])
    for contract in (f"0x{digit * 40}" for digit in "123456"):
        event = on_chain(reference, 1, contract)
        assert Assets(reference).key(event) == Assets(backwards).key(event)


def test_what_concerns_a_whole_source_has_no_key_and_what_is_about_no_asset_the_sources() -> None:
    assets = Assets(Reference())
    common = {"id": "x", "timestamp": 1, "ingested": 1, "original": "RAW/1/0", "provider": "node"}
    gap = FeedGap(**common, venue="coinbase", instrument="*")
    block = Block(**common, chain_id=1, block_number=1, block_hash="0x")
    assert assets.key(gap) is None
    assert assets.key(block) == "source:node"


def test_what_a_manager_tells_of_a_token_is_the_tokens() -> None:
    """Also of one that the reference data doesn't have: all of it is in one lane."""
    manager = "0x" + "ee" * 20
    told = "TransferApproved(address a, address b, uint256 c, address token)"
    for token in (b.TOKEN, b.CAROL):
        own = b.only(b.normalize(b.frame(b.log(TRANSFER, b.ALICE, b.BOB, 1, address=token))))
        log = b.log(told, b.ALICE, b.BOB, 1, token, address=manager)
        event = b.only(b.normalize(b.frame(log)))
        assert (event.contract, event.token_address) == (manager, token)
        assert Assets(b.REFERENCE).key(event) == Assets(b.REFERENCE).key(own)
