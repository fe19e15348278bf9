"""Which of several lanes a key belongs to: the same as JetStream's own subject transform says."""

_OFFSET = 2_166_136_261
_PRIME = 16_777_619
_32_BITS = 0xFFFF_FFFF


def partition(key: str, lanes: int) -> int:
    """The lane of a key, from 0: FNV-1a (32 bits) of its UTF-8 bytes, modulo the number of lanes.

    That is ``{{partition(lanes,1)}}`` of NATS' subject transforms. It is computed here, so that a
    message can carry all records of a lane; each could have been a message of its own instead.
    """
    found = _OFFSET
    for byte in key.encode():
        found = ((found ^ byte) * _PRIME) & _32_BITS
    return found % lanes
