"""`switchtower demo` without any key, with the very lines of the README, on a screen and without one."""

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from e2e.conftest import needs_desktop
from e2e.desktop import Desktop
from e2e.program import ROOT, Place, Program, free_port
from e2e.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = re.compile(r"<!-- the tests run these lines -->\n```sh\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.desktop


def readme_lines(port: int) -> str:
    """The shell lines of the README, for a program that listens on another port."""
    [block] = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert block.count("curl") == 4
    return "set -eu\nseparate() { echo; echo =====; }\n" + re.sub(r"^# .*$", "separate", block, flags=re.M).replace(
        ":8484/", f":{port}/"
    )


def see_readme_answered(desktop: Desktop, port: int) -> None:
    """Run the lines and look at the four answers: plain, streamed, after a failover, and the status."""
    shell = ["bash", "-c", readme_lines(port)]
    done = subprocess.run(shell, env=desktop.env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    _, plain, stream, failover, status = done.stdout.split("=====")
    assert '"object": "chat.completion"' in plain
    assert "demo-a made this up" in plain
    assert stream.count("data: ") > 5
    assert stream.rstrip().endswith("data: [DONE]")
    assert failover.strip().startswith("HTTP/1.1 200")
    assert "x-switchtower-provider: demo-b" in failover.lower()
    assert "demo-b made this up" in failover
    assert '"demo-a"' in status
    assert '"demo-b"' in status


def see_demo_end(program: Program) -> None:
    """It ends as asked and leaves no folder behind."""
    home = re.search(r"\S*switchtower-demo-\w+", program.text)
    assert program.stop() == 0, program.text
    assert "Traceback" not in program.text
    if home is not None:
        assert not (ROOT / home[0]).exists()


def test_without_a_screen(tmp_path: "Path") -> None:
    needs_desktop()
    with Desktop(screen=False) as machine:
        port = free_port()
        place = Place(tmp_path / "unused", machine.env)
        with place.start("demo", "--port", str(port)) as program:
            assert program.wait_listening() == f"http://127.0.0.1:{port}/v1"
            see_readme_answered(machine, port)
            see_demo_end(program)
        assert list((tmp_path / "unused").iterdir()) == []


def test_on_a_screen(desktop: Desktop, tmp_path: "Path") -> None:
    port = free_port()
    place = Place(tmp_path / "unused", desktop.env)
    with place.start("demo", "--port", str(port)) as program:
        program.wait_answering(port)
        eventually(lambda: any("Switchtower" in title for title in desktop.windows()), "the window")
        see_readme_answered(desktop, port)
        desktop.shot("demo-window")
        see_demo_end(program)
    assert list((tmp_path / "unused").iterdir()) == []
