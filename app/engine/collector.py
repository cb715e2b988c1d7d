"""Keep Python's garbage collector from holding requests up: few rounds, and none through what stays for good.

Requests leave no cycles behind, so the collector finds next to nothing; yet by itself it would look through all modules
and prices every second under load, and stop every request for 50 ms meanwhile.
"""

import gc

_WHILE_STARTING = (50_000, 20, 20)
_WHILE_SERVING = (10_000, 10, 10)
"""Objects that may be added before a round through the young ones, and rounds before one through the older ones."""


def ease() -> None:
    """Look for garbage seldom while modules are loaded, of which nothing is garbage."""
    gc.set_threshold(*_WHILE_STARTING)


def leave_out() -> None:
    """Leave all that is there now, which stays to the end, out of every later round: once the program serves."""
    gc.freeze()
    gc.set_threshold(*_WHILE_SERVING)


def leave_out_too() -> None:
    """Leave out what has come since, in a program that serves."""
    if gc.get_freeze_count():
        gc.freeze()
