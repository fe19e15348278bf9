"""Coinbase's signed subscribe: who may read what.

Source: https://docs.cdp.coinbase.com/exchange/websocket-feed/authentication. The signature is the
base64 HMAC-SHA256 of `timestamp + "GET" + "/users/self/verify"` under the base64-decoded secret;
the timestamp is seconds since the epoch and must lie within 30 seconds of the server's time.
"""

import base64
import binascii
import hashlib
import hmac
import math
import secrets
from collections.abc import Iterable

import msgspec

from demo.venue.clock import NANOSECONDS, Clock

SIGNED_REQUEST = "GET/users/self/verify"
TOLERANCE_SECONDS = 30.0


class AuthenticationError(Exception):
    """The signed subscribe does not hold; the message is what the client is told."""


class Credential(msgspec.Struct, frozen=True):
    """An API key. `secret` is base64. An operator's key sees every user's private fields."""

    key: str
    passphrase: str
    secret: str
    operator: bool = False

    def __repr__(self) -> str:
        return f"Credential(key={self.key!r}, operator={self.operator})"


def new_credential(*, operator: bool = False) -> Credential:
    """A fresh random key, for one run of the venue."""
    return Credential(
        key=secrets.token_hex(16),
        passphrase=secrets.token_urlsafe(12),
        secret=base64.b64encode(secrets.token_bytes(64)).decode(),
        operator=operator,
    )


def sign(secret: str, timestamp: str) -> str:
    """CB-ACCESS-SIGN for a WebSocket subscribe; raises ValueError if the secret is no base64."""
    try:
        key = base64.b64decode(secret, validate=True)
    except binascii.Error:
        raise ValueError("the API secret must be base64") from None
    digest = hmac.new(key, (timestamp + SIGNED_REQUEST).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class KeyRing:
    """The keys that this venue knows."""

    def __init__(self, credentials: Iterable[Credential], clock: Clock) -> None:
        self._by_key = {credential.key: credential for credential in credentials}
        self._clock = clock

    def verify(self, key: str, passphrase: str, timestamp: str, signature: str) -> Credential:
        """The credential behind a signed subscribe; raises AuthenticationError."""
        credential = self._by_key.get(key)
        if credential is None:
            raise AuthenticationError("Invalid API Key")
        try:
            seconds = float(timestamp)
        except ValueError:
            seconds = math.nan
        # written so that a NaN fails
        if not abs(seconds - self._clock() / NANOSECONDS) <= TOLERANCE_SECONDS:
            raise AuthenticationError("request timestamp expired")
        expected = sign(credential.secret, timestamp)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise AuthenticationError("invalid signature")
        if not hmac.compare_digest(credential.passphrase.encode(), passphrase.encode()):
            raise AuthenticationError("invalid passphrase")
        return credential
