"""Which lane a rule runs in: what must be seen together decides.

Everything about one asset is in one lane (:mod:`normalizer.assets`). A rule of single events, a
correlator that keeps its state by asset, and a correlation that groups by a field that means one
asset run in the asset lanes. All others need the lane `market`, which sees everything: an account
across assets, a transaction across contracts, a source as a whole.
"""

from collections.abc import Iterable

import msgspec

from detections.correlators.base import correlators
from detections.rules.model import Correlation, CorrelationRule, CorrelatorRule, PartitionBy
from detections.rules.rule_set import RuleSet

#: Fields of which equal values mean one asset.
ASSET_FIELDS = frozenset(
    {"token.id", "token.address", "blockchain.contract.address", "market.pool.address"}
)
#: Fields of which equal values mean one asset together.
INSTRUMENT_FIELDS = ("market.venue", "market.instrument")


class Route(msgspec.Struct, frozen=True):
    """Where a rule runs, and why."""

    partition_by: PartitionBy
    reason: str


def routes(rules: RuleSet) -> dict[str, Route]:
    """Of every rule, by its id."""
    found = {one.rule.id: Route("asset", "looks at one event") for one in rules.sigma}
    for rule in rules.correlators:
        found[rule.rule.id] = _of_correlator(rule)
    for rule in rules.correlations:  # each after those that it refers to
        found[rule.rule.id] = _of_correlation(rule, found)
    return found


def asset_rules(rules: RuleSet) -> RuleSet:
    """What the lanes of assets run."""
    found = routes(rules)
    correlations = [one for one in rules.correlations if _is(found, one, "asset")]
    needed = _referred(correlations, rules)
    return msgspec.structs.replace(
        rules,
        sigma=tuple(one for one in rules.sigma if not one.silent or one.rule.id in needed),
        correlators=tuple(one for one in rules.correlators if _is(found, one, "asset")),
        correlations=tuple(one for one in correlations if not one.silent or one.rule.id in needed),
    )


def market_rules(rules: RuleSet) -> RuleSet:
    """What the lane `market` runs: with rules that alert in the other lanes, and are silent here.

    So what feeds a correlation is there, and nothing alerts twice.
    """
    found = routes(rules)
    needed = _referred((one for one in rules.correlations if _is(found, one, "market")), rules)
    return msgspec.structs.replace(
        rules,
        sigma=tuple(
            msgspec.structs.replace(one, silent=True)
            for one in rules.sigma
            if one.rule.id in needed
        ),
        correlators=tuple(one for one in rules.correlators if _is(found, one, "market")),
        correlations=tuple(
            one if _is(found, one, "market") else msgspec.structs.replace(one, silent=True)
            for one in rules.correlations
            if _is(found, one, "market") or one.rule.id in needed
        ),
    )


def _is(
    found: dict[str, Route], one: CorrelationRule | CorrelatorRule, partition_by: PartitionBy
) -> bool:
    return found[one.rule.id].partition_by == partition_by


def _referred(correlations: Iterable[CorrelationRule], rules: RuleSet) -> set[str]:
    """Ids of all rules that feed these, directly or through others."""
    by_id = {one.rule.id: one for one in rules.correlations}
    waiting = [id_ for one in correlations for id_ in one.correlation.rules]
    found: set[str] = set()
    while waiting:
        id_ = waiting.pop()
        if id_ not in found:
            found.add(id_)
            if id_ in by_id:
                waiting += by_id[id_].correlation.rules
    return found


def _of_correlator(rule: CorrelatorRule) -> Route:
    if rule.rule.partition_by is not None:
        return Route(rule.rule.partition_by, "says so in its file")
    partition_by = correlators()[rule.correlator].partition_by
    return Route(partition_by, f"is a rule of the correlator {rule.correlator}")


def _of_correlation(rule: CorrelationRule, found: dict[str, Route]) -> Route:
    correlation = rule.correlation
    if any(found[id_].partition_by == "market" for id_ in correlation.rules):
        return Route("market", "refers to a rule of the market lane")
    if rule.rule.partition_by is not None:
        return Route(rule.rule.partition_by, "says so in its file")
    if not correlation.group_by:
        return Route("market", "groups by nothing")
    field = _asset_field(correlation)
    if field is None:
        return Route("market", "groups by " + ", ".join(correlation.group_by))
    return Route("asset", f"groups by {field}")


def _asset_field(correlation: Correlation) -> str | None:
    """What of `group-by` means one asset; None if nothing does."""
    for name in correlation.group_by:
        alias = correlation.aliases.get(name)
        if alias is None:
            if name in ASSET_FIELDS:
                return name
        elif all(alias.get(rule) in ASSET_FIELDS for rule in correlation.rules) and (
            len({field == "token.id" for field in alias.values()}) == 1
        ):
            return name
    if all(
        name in correlation.group_by and name not in correlation.aliases
        for name in INSTRUMENT_FIELDS
    ):
        return " and ".join(INSTRUMENT_FIELDS)
    return None
