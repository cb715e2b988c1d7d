"""Every row of the catalog with every client and shape of request, and every failure of the rows that are not OpenAI's.

`test_answers.py` and its neighbours look at OpenAI's clients with the rows in OpenAI's dialect, byte for byte.
"""

import json
import logging
from typing import Any

import pytest

from app.dialects import anthropic, gemini, ollama, openai_chat, openai_completions, responses
from app.dialects.dialect import Dialect
from app.domain.chat import Answer, Operation
from app.engine.attempt import Call
from app.providers.catalog import CATALOG
from app.providers.spec import OPENAI, Auth
from contract.row_rig import AUTH_HEADERS, CANARY, MODEL, REQUEST_ID, RowRig, header, whole
from contract.test_answers import BROKEN, REFUSALS
from contract.test_secrets import leaks, said, telltales
from dialects import matrix_asked, witness
from dialects.recorded import short
from faults import plays
from faults.play import Play

CLOUDS = frozenset({"aws", "google"})
"""How those rows show who asks has tests of its own: there is no key to be sent."""

ALL = [spec for spec in CATALOG if spec.auth.value not in CLOUDS]
ROWS = [spec for spec in ALL if spec.dialect != OPENAI]
every_row = pytest.mark.parametrize("spec", ALL, ids=[spec.id for spec in ALL], indirect=True)
rows = pytest.mark.parametrize("spec", ROWS, ids=[spec.id for spec in ROWS], indirect=True)

CLIENTS: dict[str, Dialect] = {
    "chat": openai_chat,
    "completions": openai_completions,
    "anthropic": anthropic,
    "gemini": gemini,
    "ollama": ollama,
    "responses": responses,
}
SHAPES = [
    (client, shape)
    for client in CLIENTS
    for shape in ("words", "calls", "stream_thoughts", "stream_calls", "schema")
    if shape in matrix_asked.CLIENTS[client]
]
clients = pytest.mark.parametrize("client", CLIENTS)


def call_of(rig: RowRig, client: str, shape: str) -> Call:
    """A client's request of one of the matrix's shapes, for the row's provider by name."""
    dialect, name = CLIENTS[client], f"{rig.spec.id}/{MODEL}"
    wish = dict(matrix_asked.CLIENTS[client][shape])
    if rig.spec.dialect == "ollama":
        for field in ("tool_choice", "toolConfig"):  # which that dialect has not
            wish.pop(field, None)
    sent = wish if client == "gemini" else {"model": name, **wish}
    if client == "ollama":
        sent["stream"] = streams(shape)
    body = json.dumps(sent).encode()
    if client == "gemini":
        request = gemini.parse_request(body, name, stream=streams(shape))
    else:
        request = dialect.parse_request(body)
    return Call(request, dialect, REQUEST_ID, "default")


def streams(shape: str) -> bool:
    """Whether a shape is a stream."""
    return shape.startswith("stream") or shape == "broken"


async def ask(rig: RowRig, client: str, shape: str) -> tuple[Answer, bytes]:
    """The answer and its whole body."""
    rig._forget()
    answer = await rig.relay.handle(call_of(rig, client, shape))
    return answer, await whole(answer)


@every_row
@pytest.mark.parametrize(("client", "shape"), SHAPES)
async def test_every_client_is_answered(rig: RowRig, client: str, shape: str) -> None:
    if client == "completions" and not rig.spec.offers(Operation.COMPLETIONS):
        return
    answer, body = await ask(rig, client, shape)
    assert answer.status == 200, body
    seen = witness.read(short(CLIENTS[client]), body, stream=streams(shape))  # type: ignore[arg-type]  # a module
    voice = rig.upstream.voice
    assert seen.text == voice.text
    assert seen.finish == "stop"
    assert (seen.tokens[0], seen.tokens[2]) == (voice.prompt_tokens, voice.completion_tokens)
    account = rig.finished[-1]
    assert (account.outcome, account.provider, account.provider_model) == ("ok", rig.spec.id, MODEL)
    assert (account.usage.input, account.usage.output) == (voice.prompt_tokens, voice.completion_tokens)
    assert header(answer, "x-switchtower-provider") == rig.spec.id


