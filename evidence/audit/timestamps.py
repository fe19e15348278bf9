"""Timestamps by an authority of RFC 3161: that a checkpoint was there at a time.

The authority signs the SHA-256 of the signed note, and its time. `cryptography`'s X.509 checks its
certificate up to a root that whoever verifies must name.
"""

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from cryptography import x509

from evidence.audit.anchors import AnchorFailed, Timestamp, need
from pipeline.units import KIB

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_MOST_REPLY = 64 * KIB
_SHA256 = "2.16.840.1.101.3.4.2.1"


class TimestampWrong(Exception):
    """A timestamp that doesn't say what it should: why."""


def ask(url: str, note: str, *, timeout: float, http: httpx.Client | None = None) -> Timestamp:
    """Have a note stamped. `timeout` in seconds.

    What comes back is held against the question (RFC 3161, 2.4.2: status, nonce, imprint); by whom
    it is signed is for `check`. Raises AnchorFailed, which says no more of the URL
    than its host: keys are in it.
    """
    need("rfc3161_client")
    from rfc3161_client import TimestampRequestBuilder
    from rfc3161_client.base import HashAlgorithm

    request = (
        TimestampRequestBuilder().data(note.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
    )
    content = _post(url, request.as_bytes(), timeout, http or httpx.Client())
    try:
        found = _opened(content)
        _check_imprint(found, note)
    except TimestampWrong as error:
        raise AnchorFailed(f"{httpx.URL(url).host}: {error}") from None
    if found.tst_info.nonce != request.nonce:
        raise AnchorFailed(
            f"{httpx.URL(url).host}: the answer is to another question (its nonce is another)"
        )
    return Timestamp(note=note, url=url, response=content)


def _post(url: str, content: bytes, timeout: float, http: httpx.Client) -> bytes:
    headers = {"Content-Type": _QUERY, "Accept": _REPLY}
    host = httpx.URL(url).host
    until = time.monotonic() + timeout
    try:
        with http.stream("POST", url, content=content, headers=headers, timeout=timeout) as answer:
            if answer.status_code != 200:
                raise AnchorFailed(f"{host} answered with HTTP {answer.status_code}")
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            if kind != _REPLY:
                raise AnchorFailed(f"{host} answered with {kind[:80] or 'nothing'}, not {_REPLY}")
            found = b""
            for part in answer.iter_bytes():
                found += part
                if len(found) > _MOST_REPLY:
                    raise AnchorFailed(f"{host} answered with more than {_MOST_REPLY} bytes")
                if time.monotonic() > until:
                    raise AnchorFailed(f"{host}: no whole answer in {timeout:g} s")
            return found
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise AnchorFailed(f"{host}: {type(error).__name__}: {error}") from None


def authorities(paths: Sequence[Path]) -> list[x509.Certificate]:
    """The certificates in files of PEM. Raises AnchorFailed."""
    found: list[x509.Certificate] = []
    for path in paths:
        try:
            found += x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError) as error:
            raise AnchorFailed(f"{path} holds no certificates: {error}") from None
    return found


def stamped_at(stamp: Timestamp) -> datetime:
    """The time that it says, whoever has signed it. Raises TimestampWrong unless it is of its
    note."""
    found = _opened(stamp.response)
    _check_imprint(found, stamp.note)
    return found.tst_info.gen_time


def check(stamp: Timestamp, trusted: Sequence[x509.Certificate]) -> datetime:
    """When its note was there, by an authority under a root that is trusted.

    Of `trusted`, self-signed ones are roots, and others may stand between. Raises TimestampWrong.
    """
    from rfc3161_client import VerificationError, VerifierBuilder

    when = stamped_at(stamp)
    builder = VerifierBuilder()
    for certificate in trusted:
        if certificate.issuer == certificate.subject:
            builder = builder.add_root_certificate(certificate)
        else:
            builder = builder.add_intermediate_certificate(certificate)
    try:
        builder.build().verify_message(_opened(stamp.response), stamp.note.encode())
    except (VerificationError, ValueError) as error:
        raise TimestampWrong(f"it is not signed by an authority that you trust: {error}") from None
    return when


def _opened(content: bytes) -> "TimeStampResponse":
    need("rfc3161_client")
    from rfc3161_client import decode_timestamp_response

    try:
        found = decode_timestamp_response(content)
    except ValueError as error:
        raise TimestampWrong(f"the answer is none of RFC 3161: {error}") from None
    if found.status != 0:
        why = ", ".join(found.status_string) or f"status {found.status}"
        raise TimestampWrong(f"it was refused: {why[:200]}")
    return found


def _check_imprint(found: "TimeStampResponse", note: str) -> None:
    imprint = found.tst_info.message_imprint
    if imprint.hash_algorithm.dotted_string != _SHA256:
        raise TimestampWrong("its hash is not SHA-256")
    if imprint.message != hashlib.sha256(note.encode()).digest():
        raise TimestampWrong("it is of something else")
