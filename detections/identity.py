"""Identities that are the same whenever the facts are the same."""

import hashlib
from collections.abc import Iterable

Part = str | Iterable[str]


def fingerprint(parts: Iterable[Part]) -> str:
    """SHA-256 over the parts, hexadecimal.

    Every text goes in with its length before it, every list with its number of texts, so that no
    two different sequences of parts are the same bytes.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(b"t" + _with_length(part))
        else:
            texts = list(part)
            digest.update(b"l" + len(texts).to_bytes(8, "big"))
            for text in texts:
                digest.update(_with_length(text))
    return digest.hexdigest()


def _with_length(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "big") + data
