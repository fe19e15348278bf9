"""A strict double of Kibana's HTTP API, for tests: see `double.py`."""
