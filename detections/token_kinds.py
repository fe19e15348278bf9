"""Which token a transfer is of, where one contract has several."""

from normalizer.events.chain import TokenTransfer


def kind_of(move: TokenTransfer) -> str:
    """The token's id or contract; of an ERC-1155 token with the kind, `acme:7`.

    What is of one kind is worth the same, and of another one something else, so amounts of two
    kinds are never added up. Of ERC-721 all items are one token here, of which somebody holds so
    many: they have no operator, by which the two are told apart.
    """
    token = move.token_id or move.contract or move.token_address or ""
    if move.item_id is None or move.authority is None:
        return token
    return f"{token}:{move.item_id}"


def kind_name(move: TokenTransfer) -> str:
    """As a sentence adds it to the token's name: ` of kind 7`, or nothing."""
    if move.item_id is None or move.authority is None:
        return ""
    return f" of kind {move.item_id}"
