"""What people call rules: by id, name or title, or by the file that holds no other."""

from collections.abc import Iterable, Mapping
from pathlib import PurePath

from detections.rules.model import Rule


def rule_names(rules: Iterable[Rule]) -> Mapping[str, str]:
    """Every name in lower case, to the rule's id. What two rules are called names neither."""
    known = list(rules)
    files: dict[str, list[str]] = {}
    for rule in known:
        files.setdefault(rule.location.file, []).append(rule.id)
    called: dict[str, set[str]] = {}
    for rule in known:
        names = [rule.id, rule.name, rule.title]
        if len(files[rule.location.file]) == 1:
            names.append(PurePath(rule.location.file).stem)
        for name in filter(None, names):
            called.setdefault(name.lower(), set()).add(rule.id)
    return {name: next(iter(ids)) for name, ids in called.items() if len(ids) == 1}
