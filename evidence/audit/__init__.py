"""The audit log: an append-only Merkle tree of entries, with signed checkpoints and proofs."""
