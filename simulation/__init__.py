"""A market to test on: agents who trade honestly, abusers coded from the regulators' definitions.

It is seeded, writes the venues' and nodes' own wire formats, and knows the truth about itself. What
the abusers do comes from statutes, enforcement documents and papers, never from our detections: the
import contract holds :mod:`simulation` away from them, but for :mod:`simulation.accuracy`, which
measures.
"""
