"""The public REST part: books, trades, products and the time, over GET.

Source: https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-book
and its neighbours. Errors are a status code and `{"message": ...}`.
"""

from email.utils import formatdate
from http import HTTPStatus
from itertools import islice
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Response

from demo.venue.clock import NANOSECONDS, Clock, iso_time
from demo.venue.feed import MarketData
from demo.venue.messages import ProductInfo, RestError, ServerTime
from demo.venue.product import Product

MAX_TRADES = 1000


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def answer(target: str, market: MarketData, clock: Clock) -> Response:
    """The response to `GET target`, target being path and query."""
    headers: dict[str, str] = {}
    try:
        status, body = HTTPStatus.OK, _route(target, market, clock, headers)
    except _Refused as refused:
        status, body = refused.status, RestError(str(refused))
    content = msgspec.json.encode(body)
    return Response(
        status.value,
        status.phrase,
        Headers(
            {
                "Date": formatdate(usegmt=True),
                "Connection": "close",
                "Content-Type": "application/json; charset=utf-8",
                "Content-Length": str(len(content)),
                **headers,
            }
        ),
        content,
    )


def _route(target: str, market: MarketData, clock: Clock, headers: dict[str, str]) -> object:
    url = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    match url.path.strip("/").split("/"):
        case ["time"]:
            now = clock()
            return ServerTime(iso_time(now), round(now / NANOSECONDS, 3))
        case ["products"]:
            return [_info(product) for product in market.products]
        case ["products", product_id]:
            return _info(_known(market, product_id))
        case ["products", product_id, "book"]:
            return _book(market, _known(market, product_id).id, query)
        case ["products", product_id, "trades"]:
            return _trades(market, _known(market, product_id).id, query, headers)
        case _:
            raise _Refused(HTTPStatus.NOT_FOUND, "NotFound")


def _known(market: MarketData, product_id: str) -> Product:
    for product in market.products:
        if product.id == product_id:
            return product
    raise _Refused(HTTPStatus.NOT_FOUND, "NotFound")


def _info(product: Product) -> ProductInfo:
    return ProductInfo(
        id=product.id,
        base_currency=product.base_currency,
        quote_currency=product.quote_currency,
        base_increment=product.size_text(1),
        quote_increment=product.price_text(1),
        display_name=f"{product.base_currency}/{product.quote_currency}",
    )


def _book(market: MarketData, product_id: str, query: dict[str, str]) -> object:
    match query.get("level", "1"):
        case "1":
            return market.level_book(product_id, 1)
        case "2":
            return market.level_book(product_id)
        case "3":
            return market.order_book(product_id)
        case _:
            raise _Refused(HTTPStatus.BAD_REQUEST, "Invalid level")


def _trades(
    market: MarketData, product_id: str, query: dict[str, str], headers: dict[str, str]
) -> object:
    """Newest first. `after=ID` gives older trades than ID, `before=ID` newer ones."""
    limit = min(_number(query, "limit") or MAX_TRADES, MAX_TRADES)
    after = _number(query, "after")
    before = _number(query, "before")
    found = (
        trade
        for trade in market.trades(product_id)
        if (after is None or trade.trade_id < after) and (before is None or trade.trade_id > before)
    )
    page = list(islice(found, limit))
    if page:
        headers["CB-BEFORE"] = str(page[0].trade_id)
        headers["CB-AFTER"] = str(page[-1].trade_id)
    return page


def _number(query: dict[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _Refused(HTTPStatus.BAD_REQUEST, f"Invalid {name}")
    return int(text)
