"""Claude on Vertex AI: what rawPredict takes."""

import json

from app.domain.chat import Operation
from app.providers.outgoing import Outgoing
from app.providers.quirks import vertex_claude

BODY = b'{"model":"a","stream":true,"messages":[]}'
SENT = Outgoing(Operation.CHAT, "a", True, "/x:streamRawPredict", BODY, (("anthropic-beta", "one"),))


def test_the_model_leaves_the_body_and_the_version_enters() -> None:
    out = vertex_claude.adjust_request(SENT)
    assert json.loads(out.body) == {"stream": True, "messages": [], "anthropic_version": "vertex-2023-10-16"}
    assert (out.path, out.headers) == (SENT.path, SENT.headers)


def test_counting_names_the_model_in_the_body() -> None:
    assert json.loads(vertex_claude.adjust_count(SENT).body)["model"] == "a"
