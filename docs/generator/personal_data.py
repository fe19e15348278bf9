"""``personal-data.json``: every field that can tell something of a person, for machines."""

import json

from normalizer.events.taxonomy import fields
from pipeline.personal_data import PERSONAL


def page() -> str:
    """The list: what each class is, and by field its class and the records that have it."""
    listed = {
        name: {"personal": field.personal, "type": field.es, "actions": sorted(field.records)}
        for name, field in fields().items()
        if field.personal is not None
    }
    return json.dumps({"classes": PERSONAL, "fields": listed}, indent=1) + "\n"
