import base64
import logging
import stat
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from app.domain.secret import Secret
from app.store import log

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "canary/+key=with odd&chars"


@pytest.fixture(autouse=True)
def _restore() -> "Iterator[None]":
    root_level = logging.getLogger().level
    yield
    log.stop()
    logging.captureWarnings(capture=False)
    logging.getLogger().setLevel(root_level)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "switchtower.log"


def written(file: Path) -> str:
    log.stop()
    return file.read_text("utf-8")


def test_a_record_is_one_line(file: Path) -> None:
    log.setup(file, "info")
    logging.getLogger("app.engine").info("request done provider=%s ms=%d", "groq", 412)
    logging.getLogger("app.engine").debug("not this")
    text = written(file)
    assert text.endswith(" INFO app.engine request done provider=groq ms=412\n")
    assert text.count("\n") == 1


@pytest.mark.parametrize("spelling", ["plain", "url", "base64", "reversed"])
def test_a_remembered_secret_is_hidden_in_every_spelling(file: Path, spelling: str) -> None:
    log.remember(Secret(CANARY))
    spelled = {
        "plain": CANARY,
        "url": quote(CANARY, safe=""),
        "base64": base64.b64encode(CANARY.encode()).decode(),
        "reversed": CANARY[::-1],
    }[spelling]
    log.setup(file, "debug")
    logging.getLogger("x").debug("before %s after", spelled)
    logging.getLogger("x").debug({"header": spelled})
    text = written(file)
    assert "before … after" in text
    assert spelled.rstrip("=") not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key sk-proj-abc_DEF-123456 end", "key sk-… end"),
        ("AIzaSyA1234567890abcdefg", "AIza…"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer …"),
        ("GET https://h/v1?key=secretvalue&alt=sse", "GET https://h/v1?key=…&alt=sse"),
        ("https://h/v1?alt=sse&key=secretvalue", "https://h/v1?alt=sse&key=…"),
        ("u=%3Fkey%3Dsecretvalue", "u=%3Fkey%3D…"),
        ("{'x-goog-api-key': 'secretvalue'}", "{'x-goog-api-key': '…'}"),
        ("[(b'x-api-key', b'secretvalue')]", "[(b'x-api-key', b'…')]"),
        ("gsk_0123456789abcdef", "gsk_…"),
        (
            "k: '-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----'",
            "k: '-----BEGIN PRIVATE KEY-----…-----END PRIVATE KEY-----'",
        ),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\ncut", "-----BEGIN RSA PRIVATE KEY-----…"),
        ("the token ya29.a0Af_H6-x.y123 is bad", "the token ya29.… is bad"),
        ("host:h x-amz-security-token:IQoJb3JpZ2luX2VjE+/= x", "host:h x-amz-security-token:… x"),
        ("a risk-averse task", "a risk-averse task"),
        ("monkey=1 turkey=2", "monkey=1 turkey=2"),
    ],
)
def test_what_looks_like_a_key_is_hidden(text: str, expected: str) -> None:
    assert log.redact(text) == expected


def test_a_short_secret_does_not_blot_out_words() -> None:
    log.remember(Secret("no"))
    assert log.redact("nothing known") == "nothing known"


def test_a_secret_within_another_is_no_trouble() -> None:
    log.remember(Secret("abcdefgh"))
    log.remember(Secret("abcdefgh-ijkl"))
    assert log.redact("<abcdefgh-ijkl> <abcdefgh>") == "<…> <…>"


def test_nobody_forges_a_line(file: Path) -> None:
    log.setup(file, "info")
    logging.getLogger("x").info("model=%s", "m\r\n2026-01-01 ERROR forged\x1b[31m\x00\u2028\u202e\x85é")
    text = written(file)
    assert text.count("\n") == 1
    assert "m\\r\\n2026-01-01 ERROR forged\\u001b[31m\\u0000\\u2028\\u202e\\u0085é" in text


