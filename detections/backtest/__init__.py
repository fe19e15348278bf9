"""Rules against events of the past: what they would have found, and what other rules would have."""
