"""``tapewatch reference pools``: reference data of the pools that exported tables tell of."""

import csv
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import typer

from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.reference import reference
from pipeline.foreign_text import HEAD, foreign
from pipeline.page.words import plural

if TYPE_CHECKING:
    from collectors.evm.created_pools import CreatedPool


class Quote(NamedTuple):
    """An asset that others are priced in."""

    symbol: str
    address: str
    decimals: int


#: Of Ethereum; of a pool of two of them the first is what the other is priced in.
_OF_ETHEREUM = (
    Quote("USDC", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", 6),
    Quote("USDT", "0xdac17f958d2ee523a2206206994597c13d831ec7", 6),
    Quote("DAI", "0x6b175474e89094c44da98b954eedeac495271d0f", 18),
    Quote("WETH", "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", 18),
    Quote("ETH", "0x" + "0" * 40, 18),  # so Uniswap v4 calls ether itself
    Quote("WBTC", "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", 8),
)
_ETHEREUM = 1
_DECIMALS = 18
_MOST_DECIMALS = 77
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_WHOLE = re.compile(r"[0-9]{1,2}")
#: Takes a file, the number of a line and why that isn't taken.
Report = Callable[[Path, int, str], None]


@reference.command()
@command
def pools(
    folder: Annotated[
        Path,
        typer.Argument(help="Tables that were exported from a chain (docs/published-data.md)."),
    ],
    chain: Annotated[int, typer.Option("--chain", min=0, help="Id of the chain.")] = _ETHEREUM,
    quote: Annotated[
        list[str] | None,
        typer.Option(
            "--quote",
            help="What is priced in, as SYMBOL:ADDRESS:DECIMALS, the first one first. Of Ethereum "
            "USDC, USDT, DAI, WETH, ether and WBTC, where none is said.",
        ),
    ] = None,
    decimals: Annotated[
        Path | None,
        typer.Option(
            "--decimals",
            help="CSV with token_address and decimals; a token that isn't there has 18.",
        ),
    ] = None,
) -> None:
    """Write reference data of the pools that tables tell of: their creation, or a list of them.

    It goes to standard output. Pools of two assets that nothing is priced in are left out, and
    counted on standard error; exit 1 if a row can't be read.
    """
    from collectors.evm.created_pools import created_pools
    from collectors.evm.exported_tables import all_tables

    quotes = [_quote(one) for one in quote or ()]
    if not quotes and chain == _ETHEREUM:
        quotes = list(_OF_ETHEREUM)
    if not quotes:
        raise Failure("say by --quote what pools of this chain are priced in", CONFIGURATION)
    problems = 0

    def report(path: Path, line: int, why: str, column: int = 1) -> None:
        nonlocal problems
        problems += 1
        at = f"{line}:{column}" if column > 1 else f"{line}"
        typer.echo(f"{path.name}:{at}: {why}", err=True)

    try:
        tables = all_tables(folder)
    except OSError as error:
        raise Failure(f"can't read the tables: {error}", CONFIGURATION) from None
    known = {} if decimals is None else _decimals(decimals, report)
    found = list(created_pools(tables, report))
    document, left_out = reference_of(found, chain, quotes, known)
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    told = plural(len(found) - left_out, "pool")
    typer.echo(f"{told}; {left_out:,} of other assets left out" if left_out else told, err=True)
    if problems:
        raise typer.Exit(FAILED)


def reference_of(
    found: "Sequence[CreatedPool]",
    chain: int,
    quotes: Sequence[Quote],
    decimals: Mapping[str, int],
) -> tuple[dict[str, object], int]:
    """The reference data, a token for each asset with its pools, and how many pools are left out.

    A token's id is its address.
    """
    ranks = {one.address: place for place, one in enumerate(quotes)}
    tokens: dict[str, list[dict[str, object]]] = {}
    left_out = 0
    for pool in found:
        rank = min((ranks[one] for one in (pool.token0, pool.token1) if one in ranks), default=None)
        if rank is None:
            left_out += 1
            continue
        priced_in = quotes[rank]
        token = pool.token1 if pool.token0 == priced_in.address else pool.token0
        tokens.setdefault(token, []).append(
            {
                "chain": chain,
                "protocol": pool.protocol,
                "address": pool.address,
                **({} if pool.pool_id is None else {"pool_id": pool.pool_id}),
                "token0": pool.token0,
                "token1": pool.token1,
                "quote": priced_in._asdict(),
            }
        )
    known = {one.address: one for one in quotes}
    return {
        "tokens": [
            {
                "id": token,
                "symbol": known[token].symbol if token in known else token[:10],
                "decimals": known[token].decimals
                if token in known
                else decimals.get(token, _DECIMALS),
                "contracts": [{"chain": chain, "address": token}],
                "pools": its_pools,
            }
            for token, its_pools in tokens.items()
        ]
    }, left_out


def _quote(text: str) -> Quote:
    symbol, _, rest = text.partition(":")
    address, _, decimals = rest.partition(":")
    places = _places(decimals)
    if not symbol or _ADDRESS.fullmatch(address) is None or places is None:
        raise Failure(f"--quote {text}: it is SYMBOL:ADDRESS:DECIMALS", CONFIGURATION)
    return Quote(symbol, address.lower(), places)


def _decimals(path: Path, report: Report) -> dict[str, int]:
    """By the token's address. An empty cell is none; what else is no number is told."""
    found: dict[str, int] = {}
    try:
        with path.open("rb") as file:
            if what := foreign(file.read(HEAD)):
                raise Failure(f"{path} {what}", CONFIGURATION)
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = list(rows.fieldnames or ())
            for name in ("token_address", "decimals"):
                if name not in columns:
                    raise Failure(f"{path}:1: there is no column {name}", CONFIGURATION)
                if columns.count(name) > 1:
                    raise Failure(f"{path}:1: the column {name} is there twice", CONFIGURATION)
            for row in rows:
                address, text = row["token_address"] or "", row["decimals"] or ""
                places = _places(text)
                if _ADDRESS.fullmatch(address) is None:
                    report(path, rows.line_num, f"token_address: {address[:80]!r} is no address")
                elif places is not None:
                    found[address.lower()] = places
                elif text:
                    why = f"{text[:80]!r} is no whole number up to {_MOST_DECIMALS}"
                    report(path, rows.line_num, f"decimals: {why}")
    except (OSError, ValueError, csv.Error) as error:
        raise Failure(f"can't read {path}: {error}", CONFIGURATION) from None
    return found


def _places(text: str) -> int | None:
    if _WHOLE.fullmatch(text) is None or int(text) > _MOST_DECIMALS:
        return None
    return int(text)
