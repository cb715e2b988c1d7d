"""A provider that speaks Ollama's own wire, as packages may bring one: lines of JSON up to any client."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.dialects import ollama, openai_chat
from app.dialects.dialect import Dialect
from app.dialects.openai_models import parse_models
from app.providers.spec import OLLAMA, Auth, ProviderSpec, check
from engine.rig import Rig, read
from faults.play import Play
from faults.upstream import FaultyUpstream

LINES: tuple[dict[str, Any], ...] = (
    {"model": "demo", "created_at": "2024-05-01T10:00:00Z", "message": {"content": "Hel"}, "done": False},
    {"model": "demo", "message": {"content": "lo"}, "done": False},
    {"model": "demo", "message": {"content": ""}, "done": True, "prompt_eval_count": 4, "eval_count": 2},
)
STREAM = b"".join(json.dumps(line).encode() + b"\n" for line in LINES)
LINES_OF_JSON = Play("lines", headers=(("content-type", "application/x-ndjson"),), body=STREAM)
PLAIN = Play("plain", body=json.dumps(LINES[2] | {"message": {"content": "Hello"}}).encode())
BODY = json.dumps({"model": "demo", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()


@pytest.fixture
def rig(make_rig: Callable[..., Rig], first: FaultyUpstream) -> Rig:
    made = make_rig(first)
    made.providers[0].spec = replace(made.providers[0].spec, dialect=ollama.NAME)
    return made


@pytest.mark.parametrize("dialect", [ollama, openai_chat], ids=["ollama", "openai"])
async def test_a_stream(rig: Rig, first: FaultyUpstream, dialect: Dialect) -> None:
    first.script(LINES_OF_JSON)
    call = replace(rig.call(), request=dialect.parse_request(BODY), dialect=dialect)
    text = await read(await rig.relay.handle(call))
    sent = first.posts[0]
    assert sent.path.endswith("/api/chat")
    assert sent.json == json.loads(BODY)
    assert rig.finished[0].usage.output == 2
    if dialect is ollama:
        assert text == STREAM
    else:
        assert b'"content":"Hel"' in text
        assert text.endswith(b"data: [DONE]\n\n")


async def test_a_plain_answer(rig: Rig, first: FaultyUpstream) -> None:
    first.script(PLAIN)
    answer = await rig.ask()
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Hello"
    assert rig.finished[0].usage.input == 4


async def test_a_stream_cut_off_ends_with_an_error(rig: Rig, first: FaultyUpstream) -> None:
    first.script(replace(LINES_OF_JSON, body=STREAM.partition(b"\n")[0] + b"\n"))
    call = replace(rig.call(), request=ollama.parse_request(BODY), dialect=ollama)
    *_, last = (await read(await rig.relay.handle(call))).splitlines()
    assert "error" in json.loads(last)


def test_a_package_may_bring_one_and_its_model_list_is_read() -> None:
    check(ProviderSpec("mine", "Mine", OLLAMA, "http://127.0.0.1:11434", Auth.NONE, models_path="/api/tags"))
    listed = b'{"models":[{"name":"qwen3:0.6b","model":"qwen3:0.6b","size":5,"details":{"family":"qwen3"}}]}'
    assert [model.id for model in parse_models(listed)] == ["qwen3:0.6b"]
    assert OLLAMA == ollama.NAME
