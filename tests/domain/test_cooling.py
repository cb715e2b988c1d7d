from dataclasses import FrozenInstanceError

import pytest

from app.domain.cooling import Cooling
from app.domain.faults import Cooldown, FaultKind


def test_a_cool_down_is_a_value() -> None:
    one = Cooling("a", Cooldown.MODEL, "m", FaultKind.RATE_LIMITED, 1.0, 4.0, told=True)
    assert one == Cooling("a", Cooldown.MODEL, "m", FaultKind.RATE_LIMITED, 1.0, 4.0, told=True)
    with pytest.raises(FrozenInstanceError):
        one.until_s = 9.0  # type: ignore[misc]
