"""A few seconds of what `python -m tests.fuzz.rules` and `tests.fuzz.events` do for hours."""

import random

from tests.fuzz import events, rules
from tests.fuzz.corpus import BASES, COMPANIONS, PIPELINES, rule_texts
from tests.fuzz.watching import watch


def test_what_the_mutations_begin_with_is_sound() -> None:
    assert events.everything().correlations
    first = {name: texts[0] for name, texts in COMPANIONS.items()}
    for text in rule_texts()[:11]:
        rules.load({"a.yml": text, "bases.yml": BASES, **first}, PIPELINES[0])


def test_a_case_is_the_same_for_the_same_seed() -> None:
    assert rules.make(random.Random("7"))[0] == rules.make(random.Random("7"))[0]


def test_no_rule_file_brings_a_traceback() -> None:
    assert watch(rules.make, 300, seed=2026) == []


def test_no_event_brings_a_traceback() -> None:
    assert watch(events.make, 2, seed=2026) == []
