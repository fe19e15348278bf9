"""Why wallets are linked, and why not: each reason with what looks like it and isn't."""

from typing import Any

import pytest

from detections.clusters.links import noisy_or, pair_of
from normalizer.events.base import Event
from pipeline.config.clusters import Clusters, FundingLinks, SmartAccountLinks
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from tests.detections.clusters.chain_tape import (
    ALICE,
    BOB,
    CAROL,
    DAN,
    DEPOSIT,
    ERIN,
    EXCHANGE,
    FUNDER,
    IDENTITY,
    ChainTape,
    Watching,
    wallet,
)


def test_wallets_that_one_source_filled_are_one() -> None:
    tape = ChainTape()
    watching = Watching().take(*tape.funds(ALICE, BOB))
    assert watching.one(ALICE, BOB)
    assert watching.none(FUNDER)
    link = watching.clustering.state.links.book.of(pair_of(ALICE, BOB))["funding"]
    assert (link.weight, link.via) == (0.7, FUNDER)
    assert [proof.transaction[-2:] for proof in link.proofs] == ["01", "02"]


def test_tokens_fill_a_wallet_as_well() -> None:
    tape = ChainTape()
    events = [tape.sends(FUNDER, ALICE), tape.sends(FUNDER, BOB)]
    events += [tape.sends(ALICE, CAROL), tape.sends(BOB, DAN)]
    assert Watching().take(*events).one(ALICE, BOB)


def test_a_distributed_security_is_no_money_unless_wanted() -> None:
    def events() -> list[Event]:
        tape = ChainTape()
        return [
            *(tape.sends(FUNDER, one, token_id="acme") for one in (ALICE, BOB)),
            *(tape.sends(one, CAROL, token_id="acme") for one in (ALICE, BOB)),
        ]

    assert Watching().take(*events()).none(ALICE, BOB)
    wanted = Clusters(funding=FundingLinks(security_tokens=True))
    assert Watching(wanted).take(*events()).one(ALICE, BOB)


@pytest.mark.parametrize("what", [{"item_id": "7"}, {"tags": ("pool-share",)}])
def test_items_of_a_token_and_shares_in_a_pool_are_no_money(what: dict[str, Any]) -> None:
    tape = ChainTape()
    events = [tape.sends(FUNDER, one, 1, **what) for one in (ALICE, BOB)]
    events += [tape.sends(one, wallet("shop"), 1, **what) for one in (ALICE, BOB)]
    assert Watching().take(*events).none(ALICE, BOB)


def test_another_item_does_not_come_back() -> None:
    for items, linked in ((("7", "7"), True), (("7", "9"), False)):
        tape = ChainTape()
        there, back = items
        watching = Watching()
        for _ in range(6):
            watching.take(
                tape.sends(ALICE, BOB, 1, item_id=there), tape.sends(BOB, ALICE, 1, item_id=back)
            )
        assert watching.one(ALICE, BOB) is linked


@pytest.mark.parametrize("apart", [DAY, DAY + SECOND])
def test_both_are_filled_within_the_window(apart: int) -> None:
    tape = ChainTape()
    watching = Watching().take(*tape.funds(ALICE, BOB, apart=apart))
    assert watching.one(ALICE, BOB) == (apart == DAY)


def test_a_wallet_that_has_signed_before_was_not_filled() -> None:
    tape = ChainTape()
    watching = Watching().take(tape.pays(ALICE, CAROL), *tape.funds(ALICE, BOB))
    assert watching.none(ALICE, BOB)


def test_a_wallet_with_a_past_that_nobody_watched_is_not_new() -> None:
    """Its nonce tells."""
    tape = ChainTape()
    watching = Watching().take(tape.pays(FUNDER, ALICE), tape.pays(FUNDER, BOB))
    book = watching.clustering.state.links.book
    assert book.weight(pair_of(ALICE, BOB)) == pytest.approx(0.4)  # nobody knows yet
    watching.take(
        tape.pays(ALICE, CAROL, transaction_nonce=0), tape.pays(BOB, CAROL, transaction_nonce=3)
    )
    assert watching.none(ALICE, BOB)
    assert book.weight(pair_of(ALICE, BOB)) == 0


