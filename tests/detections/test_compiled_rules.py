"""Sigma rules are compiled once for all engines that run them, which keep their state apart."""

from detections.engine.compiled_rules import compiled
from detections.engine.engine import Engine
from detections.rules.rule_set import RuleSet
from normalizer.events.chain import TokenTransfer
from tests.detections.samples import sigma, transfer

ANY_TRANSFER = "  s: {event.action: token-transfer}\n  condition: s"
LARGE = "  s: {token.amount|gte: 50}\n  condition: s"


def test_engines_of_the_same_rules_share_programs_and_nothing_that_they_know() -> None:
    ruleset = sigma(ANY_TRANSFER)
    one, other = Engine(ruleset), Engine(ruleset)
    assert one.book.of_record(TokenTransfer).program is other.book.of_record(TokenTransfer).program
    assert len(one.process([transfer(1)])) == 1
    assert one.process([transfer(1)]) == []
    assert len(other.process([transfer(1)])) == 1


def test_engines_of_other_rules_have_programs_of_their_own_also_in_turn() -> None:
    any_, large, none = sigma(ANY_TRANSFER), sigma(LARGE), RuleSet()
    for _ in range(3):
        found = [len(Engine(of).process([transfer(amount=9.0)])) for of in (any_, large, none)]
        assert found == [1, 0, 0]


def test_no_more_are_kept_than_run_and_come() -> None:
    first = sigma(ANY_TRANSFER).sigma
    made = compiled(first)
    assert compiled(first) is made
    second = compiled(sigma(LARGE).sigma)
    assert compiled(first) is made
    compiled(sigma(LARGE).sigma)
    assert compiled(first) is made
    assert compiled(second.given) is not second
