from app.desktop.wake import SleepDetector


class Clocks:
    def __init__(self) -> None:
        self.wall_s = 1_000_000.0
        self.monotonic_s = 50.0

    def run(self, s: float) -> None:
        self.wall_s += s
        self.monotonic_s += s


def detector(clocks: Clocks) -> SleepDetector:
    return SleepDetector(lambda: clocks.wall_s, lambda: clocks.monotonic_s)


def test_time_that_runs_as_it_should_is_no_sleep() -> None:
    clocks = Clocks()
    sleep = detector(clocks)
    for _ in range(5):
        clocks.run(2.0)
        assert sleep.slept_s() == 0


def test_a_wall_clock_that_ran_on_alone_is_sleep_and_is_told_once() -> None:
    clocks = Clocks()
    sleep = detector(clocks)
    clocks.wall_s += 3600
    assert sleep.slept_s() == 3600
    assert sleep.slept_s() == 0


def test_small_corrections_and_a_clock_set_back_are_no_sleep() -> None:
    clocks = Clocks()
    sleep = detector(clocks)
    clocks.wall_s += 4.9
    assert sleep.slept_s() == 0
    clocks.wall_s -= 7200
    assert sleep.slept_s() == 0
    clocks.run(10)
    assert sleep.slept_s() == 0