@pytest.mark.parametrize("label", ["exchange", "custodian", "pool", "issuer", "bridge", "mixer"])
def test_a_source_with_a_label_of_a_hub_says_nothing(label: str) -> None:
    tape = ChainTape({FUNDER: (label,)})
    watching = Watching().take(*tape.funds(ALICE, BOB))
    assert watching.none(ALICE, BOB)
    assert not watching.clustering.state.links.book.pairs


def test_a_source_of_too_many_wallets_is_a_hub_and_all_is_taken_back() -> None:
    tape = ChainTape()
    settings = Clusters(funding=FundingLinks(most_wallets=3))
    watching = Watching(settings).take(*tape.funds(ALICE, BOB, CAROL))
    assert watching.one(ALICE, BOB, CAROL)
    watching.take(*tape.funds(DAN))
    assert watching.none(ALICE, BOB, CAROL, DAN)
    assert not watching.links
    watching.take(*tape.funds(ERIN))
    assert watching.none(ALICE, BOB, CAROL, DAN, ERIN)


@pytest.mark.parametrize("nonce", [1, 2])
def test_a_wallet_that_had_signed_little_before_anybody_watched_is_not_new(nonce: int) -> None:
    """Strangers whom the same busy wallet is the first that is seen to pay."""
    tape = ChainTape()
    watching = Watching().take(tape.pays(FUNDER, ALICE), tape.pays(FUNDER, BOB))
    watching.take(*(tape.pays(one, CAROL, transaction_nonce=nonce) for one in (ALICE, BOB)))
    assert watching.none(ALICE, BOB)


def payroll(tape: ChainTape, former: int) -> list[Event]:
    """An employer pays people who have long had wallets, and two who opened theirs for it."""
    old = [wallet(f"old{number}") for number in range(former)]
    events: list[Event] = [tape.pays(one, CAROL) for one in old]
    events += [tape.pays(FUNDER, one) for one in (ALICE, *old, BOB)]
    return [*events, tape.pays(ALICE, CAROL), tape.pays(BOB, DAN)]


def test_an_employer_fills_no_wallets() -> None:
    assert Watching().take(*payroll(ChainTape(), 3)).one(ALICE, BOB)
    watching = Watching().take(*payroll(ChainTape(), 4))
    assert watching.none(ALICE, BOB)
    assert not watching.links
    lax = Clusters(funding=FundingLinks(most_others=1_000))
    assert Watching(lax).take(*payroll(ChainTape(), 4)).one(ALICE, BOB)


def test_an_employer_shows_by_whom_he_pays_later_and_by_who_turns_out_not_to_be_new() -> None:
    tape = ChainTape()
    watching = Watching().take(*tape.funds(ALICE, BOB))
    assert watching.one(ALICE, BOB)
    strangers = [wallet(f"s{number}") for number in range(4)]
    watching.take(*(tape.pays(FUNDER, one) for one in strangers))
    assert watching.one(ALICE, BOB)
    watching.take(*(tape.pays(one, CAROL, transaction_nonce=70) for one in strangers))
    assert watching.none(ALICE, BOB)


def test_what_is_spent_long_after_or_with_an_exchange_does_not_make_an_employer() -> None:
    tape = ChainTape()
    shops = [wallet(f"old{number}") for number in range(5)]
    watching = Watching().take(*(tape.pays(one, CAROL) for one in shops))
    watching.take(*tape.funds(ALICE, BOB))
    watching.take(*(tape.pays(FUNDER, EXCHANGE) for _ in range(9)))
    watching.take(*(tape.pays(FUNDER, ALICE) for _ in range(9)))
    watching.take(*(tape.pays(FUNDER, one, at=3 * DAY) for one in shops))
    assert watching.one(ALICE, BOB)


def test_a_source_with_very_many_transactions_is_a_hub() -> None:
    tape = ChainTape()
    events = tape.funds(ALICE, BOB)
    for event in events[:2]:
        event.transaction_nonce = 50_000  # type: ignore[attr-defined]
    assert Watching().take(*events).none(ALICE, BOB)


