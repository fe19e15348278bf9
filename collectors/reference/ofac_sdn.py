"""OFAC's SDN list as a source: addresses as ``sanction`` records, withdrawn when OFAC removes them.

OFAC publishes at https://sanctionslistservice.ofac.treas.gov/, whose answer redirects to a store of
files; redirects are followed, to https only. Where the server gave an `ETag` or `Last-Modified`,
the list is fetched anew only where it has changed.

What came must be whole (:mod:`collectors.reference.ofac_list`), no older than the list before it,
and not much shorter: like every complete source (:mod:`collectors.reference.refreshing`), a list
that lost more than ``largest_shrink`` of its addresses is held back with a message, until an
operator allows it. (When Tornado Cash was removed in 2025, that was about a tenth of all.) What was
known stays in force meanwhile.

An address that is listed in several currencies (one Ethereum address as ETH and USDT) or for
several parties is one record, which names them all. ``since`` is the day on which the party was
listed, which is earlier than that on which the address was where OFAC added it later: the property
of a party is blocked from its listing on. `sdn.xml` doesn't tell it; its addresses count at any
time.
"""

import asyncio
import datetime
from collections.abc import AsyncIterator, Iterable

import httpx
import msgspec

from collectors.endpoint_text import redacted
from collectors.loopback import is_loopback
from collectors.reference.http_api import HttpSettings, http_client, revealed
from collectors.reference.ofac_list import ListDamaged, ListedAddress, SdnList, SdnReader
from collectors.reference.record_identity import identity_of
from collectors.reference.source import Given, Item, Rejected, SourceFault, Unchanged
from pipeline.config.reference_providers import OfacList
from pipeline.reference_records import Sanction
from pipeline.units import format_size

#: Bytes that are read at once.
_AT_ONCE = 256 * 1024


class OfacSource:
    """A :class:`collectors.reference.source.ReferenceSource`."""

    complete = True

    def __init__(self, settings: OfacList) -> None:
        self._settings = settings
        self._http = HttpSettings(timeout=settings.timeout, ca_certificate=settings.ca_certificate)
        self._client: httpx.AsyncClient | None = None
        self._conditions: dict[str, str] = {}
        self._published: datetime.date | None = None

    async def read(self) -> AsyncIterator[Item]:
        """Every address of the list."""
        url = revealed(self._settings.url, "the URL")
        if not url.startswith("https://") and not is_loopback(url):
            raise SourceFault("the URL must begin with https://")
        found, conditions = await self._fetched(url)
        if self._published and found.published and found.published < self._published:
            raise SourceFault(
                f"{redacted(url)}: the list is of {found.published}, and that of "
                f"{self._published} is known already"
            )
        for item in items_of(found.addresses, self._settings.list):
            yield item
        # Reached only when all of it was taken.
        self._published = found.published
        self._conditions = conditions

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _fetched(self, url: str) -> tuple[SdnList, dict[str, str]]:
        shown = redacted(url)
        if self._client is None:
            self._client = http_client(self._http, follow_redirects=True)
        reader, size = SdnReader(), 0
        try:
            async with self._client.stream("GET", url, headers=self._conditions) as response:
                if response.status_code == 304:
                    raise Unchanged
                if not response.is_success:
                    raise SourceFault(f"{shown}: HTTP {response.status_code}")
                if response.url.scheme != "https" and not is_loopback(str(response.url)):
                    raise SourceFault(f"{shown}: it redirects to where nothing is encrypted")
                async for part in response.aiter_bytes(_AT_ONCE):
                    size += len(part)
                    if size > self._settings.max_size:
                        most = format_size(self._settings.max_size)
                        raise SourceFault(f"{shown}: the list is larger than {most}")
                    # In a thread: all of it takes seconds, and feeds share the loop.
                    await asyncio.to_thread(reader.feed, part)
                return await asyncio.to_thread(reader.close), _conditions(response)
        except ListDamaged as damaged:
            raise SourceFault(f"{shown}: this is no whole SDN list: {damaged}") from None
        except httpx.TimeoutException:
            raise SourceFault(f"{shown}: no answer in time") from None
        except httpx.TooManyRedirects:
            raise SourceFault(f"{shown}: it redirects too often") from None
        except httpx.HTTPError as error:
            raise SourceFault(f"{shown}: the connection broke: {type(error).__name__}") from None
        except (httpx.InvalidURL, ValueError):
            raise SourceFault("the URL holds characters that HTTP doesn't allow") from None


def items_of(addresses: Iterable[ListedAddress], list_name: str) -> list[Item]:
    """The records of a list, one for each address."""
    by_address: dict[str, list[ListedAddress]] = {}
    for one in addresses:
        evm = one.address[:2].lower() == "0x"
        by_address.setdefault(one.address.lower() if evm else one.address, []).append(one)
    return [_item(address, those, list_name) for address, those in by_address.items()]


def _item(address: str, those: list[ListedAddress], list_name: str) -> Item:
    days = [one.listed for one in those if one.listed is not None]
    place = f"entry {those[0].entry}"
    values = {
        "address": address,
        "list": list_name,
        "since": min(days) if len(days) == len(those) else None,
        "entry": ", ".join(sorted({one.entry for one in those})),
        "programs": tuple(dict.fromkeys(name for one in those for name in one.programs)),
        "asset": ", ".join(sorted({one.asset for one in those})),
    }
    try:
        record = msgspec.convert(values, Sanction)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `$.")
        identity = identity_of(Sanction, values)
        content = address[:300].encode()
        return Rejected(place, text, where.rstrip("`") or None, content, identity)
    return Given(record, place)


def _conditions(response: httpx.Response) -> dict[str, str]:
    """What to ask with the next time, so that an unchanged list isn't sent again."""
    named = (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since"))
    return {
        condition: response.headers[header]
        for header, condition in named
        if header in response.headers
    }
