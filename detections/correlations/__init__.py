"""Sigma correlations over the matches of rules: windows by group, in event time."""
