"""Suspicious reports: prepared from a case, approved by a second person, and submitted."""
