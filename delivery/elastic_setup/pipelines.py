"""Ingest pipelines: what a document goes through that doesn't come from Tapewatch.

What Tapewatch delivers goes through none (its bulk requests say so): what lies in Elasticsearch is
what was delivered, number by number, and no pipeline slows it down. Any other document that
somebody puts into the data streams by the usual ways is tagged, with the time of its arrival and,
where security is on, with who put it. That is a mark, no protection: who may write may also ask for
no pipeline. An administrator who wants a pipeline for everything sets `index.final_pipeline` in a
`@custom` component template.

No document has an IP address, so there is nothing for GeoIP to do: maps go by country codes.

Source: Elasticsearch's REST API reference, "Create or update a pipeline"; the ingest processors'
reference.
"""

from typing import Any

#: The processors that are used in any case.
PROCESSORS = frozenset(("append", "set"))
#: The tag of a document that Tapewatch didn't deliver.
FOREIGN = "foreign"
#: Where it says who put it.
WHO = "surveillance.ingest"


def pipeline_body(*, security: bool) -> dict[str, Any]:
    """The pipeline. `security`: whether the server knows users."""
    processors: list[dict[str, Any]] = [
        {"append": {"field": "tags", "value": [FOREIGN], "allow_duplicates": False}},
        {"set": {"field": "event.ingested", "copy_from": "_ingest.timestamp"}},
    ]
    if security:
        who = {"field": WHO, "properties": ["username"], "ignore_failure": True}
        processors.append({"set_security_user": who})
    return {"processors": processors}
