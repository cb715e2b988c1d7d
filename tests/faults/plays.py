"""The rows of the fault table in `docs/faults.md` as plays, named after what the provider does."""

import functools
import gzip
import zlib
from email.utils import formatdate

from faults import answers
from faults.play import Framing, Play, Then

OK = Play("ok")
WAIT = Play("waits for release", wait=True)


def error(status: int, message: str, code: str | None = None, kind: str = "invalid_request_error", **more: str) -> Play:
    """An error status with OpenAI's error body; `param` may be given, other names are response headers."""
    param = more.pop("param", None)
    headers = tuple((name.replace("_", "-"), value) for name, value in more.items())
    body = answers.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})
    return Play(f"{status} {code or kind}", status=status, headers=headers, body=body)


# rows 6 to 9: before the head is complete
DISCONNECT = Play("closed before any byte", head=False, then=Then.CLOSE)
RESET = Play("reset before headers", head=False, then=Then.RESET)
HANG = Play("hang before headers", head=False, then=Then.HANG)
GARBAGE = Play("garbage instead of headers", raw=b"\x00\x01\x02 this is not HTTP \xff\r\n\r\n")
OVERSIZED_HEADERS = Play(
    "oversized headers", raw=b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: %s\r\n" % (i, b"a" * 4096) for i in range(64))
)

# rows 10 to 16: statuses
INVALID_KEY = error(401, "Incorrect API key provided: sk-bad***f3a1.", "invalid_api_key")
FORBIDDEN = error(403, "Your key is not allowed to use this model.", "permission_denied", "permission_error")
PAYMENT = error(402, "Insufficient credits. Add more and try again.", "insufficient_credits", "payment_required")
QUOTA = error(
    429, "You exceeded your current quota, please check your plan.", "insufficient_quota", "insufficient_quota"
)
RATE_LIMIT = error(
    429, "Rate limit reached for requests.", "rate_limit_exceeded", "requests", retry_after="3",
    x_ratelimit_limit_requests="60", x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="3s",
)  # fmt: skip
SERVER_ERROR = error(500, "The server had an error while processing your request.", None, "server_error")
BAD_GATEWAY = Play(
    "502 html", status=502, headers=(("content-type", "text/html"),), body=b"<html><h1>502 Bad Gateway</h1></html>"
)
UNAVAILABLE = error(503, "The engine is currently overloaded, please try again later.", None, "server_error")
UNAVAILABLE_LATER = error(503, "Down for a moment.", None, "server_error", retry_after="7")
GATEWAY_TIMEOUT = Play("504 empty", status=504, body=b"")
OVERLOADED = error(529, "Overloaded", "overloaded_error", "overloaded_error")
TIMEOUT_408 = error(408, "Request timed out.", None, "timeout")
CONFLICT = error(409, "The resource is locked, try again.", "conflict", "conflict_error")
TOO_EARLY = error(425, "Too early.", None, "too_early")

# rows 17 to 22: the request, the model, the address
BAD_REQUEST = error(400, "'messages' must be a list.", None, param="messages")
UNPROCESSABLE = error(422, "Input should be a valid list.", None)
CONTEXT_LENGTH = error(
    400, "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
    "context_length_exceeded", param="messages",
)  # fmt: skip
TOO_LARGE_413 = error(413, "Request too large.", "request_too_large")
CONTENT_FILTER = error(400, "The prompt was blocked by the content filter.", "content_filter", param="prompt")
MODEL_NOT_FOUND = error(404, "The model `nope` does not exist or you do not have access to it.", "model_not_found")
PATH_NOT_FOUND = Play("404 html", status=404, headers=(("content-type", "text/html"),), body=b"<h1>Not Found</h1>")
UNSUPPORTED_PARAMETER = error(
    400, "Unsupported parameter: 'temperature' is not supported with this model.", "unsupported_parameter",
    param="temperature",
)  # fmt: skip

