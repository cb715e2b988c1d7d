"""The `openai` package, Responses, as a program of its own."""

import json
from typing import Any

import openai

from clients import casebook as book
from clients.casebook import Target, check, fails

TOOLS: Any = [
    {
        "type": "function",
        "name": book.TOOL[0],
        "description": book.TOOL[1],
        "parameters": book.SCHEMA,
        "strict": False,
    }
]
http = openai.DefaultHttpxClient(trust_env=False)
client: Any = openai.OpenAI(base_url=book.base_url(), api_key=book.token(), max_retries=0, http_client=http)


def ask(given: Any, model: str, **more: Any) -> Any:
    """One request that stores nothing."""
    return client.responses.create(model=model, input=given, instructions=book.SYSTEM, store=False, **more)


def plain(target: Target) -> None:
    """An answer with its usage."""
    done = ask("hello", target.model, max_output_tokens=100, temperature=0.5)
    book.said(done.output_text, "hello", f"system: {book.SYSTEM}")
    check(done.status, "completed")
    check((done.usage.input_tokens, done.usage.output_tokens), (book.INPUT_TOKENS, book.OUTPUT_TOKENS))


def stream(target: Target) -> None:
    """A stream, put together by the package's own helper."""
    with client.responses.stream(model=target.model, input="hello", store=False) as events:
        kinds = [event.type for event in events]
        done = events.get_final_response()
    book.said(done.output_text, "hello")
    check((kinds[0], kinds[-1]), ("response.created", "response.completed"))
    check(done.usage.output_tokens, book.OUTPUT_TOKENS)


def _round(target: Target, output: list[Any], **more: Any) -> None:
    calls = [item for item in output if item.type == "function_call"]
    check([json.loads(call.arguments) for call in calls], book.ARGUMENTS)
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": result}
        for call, result in zip(calls, book.RESULTS, strict=True)
    ]
    items = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in output]
    talk = [{"role": "user", "content": book.CALLS}, *items, *results]
    book.answered(ask(talk, target.model, tools=TOOLS, **more).output_text)


def tools(target: Target) -> None:
    """Two calls beside each other, and their results."""
    _round(target, ask(book.CALLS, target.model, tools=TOOLS, parallel_tool_calls=True).output)


def tools_stream(target: Target) -> None:
    """The same as a stream."""
    events = list(ask(book.CALLS, target.model, tools=TOOLS, stream=True))
    done = [event.arguments for event in events if event.type == "response.function_call_arguments.done"]
    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    check("".join(deltas), "".join(done))
    _round(target, events[-1].response.output)


def _one_call(target: Target, name: str, arguments: str, schema: Any, **more: Any) -> None:
    """A call, plain and streamed, and its result."""
    tool = {"type": "function", "name": name, "parameters": schema, "strict": False}
    prompt = f"[call {name} {arguments}]"
    streamed = list(ask(prompt, target.model, tools=[tool], stream=True, **more))[-1].response.output
    output = ask(prompt, target.model, tools=[tool], **more).output
    for items in (streamed, output):
        call = next(item for item in items if item.type == "function_call")
        check((call.name, json.loads(call.arguments)), (name, json.loads(arguments)))
    talk: list[Any] = [{"role": "user", "content": prompt}]
    talk += [item.model_dump(exclude_none=True) for item in output]
    talk.append({"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"})
    answer = ask(talk, target.model, tools=[tool], **more)
    check("21 degrees" in answer.output_text)
    talk += [*(item.model_dump(exclude_none=True) for item in answer.output), {"role": "user", "content": "again"}]
    book.said(ask(talk, target.model, tools=[tool], **more).output_text, "again")


def bare_tool(target: Target) -> None:
    """A tool without arguments."""
    _one_call(target, book.BARE, "{}", {"type": "object", "properties": {}})


def forced(target: Target) -> None:
    """A tool that must be called; an Ollama cannot be told."""

    def force() -> Any:
        return ask("hello", target.model, tools=TOOLS, tool_choice={"type": "function", "name": book.TOOL[0]})

    if target.id == "ollama":
        return fails(force, openai.BadRequestError)
    check(next(item for item in force().output if item.type == "function_call").name, book.TOOL[0])
    return None


def pictured_result(target: Target) -> None:
    """A result with a picture: the words arrive as the result, the picture where the provider has a place for it."""
    url = f"data:image/png;base64,{book.PICTURE}"
    output = [{"type": "input_text", "text": "21 degrees"}, {"type": "input_image", "image_url": url}]
    talk = [
        {"role": "user", "content": "hello"},
        {"type": "function_call", "call_id": "call_own", "name": book.TOOL[0], "arguments": '{"city":"Rome"}'},
        {"type": "function_call_output", "call_id": "call_own", "output": output},
    ]
    check("21 degrees" in ask(talk, target.model, tools=TOOLS).output_text)


def picture(target: Target) -> None:
    """A picture in base64."""
    url = f"data:image/png;base64,{book.PICTURE}"
    content = [{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": url, "detail": "auto"}]
    book.said(ask([{"role": "user", "content": content}], target.model).output_text, "look", "pictures: 1")


def structured(target: Target) -> None:
    """An answer by a schema."""
    form = {"format": {"type": "json_schema", "name": "weather", "strict": True, "schema": book.ANSWER}}
    check(json.loads(ask("weather", target.model, text=form).output_text), {"city": "Köln", "degrees": 21})


def reasoning(target: Target) -> None:
    """Thinking, with a call and its result in the next request."""
    more: Any = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    _round(target, ask(book.CALLS, target.model, tools=TOOLS, **more).output, **more)
    _one_call(target, book.TOOL[0], '{"city":"Rome"}', book.SCHEMA, **more)


def errors(target: Target) -> None:
    """What the provider refuses, cannot do now, or will not do for this key."""
    kinds = {400: openai.BadRequestError, 429: openai.RateLimitError}
    for status in book.STATUSES:
        kind, seen = kinds.get(status, openai.InternalServerError), (status,) if status in kinds else (502, 503)
        fails(lambda: ask(f"[status {status}]", target.failing(str(status))), kind, *seen)  # noqa: B023 - called at once


def breaks(target: Target) -> None:
    """A stream that breaks off is an error, never an end."""
    events: list[Any] = []
    fails(lambda: events.extend(ask("[break]", target.failing("break"), stream=True)), openai.APIError)
    check([event for event in events if event.type == "response.completed"], [])


if __name__ == "__main__":
    every = (
        *(plain, stream, tools, tools_stream, picture, structured, reasoning),
        *(bare_tool, forced, pictured_result, errors, breaks),
    )
    book.run({case.__name__: case for case in every})
