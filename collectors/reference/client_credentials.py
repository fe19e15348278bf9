"""Access tokens by OAuth 2.0's client credentials (RFC 6749, 4.4), in the forms providers want."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from collectors.reference.http_api import HttpApi, HttpSettings, revealed
from collectors.reference.source import SourceFault
from pipeline.secrets import SecretText

#: A token is renewed so many seconds before it ends.
_MARGIN = 60.0
_DEFAULT_LIFE = 300.0


class _Token(Struct):
    access_token: str
    expires_in: float | None = None


class ClientCredentials:
    """Fetches an access token, keeps it while it lives, and fetches another when it is refused.

    ``style``: where id and secret stand: ``basic`` in the header (Jumio), ``form`` in a form
    (Fractal), ``json`` in a JSON body (Civic).
    """

    def __init__(
        self,
        url: SecretText,
        client_id: SecretText,
        client_secret: SecretText,
        *,
        settings: HttpSettings,
        style: Literal["basic", "form", "json"],
        more: Mapping[str, str] | None = None,
    ) -> None:
        self._id = client_id
        self._secret = client_secret
        self._style: Literal["basic", "form", "json"] = style
        self._form = {"grant_type": "client_credentials", **(more or {})}
        self._api = HttpApi(url, settings)
        self._token = ""
        self._ends = 0.0
        self._fresh = False

    async def headers(self, client: HttpApi) -> Mapping[str, str]:
        """``Authorization: Bearer …``. Raises SourceFault."""
        now = asyncio.get_running_loop().time()
        if not self._token or now >= self._ends:
            token = await self._fetch()
            life = token.expires_in if token.expires_in is not None else _DEFAULT_LIFE
            self._token = token.access_token
            self._ends = now + max(life - _MARGIN, life / 2)
            self._fresh = True
        else:
            self._fresh = False
        return {"Authorization": f"Bearer {self._token}"}

    def refused(self) -> bool:
        """Forget the token. Another one is worth trying unless this one was new."""
        self._token = ""
        return not self._fresh

    async def close(self) -> None:
        """Close its connections."""
        await self._api.close()

    async def _fetch(self) -> _Token:
        client_id = revealed(self._id, "client_id")
        client_secret = revealed(self._secret, "client_secret")
        try:
            match self._style:
                case "basic":
                    login = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
                    headers = {"Authorization": f"Basic {login}"}
                    return await self._api.post_form("", _Token, self._form, headers)
                case "form":
                    form = {**self._form, "client_id": client_id, "client_secret": client_secret}
                    return await self._api.post_form("", _Token, form, {})
                case "json":
                    body = {**self._form, "client_id": client_id, "client_secret": client_secret}
                    return await self._api.post("", _Token, body)
        except SourceFault as fault:
            raise SourceFault(f"no access token: {fault}") from None
