"""The search that Lens makes of a compiled panel: to run it on a real Elasticsearch.

Written from Lens's form-based data source (elastic/kibana, `lens/public/datasources/form_based` and
`data/common/search/aggs`): buckets nest in the order of the columns, a filtered metric is a
`filter` aggregation, terms are ordered by the metric that they name.
"""

from typing import Any

from tests.kibana.kql import to_query

_METRICS = {
    "unique_count": "cardinality",
    "sum": "sum",
    "average": "avg",
    "min": "min",
    "max": "max",
}


def lens_search(attributes: dict[str, Any]) -> dict[str, Any]:
    """The body of the search, without data view and time range."""
    state = attributes["state"]
    (layer,) = state["datasourceStates"]["formBased"]["layers"].values()
    columns = layer["columns"]
    buckets = [name for name in layer["columnOrder"] if columns[name]["isBucketed"]]
    metrics = [name for name in layer["columnOrder"] if not columns[name]["isBucketed"]]
    aggregations = {name: _metric(columns[name]) for name in metrics}
    for name in reversed(buckets):
        outer: dict[str, Any] = {name: {**_bucket(columns[name], columns), "aggs": aggregations}}
        # What a level is ordered by is computed on it, too.
        outer |= {metrics[0]: _metric(columns[metrics[0]])} if name != buckets[0] else {}
        aggregations = outer
    return {
        "size": 0,
        "track_total_hits": True,
        "query": {"bool": {"filter": [to_query(state["query"]["query"])]}},
        "aggs": aggregations,
    }


def rows(answer: dict[str, Any], attributes: dict[str, Any]) -> int:
    """How many groups came back; without groups, whether there is a number."""
    state = attributes["state"]
    (layer,) = state["datasourceStates"]["formBased"]["layers"].values()
    columns = layer["columns"]
    buckets = [name for name in layer["columnOrder"] if columns[name]["isBucketed"]]
    metrics = [name for name in layer["columnOrder"] if not columns[name]["isBucketed"]]
    return _count(answer["aggregations"], buckets, metrics)


def _count(level: dict[str, Any], buckets: list[str], metrics: list[str]) -> int:
    if not buckets:
        return int(any(_has_value(level[name]) for name in metrics))
    found = level[buckets[0]]["buckets"]
    inner = list(found.values()) if isinstance(found, dict) else found
    return sum(_count(one, buckets[1:], metrics) for one in inner if one["doc_count"])


def _has_value(metric: dict[str, Any]) -> bool:
    inner = metric.get("inner", metric)
    if "hits" in inner:
        return bool(inner["hits"]["hits"])
    if "values" in inner:
        return any(value is not None for value in inner["values"].values())
    if "value" in inner:
        return inner["value"] not in (None, 0)
    return bool(metric.get("doc_count"))


def _metric(column: dict[str, Any]) -> dict[str, Any]:
    kind, field = column["operationType"], column["sourceField"]
    match kind:
        case "count":
            inner: dict[str, Any] | None = None
        case "median":
            inner = {"percentiles": {"field": field, "percents": [50]}}
        case "percentile":
            percents = [column["params"]["percentile"]]
            inner = {"percentiles": {"field": field, "percents": percents}}
        case "last_value":
            order = [{column["params"]["sortField"]: {"order": "desc"}}]
            inner = {
                "top_hits": {
                    "size": 1,
                    "docvalue_fields": [{"field": field}],
                    "_source": False,
                    "sort": order,
                }
            }
        case _:
            inner = {_METRICS[kind]: {"field": field}}
    wanted = column.get("filter")
    if wanted is None:
        # Lens reads a count off the bucket; a filter of everything gives the same number.
        return inner or {"filter": {"match_all": {}}}
    made: dict[str, Any] = {"filter": to_query(wanted["query"])}
    return {**made, "aggs": {"inner": inner}} if inner is not None else made


def _bucket(column: dict[str, Any], columns: dict[str, Any]) -> dict[str, Any]:
    parameters = column["params"]
    match column["operationType"]:
        case "date_histogram":
            assert parameters["interval"] == "auto"
            interval = {"field": column["sourceField"], "fixed_interval": "1s", "min_doc_count": 1}
            return {"date_histogram": interval}
        case "filters":
            filters = {
                one["label"]: to_query(one["input"]["query"]) for one in parameters["filters"]
            }
            return {"filters": {"filters": filters}}
        case "terms":
            by = parameters["orderBy"]
            path = "_key" if by["type"] == "alphabetical" else _order(by["columnId"], columns)
            order = {path: parameters["orderDirection"]}
            field, size = column["sourceField"], parameters["size"]
            return {"terms": {"field": field, "size": size, "order": order}}
        case other:
            raise AssertionError(f"no aggregation for {other}")


def _order(name: str, columns: dict[str, Any]) -> str:
    """What Elasticsearch is asked to order by: a number, which `top_hits` has none of."""
    column = columns[name]
    assert not column["isBucketed"]
    if column["operationType"] == "count":
        return "_count" if column.get("filter") is None else name
    assert column["operationType"] != "last_value", "Lens can't order by a last value of text"
    path = f"{name}>inner" if column.get("filter") is not None else name
    if column["operationType"] in ("median", "percentile"):
        path += f".{column['params'].get('percentile', 50)}"
    return path
