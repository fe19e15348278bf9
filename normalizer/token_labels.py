"""Labels that count in the events of one token: insiders of an issuer, affiliates, restrictions.

Who is on such a list has the label ``insider:acme`` everywhere, and ``insider`` as well in events
of the token ``acme``. So a rule on insiders needs to name no token.
"""

from collections.abc import Sequence
from functools import cache

import msgspec

from normalizer.events import AssetEvent, Record


def label_by_token(events: Sequence[Record]) -> None:
    """Give events of tokens the labels that count in them."""
    for event in events:
        if not isinstance(event, AssetEvent) or event.token_id is None:
            continue
        end = f":{event.token_id}"
        for name in _labels(type(event)):
            labels: tuple[str, ...] = getattr(event, name)
            if labels:
                more = [one.removesuffix(end) for one in labels if one.endswith(end)]
                if more:
                    setattr(event, name, tuple(dict.fromkeys((*labels, *more))))


@cache
def _labels(record: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(name for name in record.__struct_fields__ if name.endswith("labels"))
