"""Reasoning goes on over many steps for clients that carry no thoughts, with providers that insist on them."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from contract.anthropic_upstream import AnthropicUpstream
from contract.program import ROUTING, TOKEN, openai_client, provider, root_of, running
from contract.strict_upstreams import StrictAnthropic, StrictGemini, StrictResponses

CLAUDE, GEMINI = "claude-x", "gemini-2.5-flash"
Object = dict[str, Any]
PARAMETERS = {"type": "object", "properties": {"at": {"type": "integer"}}}
FUNCTIONS: list[Any] = [{"name": name, "description": "Looks.", "parameters": PARAMETERS} for name in ("look", "wait")]
TOOLS: list[Any] = [{"type": "function", "function": function} for function in FUNCTIONS]


@pytest.fixture
async def claude() -> AsyncIterator[StrictAnthropic]:
    async with StrictAnthropic() as made:
        yield made


@pytest.fixture
async def gemini() -> AsyncIterator[StrictGemini]:
    async with StrictGemini() as made:
        yield made


@pytest.fixture
async def raw(tmp_path: Path, claude: StrictAnthropic, gemini: StrictGemini) -> AsyncIterator[httpx.AsyncClient]:
    rows = provider("claude", "anthropic", f"http://127.0.0.1:{claude.port}", 'key = "env:PROVIDER_KEY"')
    rows += provider("gemini", "gemini", f"http://127.0.0.1:{gemini.port}", 'key = "env:PROVIDER_KEY"')
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        running(tmp_path, ROUTING + rows, PROVIDER_KEY="sk-canary-0123456789") as runtime,
        httpx.AsyncClient(base_url=root_of(runtime), headers=headers, trust_env=False) as made,
    ):
        yield made


@pytest.fixture
async def client(raw: httpx.AsyncClient) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_client(str(raw.base_url.join("/v1"))) as made:
        yield made


async def plain(client: openai.AsyncOpenAI, model: str, messages: list[Any]) -> tuple[str | None, list[Object]]:
    """Words and calls of an answer, as a client that knows nothing of thoughts keeps them."""
    done = await client.chat.completions.create(model=model, messages=messages, tools=TOOLS, reasoning_effort="high")
    message = done.choices[0].message
    calls = [call.model_dump(include={"id", "type", "function"}) for call in message.tool_calls or ()]
    return message.content, calls


async def streamed(client: openai.AsyncOpenAI, model: str, messages: list[Any]) -> tuple[str | None, list[Object]]:
    words, calls = "", dict[int, Object]()
    async for chunk in await client.chat.completions.create(
        model=model, messages=messages, tools=TOOLS, reasoning_effort="high", stream=True
    ):
        delta = chunk.choices[0].delta if chunk.choices else None
        words += (delta.content or "") if delta else ""
        for part in (delta.tool_calls or ()) if delta else ():
            made = calls.setdefault(
                part.index, {"id": part.id, "type": "function", "function": {"name": "", "arguments": ""}}
            )
            assert part.function is not None
            made["function"]["name"] += part.function.name or ""
            made["function"]["arguments"] += part.function.arguments or ""
    return words, list(calls.values())


@pytest.mark.parametrize("ask", [plain, streamed])
@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
async def test_openais_client_works_with_tools(
    client: openai.AsyncOpenAI, claude: StrictAnthropic, gemini: StrictGemini, ask: Callable[..., Any], model: str
) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is it?"}]
    for _ in range(3):
        words, calls = await ask(client, model, messages)
        messages.append({"role": "assistant", "content": words} | ({"tool_calls": calls} if calls else {}))
        messages += [{"role": "tool", "tool_call_id": call["id"], "content": "42"} for call in calls]
    assert messages[-1]["content"].startswith("It is 42")
    words, calls = await ask(client, model, [*messages, {"role": "user", "content": "Sure?"}])
    assert (claude.refused, gemini.refused) == ([], [])
    if model is CLAUDE:
        last = json.loads(claude.posts[-1].body)["messages"]
        assert [block["type"] for block in last[1]["content"]] == ["thinking", "redacted_thinking", "text", "tool_use"]
        assert [block["type"] for block in last[-2]["content"]] == ["thinking", "text"]
    else:
        assert gemini.posts[-1].json["contents"][-2]["parts"][-1]["thoughtSignature"]


@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
async def test_ollamas_wire_without_ids(
    raw: httpx.AsyncClient, claude: StrictAnthropic, gemini: StrictGemini, model: str
) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is it?"}]
    ask = {"model": model, "tools": TOOLS, "think": True, "stream": False}
    for _ in range(3):
        message = (await raw.post("/api/chat", json=ask | {"messages": messages})).json()["message"]
        calls = [call["function"] for call in message.get("tool_calls", ())]
        kept = [{"function": {"name": call["name"], "arguments": call["arguments"]}} for call in calls]
        messages.append({"role": "assistant", "content": message["content"]} | ({"tool_calls": kept} if kept else {}))
        messages += [{"role": "tool", "tool_name": call["name"], "content": "42"} for call in calls]
    assert messages[-1]["content"].startswith("It is 42")
    assert (claude.refused, gemini.refused) == ([], [])


@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
async def test_responses_without_its_reasoning_items(
    raw: httpx.AsyncClient, claude: StrictAnthropic, gemini: StrictGemini, model: str
) -> None:
    items: list[Any] = [{"role": "user", "content": "What is it?"}]
    tools = [{"type": "function", **function} for function in FUNCTIONS]
    ask = {"model": model, "tools": tools, "reasoning": {"effort": "high"}, "store": False}
    for _ in range(3):
        output = (await raw.post("/v1/responses", json=ask | {"input": items})).json()["output"]
        kept = [item for item in output if item["type"] != "reasoning"]
        calls = [item for item in kept if item["type"] == "function_call"]
        items += kept
        items += [{"type": "function_call_output", "call_id": call["call_id"], "output": "42"} for call in calls]
    assert items[-1]["content"][0]["text"].startswith("It is 42")
    assert (claude.refused, gemini.refused) == ([], [])


async def test_geminis_client_with_claude_behind(raw: httpx.AsyncClient, claude: StrictAnthropic) -> None:
    contents: list[Any] = [{"role": "user", "parts": [{"text": "What is it?"}]}]
    ask = {
        "tools": [{"functionDeclarations": FUNCTIONS}],
        "generationConfig": {"thinkingConfig": {"thinkingBudget": 2048}},
    }
    headers = {"x-goog-api-key": TOKEN}
    for _ in range(3):
        path = f"/v1beta/models/{CLAUDE}:generateContent"
        reply = (await raw.post(path, json=ask | {"contents": contents}, headers=headers)).json()
        content = reply["candidates"][0]["content"]
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        contents.append(content)
        results = [{"functionResponse": {"name": call["name"], "response": {"output": "42"}}} for call in calls]
        contents += [{"role": "user", "parts": results}] if results else []
    assert contents[-1]["parts"][-1]["text"] == "It is 42."
    assert claude.refused == []


@asynccontextmanager
async def two_claudes(home: Path, one: StrictAnthropic, two: AnthropicUpstream) -> AsyncIterator[openai.AsyncOpenAI]:
    rows = "".join(
        provider(name, "anthropic", f"http://{host}:{up.port}", 'key = "env:PROVIDER_KEY"', f"priority = {rank}")
        for rank, (name, host, up) in enumerate((("one", "127.0.0.1", one), ("two", "localhost", two)))
    )
    async with (
        running(home, ROUTING + rows, PROVIDER_KEY="sk-canary-0123456789") as runtime,
        openai_client(f"{root_of(runtime)}/v1") as client,
    ):
        yield client


async def test_a_thought_never_goes_to_another_provider(tmp_path: Path, claude: StrictAnthropic) -> None:
    question = {"role": "user", "content": "What is it?"}
    async with AnthropicUpstream() as other, two_claudes(tmp_path, claude, other) as client:
        done = await client.chat.completions.create(
            model=CLAUDE, messages=[question], tools=TOOLS, reasoning_effort="high"
        )
        message = done.choices[0].message.model_dump(exclude_none=True)
        assert message["reasoning_details"], "this client sends back what it was given"
        calls = message["tool_calls"]
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "42"} for call in calls]
        history: list[Any] = [question, message, *results]
        done = await client.chat.completions.create(
            model=f"two/{CLAUDE}", messages=history, tools=TOOLS, reasoning_effort="high"
        )
    assert done.choices[0].message.content == "Hello"
    sent = json.loads(other.posts[-1].body)
    assert [block["type"] for block in sent["messages"][1]["content"]] == ["text", "tool_use"]
    assert "thinking" not in sent
    assert "SIG1" not in str(other.posts)


@pytest.mark.parametrize("ask", [plain, streamed])
async def test_openais_chat_client_with_responses_behind(tmp_path: Path, ask: Callable[..., Any]) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is it?"}]
    async with StrictResponses() as upstream:
        row = provider("up", "responses-compatible", upstream.base_url, 'key = "env:PROVIDER_KEY"')
        async with (
            running(tmp_path, ROUTING + row, PROVIDER_KEY="sk-canary-0123456789") as runtime,
            openai_client(f"{root_of(runtime)}/v1") as client,
        ):
            for _ in range(3):
                words, calls = await ask(client, "m", messages)
                messages.append({"role": "assistant", "content": words} | ({"tool_calls": calls} if calls else {}))
                messages += [{"role": "tool", "tool_call_id": call["id"], "content": "42"} for call in calls]
    assert upstream.refused == []
    assert messages[-1]["content"] == "It is 42."
