"""Answers of Chainlink aggregators, in terms of the token that they price.

The proxy that contracts read from emits nothing: the feed in the reference data is the aggregator
behind it. Source: https://github.com/smartcontractkit/chainlink (OffchainAggregator,
AccessControlledOffchainAggregator).
"""

from typing import Any

from normalizer.decoders.evm_scope import LogScope, related
from normalizer.events.chain import OracleUpdate

_SECOND = 10**9
#: Aggregators have `updatedAt` as uint64 in storage; beyond this nanoseconds don't fit an int64.
_LAST_SECOND = (1 << 63) // _SECOND - 1


def answer_updated(scope: LogScope, values: tuple[Any, ...]) -> OracleUpdate:
    """The oracle's answer; a price where the feed and so its decimals are known."""
    answer, round_number, updated = values
    feed = scope.block.chain.price_feeds.get(scope.contract)
    return OracleUpdate(
        **scope.fields,
        related_user=related(scope.call.sender),
        feed=feed.name if feed else scope.contract,
        answer_raw=str(answer),
        round=str(round_number),
        # A time that no clock can show is the block's: the answer counts from when it came.
        updated=updated * _SECOND if updated <= _LAST_SECOND else scope.block.time,
        price=answer / feed.unit if feed else None,
        currency=feed.currency if feed else None,
    )
