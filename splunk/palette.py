"""Colours of the dashboards, readable for the colour-blind on light and on dark ground.

Source: M. Okabe and K. Ito, Color Universal Design, 2008.
"""

from collections.abc import Mapping

#: Fills of Sigma's levels, those of Kibana's dashboards.
SEVERITIES: Mapping[str, str] = {
    "critical": "#D55E00",
    "high": "#E69F00",
    "medium": "#0072B2",
    "low": "#56B4E9",
    "informational": "#999999",
}
#: Text on these fills, with a contrast of 4.5 or more (WCAG 2.2, 1.4.3).
ON_SEVERITIES: Mapping[str, str] = {
    "critical": "#000000",
    "high": "#000000",
    "medium": "#FFFFFF",
    "low": "#000000",
    "informational": "#000000",
}
#: Large figures of these levels, with a contrast of 3 or more to white and to black.
FIGURES: Mapping[str, str] = {
    "critical": "#D55E00",
    "high": "#C27C00",
    "medium": "#0072B2",
    "low": "#2E86C1",
}
SERIES = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#B8A900",
    "#8C8C8C",
)