@rows
@clients
async def test_the_key_goes_in_its_header_and_nowhere_else(rig: RowRig, client: str) -> None:
    await ask(rig, client, "words")
    (sent,) = rig.upstream.posts
    held = {name: value for name, value in sent.headers if name in AUTH_HEADERS}
    wanted = rig.spec.auth.header
    assert held == ({} if wanted is None else {wanted[0]: wanted[1] + CANARY})
    assert CANARY not in sent.target
    assert CANARY.encode() not in sent.body


@rows
@clients
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
@pytest.mark.parametrize(("play", "told", "calls", "state"), REFUSALS, ids=[str(row[0]) for row in REFUSALS])
async def test_a_refusal_reaches_the_client_in_its_own_envelope(
    rig: RowRig, client: str, stream: bool, play: Play, told: Any, calls: int, state: Any
) -> None:
    rig.upstream.script(play)
    answer, body = await ask(rig, client, "broken" if stream else "refused")
    status = 529 if client == "anthropic" and told[1] == "provider_overloaded" else told[0]
    assert (answer.status, code_of(client, json.loads(body))) == (status, told[1])
    assert header(answer, "x-should-retry") == told[3]
    assert rig.spec.name in body.decode()
    assert len(rig.upstream.posts) == calls


@rows
@clients
@pytest.mark.parametrize(("play", "code"), BROKEN, ids=[str(row[0]) for row in BROKEN])
async def test_a_broken_stream_ends_with_an_error_and_no_end_mark(
    rig: RowRig, client: str, play: Play, code: str
) -> None:
    rig.upstream.script(play)
    answer, body = await ask(rig, client, "broken")
    assert answer.status == 200
    assert not any(mark in body for mark in (b"[DONE]", b"message_stop", b"finishReason", b'"done":true'))
    assert b"response.completed" not in body
    assert rig.upstream.voice.name.encode() in body
    last = json.loads(body.strip().split(b"\n")[-1].removeprefix(b"data: "))
    assert code_of(client, last) == code
    assert (rig.finished[-1].outcome, rig.finished[-1].fault) == ("incomplete", code)


def code_of(client: str, told: Any) -> str:
    """Our code in the client's envelope."""
    if client == "ollama":
        return str(told["code"])
    if client == "responses" and "error" not in told:
        return str(told.get("code") or told["response"]["error"]["code"])
    if client == "gemini":
        return str(told["error"]["details"][0]["reason"]).lower()
    return str(told["error"]["code"])


@rows
@clients
async def test_no_failure_shows_the_key_to_anybody(rig: RowRig, client: str, caplog: pytest.LogCaptureFixture) -> None:
    shown: list[str] = []
    key = "no-key-at-all" if rig.spec.auth is Auth.NONE else CANARY
    with caplog.at_level(logging.DEBUG):
        for play in (plays.OK, plays.TRUNCATED_CHUNKED, plays.BAD_GZIP, *telltales(key)):
            rig.upstream.script(play)
            for shape in ("refused", "broken"):
                answer, body = await ask(rig, client, shape)
                shown += [said(answer, body), repr(answer), repr(rig.provider.status())]
    formatter = logging.Formatter("%(name)s %(message)s")
    shown += [formatter.format(record) + repr(vars(record)) for record in caplog.records]
    shown += [repr(event) for event in rig.events]
    assert {canary for text in shown for canary in leaks(text)} == set()


@rows
async def test_models_are_listed(rig: RowRig) -> None:
    await rig.health.probe(rig.provider)
    names = {model.id for model in rig.provider.catalogue.models}
    assert names == set(rig.upstream.voice.models) or not rig.spec.lists_models


@rows
async def test_embeddings_where_they_are_offered(rig: RowRig) -> None:
    if Operation.EMBEDDINGS not in rig.spec.operations:
        return
    told = json.loads(await rig.read(Operation.EMBEDDINGS))
    assert [item["embedding"] for item in told["data"]] == [[0.25, -0.5, 0.0], [0.25, -0.5, 1.0]]
    assert rig.finished[-1].usage.input
