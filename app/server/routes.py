"""Path to dialect to relay: the table of what the server answers."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace

from app.dialects import (
    anthropic,
    gemini,
    gemini_embed,
    ollama,
    ollama_generate,
    openai_chat,
    openai_completions,
    openai_embeddings,
    passthrough,
    responses,
    responses_compact,
)
from app.dialects.dialect import Dialect
from app.dialects.gemini_array import ArrayFraming
from app.dialects.ollama_embed import EMBED, EMBEDDINGS
from app.domain.chat import Answer, ApiRequest, Operation
from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.attempt import Call
from app.engine.unexpected import Unexpected
from app.server import gemini as own_gemini
from app.server import local as own
from app.server import ollama as own_ollama
from app.server import responses as own_responses
from app.server.asgi import SHUTTING_DOWN, Headers, Send, fault_answer, send_plain, send_stream, start_message
from app.server.gate import Visit
from app.server.local import Facade, shown

_CLOSE: Headers = ((b"connection", b"close"),)


Local = Callable[[Facade, Visit], Answer | Coroutine[None, None, Answer] | None]
"""Makes an answer here; None leaves it to a provider."""


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table: answered by a provider (`operation`) or by ourselves (`local`).

    `in_thread`: answering takes so long that others should not wait for it. `versioned`: the row in its place for
    those who send `anthropic-version`, `google` for Google's packages. `parse` reads a request whose path says more
    than where it goes. `form`: the body may be a form with files. `framing` says how a stream's events are to be
    framed anew.
    """

    methods: tuple[str, ...]
    dialect: Dialect
    operation: Operation | None = None
    local: Local | None = None
    public: bool = False
    in_thread: bool = False
    versioned: "Route | None" = None
    google: "Route | None" = None
    parse: Callable[[Visit], ApiRequest] | None = None
    form: bool = False
    framing: Callable[[Visit], ArrayFraming | None] | None = None


_GET = ("GET", "HEAD")
_POST = ("POST",)
_MODEL_AND = "{model}:"
"""Stands in a path for a model's name, with a verb behind it."""
_GEMINI = Route(_POST, gemini, Operation.CHAT, parse=own_gemini.parse)
_GEMINI_STREAM = replace(_GEMINI, framing=own_gemini.framing)
_GEMINI_VERBS = (
    "Of Gemini's methods generateContent, streamGenerateContent, countTokens, embedContent and batchEmbedContents"
    " are served."
)
_GEMINI_EMBED, _GEMINI_BATCH = (
    Route(_POST, embeds, Operation.EMBEDDINGS, parse=own_gemini.embeds(embeds))
    for embeds in (gemini_embed.ONE, gemini_embed.BATCH)
)
_GEMINI_LIST = Route(_GET, gemini, local=own_gemini.models)
_GEMINI_MODEL = Route(_GET, gemini, local=own_gemini.model)
_GEMINI_COUNT = Route(_POST, gemini, local=own_gemini.count_tokens)

