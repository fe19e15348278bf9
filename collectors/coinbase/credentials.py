"""Coinbase's API key: signs the subscribe and REST requests.

Source: https://docs.cdp.coinbase.com/exchange/websocket-feed/authentication and
https://docs.cdp.coinbase.com/exchange/rest-api/authentication. A signature is the base64 of the
HMAC-SHA256 of ``timestamp + method + path + body`` under the base64-decoded secret.
"""

import base64
import binascii
import hashlib
import hmac
import time

from collectors.connection import EndpointFault, SourceMisconfigured
from pipeline.config.sources import CoinbaseSource
from pipeline.secrets import Secret, SecretError

_SUBSCRIBE_PATH = "/users/self/verify"


class Credentials:
    """The key of a source. Values are fetched anew for each signature, so a rotated one works."""

    def __init__(self, source: str, key: Secret, secret: Secret, passphrase: Secret) -> None:
        self._source = source
        self._key = key
        self._secret = secret
        self._passphrase = passphrase

    def for_subscribe(self) -> dict[str, str]:
        """Fields that sign a subscribe message, valid for 30 s.

        Raises EndpointFault when a secret can't be had now, SourceMisconfigured when it is none.
        """
        key, passphrase, timestamp, signature = self._sign("GET", _SUBSCRIBE_PATH)
        return {
            "key": key,
            "passphrase": passphrase,
            "timestamp": timestamp,
            "signature": signature,
        }

    def for_get(self, path: str) -> dict[str, str]:
        """Headers that sign a GET of ``path``, its query included. Raises as for_subscribe."""
        key, passphrase, timestamp, signature = self._sign("GET", path)
        return {
            "CB-ACCESS-KEY": key,
            "CB-ACCESS-PASSPHRASE": passphrase,
            "CB-ACCESS-TIMESTAMP": timestamp,
            "CB-ACCESS-SIGN": signature,
        }

    def _sign(self, method: str, path: str) -> tuple[str, str, str, str]:
        try:
            key, passphrase = self._key.reveal(), self._passphrase.reveal()
            secret = self._secret.reveal()
        except SecretError as error:
            raise EndpointFault(str(error)) from None
        try:
            decoded = base64.b64decode(secret, validate=True)
        except (binascii.Error, ValueError):
            raise SourceMisconfigured(
                f"source {self._source}: api_secret must be the base64 text that Coinbase gave out"
            ) from None
        timestamp = f"{time.time():.3f}"
        message = (timestamp + method + path).encode()
        digest = hmac.new(decoded, message, hashlib.sha256).digest()
        return key, passphrase, timestamp, base64.b64encode(digest).decode()


def credentials_of(config: CoinbaseSource) -> Credentials | None:
    """The source's key; None where it has none. Raises SourceMisconfigured for half a key."""
    parts = {
        "api_key": config.api_key,
        "api_secret": config.api_secret,
        "passphrase": config.passphrase,
    }
    missing = [name for name, value in parts.items() if value is None]
    if config.api_key is None or config.api_secret is None or config.passphrase is None:
        if len(missing) == len(parts):
            return None
        raise SourceMisconfigured(
            f"source {config.name}: {' and '.join(missing)} missing: "
            f"give api_key, api_secret and passphrase, or none of them"
        )
    return Credentials(config.name, config.api_key, config.api_secret, config.passphrase)
