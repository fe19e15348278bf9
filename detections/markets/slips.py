"""Prices at which a market never was: a slip of somebody's hand, or meant to hide how it goes."""

#: So far off, as a part of the others, is a price that none comes back from at once.
FAR_OFF = 0.1


def is_slip(before: float, price: float, behind: float, off: float = FAR_OFF) -> bool:
    """Whether a price is so far off both the one before and the one behind, on the same side."""
    low, high = (before, behind) if before < behind else (behind, before)
    return price > high * (1 + off) or price < low * (1 - off)
