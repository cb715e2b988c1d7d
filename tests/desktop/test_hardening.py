"""In a process of its own: what is done cannot be undone."""

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, resource
from app.desktop.hardening import harden
harden()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's own means")
def test_no_core_files_and_no_debugger() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 (0, 0)"


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.desktop import hardening

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(hardening.ctypes, "CDLL", None)
    hardening.harden()
