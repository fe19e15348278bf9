"""A social feed through the whole product: to its asset's lane, and into an alert on a price."""

from pathlib import Path

from tests.cli.test_social_feeds import RULES, pump_of
from tests.end_to_end.pipeline_run import Installation

REFERENCE = """
tokens:
  - id: acme
    symbol: ACME
    instruments: [{venue: acme-ats, symbol: ACME-USD}]
"""
SECRET = "Erika Mustermann says buy"


def test_what_was_said_meets_its_token_in_a_lane_and_nobody_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokens.yaml").write_text(REFERENCE)
    (tmp_path / "orders").mkdir()
    pumped = pump_of(tmp_path / "made", token="acme")
    made = Installation(
        tmp_path,
        reference=["tokens.yaml"],
        sources=[
            {"name": "orders", "type": "order_log", "path": "orders", "venue": "acme-ats"},
            {"name": "chatter", "type": "social_feed", "path": "chatter"},
        ],
        detections={
            "rules": [
                str(RULES / "pump_and_dump" / "pump_begins.yml"),
                str(RULES / "price_and_volume" / "social_volume.yml"),
            ],
            "lanes": 4,
        },
    )
    (tmp_path / "chatter").mkdir()
    wrong = f'{{"type":"announcement","text":"{SECRET}"}}\n'
    (tmp_path / "chatter" / "1.ndjson").write_text(pumped.said.read_text() + wrong)
    with made.running() as run:
        run.until(lambda: len(made.alerts()) == 1, 60)
        pumped.traded.rename(tmp_path / "orders" / "1.ndjson")
        run.until(lambda: len(made.alerts()) == 2, 60)
    told = [alert["event"]["reason"] for alert in made.alerts()]
    assert "telegram had 200 messages within 5 min, 20 times what is usual" in told[-1]
    assert told[-1].startswith("ACME-USD on acme-ats rose by 5%")
    said = [one for one in made.documents("events") if one["event"]["action"] == "social-volume"]
    assert {one["token"]["symbol"] for one in said} == {"ACME"}
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.parent.name != "chatter":
            assert SECRET.encode() not in path.read_bytes(), path
