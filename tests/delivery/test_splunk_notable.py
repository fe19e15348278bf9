"""Cases as notable events, against the strict HEC receiver."""

import re

from delivery.endpoint import HttpOptions
from delivery.sink import Delivered
from delivery.splunk_hec_sink import SplunkHecSink
from delivery.splunk_notable import NotableEnvelope
from normalizer.events.ecs import nest
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.delivery.documents import alert, document
from tests.evidence.cases.examples import Worked
from tests.servers.hec import HecReceiver


def fields(raw: str) -> dict[str, str]:
    """As Splunk's automatic extraction finds them."""
    return dict(re.findall(r'(\w+)="([^"]*)"', raw))


async def test_a_case_is_a_notable_when_it_is_opened_and_reopened(hec: HecReceiver) -> None:
    envelope = NotableEnvelope("notable", "threat", "surveillance")
    sink = SplunkHecSink(
        "es",
        SecretText(hec.url),
        SecretText(hec.token),
        HttpOptions(timeout=2 * SECOND),
        notables=envelope,
    )
    worked = Worked("low")
    worked.do("assigned", "boss", assignee="alice")
    worked.do("closed", "bob", resolution="explained")
    worked.do("reopened", "carol", why='new "facts"')
    batch = [document("cases", one.id, nest(one)) for one in worked.activities]
    await sink.open()
    assert await sink.deliver([*batch, alert(1)]) == Delivered(written=2, skipped=3)
    assert await sink.deliver(batch) == Delivered(already=2, skipped=2)
    await sink.close()
    opened, reopened = hec.events
    assert (opened.index, opened.sourcetype) == ("notable", "stash")
    assert opened.source == "Threat - Tapewatch Wash Trading - Rule"
    found = fields(opened.event)
    assert found == {
        "search_name": "Threat - Tapewatch Wash Trading - Rule",
        "rule_name": "Threat - Tapewatch Wash Trading - Rule",
        "rule_title": "Wash trading in ACME",
        "rule_description": "Wash trades",
        "security_domain": "threat",
        "severity": "low",
        "status": "1",
        "owner": "unassigned",
        "orig_event_id": worked.activities[0].id,
        "case_id": "TW-1",
        "typology": "wash_trading",
        "entities": "0xaaa",
        "orig_rule_id": "11111111-0000-0000-0000-000000000001",
        "orig_rule_name": "Wash trades",
        "drilldown_name": "All that was done to TW-1",
        "drilldown_search": "search index=surveillance surveillance.case.id=TW-1",
    }
    again = fields(reopened.event)
    assert (again["status"], again["owner"]) == ("2", "alice")
    assert again["rule_description"] == "new 'facts'"
