"""What people did to a case in Kibana, as wishes towards the case here. Pure.

The rule that settles conflicts: the case here is what counts. What was done in Kibana is taken in
its order, each as a fact of its author, if it may be done to the case as it is then. What may not
be is refused: the case says so, Kibana is told why, and set back to what holds here.

Closing in Kibana a case that two people must close proposes that, the first time; somebody else who
closes it then approves. So a case is never closed here by what one person did there.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import cast, get_args

from evidence.cases.actions import RESOLUTIONS, Wish, do
from evidence.cases.kibana_api import KibanaCase, UserAction
from evidence.cases.kibana_form import REFUSED, RESOLUTION_FIELD
from evidence.cases.people import People
from evidence.cases.state import ActionRefused, Case
from normalizer.events.case import Resolution

#: What people may change there as they like: it is theirs, and nothing here depends on it.
_THEIRS = frozenset(("tags", "title", "description", "settings", "connector", "customFields"))


def decide(
    case: Case,
    action: UserAction,
    there: KibanaCase,
    people: People,
    *,
    at: int,
) -> Wish | None:
    """What a user action is to be for the case; None where it is nothing that cases here know.

    What doesn't hold is a comment with the tag `refused`, by who did it, that says why.

    `there`: the case in Kibana, for the reason code. `at`: nanoseconds since the epoch.
    """
    who = people.user(action.created_by.called)
    wish = Wish(
        action="commented", who=who, at=at, origin="kibana", kibana_item=action.id, comment=None
    )
    match action.type:
        case "comment" | "user":
            return _comment(action, wish)
        case "assignees":
            assigned = _assigned(case, action, wish, people)
            return None if assigned is None else _judged(case, assigned, people)
        case "status":
            return _status(case, action, wish, there, people)
        case "severity":
            what = f"set the severity to {action.payload.severity}"
            return _refused(wish, what, "the level of a case is that of its alerts")
        case "create_case" | "pushed":
            return None
        case _ if action.type in _THEIRS:
            wish.comment = f"(in Kibana) changed {action.type}"
            return wish
        case _:
            return None


def _comment(action: UserAction, wish: Wish) -> Wish | None:
    comment = action.payload.comment
    if action.action == "delete":
        wish.comment = "(in Kibana) deleted a comment or an attachment, which stays here"
        return wish
    if comment is None or comment.type != "user" or not comment.comment:
        wish.comment = f"(in Kibana) attached something of type {comment.type if comment else '?'}"
        return wish
    edited = "(in Kibana, edited) " if action.action == "update" else ""
    wish.comment = f"{edited}{comment.comment}"
    return wish


def _assigned(case: Case, action: UserAction, wish: Wish, people: People) -> Wish | None:
    profiles = people.kibana_profiles
    users = [profiles.get(one.uid, one.uid) for one in action.payload.assignees or ()]
    if action.action == "delete" and users and case.assignee not in users:
        return None  # whoever has the case now came in the same change
    wish.action = "unassigned" if action.action == "delete" or not users else "assigned"
    wish.assignee = users[0] if wish.action == "assigned" else None
    return wish


def _status(
    case: Case, action: UserAction, wish: Wish, there: KibanaCase, people: People
) -> Wish | None:
    wanted = action.payload.status
    if wanted == "closed":
        return _closing(case, wish, there, people)
    if wanted is None:
        return None
    if case.status == "closed":
        wish.action, wish.why = "reopened", "reopened in Kibana"
    else:
        wish.action, wish.status = "status-changed", wanted
        if case.status == wanted:
            return None
    return _judged(case, wish, people)


def _closing(case: Case, wish: Wish, there: KibanaCase, people: People) -> Wish | None:
    if case.status == "closed":
        return None
    resolution = reason_code(there)
    if resolution is None and case.status != "pending":
        known = ", ".join(RESOLUTIONS)
        why = f"it needs a reason code in {RESOLUTION_FIELD}: one of {known}"
        return _refused(wish, "closed it", why)
    wish.why = "closed in Kibana"
    wish.action, wish.resolution = "closed", resolution
    if case.status == "pending" and case.proposal is not None:
        wish.resolution = resolution or case.proposal.resolution
    elif case.four_eyes:
        wish.action = "resolution-proposed"
    return _judged(case, wish, people)


def reason_code(there: KibanaCase) -> Resolution | None:
    """The reason code that people put into the case's field in Kibana."""
    for one in there.custom_fields:
        if one.key == RESOLUTION_FIELD and one.value in get_args(Resolution):
            return cast("Resolution", one.value)
    return None


def _judged(case: Case, wish: Wish, people: People) -> Wish | None:
    what = _WHAT.get(wish.action, wish.action)
    why = people.refusal(wish.who, wish.action, case)
    if why is None and wish.assignee is not None:
        why = people.assignable(wish.assignee, case)
    if why is None:
        try:
            do(case, wish)
        except ActionRefused as refused:
            why = str(refused)
    return wish if why is None else _refused(wish, what, why)


def _refused(wish: Wish, what: str, why: str) -> Wish:
    """The fact that it was tried: who did it, and why it doesn't hold."""
    return Wish(
        action="commented",
        who=wish.who,
        at=wish.at,
        origin="kibana",
        kibana_item=wish.kibana_item,
        comment=f"(in Kibana) {what}, which does not hold: {why}",
        tags=[REFUSED],
    )


_WHAT: Mapping[str, str] = {
    "assigned": "assigned it",
    "unassigned": "took it from who works on it",
    "status-changed": "changed its status",
    "reopened": "reopened it",
    "closed": "closed it",
    "resolution-proposed": "closed it",
}


def news(actions: Sequence[UserAction], case: Case, own: Collection[str]) -> list[UserAction]:
    """What others did and the case doesn't know yet. `own`: users that we are in Kibana."""
    return [
        one
        for one in actions
        if one.id not in case.kibana_items and one.created_by.called not in own
    ]