TABLE: Mapping[str, Route] = {
    "/v1/chat/completions": Route(_POST, openai_chat, Operation.CHAT),
    "/v1/responses": Route(_POST, responses, Operation.CHAT),
    "/v1/responses/compact": Route(_POST, responses_compact, Operation.RESPONSES),
    "/v1/responses/input_tokens": Route(_POST, responses, local=own_responses.input_tokens),
    own_responses.PREFIX: Route(own_responses.METHODS, responses, local=own_responses.stored),
    "/v1/messages": Route(_POST, anthropic, Operation.CHAT),
    anthropic.COUNT_PATH: Route(_POST, anthropic, local=own.count_tokens),
    "/v1/completions": Route(_POST, openai_completions, Operation.COMPLETIONS),
    "/v1/embeddings": Route(_POST, openai_embeddings, Operation.EMBEDDINGS),
    **{
        f"/v1{passed.PATH}": Route(_POST, passed, passed.operation, form=passed.form) for passed in passthrough.DIALECTS
    },
    "/v1/models": Route(
        _GET,
        openai_chat,
        local=own.models,
        versioned=Route(_GET, anthropic, local=own.anthropic_models),
        google=_GEMINI_LIST,
    ),
    own.MODEL_PREFIX: Route(
        _GET,
        openai_chat,
        local=own.model,
        versioned=Route(_GET, anthropic, local=own.anthropic_model),
        google=_GEMINI_MODEL,
    ),
    "/v1/status": Route(_GET, openai_chat, local=own.status),
    "/metrics": Route(_GET, openai_chat, local=own.metrics, in_thread=True),
    "/health": Route(_GET, openai_chat, local=own.health, public=True),
    "/": Route(("HEAD",), openai_chat, local=own.health, public=True),
    "/api/chat": Route(_POST, ollama, Operation.CHAT, local=own_ollama.load),
    "/api/generate": Route(_POST, ollama_generate, Operation.CHAT, local=own_ollama.load),
    "/api/embed": Route(_POST, EMBED, Operation.EMBEDDINGS),
    "/api/embeddings": Route(_POST, EMBEDDINGS, Operation.EMBEDDINGS),
    "/api/show": Route(_POST, ollama, local=own_ollama.show),
    "/api/tags": Route(_GET, ollama, local=own_ollama.tags),
    "/api/ps": Route(_GET, ollama, local=own_ollama.loaded),
    "/api/version": Route(_GET, ollama, local=own_ollama.version),
    "/v1beta/models": _GEMINI_LIST,
    own_gemini.MODEL_PREFIX: _GEMINI_MODEL,
    "/v1beta/models/{model}:generateContent": _GEMINI,
    "/v1beta/models/{model}:streamGenerateContent": _GEMINI_STREAM,
    "/v1beta/models/{model}:embedContent": _GEMINI_EMBED,
    "/v1beta/models/{model}:batchEmbedContents": _GEMINI_BATCH,
    "/v1beta/models/{model}:countTokens": _GEMINI_COUNT,
    "/v1/models/{model}:generateContent": _GEMINI,
    "/v1/models/{model}:streamGenerateContent": _GEMINI_STREAM,
    "/v1/models/{model}:embedContent": _GEMINI_EMBED,
    "/v1/models/{model}:batchEmbedContents": _GEMINI_BATCH,
    "/v1/models/{model}:countTokens": _GEMINI_COUNT,
}
"""What is answered. A path that ends in a slash (but the root) stands for all that begin with it."""

_LISTING = frozenset(
    (
        *(own.models, own.model, own.anthropic_models, own.anthropic_model),
        *(own_gemini.models, own_gemini.model, own_ollama.tags, own_ollama.show),
    )
)
"""Those who look at the model lists."""

KEYLESS_TABLE: Mapping[str, Route] = {**TABLE, "/": Route(_GET, ollama, local=own_ollama.running)}
"""What is answered on the keyless port, where clients look for an Ollama at the root."""


