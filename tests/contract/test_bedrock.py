"""Amazon Bedrock behind the running program: signatures checked as AWS checks them, its event stream, its errors."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest

from contract.anthropic_upstream import answer, error, events
from contract.cloud_upstream import Asked, CloudUpstream, Given, sse, told
from contract.clouds import ACCESS_KEY, SECRET_KEY, framed, packed, signed_by
from contract.program import ROUTING, TOKEN, openai_client, provider, root_of, running

CLAUDE = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
GPT = "openai.gpt-oss-120b-1:0"
PLACE = "/model/global.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
EVENTS = "application/vnd.amazon.eventstream"
API_KEY = "ABSKQmVkcm9ja0FQSUtleS1jYW5hcnktMDEyMzQ1Njc4OWFiY2RlZg=="
ASK: dict[str, Any] = {"model": CLAUDE, "max_tokens": 9, "messages": [{"role": "user", "content": "h\u00f6llo"}]}
SAY: dict[str, Any] = {"model": GPT, "messages": [{"role": "user", "content": "hello"}]}
REPLY = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": GPT,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def signed(asked: Asked) -> Given | None:
    """AWS's door: a signature that is right, or the API key."""
    if asked.headers.get("authorization") == f"Bearer {API_KEY}":
        return None
    try:
        place = signed_by(asked.method, asked.url, asked.headers, asked.body)
    except (AssertionError, KeyError, ValueError):
        kind = "InvalidSignatureException"
        return told({"message": "The request signature does not match."}, 403, x_amzn_errortype=kind)
    assert place == (ACCESS_KEY, "eu-central-1", "bedrock")
    return None


def stream(*messages: bytes, size: int = 37) -> Given:
    """An event stream, cut wherever it comes to it."""
    data = b"".join(messages)
    return Given(200, tuple(data[at : at + size] for at in range(0, len(data), size)), EVENTS)


def events_of(*words: str) -> list[bytes]:
    return [packed(json.dumps(event).encode()) for event in events(*words)]


@pytest.fixture
async def aws() -> AsyncIterator[CloudUpstream]:
    async with CloudUpstream(signed) as made:
        made.answers = {
            f"{PLACE}/invoke": told(answer({"type": "text", "text": "Hello"})),
            f"{PLACE}/invoke-with-response-stream": stream(*events_of("Hel", "l\u00f6 \U0001f600")),
            f"{PLACE}/count-tokens": told({"inputTokens": 4711}),
            "/openai/v1/chat/completions": told(REPLY),
        }
        yield made
        assert made.strangers == []


@pytest.fixture(params=[f"{ACCESS_KEY}:{SECRET_KEY}", API_KEY], ids=["signed", "api-key"])
def key(request: pytest.FixtureRequest) -> str:
    given: str = request.param
    return given


