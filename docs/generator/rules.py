"""``rules.md``: the rules that come with Tapewatch."""

from pathlib import Path

from detections.rules import CorrelatorRule, SigmaRule, load_rules
from detections.typologies import TYPOLOGIES
from docs.generator.markdown import code, document, sentence, table

ROOT = Path(__file__).parents[2]
_INTRODUCTION = """\
The rules in [sigma_rules](../../sigma_rules). Each has its tests beside it, in `NAME.test.yml`."""


def page() -> str:
    """The page."""
    loaded = load_rules([ROOT / "sigma_rules"])
    rules = sorted(
        (*loaded.sigma, *loaded.correlators),
        key=lambda one: (one.rule.typology, _file(one), one.rule.title),
    )
    overview = table(
        ("rule", "typology", "level", "kind"),
        [(one.rule.title, code(one.rule.typology), one.rule.level, _kind(one)) for one in rules],
    )
    typologies = dict.fromkeys(one.rule.typology for one in rules)
    parts = [
        "\n\n".join(
            [
                f"## {typology}",
                f"Looks for {TYPOLOGIES[typology]}." if typology in TYPOLOGIES else "",
                *(_section(one) for one in rules if one.rule.typology == typology),
            ]
        )
        for typology in typologies
    ]
    return document("Rules", _INTRODUCTION, overview, *parts)


def _section(one: SigmaRule | CorrelatorRule) -> str:
    rule = one.rule
    path = _file(one)
    facts = [
        f"- Level {rule.level}, status {rule.status}, version {rule.version}, {_kind(one)}",
        f"- Id {code(rule.id)}",
        f"- File [{path}](../../{path})",
    ]
    if rule.references:
        facts.append(f"- References: {', '.join(f'<{url}>' for url in rule.references)}")
    honest = "\n".join(f"- {sentence(text)}" for text in rule.falsepositives)
    return "\n\n".join(
        [
            f"### {rule.title}",
            sentence(rule.description),
            "\n".join(facts),
            f"What looks the same and is honest:\n\n{honest}",
        ]
    )


def _file(one: SigmaRule | CorrelatorRule) -> str:
    return Path(one.rule.location.file).relative_to(ROOT).as_posix()


def _kind(one: SigmaRule | CorrelatorRule) -> str:
    if isinstance(one, SigmaRule):
        return "Sigma"
    return f"correlator [{one.correlator}](correlators.md#{one.correlator})"
