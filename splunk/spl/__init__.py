"""A part of Splunk's search language: parsed strictly, checked, and evaluated over documents.

No Splunk can be had from a package registry. This is written from Splunk's "Search Reference" for
the commands and functions that the app's searches use, and refuses all others. It serves two ends:
a search that names an unknown command, function or field is found, and panels have rows to be drawn
from. That a search gives rows here doesn't prove what a Splunk makes of it.
"""
