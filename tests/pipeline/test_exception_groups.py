"""Groups of exceptions are told as what they are made of."""

from pipeline.exception_groups import first_leaf, leaves


def test_the_leaves_of_groups_within_groups_come_in_order() -> None:
    errors = [ValueError("1"), KeyError("2"), OSError("3")]
    inner = ExceptionGroup("inner", errors[:2])
    assert list(leaves(ExceptionGroup("outer", [inner, errors[2]]))) == errors
    assert first_leaf(ExceptionGroup("outer", [inner, errors[2]])) is errors[0]


def test_what_is_no_group_is_its_own_leaf() -> None:
    error = ValueError("alone")
    assert list(leaves(error)) == [error]
    assert first_leaf(error) is error


def test_a_group_may_hold_what_ends_a_process() -> None:
    end = KeyboardInterrupt()
    assert first_leaf(BaseExceptionGroup("group", [end, ValueError()])) is end
