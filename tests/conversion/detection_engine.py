"""The rules that Kibana's import takes, written from its schema of rules to import.

Source: `rule_schemas.schema.yaml`, `common_attributes.schema.yaml` and `rule_to_import.ts` of
Kibana's security solution. Only what a rule of ours may have is here; anything else is refused.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Text = Annotated[str, Meta(min_length=1)]
Duration = Annotated[str, Meta(pattern=r"^[1-9][0-9]*[smhd]$")]
Severity = Literal["low", "medium", "high", "critical"]
RiskScore = Annotated[int, Meta(ge=0, le=100)]


class Strict(Struct, forbid_unknown_fields=True, kw_only=True):
    """Nothing but the fields that are named."""


class RiskScoreMapping(Strict):
    field: Text
    operator: Literal["equals"]
    value: str


class SeverityMapping(Strict):
    field: Text
    operator: Literal["equals"]
    value: str
    severity: Severity


class RequiredField(Strict):
    name: Text
    type: Text


class InvestigationFields(Strict):
    field_names: Annotated[list[Text], Meta(min_length=1)]


class RuleToImport(Strict, kw_only=True, tag_field="type"):
    """What all types share."""

    rule_id: Text
    name: Text
    description: Text
    risk_score: RiskScore
    severity: Severity
    version: Annotated[int, Meta(ge=1)]
    enabled: bool
    tags: list[Text]
    author: list[Text]
    license: Text | None = None
    references: list[Text]
    false_positives: list[Text]
    note: Text | None = None
    interval: Duration
    from_: Annotated[str, Meta(pattern=r"^now-[1-9][0-9]*[smhd]$")] = field(name="from")
    to: Literal["now"]
    max_signals: Annotated[int, Meta(ge=1)]
    threat: list[Any]
    setup: str
    risk_score_mapping: list[RiskScoreMapping]
    severity_mapping: list[SeverityMapping]
    rule_name_override: Text | None = None
    timestamp_override: Text | None = None
    timeline_id: Text | None = None
    timeline_title: Text | None = None
    exceptions_list: list[Any]
    actions: list[Any]
    related_integrations: list[Any]
    required_fields: list[RequiredField]
    investigation_fields: InvestigationFields | None = None


class QueryRule(RuleToImport, kw_only=True, tag="query"):
    query: Text
    language: Literal["kuery", "lucene"]
    index: Annotated[list[Text], Meta(min_length=1)]


class EsqlRule(RuleToImport, kw_only=True, tag="esql"):
    """It has no index: the query names it."""

    query: Annotated[str, Meta(pattern=r"^from \S+ metadata _id, _index, _version \| where ")]
    language: Literal["esql"]


class EqlRule(RuleToImport, kw_only=True, tag="eql"):
    query: Text
    language: Literal["eql"]
    index: Annotated[list[Text], Meta(min_length=1)]


AnyRule = QueryRule | EsqlRule | EqlRule
