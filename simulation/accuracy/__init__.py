"""How well the shipped rules do on simulated and recorded markets: ``make accuracy``."""
