"""Nested ECS events and Sigma rules, for measuring engines: the same for the same seed.

The events are of some 480 bytes, as a sink has them: transfers, orders, trades and administration
of security tokens, and some of hosts. About one in two thousand matches a rule.
"""

import random
import uuid
from collections.abc import Iterator
from pathlib import Path

_ACTIONS = {
    "token-transfer": 30.0,
    "trade": 20.0,
    "order-placed": 20.0,
    "order-cancelled": 15.0,
    "token-approval": 5.0,
    "pool-swap": 5.0,
    "session-started": 2.0,
    "process-started": 2.0,
    "wallet-frozen": 0.2,
    "agent-added": 0.1,
}
_SYMBOLS = ("ACME", "BETA", "GAMA", "DELT")
_COMMANDS = ("cmd.exe /c whoami", "powershell -NoProfile -c dir", "ls -la /srv", "python settle.py")
_LEVELS = ("low", "medium", "high")


def events(count: int, seed: int = 5) -> Iterator[str]:
    """Lines of NDJSON, in order of event time, 200 a second."""
    chance = random.Random(seed)
    actions, weights = list(_ACTIONS), list(_ACTIONS.values())
    picked = iter(())
    for number in range(count):
        action = next(picked, None)
        if action is None:
            picked = iter(chance.choices(actions, weights, k=1_000))
            action = next(picked)
        millisecond = number * 5
        second = millisecond // 1_000
        moment = (
            f"2026-01-{1 + second // 86_400:02d}T{second // 3_600 % 24:02d}:"
            f"{second // 60 % 60:02d}:{second % 60:02d}.{millisecond % 1_000:03d}000000Z"
        )
        outcome = "failure" if chance.random() < 0.01 else "success"
        yield (
            f'{{"@timestamp":"{moment}","ecs":{{"version":"9.4.0"}},'
            f'"event":{{"module":"bench","action":"{action}","id":"event-{number}",'
            f'"kind":"event","category":["network"],"outcome":"{outcome}",'
            f'"provider":"source-{chance.randrange(3)}"}},'
            f'"token":{{"symbol":"{chance.choice(_SYMBOLS)}",'
            f'"amount":{round(chance.lognormvariate(4, 2), 2)}}},'
            f'"source":{{"address":"{_address(chance)}","ip":"10.{chance.randrange(256)}.0.7"}},'
            f'"destination":{{"address":"{_address(chance)}"}},'
            f'"user":{{"name":"user{chance.randrange(2_000)}"}},'
            f'"process":{{"command_line":"{chance.choice(_COMMANDS)}"}}}}'
        )


def _address(chance: random.Random) -> str:
    return f"0x{chance.randrange(20_000):040x}"


def write_events(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in events(count))


def write_rules(folder: Path, count: int, seed: int = 7) -> None:
    """Sigma rules of the kinds that people write, each kind in the same share."""
    chance = random.Random(seed)
    actions = list(_ACTIONS)
    kinds = (
        lambda: (
            f"""\
  selection:
    event.action: {chance.choice(actions)}
    token.amount|gte: {chance.randrange(30_000, 90_000)}
  condition: selection"""
        ),
        lambda: (
            f"""\
  selection:
    event.action: {chance.choice(actions)}
    event.outcome: failure
    token.symbol: {chance.choice(_SYMBOLS)}
    token.amount|gt: {chance.randrange(2_000, 9_000)}
  filter_known:
    user.name|startswith: user1
  condition: selection and not 1 of filter_*"""
        ),
        lambda: (
            f"""\
  selection:
    source.address:
      - "0x{chance.randrange(10**9):040x}"
      - "0x{chance.randrange(10**9):040x}"
  condition: selection"""
        ),
        lambda: (
            f"""\
  selection:
    process.command_line|contains: "{chance.randrange(10**6):06d}.exe"
  condition: selection"""
        ),
        lambda: (
            f"""\
  selection:
    event.action: [token-transfer, token-approval]
    source.ip|cidr: 10.{chance.randrange(256)}.0.0/16
    token.amount|gt: {chance.randrange(1_000, 4_000)}
  condition: selection"""
        ),
        lambda: (
            f"""\
  selection:
    user.name|endswith: "r{chance.randrange(2_000)}"
    event.action: session-started
  other:
    token.amount|lt: 5
  condition: selection and other"""
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        detection = kinds[number % len(kinds)]()
        (folder / f"rule_{number:04d}.yml").write_text(
            f"title: Rule {number}\n"
            f"id: {uuid.UUID(int=chance.getrandbits(128), version=4)}\n"
            f"status: test\nlevel: {_LEVELS[number % 3]}\n"
            f"logsource:\n  product: bench\ndetection:\n{detection}\n"
        )


def write_correlations(folder: Path) -> None:
    """Five correlations, over transfers, failures, cancellations and trades."""
    folder.mkdir(parents=True, exist_ok=True)
    base = {
        "failed_transfer": "{event.action: token-transfer, event.outcome: failure}",
        "cancelled_order": "{event.action: order-cancelled, token.amount|gte: 500}",
        "large_trade": "{event.action: trade, token.amount|gte: 1000}",
        "frozen_wallet": "{event.action: wallet-frozen}",
        "new_agent": "{event.action: agent-added}",
    }
    rules = [
        f"title: {name}\nname: {name}\nid: {uuid.uuid5(uuid.NAMESPACE_URL, name)}\n"
        f"logsource:\n  product: bench\n"
        f"detection:\n  selection: {selection}\n  condition: selection\n"
        for name, selection in base.items()
    ]
    correlations = (
        ("event_count", "failed_transfer", "user.name", "10m", "{gte: 3}"),
        ("value_count", "failed_transfer", "source.ip", "30m", "{field: user.name, gte: 12}"),
        ("event_count", "cancelled_order", "user.name", "5m", "{gte: 4}"),
        ("value_sum", "large_trade", "token.symbol", "1m", "{field: token.amount, gte: 400000}"),
    )
    for number, (kind, rule, group, span, condition) in enumerate(correlations):
        rules.append(
            f"title: Correlation {number}\n"
            f"id: {uuid.uuid5(uuid.NAMESPACE_URL, f'correlation-{number}')}\n"
            f"status: test\nlevel: high\n"
            f"correlation:\n  type: {kind}\n  rules: [{rule}]\n  group-by: [{group}]\n"
            f"  timespan: {span}\n  condition: {condition}\n"
        )
    rules.append(
        f"title: Correlation 4\nid: {uuid.uuid5(uuid.NAMESPACE_URL, 'correlation-4')}\n"
        "status: test\nlevel: high\n"
        "correlation:\n  type: temporal\n  rules: [frozen_wallet, new_agent]\n"
        "  group-by: [token.symbol]\n  timespan: 1m\n"
    )
    (folder / "correlations.yml").write_text("---\n".join(rules))
