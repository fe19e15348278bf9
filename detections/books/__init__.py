"""What the orders of a market look like: books, who shows what there, and who takes it off."""
