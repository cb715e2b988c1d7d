"""The `anthropic` package as a program of its own."""

import json
from typing import Any

import anthropic

from clients import casebook as book
from clients.casebook import Target, check, fails

TOOLS: Any = [{"name": book.TOOL[0], "description": book.TOOL[1], "input_schema": book.SCHEMA}]
http = anthropic.DefaultHttpxClient(trust_env=False)
root = book.base_url().removesuffix("/v1")
client: Any = anthropic.Anthropic(base_url=root, api_key=book.token(), max_retries=0, http_client=http)


def request(content: Any, model: str, **more: Any) -> dict[str, Any]:
    """What is asked."""
    asked = {"model": model, "max_tokens": 2000, "system": book.SYSTEM}
    return asked | {"messages": [{"role": "user", "content": content}]} | more


def plain(target: Target) -> None:
    """An answer with its usage."""
    done = client.messages.create(
        **request("hello", target.model, stop_sequences=["END"], extra_body={"temperature": 0.5})
    )
    book.said(done.content[0].text, "hello", f"system: {book.SYSTEM}")
    check(done.stop_reason, "end_turn")
    usage = done.usage
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    check((usage.input_tokens + cached, usage.output_tokens), (book.INPUT_TOKENS, book.OUTPUT_TOKENS))


def stream(target: Target) -> None:
    """A stream, put together by the package's own helper."""
    with client.messages.stream(**request("hello", target.model)) as events:
        words = "".join(events.text_stream)
        done = events.get_final_message()
    book.said(words, "hello")
    check((done.content[0].text, done.stop_reason, done.usage.output_tokens), (words, "end_turn", book.OUTPUT_TOKENS))


def _round(target: Target, content: list[Any], **more: Any) -> None:
    calls = [block for block in content if block.type == "tool_use"]
    check([call.input for call in calls], book.ARGUMENTS)
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": result}
        for call, result in zip(calls, book.RESULTS, strict=True)
    ]
    said = [block.model_dump(exclude_none=True, exclude={"caller"}) for block in content]
    talk = [
        {"role": "user", "content": book.CALLS},
        {"role": "assistant", "content": said},
        {"role": "user", "content": results},
    ]
    done = client.messages.create(**request("", target.model, tools=TOOLS, **more) | {"messages": talk})
    book.answered(next(block.text for block in done.content if block.type == "text"))


def tools(target: Target) -> None:
    """Two calls beside each other, and their results."""
    done = client.messages.create(**request(book.CALLS, target.model, tools=TOOLS, tool_choice={"type": "auto"}))
    check(done.stop_reason, "tool_use")
    _round(target, done.content)


def tools_stream(target: Target) -> None:
    """The same as a stream."""
    with client.messages.stream(**request(book.CALLS, target.model, tools=TOOLS)) as events:
        done = events.get_final_message()
    check(done.stop_reason, "tool_use")
    _round(target, done.content)


def _one_call(target: Target, name: str, arguments: dict[str, Any], schema: Any, **more: Any) -> None:
    """A call, plain and streamed, and its result."""
    tool = {"name": name, "input_schema": schema}
    prompt = f"[call {name} {json.dumps(arguments)}]"
    with client.messages.stream(**request(prompt, target.model, tools=[tool], **more)) as events:
        streamed = events.get_final_message().content
    content = client.messages.create(**request(prompt, target.model, tools=[tool], **more)).content
    for blocks in (streamed, content):
        call = next(block for block in blocks if block.type == "tool_use")
        check((call.name, call.input), (name, arguments))
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees", "is_error": True}
    talk: list[Any] = [
        {"role": "user", "content": prompt},
        {
            "role": "assistant",
            "content": [block.model_dump(exclude_none=True, exclude={"caller"}) for block in content],
        },
        {"role": "user", "content": [result]},
    ]
    answer = client.messages.create(**request("", target.model, tools=[tool], **more) | {"messages": talk})
    words = next(block.text for block in answer.content if block.type == "text")
    check("21 degrees" in words)
    talk += [{"role": "assistant", "content": words}, {"role": "user", "content": "again"}]
    again = client.messages.create(**request("", target.model, tools=[tool], **more) | {"messages": talk})
    book.said(next(block.text for block in again.content if block.type == "text"), "again")


