"""Whether two letters are a country's, and what people write instead."""

from pipeline.countries import COUNTRIES, alpha_2

#: The European Union has its own two letters for these.
_OF_THE_UNION = {"UK": "GB", "EL": "GR"}


def is_country(text: str) -> bool:
    """Whether these can be the letters of a country, or those that ISO leaves to its users."""
    if text in COUNTRIES:
        return True
    left = text in ("AA", "ZZ") or "QM" <= text <= "QZ" or "XA" <= text <= "XZ"
    return left and len(text) == 2


def country_meant(text: str) -> str | None:
    """The country that a text which is none was probably meant to be."""
    upper = text.upper()
    meant = _OF_THE_UNION.get(upper) or alpha_2(upper) or (upper if is_country(upper) else None)
    return meant if meant != text else None
