"""Exceptions and refusals become faults with a kind, a message that names the provider, and a remedy; never a key."""

import socket
import ssl
from email.utils import formatdate

import httpx
import pytest

from app.domain.chat import Operation
from app.domain.faults import FaultKind, ProviderError
from app.net.faults import fault_from_error, fault_from_exception, fault_from_status, not_offered, parse_retry_after
from app.net.reply import CUT_SHORT, NO_RESPONSE

NOW = 1_800_000_000.0


def caused(error: httpx.ConnectError, cause: Exception) -> httpx.ConnectError:
    error.__cause__ = cause
    return error


def certificate_error(words: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = words
    return error


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (httpx.ConnectError("Connection refused"), FaultKind.UNREACHABLE),
        (caused(httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known")), FaultKind.DNS_FAILURE),
        (caused(httpx.ConnectError("x"), certificate_error("self-signed certificate")), FaultKind.TLS_ERROR),
        (caused(httpx.ConnectError("x"), ssl.SSLError(1, "wrong version number")), FaultKind.TLS_ERROR),
        (httpx.ConnectTimeout("x"), FaultKind.CONNECT_TIMEOUT),
        (httpx.PoolTimeout("x"), FaultKind.BUSY),
        (httpx.RemoteProtocolError(NO_RESPONSE), FaultKind.DISCONNECTED),
        (httpx.ReadError("Connection reset by peer"), FaultKind.RESET),
        (httpx.WriteError("Broken pipe"), FaultKind.RESET),
        (httpx.ReadTimeout("x"), FaultKind.FIRST_BYTE_TIMEOUT),
        (httpx.WriteTimeout("x"), FaultKind.FIRST_BYTE_TIMEOUT),
        (httpx.RemoteProtocolError("Expected HTTP/"), FaultKind.MALFORMED_HTTP),
        (httpx.LocalProtocolError("x"), FaultKind.MALFORMED_HTTP),
        (httpx.DecodingError("gzip"), FaultKind.BAD_ENCODING),
        (httpx.ProxyError("407"), FaultKind.UNREACHABLE),
        (httpx.CloseError("x"), FaultKind.INTERRUPTED),
        (httpx.UnsupportedProtocol("x"), FaultKind.CONFIG_ERROR),
        (httpx.InvalidURL("x"), FaultKind.CONFIG_ERROR),
        (ValueError("surprise"), FaultKind.UNREACHABLE),
    ],
)
def test_exceptions_before_the_reply(exc: Exception, kind: FaultKind) -> None:
    fault = fault_from_exception(exc, "OpenAI", "api.openai.com")
    assert fault.kind is kind
    assert "OpenAI (api.openai.com)" in fault.message
    assert fault.remedy
    assert fault.provider == "OpenAI"
    assert "\n" not in fault.text


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (httpx.ReadTimeout("x"), FaultKind.STALLED),
        (httpx.RemoteProtocolError(CUT_SHORT), FaultKind.TRUNCATED),
        (httpx.RemoteProtocolError("invalid chunk size"), FaultKind.TRUNCATED),
        (httpx.ReadError("reset"), FaultKind.TRUNCATED),
        (httpx.CloseError("x"), FaultKind.INTERRUPTED),
        (httpx.DecodingError("x"), FaultKind.BAD_ENCODING),
    ],
)
def test_exceptions_in_the_body(exc: Exception, kind: FaultKind) -> None:
    assert fault_from_exception(exc, "OpenAI", "api.openai.com", in_body=True).kind is kind


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("self-signed certificate in certificate chain", "ca_file"),
        ("unable to get local issuer certificate", "ca_file"),
        ("certificate has expired", "date and time"),
        ("certificate is not yet valid", "date and time"),
        ("Hostname mismatch, certificate is not valid for 'a'.", "base_url"),
    ],
)
def test_tls_remedies(words: str, remedy: str) -> None:
    fault = fault_from_exception(caused(httpx.ConnectError("x"), certificate_error(words)), "OpenAI", "h")
    assert remedy in fault.remedy
    assert words.rstrip(".") in fault.message


