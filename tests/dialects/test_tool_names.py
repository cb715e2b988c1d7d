"""Names of tools that do not fit are shortened on the way up and restored on the way down, for every dialect."""

import json
from types import ModuleType
from typing import Any

import pytest

from app.dialects import anthropic, gemini, ollama, openai_chat, responses, tool_names
from app.dialects.translation import Translation
from dialects import matrix, matrix_answered, recorded, witness
from dialects.recorded import short
from dialects.translating import openai_request

LONG = f"mcp__server.one__{'do_something_' * 5}now"
SHORT = "mcp__server_one__do_something_do_something_do_something_66af9fe1"
SCHEMA = {"type": "object", "properties": {}}
FUNCTION = {"type": "function", "function": {"name": LONG, "parameters": SCHEMA}}
HI = [{"role": "user", "content": "Hi"}]
ASKED: dict[ModuleType, dict[str, Any]] = {
    openai_chat: {"model": "m", "messages": HI, "tools": [FUNCTION]},
    anthropic: {"model": "m", "max_tokens": 9, "messages": HI, "tools": [{"name": LONG, "input_schema": SCHEMA}]},
    responses: {"model": "m", "input": "Hi", "tools": [{"type": "function", "name": LONG, "parameters": SCHEMA}]},
    gemini: {"contents": [{"parts": [{"text": "Hi"}]}], "tools": [{"functionDeclarations": [{"name": LONG}]}]},
    ollama: {"model": "m", "messages": HI, "tools": [FUNCTION]},
}
SPOKEN = [behind for behind in matrix_answered.PROVIDERS if behind in matrix.DIALECTS]
PAIRS = [(client, behind) for client in ASKED for behind in SPOKEN if behind not in short(client)]


@pytest.mark.parametrize(("dialect", "hyphen"), [("cohere", "a_b_"), ("gemini", "a-b"), ("openai", "a-b")])
def test_some_dialects_take_less(dialect: str, hyphen: str) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("a-b", "1st", "look")]
    found = tool_names.shortened(openai_request(tools=tools), dialect)
    assert found.get("a-b", "a-b").startswith(hyphen)
    assert found.get("1st", "_1st_").startswith("_1st_")
    assert ("1st" in found) is (dialect != "openai")
    assert "look" not in found


def test_what_fits_stays_and_what_does_not_is_told_apart() -> None:
    assert tool_names.shortened(openai_request(tools=[{"type": "function", "function": {"name": "look"}}])) == {}
    names = [LONG, LONG + "2", "a b", "a.b", "caf\u00e9", "x" * 65]
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    found = tool_names.shortened(openai_request(tools=tools))
    assert set(found) == set(names)
    assert len(set(found.values())) == len(names)
    assert all(len(name) <= 64 and name.isascii() for name in found.values())
    assert found[LONG] == SHORT


def test_past_calls_and_their_results_are_called_the_same() -> None:
    call = {"id": "a", "type": "function", "function": {"name": LONG, "arguments": "{}"}}
    past = [*HI, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "1"}]
    request = openai_request(
        messages=past, tools=[FUNCTION], tool_choice={"type": "function", "function": FUNCTION["function"]}
    )
    for provider in (openai_chat, anthropic, gemini, responses):
        written = provider.write_request(tool_names.spell(request, tool_names.shortened(request)), "m").body
        assert LONG.encode() not in written
        assert SHORT.encode() in written


@pytest.mark.parametrize("scenario", ["calls", "stream_calls"])
@pytest.mark.parametrize(("client", "behind"), PAIRS, ids=[f"{short(c)}-{p}" for c, p in PAIRS])
def test_every_client_gets_its_own_name_back(client: ModuleType, behind: str, scenario: str) -> None:
    stream = scenario.startswith("stream")
    verb = "streamGenerateContent" if stream else "generateContent"
    sent = ASKED[client] | ({} if client is gemini else {"stream": stream})
    request = recorded.parser(client, f"/v1beta/models/m:{verb}")(json.dumps(sent).encode())
    joined = Translation(client, matrix.DIALECTS[behind])
    written = joined.write(request, "m").body
    assert (LONG.encode() in written, SHORT.encode() in written) == (False, True)
    _, answer = matrix_answered.PROVIDERS[behind]()[scenario]
    answer = answer.replace('"look"', f'"{SHORT}"')
    if stream:
        along = joined.open_stream(request)
        out = along.feed(answer.encode()) + along.finish()
    else:
        out = joined.parse_reply(request, answer.encode()).body
    seen = witness.read(short(client), out, stream=stream)
    assert [name for name, _ in seen.calls] == [LONG, LONG]
