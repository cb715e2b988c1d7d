"""What goes to a provider that has it and comes back as it is: pictures, speech, transcripts, moderation, reranking.

Requests are JSON or forms with files; only the model's name is replaced. Answers are JSON, text, or sound, and come
whole: a provider that streams its answer is read to the end first.
"""

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from app.dialects import fields, form, json_edit, openai, openai_errors
from app.dialects.dialect import StreamReader
from app.dialects.openai_usage import find_usage, parse_usage
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.faults import Fault, InBandError, ProviderError
from app.domain.usage import NO_USAGE, Usage

_FORM_STARTS = (b"--", b"\r\n--")
_PAGES = (b"<!doctype html", b"<html")
_EVENT_STARTS = (b"data:", b"event:", b":")
_PICTURES = frozenset({Operation.IMAGES, Operation.IMAGE_EDITS})
_ANYTHING = frozenset({Operation.SPEECH, Operation.TRANSCRIPTIONS})
"""Whose answers may be sound or text."""

_DEFAULTS = {Operation.MODERATIONS: "omni-moderation-latest"}
"""The models that OpenAI's clients leave out because OpenAI has a default."""


class Passthrough:
    """The `Dialect` of one operation that is passed through."""

    NAME: str = "openai"
    KEEPALIVE: bytes = openai.KEEPALIVE

    def __init__(self, operation: Operation, path: str, *, form: bool = False) -> None:
        """`path` is that below a provider's base URL; `form`: clients send a form with files."""
        self.operation = operation
        self.form = form
        self.PATH: str = path
        self.STREAM_PATH: str = path

    def parse_request(self, body: bytes) -> ApiRequest:
        """Find the model's name in a client's JSON or form.

        Raises:
            FaultError: INVALID_REQUEST, when it is neither, or names no model.
        """
        if body.startswith(_FORM_STARTS):
            return self._parse_form(body)
        try:
            members = json_edit.members(body)
        except json_edit.JsonError as error:
            raise openai.invalid_request(f"The request body is not a valid JSON object: {error}.", _SEND_JSON) from None
        model = openai.value_of(body, members, "model")
        model = self._checked(_DEFAULTS.get(self.operation) if model is None else model)
        return ApiRequest(self.operation, model, stream=False, body=body, members=members, body_type="application/json")

    def _parse_form(self, body: bytes) -> ApiRequest:
        try:
            found = form.read_form(body)
            spans = found.fields.get("model")
            model = body[slice(*spans[-1])].decode() if spans else None
        except form.FormError as error:
            raise openai.invalid_request(f"The request body is not a valid form: {error}.", _SEND_FORM) from None
        except UnicodeDecodeError:
            model = ""
        model = self._checked(model)
        return ApiRequest(self.operation, model, stream=False, body=body, body_type=found.content_type)

    def _checked(self, model: object) -> str:
        """The model's name, if it is one.

        Raises:
            FaultError: INVALID_REQUEST.
        """
        if model is None:
            raise openai.invalid_request("The request names no `model`.", _NAME_ONE, "model")
        if not isinstance(model, str) or not fields.is_model(model):
            raise openai.invalid_request("`model` is not the name of a model.", _NAME_ONE, "model")
        return model

    def build_request(self, request: ApiRequest, model: str) -> bytes:
        """Make the provider's body, with `model` as the provider calls it; every other byte stays."""
        if model == request.model:
            return request.body
        if not request.members:
            return form.read_form(request.body).replace(request.body, "model", model.encode())
        return json_edit.set_member(request.body, "model", msgspec.json.encode(model))

    def parse_reply(self, request: ApiRequest, body: bytes) -> Reply:
        """Look for errors and for usage; the bytes stay as they are.

        Raises:
            InBandError: the body is an error object in spite of its status.
            FaultError: BAD_REPLY, when it is empty, a web page, or no JSON where nothing else may come.
        """
        start = body[:64].lstrip()
        if not start:
            raise openai.bad_reply("nothing")
        if start.lower().startswith(_PAGES):
            raise openai.bad_reply("a web page")
        if start.startswith(b"{"):
            return Reply(body, self._usage(body))
        if self.operation in _ANYTHING or start.startswith(_EVENT_STARTS):
            return Reply(body)
        raise openai.bad_reply("something that is not a JSON object")

    def _usage(self, body: bytes) -> Usage:
        """The usage in a JSON answer, if it reports some."""
        try:
            members = json_edit.members(body)
        except json_edit.JsonError:
            if self.operation in _ANYTHING and not body.lstrip().startswith(b'{"'):
                return NO_USAGE
            raise openai.bad_reply("something that is not valid JSON") from None
        told = {key: openai.value_of(body, members, key) for key in ("error", "usage") if key in members}
        error = openai_errors.in_band_error(told) if told.get("error") else None
        if error is not None:
            raise InBandError(error)
        told_usage = find_usage(told)
        usage = NO_USAGE if told_usage is None else parse_usage(told_usage)
        if self.operation in _PICTURES and usage.images_written is None and usage.output is not None:
            return replace(usage, images=(usage.images or 0) + usage.output, images_written=usage.output)
        return usage

    def open_stream(self, request: ApiRequest) -> StreamReader:
        """There are no streams, and `parse_request` never says so.

        Raises:
            FaultError: INVALID_REQUEST, always.
        """
        raise openai.invalid_request("This cannot be streamed.", "Leave `stream` out.", "stream")

    def parse_fault(self, body: bytes) -> ProviderError:
        """Read a provider's error body of any shape; never raises."""
        return openai_errors.parse_error(body)

    def render_fault(self, fault: Fault, request_id: str) -> bytes:
        """Make the error envelope of the dialect."""
        return openai_errors.render_error(fault)

    def render_stream_fault(self, fault: Fault, request_id: str) -> bytes:
        """Make an in-band error event, which only the protocol asks for."""
        return openai_errors.render_error_event(fault)


_SEND_JSON = "Send a JSON object, UTF-8 encoded."
_SEND_FORM = "Send it as multipart/form-data, as OpenAI's clients do."
_NAME_ONE = "Add one, such as those GET /v1/models lists."

DIALECTS: Iterable[Passthrough] = (
    Passthrough(Operation.IMAGES, "/images/generations"),
    Passthrough(Operation.IMAGE_EDITS, "/images/edits", form=True),
    Passthrough(Operation.SPEECH, "/audio/speech"),
    Passthrough(Operation.TRANSCRIPTIONS, "/audio/transcriptions", form=True),
    Passthrough(Operation.MODERATIONS, "/moderations"),
    Passthrough(Operation.RERANK, "/rerank"),
)
"""One for each operation of `domain.chat.PASSED_THROUGH`."""