@pytest.fixture
async def raw(
    tmp_path: Path, aws: CloudUpstream, key: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    rows = provider("claude", "bedrock-claude", aws.root, 'key = "env:AWS"')
    rows += provider("gpt", "bedrock", aws.root, 'key = "env:AWS"')
    async with (
        running(tmp_path, ROUTING + rows, AWS=key) as runtime,
        httpx.AsyncClient(base_url=root_of(runtime), headers={"x-api-key": TOKEN}, trust_env=False) as made,
    ):
        yield made


@pytest.fixture
async def claude(raw: httpx.AsyncClient) -> AsyncIterator[anthropic.AsyncAnthropic]:
    http = anthropic.DefaultAsyncHttpxClient(trust_env=False)
    made = anthropic.AsyncAnthropic(base_url=str(raw.base_url), api_key=TOKEN, max_retries=0, http_client=http)
    yield made
    await made.close()


@pytest.fixture
async def client(raw: httpx.AsyncClient) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_client(str(raw.base_url.join("/v1"))) as made:
        yield made


async def test_anthropics_client_gets_an_answer(claude: anthropic.AsyncAnthropic, aws: CloudUpstream) -> None:
    done = await claude.beta.messages.create(**ASK, betas=["context-1m-2025-08-07"])
    assert done.content[0].to_dict() == {"type": "text", "text": "Hello"}
    (asked,) = aws.posts
    assert asked.json == {
        "max_tokens": 9,
        "messages": ASK["messages"],
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["context-1m-2025-08-07"],
    }
    assert "anthropic-beta" not in asked.headers
    assert "anthropic-version" not in asked.headers
    assert TOKEN not in f"{asked}"


async def test_anthropics_client_gets_a_stream(claude: anthropic.AsyncAnthropic, aws: CloudUpstream) -> None:
    async with claude.messages.stream(**ASK) as opened:
        words = [word async for word in opened.text_stream]
        done = await opened.get_final_message()
    assert words == ["Hel", "l\u00f6 \U0001f600"]
    assert (done.stop_reason, done.usage.output_tokens) == ("end_turn", 7)
    (asked,) = aws.posts
    assert asked.headers["accept"] == EVENTS
    assert "stream" not in asked.json


async def test_openais_client_gets_both(client: openai.AsyncOpenAI) -> None:
    plain = await client.chat.completions.create(**ASK)
    assert plain.choices[0].message.content == "Hello"
    options = {"include_usage": True}
    chunks = [c async for c in await client.chat.completions.create(**ASK, stream=True, stream_options=options)]
    said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert said == "Hell\u00f6 \U0001f600"
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (18, 7)


async def test_openais_own_dialect(client: openai.AsyncOpenAI, aws: CloudUpstream) -> None:
    done = await client.chat.completions.create(**SAY)
    assert done.choices[0].message.content == "Hello"
    assert aws.posts[0].json == SAY
    chunk = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    aws.answers["/openai/v1/chat/completions"] = sse(chunk, "[DONE]")
    chunks = [c async for c in await client.chat.completions.create(**SAY, stream=True)]
    assert chunks[0].choices[0].delta.content == "Hi"


async def test_beta_features_that_are_refused_are_left_out_and_not_sent_again(
    claude: anthropic.AsyncAnthropic, aws: CloudUpstream
) -> None:
    good, kind = aws.answers[f"{PLACE}/invoke"], "ValidationException"
    refusal = told({"message": "invalid beta flag"}, 400, x_amzn_errortype=kind)
    plain_door = aws.door
    aws.door = lambda asked: plain_door(asked) or (refusal if b"anthropic_beta" in asked.body else None)
    edits: Any = {"edits": [{"type": "clear_tool_uses_20250919"}]}
    for attempts in (2, 1):
        aws.posts.clear()
        betas = ["context-management-2025-06-27"]
        raw = await claude.beta.messages.with_raw_response.create(**ASK, betas=betas, context_management=edits)
        assert raw.headers["x-switchtower-dropped-params"] == "context_management, anthropic_beta"
        assert len(aws.posts) == attempts
        assert aws.posts[-1].json == {
            "max_tokens": 9,
            "messages": ASK["messages"],
            "anthropic_version": "bedrock-2023-05-31",
        }
    assert aws.answers[f"{PLACE}/invoke"] is good


async def test_tokens_are_counted_by_bedrock(claude: anthropic.AsyncAnthropic, aws: CloudUpstream) -> None:
    counted = await claude.messages.count_tokens(model=CLAUDE, messages=ASK["messages"])
    assert counted.input_tokens == 4711
    body = json.loads(base64.b64decode(aws.posts[0].json["input"]["invokeModel"]["body"]))
    assert body == {"messages": ASK["messages"], "anthropic_version": "bedrock-2023-05-31", "max_tokens": 1}


THROTTLED = framed(
    b'{"message":"Too many tokens, please wait."}',
    {":message-type": "exception", ":exception-type": "throttlingException"},
)


async def test_an_exception_before_the_answer_has_its_status(
    claude: anthropic.AsyncAnthropic, aws: CloudUpstream
) -> None:
    aws.answers[f"{PLACE}/invoke-with-response-stream"] = stream(THROTTLED)
    with pytest.raises(anthropic.RateLimitError, match="Too many tokens"):
        async with claude.messages.stream(**ASK) as opened:
            await opened.get_final_message()


async def read_into(said: list[str], client: openai.AsyncOpenAI) -> None:
    async for chunk in await client.chat.completions.create(**ASK, stream=True):
        said += [choice.delta.content or "" for choice in chunk.choices]


async def test_an_exception_in_the_middle_ends_the_stream(
    client: openai.AsyncOpenAI, aws: CloudUpstream, key: str
) -> None:
    aws.answers[f"{PLACE}/invoke-with-response-stream"] = stream(*events_of("Hel")[:4], THROTTLED)
    said: list[str] = []
    with pytest.raises(openai.APIError, match="Too many tokens") as caught:
        await read_into(said, client)
    assert "".join(said) == "Hel"
    assert key not in f"{caught.value}{caught.value.body}"


@pytest.mark.parametrize("cut", [-1, -200])
async def test_a_stream_that_breaks_off_is_an_error(client: openai.AsyncOpenAI, aws: CloudUpstream, cut: int) -> None:
    whole = b"".join(events_of("Hel")[:4])
    aws.answers[f"{PLACE}/invoke-with-response-stream"] = stream(whole[:cut])
    with pytest.raises(openai.APIError, match="broke the stream off"):
        [c async for c in await client.chat.completions.create(**ASK, stream=True)]


async def test_a_damaged_stream_is_an_error(client: openai.AsyncOpenAI, aws: CloudUpstream) -> None:
    whole = bytearray(b"".join(events_of("Hel")))
    whole[-30] ^= 1
    aws.answers[f"{PLACE}/invoke-with-response-stream"] = stream(bytes(whole))
    with pytest.raises(openai.APIError, match="cannot be read"):
        [c async for c in await client.chat.completions.create(**ASK, stream=True)]


@pytest.mark.parametrize(
    ("status", "kind", "message", "seen", "code"),
    [
        (403, "AccessDeniedException", "You don't have access to the model.", 404, "model_not_found"),
        (403, "ExpiredTokenException", "The security token has expired.", 502, "provider_auth"),
        (429, "ThrottlingException", "Too many requests.", 429, "rate_limit_exceeded"),
        (400, "ValidationException", "The provided model identifier is invalid.", 404, "model_not_found"),
        (400, "ValidationException", "Input is too long for requested model.", 400, "context_length_exceeded"),
        (424, "ModelErrorException", "The model failed.", 502, "provider_error"),
        (503, "ServiceUnavailableException", "Busy.", 503, "provider_unavailable"),
    ],
)
async def test_refusals(
    client: openai.AsyncOpenAI, aws: CloudUpstream, status: int, kind: str, message: str, seen: int, code: str
) -> None:
    aws.answers[f"{PLACE}/invoke"] = told({"message": message}, status, x_amzn_errortype=f"{kind}:http://x/")
    with pytest.raises(openai.APIStatusError) as refused:
        await client.chat.completions.create(**ASK)
    assert (refused.value.status_code, refused.value.code) == (seen, code)
    assert message.rstrip(".") in refused.value.message
    assert SECRET_KEY not in refused.value.response.text


async def test_an_error_of_the_model_itself(claude: anthropic.AsyncAnthropic, aws: CloudUpstream) -> None:
    aws.answers[f"{PLACE}/invoke"] = told(error("invalid_request_error", "messages: must not be empty"), 400)
    with pytest.raises(anthropic.BadRequestError, match="must not be empty"):
        await claude.messages.create(**ASK)


async def test_a_wrong_secret_is_told_and_not_shown(
    tmp_path: Path, aws: CloudUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    wrong = SECRET_KEY[::-1]
    rows = ROUTING + provider("claude", "bedrock-claude", aws.root, 'key = "env:AWS"')
    async with (
        running(tmp_path, rows, AWS=f"{ACCESS_KEY}:{wrong}") as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        with pytest.raises(openai.APIStatusError) as refused:
            await client.chat.completions.create(**ASK)
        assert (refused.value.status_code, refused.value.code) == (502, "provider_auth")
        assert wrong not in refused.value.response.text
        assert "signature does not match" in refused.value.message


async def test_the_login_of_this_machine_is_used_and_may_be_renewed(
    tmp_path: Path, aws: CloudUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", ACCESS_KEY)):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    rows = ROUTING + provider("claude", "bedrock-claude", aws.root, 'key = "default"')
    async with running(tmp_path, rows) as runtime, openai_client(runtime.service.listening) as client:
        assert (await client.chat.completions.create(**ASK)).choices[0].message.content == "Hello"
        good = aws.answers[f"{PLACE}/invoke"]
        kind = "ExpiredTokenException"
        aws.answers[f"{PLACE}/invoke"] = told({"message": "The token has expired."}, 403, x_amzn_errortype=kind)
        with pytest.raises(openai.APIStatusError, match="aws sso login") as refused:
            await client.chat.completions.create(**ASK)
        assert (refused.value.status_code, refused.value.code) == (503, "provider_needs_key")
        aws.answers[f"{PLACE}/invoke"] = good
        assert (await client.chat.completions.create(**ASK)).choices[0].message.content == "Hello"


async def test_what_a_server_repeats_of_a_login_is_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def tells(asked: Asked) -> Given:
        secrets = f"{SECRET_KEY} {asked.headers['x-amz-security-token']} {asked.headers['authorization']}"
        return told({"message": f"I was given {secrets}"}, 400, x_amzn_errortype="ValidationException")

    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    token = "FwoGZXIvYXdzEBYaDsessiontoken/+="
    async with CloudUpstream(tells) as gossip:
        rows = ROUTING + provider("claude", "bedrock-claude", gossip.root, 'key = "env:AWS"')
        async with (
            running(tmp_path, rows, AWS=f"{ACCESS_KEY}:{SECRET_KEY}:{token}") as runtime,
            openai_client(runtime.service.listening) as client,
        ):
            with caplog.at_level("DEBUG"), pytest.raises(openai.APIStatusError) as refused:
                await client.chat.completions.create(**ASK)
            log = (runtime.paths.log_file.read_text() if runtime.paths.log_file.exists() else "") + caplog.text
    assert "I was given" in refused.value.response.text
    for secret in (SECRET_KEY, token):
        assert secret not in refused.value.response.text
        assert secret not in log


async def test_a_test_tells_when_there_is_no_login(
    tmp_path: Path, aws: CloudUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    rows = ROUTING + provider("claude", "bedrock-claude", aws.root, 'key = "default"')
    async with running(tmp_path, rows) as runtime:
        status = await runtime.test_provider("claude")
        assert (status.state, "finds no login for AWS" in status.detail) == ("needs_key", True)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        status = await runtime.test_provider("claude")
        assert (status.state, status.detail) == ("unknown", "")
        assert await runtime.test_new("bedrock", aws.root, None) == ""
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        assert "finds no login for AWS" in await runtime.test_new("bedrock", aws.root, None)
    assert aws.posts == aws.gets == []


@pytest.mark.parametrize("key", [f"{ACCESS_KEY}:{SECRET_KEY}", API_KEY], ids=["signed", "api-key"])
async def test_claude_by_mantle(tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def door(asked: Asked) -> Given | None:
        return None if asked.headers.get("x-api-key") == API_KEY else signed(asked)

    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    answers = {
        "/anthropic/v1/models": told({"data": [{"id": "anthropic.claude-sonnet-5", "type": "model"}]}),
        "/anthropic/v1/messages": told(answer({"type": "text", "text": "Hello"})),
    }
    async with CloudUpstream(door, answers) as mantle:
        rows = ROUTING + provider("claude", "bedrock-mantle-claude", mantle.root, 'key = "env:AWS"')
        async with (
            running(tmp_path, rows, AWS=key) as runtime,
            httpx.AsyncClient(base_url=root_of(runtime), headers={"x-api-key": TOKEN}, trust_env=False) as raw,
        ):
            body = {"model": "anthropic.claude-sonnet-5", "max_tokens": 9, "messages": ASK["messages"]}
            done = await raw.post("/v1/messages", json=body)
    assert done.json()["content"][0]["text"] == "Hello"
    assert (mantle.posts[0].json, mantle.posts[0].headers["anthropic-version"]) == (body, "2023-06-01")
    assert TOKEN not in f"{mantle.posts}"
