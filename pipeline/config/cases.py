"""`cases:` of ``pipeline.yaml``: how alerts become cases, and who may do what to them.

What each of it is for stands in docs/cases.md.
"""

import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.config.names import Name
from pipeline.config.sinks import AlertLevel
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration

_Text = Annotated[str, Meta(min_length=1, max_length=200)]
#: A longer window would hide what nobody looked at again.
LONGEST_SUPPRESSION = 92 * DAY


class CasePerson(Struct, forbid_unknown_fields=True, kw_only=True):
    """Somebody who works on cases."""

    #: Their user on the machines that commands run on.
    user: _Text
    #: ``analyst``: works on cases, proposes, and closes what one person may. ``supervisor``:
    #: approves and rejects as well.
    roles: Annotated[list[Literal["analyst", "supervisor"]], Meta(min_length=1)] = field(
        default_factory=lambda: ["analyst"]
    )
    #: Their other names: in Kibana, as authors of rules and of commits.
    also: list[_Text] = field(default_factory=list[str])
    #: Their profile in Kibana (`profile_uid`), where cases are assigned there.
    kibana_profile: _Text | None = None


class CaseAssignment(Struct, forbid_unknown_fields=True, kw_only=True):
    """Who gets new cases."""

    #: Of this kind of abuse; of any, without.
    typology: _Text | None = None
    #: In turn; who wrote one of its rules is passed over.
    to: Annotated[list[_Text], Meta(min_length=1, max_length=100)]


class CaseSuppression(Struct, forbid_unknown_fields=True, kw_only=True):
    """A window in which certain alerts open no case to work on. They are kept and counted."""

    #: The case that holds them is called by it.
    name: Name
    #: Why.
    reason: Annotated[str, Meta(min_length=1, max_length=1_000)]
    #: Who answers for it.
    owner: _Text
    #: By the time of the alert.
    begin: datetime.datetime
    #: At most 92 days after `begin`.
    end: datetime.datetime
    #: Alerts must be all of what is given: of these rules, by id,
    rules: list[_Text] = field(default_factory=list[str])
    #: of this kind of abuse,
    typology: _Text | None = None
    #: about one of these,
    entities: list[_Text] = field(default_factory=list[str])
    #: of this token, by its id in the reference data,
    token: _Text | None = None
    #: and not more severe than this.
    maximum_level: AlertLevel = "medium"


class CaseEscalation(Struct, forbid_unknown_fields=True, kw_only=True):
    """What happens to a case that is too old for what it is. Once each, until it is reopened."""

    #: Notifications and the audit log call it so.
    step: Name
    #: Of this level, or a higher one.
    minimum_level: AlertLevel = "high"
    #: ``unassigned``: nobody works on it. ``pending``: nobody approves or rejects what is proposed.
    #: ``working``: it isn't closed.
    when: Literal["unassigned", "working", "pending"] = "working"
    #: So long after it was opened (or reopened, or proposed).
    after: Annotated[Duration, Meta(ge=SECOND)]
    #: Names of notifications; they need ``escalations`` in their `content`.
    notify: list[Name] = field(default_factory=list[str])


class KibanaCases(Struct, forbid_unknown_fields=True, kw_only=True):
    """Cases in Kibana as well, both ways."""

    #: How often Kibana is asked for what people did there.
    every: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 15 * SECOND
    #: The application that cases are shown in.
    owner: Literal["securitySolution", "observability", "cases"] = "securitySolution"
    #: Cases below it stay here.
    minimum_level: AlertLevel = "low"


class Cases(Struct, forbid_unknown_fields=True, kw_only=True):
    """Cases: alerts that belong together, and what people do about them."""

    #: Alerts below it open and join none.
    minimum_level: AlertLevel = "low"
    #: Whether alerts of staged rules, which are on trial, do.
    staged: bool = False
    #: An alert joins an open case of the same kind of abuse, entities and asset whose newest alert
    #: is so much older at most, by event time.
    window: Annotated[Duration, Meta(ge=SECOND, le=92 * DAY)] = DAY
    #: And whose first alert is so much older at most.
    longest: Annotated[Duration, Meta(ge=SECOND, le=366 * DAY)] = 7 * DAY
    #: ``same``: exactly the same entities. ``overlapping``: one in common.
    entities: Literal["same", "overlapping"] = "same"
    #: An alert joins a closed case as a repetition where that has alerts of the same rule, is of no
    #: lower level, and was closed so short ago; 0s: it opens a new one.
    quiet_after_close: Duration = DAY
    #: A case with so many alerts takes no more: the next opens another.
    most_alerts: Annotated[int, Meta(ge=1, le=100_000)] = 10_000
    #: From this level on two people must close a case; ``never``: one may.
    four_eyes_from: AlertLevel | Literal["never"] = "high"
    #: Who works on cases. Without, everybody who can reach the bus may do everything that one
    #: person may.
    people: list[CasePerson] = field(default_factory=list[CasePerson])
    #: Who gets new cases; the first that fits.
    assign: list[CaseAssignment] = field(default_factory=list[CaseAssignment])
    #: Alerts that open no case to work on.
    suppress: list[CaseSuppression] = field(default_factory=list[CaseSuppression])
    #: Steps by age and level.
    escalate: list[CaseEscalation] = field(default_factory=list[CaseEscalation])
    #: How often ages are looked at.
    look_every: Annotated[Duration, Meta(ge=SECOND // 10, le=10 * MINUTE)] = 5 * SECOND
    #: Cases in Kibana; needs `kibana`, and `people` where two must close a case.
    kibana: KibanaCases | None = None
