"""Abusers, each coded from the definition it names: a statute, an enforcement document, a paper."""
