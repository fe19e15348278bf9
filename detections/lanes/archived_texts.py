"""Rules as they were when they alerted, and who wrote them, by the sets that were in force."""

from collections.abc import Callable, Collection

from detections.rules.readable import readable_rules
from pipeline.bus.rule_archive import RuleArchive, RuleFile, RuleSetLost
from pipeline.problems import ProblemsFound


async def archived_texts(
    archive: RuleArchive,
    hashes: Collection[str],
    *,
    look_at: Callable[[int, int], None] = lambda set_, sets: None,
) -> dict[str, RuleFile]:
    """Files with the rules of these hashes, in the newest set that has each.

    A rule's hash is also of what is applied to it (filters, lists, the rules that a correlation
    counts), so each set is read whole, which takes about a second; `look_at` is told which of how
    many is next. Sets that are lost, or that this version refuses, are passed over: what could not
    be had is not in the answer. Raises what the bus raises.
    """
    found: dict[str, RuleFile] = {}
    digests = await archive.digests()
    for number, digest in enumerate(digests):
        wanted = set(hashes) - found.keys()
        if not wanted:
            break
        look_at(number, len(digests))
        try:
            files = await archive.get(digest)
            rules = readable_rules(files).rules.rules
        except (RuleSetLost, ProblemsFound):
            continue
        by_name = {file.name: file for file in files.rules}
        found |= {one.hash: by_name[one.location.file] for one in rules if one.hash in wanted}
    return found


async def archived_authors(archive: RuleArchive, rule_id: str, rule_hash: str) -> tuple[str, ...]:
    """Who wrote a rule, by every set that has it, from the newest to the one with this hash.

    Sets that can't be had or read are passed over. Raises what the bus raises.
    """
    found: dict[str, None] = {}
    for digest in await archive.digests():
        try:
            rules = readable_rules(await archive.get(digest)).rules.rules
        except (RuleSetLost, ProblemsFound):
            continue
        those = [one for one in rules if one.id == rule_id]
        found |= dict.fromkeys(name for one in those for name in one.authors)
        if any(one.hash == rule_hash for one in those):
            break
    return tuple(found)
