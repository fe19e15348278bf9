"""Reference data: what a file may say, what contradicts itself, and what is looked up."""

from pathlib import Path

import msgspec
import pytest

from normalizer.enrichment import NOBODY, Enrichment
from normalizer.reference import Reference, WatchedContract, watched
from normalizer.reference_files import load_reference
from pipeline.problems import Problem, ProblemsFound
from tests.normalizer import blocks as b

TOKEN = f"""
tokens:
  - id: acme
    name: ACME Fund I
    contracts: [{{chain: 1, address: "{b.TOKEN}"}}]
    instruments: [{{venue: demo-venue, symbol: ACME-USD}}]
    pools:
      - chain: 1
        address: "{b.POOL}"
        token0: "{b.TOKEN}"
        token1: "{b.QUOTE}"
        quote: {{symbol: USDX, address: "{b.QUOTE}", decimals: 6}}
"""


def load(tmp_path: Path, *texts: str) -> Reference:
    paths: list[Path] = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        paths.append(path)
    return load_reference(paths)


def problems(tmp_path: Path, *texts: str) -> list[str]:
    with pytest.raises(ProblemsFound) as caught:
        load(tmp_path, *texts)
    return [
        f"{problem.location.line}:{problem.location.column} {problem.message}"
        for problem in caught.value.problems
    ]


def test_files_add_up_and_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    both = load(tmp_path, TOKEN, "investors: [{id: INV-1}]\n")
    assert [token.id for token in both.tokens] == ["acme"]
    assert [investor.id for investor in both.investors] == ["INV-1"]
    assert load_reference([tmp_path]) == both


def test_a_file_may_end_in_capitals_and_a_folder_without_files_is_doubtful(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "A.YAML").write_text("investors: [{id: INV-1}]\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "who.yaml.txt").write_text("investors: []\n")
    warnings: list[Problem] = []
    found = load_reference([tmp_path / "there", tmp_path / "empty"], warnings=warnings)
    assert [one.id for one in found.investors] == ["INV-1"]
    (warning,) = warnings
    assert warning.message == "there is no reference data in this folder"
    assert warning.location.file == str(tmp_path / "empty")


def test_everything_wrong_in_all_files_is_said_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        TOKEN.replace("demo-venue", "''"),
        "investors:\n  - {id: I, jurisdiction: USA, acreditation: none}\n",
    )
    assert len(found) == 3
    assert any("acreditation" in line for line in found)


def test_ids_addresses_and_accounts_that_are_taken_are_found_within_and_between_files(
    tmp_path: Path,
) -> None:
    found = problems(
        tmp_path,
        TOKEN,
        f"""
tokens:
  - id: acme
    contracts: [{{chain: 1, address: "{b.TOKEN.upper().replace("0X", "0x")}"}}]
    instruments: [{{venue: demo-venue, symbol: ACME-USD}}]
investors:
  - {{id: I, addresses: ["{b.ALICE}"], accounts: [{{venue: v, account: a}}]}}
  - {{id: I, addresses: ["{b.ALICE}"], accounts: [{{venue: v, account: a}}]}}
addresses:
  - {{address: "{b.BOB}", labels: [custodian]}}
  - {{address: "{b.BOB}", labels: [agent]}}
sanctions:
  - {{address: "{b.CAROL}", list: OFAC-SDN}}
  - {{address: "{b.CAROL}", list: OFAC-SDN}}
""",
    )
    assert [line.split(" ")[0] for line in found] == [
        "3:9",
        "4:37",
        "5:47",
        "8:10",
        "8:25",
        "8:103",
        "11:15",
        "14:15",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (f'address: "{b.QUOTE}"', f'address: "{b.BOB}"', "not in the pool"),
        (f'token0: "{b.TOKEN}"', f'token0: "{b.BOB}"', "no contract of token acme"),
        (f'token0: "{b.TOKEN}"', f'token0: "{b.QUOTE}"', "the same contract"),
    ],
)
def test_a_pool_must_trade_the_token_against_its_quote(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    (found,) = problems(tmp_path, TOKEN.replace(old, new))
    assert message in found


def test_an_address_whose_checksum_is_wrong_is_doubtful(tmp_path: Path) -> None:
    wrong = "0x6aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    (tmp_path / "r.yaml").write_text(
        f"investors:\n  - {{id: I-1, addresses: [{wrong}]}}\n"
        f"  - {{id: I-2, addresses: ['0x{'ab' * 20}']}}\n"
        "sanctions:\n  - {address: '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', list: OFAC}\n"
    )
    doubts: list[Problem] = []
    load_reference([tmp_path / "r.yaml"], warnings=doubts)
    (doubt,) = doubts
    assert (doubt.location.line, doubt.severity, doubt.code) == (2, "warning", "reference/checksum")


