"""A token's documents: prospectus, terms, statements (ERC-1643)."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Hash, described


class _Document(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))
    log_name: Annotated[str, described("Name of the event, as the contract has it")] = field(
        name="blockchain.log.name"
    )
    document: Annotated[Hash, described("Name of the document as the contract has it, bytes32")] = (
        field(name="token.document.id")
    )
    document_name: Annotated[str | None, described("It as text, where it is printable")] = field(
        name="token.document.name", default=None
    )
    uri: Annotated[str, described("Where it is kept")] = field(name="token.document.uri")
    document_hash: Annotated[Hash, described("Hash of its content, as the contract says")] = field(
        name="token.document.hash"
    )


class DocumentUpdated(_Document, tag="document-updated", kw_only=True):
    """A document was attached or replaced.

    ERC-1643 ``DocumentUpdated``; ERC-1400 and UniversalToken ``Document``.
    """


class DocumentRemoved(_Document, tag="document-removed", kw_only=True):
    """A document was taken away (ERC-1643 ``DocumentRemoved``)."""
