"""Colours that people with any kind of colour vision can tell apart.

Source: M. Okabe, K. Ito, Color Universal Design, 2008.
"""

#: Kibana's own palette for the colour-blind.
PALETTE = "eui_amsterdam_color_blind"

#: Colours of Sigma's levels, the same in every chart.
LEVELS = {
    "critical": "#D55E00",
    "high": "#E69F00",
    "medium": "#0072B2",
    "low": "#56B4E9",
    "informational": "#999999",
}
