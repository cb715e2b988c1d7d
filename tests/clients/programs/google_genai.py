"""The `google-genai` package as a program of its own."""

import base64
import json
from typing import Any

from google import genai
from google.genai import errors as problems
from google.genai import types

from clients import casebook as book
from clients.casebook import Target, check, fails

options: Any = types.HttpOptions(base_url=book.base_url().removesuffix("/v1"), client_args={"trust_env": False})
client: Any = genai.Client(api_key=book.token(), http_options=options, vertexai=False)
OFF: Any = types.AutomaticFunctionCallingConfig(disable=True)
DECLARED: Any = {"name": book.TOOL[0], "description": book.TOOL[1], "parameters_json_schema": book.SCHEMA}


def ask(contents: Any, model: str, **config: Any) -> Any:
    """One request."""
    made = types.GenerateContentConfig(system_instruction=book.SYSTEM, automatic_function_calling=OFF, **config)
    return client.models.generate_content(model=model, contents=contents, config=made)


def streamed(contents: Any, model: str, **config: Any) -> list[Any]:
    """The same as a stream."""
    made = types.GenerateContentConfig(automatic_function_calling=OFF, **config)
    return list(client.models.generate_content_stream(model=model, contents=contents, config=made))


def plain(target: Target) -> None:
    """An answer with its usage."""
    done = ask("hello", target.model, temperature=0.5, max_output_tokens=100, stop_sequences=["END"])
    book.said(done.text, "hello", f"system: {book.SYSTEM}")
    check(done.candidates[0].finish_reason.name, "STOP")
    usage = done.usage_metadata
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    check((usage.prompt_token_count, output), (book.INPUT_TOKENS, book.OUTPUT_TOKENS))


def stream(target: Target) -> None:
    """A stream that ends with its reason and usage."""
    chunks = streamed("hello", target.model)
    book.said("".join(chunk.text or "" for chunk in chunks), "hello")
    check(chunks[-1].candidates[0].finish_reason.name, "STOP")
    check(chunks[-1].usage_metadata.prompt_token_count, book.INPUT_TOKENS)


def _round(target: Target, parts: list[Any], **config: Any) -> None:
    calls = [part.function_call for part in parts if part.function_call]
    check([call.args for call in calls], book.ARGUMENTS)
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"result": result}))
        for call, result in zip(calls, book.RESULTS, strict=True)
    ]
    talk = [
        types.Content(role="user", parts=[types.Part(text=book.CALLS)]),
        types.Content(role="model", parts=parts),
        types.Content(role="user", parts=results),
    ]
    book.answered(ask(talk, target.model, tools=[{"function_declarations": [DECLARED]}], **config).text)


def tools(target: Target) -> None:
    """Two calls beside each other, and their results."""
    done = ask(book.CALLS, target.model, tools=[{"function_declarations": [DECLARED]}])
    _round(target, done.candidates[0].content.parts)


def tools_stream(target: Target) -> None:
    """The same as a stream."""
    chunks = streamed(book.CALLS, target.model, tools=[{"function_declarations": [DECLARED]}])
    found = [chunk.candidates[0].content for chunk in chunks if chunk.candidates and chunk.candidates[0].content]
    parts = [part for content in found for part in content.parts or () if part.function_call or part.text]
    _round(target, parts)


def _one_call(target: Target, name: str, arguments: dict[str, Any], schema: Any, **config: Any) -> None:
    """A call, plain and streamed, and its result."""
    declared = {"name": name} | ({"parameters_json_schema": schema} if schema else {})
    prompt, config = (
        f"[call {name} {json.dumps(arguments)}]",
        config | {"tools": [{"function_declarations": [declared]}]},
    )
    chunks = streamed(prompt, target.model, **config)
    found = [chunk.candidates[0].content for chunk in chunks if chunk.candidates and chunk.candidates[0].content]
    parts = ask(prompt, target.model, **config).candidates[0].content.parts
    for each in ([part for content in found for part in content.parts or ()], parts):
        call = next(part.function_call for part in each if part.function_call)
        check((call.name, call.args or {}), (name, arguments))
    response = types.FunctionResponse(id=call.id, name=name, response={"result": "21 degrees"})
    talk: list[Any] = [
        types.Content(role="user", parts=[types.Part(text=prompt)]),
        types.Content(role="model", parts=parts),
        types.Content(role="user", parts=[types.Part(function_response=response)]),
    ]
    answer = ask(talk, target.model, **config)
    check("21 degrees" in answer.text)
    talk += [answer.candidates[0].content, types.Content(role="user", parts=[types.Part(text="again")])]
    book.said(ask(talk, target.model, **config).text, "again")


