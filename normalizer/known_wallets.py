"""The wallets that the reference data knows, whoever they are of."""

from normalizer.reference import Reference


def known_wallets(reference: Reference) -> frozenset[str]:
    """Wallets of investors, labelled and sanctioned addresses, in lower case."""
    wallets = {one.lower() for investor in reference.investors for one in investor.addresses}
    wallets.update(labelled.address.lower() for labelled in reference.addresses)
    wallets.update(sanction.address.lower() for sanction in reference.sanctions)
    return frozenset(wallets)
