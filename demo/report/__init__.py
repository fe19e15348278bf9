"""The page that a session leaves: one HTML file to show around."""

from demo.report.page import write_report
from demo.report.story import Latency

__all__ = ["Latency", "write_report"]
