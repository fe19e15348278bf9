"""Rules that tell of an early warning and nothing else."""

from typing import Any

import pytest

from detections.correlators import (
    eu_offer_limit,
    holders_of_record,
    offering_cap,
    reg_d_purchasers,
)
from pipeline.structured import FieldError


@pytest.mark.parametrize(
    ("parameters", "none", "some"),
    [
        (eu_offer_limit.Parameters, {"warn_at": 0}, {"warn_at": 149}),
        (eu_offer_limit.Parameters, {"warn_at": 150}, {"warn_at": 149}),
        (reg_d_purchasers.Parameters, {"warn_at": 36}, {"warn_at": 35}),
        (offering_cap.Parameters, {"warn_share": 1.0}, {"warn_share": 0.9}),
        (holders_of_record.Parameters, {"warn_share": 1.0}, {"warn_share": 0.9}),
    ],
)
def test_a_rule_that_only_warns_must_warn(
    parameters: Any, none: dict[str, Any], some: dict[str, Any]
) -> None:
    with pytest.raises(FieldError, match="gives no early warning"):
        parameters(warns_only=True, **none)
    assert parameters(warns_only=True, **some)
    assert parameters(**none)
