"""An XML document held against the authority's own XML schema, where its file is there.

The schemas are not part of Tapewatch: FinCEN's is at
https://www.fincen.gov/base/EFL_SARXBatchSchema.xsd, goAML's at the portal of each country's unit.
"""

from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from pipeline.failure import CONFIGURATION, Failure

#: Errors that are told one by one.
MOST_TOLD = 50
_MOST_BYTES = 20 * 1024 * 1024


class Validation(Struct, frozen=True, kw_only=True):
    """What a document was held against, and what is wrong with it."""

    against: str
    errors: list[str]


def available() -> bool:
    """Whether xmlschema is installed (extra `reports`)."""
    return find_spec("xmlschema") is not None


def validate(document: bytes, schema: Path) -> Validation:
    """Hold it against a schema. Nothing is loaded but that file. Raises Failure."""
    if not available():
        raise Failure("to hold it against a schema takes: pip install 'tapewatch[reports]'")
    import xmlschema

    if len(document) > _MOST_BYTES:
        raise Failure(f"a report of {len(document):,} bytes is more than anybody takes")
    try:
        # FinCEN's says that it is for processors of version 1.1 only, which read 1.0 as well.
        read = xmlschema.XMLSchema11(
            schema.read_text("utf-8"), base_url=str(schema.parent), allow="local", defuse="always"
        )
        if not read.elements:
            raise Failure(f"{schema} has no element: it is another schema", CONFIGURATION)
        errors = [
            f"{error.path or '/'}: {error.reason or error.message}"
            for error, _ in zip(read.iter_errors(document.decode()), range(MOST_TOLD), strict=False)
        ]
    except OSError as error:
        raise Failure(f"can't read the schema {schema}: {error.strerror}", CONFIGURATION) from None
    except (xmlschema.XMLSchemaException, UnicodeDecodeError) as error:
        raise Failure(
            f"{schema} is no XML schema that can be used: {error}", CONFIGURATION
        ) from None
    return Validation(against=schema.name, errors=errors)
