"""Sources to raw frames: EVM nodes, venues, recordings."""
