"""Anchors: what somebody else has seen of the log, by OpenSSL's timestamps and on a real chain."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from demo.chain.anvil import Anvil
from evidence.audit.anchor_checks import Word, words
from evidence.audit.anchors import AnchorFailed, Timestamp, Transaction, anchored, keep, kept
from evidence.audit.notes import SigningKey
from evidence.audit.store import AuditFolder, AuditLog, Signed
from evidence.audit.timestamps import TimestampWrong, ask, authorities, check
from evidence.audit.transactions import Node, TransactionWrong, find, send, wait
from evidence.audit.verify import verify
from pipeline.secrets import SecretText
from tests.cli.command_line import tapewatch
from tests.evidence.audit.test_log import KEY, happening
from tests.servers.timestamp_authority import TimestampAuthority

Start = Callable[..., Anvil]
#: An account that anvil has by default; its key is in everybody's documentation.
ANVIL_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


@pytest.fixture
def log(tmp_path: Path) -> tuple[AuditFolder, Signed]:
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        log.append([happening(n) for n in range(1, 20)])
        signed = log.sign()
    return log.folder, signed


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[TimestampAuthority]:
    (tmp_path / "authority").mkdir()
    with TimestampAuthority(tmp_path / "authority") as authority:
        yield authority


def grow(folder: AuditFolder, by: int = 10) -> None:
    with AuditLog(folder.path, KEY, sync=False) as log:
        log.append([happening(n) for n in range(log.size, log.size + by)])
        log.sign()


def found(
    folder: AuditFolder, authority: TimestampAuthority | None = None, node: Node | None = None
) -> list[Word]:
    trusted = authorities([authority.root]) if authority is not None else []
    return list(words(list(kept(folder, KEY.verifying)), trusted, node))


# -- timestamps ------------------------------------------------------------------------------------


def test_an_authority_stamps_a_checkpoint_and_openssl_agrees(
    log: tuple[AuditFolder, Signed], authority: TimestampAuthority
) -> None:
    folder, signed = log
    stamp = ask(authority.url, signed.note, timeout=10)
    keep(folder, stamp, signed.checkpoint.size)
    grow(folder)
    (word,) = found(folder, authority)
    assert word.state == "shown"
    assert word.message.startswith("the first 20 entries: there at 20")
    (authority.folder / "note").write_text(signed.note)
    (authority.folder / "stamp").write_bytes(stamp.response)
    command = ["openssl", "ts", "-verify", "-data", "note", "-in", "stamp", "-CAfile", "root.pem"]
    assert (
        b"Verification: OK"
        in subprocess.run(command, cwd=authority.folder, check=True, capture_output=True).stdout
    )


def test_without_a_root_that_is_trusted_a_stamp_is_only_what_somebody_says(
    log: tuple[AuditFolder, Signed], authority: TimestampAuthority, tmp_path: Path
) -> None:
    folder, signed = log
    keep(folder, ask(authority.url, signed.note, timeout=10), signed.checkpoint.size)
    (word,) = found(folder)
    assert word.state == "unchecked"
    (tmp_path / "other").mkdir()
    other = TimestampAuthority(tmp_path / "other")
    (word,) = found(folder, other)
    assert word.state == "wrong"
    assert "not signed by an authority that you trust" in word.message


def test_a_stamp_of_something_else_is_found(
    log: tuple[AuditFolder, Signed], authority: TimestampAuthority
) -> None:
    folder, signed = log
    stamp = ask(authority.url, signed.note, timeout=10)
    grow(folder)
    newer = folder.newest(KEY.verifying)
    assert newer is not None
    moved = Timestamp(note=newer.note, url=stamp.url, response=stamp.response)
    keep(folder, moved, newer.checkpoint.size)
    (word,) = found(folder, authority)
    assert (word.state, word.message) == ("wrong", "the first 30 entries: it is of something else")
    with pytest.raises(TimestampWrong, match="of something else"):
        check(moved, authorities([authority.root]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": 503}, "HTTP 503"),
        ({"content_type": "text/html"}, "answered with text/html, not application/timestamp"),
        ({"answer": b"no"}, "the answer is none of RFC 3161"),
        ({"answer": b"x" * 70_000}, "more than 65536 bytes"),
        ({"answer": bytes.fromhex("30053003020102")}, "it was refused: status 2"),
    ],
)
def test_an_authority_that_answers_otherwise(
    log: tuple[AuditFolder, Signed],
    authority: TimestampAuthority,
    change: dict[str, object],
    said: str,
) -> None:
    for name, value in change.items():
        setattr(authority, name, value)
    with pytest.raises(AnchorFailed, match=said):
        ask(authority.url, log[1].note, timeout=10)


def test_an_old_answer_is_none_to_this_question(
    log: tuple[AuditFolder, Signed], authority: TimestampAuthority
) -> None:
    authority.answer = ask(authority.url, log[1].note, timeout=10).response
    with pytest.raises(AnchorFailed, match="to another question"):
        ask(authority.url, log[1].note, timeout=10)


# -- the log against its anchors -------------------------------------------------------------------


def test_a_log_that_was_cut_or_written_anew_is_found_by_its_anchor(
    log: tuple[AuditFolder, Signed], authority: TimestampAuthority, tmp_path: Path
) -> None:
    folder, _ = log
    shutil.copytree(folder.path, tmp_path / "before")
    grow(folder)
    newest = folder.newest(KEY.verifying)
    assert newest is not None
    keep(folder, ask(authority.url, newest.note, timeout=10), newest.checkpoint.size)
    cut = AuditFolder(tmp_path / "before")
    shutil.copytree(folder.path / "anchors", cut.path / "anchors")
    anchors = anchored(list(kept(cut, KEY.verifying)))
    (problem,) = verify(cut, KEY.verifying, anchored=anchors).problems
    assert (problem.kind, problem.first, problem.end) == ("truncated", 20, 30)
    with AuditLog(cut.path, KEY, sync=False) as log_:
        log_.append([happening(n, who="mallory") for n in range(20, 30)])
        log_.sign()
    problems = verify(cut, KEY.verifying, anchored=anchors).problems
    assert [one.kind for one in problems] == ["forked"]
    assert "the anchor 000000000030-timestamp-1.json" in problems[0].message


def test_an_anchor_of_another_log_is_none(log: tuple[AuditFolder, Signed]) -> None:
    folder, _ = log
    other = SigningKey.new("example.com/other")
    keep(folder, Transaction(note=other.sign("example.com/other\n0\n"), chain_id=1, hash="0x"), 0)
    (folder.path / "anchors" / "junk.json").write_text("{")
    assert [word.state for word in found(folder)] == ["wrong", "wrong"]


# -- on a chain ------------------------------------------------------------------------------------


@pytest.mark.chain
def test_a_node_signs_and_the_whole_note_is_on_the_chain(
    log: tuple[AuditFolder, Signed], start_anvil: Start
) -> None:
    folder, signed = log
    node = Node(start_anvil().http_url, timeout=10)
    sent = send(node, signed.note, sender=None, key=None)
    assert wait(node, sent, most=20).block == 1
    keep(folder, sent, signed.checkpoint.size)
    (word,) = found(folder, node=node)
    assert word.state == "shown"
    assert f"in transaction {sent.hash}" in word.message
    (word,) = found(folder)
    assert word.state == "unchecked"


SIGN = """\
import sys
from evidence.audit.transactions import Node, send
from pipeline.secrets import SecretText
limit = sys.getrecursionlimit()
send(Node(sys.argv[1], timeout=10), "note", sender=None, key=SecretText("${env:ANCHOR_KEY}"))
assert "py_ecc" in sys.modules, "it is what raises the limit"
assert sys.getrecursionlimit() == limit
"""


@pytest.mark.chain
def test_what_signs_leaves_the_limit_of_recursion_as_it_is(start_anvil: Start) -> None:
    command = (sys.executable, "-c", SIGN, start_anvil().http_url)
    environment = os.environ | {"ANCHOR_KEY": ANVIL_KEY}
    signing = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert signing.returncode == 0, signing.stderr


@pytest.mark.chain
def test_a_key_of_ones_own_signs_and_what_fails_does_not_tell_it(
    log: tuple[AuditFolder, Signed], start_anvil: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, signed = log
    node = Node(start_anvil().http_url, timeout=10)
    monkeypatch.setenv("ANCHOR_KEY", ANVIL_KEY)
    sent = send(node, signed.note, sender=None, key=SecretText("${env:ANCHOR_KEY}"))
    mined = wait(node, sent, most=20)
    assert mined.confirmations == 1
    monkeypatch.setenv("ANCHOR_KEY", "0x" + "f" * 64)
    with pytest.raises(AnchorFailed) as failed:
        send(node, signed.note, sender=None, key=SecretText("${env:ANCHOR_KEY}"))
    assert "fff" not in str(failed.value)


@pytest.mark.chain
def test_a_transaction_that_is_another_one_or_gone(
    log: tuple[AuditFolder, Signed], start_anvil: Start
) -> None:
    folder, signed = log
    anvil = start_anvil()
    node = Node(anvil.http_url, timeout=10)
    sent = send(node, signed.note, sender=None, key=None)
    wait(node, sent, most=20)
    grow(folder)
    newest = folder.newest(KEY.verifying)
    assert newest is not None
    lie = Transaction(note=newest.note, chain_id=sent.chain_id, hash=sent.hash)
    with pytest.raises(TransactionWrong, match="its data are not the checkpoint"):
        find(node, lie)
    gone = Transaction(note=signed.note, chain_id=sent.chain_id, hash="0x" + "0" * 64)
    with pytest.raises(TransactionWrong, match="the chain doesn't have it"):
        find(node, gone)
    elsewhere = Transaction(note=signed.note, chain_id=5, hash=sent.hash)
    with pytest.raises(TransactionWrong, match="it is on chain 5, and the node's is"):
        find(node, elsewhere)


@pytest.mark.chain
def test_it_waits_for_a_block_only_so_long(
    log: tuple[AuditFolder, Signed], start_anvil: Start
) -> None:
    node = Node(start_anvil(mining="manual").http_url, timeout=10)
    sent = send(node, log[1].note, sender=None, key=None)
    with pytest.raises(AnchorFailed, match=r"it is in no block yet, after 0\.2 s"):
        wait(node, sent, most=0.2)


# -- by the command --------------------------------------------------------------------------------


@pytest.mark.chain
def test_by_the_command(
    log: tuple[AuditFolder, Signed],
    authority: TimestampAuthority,
    start_anvil: Start,
    tmp_path: Path,
) -> None:
    folder, _ = log
    url = start_anvil().http_url
    to = ["--timestamp", authority.url, "--chain", url]
    made = tapewatch("audit", "anchor", folder.path, *to, folder=tmp_path)
    assert made.code == 0, made
    assert "the first 20 entries were there at" in made.out
    assert "the first 20 entries are in block 1" in made.out
    checks = ["--authority", authority.root, "--chain", url]
    said = tapewatch("audit", "verify", folder.path, *checks, folder=tmp_path)
    assert said.code == 0, said
    assert said.out.count(": shown: the first 20 entries") == 2
    told = tapewatch("audit", "verify", folder.path, "--json", folder=tmp_path)
    assert [one["state"] for one in json.loads(told.out)["anchors"]] == ["unchecked"] * 2
    (folder.path / "anchors" / "junk.json").write_text("{")
    wrong = tapewatch("audit", "verify", folder.path, folder=tmp_path)
    assert wrong.code == 1
    assert "anchor junk.json: wrong: junk.json is no anchor of this log" in wrong.out


def test_what_the_command_wants(log: tuple[AuditFolder, Signed], tmp_path: Path) -> None:
    for more, said in (
        ((), "say where: --timestamp URL, --chain URL, or both"),
        (("--timestamp", "ftp://example.com"), "--timestamp: a URL of http or https is wanted"),
        (("--chain", "${env:NO_SUCH}"), "--chain: "),
        (("--timestamp", "http://x", "--from", "0x1"), "--from and --account-key are for --chain"),
    ):
        asked = tapewatch("audit", "anchor", log[0].path, *more, folder=tmp_path)
        assert (asked.code, said in asked.error) == (2, True), asked


# -- who answers badly -----------------------------------------------------------------------------


class _Drip(BaseHTTPRequestHandler):
    """Answers with a byte now and then, for as long as somebody reads."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.end_headers()
        with suppress(OSError):
            for _ in range(100):
                self.wfile.write(b" ")
                time.sleep(0.05)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def drip() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Drip) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}/v2/SECRET"
        server.shutdown()


