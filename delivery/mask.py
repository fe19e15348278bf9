"""Masks what a document says of persons, as the configuration of its sink wants it.

Every field of the records names its class (``normalizer.events.taxonomy``). A value of a masked
field is dropped, or replaced by a keyed hash: ``h:`` and the first 128 bits of HMAC-SHA-256 in
hexadecimal, so the same value is the same text in all documents of the sink, and nobody without the
key can find out of which value, not even by trying all of them.

Two kinds of fields hold values of others. A list that mixes addresses, accounts and ids
(``related.user``, ``surveillance.entities``) is masked value by value: as the field of this
document that has the same value, else by its form. In a sentence (``event.reason``, ``message``)
everything that this document's masked fields and lists hold is replaced, and whatever has the form
of an address or of one of our pseudonyms. A dropped value is ``***`` there.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from msgspec import Struct

from normalizer.events.taxonomy import FieldInfo, fields
from pipeline.config.mask import Mask
from pipeline.personal_data import MaskAction
from pipeline.pseudonyms import PSEUDONYM
from pipeline.secrets import SecretError

DROPPED = "***"
LEAST_KEY_BYTES = 16
_DIGITS = 32
#: `0x` with 20 bytes: an EVM address. More digits are a hash, which names nobody.
_EVM = r"0x[0-9a-fA-F]{40}(?![0-9a-fA-F])"
_IS_EVM = re.compile(_EVM)
#: Base58 and bech32 of the lengths that addresses of other chains have: 25 bytes and more. The
#: signatures of Solana's transactions are longer.
_OTHER_ADDRESS = (
    r"(?:(?=[A-Za-z]*[1-9])[1-9A-HJ-NP-Za-km-z]{26,44}|[a-z]{2,8}1[0-9a-z]{38,88})"
    r"(?![0-9A-Za-z_])"
)
_IS_OTHER_ADDRESS = re.compile(_OTHER_ADDRESS)
#: The id of a cluster that was found (:mod:`detections.clusters.components`).
_CLUSTER = r"(?<![0-9A-Za-z_-])cluster-[0-9a-f]{16}(?![0-9A-Za-z_])"
_IS_CLUSTER = re.compile(_CLUSTER)
#: Where tokens come from and go to when they are made and burnt.
_NOBODY = "0x" + 40 * "0"
#: The more is hidden, the later.
_ACTIONS: tuple[MaskAction, ...] = ("keep", "hash", "drop")


class MaskError(Exception):
    """The mask can't be applied: nothing may be sent. The message has no secret."""


class _Masked(Struct, frozen=True):
    """A field and what becomes of it. `path` leads to it in the nested document."""

    path: tuple[str, ...]
    action: MaskAction
    #: Whether addresses of contracts stay in it.
    wallet: bool = False


class _Plan(Struct):
    """What there is to do in the documents of one `event.action`."""

    plain: list[_Masked]
    mixed: list[_Masked]
    texts: list[_Masked]
    #: Addresses of contracts: they stay also where they stand in a list or a sentence.
    public: list[tuple[str, ...]]


#: What stands for a value; None: nothing does.
Replacement = str | None


