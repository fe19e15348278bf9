"""The tape in the venues' own wire formats."""