def test_who_fetches_or_buys_what_comes_to_him_is_not_filled() -> None:
    tape = ChainTape()
    watching = Watching().take(
        tape.sends(FUNDER, ALICE, signer=ALICE),
        tape.sends(FUNDER, BOB, signer=CAROL),
        tape.sends(BOB, FUNDER, 7, token=wallet("other"), same=True),
    )
    assert not watching.clustering.state.links.book.pairs


def test_a_deposit_address_is_no_wallet() -> None:
    """Who pays a friend and fills his own deposit address links the two to nobody."""
    tape = ChainTape()
    watching = Watching().take(
        tape.pays(FUNDER, ALICE),
        tape.pays(FUNDER, DEPOSIT),
        tape.pays(DEPOSIT, EXCHANGE),
        tape.pays(ALICE, CAROL),
    )
    assert not watching.clustering.state.links.book.pairs


def test_nothing_is_no_money() -> None:
    tape = ChainTape()
    watching = Watching().take(tape.sends(FUNDER, ALICE, 0), tape.sends(FUNDER, BOB, 0))
    assert not watching.clustering.state.links.book.pairs


def deposits(tape: ChainTape, *wallets: str, by: int = HOUR) -> list[Event]:
    events: list[Event] = []
    for number, one in enumerate(wallets):
        at = tape.number * SECOND + number * DAY
        events.append(tape.sends(one, DEPOSIT, 1_000 + number, at=at))
        events.append(tape.sends(DEPOSIT, EXCHANGE, 1_000 + number, at=at + by))
    return events


def test_wallets_that_pay_into_one_deposit_address_are_one() -> None:
    watching = Watching().take(*deposits(ChainTape(), ALICE, BOB))
    assert watching.one(ALICE, BOB)
    assert watching.none(DEPOSIT, EXCHANGE)


def test_what_is_passed_on_together_counts_for_all_of_it() -> None:
    tape = ChainTape()
    watching = Watching().take(
        tape.sends(ALICE, DEPOSIT, 500),
        tape.sends(BOB, DEPOSIT, 300),
        tape.sends(DEPOSIT, EXCHANGE, 799),
    )
    assert watching.one(ALICE, BOB)


def test_who_passes_on_late_or_something_else_is_no_deposit_address() -> None:
    assert Watching().take(*deposits(ChainTape(), ALICE, BOB, by=13 * HOUR)).none(ALICE, BOB)
    tape = ChainTape()
    watching = Watching().take(
        tape.sends(ALICE, DEPOSIT, 500),
        tape.sends(DEPOSIT, EXCHANGE, 100),
        tape.sends(BOB, DEPOSIT, 300),
        tape.sends(DEPOSIT, EXCHANGE, 50),
    )
    assert watching.none(ALICE, BOB)


def test_who_also_sends_elsewhere_is_a_person_and_no_deposit_address() -> None:
    tape = ChainTape()
    before = Watching().take(tape.sends(DEPOSIT, CAROL, 1), *deposits(tape, ALICE, BOB))
    assert before.none(ALICE, BOB)
    tape = ChainTape()
    after = Watching().take(*deposits(tape, ALICE, BOB))
    assert after.one(ALICE, BOB)
    after.take(tape.sends(DEPOSIT, CAROL, 1))
    assert after.none(ALICE, BOB)


def test_a_deposit_address_of_too_many_is_a_service() -> None:
    many = [wallet(f"payer{number}") for number in range(11)]
    watching = Watching().take(*deposits(ChainTape(), *many[:10]))
    assert watching.one(*many[:10])
    assert Watching().take(*deposits(ChainTape(), *many)).none(*many)


def collects(tape: ChainTape, *sources: str, signer: str = ERIN, to: str = CAROL) -> list[Event]:
    return [
        tape.sends(one, to, 100, signer=signer, same=number > 0)
        for number, one in enumerate(sources)
    ]


def test_wallets_that_are_spent_from_together_again_and_again_are_one() -> None:
    tape = ChainTape()
    watching = Watching().take(*collects(tape, ALICE, BOB))
    assert watching.none(ALICE, BOB)
    watching.take(*collects(tape, ALICE, BOB))
    assert watching.one(ALICE, BOB)
    assert watching.links[pair_of(ALICE, BOB)] == {"co-spending": pytest.approx(0.75)}


