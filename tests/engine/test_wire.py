"""What goes up to a provider: path, headers, body."""

import json
from dataclasses import replace

import pytest

from app.dialects import (
    anthropic,
    gemini,
    gemini_embed,
    ollama_embed,
    ollama_generate,
    openai_chat,
    openai_completions,
    openai_embeddings,
    responses,
)
from app.dialects.dialect import Dialect
from app.domain.chat import Operation
from app.domain.repairs import BETAS, Mend, Repair
from app.engine import wire
from app.engine.bus import Bus
from app.engine.provider import Provider
from app.providers.catalog import CATALOG
from app.providers.outgoing import Outgoing
from app.providers.spec import ANTHROPIC, GEMINI, OLLAMA, OPENAI, ProviderSpec
from app.store.settings import Provider as Settings

CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], "seed": 1}).encode()
_PATHS = (("chat:stream", "/s/{model}"), ("chat", "/c/{model}"), ("*", "/d/{model}{path}?v=1"))


def provider(**changes: object) -> Provider:
    spec: ProviderSpec = replace(CATALOG[-1], **changes)  # type: ignore[arg-type]  # whatever field a test wants
    return Provider(Settings(id="p", kind=spec.id, base_url="https://api.example.com"), spec, None, Bus())


def test_an_own_path_is_sent_as_it_is() -> None:
    request = openai_chat.parse_request(CHAT)
    sent = wire.write(openai_chat, request, provider(), "other", "")
    assert (sent.path, sent.headers, sent.dropped) == ("/chat/completions", (), ())
    assert sent.body == CHAT.replace(b'"m"', b'"other"', 1)


@pytest.mark.parametrize(("stream", "path"), [(False, "/v1beta/models/g%3A1:generateContent"), (True, None)])
def test_a_dialect_whose_path_names_the_model(stream: bool, path: str | None) -> None:
    request = gemini.parse_request(b'{"contents":[]}', "g", stream=stream)
    sent = wire.write(gemini, request, provider(dialect=GEMINI), "g:1", "")
    assert sent.path == (path or "/v1beta/models/g%3A1:streamGenerateContent?alt=sse")


@pytest.mark.parametrize(
    ("dialect", "body", "path"),
    [
        (openai_chat, CHAT, "/c/a%3Ab"),
        (openai_chat, CHAT[:-1] + b', "stream": true}', "/s/a%3Ab"),
        (openai_embeddings, b'{"model":"m","input":"x"}', "/d/a%3Ab/embeddings?v=1"),
    ],
)
def test_a_row_may_say_the_path(dialect: Dialect, body: bytes, path: str) -> None:
    sent = wire.write(dialect, dialect.parse_request(body), provider(paths=_PATHS), "a:b", "")
    assert sent.path == path


def test_a_row_says_the_path_of_a_translation_too() -> None:
    to = provider(dialect=ANTHROPIC, paths=_PATHS)
    sent = wire.write(wire.between(openai_chat, to.spec), openai_chat.parse_request(CHAT), to, "x", "")
    assert (sent.path, sent.dropped) == ("/c/x", ("seed",))


def test_a_text_is_completed_by_whoever_is_talked_to() -> None:
    request = openai_completions.parse_request(b'{"model":"m","prompt":"Once"}')
    spec = replace(CATALOG[-1], dialect=ANTHROPIC, operations=frozenset({Operation.CHAT}))
    assert (spec.offers(Operation.COMPLETIONS), spec.offers(Operation.EMBEDDINGS)) == (True, False)
    joined = wire.between(openai_completions, spec, request, "claude")
    sent = wire.write(joined, request, provider(dialect=ANTHROPIC, paths=_PATHS), "claude", "")
    assert sent.path == "/c/claude"
    assert json.loads(sent.body)["messages"] == [{"role": "user", "content": "Once"}]
    openais = replace(spec, dialect=OPENAI)
    assert not openais.offers(Operation.COMPLETIONS)
    assert wire.between(openai_completions, openais, request) is openai_completions


def test_a_quirk_sees_everything_and_has_the_last_word() -> None:
    to = provider(dialect=ANTHROPIC)
    seen: list[Outgoing] = []

    def adjust(out: Outgoing) -> Outgoing:
        seen.append(out)
        return replace(out, path="/new", body=b"{}", headers=(("x-new", "1"),))

    to.adjust = adjust
    request = replace(anthropic.parse_request(b'{"model":"m","messages":[]}'), headers=(("anthropic-beta", "b"),))
    sent = wire.write(anthropic, request, to, "x", "")
    assert sent == ("/new", b"{}", (("x-new", "1"),), ())
    body = b'{"model":"x","messages":[]}'
    told = Outgoing(Operation.CHAT, "x", stream=False, path="/v1/messages", body=body)
    assert seen == [replace(told, headers=(("anthropic-beta", "b"),))]


