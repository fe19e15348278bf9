"""What happened in markets: prices, trades, who moved them, and what was said meanwhile."""
