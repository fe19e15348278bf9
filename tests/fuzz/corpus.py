"""Sound rule files to begin with."""

from functools import cache
from pathlib import Path

from tests.detections.rules.documents import base, correlation, together

_ROOT = Path(__file__).parents[2]
_NO_RULES = (".test", ".exceptions", ".lists")
_BASES = (
    base("mint", "token-transfer", "token.transfer.type: mint"),
    base("large", "token-transfer", "token.amount|gte: 1000.5", "token.symbol|expand: '%list%'"),
    base("trade", "trade"),
)
_CORRELATIONS = (
    "type: event_count\nrules: [mint]\ngroup-by: [token.address]\ntimespan: 5m\n"
    "condition: {gt: 2, lte: 100}\ngenerate: true",
    "type: value_count\nrules: [mint, large]\ngroup-by: [destination.address]\ntimespan: 1h\n"
    "condition: {field: [source.address, token.address], gte: 3}",
    "type: value_sum\nrules: [large]\ntimespan: 1d\ncondition: {field: token.amount_raw, gt: 1e30}",
    "type: value_avg\nrules: [large]\ntimespan: 1d\ncondition: {field: token.amount, lt: 0.5}",
    "type: value_median\nrules: [large]\ntimespan: 1d\ncondition: {field: token.amount, neq: 5}",
    "type: value_percentile\nrules: [large]\ntimespan: 1M\n"
    "condition: {field: token.amount, gte: 5, percentile: 99.5}",
    "type: temporal\nrules: [mint, large, trade]\ntimespan: 90m\ngroup-by: [who]\n"
    "aliases:\n  who: {mint: source.address, large: destination.address, trade: investor.address}\n"
    "condition: mint and (large or not trade)",
    "type: temporal_ordered\nrules: [mint, large, mint]\ntimespan: 1h30m\ncondition: {gte: 2}",
    "type: absence\nrules: [mint, large]\ntimespan: 10s\ngroup-by: token.address",
)
_CHAIN = (
    correlation("type: temporal_ordered\nrules: [many, trade]\ntimespan: 1h", number=99)
    + 'reason: "{correlation.count} in {correlation.timespan}[ by {source.address}]"\n'
)
_FOREIGN = """\
title: Foreign
id: f0000000-0000-4000-8000-000000000001
logsource: {product: windows, category: process_creation}
tags: [attack.t1059, cve.2024-1]
detection:
  timeframe_of_ours: {EventID: [1, 4688]}
  selection:
    CommandLine|contains|all: [' -enc', 'powershell']
    Image|endswith|windash: '\\\\cmd.exe'
    ParentImage|re|i: '^c:\\\\\\\\windows'
    SourceIp|cidr: 10.0.0.0/8
    Hour|hour: 5
    User|fieldref|neq: TargetUser
    Payload|wide|base64offset|contains: foo
    IntegrityLevel|exists: true
  keywords: [evil, 'b?d*', 5]
  filter_main_a: {Image: null}
  filter_main_b:
    - User|cased: System
    - User: ''
  condition:
    - selection and not 1 of filter_main_*
    - keywords or timeframe_of_ours
"""


#: What the others refer to.
BASES = together(*_BASES).encode()


@cache
def rule_texts() -> tuple[bytes, ...]:
    """Files of rules and correlations: ours, and one of everything."""
    correlations = [
        correlation(body, number=number).encode() for number, body in enumerate(_CORRELATIONS, 1)
    ]
    many = correlation(_CORRELATIONS[0]).replace("title:", "name: many\ntitle:")
    return (*correlations, together(many, _CHAIN).encode(), _FOREIGN.encode(), *our_rules())


@cache
def our_rules() -> tuple[bytes, ...]:
    """The product's own files."""
    files = sorted((_ROOT / "sigma_rules").rglob("*.yml"))
    return tuple(path.read_bytes() for path in files if not path.stem.endswith(_NO_RULES))


COMPANIONS: dict[str, tuple[bytes, ...]] = {
    "filter.yml": (
        b"title: Filter\nid: e0000000-0000-4000-8000-000000000001\n"
        b"logsource: {product: tapewatch}\nfilter:\n  rules: [mint, large]\n"
        b"  pool: {investor.source.labels: pool}\n  known_1: {token.symbol|expand: '%list%'}\n"
        b"  condition: not pool and not 1 of known_*\n",
        b"title: Filter\nlogsource: {product: windows}\nfilter:\n  rules: any\n"
        b"  admin: {User|startswith: adm_}\n  condition: not admin\n",
    ),
    "a.lists.yml": (b"lists:\n  list: [ACME, 'W*', 0x12]\n  other: ['a.c']\n",),
    "a.exceptions.yml": (
        b"exceptions:\n  - rules: [mint, large]\n    entities: [INV-1, '0xAB']\n"
        b"    when: {investor.source.labels: custodian, token.amount|lt: 5.5}\n"
        b"    owner: jane@example.com\n    reason: agreed\n    expires: 2027-01-31\n"
        b"  - rules: [trade]\n    when:\n      - market.venue: kraken\n      - token.symbol: ACME\n"
        b"    owner: joe\n    reason: known\n    expires: 2026-01-31\n",
    ),
}
PIPELINES: tuple[bytes, ...] = (
    b"name: p\npriority: 10\nvars: {list: [a, b]}\ntransformations:\n"
    b"  - {id: m, type: field_name_mapping, mapping: {Image: process.executable, "
    b"User: [user.name, user.id], CommandLine: process.command_line}, "
    b"rule_conditions: [{type: logsource, product: windows}]}\n"
    b"  - {type: add_condition, conditions: {host.os: windows, EventID: [1, 2]}, template: true}\n"
    b"  - {type: drop_detection_item, field_name_conditions: "
    b"[{type: include_fields, fields: [Hour]}]}\n"
    b"  - {type: value_placeholders}\n"
    b"  - {type: replace_string, regex: 'c:', replacement: 'd:'}\n"
    b"  - {type: nest, items: [{type: field_name_suffix, suffix: .keyword}]}\n"
    b"  - {type: change_logsource, product: tapewatch, service: chain}\n",
    b"transformations:\n  - {type: map_string, mapping: {a: [b, c]}}\n"
    b"  - {type: set_value, value: 5, field_name_conditions: "
    b"[{type: exclude_fields, fields: [User]}]}\n"
    b"  - {type: wildcard_placeholders}\n  - {type: convert_type, target_type: str}\n"
    b"  - {type: case, method: upper}\n  - {type: hashes_fields, valid_hash_algos: [MD5]}\n",
)
