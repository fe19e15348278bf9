"""Sigma rules to queries of Elastic and Splunk, by pySigma's backends.

A rule's conditions are first fitted to the target: what it takes otherwise than our engine does is
rewritten to what it takes alike; where that can't be done, it is refused or warned of with the
place in the rule. What is left goes through the backend.
"""
