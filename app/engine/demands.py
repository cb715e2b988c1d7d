"""What a request asks of a model, read from a few of its bytes: tools, images, and how many tokens it may take."""

import re

from app.domain.chat import ApiRequest

ASSUMED_OUTPUT_TOKENS = 1024
"""What is expected of an answer whose request sets no limit."""

_BYTES_PER_TOKEN = 4
_IMAGE_TOKENS = 1000
_BASE64 = rb"[A-Za-z0-9+/=_\\-]{200}"  # of a picture's letters, too many to be a word
_PICTURE = re.compile(rb'"(?:data:[^",]{1,100};base64,|(?:data|images)"\s*+:\s*+\[?+\s*+"' + _BASE64 + rb")")
_ANOTHER = re.compile(rb'"\s*+,\s*+"' + _BASE64)
"""Where the text of a picture begins, and where the next one of a list does.

Patterns begin with a quote because text has few of them and pictures none, so both are passed over fast. In a text
quotes are escaped, so that none of its words is taken for a key.
"""

_SHOWN = re.compile(
    rb'"(?:(?:image_url|input_image|image)"|(?:inlineData|inline_data|fileData|file_data)"\s*+:\s*+\{'
    rb'|images"\s*+:\s*+\[\s*+")'
)
_OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_OPTIONS = ("generationConfig", "generation_config", "options")
_LIMIT_IN_OPTIONS = re.compile(rb'"(?:maxOutputTokens|max_output_tokens|num_predict)"\s*+:\s*+(\d++)\s*+[,}]')
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
    return _SHOWN.search(request.body) is not None


def input_tokens(request: ApiRequest) -> int:
    """A guess at the tokens of the input: four bytes each, a thousand for a picture that is in the body."""
    body = request.body
    text_bytes, pictures = len(body), 0
    found = _PICTURE.search(body)
    while found:
        end = body.find(b'"', found.end())
        end = len(body) if end == -1 else end
        text_bytes -= end - found.start()
        pictures += 1
        found = _ANOTHER.match(body, end) or _PICTURE.search(body, end + 1)
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
    for name in _OPTIONS:
        spans = request.members.get(name)
        if spans and (found := _LIMIT_IN_OPTIONS.search(request.body, *spans[-1])):
            return int(found[1][:9])
    return ASSUMED_OUTPUT_TOKENS
