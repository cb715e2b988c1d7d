"""OpenAI completions for providers of other dialects: one prompt as a conversation of one turn, words as `text`."""

from collections.abc import Iterable

from app.dialects import fields, json_edit, sse
from app.dialects.fields import Object, refuse
from app.dialects.openai_chat_reply import write_finish, write_usage
from app.domain.hub import ChatRequest, Message, Refusal, Role, Sampling, Text
from app.domain.hub_reply import (
    ChatReply,
    Choice,
    Counted,
    Ended,
    Finished,
    RefusalDelta,
    Started,
    StreamEvent,
    TextDelta,
)
from app.domain.usage import NO_USAGE, Usage

ORIGIN = "openai-completions"
"""A name of its own: what only this dialect has is no provider's that is asked for a conversation."""

DONE = b"data: [DONE]\n\n"
_KNOWN = frozenset(("model", "prompt", "stream", "stream_options", "suffix", "echo", "best_of", "user")) | {
    *("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "n"),
    *("stop", "max_tokens", "logprobs", "logit_bias"),
}
_OTHER_MODEL = "Choose a model of a provider that has completions, or send a conversation to /v1/chat/completions."


# -- requests


def read_request(body: bytes) -> ChatRequest:
    """Read a request whole.

    Raises:
        FaultError: INVALID_REQUEST, naming the field; what stands behind the answer cannot be said in a conversation.
    """
    sent = fields.parse_object(body)
    for key in ("suffix", "echo"):
        if sent.get(key):
            refuse(f"`{key}` cannot be said to a chat model.", f"Leave it out. {_OTHER_MODEL}", key)
    if (fields.integer(sent, "best_of") or 1) > (fields.integer(sent, "n") or 1):
        refuse("`best_of` cannot be said to a chat model.", f"Leave it out. {_OTHER_MODEL}", "best_of")
    options = fields.child(sent, "stream_options")
    return ChatRequest(
        model=fields.text(sent, "model"),
        messages=(Message(Role.USER, (Text(_prompt(sent.get("prompt"))),)),),
        origin=ORIGIN,
        stream=bool(fields.flag(sent, "stream")),
        sampling=_sampling(sent),
        user=fields.text(sent, "user"),
        wants_usage=options.get("include_usage") is True,
        extras=fields.rest(sent, _KNOWN),
    )


def _prompt(prompt: object) -> str:
    """The one prompt.

    Raises:
        FaultError: INVALID_REQUEST, for several prompts and for tokens.
    """
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        refuse("`prompt` must be one text for a chat model.", f"Send one string. {_OTHER_MODEL}", "prompt")
    return prompt


def _sampling(sent: Object) -> Sampling:
    logprobs = fields.integer(sent, "logprobs")
    return Sampling(
        temperature=fields.number(sent, "temperature"),
        top_p=fields.number(sent, "top_p"),
        presence_penalty=fields.number(sent, "presence_penalty"),
        frequency_penalty=fields.number(sent, "frequency_penalty"),
        seed=fields.integer(sent, "seed"),
        stop=fields.strings(sent, "stop"),
        max_output=fields.integer(sent, "max_tokens"),
        n=fields.integer(sent, "n"),
        logprobs=None if logprobs is None else True,
        top_logprobs=logprobs,
        logit_bias=fields.child(sent, "logit_bias") or None,
    )


# -- answers


def write_reply(reply: ChatReply, request: ChatRequest) -> bytes:
    """Write it for the client that sent `request`: words alone, for the dialect knows no calls and no thoughts."""
    choices = [_choice(choice, at) for at, choice in enumerate(reply.choices)]
    head = _head(reply.id, reply.model or request.model, reply.created)
    return json_edit.dumps({**head, "choices": choices, "usage": write_usage(reply.usage)})


def _head(reply_id: str, model: str, created: int) -> Object:
    return {"id": reply_id or "cmpl-0", "object": "text_completion", "created": created, "model": model}


def _choice(choice: Choice, at: int) -> Object:
    text = "".join(part.text for part in choice.parts if isinstance(part, Text | Refusal))
    return _written(at, text, write_finish(choice.finish, called=False))


def _written(at: int, text: str, finish: str | None) -> Object:
    return {"text": text, "index": at, "logprobs": None, "finish_reason": finish}


class EventWriter:
    """Turns hub events into chunks of text."""

    def __init__(self, request: ChatRequest) -> None:
        """Write for the client that sent `request`."""
        self._request = request
        self._head: Object = _head("", request.model, 0)
        self._usage: Usage = NO_USAGE

    def write(self, events: Iterable[StreamEvent]) -> bytes:
        """Return the bytes for these events."""
        return b"".join([self._one(event) for event in events])

    def _one(self, event: StreamEvent) -> bytes:
        if isinstance(event, TextDelta | RefusalDelta):
            return self._chunk(event.choice, event.text, None)
        if isinstance(event, Finished):
            return self._chunk(event.choice, "", write_finish(event.finish, called=False))
        if isinstance(event, Started):
            self._head = _head(event.id, event.model or self._request.model, event.created)
        elif isinstance(event, Counted):
            self._usage = self._usage.most(event.usage)
        elif isinstance(event, Ended):
            return self._end()
        return b""

    def _chunk(self, choice: int, text: str, finish: str | None) -> bytes:
        return sse.encode(json_edit.dumps({**self._head, "choices": [_written(choice, text, finish)]}))

    def _end(self) -> bytes:
        if not self._request.wants_usage:
            return DONE
        last = {**self._head, "choices": [], "usage": write_usage(self._usage)}
        return sse.encode(json_edit.dumps(last)) + DONE
