"""Colours of the dashboards, readable for the colour-blind on light and on dark ground.

Source: M. Okabe and K. Ito, Color Universal Design, 2008.
"""

from collections.abc import Mapping

SEVERITIES: Mapping[str, str] = {
    "critical": "#D55E00",
    "high": "#E69F00",
    "medium": "#56B4E9",
    "low": "#009E73",
    "informational": "#8C8C8C",
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
