"""What real clients sent back to their models is what the store gives to clients that send nothing back."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.dialects import anthropic, gemini, openai_chat, responses
from app.dialects.openai_cousin import Cousin
from app.domain.faults import FaultError, InBandError
from app.domain.hub import ChatRequest, Message, Part, Role, Text, Thought, ToolCall
from app.engine.continuity import Continuity, Recollection
from app.engine.thread import Thread
from app.providers.registry import Registry

RECORDED = Path(__file__).parents[3] / "shared" / "fixtures" / "provider_exchanges.jsonl.gz"
_BY_END: tuple[tuple[str, ModuleType], ...] = (
    ("/v1/messages", anthropic),
    ("enerateContent", gemini),
    ("/responses", responses),
    ("api.deepseek.com/chat/completions", openai_chat),
)


def exchanges(wanted: ModuleType) -> Iterator[tuple[ChatRequest, dict[str, Any]]]:
    """Every answered request in this dialect, as it reads it."""
    if not RECORDED.exists():
        pytest.skip("the recorded exchanges are not beside the project")
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            place = one["host"] + one["path"]
            dialect = next((found for end, found in _BY_END if place.endswith(end)), None)
            if dialect is not wanted or one["status"] != 200 or not isinstance(one["req"], dict):
                continue
            try:
                yield dialect.read_request(json.dumps(one["req"]).encode()), one
            except FaultError:
                continue  # a field of the provider's own


def remembered(dialect: ModuleType) -> Recollection:
    """A memory that has heard every recorded answer, plain or streamed."""
    memory = Recollection(Continuity(), "there", "client", dialect.NAME)
    for request, one in exchanges(dialect):
        body = one["resp"].encode()
        if "stream" in one["kinds"]:
            reader, hear = dialect.event_reader(), memory.listen(request)
            hear(reader.feed(body))
            hear(reader.finish())
            continue
        try:
            memory.keep(request, dialect.read_reply(body).choices[0])
        except (FaultError, InBandError):
            continue  # an answer that is none
    return memory


def bare(message: Message) -> Message:
    """An answer as a client keeps it that knows words and calls only."""
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolCall):
            parts.append(replace(part, signature=""))
        elif not isinstance(part, Thought):
            parts.append(replace(part, extras={}) if isinstance(part, Text) else part)
    return replace(message, parts=tuple(parts))


_ONE = str.maketrans("-_", "+/")


def carried(message: Message) -> list[str]:
    """What an answer has of signatures and seals, else its thoughts; base64 in either of its alphabets."""
    signed, words = list[str](), list[str]()
    for part in message.parts:
        if isinstance(part, Thought | ToolCall) and part.signature:
            signed.append(part.signature.translate(_ONE))
        elif isinstance(part, Thought):
            (signed if part.sealed else words).append(part.sealed or part.text)
        elif isinstance(part, Text) and "thoughtSignature" in part.extras:
            signed.append(part.extras["thoughtSignature"].translate(_ONE))
    return signed or words


@pytest.mark.parametrize(("dialect", "least"), [(anthropic, 4), (gemini, 9), (responses, 12), (openai_chat, 3)])
def test_what_clients_sent_back_is_what_they_would_have_got(dialect: ModuleType, least: int) -> None:
    memory, found = remembered(dialect), 0
    for request, _ in exchanges(dialect):
        whole = tuple(bare(message) if message.role is Role.ASSISTANT else message for message in request.messages)
        recalled = memory.recall(replace(request, messages=whole))
        thread = Thread(request.messages)
        for at, (sent, stripped, given) in enumerate(zip(request.messages, whole, recalled.messages, strict=True)):
            if given == stripped or not carried(sent):
                continue
            found += 1
            assert carried(given) == carried(sent), (thread.until(at), sent)
    assert found >= least


def test_deepseek_gets_its_reasoning_as_it_was_recorded() -> None:
    memory = remembered(openai_chat)
    cousin = Cousin(Registry.load(lambda: ()).get("deepseek").cousin)
    seen = 0
    for request, one in exchanges(openai_chat):
        sent = [m.get("reasoning_content") for m in one["req"]["messages"] if m["role"] == "assistant"]
        if not any(sent):
            continue
        lossy = tuple(replace(bare(m), spelling={}) for m in request.messages)
        recalled = memory.recall(replace(request, messages=lossy, origin="anthropic", extras={}))
        written = json.loads(cousin.write_request(recalled, "deepseek-reasoner").body)["messages"]
        assert [m.get("reasoning_content") for m in written if m["role"] == "assistant"] == sent
        seen += 1
    assert seen >= 2
