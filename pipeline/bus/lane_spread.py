"""Which worker should have which lane: the same answer for everyone who knows the same workers."""

import hashlib
from collections.abc import Collection, Sequence


def spread(lanes: Sequence[str], workers: Collection[str]) -> dict[str, str]:
    """The worker of each lane. No worker has two lanes more than another.

    A worker that comes or goes moves few lanes: each lane goes to the one of those with room that
    it prefers, by a hash of both names (rendezvous hashing).
    """
    found: dict[str, str] = {}
    if not workers:
        return found
    least, more = divmod(len(lanes), len(workers))
    loads = dict.fromkeys(workers, 0)
    for lane in lanes:
        # Only so many may have one lane more than the others.
        full = least if sum(load > least for load in loads.values()) >= more else least + 1
        room = [worker for worker, load in loads.items() if load < full]
        chosen = max(room, key=lambda worker: (_preference(lane, worker), worker))
        found[lane] = chosen
        loads[chosen] += 1
    return found


def _preference(lane: str, worker: str) -> bytes:
    return hashlib.blake2b(f"{lane}\0{worker}".encode(), digest_size=8).digest()
