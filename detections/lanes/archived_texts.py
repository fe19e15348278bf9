"""Rules as they were when they alerted, out of the rule sets that were in force."""

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