def test_what_a_model_is_known_to_refuse_is_left_out_and_named() -> None:
    to = provider()
    to.repairs["x"] = {"seed": Repair("seed")}
    sent = wire.write(openai_chat, openai_chat.parse_request(CHAT), to, "x", "")
    assert sent.dropped == ("seed",)
    assert b"seed" not in sent.body


def test_marks_of_proxies_go_on_to_servers_nearby_only() -> None:
    request = openai_chat.parse_request(CHAT)
    assert wire.write(openai_chat, request, provider(), "x", "abc").headers == ()
    near = provider()
    near.nearby = True
    assert wire.write(openai_chat, request, near, "x", "abc").headers != ()


def test_an_ollama_gets_what_its_own_clients_sent() -> None:
    to = provider(dialect=OLLAMA)
    body = b'{ "model":"m","prompt":"a","suffix":"b","options":{"num_ctx":5}}'
    dialect = wire.between(ollama_generate, to.spec)
    assert wire.write(dialect, ollama_generate.parse_request(body), to, "m", "") == ("/api/generate", body, (), ())


@pytest.mark.parametrize(
    ("dialect", "path"),
    [(OPENAI, "/embeddings"), (GEMINI, "/v1beta/models/e:batchEmbedContents"), (OLLAMA, "/api/embed")],
)
@pytest.mark.parametrize("client", [openai_embeddings, ollama_embed.EMBED], ids=["openai", "ollama"])
def test_vectors_are_asked_for_in_the_providers_dialect(client: Dialect, dialect: str, path: str) -> None:
    request, to = client.parse_request(b'{"model":"m","input":"x"}'), provider(dialect=dialect)
    assert wire.write(wire.between(client, to.spec), request, to, "e", "").path == path


def test_geminis_vectors_pass_through() -> None:
    request = gemini_embed.ONE.parse_request(b'{"content":{}}', "m")
    to = provider(dialect=GEMINI)
    sent = wire.write(wire.between(gemini_embed.ONE, to.spec), request, to, "e", "")
    assert (sent.path, sent.body) == ("/v1beta/models/e:embedContent", request.body)


FUNCTION = {"type": "function", "name": "f"}


@pytest.mark.parametrize(
    ("kind", "more", "passes"),
    [
        ("openai", {}, True),
        ("openai", {"tools": [{"type": "custom", "name": "g"}]}, True),
        ("groq", {"tools": [FUNCTION]}, True),
        ("groq", {"tools": [FUNCTION, {"type": "custom", "name": "g"}]}, False),
        ("groq", {"tools": [{"type": "custom", "name": "g"}], "previous_response_id": "resp_1"}, True),
        ("responses-compatible", {}, True),
        ("mistral", {}, False),
        ("anthropic", {}, False),
        ("llamacpp", {}, False),
    ],
)
def test_responses_pass_where_the_provider_takes_them(kind: str, more: dict[str, object], passes: bool) -> None:
    spec = next(row for row in CATALOG if row.id == kind)
    request = responses.parse_request(json.dumps({"model": "m", "input": "x", **more}).encode())
    assert (wire.between(responses, spec, request, "m") is responses) is passes


@pytest.mark.parametrize(
    ("model", "path"),
    [("gpt-5.1-codex-max", "/responses"), ("o3-pro-2025-06-10", "/responses"), ("gpt-5", "/chat/completions")],
)
def test_some_models_of_openai_answer_in_responses_only(model: str, path: str) -> None:
    to = provider(**{name: getattr(CATALOG[0], name) for name in ("id", "dialect", "operations", "responses_only")})
    request = openai_chat.parse_request(CHAT)
    assert wire.write(wire.between(openai_chat, to.spec, request, model), request, to, model, "").path == path
    whole = openai_completions.parse_request(b'{"model":"m","prompt":"x"}')
    assert wire.between(openai_completions, to.spec, whole, model) is openai_completions


def test_a_row_may_say_the_path_of_responses() -> None:
    to = provider(paths=(("chat", "/c"), ("responses", "/v1{path}")), operations=CATALOG[0].operations)
    request = responses.parse_request(b'{"model":"m","input":"x"}')
    assert wire.write(wire.between(responses, to.spec, request, "m"), request, to, "m", "").path == "/v1/responses"


def test_beta_features_that_a_house_refuses_are_left_out_of_the_headers_and_named() -> None:
    to = provider(dialect=ANTHROPIC)
    to.repairs["x"] = {BETAS: Repair(BETAS, mend=Mend.BETAS)}
    request = anthropic.parse_request(b'{"model":"m","messages":[],"context_management":{}}')
    headers = (("anthropic-beta", "b"), ("x-own", "1"))
    sent = wire.write(anthropic, replace(request, headers=headers), to, "x", "")
    assert (sent.headers, sent.dropped) == ((("x-own", "1"),), ("context_management", "anthropic_beta"))
    assert b"context_management" not in sent.body
    assert wire.write(anthropic, anthropic.parse_request(b'{"model":"m","messages":[]}'), to, "x", "").dropped == ()
