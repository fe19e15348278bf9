"""Who may do what, by `cases.people`: roles, and the names that a person has elsewhere.

What two people must do, and who wrote a rule, the case itself holds (`evidence.cases.state`). Roles
are a matter of the configuration, so they are held where somebody asks for something: at commands,
and where changes come from Kibana.
"""

from collections.abc import Mapping, Sequence

from evidence.cases.persons import names, whole
from evidence.cases.state import Case
from normalizer.events.case import CaseAction
from pipeline.config.cases import CasePerson, Cases

#: What needs the role of a supervisor, of a case that two people must close.
_OF_SUPERVISORS: frozenset[CaseAction] = frozenset(("resolution-rejected", "closed"))
#: What judges the alerts of a case.
_JUDGING: frozenset[CaseAction] = frozenset(
    ("resolution-proposed", "resolution-rejected", "closed")
)


class People:
    """The people of a configuration; without any everybody may do what one person may."""

    def __init__(self, people: Sequence[CasePerson]) -> None:
        self._people = list(people)
        #: Everybody who is called so: two may be, such as ``jane`` of two addresses.
        self._by_name: dict[str, list[CasePerson]] = {}
        for person in people:
            known = (names(called) for called in (person.user, *person.also))
            for name in frozenset[str]().union(*known):
                self._by_name.setdefault(name, []).append(person)

    @classmethod
    def of(cls, settings: Cases | None) -> "People":
        """Those of a configuration."""
        return cls(settings.people if settings is not None else ())

    def user(self, called: str) -> str:
        """The user that a name is of; the name itself where nobody, or more than one, has it.

        The whole name: ``bob@elsewhere.example`` doesn't get the role of ``bob``.
        """
        person = self._person(called)
        return person.user if person is not None else called

    def knows(self, called: str) -> bool:
        """Whether a name is of one of them, or may be."""
        return bool(self._by_name.get(whole(called)))

    def known_as(self, called: Sequence[str]) -> tuple[str, ...]:
        """Names of authors, with all users whom they may be of: none of them may judge."""
        found: dict[str, None] = {}
        for name in called:
            found[name] = None
            for one in sorted(names(name)):
                found.update((person.user, None) for person in self._by_name.get(one, ()))
        return tuple(found)

    def refusal(self, user: str, action: CaseAction, case: Case) -> str | None:
        """Why a person may not do this to a case, by their role and names; None where they may."""
        if not self._people:
            return None
        person = self._person(user)
        if person is None:
            return f"{user} is none of cases.people"
        if case.four_eyes and action in _OF_SUPERVISORS and "supervisor" not in person.roles:
            return f"{user} is no supervisor, and only they can do that"
        return self._conflict(person, case) if action in _JUDGING else None

    def assignable(self, user: str, case: Case) -> str | None:
        """Why a case can't be given to somebody; None where it can."""
        if not self._people:
            return None
        person = self._person(user)
        if person is None:
            known = ", ".join(person.user for person in self._people)
            return f"{user} is none of cases.people ({known})"
        return self._conflict(person, case)

    def _conflict(self, person: CasePerson, case: Case) -> str | None:
        """By all their names, also those that were not known when the alerts came."""
        for called in (person.user, *person.also):
            if rules := case.conflicted(called):
                return (
                    f"{person.user} wrote or last changed a rule that gave its alerts "
                    f"({', '.join(rules[:3])}): somebody else must judge them"
                )
        return None

    @property
    def kibana_profiles(self) -> Mapping[str, str]:
        """Users by their profile in Kibana."""
        return {
            person.kibana_profile: person.user
            for person in self._people
            if person.kibana_profile is not None
        }

    def _person(self, called: str) -> CasePerson | None:
        """Who is called so: by the whole text first, and nobody where two may be meant."""
        found = self._by_name.get(whole(called), ())
        return found[0] if len(found) == 1 else None
