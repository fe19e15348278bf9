"""What a rule says of itself, and where its events come from."""

import pytest

from tests.detections.rules.documents import HEADER, base, correlation, part, rules, the_problem

SERVICE = "logsource: {{product: tapewatch, service: {}}}\n"


def rule(service: str, action: str) -> str:
    return (
        HEADER
        + SERVICE.format(service)
        + f"detection:\n  s: {{event.action: {action}}}\n  condition: s\n"
    )


def test_a_rule_may_have_a_name_a_note_and_be_on_trial() -> None:
    text = rule("chain", "token-transfer") + (
        "name: my_rule\nnote: >\n  Look at the wallet's history.\nstaged: true\n"
    )
    (found,) = rules(text).sigma
    assert found.rule.name == "my_rule"
    assert found.rule.note == "Look at the wallet's history."
    assert found.rule.staged


def test_a_rule_on_trial_is_another_version_of_the_rule() -> None:
    # Its alerts are others: nobody was notified of them.
    text = rule("chain", "token-transfer")
    (live,), (staged,) = rules(text).sigma, rules(text + "staged: true\n").sigma
    assert live.rule.id == staged.rule.id
    assert live.rule.hash != staged.rule.hash


@pytest.mark.parametrize(
    ("service", "action"),
    [("chain", "token-transfer"), ("chain", "pool-swap"), ("venue", "trade"), ("venue", "'*'")],
)
def test_our_services_are_chain_and_venue(service: str, action: str) -> None:
    assert rules(rule(service, action)).warnings == ()


def test_a_service_that_we_don_t_have() -> None:
    problem = the_problem(rule("chian", "token-transfer"))
    assert (problem.message, problem.hint) == ('our own events have no service "chian"', "chain")


def test_events_of_another_service_are_a_warning() -> None:
    problem = the_problem(rule("chain", "[trade, order-placed]"), severity="warning")
    assert problem.message == ("order-placed or trade events are of the service venue, not chain")
    assert problem.hint == "venue"


def test_one_of_our_services_without_the_product() -> None:
    problem = the_problem(rule("chain", "token-transfer").replace("product: tapewatch, ", ""))
    assert problem.message == (
        "the service chain is of our own events, and their product is missing"
    )
    assert problem.expected == "product: tapewatch"


def test_a_service_of_other_products_is_theirs() -> None:
    text = part("x").replace("{product: tapewatch}", "{product: windows, service: chian}")
    assert rules(text).warnings == ()


COUNT = "type: event_count\nrules: x\ntimespan: 5m\ncondition: {gte: 3}"


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([base("x", "trade") + "parameters: {}\n"], "a Sigma rule has no parameters"),
        ([base("x", "trade") + "generate: true\n"], "a Sigma rule has no generate"),
        (
            [part("x"), correlation(COUNT, extra="detection: {}\n")],
            "a correlation has no detection",
        ),
        (
            [part("x"), correlation(COUNT, extra="logsource: {product: tapewatch}\n")],
            "a correlation has no logsource",
        ),
        (
            [HEADER + "correlator: spoofing\nreason: x\n"],
            "a correlator rule has no reason",
        ),
    ],
)
def test_what_belongs_to_another_kind_of_rule(documents: list[str], message: str) -> None:
    assert the_problem(*documents).message == message


def test_what_isn_t_an_id_is_told_with_what_to_do() -> None:
    problem = the_problem(rule("chain", "token-transfer").replace("7d0f3a6e", "my-rule"))
    assert problem.advice == "make one with: uuidgen"
