"""How long Elasticsearch keeps what is delivered to it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pipeline.units import DAY, GIB, HOUR, MIB, Duration, Size

Period = Annotated[Duration, Meta(ge=0, le=36_525 * DAY)]
#: Five and six years with their leap days.
_FIVE_YEARS, _SIX_YEARS = 1_827 * DAY, 2_192 * DAY


class ElasticRetention(Struct, forbid_unknown_fields=True, kw_only=True):
    """How long each data stream keeps a document at least; `0s`: for good.

    The periods begin when a backing index rolls over. Whichever law asks for longer counts: what a
    deployment must keep is for its compliance officer to say.
    """

    #: ``auto``: data stream life cycles where the server has them, else ILM. ``none``: nothing is
    #: deleted, and nothing rolls over by itself.
    by: Literal["auto", "data_stream", "ilm", "none"] = "auto"
    #: Orders, trades and transfers: five years by MiFIR article 25.
    events: Period = _FIVE_YEARS
    #: Six years: FINRA rule 4511 and SEC rule 17a-4(a), where MAR asks for five.
    alerts: Period = _SIX_YEARS
    #: What was examined, and why it was reported or not: five years by Delegated Regulation (EU)
    #: 2016/957 article 3(8), and from the filing of a report by 31 CFR 1023.320(d); six as alerts.
    cases: Period = _SIX_YEARS
    #: Entries of the audit log: as long as what they are about, by SEC rule 17a-4(f).
    audit: Period = _SIX_YEARS
    #: ILM only: a backing index rolls over when it is so old. Life cycles of data streams choose
    #: by themselves, from the period.
    rollover_age: Annotated[Duration, Meta(ge=HOUR, le=366 * DAY)] = 30 * DAY
    #: ILM only: or when a primary shard is so large.
    rollover_size: Annotated[Size, Meta(ge=MIB, le=200 * GIB)] = 50 * GIB
    #: ILM only: when an index goes to the warm nodes; `0s`: never.
    warm_after: Period = 0
    #: ILM only: a snapshot policy (SLM) that must have run before an index is deleted.
    snapshot_policy: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
