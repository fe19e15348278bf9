"""A real Elasticsearch 9.4.3 for tests and for a person who wants one by hand.

Tests use the fixtures of `tests/fixtures/elasticsearch.py`. By hand:
`python -m tests.servers.elasticsearch start` and `… stop`.
"""
