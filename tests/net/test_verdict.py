"""What providers' error answers mean, by code, words and status; held against recorded ones too."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.faults import FaultKind, ProviderError
from app.net.faults import fault_from_error, fault_from_status
from app.net.verdict import judge

EXCHANGES = Path(__file__).parents[3] / "shared/fixtures/provider_exchanges.jsonl.gz"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, FaultKind.REDIRECT),
        (308, FaultKind.REDIRECT),
        (400, FaultKind.BAD_REQUEST),
        (401, FaultKind.AUTH),
        (402, FaultKind.QUOTA),
        (403, FaultKind.AUTH),
        (404, FaultKind.CONFIG_ERROR),
        (405, FaultKind.CONFIG_ERROR),
        (408, FaultKind.TRANSIENT),
        (409, FaultKind.TRANSIENT),
        (413, FaultKind.CONTEXT_LENGTH),
        (422, FaultKind.BAD_REQUEST),
        (425, FaultKind.TRANSIENT),
        (429, FaultKind.RATE_LIMITED),
        (500, FaultKind.SERVER_ERROR),
        (501, FaultKind.SERVER_ERROR),
        (502, FaultKind.UNAVAILABLE),
        (503, FaultKind.UNAVAILABLE),
        (504, FaultKind.UNAVAILABLE),
        (524, FaultKind.UNAVAILABLE),
        (529, FaultKind.OVERLOADED),
        (599, FaultKind.SERVER_ERROR),
    ],
)
def test_statuses_without_words(status: int, kind: FaultKind) -> None:
    assert judge(status, ProviderError()) is kind


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, ProviderError("You exceeded your current quota.", "insufficient_quota"), FaultKind.QUOTA),
        (429, ProviderError("You exceeded your current quota.", type="rate_limit_error"), FaultKind.QUOTA),
        (400, ProviderError("Your credit balance is too low.", type="invalid_request_error"), FaultKind.QUOTA),
        (401, ProviderError("x", "insufficient_quota"), FaultKind.QUOTA),
        (403, ProviderError("x", type="permission_error"), FaultKind.AUTH),
        (403, ProviderError("x", "model_not_found"), FaultKind.MODEL_NOT_FOUND),
        (403, ProviderError("Your input was flagged."), FaultKind.CONTENT_FILTER),
        (
            400,
            ProviderError("Model grok-4 does not support parameter reasoningEffort.", "invalid-argument"),
            FaultKind.UNSUPPORTED_PARAMETER,
        ),
        (400, ProviderError("Argument not supported on this model: stop"), FaultKind.UNSUPPORTED_PARAMETER),
        (400, ProviderError("`temperature` is deprecated for this model.", type="invalid_request_error"),
         FaultKind.UNSUPPORTED_PARAMETER),
        (400, ProviderError("The model returned the following errors: `top_k` is deprecated for this model.",
                            "validationexception"), FaultKind.UNSUPPORTED_PARAMETER),
        (400, ProviderError('"llama3.1:8b" does not support thinking'), FaultKind.UNSUPPORTED_PARAMETER),
        (400, ProviderError('think value "high" is not supported for this model', type="api_error"),
         FaultKind.UNSUPPORTED_PARAMETER),
        (400, ProviderError('"thinking.type.disabled" is not supported for this model.'),
         FaultKind.UNSUPPORTED_PARAMETER),
        (400, ProviderError("too many tokens: size limit exceeded by 9 tokens."), FaultKind.CONTEXT_LENGTH),
        (429, ProviderError("A Trial key is limited to 1000 API calls / month."), FaultKind.QUOTA),
        (429, ProviderError("A Trial key is limited to 20 API calls / minute."), FaultKind.RATE_LIMITED),
        (400, ProviderError("API key not valid. Please pass a valid API key."), FaultKind.AUTH),
        (400, ProviderError("x", "context_length_exceeded"), FaultKind.CONTEXT_LENGTH),
        (400, ProviderError("This model's maximum context length is 8192 tokens"), FaultKind.CONTEXT_LENGTH),
        (400, ProviderError("prompt is too long: 210000 tokens > 200000 maximum"), FaultKind.CONTEXT_LENGTH),
        (500, ProviderError("the request exceeds the available context size"), FaultKind.CONTEXT_LENGTH),
        (413, ProviderError("x", "rate_limit_exceeded", "tokens"), FaultKind.RATE_LIMITED),
        (404, ProviderError("The model `x` does not exist", "model_not_found"), FaultKind.MODEL_NOT_FOUND),
        (404, ProviderError("model: claude-x", type="not_found_error"), FaultKind.MODEL_NOT_FOUND),
        (404, ProviderError("model 'x' not found, try pulling it first"), FaultKind.MODEL_NOT_FOUND),
        (400, ProviderError("x is not a valid model ID"), FaultKind.MODEL_NOT_FOUND),
        (400, ProviderError("Unsupported parameter: 'max_tokens'", "unsupported_parameter"),
         FaultKind.UNSUPPORTED_PARAMETER),
        (400, ProviderError("Unrecognized request argument supplied: seed"), FaultKind.UNSUPPORTED_PARAMETER),
        (422, ProviderError("Extra inputs are not permitted"), FaultKind.UNSUPPORTED_PARAMETER),
        (400, ProviderError("x", "content_filter"), FaultKind.CONTENT_FILTER),
        (400, ProviderError("x", "invalid_value"), FaultKind.BAD_REQUEST),
        (503, ProviderError("x", "server_error"), FaultKind.UNAVAILABLE),
        (503, ProviderError("The model is overloaded."), FaultKind.OVERLOADED),
        (500, ProviderError("x", type="overloaded_error"), FaultKind.OVERLOADED),
        (500, ProviderError("x", type="api_error"), FaultKind.SERVER_ERROR),
        (409, ProviderError("x", "rate_limit_exceeded"), FaultKind.TRANSIENT),
        (307, ProviderError("x", "insufficient_quota"), FaultKind.REDIRECT),
        (0, ProviderError("x", "internal_server_error"), FaultKind.SERVER_ERROR),
        (0, ProviderError("x", "invalid_value"), FaultKind.BAD_REQUEST),
    ],
)  # fmt: skip
def test_words_and_codes(status: int, error: ProviderError, kind: FaultKind) -> None:
    assert judge(status, error) is kind


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.REDIRECT])
def test_every_kind_that_can_come_out_has_a_sentence(kind: FaultKind) -> None:
    for status in (0, *range(300, 600)):
        if judge(status, ProviderError()) is kind:
            assert fault_from_status("X", status, {}, ProviderError(), 0.0).message
            break


def recorded() -> list[Any]:
    if not EXCHANGES.exists():
        return []
    with gzip.open(EXCHANGES) as lines:
        return [each for each in map(json.loads, lines) if each["status"] >= 400]


@pytest.mark.skipif(not EXCHANGES.exists(), reason="the recorded exchanges are not beside the project")
def test_recorded_refusals() -> None:
    missing = {"model_not_found", "The provided model identifier is invalid.", "NOT_FOUND"}
    exchanges = recorded()
    assert len(exchanges) > 20
    for exchange in exchanges:
        body = json.loads(exchange["resp"])
        said = body.get("error", body)
        code = said.get("code") if isinstance(said.get("code"), str) else said.get("status", "")
        error = ProviderError(said["message"], str(code).lower(), said.get("type", ""))
        kind = fault_from_status(exchange["provider"], exchange["status"], {}, error, 0.0).kind
        if missing & {said.get("code"), said["message"], said.get("status")}:
            assert kind is FaultKind.MODEL_NOT_FOUND, said
        elif exchange["status"] == 429:
            assert kind is FaultKind.RATE_LIMITED, said
        else:
            assert kind in (FaultKind.BAD_REQUEST, FaultKind.UNSUPPORTED_PARAMETER), (kind, said)
        fault_from_error(exchange["provider"], error)


@pytest.mark.parametrize(
    ("param", "kind"),
    [
        (None, FaultKind.CONTEXT_LENGTH),
        ("messages", FaultKind.CONTEXT_LENGTH),
        ("messages[3].content", FaultKind.CONTEXT_LENGTH),
        ("messages.[3].content", FaultKind.CONTEXT_LENGTH),
        ("input[0].content[1].text", FaultKind.CONTEXT_LENGTH),
        ("input[4].output", FaultKind.CONTEXT_LENGTH),
        ("prompt", FaultKind.CONTEXT_LENGTH),
        ("instructions", FaultKind.CONTEXT_LENGTH),
        ("user", FaultKind.UNSUPPORTED_PARAMETER),
        ("metadata.user_id", FaultKind.UNSUPPORTED_PARAMETER),
        ("prompt_cache_key", FaultKind.UNSUPPORTED_PARAMETER),
        ("messages[1].tool_calls[0].id", FaultKind.BAD_REQUEST),
        ("input[2].call_id", FaultKind.BAD_REQUEST),
        ("tools[0].function.description", FaultKind.BAD_REQUEST),
    ],
)
def test_a_text_above_its_length_is_the_conversation_only_where_it_is(param: str | None, kind: FaultKind) -> None:
    message = "Invalid value: string too long. Expected a string with maximum length 64."
    assert judge(400, ProviderError(message, "string_above_max_length", param=param)) is kind
