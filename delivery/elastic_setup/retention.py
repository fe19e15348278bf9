"""How long the data streams keep their documents, by ILM or by data stream life cycles.

Both count from the rollover of a backing index, so that a document is kept for at least so long,
and at most for as long as its index took to roll over besides.

Sources: Elasticsearch's REST API reference, "Create or update a lifecycle policy" and "Update data
stream lifecycles". The periods are of the configuration; its defaults say which law they follow.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from delivery.elastic_setup.lacking import Lacking
from pipeline.units import DAY, GIB, HOUR, KIB, MIB, MINUTE, SECOND

By = Literal["auto", "data_stream", "ilm", "none"]
Keeper = Literal["data_stream", "ilm", "none"]
#: What most laws ask for: MAR's Delegated Regulation (EU) 2016/957 article 3(8), MiFIR article 25,
#: 31 CFR 1023.320(d). Five years with their two leap days.
LEAST_BY_LAW = 1_827 * DAY
_BY_LAW = frozenset(("alerts", "cases", "audit"))


class Retention(Struct, frozen=True, kw_only=True):
    """`keep`: nanoseconds by data stream; 0, and what isn't there, is kept for good."""

    by: By = "auto"
    keep: Mapping[str, int] = field(default_factory=dict[str, int])
    rollover_age: int = 30 * DAY
    rollover_size: int = 50 * GIB
    #: ILM only: when an index goes to the warm tier; 0: never.
    warm_after: int = 0
    #: ILM only: the SLM policy that must have taken a snapshot before an index is deleted.
    snapshot_policy: str | None = None

    def keeper(self, lacking: Lacking) -> Keeper:
        """What deletes on this server. What ILM alone can do makes `auto` choose it."""
        wanted: tuple[Keeper, ...]
        if self.by != "auto":
            wanted = (self.by,)
        elif self.warm_after or self.snapshot_policy:
            wanted = ("ilm", "data_stream")
        else:
            wanted = ("data_stream", "ilm")
        for keeper in wanted:
            if not _lacks(lacking, keeper):
                return keeper
        return "none"

    def data_stream_lifecycle(self, data: str) -> dict[str, Any]:
        """Of a template, and of a data stream that exists. It says itself when it rolls over."""
        kept = self.keep.get(data, 0)
        return {"enabled": True, **({"data_retention": elastic_time(kept)} if kept else {})}

    def policy(self, data: str) -> dict[str, Any]:
        """The ILM policy."""
        rollover = {
            "max_age": elastic_time(self.rollover_age),
            "max_primary_shard_size": elastic_size(self.rollover_size),
        }
        phases: dict[str, Any] = {"hot": {"min_age": "0ms", "actions": {"rollover": rollover}}}
        if self.warm_after:
            # Elasticsearch moves the index to the warm nodes by itself in this phase.
            phases["warm"] = {
                "min_age": elastic_time(self.warm_after),
                "actions": {
                    "forcemerge": {"max_num_segments": 1},
                    "set_priority": {"priority": 50},
                },
            }
        if kept := self.keep.get(data, 0):
            deletion: dict[str, Any] = {"delete": {"delete_searchable_snapshot": True}}
            if self.snapshot_policy:
                deletion["wait_for_snapshot"] = {"policy": self.snapshot_policy}
            phases["delete"] = {"min_age": elastic_time(kept), "actions": deletion}
        return {"phases": phases}

    def doubts(self, lacking: Lacking) -> list[str]:
        """What a person should know of these periods."""
        said: list[str] = []
        for data, kept in self.keep.items():
            if data in _BY_LAW and 0 < kept < LEAST_BY_LAW:
                said.append(
                    f"{data} are kept for {elastic_time(kept)}: less than the five years of MAR "
                    "(Delegated Regulation (EU) 2016/957, article 3(8)) and MiFIR (article 25)"
                )
        keeper = self.keeper(lacking)
        if keeper == "none" and self.by in ("ilm", "data_stream"):
            what = "ILM" if self.by == "ilm" else "data stream life cycles"
            said.append(f"retention by {what} is configured, which the server lacks")
        if keeper != "ilm" and (self.warm_after or self.snapshot_policy):
            said.append("`warm_after` and `snapshot_policy` are left out: only ILM has them")
        return said


def _lacks(lacking: Lacking, keeper: Keeper) -> bool:
    match keeper:
        case "ilm":
            return lacking.ilm
        case "data_stream":
            return lacking.data_stream_lifecycle
        case "none":
            return False


def elastic_time(nanoseconds: int) -> str:
    """As Elasticsearch writes it, in the largest unit that leaves no rest: `1827d`, `36h`."""
    for unit, length in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)):
        if nanoseconds % length == 0:
            return f"{nanoseconds // length}{unit}"
    return f"{nanoseconds}nanos"


def elastic_size(size: int) -> str:
    """As Elasticsearch writes it: `50gb` is 50 GiB."""
    for unit, length in (("gb", GIB), ("mb", MIB), ("kb", KIB)):
        if size % length == 0:
            return f"{size // length}{unit}"
    return f"{size}b"
