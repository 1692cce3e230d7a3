"""Time as the sandbox runs it."""

import pytest
from eda_sandbox.foundation import clock as module
from eda_sandbox.foundation.clock import Clock


def test_time_goes_on_from_where_it_is_when_its_speed_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    clock = Clock(20)
    assert clock.elapsed() == 0
    now += 10
    assert clock.elapsed() == 200
    clock.speed = 60
    assert clock.elapsed() == 200
    now += 1
    clock.speed = 20
    assert (clock.elapsed(), clock.real(60)) == (260, 3)


@pytest.mark.parametrize("speed", [0.9, 0, -1, float("nan")])
def test_a_speed_below_one_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="must be 1"):
        Clock(speed)
    clock = Clock()
    with pytest.raises(ValueError, match="must be 1"):
        clock.speed = speed
    assert clock.speed == 1
