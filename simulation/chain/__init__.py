"""A chain with pools and tokens, as a node tells of it."""
