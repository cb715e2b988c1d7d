"""The counting process: its vocabularies are the right ones, never downloaded, and its counts are exact."""

import base64
import hashlib
import io
import json
import lzma
import subprocess
import sys
from pathlib import Path

import pytest

from app.engine import vocabulary

SHIPPED = str(Path(__file__).parents[2] / "resources" / "tokenizers")
URL = "https://example.invalid/encodings/tiny.tiktoken"
TINY = b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate((b"a", b"b", b"ab")))
HASH = hashlib.sha256(TINY).hexdigest()


def test_a_vocabulary_is_read_plain_packed_or_from_the_cache(tmp_path: Path) -> None:
    plain, packed, cached = (tmp_path / name for name in ("plain", "packed", "cached"))
    for folder in (plain, packed, cached):
        folder.mkdir()
    (plain / "tiny.tiktoken").write_bytes(TINY)
    (packed / "tiny.tiktoken.xz").write_bytes(lzma.compress(TINY))
    (cached / hashlib.sha1(URL.encode()).hexdigest()).write_bytes(TINY)  # noqa: S324 - as tiktoken names its files
    for folder in (plain, packed, cached):
        assert vocabulary.read([str(tmp_path / "none"), str(folder)], URL, HASH) == TINY


def test_another_content_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "tiny.tiktoken").write_bytes(TINY + b"!")
    with pytest.raises(vocabulary.VocabularyError):
        vocabulary.read([str(tmp_path)], URL, HASH)
    right = tmp_path / "right"
    right.mkdir()
    (right / "tiny.tiktoken").write_bytes(TINY)
    assert vocabulary.read([str(tmp_path), str(right)], URL, HASH) == TINY


def ask(*questions: dict[str, object], folders: tuple[str, ...] = (SHIPPED,)) -> list[object]:
    pytest.importorskip("tiktoken", reason="the extra `tokens` is not installed")
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    command = [sys.executable, "-P", vocabulary.__file__, *folders]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=30, check=True)
    return [json.loads(line)["tokens"] for line in done.stdout.splitlines()]


def test_tokens_are_counted_as_openai_counts_them() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 40
    assert ask(
        {"model": "gpt-4o", "texts": ["Hello", " world", "<|endoftext|>"]},
        {"model": "gpt-5-mini", "texts": [text]},
        {"model": "gpt-4", "texts": [text]},
        {"model": "gpt-oss-120b", "texts": ["Gr\u00fc\u00dfe, \u4e16\u754c! \U0001f600 \ud800"]},
        {"model": "gpt-4o", "texts": []},
    ) == [9, 401, 401, 8, 0]


def test_another_family_is_not_counted() -> None:
    assert ask({"model": "claude-sonnet-4-5", "texts": ["a"]}) == [None]


def test_a_missing_vocabulary_is_not_downloaded(tmp_path: Path) -> None:
    assert ask({"model": "gpt-4o", "texts": ["a"]}, folders=(str(tmp_path),)) == [None]


def test_it_ends_itself_when_there_is_nothing_to_do() -> None:
    pytest.importorskip("tiktoken", reason="the extra `tokens` is not installed")
    script = "import sys; from app.engine.vocabulary import serve; sys.exit(serve([], sys.stdin, sys.stdout, 0.05))"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as process:
        assert process.wait(30) == 0


def test_without_tiktoken_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    assert vocabulary.serve([], io.StringIO(), io.StringIO()) == 1
