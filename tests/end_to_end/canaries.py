"""A configuration with every secret that there can be, each a canary of its own.

Whoever adds a field of type `Secret` or `SecretText` gives it a canary here: the test that walks
the schema says which one has none.
"""

import base64
import itertools
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from evidence.audit.notes import SigningKey
from pipeline.secrets import SecretText

ADDRESS = "0x00000000000000000000000000000000000000a1"


class Servers(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the components talk to: `http` and `ws` are schemes, `at` is host and port."""

    http: str
    ws: str
    at: str

    @property
    def port(self) -> int:
        return int(self.at.rpartition(":")[2])


class Canaries:
    """Secrets, each in an environment variable or a file, and how each would look if it leaked."""

    def __init__(self, folder: Path, ending: str = "") -> None:
        self.environment: dict[str, str] = {}
        self._folder = folder
        self._numbers = itertools.count(10)
        self._ending = ending
        self._marks: list[str] = []

    def secret(self) -> str:
        """A reference to a new one, of 20 letters and digits, which is good base64 as well."""
        number = next(self._numbers)
        mark = f"cnry{number}x{number}x{number}Qz7Wk9PL"
        self._marks.append(mark)
        return self._kept(number, mark + self._ending)

    def key(self) -> str:
        """A reference to a private key, PEM. Its canary is the line with the key."""
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        text = pem.decode()
        self._marks.append(text.splitlines()[2][:24])
        return self._kept(next(self._numbers), text + self._ending)

    def audit_key(self) -> str:
        """A reference to a key as `tapewatch audit key` writes it."""
        text = SigningKey.new("trial").reveal()
        self._marks.append(text[-24:])
        return self._kept(next(self._numbers), text)

    def url(self, scheme: str, at: str, path: str = "") -> str:
        """One with a canary as user, as password, in the path and in the query."""
        user, password, part, query = (self.secret() for _ in range(4))
        return f"{scheme}://{user}:{password}@{at}{path}/{part}?key={query}"

    def plain_url(self, scheme: str, at: str) -> str:
        """One with a canary in the path only."""
        return f"{scheme}://{at}/{self.secret()}"

    def leaked(self, text: str) -> set[str]:
        """The canaries in a text: as they are, and as HTTP writes them."""
        return {mark for mark in self._marks for form in _forms(mark) if form in text}

    def _kept(self, number: int, value: str) -> str:
        if number % 2:
            path = self._folder / f"secret-{number}"
            path.write_text(value + "\n")
            path.chmod(0o600)
            return f"${{file:{path}}}"
        self.environment[f"CANARY_{number}"] = value
        return f"${{env:CANARY_{number}}}"


def _forms(mark: str) -> Iterator[str]:
    yield mark
    yield quote(mark, safe="")
    yield quote_plus(mark)
    # In basic authentication it begins at any of three places in the base64.
    for before in range(3):
        whole = base64.b64encode(b"x" * before + mark.encode()).decode()
        yield whole[4 if before else 0 : -4]


def with_all(canaries: Canaries, to: Servers, folder: Path) -> dict[str, Any]:
    """What the parts of the configuration hold, all that take a secret among them."""
    new, key = canaries.secret, canaries.key
    web, socket = to.http, to.ws
    workflows = folder / "workflows.csv"
    workflows.write_text("account,workflow\na,b\n")
    workflows.chmod(0o600)

    def url(scheme: str, path: str = "") -> str:
        return canaries.url(scheme, to.at, path)

    pair = {"username": "watch", "password": new()}
    mail = {"sender": "a@example.com", "recipients": ["b@example.com"]}
    here = {"host": "127.0.0.1", "port": to.port}
    client = {"every": "1s", "timeout": "2s"}
    fix = {
        **here, "tls": web == "https", "sender_comp_id": "US", "target_comp_id": "THEM",
        "username": new(), "password": new(),
    }  # fmt: skip
    return {
        "sources": [
            {"name": "evm", "type": "evm", "network": "main", "chain_id": 1,
             "endpoints": [url(socket)], "contracts": [ADDRESS]},
            {"name": "solana", "type": "solana", "network": "solana",
             "chain": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
             "endpoints": [{"rpc": url(web), "websocket": url(socket)}]},
            {"name": "coinbase", "type": "coinbase", "url": url(socket), "rest_url": url(web),
             "products": ["A-USD"], "api_key": new(), "api_secret": new(), "passphrase": new()},
            {"name": "kraken", "type": "kraken", "url": url(socket), "symbols": ["A/USD"],
             "channels": ["level3"], "token": new()},
            {"name": "lunarcrush", "type": "lunarcrush", "url": url(web), "api_key": new(),
             "topics": [{"topic": "acme", "token": "acme"}]},
            {"name": "drop", "type": "fix_drop_copy", "venue": "v", **fix},
            {"name": "fix", "type": "fix_market_data", "venue": "v", "symbols": ["A"], **fix},
            {"name": "inx", "type": "inx", "url": url(socket), "rest_url": url(web),
             "api_key_id": new(), "private_key": key(), "markets": ["A-USD"]},
            {"name": "archax", "type": "archax", "url": url(socket), "rest_url": url(web),
             "email": new(), "password": new(), "symbols": ["A-USD"]},
            {"name": "subgraph", "type": "subgraph", "url": url(web), "api_key": new(),
             "network": "polygon", "chain_id": 137, "pools": [ADDRESS]},
            {"name": "sql", "type": "reference_sql", "kind": "investor", "every": "1s",
             "query": "select 1", "timeout": "2s",
             "url": f"postgresql://{new()}:{new()}@{to.at}/crm"},
            {"name": "http", "type": "reference_http", "kind": "investor", "url": url(web),
             "headers": {"Authorization": f"Bearer {new()}", "X-Key": new()}, **client},
            {"name": "ofac", "type": "ofac", "url": url(web, "/SDN.XML"), **client},
            *(
                {"name": kind, "type": kind, "url": url(web), "token_url": url(web),
                 "client_id": new(), "client_secret": new(), **client, **more}
                for kind, more in (
                    ("fractal", {}), ("jumio", {"workflows": str(workflows)}), ("civic", {}),
                )
            ),
            *(
                {"name": kind, "type": kind, "url": url(web), "api_key": new(), **client}
                for kind in ("chainalysis", "trm")
            ),
        ],
        "sinks": [
            {"name": "files", "type": "file", "path": "out",
             "content": ["events", "alerts", "cases"]},
            {"name": "keyed", "type": "elasticsearch", "urls": [url(web)], "api_key": new(),
             "mask": {"key": new(), "identity": "hash"}, "timeout": "2s"},
            {"name": "paired", "type": "elasticsearch", "urls": [canaries.plain_url(web, to.at)],
             **pair, "timeout": "2s"},
            {"name": "hec", "type": "splunk_hec", "url": url(web), "token": new(), "timeout": "2s"},
        ],
        "notifications": [
            {"name": "hook", "type": "webhook", "url": url(web), "secret": new(),
             "headers": {"Authorization": f"Bearer {new()}"}, "minimum_level": "informational"},
            {"name": "slack", "type": "slack", "url": url(web), "minimum_level": "informational"},
            {"name": "pager", "type": "pagerduty", "url": url(web), "routing_key": new(),
             "minimum_level": "informational"},
            {"name": "mail", "type": "email", **here, **mail, "username": "watch",
             "password": new(), "security": "tls", "minimum_level": "informational"},
        ],
        "privacy": {"path": "privacy"},
        "audit": {"path": "audit", "key": canaries.audit_key()},
        "kibana": {
            "url": url(web), "api_key": new(), "timeout": "2s",
            "connectors": [
                {"id": "c1", "name": "c1", "type": "webhook", "url": "https://example.com/x",
                 "username": "watch", "password": new()},
                {"id": "c2", "name": "c2", "type": "slack", "url": new()},
                {"id": "c3", "name": "c3", "type": "pagerduty", "routing_key": new()},
                {"id": "c4", "name": "c4", "type": "email", "host": "127.0.0.1",
                 "sender": "a@example.com", "username": "watch", "password": new()},
            ],
        },
        "reports": {
            "path": "reports", "settle": "0s", "check_every": "1s",
            "schedule": [
                {"name": "weekly", "report": "weekly", "sink": "files",
                 "mail": {**here, **mail, "username": "watch", "password": new(),
                          "security": "tls"}},
            ],
            "transports": [
                {"name": "portal", "type": "https", "url": url(web), "file": "stor.xml",
                 "headers": {"Authorization": f"Bearer {new()}"}, "timeout": "2s"},
            ],
        },
    }  # fmt: skip


def buses(canaries: Canaries, to: Servers) -> list[dict[str, Any]]:
    """Buses with a login, of each way."""
    at = f"nats://{canaries.secret()}:{canaries.secret()}@{to.at}"
    plain = f"nats://{to.at}"
    return [
        {"type": "nats", "urls": [at]},
        {"type": "nats", "urls": [plain], "username": "watch", "password": canaries.secret()},
        {"type": "nats", "urls": [plain], "token": canaries.secret()},
    ]


def fields_of(schema: Any, seen: set[Any] | None = None) -> set[str]:
    """`Class.field` of each field that can hold a secret, in a struct and all that it can hold."""
    seen = set() if seen is None else seen
    if schema in seen:
        return set()
    seen.add(schema)
    found: set[str] = set()
    for name, kind in typing.get_type_hints(schema, include_extras=True).items():
        for one in _alternatives(kind):
            if isinstance(one, type) and issubclass(one, SecretText):
                found.add(f"{schema.__name__}.{name}")
            elif isinstance(one, type) and issubclass(one, msgspec.Struct):
                found |= fields_of(one, seen)
    return found


def given_in(value: object) -> set[str]:
    """`Class.field` of each field that holds a reference to a secret."""
    found: set[str] = set()
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            inner = getattr(value, name)
            if any(one.references for one in _texts(inner)):
                found.add(f"{type(value).__name__}.{name}")
            found |= given_in(inner)
    elif isinstance(value, list):
        for one in typing.cast("list[object]", value):
            found |= given_in(one)
    return found


def _texts(value: object) -> list[SecretText]:
    if isinstance(value, dict):
        value = list(typing.cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return [one for one in typing.cast("list[object]", value) if isinstance(one, SecretText)]
    return [value] if isinstance(value, SecretText) else []


def _alternatives(kind: Any) -> Iterator[Any]:
    """All classes that a type's annotation names."""
    if typing.get_origin(kind) is typing.Literal:
        return
    if isinstance(kind, types.UnionType) or typing.get_args(kind):
        for one in typing.get_args(kind):
            yield from _alternatives(one)
    else:
        yield kind
