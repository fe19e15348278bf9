"""Signed notes and checkpoints in the forms of C2SP: signed-note, tlog-checkpoint, tlog-proof.

A checkpoint says, signed, how many entries a log has and what the root over them is:

    example.com/tapewatch
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/tapewatch Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/...
"""

import base64
import binascii
import re
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from evidence.audit.merkle import HASH_SIZE

#: The first bytes of a proof.
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
#: How a signature line begins.
_DASH = "\u2014 "
_ED25519 = 1
_KEY_ID = 4
_SEED = _PUBLIC = 32
_PRIVATE = "PRIVATE+KEY+"
_MOST_NOTE = 64 * 1024
#: A size or an index: no larger than a number of 64 bits.
_PLACE = re.compile(r"0|[1-9][0-9]{0,17}")


class NoteWrong(Exception):
    """A note, a checkpoint, a proof or a key that is none, or isn't signed by whom it should be."""


def check_name(name: str) -> str:
    """The name of a log and its key. Raises NoteWrong."""
    if not name or "+" in name or any(one.isspace() for one in name):
        raise NoteWrong(f"{name!r} is no name of a log: it has no space and no +")
    return name


class VerifyingKey:
    """A log's public key, such as ``example.com/tapewatch+530d903a+AayFXIs5...``."""

    def __init__(self, name: str, public: Ed25519PublicKey) -> None:
        self.name = check_name(name)
        self._public = public
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self._encoded = bytes([_ED25519]) + raw
        #: What a signature begins with, to be found by.
        self.id = sha256(name.encode() + b"\n" + self._encoded).digest()[:_KEY_ID]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(self._encoded).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifyingKey":
        """The key of a text as `str` gives it. Raises NoteWrong, without a private key."""
        if text.lstrip().startswith(_PRIVATE):
            raise NoteWrong(
                "this is the private key, with which the log is signed: it stays with the "
                "operator, and to verify takes the public one, which `tapewatch audit key` printed"
            )
        name, _, rest = text.strip().partition("+")
        identity, _, encoded = rest.partition("+")
        key = _unbase64(encoded, "the key")
        if len(key) != _PUBLIC + 1 or key[0] != _ED25519:
            raise NoteWrong("the key is none of Ed25519")
        found = cls(name, Ed25519PublicKey.from_public_bytes(key[1:]))
        if found.id.hex() != identity:
            raise NoteWrong(f"the key is not {name}'s: it says {identity}, not {found.id.hex()}")
        return found

    def check(self, signature: bytes, text: bytes) -> None:
        """Raises NoteWrong unless the signature is of this key and text."""
        try:
            self._public.verify(signature, text)
        except InvalidSignature:
            raise NoteWrong(f"the signature of {self.name} is not of this text") from None


class SigningKey:
    """A log's private key, as the text ``PRIVATE+KEY+name+id+seed``."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.verifying = VerifyingKey(name, private.public_key())

    @classmethod
    def new(cls, name: str) -> "SigningKey":
        """A new one, by the system's randomness."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """The key of a text as `reveal` gives it. Raises NoteWrong, without the text."""
        if not text.startswith(_PRIVATE):
            raise NoteWrong("the text is no private key")
        name, _, rest = text.strip().removeprefix(_PRIVATE).partition("+")
        identity, _, encoded = rest.partition("+")
        seed = _unbase64(encoded, "the private key")
        if len(seed) != _SEED + 1 or seed[0] != _ED25519:
            raise NoteWrong("the private key is none of Ed25519")
        found = cls(name, Ed25519PrivateKey.from_private_bytes(seed[1:]))
        if found.verifying.id.hex() != identity:
            raise NoteWrong("the private key does not belong to its name")
        return found

    def reveal(self) -> str:
        """The key as text, to be kept secret."""
        raw = self._private.private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
        encoded = base64.b64encode(bytes([_ED25519]) + raw).decode()
        return f"{_PRIVATE}{self.verifying.name}+{self.verifying.id.hex()}+{encoded}"

    def sign(self, text: str) -> str:
        """The signed note of a text, which ends with a line's end."""
        signature = self.verifying.id + self._private.sign(text.encode())
        return f"{text}\n{_DASH}{self.verifying.name} {base64.b64encode(signature).decode()}\n"


class Checkpoint(Struct, frozen=True):
    """What a log was at one time."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed of it."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class Proof(Struct, frozen=True):
    """That an entry is in a log, with all that it takes to check that."""

    index: int
    hashes: tuple[bytes, ...]
    #: The signed note of a checkpoint.
    note: str

    def __str__(self) -> str:
        lines = [PROOF_HEADER, f"index {self.index}"]
        lines += [base64.b64encode(one).decode() for one in self.hashes]
        return "\n".join(lines) + "\n\n" + self.note


def open_note(note: str, key: VerifyingKey) -> str:
    """The text of a note that this key has signed. Raises NoteWrong."""
    if len(note) > _MOST_NOTE:
        raise NoteWrong("the note is too long")
    text, separator, signatures = note.rpartition("\n\n")
    if not separator:
        raise NoteWrong("the note has no signature")
    text += "\n"
    for line in signatures.removesuffix("\n").split("\n"):
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not name or not encoded:
            raise NoteWrong(f"{line[:60]!r} is no line of a signature")
        if name != key.name:
            continue  # a witness's
        signature = _unbase64(encoded, "the signature")
        if signature[:_KEY_ID] == key.id:
            key.check(signature[_KEY_ID:], text.encode())
            return text
    raise NoteWrong(f"the note is not signed by {key.name}")


def open_checkpoint(note: str, key: VerifyingKey) -> Checkpoint:
    """The checkpoint in a note. Raises NoteWrong unless the key's log has signed it."""
    found = read_checkpoint(open_note(note, key))
    if found.origin != key.name:
        raise NoteWrong(f"the checkpoint is of {found.origin}, not of {key.name}")
    return found


def read_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a text, whoever may have written it. Raises NoteWrong."""
    lines = text.split("\n")
    if len(lines) < 4 or not all(lines[:3]):
        raise NoteWrong("the checkpoint lacks its name, its size or its root")
    origin, size, root = lines[:3]
    if not _is_place(size):
        raise NoteWrong(f"{size[:40]!r} is no size of a log")
    found = _unbase64(root, "the root")
    if len(found) != HASH_SIZE:
        raise NoteWrong("the root is no SHA-256")
    return Checkpoint(origin, int(size), found)


def read_proof(text: str) -> Proof:
    """The proof in a text of the form tlog-proof. Raises NoteWrong."""
    head, separator, note = text.partition("\n\n")
    header, *lines = head.split("\n")
    if header != PROOF_HEADER or not separator:
        raise NoteWrong("the text is no proof of the form c2sp.org/tlog-proof@v1")
    lines = [line for line in lines if not line.startswith("extra ")]
    word, _, index = (lines or [""])[0].partition(" ")
    if word != "index" or not _is_place(index):
        raise NoteWrong(f"the proof does not say which entry it is of, but {index[:40]!r}")
    return Proof(int(index), _hashes(lines[1:]), note)


def _is_place(text: str) -> bool:
    """Whether it is a number that a log may have, in its one form."""
    return _PLACE.fullmatch(text) is not None


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    found = tuple(_unbase64(line, "a hash of the proof") for line in lines)
    if any(len(one) != HASH_SIZE for one in found):
        raise NoteWrong("a hash of the proof is no SHA-256")
    return found


def _unbase64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteWrong(f"{what} is no base64") from None