def bare_tool(target: Target) -> None:
    """A tool without arguments."""
    _one_call(target, book.BARE, {}, {"type": "object"})


def long_name(target: Target) -> None:
    """A name that is too long for most providers goes there and back."""
    _one_call(target, book.LONG, {"city": "Rome"}, book.SCHEMA)


def forced(target: Target) -> None:
    """A tool that must be called; an Ollama cannot be told."""

    def force() -> Any:
        choice = {"type": "tool", "name": book.TOOL[0]}
        return client.messages.create(**request("hello", target.model, tools=TOOLS, tool_choice=choice))

    if target.id == "ollama":
        return fails(force, anthropic.BadRequestError)
    check(force().content[-1].name, book.TOOL[0])
    return None


def pictured_result(target: Target) -> None:
    """A result with a picture: the words arrive as the result, the picture where the provider has a place for it."""
    source = {"type": "base64", "media_type": "image/png", "data": book.PICTURE}
    content = [{"type": "text", "text": "21 degrees"}, {"type": "image", "source": source}]
    call = {"type": "tool_use", "id": "toolu_own", "name": book.TOOL[0], "input": {"city": "Rome"}}
    talk = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_own", "content": content}]},
    ]
    done = client.messages.create(**request("", target.model, tools=TOOLS) | {"messages": talk})
    check("21 degrees" in done.content[0].text)


def picture(target: Target) -> None:
    """A picture in base64, marked for the cache."""
    source = {"type": "base64", "media_type": "image/png", "data": book.PICTURE}
    content = [{"type": "text", "text": "look"}, {"type": "image", "source": source}]
    content[0]["cache_control"] = {"type": "ephemeral"}
    done = client.messages.create(**request(content, target.model))
    book.said(done.content[0].text, "look", "pictures: 1")


def reasoning(target: Target) -> None:
    """Thinking, with a call and its result in the next request, which takes the thoughts along."""
    more: Any = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    done = client.messages.create(**request(book.CALLS, target.model, tools=TOOLS, **more))
    _round(target, done.content, **more)
    _one_call(target, book.TOOL[0], {"city": "Rome"}, book.SCHEMA, **more)


def tokens(target: Target) -> None:
    """Tokens are counted, or estimated."""
    asked = {"model": target.model, "messages": [{"role": "user", "content": "hello"}]}
    check(client.messages.count_tokens(**asked).input_tokens > 0)


def errors(target: Target) -> None:
    """What the provider refuses, cannot do now, or will not do for this key."""
    kinds = {400: anthropic.BadRequestError, 429: anthropic.RateLimitError}
    for status in book.STATUSES:
        kind, seen = kinds.get(status, anthropic.InternalServerError), (status,) if status in kinds else (502, 503)
        asked = request(f"[status {status}]", target.failing(str(status)))
        fails(lambda: client.messages.create(**asked), kind, *seen)  # noqa: B023 - called at once


def breaks(target: Target) -> None:
    """A stream that breaks off is an error, never an end."""
    events: list[Any] = []

    def read() -> None:
        events.extend(client.messages.create(**request("[break]", target.failing("break")), stream=True))

    fails(read, anthropic.APIError)
    check(len(events) > 0)
    check([event for event in events if event.type == "message_stop"], [])


def models(target: Target) -> None:
    """The list has it."""
    check(target.chat in [model.id for model in client.models.list()])


if __name__ == "__main__":
    every = (
        *(plain, stream, tools, tools_stream, picture, reasoning, bare_tool, long_name, forced),
        *(pictured_result, tokens, errors, breaks, models),
    )
    book.run({case.__name__: case for case in every})
