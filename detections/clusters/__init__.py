"""Clusters of addresses: who is one with whom, why, and what an analyst says to that.

:mod:`detections.clusters.clustering` is the whole of it, pure; :mod:`detections.clusters.stage`
runs it on the bus.
"""
