"""Every recorded request, of SDKs, editors and agents, written for every provider: its types take it, or it is refused.

What goes up is looked at with the types of OpenAI's, Anthropic's, Google's and Ollama's own packages.
"""

import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import anthropic.types.message_create_params as anthropic_types
import google.genai.types as google_types
import ollama._types as ollama_types
import openai.types.chat.completion_create_params as chat_types
import openai.types.responses.response_create_params as openai_types
import pydantic
import pytest

from app.dialects import anthropic, cohere, gemini, ollama, openai_chat, responses
from app.dialects.translation import Translation
from app.domain.faults import FaultError
from dialects import recorded
from dialects.recorded import short

PROVIDERS = {
    openai_chat: "gpt-5",
    responses: "gpt-5",
    anthropic: "claude-sonnet-4-5",
    gemini: "gemini-2.5-flash",
    ollama: "llama3.2",
    cohere: "command-a-03-2025",
}
CLIENTS = (openai_chat, responses, anthropic, gemini, ollama)


def cases() -> list[Any]:
    """Every recorded request that was good enough for its own provider, with every provider of another dialect."""
    good = [e for e in recorded.exchanges() if e.dialect in CLIENTS and e.status == 200]
    found = [(e.name, e.dialect, e.path, e.sent) for e in good]
    found += [request for request in recorded.client_requests() if request[1] in CLIENTS]
    params = [
        pytest.param(dialect, path, sent, provider, id=f"{name}-{short(provider)}")
        for name, dialect, path, sent in found
        for provider in PROVIDERS
        if provider is not dialect
    ]
    return params or [pytest.param(None, "", {}, None, marks=pytest.mark.skip(reason=recorded.MISSING))]


_CHAT = pydantic.TypeAdapter[Any](chat_types.CompletionCreateParams)
_RESPONSES = pydantic.TypeAdapter[Any](openai_types.ResponseCreateParams)
_MESSAGES = pydantic.TypeAdapter[Any](anthropic_types.MessageCreateParams)


class _Contents(pydantic.BaseModel, extra="forbid"):
    """What `generateContent` takes, of the package's own parts."""

    contents: list[google_types.Content]
    systemInstruction: google_types.Content | None = None  # noqa: N815 - as the wire has it
    tools: list[google_types.Tool] | None = None
    toolConfig: google_types.ToolConfig | None = None  # noqa: N815
    generationConfig: google_types.GenerationConfig | None = None  # noqa: N815
    safetySettings: list[google_types.SafetySetting] | None = None  # noqa: N815


def problems(provider: ModuleType, body: bytes) -> list[str]:
    """What the provider's own description says of a request."""
    sent = json.loads(body)
    checks: dict[ModuleType, Callable[[], list[str]]] = {
        openai_chat: lambda: validated(lambda: _CHAT.validate_python(sent)),
        responses: lambda: validated(lambda: _RESPONSES.validate_python(sent)),
        anthropic: lambda: validated(lambda: _MESSAGES.validate_python(sent)),
        gemini: lambda: validated(lambda: _Contents.model_validate(sent)),
        ollama: lambda: validated(lambda: ollama_types.ChatRequest.model_validate(sent)),
        cohere: list,
    }
    return checks[provider]()


def validated(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except pydantic.ValidationError as error:
        return [f"{item['loc']}: {item['msg']}" for item in error.errors()]
    return []


@pytest.mark.parametrize(("client", "path", "sent", "provider"), cases())
def test_written_or_refused_by_name(client: ModuleType, path: str, sent: dict[str, Any], provider: ModuleType) -> None:
    request = recorded.parser(client, path)(json.dumps(sent).encode())
    try:
        written = Translation(client, provider).write(request, PROVIDERS[provider])
    except FaultError as refused:
        fault = refused.fault
    else:
        assert problems(provider, written.body) == []
        return
    assert fault.status == 400
    assert re.search(r"`[^`]+`", fault.message)
