"""Kibana: where dashboards, rules of Elastic Security and cases are kept."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.config.bounds import Interval
from pipeline.config.names import HostName
from pipeline.config.sinks import MailAddress
from pipeline.secrets import Secret, SecretText
from pipeline.structured import ExistingPath
from pipeline.units import SECOND

SpaceId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9_-]{1,64}$(?!\n)",
        description="at most 64 lower-case letters, digits, - and _",
    ),
]
ConnectorId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,35}$(?!\n)",
        description="at most 36 lower-case letters, digits, - and _",
    ),
]
#: With `{{value}}` where the field's value goes, as Kibana's URL formatter has it.
UrlTemplate = Annotated[
    str,
    Meta(
        pattern=r"^(https?://|/|\.\./|#)[^\s]*\{\{value\}\}[^\s]*$(?!\n)",
        description="a URL with {{value}} in it",
    ),
]


class ChainExplorer(Struct, forbid_unknown_fields=True, kw_only=True):
    """A block explorer; `{hash}` and `{address}` stand for what is looked at."""

    #: EIP-155 chain id, or the number that Tapewatch gives a chain without one.
    chain_id: Annotated[int, Meta(ge=0)]
    #: Page of a transaction.
    transaction: Annotated[str, Meta(pattern=r"^https?://[^\s'\"\\]*\{hash\}[^\s'\"\\]*$(?!\n)")]
    #: Page of an address.
    address: Annotated[str, Meta(pattern=r"^https?://[^\s'\"\\]*\{address\}[^\s'\"\\]*$(?!\n)")]


class KibanaLinks(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where Kibana leads to from a field's value."""

    #: An investor's record in the cap table; without, the investor's dashboard.
    investor: UrlTemplate | None = None
    #: The raw frame of an event, by its place on the bus; without, all that refers to it.
    evidence: UrlTemplate | None = None
    #: Block explorers besides those that Tapewatch knows; the same chain's replace them.
    explorers: list[ChainExplorer] = field(default_factory=list[ChainExplorer])


class _Connector(Struct, forbid_unknown_fields=True, kw_only=True):
    #: Its id in Kibana: don't change it later.
    id: ConnectorId
    #: What people see.
    name: Annotated[str, Meta(min_length=1, max_length=255)]


class WebhookConnector(_Connector, tag="webhook", tag_field="type", kw_only=True):
    """Kibana's connector `.webhook`."""

    #: Where to POST; Kibana shows it.
    url: Annotated[str, Meta(pattern=r"^https?://[^\s]+$(?!\n)")]
    #: With `password`, basic authentication.
    username: str | None = None
    #: With `username`.
    password: Secret | None = None


class SlackConnector(_Connector, tag="slack", tag_field="type", kw_only=True):
    """Kibana's connector `.slack`, by an incoming webhook."""

    #: The incoming webhook's URL, which is a secret.
    url: Secret


class PagerDutyConnector(_Connector, tag="pagerduty", tag_field="type", kw_only=True):
    """Kibana's connector `.pagerduty`."""

    #: The service's integration key.
    routing_key: Secret


class EmailConnector(_Connector, tag="email", tag_field="type", kw_only=True):
    """Kibana's connector `.email`."""

    #: Mail server.
    host: HostName
    #: 587 with STARTTLS, 465 with TLS.
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    #: TLS from the beginning.
    secure: bool = False
    #: From whom.
    sender: MailAddress
    #: With `password`.
    username: str | None = None
    #: With `username`.
    password: Secret | None = None


KibanaConnector = WebhookConnector | SlackConnector | PagerDutyConnector | EmailConnector


class Kibana(Struct, forbid_unknown_fields=True, kw_only=True):
    """A Kibana, for `tapewatch setup kibana` and cases."""

    #: Scheme, host, port and, where there is one, base path.
    url: SecretText
    #: An API key, as Elasticsearch gives it (`encoded`).
    api_key: Secret
    #: Space; it is made where it isn't there.
    space: SpaceId = "default"
    #: Last part of the names of the data streams that are looked at; `*` for all.
    namespace: Annotated[str, Meta(pattern=r"^(\*|[a-z0-9_]+)$(?!\n)")] = "*"
    #: Dashboards as saved objects, whole; or by the Dashboards API (9.5 or newer), which
    #: can't hold Vega and links.
    dashboards: Literal["saved_objects", "dashboards_api"] = "saved_objects"
    #: Where a value leads to.
    links: KibanaLinks = field(default_factory=KibanaLinks)
    #: Connectors for rules and cases of Kibana.
    connectors: list[KibanaConnector] = field(default_factory=list[KibanaConnector])
    #: Authority that signed the server's certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: Never `false` outside a test.
    verify_certificates: bool = True
    #: How long Kibana may take to answer; an import takes its time.
    timeout: Interval = 60 * SECOND
