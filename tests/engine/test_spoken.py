"""What a provider turned out to speak, learned from its refusals."""

from dataclasses import replace

import pytest

from app.dialects import openai_chat, responses
from app.domain.chat import Operation
from app.engine.spoken import Spoken
from app.providers.catalog import CATALOG

KINDS = {row.id: row for row in CATALOG}
CHAT = openai_chat.parse_request(b'{"model":"m","messages":[]}')
ASKED = responses.parse_request(b'{"model":"m","input":"x"}')
ELSEWHERE = b'{"error":{"message":"This model is only supported in v1/responses and not in v1/chat/completions."}}'


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_model_that_the_api_lacks_is_asked_once_more_and_only_once(status: int) -> None:
    spoken = Spoken(KINDS["groq"])
    assert spoken.learn(responses, ASKED, "m", (status, b""))
    assert spoken.lacking == {"m"}
    assert not spoken.learn(responses, ASKED, "m", (status, b""))


def test_a_model_that_answers_there_only() -> None:
    spoken = Spoken(KINDS["openai"])
    assert spoken.learn(openai_chat, CHAT, "m", (404, ELSEWHERE))
    assert spoken.only == {"m"}
    assert not spoken.learn(openai_chat, CHAT, "m", (404, ELSEWHERE))


@pytest.mark.parametrize(
    ("kind", "joined", "request_", "refusal"),
    [
        ("groq", responses, ASKED, (400, b"")),
        ("groq", responses, replace(ASKED, operation=Operation.RESPONSES), (404, b"")),
        ("responses-compatible", responses, ASKED, (404, b"")),
        ("mistral", openai_chat, CHAT, (404, ELSEWHERE)),
        ("openai", openai_chat, CHAT, (404, b"no such model")),
        ("openai", openai_chat, CHAT, (500, ELSEWHERE)),
    ],
)
def test_nothing_else_is_learned(kind: str, joined: object, request_: object, refusal: tuple[int, bytes]) -> None:
    spoken = Spoken(KINDS[kind])
    assert not spoken.learn(joined, request_, "m", refusal)  # type: ignore[arg-type]  # the table is untyped
    assert not spoken.lacking | spoken.only


def test_a_model_that_is_asked_there_anyway_is_not_asked_twice() -> None:
    assert not Spoken(KINDS["openai"]).learn(openai_chat, CHAT, "gpt-5-codex", (404, ELSEWHERE))
