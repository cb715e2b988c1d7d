"""Counts and estimates where a provider does not count."""

import gzip
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.dialects import openai_chat, openai_embeddings
from app.domain.chat import Operation
from app.domain.usage import NO_USAGE, Usage, UsageSource
from app.engine import texts, tokens
from app.engine.tokenizer import NO_TOKENIZER, Tokenizer
from app.engine.tokens import Sent, Uncounted

RECORDED = Path(__file__).parents[3] / "shared" / "fixtures" / "provider_exchanges.jsonl.gz"
TEXT = "The quick brown fox jumps over the lazy dog. " * 40  # 401 tokens of o200k
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": TEXT}]}).encode()
REPLY = json.dumps({"id": "x", "choices": [{"message": {"role": "assistant", "content": TEXT}}]}).encode()
TENS = "import json,sys\nfor _ in sys.stdin: print(json.dumps({'tokens': 10}), flush=True)"


def of_request(body: bytes) -> int:
    return texts.of_request(body).estimate()


def event(text: str) -> bytes:
    return b"data: " + json.dumps({"id": "x", "choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


def sent(*texts: str) -> Sent:
    made = Sent()
    for text in texts:
        made.add(event(text))
    return made


@pytest.fixture
def tens() -> Iterator[Tokenizer]:
    """Everything has ten tokens."""
    made = Tokenizer({}, (sys.executable, "-c", TENS))
    yield made
    made.close()


def test_a_prompt_is_estimated_by_its_text() -> None:
    assert of_request(BODY) == pytest.approx(401, rel=0.15)


def test_names_and_ids_are_no_text() -> None:
    assert of_request(b'{"model": "a-very-long-name-of-a-model", "messages": []}') < 10


def test_tools_cost_tokens() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"path": {"type": "string"}}}}}
    with_tool = json.dumps(json.loads(BODY) | {"tools": [tool]}).encode()
    assert of_request(with_tool) > of_request(BODY) + 10


def test_a_picture_is_not_counted_by_its_bytes() -> None:
    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}
    assert of_request(json.dumps({"messages": [{"role": "user", "content": [url]}]}).encode()) < 1100


def test_tokens_given_as_numbers_are_counted() -> None:
    assert of_request(json.dumps({"model": "e", "input": list(range(500))}).encode()) >= 500


def test_what_cannot_be_read_is_counted_by_its_bytes() -> None:
    assert of_request(b"x" * 400) == 100
    assert Uncounted(NO_USAGE, openai_chat.parse_request(BODY), b"not json")().output == 0


def test_a_plain_answer_and_a_stream_by_their_text() -> None:
    request = openai_chat.parse_request(BODY)
    plain = Uncounted(NO_USAGE, request, REPLY)()
    assert plain.output == pytest.approx(401, rel=0.15)
    assert plain.source is UsageSource.ESTIMATE
    assert (
        Uncounted(NO_USAGE, request, sent=sent(*[TEXT[at : at + 4] for at in range(0, len(TEXT), 4)]))().output == 450
    )


def test_of_a_long_stream_only_the_beginning_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_KEPT_BYTES", 5000)
    long = sent(*["word" for _ in range(1000)])
    assert sum(map(len, long._parts)) < 5100
    content = long.read()
    assert content.estimate() == pytest.approx(1000, rel=0.01)
    assert not content.exact


def test_what_the_provider_said_stays() -> None:
    known = Usage(fresh_input=7, source=UsageSource.PROVIDER)
    assert Uncounted(known, openai_chat.parse_request(BODY), REPLY)().input == 7


def test_a_stream_that_was_cut_may_have_written_more_than_is_known() -> None:
    request, stream = openai_chat.parse_request(BODY), sent(TEXT)
    begun = Usage(10, output=2, source=UsageSource.PROVIDER)
    more = Uncounted(begun, request, sent=stream, cut=True)()
    assert (more.input, more.output, more.source) == (10, 450, UsageSource.ESTIMATE)
    counted = Usage(10, output=2000, source=UsageSource.PROVIDER)
    assert Uncounted(counted, request, sent=stream, cut=True)() == counted
    assert Uncounted(begun, request, sent=stream)() == begun


def test_embeddings_have_no_output() -> None:
    request = openai_embeddings.parse_request(b'{"model": "e", "input": "hello"}')
    assert Uncounted(NO_USAGE, request, REPLY)().output is None
    assert tokens.is_complete(Usage(3), Operation.EMBEDDINGS)
    assert not tokens.is_complete(Usage(3), Operation.CHAT)


@pytest.mark.parametrize(
    ("model", "body", "source"),
    [
        ("gpt-4o", BODY, "tokenizer"),
        ("gpt-5", BODY, "estimate"),  # it thinks, and does not show it
        ("claude", BODY, "estimate"),
        ("gpt-4o", json.dumps(json.loads(BODY) | {"tools": [{"type": "function"}]}).encode(), "estimate"),
    ],
)
async def test_the_source_says_who_counted(tens: Tokenizer, model: str, body: bytes, source: str) -> None:
    usage = await tokens.count(Uncounted(NO_USAGE, openai_chat.parse_request(body), REPLY), model, tens)
    assert usage.source == source
    if source == "tokenizer":
        assert (usage.input, usage.output) == (17, 10)


async def test_without_a_tokenizer_everything_is_estimated() -> None:
    uncounted = Uncounted(NO_USAGE, openai_chat.parse_request(BODY), REPLY)
    assert await tokens.count(uncounted, "gpt-4o", NO_TOKENIZER) == uncounted()


async def test_recorded_prompts_of_plain_text_are_counted_as_openai_did() -> None:
    pytest.importorskip("tiktoken", reason="the extra `tokens` is not installed")
    if not RECORDED.exists():
        pytest.skip("the recorded exchanges are not here")
    counted, right = 0, 0
    tokenizer = Tokenizer(os.environ)
    try:
        for body, reported in _plain_prompts():
            found, source = await tokens.count_request(body, json.loads(body)["model"], tokenizer)
            counted += source is UsageSource.TOKENIZER
            right += source is UsageSource.TOKENIZER and found == reported
    finally:
        tokenizer.close()
    assert counted >= 15
    assert right / counted > 0.9, (right, counted)


def _plain_prompts() -> Iterator[tuple[bytes, int]]:
    """Prompts of OpenAI's chats with a model that does not think, and the number of tokens it reported."""
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            if told["provider"] != "openai" or "/chat/completions" not in told["path"] or told["status"] != 200:
                continue
            model = str((told["req"] or {}).get("model"))
            if not model.startswith(("gpt-4o", "gpt-4.1", "gpt-3.5")) or "audio" in model or "search" in model:
                continue
            try:
                yield json.dumps(told["req"]).encode(), json.loads(told["resp"])["usage"]["prompt_tokens"]
            except (ValueError, KeyError):
                continue
