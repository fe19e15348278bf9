"""Checks an export of Tapewatch's audit log. It needs Python 3.9 or newer, and nothing else.

    python3 check.py [FOLDER] [--key KEY]

FOLDER holds what was exported: `entries.ndjson`, one entry per line, `proofs/`, a proof for each in
the form c2sp.org/tlog-proof, and `manifest.json`. KEY is the log's public key, or a file with it,
which you should have from elsewhere; without it the one in the manifest is taken, and you are told.

What is shown: each entry was in the log, at its place, when a checkpoint was signed by the owner of
the key; and the entries are those that the manifest lists, none more, none less, none changed.
Whoever made the export could have changed this file as well: take it from Tapewatch's own source.
Ed25519 is RFC 8032, section 5.1; Merkle proofs are RFC 9162, section 2.1.3.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Point = tuple[int, int, int, int]
Key = tuple[str, bytes, bytes]
#: Size and root, by signed note.
Checkpoints = dict[str, tuple[int, bytes]]

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
#: Files that are named, of those that are not what they should be.
_MOST_TOLD = 20


class Wrong(Exception):
    """What doesn't hold, in words."""


# -- Ed25519 ---------------------------------------------------------------------------------------


def _x_of(y: int, odd: int) -> int:
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if (x * x - square) % _P or (x == 0 and odd):
        raise Wrong("a point is not on the curve")
    return _P - x if (x & 1) != odd else x


def _point(data: bytes) -> Point:
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    if y >= _P:
        raise Wrong("a point is not on the curve")
    x = _x_of(y, number >> 255)
    return (x, y, 1, x * y % _P)


def _add(a: Point, b: Point) -> Point:
    p = (a[1] - a[0]) * (b[1] - b[0]) % _P
    q = (a[1] + a[0]) * (b[1] + b[0]) % _P
    r = 2 * a[3] * b[3] * _D % _P
    s = 2 * a[2] * b[2] % _P
    e, f, g, h = q - p, s - r, s + r, q + p
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(number: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = _add(result, point)
        point = _add(point, point)
        number >>= 1
    return result


_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE: Point = (_x_of(_BASE_Y, 0), _BASE_Y, 1, _x_of(_BASE_Y, 0) * _BASE_Y % _P)


def check_signature(public: bytes, signature: bytes, message: bytes) -> None:
    """Raises Wrong unless the signature is right."""
    if len(public) != 32 or len(signature) != 64:
        raise Wrong("a key or a signature has the wrong length")
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= _L:
        raise Wrong("the signature is not right")
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % _L
    left = _times(scalar, _BASE)
    right = _add(_point(signature[:32]), _times(challenge, _point(public)))
    if (left[0] * right[2] - right[0] * left[2]) % _P or (
        left[1] * right[2] - right[1] * left[2]
    ) % _P:
        raise Wrong("the signature is not right")


# -- notes and proofs ------------------------------------------------------------------------------


def read_key(text: str) -> Key:
    """Name, identity and public key of NAME+ID+KEY."""
    try:
        name, identity, encoded = text.strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise Wrong("the key has not the form NAME+ID+KEY") from None
    found = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if raw[:1] != b"\x01" or found.hex() != identity:
        raise Wrong("the key is none, or is not that of its name")
    return name, found, raw[1:]


def open_checkpoint(note: str, key: Key) -> tuple[int, bytes]:
    """Size and root of a checkpoint that the key has signed."""
    name, identity, public = key
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    for line in signatures.split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014" or parts[1] != name:
            continue
        signature = base64.b64decode(parts[2], validate=True)
        if signature[:4] == identity:
            check_signature(public, signature[4:], text.encode())
            origin, size, root = text.split("\n")[:3]
            if origin != name:
                raise Wrong("the checkpoint is of another log")
            return int(size), base64.b64decode(root, validate=True)
    raise Wrong(f"the checkpoint is not signed by {name}")


def check_proof(proof: str, line: bytes, key: Key, known: Checkpoints) -> int:
    """Index of the entry, once it is shown to be in the log. ``known``: checkpoints seen before."""
    head, _, note = proof.partition("\n\n")
    lines = [one for one in head.split("\n") if not one.startswith("extra ")]
    if lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("index "):
        raise Wrong("a proof has not the form c2sp.org/tlog-proof@v1")
    index = int(lines[1][len("index ") :])
    if note not in known:
        known[note] = open_checkpoint(note, key)
    size, root = known[note]
    if not 0 <= index < size:
        raise Wrong(f"entry {index} is not in a log of {size}")
    found = hashlib.sha256(b"\x00" + line).digest()
    place, last = index, size - 1
    for text in lines[2:]:
        one = base64.b64decode(text, validate=True)
        if not last or len(one) != 32:
            raise Wrong(f"the proof of entry {index} is wrong")
        if place & 1 or place == last:
            found = hashlib.sha256(b"\x01" + one + found).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + one).digest()
        place, last = place >> 1, last >> 1
    if last or found != root:
        raise Wrong(f"entry {index} is not what was signed")
    return index


# -- the export ------------------------------------------------------------------------------------


