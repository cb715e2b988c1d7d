"""LiteLLM as a client, in each dialect that it speaks: OpenAI chat, Anthropic, Gemini, Ollama and Responses."""

import json
import os
from collections.abc import Callable
from typing import Any

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "DISABLE_AIOHTTP_TRUST_ENV": "True"}

import litellm

from clients import casebook as book
from clients.casebook import Target, check, fails

TOOLS: Any = [
    {"type": "function", "function": {"name": book.TOOL[0], "description": book.TOOL[1], "parameters": book.SCHEMA}}
]
litellm.telemetry = False
litellm.suppress_debug_info = True
litellm.num_retries = 0
litellm.drop_params = True
ROOT = book.base_url().removesuffix("/v1")
BASES = {"openai": book.base_url(), "anthropic": ROOT, "gemini": f"{ROOT}/v1beta", "ollama_chat": ROOT}


class Way:
    """One dialect of LiteLLM's."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect

    def ask(self, model: str, messages: list[Any], **more: Any) -> Any:
        """One request."""
        base, key = BASES[self.dialect], book.token()
        more |= {"max_retries": 0} if self.dialect == "openai" else {}
        return litellm.completion(
            model=f"{self.dialect}/{model}", messages=messages, api_base=base, api_key=key, **more
        )

    def plain(self, target: Target) -> None:
        """An answer with its usage."""
        messages = [{"role": "system", "content": book.SYSTEM}, {"role": "user", "content": "hello"}]
        done = self.ask(target.model, messages, max_tokens=100)
        check("hello" in done.choices[0].message.content and book.SYSTEM in done.choices[0].message.content)
        check(done.choices[0].finish_reason, "stop")
        check((done.usage.prompt_tokens, done.usage.completion_tokens), (book.INPUT_TOKENS, book.OUTPUT_TOKENS))

    def stream(self, target: Target) -> None:
        """A stream with one finish."""
        chunks = list(self.ask(target.model, [{"role": "user", "content": "hello"}], stream=True))
        book.said("".join(chunk.choices[0].delta.content or "" for chunk in chunks), "hello")
        check([chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason], ["stop"])

    def tools(self, target: Target) -> None:
        """Two calls beside each other, and their results."""
        talk = [{"role": "user", "content": book.CALLS}]
        self._round(target, talk, self.ask(target.model, talk, tools=TOOLS))

    def tools_stream(self, target: Target) -> None:
        """The same, put together by LiteLLM, which makes one call of two that Ollama streams: there it is one."""
        alone = self.dialect == "ollama_chat"
        talk = [{"role": "user", "content": book.CALLS.partition("] ")[0] + "]" if alone else book.CALLS}]
        chunks = list(self.ask(target.model, talk, tools=TOOLS, stream=True))
        self._round(target, talk, litellm.stream_chunk_builder(chunks, messages=talk))

    def _round(self, target: Target, talk: list[Any], done: Any) -> None:
        message = done.choices[0].message
        found = [json.loads(call.function.arguments) for call in message.tool_calls]
        check(found, book.ARGUMENTS[: len(found)])
        check(done.choices[0].finish_reason, "tool_calls")
        results = [
            {"role": "tool", "tool_call_id": call.id, "name": book.TOOL[0], "content": result}
            for call, result in zip(message.tool_calls, book.RESULTS, strict=False)
        ]
        again = self.ask(target.model, [*talk, message.model_dump(exclude_none=True), *results], tools=TOOLS)
        if len(found) == len(book.RESULTS):
            book.answered(again.choices[0].message.content)
        else:
            check(book.RESULTS[0] in again.choices[0].message.content)

    def picture(self, target: Target) -> None:
        """A picture in base64."""
        seen = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{book.PICTURE}"}}
        talk = [{"role": "user", "content": [{"type": "text", "text": "look"}, seen]}]
        book.said(self.ask(target.model, talk).choices[0].message.content, "look", "pictures: 1")

    def errors(self, target: Target) -> None:
        """What the provider refuses, cannot do now, or will not do for this key."""
        kinds = {400: litellm.BadRequestError, 429: litellm.RateLimitError}
        for status in book.STATUSES:
            talk = [{"role": "user", "content": f"[status {status}]"}]
            model = target.failing(str(status))
            fails(lambda: self.ask(model, talk), kinds.get(status, Exception))  # noqa: B023 - called at once

    def breaks(self, target: Target) -> None:
        """A stream that breaks off is an error, never an end."""
        chunks: list[Any] = []
        talk = [{"role": "user", "content": "[break]"}]
        fails(lambda: chunks.extend(self.ask(target.failing("break"), talk, stream=True)), Exception)
        check([c for c in chunks if c.choices[0].finish_reason], [])


def vectors(target: Target) -> None:
    """Vectors by OpenAI's dialect."""
    found = litellm.embedding(
        model=f"openai/{target.vectors}", input=["a", "bcd"], api_base=book.base_url(), api_key=book.token()
    )
    check([row["embedding"][0] for row in found.data], [1.0, 3.0])


def responses(target: Target) -> None:
    """Responses, plain."""
    done = litellm.responses(
        model=f"openai/{target.model}", input="hello", api_base=book.base_url(), api_key=book.token(), store=False
    )
    book.said(done.output[-1].content[0].text, "hello")


if __name__ == "__main__":
    cases: dict[str, Callable[[Target], None]] = {"vectors": vectors, "responses": responses}
    for dialect in BASES:
        way = Way(dialect)
        every = (way.plain, way.stream, way.tools, way.tools_stream, way.picture, way.errors, way.breaks)
        cases |= {f"{dialect} {case.__name__}": case for case in every}
    book.run(cases)
    os._exit(0)  # its threads for logging would go on for minutes
