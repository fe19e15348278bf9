"""``solana.md``: the instructions of Solana's token programs, and what each becomes."""

from msgspec import Struct

from docs.generator.markdown import anchor, code, document, table
from normalizer.decoders.solana_layouts import Layout
from normalizer.decoders.solana_token_events import records_of
from normalizer.decoders.solana_token_instructions import known_instructions

_INTRODUCTION = """\
The instructions of SPL Token and Token-2022 that Tapewatch reads, top-level ones and those that
other programs call, by their first byte (with the second one of an extension, or the first eight of
an interface). Both programs have the numbers up to 24; the others are Token-2022's.

What comes of an instruction is told of watched mints, and where its transaction succeeded. A
transfer of a failed one is a [`token-transfer-refused`](fields.md#token-transfer-refused) where the
token's program or its transfer hook failed first. An instruction that becomes a
[`program-instruction`](fields.md#program-instruction) is kept with its accounts and values, for
rules of your own; one that isn't known, with its bytes and the tag `undecoded`. What gives a mint
an extension is told with the mint, in [`mint-initialized`](fields.md#mint-initialized)."""

_NOTES = {
    "burn": "By a permanent delegate: the tag `forced`.",
    "transfer": "By a permanent delegate: `token.transfer.type: forced`.",
    "set-authority": "A role taken and granted; the owner of an account: a transfer of all in it.",
    "close-account": "Of the mint itself: `program-instruction`.",
    "revoke": "An approval of nothing for nobody.",
    "thaw-account": "Where accounts begin frozen, the tag `default-frozen`.",
}


def page() -> str:
    """The page."""
    rows = [
        (code(number), form.name, _values(form), _records(form), _note(form))
        for number, form in known_instructions()
    ]
    heads = ("first bytes", "instruction", "values", "record", "note")
    return document("Instructions of Solana", _INTRODUCTION, table(heads, rows))


def _values(form: Layout) -> str:
    return ", ".join(code(name) for name, _ in form.values)


def _records(form: Layout) -> str:
    return ", ".join(_link(record) for record in records_of(form)) or "none: counted only"


def _link(record: type[Struct]) -> str:
    action = str(record.__struct_config__.tag)
    return f"[{code(action)}](fields.md{anchor(action)})"


def _note(form: Layout) -> str:
    note = _NOTES.get(form.name, "")
    return f"{note} Amounts are encrypted.".strip() if form.confidential else note