class Routes:
    """What lies behind the gate: finds the row of a request and sends its answer."""

    def __init__(self, facade: Facade, table: Mapping[str, Route] = TABLE) -> None:
        """Answer for `facade` what stands in `table`."""
        self._facade = facade
        self._table = {path: route for path, route in table.items() if path == "/" or not path.endswith("/")}
        self._prefixes = tuple((path, route) for path, route in table.items() if path not in self._table)
        self._verbs = {tuple(path.split(_MODEL_AND)): route for path, route in table.items() if _MODEL_AND in path}
        self._fallback = table["/health"].dialect

    def _find(self, path: str) -> Route | None:
        """Return the row of `path`."""
        route = self._table.get(path)
        if route is None and ":" in path:
            head, _, verb = path.rpartition(":")
            route = self._verbs.get((own_gemini.prefix_of(head), verb))
        if route is None:
            route = next((row for prefix, row in self._prefixes if path.startswith(prefix) and path != prefix), None)
        return route

    def is_public(self, method: str, path: str) -> bool:
        """Whether no token is needed; only for whole paths, so that a probe's path hardly changes the time it takes."""
        route = self._table.get(path)
        return route is not None and route.public and method in route.methods

    def dialect_of(self, path: str) -> Dialect:
        """Whose error envelope the clients of `path` understand."""
        route = self._find(path)
        return self._fallback if route is None else route.dialect

    def wants_body(self, method: str, path: str) -> bool:
        """Whether the request has a body to be read.

        Raises:
            FaultError: NOT_FOUND or METHOD_NOT_ALLOWED.
        """
        route = self._find(path)
        if route is None:
            raise FaultError(_unknown_path(path))
        if method not in route.methods:
            raise FaultError(_wrong_method(method, path, route))
        return method == "POST"

    def takes_form(self, path: str) -> bool:
        """Whether the body may be a form with files instead of JSON."""
        route = self._find(path)
        return route is not None and route.form

    async def serve(self, visit: Visit, send: Send) -> None:
        """Answer a request for which `wants_body` found a row."""
        route = self._table.get(visit.path) or self._find(visit.path)
        assert route is not None  # noqa: S101 - the gate asks `wants_body` first
        if route.versioned is not None and visit.anthropic_version:
            route = route.versioned
        elif route.google is not None and visit.google_client:
            route = route.google
        try:
            with Unexpected(visit.request_id, shown(visit.path)):
                answer = await self._answer(route, visit)
        except FaultError as error:
            answer = self._refusal(error.fault, route, visit)
        except asyncio.CancelledError:
            answer = fault_answer(SHUTTING_DOWN, route.dialect, visit.request_id)
            await send_plain(send, answer, (*visit.cors, *_CLOSE))
            return
        frame = route.framing(visit) if route.framing is not None else None
        if answer.stream is None:
            await send_plain(send, answer if frame is None else frame.plain(answer), visit.cors)
        else:
            stream = answer.stream if frame is None else frame.through(answer.stream)
            fault = await send_stream(send, start_message(answer, visit.cors), stream, visit.request_id)
            last = b"" if fault is None else route.dialect.render_stream_fault(fault, visit.request_id)
            if frame is not None:
                last = frame.feed(last) + frame.end()
            await send({"type": "http.response.body", "body": last, "more_body": False})

    def _refusal(self, fault: Fault, route: Route, visit: Visit) -> Answer:
        """The error envelope; what is our own mistake is accounted for, whatever was asked."""
        if fault.kind is not FaultKind.INTERNAL:
            return fault_answer(fault, route.dialect, visit.request_id)
        operation = route.operation or Operation.CHAT
        return self._facade.relay.reject(
            fault, route.dialect, request_id=visit.request_id, client=visit.client, operation=operation
        )

    async def _answer(self, route: Route, visit: Visit) -> Answer:
        """Ask the relay, or answer ourselves."""
        if route.local is not None:
            ask = route.local
            if ask in _LISTING:
                await self._facade.lists_ready()
            slow = route.in_thread
            answer = await asyncio.to_thread(ask, self._facade, visit) if slow else ask(self._facade, visit)
            if isinstance(answer, Coroutine):
                answer = await answer
            if answer is not None:
                trace = (b"x-request-id", visit.request_id.encode())
                return replace(answer, headers=(*answer.headers, trace))
        relay = self._facade.relay
        try:
            request = route.parse(visit) if route.parse is not None else route.dialect.parse_request(visit.body)
        except FaultError as error:
            return relay.reject(
                error.fault,
                route.dialect,
                request_id=visit.request_id,
                client=visit.client,
                operation=route.operation or Operation.CHAT,
            )
        if visit.session:
            request = replace(request, affinity=visit.session)
        if visit.anthropic_beta and route.dialect is anthropic:
            request = replace(request, headers=visit.betas)
        repeated = visit.repeats not in ("", "0")
        return await relay.handle(Call(request, route.dialect, visit.request_id, visit.client, visit.hops, repeated))


def _unknown_path(path: str) -> Fault:
    remedy = "OpenAI's clients take a base URL that ends in one /v1, those of Anthropic, Gemini and Ollama one without."
    return Fault(FaultKind.NOT_FOUND, f"Nothing is served at {shown(path)!r}.", remedy=remedy)


def _wrong_method(method: str, path: str, route: Route) -> Fault:
    allowed = ", ".join(route.methods)
    return Fault(
        FaultKind.METHOD_NOT_ALLOWED,
        f"{shown(path)} does not take {method}.",
        remedy=_GEMINI_VERBS if method == "POST" and "/models/" in path else f"Use {allowed}.",
        headers=(("allow", allowed),),
    )
