"""Values that are good text and that no event has: what somebody wrote in another language's way.

Such a rule is sound, and stays silent for ever. Only fields are looked at whose values have no
spaces, signs and lists in them, such as ids and symbols; of others, such text may be meant.
"""

import re
from collections.abc import Collection, Sequence

from detections.rules.address_check import wrong_address
from detections.rules.document import Reading
from pipeline.problems import Problem
from pipeline.yaml_nodes import Node, ScalarNode

#: The last part of the names of such fields.
_NAMES = frozenset(
    (
        *("id", "ids", "account", "address", "cluster", "labels", "jurisdiction", "accreditation"),
        *("symbol", "instrument", "venue", "currency", "network", "standard", "hash", "user"),
        *("client_id", "maker_order_id", "taker_order_id", "order_ids", "from", "to"),
    )
)
#: Those that may be a person's or a company's name, as Müller, Hans and Smith and Sons, or what
#: somebody made up of several parts, as ACME|BLOCK.
_NAMING = frozenset(("id", "account", "cluster", "user", "client_id"))
_TRADED = frozenset(("symbol", "instrument", "currency"))
#: Names of an index, of a currency, and of a bond with its coupon.
_TICKER = re.compile(r"\^[\w.-]+|[\w.-]+\$|[^%]*[0-9]%")
_OR = re.compile(r"\sor\s", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*[,;|]\s*|\s+(?:or|and)\s+", re.IGNORECASE)
_SIGNED = re.compile(r"(==?|!=?|<>|not\s)\s*(\S+)", re.IGNORECASE)
_QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"")
_SLASHES = re.compile(r"/(.+)/")
_EXPRESSION = re.compile(r"\^.*|\.\*.*|.*\$|.*(?:\[[^]]+\]|\\[dws])[*+{].*")
_BARE = re.compile(r"[A-Za-z_][\w.:-]*")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{35,70}")
_SEVERAL = "this is one text, which no event has: several values are a list"
_LONGEST = 1_000


def list_meant(text: str, choices: Collection[str] | None = None) -> str | None:
    """The list that a text such as `A, B` or `A or B` was meant to be, of these choices."""
    if len(text) > _LONGEST:
        return None
    parts = _BETWEEN.split(text.strip())
    if len(parts) < 2 or not all(parts) or any(re.search(r"\s", part) for part in parts):
        return None
    if choices is not None and not all(part in choices for part in parts):
        return None
    return f"[{', '.join(_written(part) for part in parts)}]"


def check_wording(
    reading: Reading,
    field: str,
    modifiers: Sequence[str],
    node: ScalarNode,
    lists: Collection[str],
) -> bool:
    """Whether no more than its value stands in the text. Warns where there seems to be more.

    `lists` are the names of reference lists.
    """
    text = node.text
    if text[:1] == text[-1:] == "%" and text[1:-1] in lists and "expand" not in modifiers:
        key = "|".join((field, *modifiers, "expand"))
        message = f"this is the text {text}, and not the list of that name"
        _warn(reading, node, message, f'{key}: "{text}"')
        return False
    last = field.rpartition(".")[2]
    if last not in _NAMES or set(modifiers) - {"all", "neq", "cased"}:
        return True
    meant = list_meant(text)
    if meant is not None and (last not in _NAMING or _OR.search(text) or _are_ids(text)):
        _warn(reading, node, _SEVERAL, meant)
    elif (meant := _as_ours(field, modifiers, text)) is not None:
        _warn(reading, node, "this is looked for as it stands here, sign for sign", meant)
    else:
        return True
    return False


def check_sizes(reading: Reading, modifiers: Sequence[str], node: Node, count: int) -> None:
    """Warn of several sizes, of which one is enough: somebody meant a range."""
    if reading.foreign or count < 2 or not {"gt", "gte", "lt", "lte"} & set(modifiers):
        return
    reading.report(
        node,
        "rule/value",
        "one of these is enough, so that the others say nothing",
        severity="warning",
        expected="one number; a range is two items, |gte and |lte",
    )


def listed_problem(node: ScalarNode) -> Problem | None:
    """What is odd in a value of a reference list, whose field isn't known."""
    text = node.text
    meant = list_meant(text)
    if meant is not None and _are_ids(text):
        return node.problem("rule/list", _SEVERAL, hint=meant, severity="warning")
    # Shorter ones are the selectors of methods, and other data.
    if _ADDRESS.fullmatch(text) and (wrong := wrong_address(node)) is not None:
        message, expected, advice = wrong
        return node.problem(
            "rule/address", message, severity="warning", expected=expected, advice=advice
        )
    return None


def entity_problem(node: ScalarNode) -> Problem | None:
    """What is odd in an entity that an exception names."""
    if "*" in node.text:
        message = "an entity is named whole: this is one with a star in it"
        return node.problem("rule/exception", message, severity="warning")
    return listed_problem(node)


def _are_ids(text: str) -> bool:
    """Whether each of the parts of a text has a digit, as the words of a name don't.

    Without a space, it may be one id of two parts, as auth0|5f7c8e, unless they begin alike.
    """
    parts = _BETWEEN.split(text.strip())
    alike = len({re.sub("[0-9]", "0", part[:1]) for part in parts}) == 1
    return all(re.search("[0-9]", part) for part in parts) and (alike or " " in text)


def _as_ours(field: str, modifiers: Sequence[str], text: str) -> str | None:
    """How a field with a value in another language's form is written here."""
    neq = "|neq" if "neq" in modifiers else ""
    traded = field.rpartition(".")[2] in _TRADED
    if len(text) > _LONGEST or (traded and _TICKER.fullmatch(text)):
        return None
    if (bare := text.strip()) != text and bare:
        return f"{field}{neq}: {_written(bare)}"
    if (found := _QUOTED.fullmatch(text)) is not None:
        return f"{field}{neq}: {_written(found[1] or found[2])}"
    if (found := _SIGNED.fullmatch(text)) is not None:
        return f"{field}{neq if found[1].startswith('=') else '|neq'}: {_written(found[2])}"
    if (found := _SLASHES.fullmatch(text)) is not None:
        return f"{field}|re{neq}: {_written(found[1])}"
    if _EXPRESSION.fullmatch(text):
        return f"{field}|re{neq}: {_written(text)}"
    if text != "%" and "%" in (text[:1], text[-1:]) and not re.search(r"\s", text):
        return f"{field}{neq}: {_written(re.sub('^%|%$', '*', text))}"
    return None


def _written(text: str) -> str:
    """As it can stand in YAML, and ends plainly where a question mark follows."""
    return text if _BARE.fullmatch(text) else f'"{text}"'


def _warn(reading: Reading, node: ScalarNode, message: str, hint: str) -> None:
    reading.report(node, "rule/value", message, severity="warning", hint=hint)
