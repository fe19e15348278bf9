"""What of a person a field can tell, and what a sink may get of it.

A field of the records names its class where it is declared (``described(..., personal=...)`` in
``normalizer.events.fields``); the configuration says per sink what becomes of each class. Names,
birth dates and documents are in none of them: they stay in the source.
"""

from typing import Literal

#: ``mixed``: a list of values of several of the other classes; each is treated as its own.
Personal = Literal[
    "identity", "wallet", "account", "attribute", "staff", "text", "encoded", "mixed"
]

#: ``hash``: HMAC-SHA-256 with the sink's key, so that the same value stays the same value there.
MaskAction = Literal["keep", "hash", "drop"]

PERSONAL: dict[Personal, str] = {
    "identity": "a pseudonymous id of an investor, or of a group of them",
    "wallet": "an address on a chain, which public records may lead on from",
    "account": "an account at a venue, or what its holder chose to be known by there",
    "attribute": "what is known of an investor: jurisdiction, accreditation, labels",
    "staff": "who works with Tapewatch: authors of rules, operators",
    "text": "a sentence, which may name any of them",
    "encoded": "data as a contract logged it, in which addresses may be encoded",
    "mixed": "addresses, accounts and ids in one list; each is treated as what it is",
}
