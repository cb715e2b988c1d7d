"""Count tokens with tiktoken in a process of its own: its vocabularies take 50 to 90 MB and hold the loop up for 0.1 s.

Lines of JSON come in on standard input (`{"model": …, "texts": […]}`), a line goes out for each (`{"tokens": …}`, null
for a model of another family). It ends with its input, or after a minute without work. It imports nothing of ours, so
that it can run as a script. Vocabularies are read from the folders named as arguments, and never downloaded.
"""

import hashlib
import json
import lzma
import os
import sys
import threading
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import IO, Any

IDLE_S = 60.0
"""After so long without work its memory is given back."""


_OPEN_WEIGHTS, _OPEN = "gpt-oss", "gpt-4o"
"""The open models differ from the other one in special tokens only; so the vocabulary is not loaded twice."""


class VocabularyError(Exception):
    """A vocabulary is missing, or not the one that its tokenizer was made for."""


def read(folders: Sequence[str], url: str, expected_hash: str | None = None) -> bytes:
    """The vocabulary that is published at `url`, from the first of `folders` that has the right one.

    It is there under its own name, as it is or packed, or under the name that tiktoken's cache gives it.

    Raises:
        VocabularyError: none has.
    """
    own = url.rpartition("/")[2]
    cached = hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()
    for folder in folders:
        for name in (own, f"{own}.xz", cached):
            file = Path(folder, name)
            if not file.is_file():
                continue
            data = lzma.decompress(file.read_bytes()) if name.endswith(".xz") else file.read_bytes()
            if expected_hash is None or hashlib.sha256(data).hexdigest() == expected_hash:
                return data
    raise VocabularyError(f"there is no {own} with the right content")


class Counter:
    """Counts the tokens of texts for a model, with every vocabulary loaded once."""

    def __init__(self, folders: Sequence[str]) -> None:
        """Load nothing yet.

        Raises:
            ImportError: tiktoken is not installed.
        """
        self._tiktoken: Any = import_module("tiktoken")  # an extra, which only this process loads
        vars(import_module("tiktoken.load"))["read_file_cached"] = partial(read, folders)  # it would download

    def count(self, model: str, texts: Sequence[str]) -> int | None:
        """The tokens of all texts together, None for a model of a family whose vocabulary is not there."""
        try:
            name = self._tiktoken.encoding_name_for_model(_OPEN if model.startswith(_OPEN_WEIGHTS) else model)
            encoding = self._tiktoken.get_encoding(name)
        except (KeyError, VocabularyError):
            return None
        return sum(len(tokens) for tokens in encoding.encode_ordinary_batch(list(texts), num_threads=1))


def serve(folders: Sequence[str], asked: IO[str], answers: IO[str], idle_s: float = IDLE_S) -> int:
    """Answer line by line until the input ends; return the exit code."""
    try:
        counter = Counter(folders)
    except ImportError:
        return 1
    while True:
        timer = _end_after(idle_s)
        line = asked.readline()
        timer.cancel()
        if not line:
            return 0
        question: dict[str, Any] = json.loads(line)
        answers.write(json.dumps({"tokens": counter.count(question["model"], question["texts"])}) + "\n")
        answers.flush()


def _end_after(idle_s: float) -> threading.Timer:
    timer = threading.Timer(idle_s, os._exit, (0,))
    timer.daemon = True
    timer.start()
    return timer


def main(folders: Sequence[str]) -> int:
    """Serve on the standard streams, whose text is UTF-8 on every system."""
    utf8 = {"encoding": "utf-8", "errors": "surrogatepass", "newline": "\n"}
    with open(0, closefd=False, **utf8) as asked, open(1, "w", closefd=False, **utf8) as answers:  # type: ignore[call-overload]
        return serve(folders, asked, answers)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
