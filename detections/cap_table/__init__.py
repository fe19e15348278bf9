"""Who holds how much of a token since when, derived from its events: pure, exact, bounded.

Regulatory correlators keep the part of it that they need in their state; `tapewatch cap-table`
keeps all of it.
"""
