"""The areas of the API that the double has unless a test says otherwise."""

from tests.servers.kibana.double import Area, Spaces


def all_areas() -> list[Area]:
    """New ones, with nothing in them."""
    return [Spaces()]