def test_who_answers_slowly_for_ever_is_left_and_the_key_in_the_url_is_not_told(drip: str) -> None:
    begun = time.monotonic()
    with pytest.raises(AnchorFailed, match="no whole answer") as slow:
        ask(drip, "note", timeout=0.2)
    with pytest.raises(AnchorFailed, match="no whole answer"):
        Node(drip, timeout=0.2).chain_id()
    assert time.monotonic() - begun < 3
    assert "SECRET" not in str(slow.value)


def test_an_authority_that_is_away_is_named_without_the_key_in_its_url() -> None:
    with pytest.raises(AnchorFailed) as away:
        ask("http://user:SECRET@127.0.0.1:9/SECRET", "note", timeout=1)
    assert "SECRET" not in str(away.value)
    assert "127.0.0.1" in str(away.value)


def test_a_block_of_no_time_is_refused() -> None:
    answers = {
        "eth_chainId": "0x1",
        "eth_getTransactionByHash": {"input": "0x" + b"note".hex()},
        "eth_getTransactionReceipt": {"blockHash": "0x2", "blockNumber": "0x3"},
        "eth_getBlockByHash": {"hash": "0x2", "number": "0x3", "timestamp": "0x" + "f" * 16},
        "eth_blockNumber": "0x4",
    }

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"result": answers[json.loads(request.content)["method"]]})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    anchor = Transaction(note="note", chain_id=1, hash="0x5")
    with pytest.raises(AnchorFailed, match="the time of block 3"):
        find(Node("http://node", timeout=1, http=http), anchor)
