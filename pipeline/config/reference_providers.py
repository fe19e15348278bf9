"""Providers of reference data: published lists, KYC and risk providers by their HTTP interfaces."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.config.bounds import Interval, Room
from pipeline.config.names import Name
from pipeline.secrets import Secret, SecretText
from pipeline.structured import ExistingPath
from pipeline.units import DAY, GIB, HOUR, MINUTE, SECOND

PerSecond = Annotated[float, Meta(gt=0, le=1_000)]


class _Provider(Struct, forbid_unknown_fields=True, kw_only=True):
    #: What its records are kept under on the bus: don't change it later.
    name: Name
    #: How long an answer may take.
    timeout: Interval = 30 * SECOND
    #: Authority that signed the server's certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: A read that lacks a greater part of the records known before is held back, and said.
    largest_shrink: Annotated[float, Meta(ge=0, le=1)] = 0.2


class OfacList(_Provider, tag="ofac", tag_field="type", kw_only=True):
    """OFAC's list of Specially Designated Nationals: its digital-currency addresses."""

    #: `SDN_ADVANCED.XML` tells the day of listing, `SDN.XML` is a quarter of its size.
    url: SecretText = field(
        default_factory=lambda: SecretText(
            "https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/"
            "SDN_ADVANCED.XML"
        )
    )
    #: How often it is looked for a new one; it is fetched only where there is one.
    every: Interval = HOUR
    #: What the list is called in records and events.
    list: Annotated[str, Meta(min_length=1, max_length=256)] = "ofac-sdn"
    #: A larger one is refused.
    max_size: Room = GIB // 2


class Fractal(_Provider, tag="fractal", tag_field="type", kw_only=True):
    """Fractal ID: the state of verifications, and where tokens of users are given, more."""

    #: The resource server.
    url: SecretText = field(default_factory=lambda: SecretText("https://resource.fractal.id"))
    #: Where access tokens are had.
    token_url: SecretText = field(
        default_factory=lambda: SecretText("https://auth.fractal.id/oauth/token")
    )
    #: Of your application.
    client_id: Secret
    #: Of your application.
    client_secret: Secret
    #: Access tokens of users that your application holds, one a line: for country, wallets, expiry.
    user_tokens: ExistingPath | None = None
    #: How often it is asked.
    every: Interval = 15 * MINUTE
    #: Requests at most; Fractal publishes no limit.
    per_second: PerSecond = 5


class Jumio(_Provider, tag="jumio", tag_field="type", kw_only=True):
    """Jumio: the decisions of workflows."""

    #: The retrieval API of your region.
    url: SecretText = field(
        default_factory=lambda: SecretText("https://retrieval.emea-1.jumio.ai/api/v1")
    )
    #: Where access tokens are had, of your region.
    token_url: SecretText = field(
        default_factory=lambda: SecretText("https://auth.emea-1.jumio.ai/oauth2/token")
    )
    #: OAuth2 client of the portal.
    client_id: Secret
    #: Its secret.
    client_secret: Secret
    #: CSV with the columns `account` and `workflow`: Jumio has no list of what it has done.
    workflows: ExistingPath
    #: How often it is asked.
    every: Interval = 15 * MINUTE
    #: Requests at most; Jumio's limit is 15.
    per_second: PerSecond = 10


class Civic(_Provider, tag="civic", tag_field="type", kw_only=True):
    """Civic Pass: passes that you have issued, by wallet."""

    #: The partner API.
    url: SecretText = field(default_factory=lambda: SecretText("https://api.civic.com/partner"))
    #: Where access tokens are had.
    token_url: SecretText = field(
        default_factory=lambda: SecretText("https://auth0.civic.com/oauth/token")
    )
    #: What the token is for.
    audience: str = "https://api.civic.com/pass"
    #: As Civic gave it.
    client_id: Secret
    #: As Civic gave it.
    client_secret: Secret
    #: Only passes of this gatekeeper network; without, of all.
    gatekeeper_network: str | None = None
    #: How often it is asked.
    every: Interval = 15 * MINUTE
    #: Requests at most; Civic publishes no limit.
    per_second: PerSecond = 5


class _RiskProvider(_Provider, kw_only=True):
    #: The key that the provider gave.
    api_key: Secret
    #: An address is asked about again after so long.
    rescreen_after: Interval = 7 * DAY
    #: How often new addresses are asked about.
    every: Interval = MINUTE
    #: Addresses that are kept in mind; beyond, those seen longest ago are forgotten.
    most_addresses: Annotated[int, Meta(ge=1, le=5_000_000)] = 200_000
    #: Requests in one round; the rest waits for the next, new addresses first.
    most_requests: Annotated[int, Meta(ge=1, le=100_000)] = 500


class Chainalysis(_RiskProvider, tag="chainalysis", tag_field="type", kw_only=True):
    """Chainalysis: whether an address is sanctioned, or its whole risk assessment."""

    #: `sanctions`: the free Sanctions API. `entities`: Address Screening.
    product: Literal["sanctions", "entities"] = "sanctions"
    #: Another than the product's own.
    url: SecretText | None = None
    #: Requests at most; the limits are 5,000 in 5 minutes (`sanctions`) and 40 a second.
    per_second: PerSecond = 10


class Trm(_RiskProvider, tag="trm", tag_field="type", kw_only=True):
    """TRM Labs: whether an address is sanctioned, or its risk indicators."""

    #: `sanctions`: the Sanctions API. `screening`: Wallet Screening.
    product: Literal["sanctions", "screening"] = "screening"
    #: The API.
    url: SecretText = field(default_factory=lambda: SecretText("https://api.trmlabs.com"))
    #: Addresses in one request.
    addresses_per_request: Annotated[int, Meta(ge=1, le=100)] = 20
    #: Requests at most.
    per_second: PerSecond = 1


Provider = OfacList | Fractal | Jumio | Civic | Chainalysis | Trm