class Masker:
    """Masks documents in place, for one sink."""

    def __init__(self, settings: Mask) -> None:
        """Raises MaskError when the key can't be had or is too short."""
        self._settings = settings
        self._key = _key(settings)
        self._plans: dict[str, _Plan] = {}
        for name, info in fields().items():
            for action in info.records:
                plan = self._plans.setdefault(action, _Plan([], [], [], []))
                self._add(plan, name, info)

    def mask(self, document: dict[str, Any]) -> None:
        """Mask a nested ECS document of one of our records, in place."""
        plan = self._plans[document["event"]["action"]]
        replaced: dict[str, Replacement] = {}
        public = {value for path in plan.public for value in _values(document, path)}
        public.add(_NOBODY)
        for field in plan.plain:
            spared = public if field.wallet else set[str]()
            _replace(document, field.path, self._by_action(field.action, spared, replaced))
        for field in plan.mixed:
            _replace(document, field.path, self._by_value(field.action, public, replaced))
        for field in plan.texts:
            if field.action == "hash":
                _replace(document, field.path, lambda text: self._scrubbed(text, public, replaced))
            else:
                _replace(document, field.path, _nothing)

    def _add(self, plan: _Plan, name: str, info: FieldInfo) -> None:
        path = tuple(name.split("."))
        wanted = self._settings.fields.get(name)
        if info.personal is None:
            if wanted in ("hash", "drop"):
                plan.plain.append(_Masked(path, wanted))
            elif name.endswith(".address"):
                plan.public.append(path)
        elif info.personal == "mixed":
            if wanted != "keep" and self._settings.masks_anything:
                plan.mixed.append(_Masked(path, wanted or "keep"))
        elif (action := wanted or self._settings.action(info.personal)) != "keep":
            into = plan.texts if info.personal == "text" else plan.plain
            into.append(_Masked(path, action, info.personal == "wallet"))

    def _by_action(
        self, action: MaskAction, spared: set[str], replaced: dict[str, Replacement]
    ) -> Callable[[Any], Replacement]:
        def replace(value: Any) -> Replacement:
            if not isinstance(value, str):  # a number has too few values for a hash to hide it
                return None
            if value in spared:
                return value
            found = self._hash(value) if action == "hash" else None
            # Dropped in one field and hashed in another: dropped wherever else it stands.
            replaced[value] = found if replaced.get(value, "") is not None else None
            return found

        return replace

    def _by_value(
        self, least: MaskAction, public: set[str], replaced: dict[str, Replacement]
    ) -> Callable[[Any], Replacement]:
        def replace(value: str) -> Replacement:
            if value in replaced:
                return None if least == "drop" else replaced[value]
            action = "keep" if value in public else self._action_of(value)
            action = max(action, least, key=_ACTIONS.index)
            if action == "keep":
                return value
            replaced[value] = found = self._hash(value) if action == "hash" else None
            return found

        return replace

    def _action_of(self, value: str) -> MaskAction:
        """By the form of a value of which no field says what it is."""
        mask = self._settings
        if _IS_EVM.fullmatch(value):
            return mask.wallet
        if PSEUDONYM.fullmatch(value) or _IS_CLUSTER.fullmatch(value):
            return mask.identity
        possible: list[MaskAction] = [mask.identity, mask.account]
        if _IS_OTHER_ADDRESS.fullmatch(value):
            possible.append(mask.wallet)
        return max(possible, key=_ACTIONS.index)

    def _scrubbed(
        self, text: str, public: set[str], replaced: Mapping[str, Replacement]
    ) -> Replacement:
        patterns = [
            rf"(?<![0-9A-Za-z_]){re.escape(word)}(?![0-9A-Za-z_])"
            for word in sorted(replaced, key=len, reverse=True)
            if word
        ]
        if self._settings.wallet != "keep":
            patterns += (_EVM, rf"(?<![0-9A-Za-z_]){_OTHER_ADDRESS}")
        if self._settings.identity != "keep":
            patterns += (PSEUDONYM.pattern, _CLUSTER)
        if not patterns:
            return text

        def stand_in(found: re.Match[str]) -> str:
            word = found[0]
            if word in replaced:
                return replaced[word] or DROPPED
            if word in public or word.lower() in public:
                return word
            lower = word.lower() if word.startswith("0x") else word
            if lower in replaced:
                return replaced[lower] or DROPPED
            action = self._action_of(word)
            return self._hash(lower) if action == "hash" else DROPPED

        return re.sub("|".join(patterns), stand_in, text)

    def _hash(self, value: str) -> str:
        return "h:" + hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()[:_DIGITS]


def _key(settings: Mask) -> bytes:
    if not settings.hashes:
        return b""
    if settings.key is None:
        raise MaskError("mask: `hash` needs a `key`")
    try:
        key = settings.key.reveal().encode()
    except SecretError as error:
        raise MaskError(f"mask.key: {error}") from None
    if len(key) < LEAST_KEY_BYTES:
        raise MaskError(f"mask.key: a key of {LEAST_KEY_BYTES} bytes or more is wanted")
    return key


def _nothing(value: Any) -> Replacement:
    return None


def _replace(
    document: dict[str, Any], path: tuple[str, ...], replacement: Callable[[Any], Replacement]
) -> None:
    """Put in the place of the value, or of each in a list, what stands for it."""
    *groups, leaf = path
    part: Any = document
    for group in groups:
        part = part.get(group)
        if part is None:
            return
    value = part.get(leaf)
    if value is None:
        return
    if isinstance(value, list | tuple):
        items = (replacement(item) for item in cast("list[Any]", value))
        found: Any = [item for item in items if item is not None]
    else:
        found = replacement(value)
    if found is None or found == []:
        del part[leaf]
    else:
        part[leaf] = found


def _values(document: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    part: Any = document
    for step in path:
        part = part.get(step)
        if part is None:
            return
    if isinstance(part, str):
        yield part
