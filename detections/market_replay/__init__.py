"""The market around alerts, to be drawn and played again: prices, the book, whose orders."""
