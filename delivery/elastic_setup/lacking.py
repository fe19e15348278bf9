"""What an Elasticsearch was found not to have, and what takes its place."""

from msgspec import Struct

from delivery.mappings import FALLBACKS


class Lacking(Struct, frozen=True, kw_only=True):
    """What a server lacks; nothing, by default. `processors` are of ingest pipelines."""

    types: frozenset[str] = frozenset()
    data_stream_lifecycle: bool = False
    ilm: bool = False
    #: The REST interface of data streams; the streams themselves every server has.
    data_stream_interface: bool = False
    security: bool = False
    processors: frozenset[str] = frozenset()

    def described(self, *, roles: bool) -> list[str]:
        """One sentence for each thing that was left out. `roles`: whether they were wanted."""
        said: list[str] = []
        for kind in sorted(self.types):
            instead = FALLBACKS.get(kind)
            what = f"`{instead}` instead" if instead else "its fields are left out"
            said.append(f"the server lacks the field type `{kind}`: {what}")
        if self.data_stream_lifecycle and self.ilm:
            said.append(
                "the server lacks data stream life cycles and ILM: nothing rolls over or is "
                "deleted by itself"
            )
        if self.processors:
            listed = ", ".join(f"`{name}`" for name in sorted(self.processors))
            said.append(f"the server lacks the ingest processors {listed}: no ingest pipelines")
        if self.security and roles:
            said.append("the server's security is off: no roles; whoever reaches it may do all")
        return said
