"""Masks of sinks: nothing of a masked value gets there, whatever field or sentence it is in."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.mask import DROPPED, Masker, MaskError
from delivery.stage import DocumentCache
from normalizer.events import Alert, AlertUpdate
from normalizer.events.chain import TokenTransfer
from normalizer.events.ecs import nest
from normalizer.events.taxonomy import fields, record_classes, struct_type
from pipeline.bus import StreamMessage
from pipeline.config.mask import Mask
from pipeline.personal_data import MaskAction
from pipeline.secrets import Secret
from tests.detections.samples import START

ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20
TOKEN = "0x" + "cc" * 20
NOBODY = "0x" + "00" * 20
PERSON = "inv-" + "abcdefgh234567abcdefgh2345"
KEY = "the key of this sink"


@pytest.fixture
def key(tmp_path: Path) -> Secret:
    path = tmp_path / "mask-key"
    path.write_text(KEY)
    path.chmod(0o600)
    return Secret(f"${{file:{path}}}")


def hashed(value: str) -> str:
    return "h:" + hmac.new(KEY.encode(), value.encode(), hashlib.sha256).hexdigest()[:32]


def transfer(**changes: Any) -> TokenTransfer:
    values: dict[str, Any] = {
        "id": "1:0xb:0xt:0",
        "timestamp": START,
        "ingested": START,
        "original": "RAW/1/0",
        "provider": "chain",
        "chain_id": 1,
        "block_number": 7,
        "block_hash": "0x" + "d" * 64,
        "transaction_hash": "0x" + "e" * 64,
        "transaction_to": TOKEN,
        "token_address": TOKEN,
        "source_address": ALICE,
        "destination_address": BOB,
        "source_investor": PERSON,
        "source_jurisdiction": "US",
        "amount_raw": "5",
        "related_user": (ALICE, BOB, TOKEN, PERSON),
    }
    return TokenTransfer(**values | changes)


SOLANA = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"
CLUSTER = "cluster-0123456789abcdef"


def alert(**changes: Any) -> Alert:
    values: dict[str, Any] = {
        "id": "alert-1",
        "timestamp": START,
        "provider": "chain",
        "severity": 73,
        "risk_score": 73.0,
        "reason": f"{ALICE} sold 5 ACME of {TOKEN} to desk-7; {PERSON} is behind both.",
        "message": f"Round trip: 0x{'A1' * 20} and desk-7",
        "rule_id": "r",
        "rule_name": "Round trip",
        "rule_version": "1",
        "rule_hash": "h",
        "rule_author": ("Jo Doe",),
        "level": "high",
        "typology": "wash_trading",
        "token_address": TOKEN,
        "entities": (ALICE, "desk-7"),
        "related_user": (ALICE, "desk-7", PERSON),
    }
    return Alert(**values | changes)


def masked(record: Any, mask: Mask) -> dict[str, Any]:
    document = nest(record)
    Masker(mask).mask(document)
    return document


def test_without_a_mask_nothing_changes() -> None:
    for record in (transfer(), alert()):
        assert masked(record, Mask()) == nest(record)


def test_a_hashed_value_is_the_same_wherever_it_stands(key: Secret) -> None:
    document = masked(transfer(), Mask(key=key, wallet="hash", identity="hash"))

    assert document["source"]["address"] == hashed(ALICE)
    assert document["destination"]["address"] == hashed(BOB)
    assert document["investor"]["source"] == {"id": hashed(PERSON), "jurisdiction": "US"}
    assert document["related"]["user"] == [hashed(ALICE), hashed(BOB), TOKEN, hashed(PERSON)]


def test_contracts_and_the_zero_address_are_nobody(key: Secret) -> None:
    minted = transfer(source_address=NOBODY, related_user=(NOBODY, BOB))
    document = masked(minted, Mask(key=key, wallet="hash"))

    assert document["source"]["address"] == NOBODY
    assert document["token"]["address"] == TOKEN
    assert document["blockchain"]["transaction"]["to"] == TOKEN
    assert document["related"]["user"] == [NOBODY, hashed(BOB)]


def test_a_dropped_field_is_gone_and_its_empty_group_does_no_harm() -> None:
    document = masked(transfer(), Mask(wallet="drop", attribute="drop", identity="drop"))

    assert "address" not in document["source"]
    assert document["investor"]["source"] == {}
    assert document["related"]["user"] == [TOKEN]


def test_a_sentence_names_nobody_that_the_sink_may_not_know(key: Secret) -> None:
    document = masked(alert(), Mask(key=key, wallet="hash", account="drop", identity="hash"))

    assert document["event"]["reason"] == (
        f"{hashed(ALICE)} sold 5 ACME of {TOKEN} to {DROPPED}; {hashed(PERSON)} is behind both."
    )
    assert document["message"] == f"Round trip: {hashed(ALICE)} and {DROPPED}", "also in capitals"
    assert document["surveillance"]["entities"] == [hashed(ALICE)]
    assert document["related"]["user"] == [hashed(ALICE), hashed(PERSON)]


def test_an_address_or_pseudonym_that_stands_in_a_sentence_alone_is_masked_too(key: Secret) -> None:
    lonely = alert(entities=(), related_user=(), reason=f"{BOB} and {PERSON} again")
    document = masked(lonely, Mask(key=key, wallet="hash", identity="drop"))
    assert document["event"]["reason"] == f"{hashed(BOB)} and {DROPPED} again"


def test_a_transaction_hash_in_a_sentence_is_no_address() -> None:
    reason = f"in 0x{'a1' * 32}"
    document = masked(alert(reason=reason, entities=()), Mask(wallet="drop"))
    assert document["event"]["reason"] == reason


def test_texts_can_be_dropped_whole_or_kept(key: Secret) -> None:
    dropped = masked(alert(), Mask(wallet="drop", text="drop"))
    assert "reason" not in dropped["event"]
    assert "message" not in dropped
    kept = masked(alert(), Mask(wallet="drop", text="keep"))
    assert kept["event"]["reason"] == alert().reason


def test_what_a_contract_logged_goes_with_the_wallets() -> None:
    logged = fields()["blockchain.log.topics"].records
    record = next(one for one in record_classes() if str(struct_type(one).tag) in logged)
    values = _planted(record, _words())
    assert "topics" not in masked(record(**values), Mask(wallet="drop"))["blockchain"]["log"]
    assert masked(record(**values), Mask(identity="drop"))["blockchain"]["log"]["topics"]


def test_a_single_field_goes_before_its_class(key: Secret) -> None:
    fields_ = dict[str, MaskAction]({"source.address": "keep", "token.amount_raw": "drop"})
    document = masked(transfer(), Mask(key=key, wallet="hash", fields=fields_))

    assert document["source"]["address"] == ALICE
    assert document["destination"]["address"] == hashed(BOB)
    assert "amount_raw" not in document["token"]


def test_a_list_can_be_left_out_or_left_alone(key: Secret) -> None:
    gone = masked(transfer(), Mask(key=key, wallet="hash", fields={"related.user": "drop"}))
    assert "user" not in gone["related"]
    kept = masked(transfer(), Mask(key=key, wallet="hash", fields={"related.user": "keep"}))
    assert kept["related"]["user"] == (ALICE, BOB, TOKEN, PERSON)


def test_a_hash_needs_a_key_that_nobody_guesses(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="needs a `key`"):
        Masker(Mask(wallet="hash"))
    short = tmp_path / "key"
    short.write_text("short")
    short.chmod(0o600)
    with pytest.raises(MaskError, match="16 bytes"):
        Masker(Mask(wallet="hash", key=Secret(f"${{file:{short}}}")))
    short.unlink()
    with pytest.raises(MaskError, match=r"mask\.key"):
        Masker(Mask(wallet="hash", key=Secret(f"${{file:{short}}}")))


def test_the_mark_of_an_update_tells_no_more_than_the_update(key: Secret) -> None:
    update = AlertUpdate(
        id="u",
        timestamp=START,
        provider="chain",
        reason=f"the transfer of {ALICE} did not happen",
        message="m",
        alert_id="alert-1",
        status="retracted",
        rule_id="r",
        rule_name="n",
        level="high",
        typology="t",
        related_user=(ALICE,),
    )
    message = StreamMessage(1, 0, "", msgspec.json.encode(update), None)
    cache = DocumentCache()
    masker = Masker(Mask(key=key, wallet="hash"))
    (hidden,) = cache.documents("alerts", message, masker)
    (open_one,) = cache.documents("alerts", message)

    assert ALICE.encode() not in msgspec.json.encode(hidden)
    assert ALICE.encode() in open_one.body, "each sink has its own documents, from one cache"


def _words() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"planted{number}person"


def _planted(record: type[msgspec.Struct], words: Iterator[str]) -> dict[str, Any]:
    """Values of a record whose personal texts are each another word."""
    known, values = fields(), dict[str, Any]()
    for field in msgspec.structs.fields(record):
        info = known[field.encode_name]
        if info.personal is not None and info.type == "str":
            value: Any = next(words)
        elif not field.required:
            continue
        else:
            value = {"str": "x", "int": 1, "float": 1.0, "bool": True, "map": {}}[info.type]
            if info.choices:
                value = info.choices[0]
        values[field.name] = (value,) if struct_type(record).tag in info.lists else value
    return values


@pytest.mark.parametrize("record", record_classes(), ids=lambda one: str(struct_type(one).tag))
@pytest.mark.parametrize("action", ["drop", "hash"])
def test_no_byte_of_a_person_is_left_in_any_record(
    record: type[msgspec.Struct], action: MaskAction, key: Secret
) -> None:
    values = _planted(record, _words())
    texts = {
        field.name
        for field in msgspec.structs.fields(record)
        if fields()[field.encode_name].personal == "text"
    }
    named = [one for name, value in values.items() if name not in texts for one in _items(value)]
    values |= dict.fromkeys(texts, f"{' '.join(map(str, named))}.")
    mask = Mask(
        key=key, identity=action, wallet=action, account=action, attribute=action, staff=action
    )

    assert "planted" in json.dumps(nest(record(**values)))  # type: ignore[arg-type]
    assert "planted" not in json.dumps(masked(record(**values), mask))


def _items(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


@given(
    st.lists(
        st.sampled_from([ALICE, BOB, "desk-7", "desk-71", PERSON, "7", "ä", "a b"]), max_size=8
    ),
    st.text(max_size=20),
)
def test_a_sentence_of_names_keeps_none_of_them(named: list[str], between: str) -> None:
    """Whatever stands between them, and where one name is the beginning of another."""
    reason = f" {between} ".join(named)
    found = alert(entities=tuple(named), related_user=(), reason=reason, message="m")
    strict = Mask(identity="drop", wallet="drop", account="drop")
    words = masked(found, strict)["event"]["reason"].split()
    assert not {one for one in named if " " not in one} & set(words) - set(between.split())


@pytest.mark.parametrize("action", ["hash", "drop"])
def test_other_chains_addresses_and_clusters_in_a_sentence_are_masked_though_no_field_has_them(
    key: Secret, action: MaskAction
) -> None:
    signature = "5j7s6NiJS3JAkvgkoc18WVAsiSaci2pxB2A6ueCJP4tp" + "rA2TFg9wSyTLeYouxPBJEMzJinEN" * 2
    said = f"{SOLANA} of {CLUSTER} sold, see {signature} and 0x{'e' * 64}."
    document = nest(alert(reason=said))
    Masker(Mask(key=key, identity=action, wallet=action)).mask(document)
    reason = document["event"]["reason"]
    assert SOLANA not in reason
    assert CLUSTER not in reason
    assert signature in reason, "a transaction's name stays, as that of an EVM chain does"
    assert "0x" + "e" * 64 in reason
    if action == "hash":
        assert hashed(SOLANA) in reason
        assert hashed(CLUSTER) in reason
