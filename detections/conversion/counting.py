"""pySigma's backends with what correlations need besides: see `correlations`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sigma.conversion.base import TextQueryBackend
from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationRule,
)

from detections.conversion.eql import Eql
from detections.conversion.esql import Esql
from detections.conversion.splunk import Splunk

#: By alias: the query and the field of each rule that has a value for it.
Aliases = dict[str, list[tuple[str, str]]]


class _SeveralConditions(TextQueryBackend):
    """A range has two conditions; the backends take one."""

    conditions: Sequence[SigmaCorrelationCondition] = ()

    def convert_correlation_condition_from_template(
        self, cond: Any, referenced_rules: Any, correlation_type: Any, method: str
    ) -> str:
        convert = super().convert_correlation_condition_from_template
        return "\n".join(
            [
                convert(one, referenced_rules, correlation_type, method)
                for one in self.conditions or [cond]
            ]
        )


class CountingEsql(_SeveralConditions, Esql):
    """Counts in buckets of time, by groups that aren't null."""

    aliases: Aliases = {}  # noqa: RUF012 - replaced, never changed

    _bucket = "| eval timebucket=date_trunc({timespan}, @timestamp) | stats "

    value_sum_aggregation_expression: ClassVar = {
        "stats": f"{_bucket}value_sum=sum({{field}}){{groupby}}"
    }
    value_sum_condition_expression: ClassVar = {"stats": "| where value_sum {op} {count}"}
    value_avg_aggregation_expression: ClassVar = {
        "stats": f"{_bucket}value_avg=avg({{field}}){{groupby}}"
    }
    value_avg_condition_expression: ClassVar = {"stats": "| where value_avg {op} {count}"}
    value_median_aggregation_expression: ClassVar = {
        "stats": f"{_bucket}value_median=median({{field}}){{groupby}}"
    }
    value_median_condition_expression: ClassVar = {"stats": "| where value_median {op} {count}"}
    value_percentile_aggregation_expression: ClassVar = {
        "stats": f"{_bucket}value_percentile=percentile({{field}}, {{percentile}}){{groupby}}"
    }
    value_percentile_condition_expression: ClassVar = {
        "stats": "| where value_percentile {op} {count}"
    }
    temporal_extended_correlation_query: ClassVar = Esql.temporal_correlation_query  # pyright: ignore[reportAssignmentType] - the backend declares it wrongly
    temporal_extended_aggregation_expression: ClassVar = {
        "stats": f'{_bucket}event_types=mv_concat(values(event_type), "\\n"){{groupby}}'
    }
    temporal_extended_condition_expression: ClassVar = {"stats": "| where {extended_condition}"}
    extended_correlation_condition_rule_reference_expression: ClassVar = {
        "stats": 'event_types rlike "(.*\\n)?{ruleid}(\\n.*)?"'
    }

    def convert_correlation_search(self, rule: SigmaCorrelationRule, **more: Any) -> str:
        search = super().convert_correlation_search(rule, **more)
        for alias, sources in self.aliases.items():
            cases = ", ".join(f"{query}, {self.escape_and_quote_field(f)}" for query, f in sources)
            search += f"\n| eval {self.escape_and_quote_field(alias)}=case({cases})"
        present = [f"{self.escape_and_quote_field(f)} is not null" for f in rule.group_by or []]
        # Otherwise what has no value for a group would be a group of its own.
        return f"{search}\n| where {' and '.join(present)}" if present else search


class CountingSplunk(_SeveralConditions, Splunk):
    """Counts in buckets of time, each event once."""

    default_correlation_query: ClassVar = {  # pyright: ignore[reportAssignmentType] - the backend declares it wrongly
        "stats": "{search}\n| dedup event.id\n{aggregate}\n{condition}"
    }
    temporal_correlation_query: ClassVar = {
        "stats": "{search}\n| dedup event.id event_type\n{aggregate}\n{condition}"
    }
    temporal_extended_correlation_query: ClassVar = temporal_correlation_query
    correlation_condition_mapping: ClassVar = {
        **Splunk.correlation_condition_mapping,
        SigmaCorrelationConditionOperator.EQ: "=",
    }
    _bucket = "| bin _time span={timespan}\n| stats "
    value_sum_aggregation_expression: ClassVar = {
        "stats": f"{_bucket}sum({{field}}) as value_sum by _time{{groupby}}"
    }
    value_sum_condition_expression: ClassVar = {"stats": "| search value_sum {op} {count}"}
    value_avg_aggregation_expression: ClassVar = {
        "stats": f"{_bucket}avg({{field}}) as value_avg by _time{{groupby}}"
    }
    value_avg_condition_expression: ClassVar = {"stats": "| search value_avg {op} {count}"}
    value_median_aggregation_expression: ClassVar = {
        "stats": f"{_bucket}median({{field}}) as value_median by _time{{groupby}}"
    }
    value_median_condition_expression: ClassVar = {"stats": "| search value_median {op} {count}"}
    value_percentile_aggregation_expression: ClassVar = {
        "stats": f"{_bucket}perc{{percentile}}({{field}}) as value_percentile by _time{{groupby}}"
    }
    value_percentile_condition_expression: ClassVar = {
        "stats": "| search value_percentile {op} {count}"
    }


class CountingEql(Eql):
    """Sequences of events. The backend writes an empty `by` and `with runs` behind the last one."""

    temporal_ordered_correlation_query: ClassVar = {
        "sequence": "sequence {groupby} with maxspan={timespan}\n{search}"
    }
    default_correlation_query: ClassVar = {  # pyright: ignore[reportAssignmentType] - the backend declares it wrongly
        "sequence": "sequence {groupby} with maxspan={timespan}\n{search} {condition}"
    }
