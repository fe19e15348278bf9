"""Stateful detections, one file each. A rule names one and sets its parameters."""
