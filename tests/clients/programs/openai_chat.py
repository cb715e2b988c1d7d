"""The `openai` package, chat and embeddings, as a program of its own."""

import json
from typing import Any

import openai

from clients import casebook as book
from clients.casebook import Target, check, fails

TOOLS: Any = [
    {"type": "function", "function": {"name": book.TOOL[0], "description": book.TOOL[1], "parameters": book.SCHEMA}}
]
http = openai.DefaultHttpxClient(trust_env=False)
client: Any = openai.OpenAI(base_url=book.base_url(), api_key=book.token(), max_retries=0, http_client=http)


def ask(words: str, model: str, **more: Any) -> Any:
    """One request."""
    messages = [{"role": "system", "content": book.SYSTEM}, {"role": "user", "content": words}]
    return client.chat.completions.create(**({"model": model, "messages": messages} | more))


def plain(target: Target) -> None:
    """An answer with its usage."""
    done = ask("hello", target.model, max_tokens=100, temperature=0.5, stop=["END"])
    book.said(done.choices[0].message.content, "hello", f"system: {book.SYSTEM}")
    check(done.choices[0].finish_reason, "stop")
    check((done.usage.prompt_tokens, done.usage.completion_tokens), (book.INPUT_TOKENS, book.OUTPUT_TOKENS))


def stream(target: Target) -> None:
    """A stream with one finish, and its usage."""
    chunks = list(ask("hello", target.model, stream=True, stream_options={"include_usage": True}))
    book.said("".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices), "hello")
    check([c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason], ["stop"])
    check(chunks[-1].usage.completion_tokens, book.OUTPUT_TOKENS)


def _round(target: Target, message: dict[str, Any], **more: Any) -> None:
    calls = message["tool_calls"]
    check([json.loads(call["function"]["arguments"]) for call in calls], book.ARGUMENTS)
    check(len({call["id"] for call in calls}), 2)
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": result}
        for call, result in zip(calls, book.RESULTS, strict=True)
    ]
    talk = [{"role": "user", "content": book.CALLS}, message, *results]
    book.answered(
        client.chat.completions.create(model=target.model, messages=talk, tools=TOOLS, **more)
        .choices[0]
        .message.content
    )


def tools(target: Target) -> None:
    """Two calls beside each other, and their results."""
    done = ask(book.CALLS, target.model, tools=TOOLS, tool_choice="auto", parallel_tool_calls=True)
    check(done.choices[0].finish_reason, "tool_calls")
    _round(target, done.choices[0].message.model_dump(exclude_none=True))


def tools_stream(target: Target) -> None:
    """The same, put together by the package's own helper."""
    messages = [{"role": "user", "content": book.CALLS}]
    with client.chat.completions.stream(model=target.model, messages=messages, tools=TOOLS) as events:
        done = events.get_final_completion()
    check(done.choices[0].finish_reason, "tool_calls")
    message = done.choices[0].message.model_dump(exclude_none=True)
    for call in message["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
        call.pop("index", None)
    message.pop("parsed", None)
    _round(target, message)


def _tool(name: str, schema: Any = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name} | ({"parameters": schema} if schema else {})}


def _one_call(target: Target, name: str, arguments: str, tool: Any, **more: Any) -> None:
    """A call, plain and streamed, and its result."""
    talk: list[Any] = [{"role": "user", "content": f"[call {name} {arguments}]"}]
    asked = {"model": target.model, "tools": [tool]} | more
    with client.chat.completions.stream(messages=talk, **asked) as events:
        streamed = events.get_final_completion().choices[0].message.tool_calls[0]
    message = client.chat.completions.create(messages=talk, **asked).choices[0].message
    for call in (streamed, message.tool_calls[0]):
        check((call.function.name, json.loads(call.function.arguments)), (name, json.loads(arguments)))
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "21 degrees"}
    talk += [message.model_dump(exclude_none=True), result]
    answer = client.chat.completions.create(messages=talk, model=target.model, tools=[tool]).choices[0].message
    check("21 degrees" in answer.content)
    talk += [answer.model_dump(exclude_none=True), {"role": "user", "content": "again"}]
    again = client.chat.completions.create(messages=talk, model=target.model, tools=[tool])
    book.said(again.choices[0].message.content, "again")