def test_a_refusal_tells_what_the_provider_said() -> None:
    error = ProviderError("Rate limit reached for gpt-5.", "rate_limit_exceeded", "tokens", "model")
    headers = {"retry-after": "7", "x-ratelimit-remaining-requests": "0", "set-cookie": "a=b"}
    fault = fault_from_status("OpenAI", 429, headers, error, NOW)
    assert fault.kind is FaultKind.RATE_LIMITED
    assert fault.message == "OpenAI limits the rate of requests: Rate limit reached for gpt-5."
    assert (fault.provider_status, fault.provider_code, fault.param) == (429, "rate_limit_exceeded", "model")
    assert fault.retry_after_s == 7
    assert fault.headers == (("x-ratelimit-remaining-requests", "0"),)


def test_a_refusal_without_words_tells_its_status() -> None:
    fault = fault_from_status("OpenAI", 503, {}, ProviderError(), NOW)
    assert fault.message == "OpenAI is not available at the moment: status 503."
    assert fault.status == 503


@pytest.mark.parametrize(
    ("message", "leak"),
    [
        ("Incorrect API key provided: sk-proj-abc123***xyz.", "abc123"),
        ("Incorrect API key provided: weird.", "weird"),
        ("key AIzaSyD-0123456789abcdef is bad", "SyD-0123"),
        ("Authorization: Bearer abc.def-ghi refused", "abc.def"),
        ("https://x.example/v1?key=0123456789&a=b", "0123456789"),
        ("gsk_0123456789abcdef", "0123456789"),
        ("eyJhbGciOiJIUzI1NiJ9.e30.abc", "hbGci"),
    ],
)
def test_keys_in_the_providers_words_are_masked(message: str, leak: str) -> None:
    fault = fault_from_status("OpenAI", 401, {}, ProviderError(message), NOW)
    assert leak not in fault.text
    assert "…" in fault.message


def test_the_providers_words_are_one_line_of_bounded_length() -> None:
    fault = fault_from_error("OpenAI", ProviderError("a\r\nb\x1b[31m\u2028c" + "d" * 9999))
    assert fault.message.startswith("OpenAI had an internal error: a b [31m c")
    assert len(fault.message) < 600


def test_models_and_hosts_are_not_masked() -> None:
    words = "The model `meta-llama/Llama-3.3-70B-Instruct-Turbo` does not exist; ask-me"
    assert words in fault_from_status("Groq", 404, {}, ProviderError(words), NOW).message


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("https://login.corp.example/?key=secret", "login.corp.example"),
        ("/elsewhere", "another path"),
        ("http://[", "307"),
    ],
)
def test_a_redirect_names_the_host_it_points_to(location: str, where: str) -> None:
    fault = fault_from_status("OpenAI", 307, {"location": location}, ProviderError("ignored"), NOW)
    assert fault.kind is FaultKind.REDIRECT
    assert where in fault.message
    assert "secret" not in fault.text


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ProviderError("x", "rate_limit_exceeded"), FaultKind.RATE_LIMITED),
        (ProviderError("x", status=429), FaultKind.RATE_LIMITED),
        (ProviderError("x", status=402), FaultKind.QUOTA),
        (ProviderError("x", status=1113), FaultKind.SERVER_ERROR),
        (ProviderError("x", status=200), FaultKind.SERVER_ERROR),
        (ProviderError("x", "server_is_overloaded"), FaultKind.OVERLOADED),
        (ProviderError("x", type="overloaded_error"), FaultKind.OVERLOADED),
        (ProviderError("x", "content_filter"), FaultKind.CONTENT_FILTER),
        (ProviderError("x", "context_length_exceeded"), FaultKind.CONTEXT_LENGTH),
        (ProviderError(), FaultKind.SERVER_ERROR),
    ],
)
def test_errors_inside_a_good_answer(error: ProviderError, kind: FaultKind) -> None:
    assert fault_from_error("OpenRouter", error).kind is kind


def test_a_delay_in_the_body_counts_when_no_header_says_more() -> None:
    error = ProviderError("x", status=429, retry_after_s=45.8)
    assert fault_from_error("Gemini", error).retry_after_s == 45.8
    assert fault_from_status("Gemini", 429, {}, error, NOW).retry_after_s == 45.8
    assert fault_from_status("Gemini", 429, {"retry-after": "3"}, error, NOW).retry_after_s == 3


