"""Parameters that leave nothing to find together are refused, each at its place."""

import pytest

from tests.detections.rules.documents import HEADER, the_problem


@pytest.mark.parametrize(
    ("name", "parameters", "at", "message"),
    [
        (
            "wash_circular",
            {"minimum_parties": "6", "maximum_parties": "3"},
            "minimum_parties",
            "can't be above maximum_parties",
        ),
        (
            "steady_ramp",
            {"window": "2h", "step": "1h"},
            "step",
            "must be shorter, or maximum_step larger: the steps of the window can't make all of it "
            "together",
        ),
        (
            "rug_pull",
            {"minimum_age": "90d", "maximum_age": "1d"},
            "minimum_age",
            "must be below maximum_age, or no pool is left",
        ),
    ],
)
def test_parameters_that_leave_nothing_to_find(
    name: str, parameters: dict[str, str], at: str, message: str
) -> None:
    written = "".join(f"  {key}: {value}\n" for key, value in parameters.items())
    problem = the_problem(f"{HEADER}correlator: {name}\nparameters:\n{written}")
    assert problem.message == message
    assert problem.location.line == 14 + list(parameters).index(at)
