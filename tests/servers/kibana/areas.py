"""The areas of the API that the double has unless a test says otherwise."""

from tests.servers.kibana.case_settings import CaseSettings
from tests.servers.kibana.connectors import Connectors
from tests.servers.kibana.dashboards_api import DashboardsApi
from tests.servers.kibana.detection_engine import ExceptionLists, Rules
from tests.servers.kibana.double import Area
from tests.servers.kibana.saved_objects import SavedObjects
from tests.servers.kibana.spaces import Spaces
from tests.servers.kibana.timelines import Timelines


def all_areas() -> list[Area]:
    """New ones, with nothing in them."""
    return [
        Spaces(),
        SavedObjects(),
        DashboardsApi(),
        Connectors(),
        Timelines(),
        ExceptionLists(),
        Rules(),
        CaseSettings(),
    ]
