"""FIX 4.4 sessions: drop copies with accounts, and market data."""