# what is repaired once (see "Repairs" in `docs/faults.md`)
TOO_WARM = error(400, "temperature: range: 0..1")
DEPRECATED = error(400, "`temperature` is deprecated for this model.")
NO_THINKING = error(400, '"demo" does not support thinking')
NO_MEDIUM = error(400, 'think value "medium" is not supported for this model', kind="api_error")
ALWAYS_THINKS = error(
    400, '"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive" and '
    '"output_config.effort" to control thinking behavior.',
)  # fmt: skip
EMPTY_TEXT = error(400, "messages: text content blocks must be non-empty")
FOREIGN_SIGNATURE = error(400, "messages.1.content.0: Invalid `signature` in `thinking` block")
SMALL_BUDGET = error(400, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
LONG_USER = error(
    400, "Invalid 'user': string too long. Expected a string with maximum length 64.", "string_above_max_length",
    param="user",
)  # fmt: skip


def redirect(to: str, status: int = 307) -> Play:
    """A redirect; whoever follows it carries the key to another host."""
    return Play(f"{status} redirect", status=status, headers=(("location", to),), body=b"")


REDIRECT = redirect("http://127.0.0.1:9/v1/chat/completions")


def rate_limit(retry_after: str | None = None, retry_after_ms: str | None = None) -> Play:
    """A 429 with the given forms of Retry-After, none at all by default."""
    more = {"retry_after": retry_after, "retry_after_ms": retry_after_ms}
    given = {name: value for name, value in more.items() if value is not None}
    play = error(429, "Rate limit reached.", "rate_limit_exceeded", "requests", **given)
    return play.but(name=f"429 {given}")


def rate_limit_until(unix_s: float) -> Play:
    """A 429 whose Retry-After is an HTTP date."""
    return rate_limit(formatdate(unix_s, usegmt=True))


# row 12: every form; past, negative and garbage values are to be ignored
RETRY_AFTER_FORMS = (
    rate_limit(),
    rate_limit("3"),
    rate_limit("0.5"),
    rate_limit(retry_after_ms="1500"),
    rate_limit("-5"),
    rate_limit("soon"),
    rate_limit("Wed, 21 Oct 2015 07:28:00 GMT"),
    rate_limit("99999999"),
)

# rows 23 to 25: success statuses that are none
HTML = Play(
    "200 html", headers=(("content-type", "text/html; charset=utf-8"),), body=b"<!doctype html><title>Log in</title>"
)
MALFORMED_JSON = Play("200 malformed json", body=b'{"id":"chatcmpl-t1","choices":[{"index":0,')
EMPTY = Play("200 empty body", body=b"")
ERROR_BODY = Play("200 with an error body", body=SERVER_ERROR.body)
RATE_LIMIT_BODY = Play("200 with a rate limit body", body=b'{"error":{"message":"Rate limit exceeded","code":429}}')
ERROR_FIRST = Play("first event is an error", after=-1, then=Then.ERROR_EVENT)

# rows 26 to 32: in the middle; `.but(after=k)` for other places
ERROR_LATER = Play("error event after content", after=3, then=Then.ERROR_EVENT)
STALL = Play("hang mid-stream", after=3, then=Then.HANG)
TRUNCATED_CHUNKED = Play("truncated chunked", after=3, then=Then.CLOSE, framing=Framing.CHUNKED)
TRUNCATED_LENGTH = Play("truncated content-length", after=3, then=Then.CLOSE, framing=Framing.LENGTH)
EOF_WITHOUT_FRAMING = Play("eof without framing", after=3, then=Then.CLOSE, framing=Framing.EOF)
NO_FINISH = Play("proper end without finish", after=3, then=Then.NO_FINISH)
RESET_LATER = Play("reset mid-stream", after=3, then=Then.RESET)
MALFORMED_EVENT = Play("malformed event", after=3, then=Then.MALFORMED_EVENT)
COMMENTS = Play("comments for ever", after=-1, then=Then.COMMENTS, pace_s=0.02)
DRIP = Play("slow drip", after=0, then=Then.DRIP, pace_s=0.02)

# rows 33 to 36: encodings, sizes, surplus
_PACKED = gzip.compress(b'{"choices":[]}' * 100)
_GZIP = (("content-encoding", "gzip"),)
BAD_GZIP = Play("bad gzip", headers=_GZIP, body=b"this is not gzip at all")
TRUNCATED_GZIP = Play("truncated gzip", headers=_GZIP, body=_PACKED[: len(_PACKED) // 2])
UNKNOWN_ENCODING = Play("unknown encoding", headers=(("content-encoding", "x-zap"),), body=b"\x13\x37zap")


@functools.cache
def gzip_bomb(mebibytes: int = 200) -> Play:
    """A small body that unpacks to `mebibytes` of blanks; made when asked for, since that takes a moment."""
    packer = zlib.compressobj(level=1, wbits=31)
    blanks = b" " * (1 << 20)
    packed = b"".join(packer.compress(blanks) for _ in range(mebibytes)) + packer.flush()
    return Play("gzip bomb", headers=_GZIP, body=packed)


ENDLESS = Play("endless line", after=0, then=Then.ENDLESS)
EXTRA_BYTES = Play("extra bytes after the body", then=Then.EXTRA)
BOTH_FRAMINGS = Play("content-length and chunked", framing=Framing.BOTH)
EARLY_HINTS = Play("103 first", prefix=b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
NO_DONE = Play("no [DONE] after the finish reason", then=Then.NO_DONE)

ROWS: dict[int, tuple[Play, ...]] = {
    6: (DISCONNECT,),
    7: (RESET,),
    8: (HANG,),
    9: (GARBAGE, OVERSIZED_HEADERS),
    10: (INVALID_KEY, FORBIDDEN),
    11: (PAYMENT, QUOTA),
    12: (RATE_LIMIT, *RETRY_AFTER_FORMS),
    13: (SERVER_ERROR,),
    14: (BAD_GATEWAY, UNAVAILABLE, UNAVAILABLE_LATER, GATEWAY_TIMEOUT),
    15: (OVERLOADED,),
    16: (TIMEOUT_408, CONFLICT, TOO_EARLY),
    17: (BAD_REQUEST, UNPROCESSABLE),
    18: (CONTEXT_LENGTH, TOO_LARGE_413),
    19: (CONTENT_FILTER,),
    20: (MODEL_NOT_FOUND, PATH_NOT_FOUND),
    21: (UNSUPPORTED_PARAMETER,),
    22: (REDIRECT,),
    23: (HTML, MALFORMED_JSON, EMPTY),
    24: (ERROR_BODY, RATE_LIMIT_BODY),
    25: (ERROR_FIRST,),
    26: (ERROR_LATER,),
    27: (STALL,),
    28: (TRUNCATED_CHUNKED, TRUNCATED_LENGTH),
    29: (EOF_WITHOUT_FRAMING, NO_FINISH),
    30: (RESET_LATER,),
    31: (MALFORMED_EVENT,),
    32: (COMMENTS, DRIP),
    33: (BAD_GZIP,),
    34: (TRUNCATED_GZIP, UNKNOWN_ENCODING),
    35: (ENDLESS,),
    36: (EXTRA_BYTES, BOTH_FRAMINGS, EARLY_HINTS),
}
