"""The garbage collector's rounds, in a process of their own, for they are a matter of the whole process."""

import subprocess
import sys

PROGRAM = """
import gc
from app.engine import collector

collector.ease()
assert gc.get_threshold()[0] > 700, "fewer rounds than by itself"
collector.leave_out_too()
assert not gc.get_freeze_count(), "nothing is left out before the program serves"
stays = [[] for _ in range(1000)]
collector.leave_out()
first = gc.get_freeze_count()
assert first > 1000, first
more = [[] for _ in range(1000)]
collector.leave_out_too()
assert gc.get_freeze_count() >= first + 1000, gc.get_freeze_count()
cycle = []
cycle.append(cycle)
del cycle
assert gc.isenabled() and gc.collect() == 1, "what comes later is still found"
"""


def test_what_stays_is_left_out_and_what_comes_later_is_not() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
