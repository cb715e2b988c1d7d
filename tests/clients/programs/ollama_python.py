"""The `ollama` package as a program of its own."""

import json
from typing import Any

import ollama

from clients import casebook as book
from clients.casebook import Target, check, fails

TOOLS: Any = [
    {"type": "function", "function": {"name": book.TOOL[0], "description": book.TOOL[1], "parameters": book.SCHEMA}}
]
client: Any = ollama.Client(
    host=book.base_url().removesuffix("/v1"), headers={"authorization": f"Bearer {book.token()}"}, trust_env=False
)


def ask(words: str, model: str, **more: Any) -> Any:
    """One request."""
    messages = [{"role": "system", "content": book.SYSTEM}, {"role": "user", "content": words}]
    return client.chat(model=model, **({"messages": messages} | more))


def plain(target: Target) -> None:
    """An answer with its counts."""
    done = ask("hello", target.model, options={"temperature": 0.5, "num_predict": 100, "num_ctx": 8192})
    book.said(done.message.content, "hello", f"system: {book.SYSTEM}")
    check((done.done, done.done_reason), (True, "stop"))
    check((done.prompt_eval_count, done.eval_count), (book.INPUT_TOKENS, book.OUTPUT_TOKENS))


def stream(target: Target) -> None:
    """A stream that ends with its counts."""
    chunks = list(ask("hello", target.model, stream=True))
    book.said("".join(chunk.message.content or "" for chunk in chunks), "hello")
    check([chunk.done for chunk in chunks], [*([False] * (len(chunks) - 1)), True])
    check(chunks[-1].eval_count, book.OUTPUT_TOKENS)


def _round(target: Target, message: Any, **more: Any) -> None:
    calls = message.tool_calls
    check([call.function.arguments for call in calls], book.ARGUMENTS)
    results = [
        {"role": "tool", "tool_name": call.function.name, "content": result}
        for call, result in zip(calls, book.RESULTS, strict=True)
    ]
    talk = [{"role": "user", "content": book.CALLS}, message, *results]
    book.answered(client.chat(model=target.model, messages=talk, tools=TOOLS, **more).message.content)


def tools(target: Target) -> None:
    """Two calls beside each other, and their results."""
    _round(target, ask(book.CALLS, target.model, tools=TOOLS).message)


def tools_stream(target: Target) -> None:
    """The same as a stream."""
    calls = [
        call
        for chunk in ask(book.CALLS, target.model, tools=TOOLS, stream=True)
        for call in chunk.message.tool_calls or ()
    ]
    _round(target, ollama.Message(role="assistant", content="", tool_calls=calls))


def _one_call(target: Target, name: str, arguments: str, schema: Any, **more: Any) -> None:
    """A call, plain and streamed, and its result."""
    tool = {"type": "function", "function": {"name": name, "description": "Does it.", "parameters": schema}}
    prompt = f"[call {name} {arguments}]"
    chunks = client.chat(
        model=target.model, messages=[{"role": "user", "content": prompt}], tools=[tool], stream=True, **more
    )
    streamed = [call for chunk in chunks for call in chunk.message.tool_calls or ()]
    message = ask(prompt, target.model, tools=[tool], **more).message
    for (call,) in (streamed, message.tool_calls):
        check((call.function.name, call.function.arguments), (name, json.loads(arguments)))
    result = {"role": "tool", "tool_name": name, "content": "21 degrees"}
    talk: list[Any] = [{"role": "user", "content": prompt}, message, result]
    answer = client.chat(model=target.model, messages=talk, tools=[tool], **more).message
    check("21 degrees" in answer.content)
    talk += [answer, {"role": "user", "content": "again"}]
    book.said(client.chat(model=target.model, messages=talk, tools=[tool], **more).message.content, "again")


def bare_tool(target: Target) -> None:
    """A tool without arguments."""
    _one_call(target, book.BARE, "{}", {"type": "object", "properties": {}})


def long_name(target: Target) -> None:
    """A name that is too long for most providers goes there and back."""
    _one_call(target, book.LONG, '{"city":"Rome"}', book.SCHEMA)


def picture(target: Target) -> None:
    """A picture in base64."""
    messages = [{"role": "user", "content": "look", "images": [book.PICTURE]}]
    book.said(client.chat(model=target.model, messages=messages).message.content, "look", "pictures: 1")


def structured(target: Target) -> None:
    """An answer by a schema."""
    done = ask("weather", target.model, format=book.ANSWER)
    check(json.loads(done.message.content), {"city": "Köln", "degrees": 21})


def reasoning(target: Target) -> None:
    """Thinking, with a call and its result in the next request."""
    done = ask(book.CALLS, target.model, tools=TOOLS, think=True)
    _round(target, done.message, think=True)
    _one_call(target, book.TOOL[0], '{"city":"Rome"}', book.SCHEMA, think=True)


def generated(target: Target) -> None:
    """A prompt alone."""
    done = client.generate(model=target.model, prompt="hello")
    book.said(done.response, "hello")
    check(
        "".join(chunk.response for chunk in client.generate(model=target.model, prompt="hello", stream=True)),
        done.response,
    )


def errors(target: Target) -> None:
    """What the provider refuses, cannot do now, or will not do for this key."""
    for status in book.STATUSES:
        seen = (status,) if status in (400, 429) else (502, 503)
        model = target.failing(str(status))
        fails(lambda: ask(f"[status {status}]", model), ollama.ResponseError, *seen)  # noqa: B023 - called at once


def breaks(target: Target) -> None:
    """A stream that breaks off is an error, never an end."""
    chunks: list[Any] = []
    fails(lambda: chunks.extend(ask("[break]", target.failing("break"), stream=True)), ollama.ResponseError)
    check([chunk for chunk in chunks if chunk.done], [])


def vectors(target: Target) -> None:
    """Vectors of one text and of several, and by the older path."""
    found = client.embed(model=target.vectors, input=["a", "bcd"], dimensions=3)
    check([list(row) for row in found.embeddings], [[1.0, 0.5, -0.25], [3.0, 0.5, -0.25]])
    check(client.embed(model=target.vectors, input="abc").embeddings[0][0], 3.0)


def models(target: Target) -> None:
    """The list has it, and it can be looked at."""
    check(target.model in [model.model for model in client.list().models])
    check("completion" in (client.show(target.model).capabilities or ()))


if __name__ == "__main__":
    every = (
        *(plain, stream, tools, tools_stream, picture, structured, reasoning, bare_tool, long_name),
        *(generated, errors, breaks, vectors, models),
    )
    book.run({case.__name__: case for case in every})