def test_a_bundler_of_account_abstraction_spends_nothing_together() -> None:
    tape = ChainTape()
    watching = Watching()
    entry = "0x0000000071727de22e5e9d8baf0edac6f37da032"
    bundles: list[dict[str, Any]] = [
        {"transaction_to": entry},
        {"transaction_method": "0x1fad948c"},
    ]
    for more in bundles * 3:
        watching.take(
            tape.sends(ALICE, CAROL, 100, signer=ERIN, **more),
            tape.sends(BOB, CAROL, 100, signer=ERIN, same=True, **more),
        )
    assert not watching.clustering.state.links.book.pairs


def test_trades_merchants_and_sweeping_exchanges_spend_nothing_together() -> None:
    tape = ChainTape()
    watching = Watching()
    for _ in range(3):
        watching.take(*collects(tape, ALICE, BOB, signer=CAROL))  # a merchant
        watching.take(*collects(tape, ALICE, BOB, to=EXCHANGE))
        watching.take(  # a settlement between the two
            tape.sends(ALICE, BOB, 100, signer=ERIN),
            tape.sends(BOB, ALICE, 100, signer=ERIN, same=True, token=wallet("other")),
        )
        watching.take(  # forced by an agent
            tape.sends(ALICE, CAROL, 9, signer=ERIN, transfer_type="forced"),
            tape.sends(BOB, CAROL, 9, signer=ERIN, same=True, transfer_type="forced"),
        )
    assert not watching.clustering.state.links.book.pairs


def circles(tape: ChainTape, a: str, b: str, times: int) -> list[Event]:
    events: list[Event] = []
    for _ in range(times):
        events += [tape.sends(a, b, 1_000), tape.sends(b, a, 990)]
    return events


def test_money_that_goes_in_circles_links_more_the_more_often_it_does() -> None:
    tape = ChainTape()
    watching = Watching().take(*circles(tape, ALICE, BOB, 2))
    book = watching.clustering.state.links.book
    assert book.weight(pair_of(ALICE, BOB)) == 0
    watching.take(*circles(tape, ALICE, BOB, 1))
    assert book.weight(pair_of(ALICE, BOB)) == pytest.approx(0.5)
    assert watching.none(ALICE, BOB)
    watching.take(*circles(tape, ALICE, BOB, 3))
    assert watching.one(ALICE, BOB)


def test_who_goes_in_circles_with_many_is_a_market() -> None:
    tape = ChainTape()
    market, *partners = (wallet(f"trader{number}") for number in range(7))
    watching = Watching().take(*(tape.sends(one, ERIN) for one in partners))
    for partner in partners[:5]:
        watching.take(*circles(tape, market, partner, 6))
    assert watching.one(market, *partners[:5])
    watching.take(*circles(tape, market, partners[5], 6))
    assert watching.none(market, *partners)


def test_what_comes_back_late_or_as_something_else_is_no_circle() -> None:
    tape = ChainTape()
    watching = Watching()
    for number in range(6):
        at = number * 3 * DAY
        watching.take(
            tape.sends(ALICE, BOB, 1_000, at=at),
            tape.sends(BOB, ALICE, 500, at=at + MINUTE),
            tape.sends(BOB, ALICE, 1_000, at=at + 2 * MINUTE, token=wallet("other")),
            tape.sends(BOB, ALICE, 1_000, at=at + DAY + 2 * SECOND),
        )
    assert watching.clustering.state.links.book.weight(pair_of(ALICE, BOB)) == 0


def test_an_account_and_its_owner_are_one() -> None:
    tape = ChainTape()
    account, other = wallet("account"), wallet("account2")
    arguments = f'{{"entryPoint":"{wallet("entry")}","owner":"{ALICE}"}}'
    watching = Watching().take(
        tape.logs(account, "SimpleAccountInitialized", arguments),
        tape.logs(other, "SimpleAccountInitialized", arguments),
    )
    assert watching.one(account, other, ALICE)
    watching.take(tape.logs(account, "SimpleAccountInitialized", arguments.replace(ALICE, BOB)))
    assert watching.one(other, ALICE)
    assert watching.one(account, BOB)
    assert not watching.one(account, ALICE)


