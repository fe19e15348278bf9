"""What is installed for Elastic Security and for cases, as records of its YAML files."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

#: Kibana's own bound on keys of custom fields and templates.
Key = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,36}$(?!\n)")]
Severity = Literal["low", "medium", "high", "critical"]


class CustomField(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A field of every case (`cases.yaml`)."""

    key: Key
    label: Annotated[str, Meta(min_length=1, max_length=50)]
    type: Literal["text", "toggle", "number"]
    required: bool = False
    default: str | bool | int | None = None


class CaseTemplate(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a case of some kind begins with."""

    key: Key
    name: Annotated[str, Meta(min_length=1, max_length=50)]
    description: Annotated[str, Meta(max_length=1000)]
    title: Annotated[str, Meta(min_length=1, max_length=160)]
    text: Annotated[str, Meta(min_length=1, max_length=30_000)]
    severity: Severity = "medium"
    category: Annotated[str, Meta(max_length=50)] = ""
    tags: Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=10)] = field(
        default_factory=list[str]
    )
    fields: dict[str, str | bool | int] = field(default_factory=dict[str, str | bool | int])


class Cases(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`cases.yaml`; Kibana takes at most ten of either."""

    #: ``close-by-pushing`` closes a case when it is pushed to another system.
    closure: Literal["close-by-user", "close-by-pushing"] = "close-by-user"
    custom_fields: Annotated[list[CustomField], Meta(max_length=10)]
    templates: Annotated[list[CaseTemplate], Meta(max_length=10)]


class TimelineTemplate(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A template of Timeline: what is looked at when an alert is investigated."""

    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\n)")]
    version: Annotated[int, Meta(ge=1)]
    title: str
    description: str
    columns: Annotated[list[str], Meta(min_length=1)]
    #: Fields whose values in the alert are looked for in events; joined by OR.
    any: Annotated[list[str], Meta(min_length=1)]
    query: str = ""


class Timelines(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`timelines.yaml`."""

    templates: list[TimelineTemplate]


class Promotion(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rule of Elastic Security that takes over Tapewatch's own alerts."""

    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\n)")]
    name: str
    description: str
    query: str
    note: str
    timeline: str
    interval: str = "1m"
    #: Alerts have no time of receipt, so a late one is looked for further back.
    lookback: str = "24h"


class ExceptionItem(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Alerts that Elastic Security leaves out; all conditions must hold."""

    id: Key
    name: str
    description: str
    conditions: Annotated[list["Condition"], Meta(min_length=1)]


class Condition(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A field that has (or lacks) one of the values; `exists` where there are none."""

    field: str
    values: list[str] = msgspec.field(default_factory=list[str])
    lacks: bool = False


class ExceptionList(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list of exceptions that all of Tapewatch's rules in Elastic Security have."""

    id: Key
    name: str
    description: str
    items: list[ExceptionItem] = field(default_factory=list[ExceptionItem])


class Security(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`security.yaml`."""

    promotion: Promotion
    exceptions: ExceptionList
