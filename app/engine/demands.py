"""What a request asks of a model, read from a few of its bytes: tools, images, and how many tokens it may take."""

from app.domain.chat import ApiRequest

ASSUMED_OUTPUT_TOKENS = 1024
"""What is expected of an answer whose request sets no limit."""

_BYTES_PER_TOKEN = 4
_IMAGE_TOKENS = 1000
_DATA = b";base64,"
_IMAGES = (b'"image_url"', b'"input_image"', b'"image"')
_OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_NOTHING = (b"[]", b"nu")


def wants_tools(request: ApiRequest) -> bool:
    """Whether the request offers the model tools to call."""
    body = request.body
    for name in ("tools", "functions"):
        spans = request.members.get(name)
        if spans and body[spans[-1][0] : spans[-1][0] + 2] not in _NOTHING:
            return True
    return False


def wants_vision(request: ApiRequest) -> bool:
    """Whether the request shows the model a picture (or says so in so many words: it is not parsed)."""
    return any(mark in request.body for mark in _IMAGES)


def input_tokens(request: ApiRequest) -> int:
    """A guess at the tokens of the input: four bytes each, a thousand for a picture that is in the body."""
    text_bytes, pictures = len(request.body), 0
    at = request.body.find(_DATA)
    while at != -1:
        end = request.body.find(b'"', at)
        end = len(request.body) if end == -1 else end
        text_bytes -= end - at
        pictures += 1
        at = request.body.find(_DATA, end)
    return text_bytes // _BYTES_PER_TOKEN + pictures * _IMAGE_TOKENS


def output_tokens(request: ApiRequest) -> int:
    """The most tokens the answer may have, `ASSUMED_OUTPUT_TOKENS` when the request does not say."""
    for name in _OUTPUT_LIMITS:
        spans = request.members.get(name)
        if spans:
            start, end = spans[-1]
            digits = request.body[start:end]
            if digits.isdigit():
                return int(digits[:9])
    return ASSUMED_OUTPUT_TOKENS