def bare_tool(target: Target) -> None:
    """A tool without arguments."""
    _one_call(target, book.BARE, "{}", _tool(book.BARE))


def long_name(target: Target) -> None:
    """A name that is too long for most providers goes there and back; OpenAI itself refuses it, passed through."""
    if target.id == "openai":
        return fails(lambda: ask("hello", target.model, tools=[_tool(book.LONG)]), openai.BadRequestError)
    _one_call(target, book.LONG, '{"city":"Rome"}', _tool(book.LONG, book.SCHEMA))
    return None


def forced(target: Target) -> None:
    """A tool that must be called; an Ollama cannot be told."""
    choice = {"type": "function", "function": {"name": book.TOOL[0]}}

    def force() -> Any:
        return ask("hello", target.model, tools=TOOLS, tool_choice=choice)

    if target.id == "ollama":
        return fails(force, openai.BadRequestError)
    check(force().choices[0].message.tool_calls[0].function.name, book.TOOL[0])
    return None


def picture(target: Target) -> None:
    """A picture in base64."""
    url = f"data:image/png;base64,{book.PICTURE}"
    content = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": url, "detail": "low"}}]
    messages = [{"role": "user", "content": content}]
    done = client.chat.completions.create(model=target.model, messages=messages)
    book.said(done.choices[0].message.content, "look", "pictures: 1")


def structured(target: Target) -> None:
    """An answer by a schema."""
    form = {"type": "json_schema", "json_schema": {"name": "weather", "strict": True, "schema": book.ANSWER}}
    done = ask("weather", target.model, response_format=form)
    check(json.loads(done.choices[0].message.content), {"city": "Köln", "degrees": 21})


def reasoning(target: Target) -> None:
    """Thinking, with a call and its result in the next request."""
    done = ask(book.CALLS, target.model, tools=TOOLS, reasoning_effort="low")
    _round(target, done.choices[0].message.model_dump(exclude_none=True), reasoning_effort="low")
    _one_call(target, book.TOOL[0], '{"city":"Rome"}', TOOLS[0], reasoning_effort="low")


def errors(target: Target) -> None:
    """What the provider refuses, cannot do now, or will not do for this key."""
    kinds = {400: openai.BadRequestError, 429: openai.RateLimitError}
    for status in book.STATUSES:
        kind, seen = kinds.get(status, openai.InternalServerError), (status,) if status in kinds else (502, 503)
        fails(lambda: ask(f"[status {status}]", target.failing(str(status))), kind, *seen)  # noqa: B023 - called at once
        fails(lambda: ask(f"[status {status}]", target.failing(str(status)), stream=True), kind)  # noqa: B023


def breaks(target: Target) -> None:
    """A stream that breaks off is an error, never an end."""
    chunks: list[Any] = []
    fails(lambda: chunks.extend(ask("[break]", target.failing("break"), stream=True)), openai.APIError)
    check([c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason], [])


def vectors(target: Target) -> None:
    """Vectors, in base64, which the package asks for by itself, and as numbers."""
    for more in ({}, {"encoding_format": "float"}, {"dimensions": 3}):
        found = client.embeddings.create(model=target.vectors, input=["a", "bcd"], **more)
        check([row.embedding[:3] for row in found.data], [[1.0, 0.5, -0.25], [3.0, 0.5, -0.25]])
        check([row.index for row in found.data], [0, 1])
    check(len(found.data[0].embedding), 3)
    check(client.embeddings.create(model=target.vectors, input="abc").data[0].embedding[0], 3.0)


def models(target: Target) -> None:
    """The list has it, and one can be looked at."""
    check(target.chat in [model.id for model in client.models.list()])
    check(client.models.retrieve(target.model).owned_by, target.id)


def stranger(target: Target) -> None:
    """A wrong local token and an unknown model."""
    fails(lambda: ask("hello", f"{target.id}/no-such-model"), openai.NotFoundError)
    wrong = client.with_options(api_key="wrong")
    messages = [{"role": "user", "content": "hello"}]
    fails(lambda: wrong.chat.completions.create(model=target.model, messages=messages), openai.AuthenticationError, 401)


if __name__ == "__main__":
    every = (
        *(plain, stream, tools, tools_stream, picture, structured, reasoning, bare_tool, long_name, forced),
        *(errors, breaks, vectors, models, stranger),
    )
    book.run({case.__name__: case for case in every})
