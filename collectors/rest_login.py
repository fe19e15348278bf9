"""One answer of a venue's REST interface, for a token that opens its feed."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from collectors.connection import EndpointFault, SourceMisconfigured
from collectors.endpoint_text import redacted, scrubber
from collectors.loopback import is_loopback
from pipeline.findings import Finding
from pipeline.secrets import DEFAULT_RESOLVER, Secret, SecretError, SecretText

REQUEST_TIMEOUT = 10.0
LARGEST_ANSWER = 64 * 1024
#: Some venues' firewalls let nobody in who doesn't say what he is.
USER_AGENT = "tapewatch"


async def post(url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """The body of the answer. Raises EndpointFault; nothing in it is a secret."""
    shown, scrub = redacted(url), scrubber(url)
    if urlsplit(url).scheme != "https" and not is_loopback(url):
        raise SourceMisconfigured(f"{shown}: expected a URL that begins with https://")
    try:
        async with (
            httpx.AsyncClient(timeout=REQUEST_TIMEOUT, trust_env=not is_loopback(url)) as client,
            client.stream(
                "POST",
                url,
                content=body,
                headers={
                    "User-Agent": USER_AGENT,
                    "Accept": "application/json",
                    "Content-Type": "application/json",
                    **(headers or {}),
                },
            ) as response,
        ):
            answer = b""
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > LARGEST_ANSWER:
                    raise EndpointFault(
                        f"{shown}: the answer is larger than {LARGEST_ANSWER} bytes"
                    )
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise EndpointFault(f"{shown}: {scrub(str(error)) or type(error).__name__}") from None
    if not response.is_success:
        said = DEFAULT_RESOLVER.mask(answer.decode(errors="replace"))[:200]
        raise EndpointFault(f"{shown}: HTTP {response.status_code}: {said}")
    return answer


def revealed(secret: Secret | SecretText) -> str:
    """A secret's value. Raises EndpointFault."""
    try:
        return secret.reveal()
    except SecretError as error:
        raise EndpointFault(str(error)) from None


async def check_rest(name: str, url: SecretText) -> Finding:
    """For ``tapewatch doctor``: whether anybody answers there. There is no login: a venue counts
    them, and a token may end the one that is in use.
    """
    subject = f"source {name}"
    try:
        base = revealed(url)
    except EndpointFault as fault:
        return Finding(
            level="error",
            subject=subject,
            message=str(fault),
            advice="set what the configuration refers to",
        )
    shown = redacted(base)
    try:
        async with httpx.AsyncClient(
            timeout=REQUEST_TIMEOUT, trust_env=not is_loopback(base)
        ) as client:
            await client.get(base, headers={"User-Agent": USER_AGENT})
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = scrubber(base)(str(error)) or type(error).__name__
        return Finding(
            level="error",
            subject=subject,
            message=f"{shown}: {reason}",
            advice="check rest_url and the firewall",
        )
    return Finding(level="ok", subject=subject, message=f"{shown} answers")
