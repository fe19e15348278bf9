"""New rules, each with a test beside it: good as they are, and meant to be changed."""
