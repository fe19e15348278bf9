"""Kibana: what is installed in it, and the client of its HTTP API."""
