"""What went wrong within groups of exceptions, such as task groups raise."""

from collections.abc import Iterator
from typing import cast


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions that a group is made of, in its order; of no group the exception itself."""
    if isinstance(error, BaseExceptionGroup):
        for one in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from leaves(one)
    else:
        yield error


def first_leaf(error: BaseException) -> BaseException:
    """The first of them."""
    return next(leaves(error))