def check_files(folder: Path, listed: dict[str, str]) -> None:
    """Raises Wrong unless the files are those of the manifest, none more, none less."""
    for name in listed:
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise Wrong(f"the manifest names a file outside of the export: {name}")
    there: set[str] = set()
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise Wrong(f"{name} is neither a file nor a folder")
        if path.is_file():
            there.add(name)
    there.discard("manifest.json")
    found = [f"{name} is not in the manifest" for name in sorted(there - set(listed))]
    found += [f"{name} is gone" for name in sorted(set(listed) - there)]
    found += [
        f"{name} is not the file that the manifest lists"
        for name, digest in sorted(listed.items())
        if name in there and hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest
    ]
    if found:
        more = len(found) - _MOST_TOLD
        raise Wrong("; ".join(found[:_MOST_TOLD]) + (f"; and {more} more" if more > 0 else ""))


def read_manifest(path: Path) -> dict[str, Any]:
    """What a manifest says. Raises Wrong where it is none."""
    try:
        manifest: Any = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise Wrong(f"manifest.json is no JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise Wrong("manifest.json is none of an export")
    says = {"entries": list, "files": dict, "key": str, "origin": str, "size": int}
    for name, kind in says.items():
        if not isinstance(manifest.get(name), kind):  # pyright: ignore[reportUnknownArgumentType]
            raise Wrong(f"manifest.json doesn't say {name} as an export does")
    return manifest  # pyright: ignore[reportUnknownVariableType]


def check(folder: Path, given: str | None) -> Iterator[str]:
    """Lines that say what was shown. Raises Wrong."""
    manifest = read_manifest(folder / "manifest.json")
    key = read_key(given or manifest["key"])
    check_files(folder, manifest["files"])
    known: Checkpoints = {}
    lines = (folder / "entries.ndjson").read_bytes().splitlines()
    if not lines:
        raise Wrong("there is no entry in it, so nothing that anybody has signed")
    shown: list[int] = []
    for line in lines:
        number: int = json.loads(line)["number"]
        path = folder / "proofs" / f"{number}.tlog-proof"
        if check_proof(path.read_text("utf-8"), line, key, known) != number:
            raise Wrong(f"the proof of entry {number} is of another one")
        if shown and number <= shown[-1]:
            what = "is there twice" if number in shown else f"comes after entry {shown[-1]}"
            raise Wrong(f"entry {number} {what}")
        shown.append(number)
    if shown != manifest["entries"]:
        raise Wrong("the entries are not those that the manifest lists")
    if len(known) > 1:
        raise Wrong("the proofs are of different checkpoints")
    ((note, (size, root)),) = known.items()
    if (manifest["origin"], manifest["size"]) != (key[0], size):
        raise Wrong(
            f"the manifest tells of {manifest['origin']} with {manifest['size']} entries, "
            f"and signed was {key[0]} with {size}"
        )
    if (folder / "checkpoint").read_bytes() != note.encode():
        raise Wrong("the file checkpoint is not the one that the proofs are of")
    yield f"signed by {key[0]}, when the log had {size} entries: root {root.hex()}"
    yield f"{len(shown)} entries, each shown to be in the log, unchanged, at its place"
    if manifest.get("complete"):
        first, end = manifest["complete"]
        if len(shown) != end - first or shown != list(range(first, end)):
            raise Wrong(f"entries from {first} to {end - 1} are not all there")
        yield f"nothing between entries {first} and {end - 1} is left out"
    if not given:
        yield "the key is the one in the export: compare it with the one that you know,"
        yield f"  {manifest['key']}"


# From here on as in evidence/investigation/check_timeline.py, and on purpose: who checks has one
# file to read, which asks for nothing of ours.


def given_key(text: str) -> str:
    """A public key as it was given: itself, or a file with it. Raises Wrong."""
    path = Path(text)
    try:
        return path.read_text("utf-8").strip() if path.is_file() else text
    except (OSError, ValueError):
        raise Wrong(f"the key can't be read from {text}") from None


def in_words(error: Exception) -> str:
    """What doesn't hold, or what stood in the way of seeing that."""
    if type(error).__name__ == "Wrong":
        return str(error)
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is gone"
    if isinstance(error, json.JSONDecodeError):
        return f"what should be JSON is none: {error}"
    return f"{type(error).__name__}: {error}"


def _printable(text: str) -> str:
    """Without what tells a terminal to do something: much of it is the exporter's own words."""
    return "".join(one if one.isprintable() else "?" for one in text)


def main(arguments: list[str]) -> int:
    """Entry point; the exit code."""
    try:
        code = _answer(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has seen enough; what is shown is not all
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _answer(arguments: list[str]) -> int:
    given: str | None = None
    rest: list[str] = []
    while arguments:
        one = arguments.pop(0)
        if one == "--key" and arguments:
            given = arguments.pop(0)
        elif one.startswith("-"):
            print(__doc__)
            return 0 if one in ("-h", "--help") else 2
        else:
            rest.append(one)
    folder = Path(rest[0]) if rest else Path(__file__).resolve().parent
    try:
        for line in check(folder, given if given is None else given_key(given)):
            print(_printable(line))
    except BrokenPipeError:
        raise
    except Exception as error:  # whatever a forger has put there
        print(_printable(f"NOT SHOWN: {in_words(error)}"))
        return 1
    print("GOOD")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
