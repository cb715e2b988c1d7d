"""The hub of embeddings says nothing that was not said."""

from app.domain.embedding import EmbedReply, EmbedRequest
from app.domain.usage import NO_USAGE


def test_what_is_unsaid_is_unknown() -> None:
    request = EmbedRequest("m", ("a",))
    assert (request.dimensions, request.task, request.truncate, request.base64, request.extras) == (
        None,
        None,
        None,
        False,
        (),
    )
    assert EmbedReply((b"[1]",)).usage is NO_USAGE
