"""Signed notes: those of others are understood, and what isn't signed is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.audit import check_export
from evidence.audit.merkle import EMPTY_ROOT
from evidence.audit.notes import (
    Checkpoint,
    NoteWrong,
    Proof,
    SigningKey,
    VerifyingKey,
    open_checkpoint,
    open_note,
    read_checkpoint,
    read_proof,
)

#: The example of golang.org/x/mod/sumdb/note, which C2SP's specification comes from.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)
KEY = SigningKey.new("example.com/audit")


def test_a_note_that_another_program_has_signed_is_understood() -> None:
    key = VerifyingKey.parse(NEUMANN)
    assert str(key) == NEUMANN
    assert open_note(NOTE, key).startswith("If you think")


def test_keys_are_written_and_read_again() -> None:
    again = SigningKey.parse(KEY.reveal())
    assert str(again.verifying) == str(KEY.verifying)
    assert KEY.sign("x\n") == again.sign("x\n")


def test_a_checkpoint_is_opened_by_its_own_key_only() -> None:
    checkpoint = Checkpoint("example.com/audit", 7, EMPTY_ROOT)
    note = KEY.sign(checkpoint.text)
    assert open_checkpoint(note, KEY.verifying) == checkpoint
    with pytest.raises(NoteWrong, match="not signed by"):
        open_checkpoint(note, SigningKey.new("example.com/audit").verifying)
    with pytest.raises(NoteWrong, match="not signed by"):
        open_checkpoint(note, VerifyingKey.parse(NEUMANN))


def test_signatures_of_witnesses_may_stand_beside() -> None:
    note = KEY.sign("example.com/audit\n0\n" + "A" * 43 + "=\n")
    witness = SigningKey.new("witness").sign("something else\n").rpartition("\n\n")[2]
    assert open_note(note + witness, KEY.verifying)


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\r", "\x1c", "\x1d", "\x1e", "\x85", "\u2028"])
def test_lines_end_as_they_were_signed_and_by_nothing_else(end: str) -> None:
    """Python knows ten ways to end a line."""
    note = KEY.sign(Checkpoint("example.com/audit", 123, EMPTY_ROOT).text)
    with pytest.raises(NoteWrong):
        open_checkpoint(note[:-1] + end, KEY.verifying)
    with pytest.raises(ValueError, match=r"data|digit|ASCII"):
        check_export.open_checkpoint(note[:-1] + end, check_export.read_key(str(KEY.verifying)))


@given(st.data())
def test_any_other_byte_is_refused(data: st.DataObject) -> None:
    note = KEY.sign(Checkpoint("example.com/audit", 123, EMPTY_ROOT).text)
    place = data.draw(st.integers(0, len(note) - 1))
    other = data.draw(st.characters(max_codepoint=127).filter(lambda one: one != note[place]))
    with pytest.raises(NoteWrong):
        open_checkpoint(note[:place] + other + note[place + 1 :], KEY.verifying)


@given(st.text())
def test_any_text_is_refused_in_words(text: str) -> None:
    for read in (
        lambda: open_checkpoint(text, KEY.verifying),
        lambda: read_checkpoint(text),
        lambda: read_proof(text),
        lambda: VerifyingKey.parse(text),
        lambda: SigningKey.parse(text),
    ):
        with pytest.raises(NoteWrong):
            read()


def test_a_private_key_that_is_none_is_not_repeated_in_the_error() -> None:
    with pytest.raises(NoteWrong) as error:
        SigningKey.parse(KEY.reveal()[:-6] + "secret")
    assert "secret" not in str(error.value)


def test_a_proof_is_written_and_read_again() -> None:
    proof = Proof(5, (EMPTY_ROOT, b"\1" * 32), KEY.sign("example.com/audit\n9\nx\n"))
    assert read_proof(str(proof)) == proof
    extra = str(proof).replace("\nindex", "\nextra AAAA\nindex")
    assert read_proof(extra) == proof


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n"])
def test_names_that_a_note_could_not_hold(name: str) -> None:
    with pytest.raises(NoteWrong, match="no name of a log"):
        SigningKey.new(name)
