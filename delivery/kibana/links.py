"""Where a field's value leads to: block explorers, the cap table, the raw evidence, and back.

Kibana's URL formatter puts a value into a template for `{{value}}`, percent-encoded. What leads
elsewhere in Kibana begins with `/app/`, to which Kibana adds its base path and the space.
"""

from collections.abc import Mapping

from msgspec import Struct, field

from delivery.kibana.source import Link

#: Pages of transactions and addresses, by EIP-155 chain id or CAIP-2 name.
_EXPLORERS: Mapping[str, tuple[str, str]] = {
    "1": ("https://etherscan.io/tx/{hash}", "https://etherscan.io/address/{address}"),
    "10": (
        "https://optimistic.etherscan.io/tx/{hash}",
        "https://optimistic.etherscan.io/address/{address}",
    ),
    "56": ("https://bscscan.com/tx/{hash}", "https://bscscan.com/address/{address}"),
    "100": ("https://gnosisscan.io/tx/{hash}", "https://gnosisscan.io/address/{address}"),
    "137": ("https://polygonscan.com/tx/{hash}", "https://polygonscan.com/address/{address}"),
    "8453": ("https://basescan.org/tx/{hash}", "https://basescan.org/address/{address}"),
    "42161": ("https://arbiscan.io/tx/{hash}", "https://arbiscan.io/address/{address}"),
    "43114": ("https://snowtrace.io/tx/{hash}", "https://snowtrace.io/address/{address}"),
    "11155111": (
        "https://sepolia.etherscan.io/tx/{hash}",
        "https://sepolia.etherscan.io/address/{address}",
    ),
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp": (
        "https://explorer.solana.com/tx/{hash}",
        "https://explorer.solana.com/address/{address}",
    ),
}
_LONG_AGO = "_g=(time:(from:now-1y,to:now))"


class Links(Struct, frozen=True, kw_only=True):
    """What the configuration says of links. Without anything all lead within Kibana."""

    investor: str | None = None
    evidence: str | None = None
    #: By chain id: pages of a transaction, with `{hash}`, and of an address, with `{address}`.
    explorers: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    #: Last part of the data streams' names.
    namespace: str = "*"

    def all_explorers(self) -> dict[str, tuple[str, str]]:
        """Those known, and the configured ones over them."""
        return {**_EXPLORERS, **self.explorers}

    def template(self, link: Link) -> str:
        """The URL template of a kind of link; empty: the value is the URL."""
        match link:
            case "investor":
                return self.investor or _dashboard("tapewatch-investor", "related.user")
            case "asset":
                return _dashboard("tapewatch-asset", "token.id")
            case "alert":
                return _discover("tapewatch-alerts", "surveillance.evidence.event_ids")
            case "event":
                return _discover("tapewatch-events", "event.id")
            case "order":
                return _discover("tapewatch-events", "market.order.id")
            case "evidence":
                return self.evidence or _discover("tapewatch-events", "event.original")
            case "case":
                return "/app/security/cases/{{value}}"
            case "explorer":
                return ""


def _dashboard(id_: str, name: str) -> str:
    query = f"(language:kuery,query:'{name}:%22{{{{value}}}}%22')"
    return f"/app/dashboards#/view/{id_}?{_LONG_AGO}&_a=(query:{query})"


def _discover(view: str, name: str) -> str:
    source = f"(dataViewId:{view},type:dataView)"
    query = f"(language:kuery,query:'{name}:%22{{{{value}}}}%22')"
    return f"/app/discover#/?{_LONG_AGO}&_a=(dataSource:{source},query:{query})"
