"""What passes the guard as it is, and what becomes a fault."""

import asyncio
import logging

import pytest

from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.unexpected import Unexpected


def test_a_mistake_becomes_a_fault_that_names_its_place_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FaultError) as raised, Unexpected("req_1", "chat"):
        raise TypeError("unhashable type: 'list'")
    fault = raised.value.fault
    assert (fault.kind, fault.status) == (FaultKind.INTERNAL, 500)
    assert "req_1" in fault.remedy
    assert "unhashable" not in fault.text
    (record,) = caplog.records
    assert (record.levelno, record.exc_info[0]) == (logging.ERROR, TypeError)
    caplog.clear()


@pytest.mark.parametrize(
    "foreseen", [FaultError(Fault(FaultKind.BUSY, "x")), asyncio.CancelledError(), GeneratorExit(), KeyboardInterrupt()]
)
def test_what_is_foreseen_passes(foreseen: BaseException) -> None:
    with pytest.raises(type(foreseen)) as raised, Unexpected("req_1", "chat"):
        raise foreseen
    assert raised.value is foreseen


def test_nothing_happens_to_what_goes_well() -> None:
    with Unexpected("req_1", "chat"):
        pass