def test_one_owner_of_very_many_accounts_is_a_service() -> None:
    tape = ChainTape()
    accounts = [wallet(f"account{number}") for number in range(4)]
    settings = Clusters(smart_accounts=SmartAccountLinks(most_accounts=3))
    watching = Watching(settings)
    for account in accounts:
        arguments = f'{{"owner":"{ALICE}"}}'
        watching.take(tape.logs(account, "SimpleAccountInitialized", arguments))
    assert watching.none(ALICE, *accounts)


def test_a_common_paymaster_is_a_hint_and_no_more() -> None:
    tape = ChainTape()
    watching = Watching()
    for account in (ALICE, BOB):
        arguments = f'{{"sender":"{account}","paymaster":"{ERIN}"}}'
        watching.take(tape.logs(wallet("entry"), "UserOperationEvent", arguments))
    assert watching.none(ALICE, BOB)
    assert watching.clustering.state.links.book.weight(pair_of(ALICE, BOB)) == pytest.approx(0.1)


def test_wallets_of_one_identity_are_one_until_one_is_removed() -> None:
    tape = ChainTape()
    watching = Watching().take(*(tape.registers(one) for one in (ALICE, BOB, CAROL)))
    assert watching.one(ALICE, BOB, CAROL)
    assert watching.links[pair_of(ALICE, BOB)] == {"identity": 1.0}
    watching.take(tape.removes(BOB))
    assert watching.one(ALICE, CAROL)
    assert watching.none(BOB)


def test_an_identity_that_replaces_another_takes_its_wallet_along() -> None:
    tape = ChainTape()
    watching = Watching().take(tape.registers(ALICE), tape.registers(BOB, wallet("second")))
    assert watching.none(ALICE, BOB)
    watching.take(tape.updates(None, wallet("second"), IDENTITY))
    assert watching.one(ALICE, BOB)
    watching.take(tape.updates(BOB, IDENTITY, wallet("third")))
    assert watching.none(ALICE, BOB)


def test_wallets_of_a_custodian_are_of_many() -> None:
    tape = ChainTape()
    watching = Watching().take(
        *(tape.registers(one, investor_labels=("custodian",)) for one in (ALICE, BOB))
    )
    assert watching.none(ALICE, BOB)


def test_a_recovered_wallet_is_one_with_the_lost_one() -> None:
    tape = ChainTape()
    assert Watching().take(tape.recovers(ALICE, BOB)).one(ALICE, BOB)


def test_weak_reasons_add_up() -> None:
    tape = ChainTape()
    watching = Watching().take(tape.pays(FUNDER, ALICE), tape.pays(FUNDER, BOB))
    assert watching.none(ALICE, BOB)
    watching.take(*circles(tape, ALICE, BOB, 3))
    # The circles' nonces show that both were new.
    assert watching.links[pair_of(ALICE, BOB)] == {
        "funding": pytest.approx(0.7),
        "round-trip": pytest.approx(0.5),
    }
    weight = watching.clustering.state.links.book.weight(pair_of(ALICE, BOB))
    assert weight == pytest.approx(noisy_or([0.5, 0.7])) == pytest.approx(0.85)


def test_wallets_of_one_investor_come_together_once_one_of_them_is_linked() -> None:
    tape = ChainTape()
    tape.investors = {ALICE: "INV-1", CAROL: "INV-1"}
    watching = Watching().take(tape.pays(ALICE, ERIN), tape.pays(CAROL, ERIN))
    assert watching.none(ALICE, CAROL)  # the reference data says so itself
    watching.take(tape.recovers(ALICE, BOB), tape.recovers(CAROL, DAN))
    assert watching.one(ALICE, BOB, CAROL, DAN)


def test_a_cluster_is_called_as_reference_data_calls_it() -> None:
    tape = ChainTape()
    tape.named = {ALICE: "fund-7"}
    watching = Watching().take(tape.pays(ALICE, ERIN), tape.recovers(ALICE, BOB))
    assert watching.clusters == {ALICE: "fund-7", BOB: "fund-7"}
    later = ChainTape()
    watching = Watching().take(later.recovers(ALICE, BOB))
    assert watching.clusters[BOB].startswith("cluster-")
    later.named = {ALICE: "fund-7"}
    watching.take(later.pays(ALICE, ERIN))
    assert watching.clusters == {ALICE: "fund-7", BOB: "fund-7"}