def test_addresses_are_found_in_any_case_on_every_chain() -> None:
    enrichment = Enrichment(b.REFERENCE)
    assert enrichment.parties[b.ALICE].id == "INV-0001"
    assert enrichment.parties[b.BOB].labels == ("custodian",)
    assert enrichment.parties[b.POOL].labels == ("pool",)
    chain = enrichment.chain(b.CHAIN)
    assert chain.tokens[b.TOKEN].issuer_name == "ACME Inc"
    assert chain.suite[b.REGISTRY].address == b.TOKEN
    assert not enrichment.chain(1).tokens


def test_instruments_and_accounts_are_found_by_venue() -> None:
    enrichment = Enrichment(b.REFERENCE)
    known = enrichment.instrument("demo-venue", "ACME-USD")
    assert known.token is not None
    assert (known.token.id, known.currency) == ("acme", "USD")
    other = enrichment.instrument("elsewhere", "ACME-USD")
    assert (other.token, other.currency) == (None, "USD")
    assert enrichment.instrument("elsewhere", "ACME").currency is None
    # Nothing is priced in a number: these are a series and a day.
    assert enrichment.instrument("elsewhere", "KYOTO-HOTEL-01").currency is None
    assert enrichment.instrument("elsewhere", "ACME-USD-241227").currency is None
    assert enrichment.instrument("elsewhere", "ACME-KRW1").currency == "KRW1"
    assert enrichment.account("demo-venue", "acct-12", 0).cluster == "CL-07"
    assert enrichment.account("elsewhere", "acct-12", 0) is NOBODY


def test_a_registry_that_two_tokens_share_says_nothing_of_which() -> None:
    token = b.REFERENCE.tokens[0]
    contract = msgspec.structs.replace(token.contracts[0], address=b.CAROL)
    second = msgspec.structs.replace(
        token, id="second", contracts=(contract,), pools=(), instruments=()
    )
    shared = msgspec.structs.replace(b.REFERENCE, tokens=(token, second))
    assert not Enrichment(shared).chain(b.CHAIN).suite


def test_the_contracts_to_watch_come_with_their_roles() -> None:
    assert watched(b.REFERENCE, b.CHAIN) == (
        WatchedContract(b.TOKEN, "token", "acme", b.REGISTRY, b.COMPLIANCE, "ERC-3643"),
        WatchedContract(b.REGISTRY, "identity-registry", "acme"),
        WatchedContract(b.COMPLIANCE, "compliance", "acme"),
        WatchedContract(b.POOL, "pool", "acme"),
    )
    assert watched(b.REFERENCE, 1) == ()


def test_a_tokens_further_registries_are_watched_and_belong_to_it(tmp_path: Path) -> None:
    reference = load(
        tmp_path,
        TOKEN.replace(
            "}]\n    instruments",
            f', trusted_issuers_registry: "{b.REGISTRY}", claim_topics_registry: "{b.AGENT}"}}]\n'
            "    instruments",
        ),
    )
    roles = {contract.address: contract.role for contract in watched(reference, 1)}
    assert roles[b.REGISTRY] == "trusted-issuers-registry"
    assert roles[b.AGENT] == "claim-topics-registry"
    chain = Enrichment(reference).chain(1)
    assert {chain.suite[b.REGISTRY].id, chain.suite[b.AGENT].id} == {"acme"}


def test_storages_modules_and_whatever_else_tells_of_a_token_are_watched(tmp_path: Path) -> None:
    parts = [b.REGISTRY, b.AGENT, b.BOB, b.CAROL]
    storage, first, second, holds = parts
    more = (
        f', identity_storage: "{storage}", compliance_modules: ["{first}", "{second}"],'
        f' others: ["{holds}"]}}]\n    instruments'
    )
    reference = load(tmp_path, TOKEN.replace("}]\n    instruments", more))
    roles = {contract.address: contract.role for contract in watched(reference, 1)}
    assert [roles[part] for part in parts] == [
        "identity-storage",
        "compliance-module",
        "compliance-module",
        "other",
    ]
    chain = Enrichment(reference).chain(1)
    assert {chain.suite[part].id for part in parts} == {"acme"}
