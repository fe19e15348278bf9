"""The demo's folder: reference data and configuration as a user writes them, and the output."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from demo.chain.facts import Facts, TokenFacts
from demo.labels import LABELS_FILE
from demo.venue.facts import ACCOUNTS, PRODUCT

VENUE = "demo-venue"
CHAIN_SOURCE = "chain"
VENUE_SOURCE = "venue"
NETWORK = "anvil"
#: Environment variables by which the stages get the venue's key: it is in no file.
KEY_VARIABLES = {
    "api_key": "TAPEWATCH_DEMO_KEY",
    "api_secret": "TAPEWATCH_DEMO_SECRET",
    "passphrase": "TAPEWATCH_DEMO_PASSPHRASE",
}


class Workspace:
    """One run of the demo. Everything of an earlier run is removed."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.configuration = self.path / "pipeline.yaml"
        self.reference = self.path / "reference.yaml"
        self.out = self.path / "out"
        self.report = self.path / "report.html"
        self.labels = self.path / LABELS_FILE
        self.log = self.path / "tapewatch.log"

    def prepare(self) -> None:
        """An empty folder. Refuses one that is not the demo's own."""
        marker = self.path / ".tapewatch-demo"
        if self.path.exists() and any(self.path.iterdir()) and not marker.exists():
            raise NotOurs(f"{self.path} holds other files: name an empty folder with --folder")
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        marker.touch()

    def write(self, sources: list[dict[str, Any]], reference: dict[str, Any], rules: Path) -> None:
        """Write ``reference.yaml`` and ``pipeline.yaml``."""
        self.reference.write_text(_yaml(reference))
        self.configuration.write_text(
            "# Written by `tapewatch demo`: what it ran, to look at and to try again.\n"
            + _yaml(
                {
                    "bus": {"type": "embedded", "path": "nats"},
                    "reference": ["reference.yaml"],
                    "sources": sources,
                    "detections": {"rules": [str(rules.absolute())]},
                    "sinks": [{"name": "files", "type": "file", "path": "out"}],
                    "observability": {"port": 0},
                    "logging": {"level": "warning", "format": "ecs"},
                }
            )
        )


class NotOurs(Exception):
    """The folder holds something else; nothing was touched."""


def live_sources(
    facts: Facts, node_url: str, venue_url: str, rest_url: str
) -> list[dict[str, Any]]:
    """The node and the venue, as sources."""
    key = {name: f"${{env:{variable}}}" for name, variable in KEY_VARIABLES.items()}
    return [
        {
            "name": CHAIN_SOURCE,
            "type": "evm",
            "network": NETWORK,
            "chain_id": facts.chain_id,
            "endpoints": [node_url],
            "start_block": facts.start_block,
        },
        {
            "name": VENUE_SOURCE,
            "type": "coinbase",
            "venue": VENUE,
            "url": venue_url,
            "rest_url": rest_url,
            "products": [PRODUCT.id],
            "channels": ["full", "heartbeat"],
            **key,
        },
    ]


def reference_of(facts: Facts) -> dict[str, Any]:
    """Reference data from what is known before anything happens."""
    token = facts.tokens[0]
    by_address = {one.address: one for one in facts.tokens}
    investors: dict[str, dict[str, Any]] = {}
    addresses: list[dict[str, Any]] = []
    sanctions: list[dict[str, str]] = []
    for party in facts.parties:
        labels = [label for label in party.labels if label != "sanctioned"]
        if "sanctioned" in party.labels:
            sanctions.append({"address": party.address, "list": "OFAC-SDN"})
        if party.investor_id is None:
            if labels:
                addresses.append({"address": party.address, "labels": labels})
            continue
        investor = investors.setdefault(
            party.investor_id,
            _present(
                id=party.investor_id,
                jurisdiction=party.jurisdiction,
                accreditation=party.accreditation,
                cluster=party.cluster,
                labels=labels,
            )
            | {"addresses": []},
        )
        investor["addresses"].append(party.address)
    for account in ACCOUNTS:
        investor = investors.setdefault(
            account.investor,
            _present(
                id=account.investor,
                jurisdiction=account.jurisdiction,
                accreditation=account.accreditation,
                cluster=account.cluster,
                labels=list(account.labels),
            ),
        )
        investor.setdefault("accounts", []).append({"venue": VENUE, "account": account.account})
    pools = [
        {
            "chain": facts.chain_id,
            "address": pool.address,
            "protocol": "uniswap-v3",
            "token0": pool.token0,
            "token1": pool.token1,
            "fee": pool.fee,
            "quote": _quote(by_address, {pool.token0, pool.token1} - {token.address}),
        }
        for pool in facts.pools
    ]
    return {
        "tokens": [_token(token, facts.chain_id, pools)],
        "investors": list(investors.values()),
        "addresses": addresses,
        "sanctions": sanctions,
    }


def _token(token: TokenFacts, chain_id: int, pools: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": token.symbol.lower(),
        "name": token.name,
        "symbol": token.symbol,
        "standard": token.standard,
        "decimals": token.decimals,
        "classification": token.classification,
        "issuer": {"id": token.issuer_id, "name": token.issuer_name},
        "contracts": [
            _present(
                chain=chain_id,
                address=token.address,
                identity_registry=token.identity_registry,
                compliance=token.compliance,
            )
        ],
        "instruments": [{"venue": VENUE, "symbol": PRODUCT.id}],
        "pools": pools,
    }


def _quote(tokens: dict[str, TokenFacts], addresses: set[str]) -> dict[str, Any]:
    quote = tokens[addresses.pop()]
    return {"symbol": quote.symbol, "address": quote.address, "decimals": quote.decimals}


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=100)