def bare_tool(target: Target) -> None:
    """A tool without arguments."""
    _one_call(target, book.BARE, {}, None)


def long_name(target: Target) -> None:
    """A name that is too long for most providers goes there and back."""
    _one_call(target, book.LONG, {"city": "Rome"}, book.SCHEMA)


def forced(target: Target) -> None:
    """A tool that must be called; an Ollama cannot be told."""
    calling = types.FunctionCallingConfig(mode="ANY", allowed_function_names=[book.TOOL[0]])

    def force() -> Any:
        config = types.ToolConfig(function_calling_config=calling)
        return ask("hello", target.model, tools=[{"function_declarations": [DECLARED]}], tool_config=config)

    if target.id == "ollama":
        return fails(force, problems.APIError, 400)
    check(force().function_calls[0].name, book.TOOL[0])
    return None


def by_itself(target: Target) -> None:
    """The package calls a function of Python by itself and sends what it returns."""
    results = iter(book.RESULTS)

    def weather(city: str, days: list[int] | None = None) -> str:
        """Tell the weather."""
        return next(results)

    config = types.GenerateContentConfig(tools=[weather])
    book.answered(client.models.generate_content(model=target.model, contents=book.CALLS, config=config).text)


def picture(target: Target) -> None:
    """A picture in base64."""
    seen = types.Part.from_bytes(data=base64.b64decode(book.PICTURE), mime_type="image/png")
    book.said(ask(["look", seen], target.model).text, "look", "pictures: 1")


def structured(target: Target) -> None:
    """An answer by a schema."""
    done = ask("weather", target.model, response_mime_type="application/json", response_json_schema=book.ANSWER)
    check(json.loads(done.text), {"city": "Köln", "degrees": 21})


def reasoning(target: Target) -> None:
    """Thinking, with a call and its result in the next request, which takes the thoughts along."""
    config: Any = {"thinking_config": types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)}
    done = ask(book.CALLS, target.model, tools=[{"function_declarations": [DECLARED]}], **config)
    _round(target, done.candidates[0].content.parts, **config)
    _one_call(target, book.TOOL[0], {"city": "Rome"}, book.SCHEMA, **config)


def tokens(target: Target) -> None:
    """Tokens are counted, or estimated."""
    check(client.models.count_tokens(model=target.model, contents="hello").total_tokens > 0)


def errors(target: Target) -> None:
    """What the provider refuses, cannot do now, or will not do for this key."""
    for status in book.STATUSES:
        seen = (status,) if status in (400, 429) else (502, 503)
        model = target.failing(str(status))
        fails(lambda: ask(f"[status {status}]", model), problems.APIError, *seen)  # noqa: B023 - called at once


def breaks(target: Target) -> None:
    """A stream that breaks off is an error, never an end."""
    chunks: list[Any] = []

    def read() -> None:
        chunks.extend(client.models.generate_content_stream(model=target.failing("break"), contents="[break]"))

    fails(read, problems.APIError)
    check([chunk for chunk in chunks if chunk.candidates and chunk.candidates[0].finish_reason], [])


def vectors(target: Target) -> None:
    """Vectors of one text and of several."""
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=3)
    found = client.models.embed_content(model=target.vectors, contents=["a", "bcd"], config=config)
    check([row.values for row in found.embeddings], [[1.0, 0.5, -0.25], [3.0, 0.5, -0.25]])
    check(client.models.embed_content(model=target.vectors, contents="abc").embeddings[0].values[0], 3.0)


def models(target: Target) -> None:
    """The list has it."""
    check(f"models/{target.chat}" in [model.name for model in client.models.list()])
    check(client.models.get(model=target.model).name, f"models/{target.chat}")


if __name__ == "__main__":
    every = (
        *(plain, stream, tools, tools_stream, by_itself, picture, structured, reasoning, bare_tool, long_name, forced),
        *(tokens, errors, breaks, vectors, models),
    )
    book.run({case.__name__: case for case in every})
