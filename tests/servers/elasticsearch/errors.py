"""What can go wrong before a test has its Elasticsearch."""


class ElasticsearchUnavailable(Exception):
    """This machine lacks something that a node needs; the message says what to install."""


class ElasticsearchFailed(Exception):
    """Everything was there, but the node did not start; the message ends with its log."""
