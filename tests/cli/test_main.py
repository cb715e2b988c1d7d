import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from app import __version__
from app.cli.main import Faces, build_parser, run
from app.cli.session import Session

ROOT = Path(__file__).parents[2]


def test_version(switchtower: Callable) -> None:
    assert switchtower("--version").out == f"switchtower {__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [
        ["nonsense"],
        ["serve", "--port", "70000"],
        ["serve", "--port", "x"],
        ["providers"],
        ["providers", "add"],
        ["keys", "set", "openai", "sk-a-key-on-the-command-line"],
        ["usage", "--since", "yesterdayish"],
        ["usage", "--json", "--csv"],
        ["connect", "x"],
        ["--port", "0", "status"],
        ["--host", "127.0.0.1", "quit"],
        ["providers", "test", "a", "--yes"],
        ["providers", "test", "a", "--model", "m"],
    ],
)
def test_a_wrong_command_line_is_2(switchtower: Callable, argv: list[str]) -> None:
    done = switchtower(*argv)
    assert done.code == 2
    assert done.out == ""


def test_help_names_every_command() -> None:
    text = build_parser().format_help()
    for name in ("serve", "status", "doctor", "providers", "keys", "clients", "token", "usage", "config", "demo"):
        assert f"    {name} " in text


def test_without_a_command_it_is_the_tray_and_demo_is_the_demo() -> None:
    calls = []

    def face(name: str) -> Callable[[Mapping[str, str], str, int | None], int]:
        return lambda environ, host, port: calls.append((name, dict(environ), host, port)) or 7

    faces = Faces(tray=face("tray"), demo=face("demo"))
    assert run([], {"A": "b"}, faces) == 7
    assert run(["--port", "9", "--host", "::1"], {}, faces) == 7
    assert run(["demo", "--port", "0"], {}, faces) == 7
    assert run(["--port", "0", "--host", "::1", "demo"], {}, faces) == 7
    assert run(["--port", "1", "demo", "--port", "2"], {}, faces) == 7
    assert calls == [
        ("tray", {"A": "b"}, "", None),
        ("tray", {}, "::1", 9),
        ("demo", {}, "", 0),
        ("demo", {}, "::1", 0),
        ("demo", {}, "", 2),
    ]


def test_quit_goes_to_the_windows_and_says_what_to_do_without_them(
    switchtower: Callable, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    faces = Faces(tray=lambda *_: 9, demo=lambda *_: 9, end=len)
    assert run(["quit"], environ, faces) == len(environ)
    assert capsys.readouterr().err == ""
    without = switchtower("quit")
    assert without.code == 0
    assert "SIGTERM" in without.err


def test_quit_says_that_a_program_without_windows_goes_on(
    instance: str, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    faces = Faces(tray=lambda *_: 9, demo=lambda *_: 9, end=lambda _: 0)
    assert run(["quit"], environ, faces) == 0
    assert capsys.readouterr().err.startswith(f"switchtower: `switchtower serve` still listens at {instance}.")


def test_quit_believes_no_address_that_nobody_listens_at(
    home: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    left = Session(environ).paths.instance_file
    left.parent.mkdir(parents=True)
    left.write_text('{"listening": "http://127.0.0.1:1/v1"}')
    assert run(["quit"], environ, Faces(tray=lambda *_: 9, demo=lambda *_: 9, end=lambda _: 0)) == 0
    assert capsys.readouterr().err == ""


def test_without_faces_nothing_is_2(switchtower: Callable) -> None:
    assert switchtower().code == 2
    assert switchtower("demo").code == 2


def test_a_failure_is_one_line(switchtower: Callable, write_settings: Callable) -> None:
    write_settings("[server]\nprot = 1\n")
    done = switchtower("providers", "list")
    assert done.code == 1
    assert done.err == 'switchtower: config.toml:2: server.prot: unknown key; did you mean "port"?\n'


def test_an_interrupted_command_is_1(switchtower: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.cli.session.Session.paths", property(interrupt))
    done = switchtower("config", "path")
    assert (done.code, done.err) == (1, "switchtower: interrupted.\n")


def test_a_reader_that_goes_away_is_no_error(environ: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.readline(); from app.__main__ import main; sys.exit(main())",
         "providers", "catalog"],
        cwd=ROOT, env={**os.environ, **environ, "PYTHONUNBUFFERED": "1"}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate("go\n", timeout=30)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("argv", [["providers", "catalog"], ["--help"]])
def test_a_reader_that_leaves_before_the_end_is_no_error(environ: dict[str, str], argv: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "app", *argv],
            cwd=ROOT, env={**os.environ, **environ}, text=True, stdout=out, stderr=subprocess.PIPE,
            timeout=30, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_one_line(environ: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "app", "providers", "catalog"],
            cwd=ROOT, env={**os.environ, **environ}, text=True, stdout=full, stderr=subprocess.PIPE,
            timeout=30, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("switchtower: The output cannot be written: No space left on device. ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="closes descriptors as a POSIX shell does")
@pytest.mark.parametrize(
    ("closed", "argv", "code"),
    [("<&-", "keys set demo-a", 1), (">&-", "providers catalog", 0), (">&- 2>&- <&-", "keys set demo-a", 1)],
)
def test_closed_streams_are_no_traceback(
    environ: dict[str, str], write_settings: Callable, closed: str, argv: str, code: int
) -> None:
    write_settings('[[providers]]\nid = "demo-a"\nkind = "openai"\n')
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m app {argv} {closed}'],
        cwd=ROOT, env={**os.environ, **environ}, text=True, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stderr == "" or done.stderr.startswith("switchtower: The key is empty.")


def test_no_home_is_one_line() -> None:
    script = (
        "import platformdirs, sys\n"
        "def lost(*_): raise RuntimeError('could not determine the home directory')\n"
        "platformdirs.PlatformDirs.user_config_path = property(lost)\n"
        "from app.__main__ import main\n"
        "sys.exit(main(['status']))"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHTOWER_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == ("switchtower: There is no home folder. Set SWITCHTOWER_HOME to a folder you can write to.\n")


def test_a_light_start() -> None:
    script = (
        "import sys; from app.__main__ import main; main(['--version']);"
        "print([m for m in ('pydantic', 'uvicorn', 'keyring', 'httpx', 'sqlite3', 'PySide6') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"switchtower {__version__}\n[]\n"