@pytest.mark.parametrize(("status", "counts"), [(408, 1), (409, 1), (429, 1), (500, 1), (529, 1), (400, 0), (401, 0)])
def test_the_header_counts_for_some_statuses_only(status: int, counts: int) -> None:
    fault = fault_from_status("OpenAI", status, {"retry-after": "3"}, ProviderError(), NOW)
    assert fault.retry_after_s == (3 if counts else None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after": " 3.5 "}, 3.5),
        ({"retry-after": "0.5"}, 1),
        ({"retry-after": "99999"}, 3600),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30),
        ({"retry-after": formatdate(NOW + 99999, usegmt=True)}, 3600),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "nonsense", "retry-after": "9"}, 9),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Mon, 99 Foo 2026 25:61:61 GMT"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("code", "delay_s", "kind", "retry_after_s"),
    [
        ("resource_exhausted", 34.5, FaultKind.RATE_LIMITED, 34.5),
        ("resource_exhausted", 0.2, FaultKind.RATE_LIMITED, 1),
        ("resource_exhausted", 90_000, FaultKind.RATE_LIMITED, 3600),
        ("quota_exceeded", None, FaultKind.QUOTA, None),
    ],
)
def test_a_delay_in_the_body_counts_like_the_header(
    code: str, delay_s: float | None, kind: FaultKind, retry_after_s: float | None
) -> None:
    error = ProviderError("The limit is reached.", code=code, status=429, retry_after_s=delay_s)
    fault = fault_from_status("Gemini", 429, {}, error, NOW)
    assert (fault.kind, fault.retry_after_s) == (kind, retry_after_s)
    if delay_s is not None:
        assert fault_from_status("Gemini", 429, {"retry-after": "7"}, error, NOW).retry_after_s == 7


@pytest.mark.parametrize(
    ("status", "named", "message", "kind"),
    [
        (403, "AccessDeniedException:http://internal/", "You don't have access to it.", FaultKind.MODEL_NOT_FOUND),
        (403, "ExpiredTokenException", "The security token has expired.", FaultKind.AUTH),
        (403, "UnrecognizedClientException", "The security token is invalid.", FaultKind.AUTH),
        (403, "InvalidSignatureException", "The signature does not match.", FaultKind.AUTH),
        (429, "ThrottlingException", "Too many tokens.", FaultKind.RATE_LIMITED),
        (429, "ModelNotReadyException", "Try again.", FaultKind.RATE_LIMITED),
        (400, "ValidationException", "The provided model identifier is invalid.", FaultKind.MODEL_NOT_FOUND),
        (400, "ValidationException", "Input is too long for requested model.", FaultKind.CONTEXT_LENGTH),
        (400, "ValidationException", "max_tokens: Field required", FaultKind.BAD_REQUEST),
        (404, "ResourceNotFoundException", "Gone.", FaultKind.MODEL_NOT_FOUND),
        (424, "ModelErrorException", "It failed.", FaultKind.SERVER_ERROR),
        (500, "InternalServerException", "Oh.", FaultKind.SERVER_ERROR),
        (503, "ServiceUnavailableException", "Later.", FaultKind.UNAVAILABLE),
    ],
)
def test_aws_names_its_errors_in_a_header(status: int, named: str, message: str, kind: FaultKind) -> None:
    fault = fault_from_status("Bedrock", status, {"x-amzn-errortype": named}, ProviderError(message), 0.0)
    assert fault.kind is kind
    assert message.rstrip(".") in fault.message


def test_a_token_of_google_cloud_is_not_repeated() -> None:
    fault = fault_from_status("Vertex", 401, {}, ProviderError("Bad token ya29.c.b0Aaekm1-x_y"), 0.0)
    assert "ya29" not in fault.text


def test_a_server_of_ones_own_is_to_be_started() -> None:
    refused = httpx.ConnectError("connection refused")
    assert "Start that server" in fault_from_exception(refused, "Ollama", "127.0.0.1").remedy
    assert "Check the network" in fault_from_exception(refused, "Acme", "api.example.com").remedy


def test_a_missing_path_says_nothing_about_the_address_unless_it_is_that_of_chat() -> None:
    missing = fault_from_status("Acme", 404, {}, ProviderError(message="no such path"), 0)
    assert not_offered(missing, Operation.CHAT) == missing
    fault = not_offered(missing, Operation.IMAGE_EDITS)
    assert fault.kind is FaultKind.NOT_OFFERED
    assert fault.message == "Acme does not seem to offer image edits: it has no such path."
    refused = fault_from_status("Acme", 400, {}, ProviderError(message="bad"), 0)
    assert not_offered(refused, Operation.IMAGES) == refused
