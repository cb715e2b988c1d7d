"""The counting process as the program uses it: started late, asked in turn, given up when it takes too long."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from app.engine import tokenizer
from app.engine.tokenizer import NO_TOKENIZER, Tokenizer, hides_thoughts

ECHO = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked["texts"] == ["hang"]: import time; time.sleep(60)
    if asked["texts"] == ["die"]: sys.exit()
    tokens = None if asked["model"] == "gpt-4-unknown" else sum(map(len, asked["texts"]))
    print(json.dumps({"tokens": tokens}), flush=True)
    if asked["texts"] == ["last"]: sys.exit()
"""


@pytest.fixture
async def counting() -> AsyncIterator[Tokenizer]:
    made = Tokenizer({}, (sys.executable, "-c", ECHO))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("gpt-4o", True), ("openai/gpt-5-mini", True), ("gpt-oss:20b", True), ("o3", True), ("o4-mini", True),
        ("ft:gpt-4o:acme::x", True), ("text-embedding-3-small", True), ("gpt-3.5-turbo", True),
        ("claude-sonnet-4-5", False), ("gemini-2.5-pro", False), ("o3x", False), ("", False), ("mistral-large", False),
    ],
)  # fmt: skip
def test_families(counting: Tokenizer, model: str, known: bool) -> None:
    assert counting.knows(model) is known
    assert not NO_TOKENIZER.knows(model)


def test_thoughts_that_are_not_shown() -> None:
    assert hides_thoughts("openai/o3-mini")
    assert hides_thoughts("gpt-5")
    assert not hides_thoughts("gpt-4o")


async def test_questions_are_answered_by_one_process(counting: Tokenizer) -> None:
    assert await counting.count("gpt-4o", ["ab", "c"]) == 3
    process = counting._process
    assert await asyncio.gather(*(counting.count("gpt-4o", ["x" * n]) for n in range(10))) == list(range(10))
    assert counting._process is process


async def test_a_process_that_ended_itself_is_started_again(counting: Tokenizer) -> None:
    assert await counting.count("gpt-4o", ["last"]) == 4
    assert await counting.count("gpt-4o", ["more"]) == 4


async def test_one_that_dies_of_a_question_gives_no_count(counting: Tokenizer) -> None:
    assert await counting.count("gpt-4o", ["die"]) is None
    assert await counting.count("gpt-4o", ["on"]) == 2


async def test_one_that_hangs_is_ended(counting: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "LIMIT_S", 0.2)
    assert await counting.count("gpt-4o", ["hang"]) is None
    monkeypatch.undo()
    assert await counting.count("gpt-4o", ["on"]) == 2


async def test_waiting_for_a_turn_is_part_of_the_time(counting: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await counting.count("gpt-4o", ["on"]) == 2
    async with counting._turn:
        monkeypatch.setattr(tokenizer, "LIMIT_S", 0.01)
        assert await counting.count("gpt-4o", ["on"]) is None
    monkeypatch.undo()
    assert await counting.count("gpt-4o", ["on"]) == 2


async def test_who_gives_up_leaves_no_process_behind(counting: Tokenizer) -> None:
    asking = asyncio.get_running_loop().create_task(counting.count("gpt-4o", ["hang"]))
    while counting._process is None:
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert counting._process is None


async def test_an_unknown_model_is_asked_for_once(counting: Tokenizer) -> None:
    assert await counting.count("gpt-4-unknown", ["a"]) is None
    assert not counting.knows("gpt-4-unknown")


async def test_texts_that_are_too_long_are_left_alone(counting: Tokenizer) -> None:
    assert await counting.count("gpt-4o", ["x" * (tokenizer.MOST_CHARS + 1)]) is None
    assert counting._process is None


async def test_a_program_that_is_not_there_gives_no_count() -> None:
    gone = Tokenizer({}, ("/nonexistent/program",))
    assert await gone.count("gpt-4o", ["a"]) is None


async def test_the_shipped_vocabularies_are_used() -> None:
    pytest.importorskip("tiktoken", reason="the extra `tokens` is not installed")
    real = Tokenizer({})
    try:
        assert await real.count("gpt-4o", ["Hello world"]) == 2
        assert await real.count("gpt-4", ["Hello world"]) == 2
    finally:
        real.close()


def test_without_tiktoken_no_model_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not Tokenizer({}).knows("gpt-4o")


def test_a_frozen_program_asks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    command = tokenizer._usual({"TIKTOKEN_CACHE_DIR": "/mine"})
    assert command[:3] == (sys.executable, tokenizer.ARGUMENT, "/mine")