def test_a_traceback_shows_no_secret_and_forges_no_line(file: Path) -> None:
    log.remember(Secret(CANARY))
    log.setup(file, "info")
    try:
        key = CANARY
        raise ValueError(f"refused {key}\n2026-01-01 ERROR forged sk-abcdefgh12345")
    except ValueError:
        logging.getLogger("x").exception("failed", stack_info=True)
    text = written(file)
    assert CANARY not in text
    assert "abcdefgh12345" not in text
    first, *rest = text.splitlines()
    assert first.endswith("ERROR x failed")
    assert all(line.startswith("  | ") for line in rest)
    assert "  | ValueError: refused …" in rest


def test_libraries_that_log_urls_are_quiet(file: Path) -> None:
    log.setup(file, "debug")
    for name in ("httpx", "httpcore.http11", "uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).info("GET https://h/?key=x")
    logging.getLogger("x").debug("only this")
    assert written(file).count("\n") == 1


def test_the_message_is_fixed_when_it_is_logged(file: Path) -> None:
    log.setup(file, "info")
    words = ["one"]
    logging.getLogger("x").info("%s", words)
    words.append("two")
    assert "['one']\n" in written(file)


def test_files_are_private_and_rotate(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_FILE_BYTES", 2000)
    log.setup(file, "info")
    for number in range(200):
        logging.getLogger("x").info("line %d %s", number, "." * 50)
    assert "line 199" in written(file)
    files = sorted(file.parent.iterdir())
    assert [each.name for each in files] == ["switchtower.log", *(f"switchtower.log.{n}" for n in range(1, 5))]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert all(each.stat().st_size < 2200 for each in files)  # the last line may go over


def test_a_file_others_could_read_is_made_private(file: Path) -> None:
    file.parent.mkdir()
    file.touch(mode=0o644)
    log.setup(file, "info")
    log.stop()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_unwritable_folder_is_reported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    log.setup(tmp_path / "logs" / "switchtower.log", "info", console=True)
    logging.getLogger("x").info("still here")
    log.stop()
    complaint, line = capsys.readouterr().err.splitlines()
    file = tmp_path / "logs" / "switchtower.log"
    assert complaint == f"The log file {file} cannot be written: File exists. Going on without it."
    assert line.endswith("INFO x still here")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_is_reported_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fchmod", lambda *_: None)  # the device's mode is not ours
    log.setup(Path("/dev/full"), "info")
    for _ in range(5):
        logging.getLogger("x").info("lost")
    log.stop()
    assert capsys.readouterr().err == (
        "The log file /dev/full cannot be written: No space left on device. Going on without it.\n"
    )


def test_an_unknown_level_is_info_and_says_so(file: Path) -> None:
    log.setup(file, "loud")
    logging.getLogger("x").info("shown")
    text = written(file)
    assert "unknown log level 'loud', using info; known: debug, info, warning, error" in text
    assert "shown" in text


def test_a_second_setup_replaces_the_first(tmp_path: Path) -> None:
    log.setup(tmp_path / "a.log", "info")
    log.setup(tmp_path / "b.log", "warning")
    logging.getLogger("x").warning("once")
    log.stop()
    assert (tmp_path / "a.log").read_text() == ""
    assert (tmp_path / "b.log").read_text().count("once") == 1


def test_formatting_and_writing_happen_in_another_thread(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    monkeypatch.setattr(log.RedactingFormatter, "format", lambda *_: threads.append(threading.current_thread()) or "x")
    log.setup(file, "info")
    logging.getLogger("x").info("told")
    assert written(file) == "x\n"
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_a_hanging_disk_drops_lines_instead_of_waiting(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_WAITING", 5)
    gate = threading.Event()
    log.setup(file, "info")
    monkeypatch.setattr(log.RedactingFormatter, "format", lambda *_: gate.wait(30) and "line")
    for _ in range(50):
        logging.getLogger("x").info("line")
    gate.set()
    assert 5 <= written(file).count("line") <= 7


def test_the_parts_of_a_key_of_several_are_hidden_too() -> None:
    log.remember(Secret("AKIDPARTS0123456789A:secretPartsOfAnAccessKey/+0123:sessionToken=="))
    text = log.redact("secretPartsOfAnAccessKey/+0123 and sessionToken of AKIDPARTS0123456789A")
    assert text == "… and sessionToken of …"
