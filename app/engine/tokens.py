"""Count what a provider has not counted: by the model's own tokenizer where there is one, else about.

Four bytes are taken for a token, five of tool descriptions, a thousand tokens for a picture; the rows say that they are
estimates. Nothing of this is done while a request is under way.
"""

import asyncio
from dataclasses import dataclass, replace

from app.domain.chat import NO_OUTPUT, PASSED_THROUGH, ApiRequest, Operation
from app.domain.usage import Usage, UsageSource
from app.engine import texts
from app.engine.texts import Content
from app.engine.tokenizer import Tokenizer, hides_thoughts

MOST_KEPT_BYTES = 256 * 1024
"""So much of a stream is kept until it is clear who counts it; what comes after is taken to be of the same kind."""


class Sent:
    """What a stream has sent to its client, its beginning word for word."""

    __slots__ = ("_kept_bytes", "_parts", "_total_bytes")

    def __init__(self) -> None:
        """Nothing yet."""
        self._parts: list[bytes] = []
        self._kept_bytes = self._total_bytes = 0

    def add(self, data: bytes) -> None:
        """These bytes go out now."""
        self._total_bytes += len(data)
        if self._kept_bytes < MOST_KEPT_BYTES:
            self._parts.append(data)
            self._kept_bytes += len(data)

    def read(self) -> Content:
        """What was written; texts that were not kept are counted for with the same number of tokens a byte."""
        found = texts.of_stream(b"".join(self._parts))
        if self._kept_bytes < self._total_bytes:
            found.share = self._kept_bytes / self._total_bytes
            found.exact = False
        return found


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A request whose provider reported only what is `known`, with its plain answer or what its stream has sent.

    `cut`: the stream did not come to its end, where some providers count; so more may have been written than is known.
    """

    known: Usage
    request: ApiRequest
    answer: bytes = b""
    sent: Sent | None = None
    cut: bool = False

    def __call__(self) -> Usage:
        """The usage, about."""
        asked, written = self.read()
        return self.fill(asked.estimate(), written.estimate(), UsageSource.ESTIMATE)

    def read(self) -> tuple[Content, Content]:
        """What was asked and what was written; empty where the provider has counted it."""
        asked, written = Content(), Content()
        if self.known.input is None:
            asked = texts.of_request(self.request.body, self.request.operation)
        if self._wants_output:
            written = texts.of_answer(self.answer) if self.sent is None else self.sent.read()
        return asked, written

    def fill(self, asked: int, written: int, source: UsageSource) -> Usage:
        """The usage with what the provider has not counted."""
        usage = self.known
        if usage.input is None:
            usage = replace(usage, fresh_input=asked, source=source)
        if self._wants_output and (usage.output is None or usage.output < written):
            usage = replace(usage, output=written, source=source)
        return usage

    @property
    def _wants_output(self) -> bool:
        return (self.cut or self.known.output is None) and self.request.operation not in NO_OUTPUT


def is_complete(usage: Usage, operation: Operation) -> bool:
    """Whether the provider has counted what there is to count."""
    if operation in PASSED_THROUGH:
        return True  # text says nothing about pictures and sound
    return usage.input is not None and (usage.output is not None or operation is Operation.EMBEDDINGS)


async def count(uncounted: Uncounted, model: str, tokenizer: Tokenizer) -> Usage:
    """The usage by the model's tokenizer, where it is there and all is plain text, else about."""
    asked, written = await asyncio.to_thread(uncounted.read)
    read_tokens, read_exactly = await count_content(asked, model, tokenizer)
    output, wrote_exactly = await count_content(written, model, tokenizer)
    exactly = read_exactly and wrote_exactly and not (written.texts and hides_thoughts(model))
    source = UsageSource.TOKENIZER if exactly else UsageSource.ESTIMATE
    return uncounted.fill(read_tokens, output, source)


async def count_request(body: bytes, model: str, tokenizer: Tokenizer) -> tuple[int, UsageSource]:
    """The tokens of a request that is not sent, and who has counted them."""
    tokens, exactly = await count_content(await asyncio.to_thread(texts.of_request, body), model, tokenizer)
    return tokens, UsageSource.TOKENIZER if exactly else UsageSource.ESTIMATE


async def count_content(content: Content, model: str, tokenizer: Tokenizer) -> tuple[int, bool]:
    """The tokens of a content, and whether that is what the provider would say."""
    tokens = await tokenizer.count(model, content.texts) if content.texts else 0
    return (content.estimate(), False) if tokens is None else (content.of(tokens), content.exact)
