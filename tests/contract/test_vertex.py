"""Vertex AI behind the running program: tokens for a really signed claim, Gemini and Claude by their own paths."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest

from contract.anthropic_upstream import answer as claude_says
from contract.anthropic_upstream import events
from contract.cloud_upstream import Asked, CloudUpstream, Given, sse, told
from contract.clouds import TokenEndpoint
from contract.gemini_upstream import answer as gemini_says
from contract.program import ROUTING, TOKEN, openai_client, provider, root_of, running

PLACE = "/v1/projects/mine/locations/us-central1"
GOOGLE, ANTHROPIC = f"{PLACE}/publishers/google/models", f"{PLACE}/publishers/anthropic/models"
GEMINI, CLAUDE = "gemini-2.5-pro", "claude-sonnet-4-5@20250929"
TURNS: Any = [{"role": "user", "content": "hello"}]
DENIED = {"error": {"code": 401, "message": "Request had invalid credentials.", "status": "UNAUTHENTICATED"}}


def listed(publisher: str, *names: str) -> Given:
    return told({"publisherModels": [{"name": f"publishers/{publisher}/models/{name}"} for name in names]})


@pytest.fixture
async def login() -> AsyncIterator[TokenEndpoint]:
    async with TokenEndpoint() as made:
        yield made


@pytest.fixture
async def google(login: TokenEndpoint) -> AsyncIterator[CloudUpstream]:
    def door(asked: Asked) -> Given | None:
        return None if login.knows(asked.headers.get("authorization", "")) else told(DENIED, 401)

    async with CloudUpstream(door) as made:
        made.answers = {
            "/v1beta1/publishers/google/models": listed("google", GEMINI, "imagen-4"),
            "/v1beta1/publishers/anthropic/models": listed("anthropic", "claude-sonnet-4-5"),
            f"{GOOGLE}/{GEMINI}:generateContent": told(gemini_says({"text": "Hello"})),
            f"{GOOGLE}/{GEMINI}:streamGenerateContent?alt=sse": sse(
                gemini_says({"text": "Hel"}, finish=""), gemini_says({"text": "lo"})
            ),
            f"{GOOGLE}/{GEMINI}:countTokens": told({"totalTokens": 31, "totalBillableCharacters": 99}),
            f"{ANTHROPIC}/{CLAUDE}:rawPredict": told(claude_says({"type": "text", "text": "Hello"})),
            f"{ANTHROPIC}/{CLAUDE}:streamRawPredict": sse(*events("Hel", "lo"), names=True),
            f"{ANTHROPIC}/count-tokens:rawPredict": told({"input_tokens": 4711}),
        }
        yield made
        assert made.strangers == []


@pytest.fixture
async def raw(tmp_path: Path, google: CloudUpstream, login: TokenEndpoint) -> AsyncIterator[httpx.AsyncClient]:
    rows = provider("vertex", "vertex", google.root + PLACE, 'key = "env:ACCOUNT"')
    rows += provider("claude", "vertex-claude", f"{google.root}{PLACE}/", 'key = "env:ACCOUNT"')
    async with (
        running(tmp_path, ROUTING + rows, ACCOUNT=login.account()) as runtime,
        httpx.AsyncClient(base_url=root_of(runtime), headers={"x-api-key": TOKEN}, trust_env=False) as made,
    ):
        yield made


@pytest.fixture
async def client(raw: httpx.AsyncClient) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_client(str(raw.base_url.join("/v1"))) as made:
        yield made


@pytest.fixture
async def claude(raw: httpx.AsyncClient) -> AsyncIterator[anthropic.AsyncAnthropic]:
    http = anthropic.DefaultAsyncHttpxClient(trust_env=False)
    made = anthropic.AsyncAnthropic(base_url=str(raw.base_url), api_key=TOKEN, max_retries=0, http_client=http)
    yield made
    await made.close()


async def test_the_models_of_both_are_listed(client: openai.AsyncOpenAI) -> None:
    names = {model.id async for model in await client.models.list()}
    assert {GEMINI, "imagen-4", "claude-sonnet-4-5"} <= {name.rpartition("/")[2] for name in names}


async def test_gemini_answers_openais_client(
    client: openai.AsyncOpenAI, google: CloudUpstream, login: TokenEndpoint
) -> None:
    done = await client.chat.completions.create(model=GEMINI, messages=TURNS)
    assert done.choices[0].message.content == "Hello"
    chunks = [c async for c in await client.chat.completions.create(model=GEMINI, messages=TURNS, stream=True)]
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "Hello"
    assert "x-goog-user-project" not in google.posts[0].headers
    assert "x-goog-api-key" not in google.posts[0].headers
    assert len(login.given) == 2  # one for each provider, for all their requests
    assert "PRIVATE KEY" not in f"{google.posts}"


async def test_geminis_own_dialect_passes_as_it_is(raw: httpx.AsyncClient, google: CloudUpstream) -> None:
    body = b'{"contents":[{"role":"user","parts":[{"text":"h\\u00f6llo"}]}],"labels":{"team":"a"}}'
    kind = {"content-type": "application/json"}
    done = await raw.post(f"/v1beta/models/{GEMINI}:generateContent", content=body, headers=kind)
    assert done.json() == gemini_says({"text": "Hello"})
    assert google.posts[-1].body == body
    counted = await raw.post(f"/v1beta/models/{GEMINI}:countTokens", content=body, headers=kind)
    assert (counted.json()["totalTokens"], counted.headers["x-switchtower-token-source"]) == (31, "provider")


async def test_claude_answers_anthropics_client(claude: anthropic.AsyncAnthropic, google: CloudUpstream) -> None:
    ask: dict[str, Any] = {"model": f"claude/{CLAUDE}", "max_tokens": 9, "messages": TURNS}
    done = await claude.beta.messages.create(**ask, betas=["context-1m-2025-08-07"])
    assert done.content[0].to_dict() == {"type": "text", "text": "Hello"}
    asked = google.posts[-1]
    assert asked.json == {"max_tokens": 9, "messages": TURNS, "anthropic_version": "vertex-2023-10-16"}
    assert asked.headers["anthropic-beta"] == "context-1m-2025-08-07"
    async with claude.messages.stream(**ask) as opened:
        words = [word async for word in opened.text_stream]
    assert words == ["Hel", "lo"]
    assert google.posts[-1].json["stream"] is True
    assert "model" not in google.posts[-1].json


async def test_beta_features_that_are_refused_are_left_out_of_the_headers(
    claude: anthropic.AsyncAnthropic, google: CloudUpstream
) -> None:
    message = "Unexpected value(s) `fast-mode-2026-02-01` for the `anthropic-beta` header."
    refusal = told({"type": "error", "error": {"type": "invalid_request_error", "message": message}}, 400)
    plain_door = google.door
    google.door = lambda asked: plain_door(asked) or (refusal if "anthropic-beta" in asked.headers else None)
    ask: dict[str, Any] = {"model": f"claude/{CLAUDE}", "max_tokens": 9, "messages": TURNS}
    for attempts in (2, 1):
        google.posts.clear()
        raw = await claude.beta.messages.with_raw_response.create(**ask, betas=["fast-mode-2026-02-01"])
        assert raw.headers["x-switchtower-dropped-params"] == "anthropic_beta"
        assert len(google.posts) == attempts


async def test_claude_answers_openais_client(client: openai.AsyncOpenAI) -> None:
    model = f"claude/{CLAUDE}"
    chunks = [c async for c in await client.chat.completions.create(model=model, messages=TURNS, stream=True)]
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "Hello"


async def test_claudes_tokens_are_counted_there(claude: anthropic.AsyncAnthropic, google: CloudUpstream) -> None:
    counted = await claude.messages.count_tokens(model=f"claude/{CLAUDE}", messages=TURNS)
    assert counted.input_tokens == 4711
    assert google.posts[-1].json == {"model": CLAUDE, "messages": TURNS, "anthropic_version": "vertex-2023-10-16"}


async def test_a_token_that_was_taken_back_is_refused_and_never_shown(
    client: openai.AsyncOpenAI, login: TokenEndpoint
) -> None:
    login.revoked |= set(login.given)
    with pytest.raises(openai.APIStatusError) as refused:
        await client.chat.completions.create(model=GEMINI, messages=TURNS)
    assert (refused.value.status_code, refused.value.code) == (502, "provider_auth")
    assert all(token not in refused.value.response.text for token in login.given)


async def test_a_model_that_is_not_there(client: openai.AsyncOpenAI, google: CloudUpstream) -> None:
    message = f"Publisher Model `projects/mine/locations/us-central1/publishers/google/models/{GEMINI}` was not found."
    gone = {"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}
    google.answers[f"{GOOGLE}/{GEMINI}:generateContent"] = told(gone, 404)
    with pytest.raises(openai.NotFoundError) as refused:
        await client.chat.completions.create(model=GEMINI, messages=TURNS)
    assert refused.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("status", "word", "message", "seen", "code"),
    [
        (403, "PERMISSION_DENIED", "Vertex AI API has not been used in project mine before.", 502, "provider_auth"),
        (429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.", 429, "rate_limit_exceeded"),
        (400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum.", 400, "context_length_exceeded"),
        (500, "INTERNAL", "Internal error encountered.", 502, "provider_error"),
        (503, "UNAVAILABLE", "The service is currently unavailable.", 503, "provider_unavailable"),
    ],
)
async def test_refusals(
    client: openai.AsyncOpenAI, google: CloudUpstream, status: int, word: str, message: str, seen: int, code: str
) -> None:
    refusal = {"error": {"code": status, "message": message, "status": word}}
    google.answers[f"{GOOGLE}/{GEMINI}:generateContent"] = told(refusal, status)
    google.answers[f"{GOOGLE}/{GEMINI}:streamGenerateContent?alt=sse"] = told([refusal], status)
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError) as refused:
            await client.chat.completions.create(model=f"vertex/{GEMINI}", messages=TURNS, stream=stream)
        assert (refused.value.status_code, refused.value.code) == (seen, code)
        assert message.rstrip(".") in refused.value.message


async def test_an_account_that_is_refused(tmp_path: Path, google: CloudUpstream, login: TokenEndpoint) -> None:
    login.status = 400
    rows = ROUTING + provider("vertex", "vertex", google.root + PLACE, 'key = "env:ACCOUNT"', f'models = ["{GEMINI}"]')
    async with (
        running(tmp_path, rows, ACCOUNT=login.account()) as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        with pytest.raises(openai.APIStatusError) as refused:
            await client.chat.completions.create(model=GEMINI, messages=TURNS)
    assert (refused.value.status_code, refused.value.code) == (502, "provider_auth")
    assert "invalid_grant: Account is disabled." in refused.value.message
    assert "disabled.." not in refused.value.message
    assert "Correct the variable ACCOUNT" in refused.value.message
    assert google.posts == []


async def test_an_api_key_of_the_express_mode(tmp_path: Path) -> None:
    def door(asked: Asked) -> Given | None:
        return None if asked.headers.get("x-goog-api-key") == "AIzaExpress0123456789" else told(DENIED, 401)

    answers = {
        "/v1/publishers/google/models/gemini-2.5-pro:generateContent": told(gemini_says({"text": "Hello"})),
        "/v1beta1/publishers/google/models": listed("google", GEMINI),
    }
    async with CloudUpstream(door, answers) as google:
        rows = ROUTING + provider("vertex", "vertex", f"{google.root}/v1", 'key = "env:EXPRESS"')
        async with (
            running(tmp_path, rows, EXPRESS="AIzaExpress0123456789") as runtime,
            openai_client(runtime.service.listening) as client,
        ):
            done = await client.chat.completions.create(model=GEMINI, messages=TURNS)
    assert done.choices[0].message.content == "Hello"


async def test_what_a_server_repeats_of_a_token_is_not_passed_on(tmp_path: Path, login: TokenEndpoint) -> None:
    def tells(asked: Asked) -> Given:
        message = f"I was given {asked.headers['authorization']}, {asked.headers['authorization'][7:]}"
        return told({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}, 400)

    async with CloudUpstream(tells) as gossip:
        row = provider("vertex", "vertex", gossip.root + PLACE, 'key = "env:ACCOUNT"', f'models = ["{GEMINI}"]')
        async with (
            running(tmp_path, ROUTING + row, ACCOUNT=login.account()) as runtime,
            openai_client(runtime.service.listening) as client,
        ):
            with pytest.raises(openai.BadRequestError) as refused:
                await client.chat.completions.create(model=GEMINI, messages=TURNS)
            shown = refused.value.response.text + repr(runtime.snapshot())
    assert "I was given" in shown
    assert login.given
    assert all(token not in shown for token in login.given)
