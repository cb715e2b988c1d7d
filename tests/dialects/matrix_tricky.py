"""The cases that proxies of this kind get wrong, one page of the golden matrix each; `docs/dialects.md` lists them."""

import json
from collections.abc import Iterator
from typing import Any

from dialects import matrix_answered as answered
from dialects.matrix_answered import Answer, stream
from dialects.matrix_asked import ANSWER, LOOK, PDF, PNG

HI: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
HI_GEMINI = [{"role": "user", "parts": [{"text": "Hi"}]}]
FUNCTION = {"type": "function", "function": {"name": "look", "parameters": LOOK["schema"]}}
NO_ARGUMENTS = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
LONG_FUNCTION = {"type": "function", "function": {"name": f"mcp__server.one__{'do_something_' * 5}now"}}
SENT_NAME = "mcp__server_one__do_something_do_something_do_something_66af9fe1"
TOOL = {"name": "look", "input_schema": LOOK["schema"]}
STREAM = {"stream": True, "stream_options": {"include_usage": True}}


def call(call_id: str, arguments: str, name: str = "look", **more: Any) -> dict[str, Any]:
    """A call in a chat message."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def turn(*calls: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A chat client's turn of the assistant with calls."""
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def result(call_id: str, content: Any) -> dict[str, Any]:
    """A chat client's result of a tool."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def chat(messages: list[dict[str, Any]] = HI, **more: Any) -> dict[str, Any]:
    """What a chat client asks."""
    return {"messages": messages, **more}


def claude(messages: list[dict[str, Any]] = HI, **more: Any) -> dict[str, Any]:
    """What an Anthropic client asks."""
    return {"messages": messages, "max_tokens": 2000, **more}


REQUESTS: dict[str, tuple[str, str, dict[str, Any] | str]] = {
    # name: client, provider, what is asked; the provider's answer is the usual one
    "stop_string": ("chat", "anthropic", chat(stop="END")),
    "no_limit": ("chat", "anthropic", chat()),
    "two_results": (
        "chat",
        "anthropic",
        chat([*HI, turn(call("a", "{}"), call("b", "{}")), result("a", "1"), result("b", "2"), *HI], tools=[FUNCTION]),
    ),
    "blank_text_beside_a_call": (
        "chat",
        "anthropic",
        chat([*HI, turn(call("a", "{}")) | {"content": " \n"}, result("a", "1")], tools=[FUNCTION]),
    ),
    "empty_arguments": ("chat", "anthropic", chat([*HI, turn(call("a", "")), result("a", "1")], tools=[FUNCTION])),
    "empty_arguments_to_gemini": (
        "chat",
        "gemini",
        chat([*HI, turn(call("a", "")), result("a", "1")], tools=[FUNCTION]),
    ),
    "invalid_arguments": (
        "chat",
        "anthropic",
        chat([*HI, turn(call("a", '{"where": "le')), result("a", "1")], tools=[FUNCTION]),
    ),
    "definitions_in_a_schema": ("chat", "anthropic", chat(tools=[FUNCTION])),
    "definitions_in_a_schema_to_gemini": ("chat", "gemini", chat(tools=[FUNCTION])),
    "no_parallel_calls": ("chat", "anthropic", chat(tools=[FUNCTION], parallel_tool_calls=False)),
    "no_parallel_calls_from_anthropic": (
        "anthropic",
        "chat",
        claude(tools=[TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    ),
    "no_tools_wanted": ("chat", "anthropic", chat(tools=[FUNCTION], tool_choice="none")),
    "no_tools_wanted_to_gemini": ("chat", "gemini", chat(tools=[FUNCTION], tool_choice="none")),
    "one_tool_wanted": (
        "chat",
        "anthropic",
        chat(tools=[FUNCTION], tool_choice={"type": "function", "function": {"name": "look"}}),
    ),
    "warmer_than_one": ("chat", "anthropic", chat(temperature=1.7)),
    "temperature_and_top_p": ("chat", "anthropic", chat(temperature=0.5, top_p=0.9)),
    "top_k": ("anthropic", "chat", claude(top_k=40)),
    "pdf": (
        "chat",
        "anthropic",
        chat(
            [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "file",
                            "file": {"filename": "plan.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
                        },
                        {"type": "text", "text": "What is it?"},
                    ],
                }
            ]
        ),
    ),
    "pdf_from_anthropic": (
        "anthropic",
        "chat",
        claude(
            [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "document",
                            "title": "Plan",
                            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                        },
                        {"type": "text", "text": "What is it?"},
                    ],
                }
            ]
        ),
    ),
    "picture_by_address": (
        "chat",
        "ollama",
        chat(
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "https://pictures.example/cat.png"}},
                    ],
                }
            ]
        ),
    ),
    "picture_in_a_result": (
        "anthropic",
        "chat",
        claude(
            [
                *HI,
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]},
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "a",
                            "content": [
                                {"type": "text", "text": "This:"},
                                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                            ],
                        }
                    ],
                },
            ],
            tools=[TOOL],
        ),
    ),
    "picture_in_a_result_from_responses": (
        "responses",
        "anthropic",
        {
            "input": [
                {"role": "user", "content": "Hi"},
                {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"},
                {
                    "type": "function_call_output",
                    "call_id": "a",
                    "output": [{"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}],
                },
            ],
            "tools": [{"type": "function", "name": "look", "parameters": LOOK["schema"]}],
        },
    ),
    "cache_marks": (
        "chat",
        "anthropic",
        chat(
            [
                {
                    "role": role,
                    "content": [
                        {"type": "text", "text": f"{role} {at}", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                    ],
                }
                for at, role in enumerate(("system", "user", "assistant", "user", "assistant", "user"))
            ]
        ),
    ),
    "json_schema": (
        "chat",
        "anthropic",
        chat(
            response_format={
                "type": "json_schema",
                "json_schema": {
                    "name": "place",
                    "strict": True,
                    "schema": {
                        "type": "object",
                        "properties": {
                            "at": {"$ref": "#/$defs/at"},
                            "names": {"type": "array", "minItems": 2, "items": ANSWER},
                        },
                        "$defs": {"at": {"type": "object", "properties": {"x": {"type": "number", "minimum": 0}}}},
                    },
                },
            }
        ),
    ),
    "json_object": ("chat", "anthropic", chat(response_format={"type": "json_object"})),
    "effort": ("chat", "anthropic", chat(reasoning_effort="high", max_tokens=1000)),
    "effort_to_gemini": ("chat", "gemini", chat(reasoning_effort="minimal")),
    "no_effort": ("chat", "gemini", chat(reasoning_effort="none")),
    "several_texts": (
        "anthropic",
        "chat",
        claude(
            [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "Today is Friday."}, {"type": "text", "text": "Hi"}],
                },
                {"role": "assistant", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}]},
                {"role": "user", "content": "And?"},
            ],
            system=[{"type": "text", "text": "You are Claude Code."}, {"type": "text", "text": "Be brief."}],
        ),
    ),
    "allowed_tools": (
        "gemini",
        "chat",
        {
            "contents": HI_GEMINI,
            "tools": [{"functionDeclarations": [{"name": name} for name in ("look", "read", "write")]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look", "read"]}},
        },
    ),
    "budget_to_an_effort": ("anthropic", "chat", claude(thinking={"type": "enabled", "budget_tokens": 8192})),
    "ids_that_do_not_fit": (
        "chat",
        "anthropic",
        chat([*HI, turn(call("functions.look:0|x", "{}")), result("functions.look:0|x", "1")], tools=[FUNCTION]),
    ),
    "calls_without_ids": (
        "gemini",
        "anthropic",
        {
            "contents": [
                *HI_GEMINI,
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"name": "look", "args": {"where": "a"}}},
                        {"functionCall": {"name": "look", "args": {"where": "b"}}},
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"name": "look", "response": {"output": 1}}},
                        {"functionResponse": {"name": "look", "response": {"output": 2}}},
                    ],
                },
            ],
            "tools": [{"functionDeclarations": [{"name": "look"}]}],
        },
    ),
    "turns_of_one_role": (
        "chat",
        "anthropic",
        chat(
            [
                *HI,
                {"role": "user", "content": "Again"},
                {"role": "assistant", "content": "Yes?"},
                {"role": "assistant", "content": "Speak."},
                *HI,
            ]
        ),
    ),
    "assistant_first": ("chat", "anthropic", chat([{"role": "assistant", "content": "Welcome."}, *HI])),
    "begun_answer": ("chat", "anthropic", chat([*HI, {"role": "assistant", "content": "The answer is "}])),
    "begun_answer_to_gemini": ("anthropic", "gemini", claude([*HI, {"role": "assistant", "content": "It is"}])),
    "several_answers": ("chat", "anthropic", chat(n=2)),
    "several_answers_to_gemini": ("chat", "gemini", chat(n=2)),
    "logit_bias": ("chat", "anthropic", chat(logit_bias={"50256": -100})),
    "speaker_names": ("chat", "anthropic", chat([{"role": "user", "name": "anna", "content": "Hi"}])),
    "system_in_the_middle": (
        "chat",
        "anthropic",
        chat(
            [
                {"role": "system", "content": "One."},
                *HI,
                {"role": "assistant", "content": "Hello"},
                {"role": "system", "content": "Two."},
                *HI,
            ]
        ),
    ),
    "developer": ("responses", "chat", {"input": [{"role": "developer", "content": "Be brief."}, *HI]}),
    "unknown_part": (
        "chat",
        "anthropic",
        chat([{"role": "user", "content": [{"type": "hologram", "hologram": {"x": 1}}]}]),
    ),
    "sound": (
        "chat",
        "anthropic",
        chat(
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                    ],
                }
            ]
        ),
    ),
    "empty_contents": (
        "chat",
        "anthropic",
        chat([*HI, {"role": "assistant", "content": ""}, {"role": "user", "content": "Still there?"}]),
    ),
    "failed_tool": (
        "anthropic",
        "gemini",
        claude(
            [
                *HI,
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]},
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "a", "content": "No such place.", "is_error": True},
                    ],
                },
            ],
            tools=[TOOL],
        ),
    ),
    "big_numbers": (
        "chat",
        "anthropic",
        chat(
            [*HI, turn(call("a", '{"n": 123456789012345678901234567890, "f": 1.10}')), result("a", "1")],
            tools=[FUNCTION],
        ),
    ),
    "lone_surrogate": (
        "chat",
        "anthropic",
        '{"model":"acme/m","messages":[{"role":"user","content":"cut \\ud83d"}]}',
    ),
    "thoughts_of_another": (
        "chat",
        "anthropic",
        chat([*HI, {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}, *HI]),
    ),
    "signed_thoughts_come_back": (
        "chat",
        "anthropic",
        chat(
            [
                *HI,
                turn(
                    call("a", "{}"),
                    reasoning_details=[
                        {
                            "type": "reasoning.text",
                            "text": "Hm.",
                            "signature": "U0lHTkVE",
                            "format": "anthropic-claude-v1",
                            "index": 0,
                        },
                    ],
                ),
                result("a", "1"),
            ],
            tools=[FUNCTION],
            reasoning_effort="low",
        ),
    ),
    "signature_of_a_call_comes_back": (
        "chat",
        "gemini",
        chat(
            [*HI, turn(call("a", "{}", extra_content={"google": {"thought_signature": "c2lnbmVk"}})), result("a", "1")],
            tools=[FUNCTION],
        ),
    ),
    "first_call_without_signature": (
        "anthropic",
        "gemini-3",
        claude(
            [
                *HI,
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]},
            ],
            tools=[TOOL],
        ),
    ),
    "custom_tool": (
        "responses",
        "chat",
        {
            "input": [
                {"role": "user", "content": "Hi"},
                {"type": "custom_tool_call", "call_id": "a", "name": "apply_patch", "input": "*** Begin\n+x"},
                {"type": "custom_tool_call_output", "call_id": "a", "output": "done"},
            ],
            "tools": [
                {
                    "type": "custom",
                    "name": "apply_patch",
                    "description": "Patches.",
                    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"},
                }
            ],
        },
    ),
    "tools_of_the_providers_own": (
        "responses",
        "anthropic",
        {
            "input": "Hi",
            "tools": [{"type": "web_search"}, {"type": "function", "name": "look", "parameters": LOOK["schema"]}],
        },
    ),
    "code_interpreter": (
        "responses",
        "anthropic",
        {"input": "Hi", "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
    ),
    "stored_response": ("responses", "anthropic", {"input": "Go on.", "previous_response_id": "resp_1"}),
    "long_tool_name": (
        "chat",
        "anthropic",
        chat(tools=[LONG_FUNCTION]),
    ),
}


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a chat stream; without a delta one that has no choices."""
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1760000000, "model": "gpt-x"}
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {**head, "choices": choices, **more}


def piece(index: int | None, arguments: str | None, call_id: str = "", name: str | None = None) -> dict[str, Any]:
    """A delta with a piece of a call."""
    inner = {"name": name, "arguments": arguments}
    fragment: dict[str, Any] = {"function": {key: value for key, value in inner.items() if value is not None}}
    fragment |= ({} if index is None else {"index": index}) | ({"id": call_id, "type": "function"} if call_id else {})
    return chunk({"tool_calls": [fragment]})


USAGE = {"prompt_tokens": 30, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 20}}
ROLE = chunk({"role": "assistant", "content": ""})


def chunks(*items: dict[str, Any], finish: str | None = "stop", done: bool = True, usage: bool = True) -> str:
    """A chat stream of these chunks."""
    end = ([chunk({}, finish)] if finish else []) + ([chunk(None, usage=USAGE)] if usage else [])
    return stream(*items, *end)[1] + ("data: [DONE]\n\n" if done else "")


def words(text: str) -> dict[str, Any]:
    """A chunk with words."""
    return chunk({"content": text})


def blocks(*items: dict[str, Any], stop: str = "end_turn") -> str:
    """An Anthropic stream of these events, with its beginning and end."""
    usage = {"input_tokens": 7, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 20, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
    end = {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 12}}
    begin = {"type": "message_start", "message": {**message, "usage": usage}}
    return stream(begin, *items, end, {"type": "message_stop"})[1]


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of one block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def thinking(index: int, text: str, signature: str = "") -> list[dict[str, Any]]:
    """The events of a thought."""
    signed = [{"type": "signature_delta", "signature": signature}] if signature else []
    deltas = [{"type": "thinking_delta", "thinking": text}] if text else []
    return block(index, {"type": "thinking", "thinking": "", "signature": ""}, *deltas, *signed)


def said(index: int, text: str) -> list[dict[str, Any]]:
    """The events of words."""
    return block(index, {"type": "text", "text": ""}, {"type": "text_delta", "text": text})


def used(index: int, call_id: str, *pieces: str) -> list[dict[str, Any]]:
    """The events of a call."""
    deltas = [{"type": "input_json_delta", "partial_json": said} for said in pieces]
    return block(index, {"type": "tool_use", "id": call_id, "name": "look", "input": {}}, *deltas)


def responses_events(*events: dict[str, Any], output: list[dict[str, Any]]) -> str:
    """A Responses stream that begins, has these events and is completed with this output."""
    head = {"id": "resp_1", "object": "response", "created_at": 1760000000, "model": "gpt-x"}
    usage = {"input_tokens": 30, "output_tokens": 12, "total_tokens": 42}
    begin = {"type": "response.created", "response": {**head, "status": "in_progress", "output": []}}
    whole = {**head, "status": "completed", "output": output, "usage": usage}
    return stream(begin, *events, {"type": "response.completed", "response": whole})[1]


FUNCTION_CALL = {
    "type": "function_call", "id": "fc_1", "call_id": "a", "name": "look", "arguments": '{"where":"left"}',
    "status": "completed",
}  # fmt: skip
ADDED = {"type": "response.output_item.added", "output_index": 0, "item": FUNCTION_CALL | {"arguments": ""}}
ITEM_DONE = {"type": "response.output_item.done", "output_index": 0, "item": FUNCTION_CALL}
ARGUMENTS = "response.function_call_arguments"
AT = {"item_id": "fc_1", "output_index": 0}
DELTAS = [{"type": f"{ARGUMENTS}.delta", **AT, "delta": said} for said in ("", '{"where":', '"left"}')]
ARGUMENTS_DONE = {"type": f"{ARGUMENTS}.done", **AT, "arguments": '{"where":"left"}'}

TO_CLAUDE = ("anthropic", "chat", claude(tools=[TOOL], stream=True))
TO_CODEX = (
    "responses",
    "chat",
    {"input": "Hi", "tools": [{"type": "function", "name": "look", "parameters": LOOK["schema"]}], "stream": True},
)
FROM_CLAUDE = ("chat", "anthropic", chat(tools=[FUNCTION], **STREAM))
FROM_RESPONSES = ("chat", "responses", chat(tools=[FUNCTION], **STREAM))

STREAMS: dict[str, tuple[tuple[str, str, dict[str, Any]], str]] = {
    "parallel_calls": (
        FROM_CLAUDE,
        blocks(*used(0, "toolu_a", '{"where":"a"}'), *used(1, "toolu_b", '{"where":"b"}'), stop="tool_use"),
    ),
    "interleaved_calls": (
        TO_CLAUDE,
        chunks(ROLE, piece(0, "", "a", "look"), piece(1, "", "b", "look"), piece(0, '{"x":{"y":'), piece(1, '{"z"'),
               piece(0, "1}}"), piece(1, ":2}"), finish="tool_calls"),
    ),
    "interleaved_calls_to_responses": (
        TO_CODEX,
        chunks(ROLE, piece(0, "", "a", "look"), piece(1, "", "b", "look"), piece(0, '{"x":{"y":'), piece(1, '{"z"'),
               piece(0, "1}}"), piece(1, ":2}"), finish="tool_calls"),
    ),
    "arguments_as_they_come": (
        TO_CLAUDE,
        chunks(ROLE, piece(0, "", "a", "look"), *(piece(0, text) for text in ('{"wh', 'ere":', '"le', 'ft"}')),
               finish="tool_calls"),
    ),
    "call_without_arguments": (
        ("anthropic", "chat", claude(tools=[{"name": "now", "input_schema": {"type": "object"}}], stream=True)),
        chunks(ROLE, piece(0, "", "a", "now"), finish="tool_calls"),
    ),
    "call_without_arguments_from_anthropic": (
        ("chat", "anthropic", chat(tools=[NO_ARGUMENTS], **STREAM)),
        blocks(*block(0, {"type": "tool_use", "id": "toolu_a", "name": "now", "input": {}},
                      {"type": "input_json_delta", "partial_json": ""}), stop="tool_use"),
    ),
    "words_and_a_call_to_responses": (
        TO_CODEX,
        chunks(ROLE, words("Let me look."), piece(0, "{}", "a", "look"), finish="tool_calls"),
    ),
    "usage_with_a_cache": (("chat", "anthropic", chat(**STREAM)), blocks(*said(0, "Hello"))),
    "usage_unasked": (("chat", "anthropic", chat(stream=True)), blocks(*said(0, "Hello"))),
    "usage_in_every_chunk": (
        TO_CLAUDE,
        chunks(ROLE | {"usage": {"prompt_tokens": 30, "completion_tokens": 1}},
               words("One") | {"usage": {"prompt_tokens": 30, "completion_tokens": 2}},
               words(" two") | {"usage": {"prompt_tokens": 30, "completion_tokens": 3}}, usage=False),
    ),
    "error_in_the_middle": (
        TO_CLAUDE,
        stream(ROLE, words("One"), {"error": {"message": "Overloaded", "code": 529}})[1],
    ),
    "error_in_the_middle_from_anthropic": (
        ("chat", "anthropic", chat(**STREAM)),
        blocks(*said(0, "One")[:2], {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ),
    "error_first": (
        ("anthropic", "chat", claude(stream=True)),
        stream(ROLE, {"error": {"message": "Overloaded", "code": 529}})[1],
    ),
    "error_in_a_good_status": (
        ("anthropic", "chat", claude()),
        json.dumps({"error": {"message": "Server is overloaded", "code": "server_is_overloaded"}}),
    ),
    "arguments_only_when_done": (
        FROM_RESPONSES,
        responses_events(ADDED, ARGUMENTS_DONE, ITEM_DONE, output=[FUNCTION_CALL]),
    ),
    "arguments_only_in_the_item": (FROM_RESPONSES, responses_events(ADDED, ITEM_DONE, output=[FUNCTION_CALL])),
    "empty_arguments_delta": (
        FROM_RESPONSES,
        responses_events(ADDED, *DELTAS, ARGUMENTS_DONE, ITEM_DONE, output=[FUNCTION_CALL]),
    ),
    "empty_list_of_calls": (
        TO_CLAUDE,
        chunks(ROLE, chunk({"content": "Hello", "tool_calls": []}), chunk({"content": " you", "tool_calls": []})),
    ),
    "second_thought": (
        TO_CLAUDE,
        chunks(ROLE, chunk({"reasoning_content": "Hm."}), words("Well."), chunk({"reasoning_content": "Or?"}),
               piece(0, "{}", "a", "look"), finish="tool_calls"),
    ),
    "extra_braces": (
        TO_CLAUDE,
        chunks(ROLE, piece(0, "{}", "a", "look"), piece(0, '{"where":'), piece(0, '"left"}'), finish="tool_calls"),
    ),
    "name_and_id_again_and_again": (
        TO_CLAUDE,
        chunks(ROLE, piece(0, '{"where":', "a", "look"), piece(0, '"left"', "a", "look"), piece(0, "}", "a", ""),
               finish="tool_calls"),
    ),
    "calls_without_an_index": (
        TO_CLAUDE,
        chunks(ROLE, piece(None, '{"where":"a"}', "a", "look"), piece(None, '{"where":"b"}', "b", "look"),
               finish="tool_calls"),
    ),
    "whole_call_in_one_chunk": (
        ("responses", "chat", TO_CODEX[2]),
        chunks(chunk({"role": "assistant", "content": None, "tool_calls": [
            {"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": '{"where":"a"}'}},
        ]}), finish="tool_calls"),
    ),
    "line_breaks_in_arguments": (
        ("ollama", "chat", chat(tools=[FUNCTION])),
        chunks(ROLE, piece(0, '{\n  "where": "left"\n}', "a", "look"), finish="tool_calls"),
    ),
    "line_breaks_in_arguments_to_gemini": (
        ("gemini", "chat", {"contents": HI_GEMINI, "tools": [{"functionDeclarations": [{"name": "look"}]}]}),
        chunks(ROLE, piece(0, '{\n  "where": "left"\n}', "a", "look"), finish="tool_calls"),
    ),
    "stop_with_calls": (TO_CLAUDE, chunks(ROLE, piece(0, "{}", "a", "look"), finish="stop")),
    "calls_without_any": (TO_CLAUDE, chunks(ROLE, words("No."), finish="tool_calls")),
    "no_role": (TO_CLAUDE, chunks(words("Hello"))),
    "no_end_mark": (TO_CLAUDE, chunks(ROLE, words("Hello"), done=False)),
    "no_finish_and_no_end_mark": (TO_CLAUDE, chunks(ROLE, words("Hello"), finish=None, done=False, usage=False)),
    "no_choices_first": (
        TO_CLAUDE,
        chunks(chunk(None, prompt_filter_results=[{"prompt_index": 0}]), ROLE, words("Hi")),
    ),
    "pings": (
        ("chat", "anthropic", chat(**STREAM)),
        blocks({"type": "ping"}, *said(0, "Hello")[:2], {"type": "ping"}, {"type": "content_block_stop", "index": 0}),
    ),
    "thought_then_words": (
        ("chat", "anthropic", chat(reasoning_effort="low", **STREAM)),
        blocks(*thinking(0, "Hm.", "U0lHTkVE"), *said(1, "Well.")),
    ),
    "thoughts_to_anthropic": (TO_CLAUDE, chunks(ROLE, chunk({"reasoning_content": "Hm."}), words("Well."))),
    "signature_without_words": (
        ("chat", "anthropic", chat(reasoning_effort="low", **STREAM)),
        blocks(*thinking(0, "", "U0lHTkVE"), *said(1, "Well.")),
    ),
    "half_a_signature": (
        ("chat", "anthropic", chat(reasoning_effort="low", **STREAM)),
        blocks(*thinking(0, "Hm.", "U0lH")[:-1], {"type": "error", "error": {"type": "api_error", "message": "Oh"}}),
    ),
    "cut_off": (
        ("chat", "gemini", chat(max_tokens=5, **STREAM)),
        stream({"candidates": [{"content": {"parts": [{"text": "Once"}]}, "finishReason": "MAX_TOKENS"}],
                "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 5}})[1],
    ),
    "filtered": (
        ("chat", "gemini", chat(**STREAM)),
        stream({"candidates": [{"finishReason": "SAFETY", "index": 0}], "usageMetadata": {"promptTokenCount": 4}})[1],
    ),
    "filtered_to_anthropic": (
        ("anthropic", "gemini", claude()),
        json.dumps({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}),
    ),
    "malformed_call": (
        ("anthropic", "gemini", claude(tools=[TOOL])),
        json.dumps({"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL",
                                    "finishMessage": "print(look("}]}),
    ),
    "refusal": (
        ("chat", "anthropic", chat()),
        json.dumps({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
                    "content": [{"type": "text", "text": "I will not."}], "stop_reason": "refusal",
                    "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 4}}),
    ),
    "refusal_to_responses": (
        ("responses", "anthropic", {"input": "Hi"}),
        json.dumps({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
                    "content": [{"type": "text", "text": "I will not."}], "stop_reason": "refusal",
                    "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 4}}),
    ),
    "stop_sequence": (
        ("anthropic", "anthropic", claude(stop_sequences=["END"])),
        json.dumps({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
                    "content": [{"type": "text", "text": "Once"}], "stop_reason": "stop_sequence",
                    "stop_sequence": "END", "usage": {"input_tokens": 3, "output_tokens": 4}}),
    ),
    "long_tool_name_called": (
        ("chat", "anthropic", chat(tools=[LONG_FUNCTION], **STREAM)),
        blocks(*block(0, {"type": "tool_use", "id": "toolu_a", "name": SENT_NAME, "input": {}}), stop="tool_use"),
    ),
    "custom_tool_called": (
        ("responses", "chat", {"input": "Hi", "stream": True, "tools": [{"type": "custom", "name": "apply_patch"}]}),
        chunks(ROLE, piece(0, "", "a", "apply_patch"), piece(0, '{"input":"*** Be'), piece(0, 'gin\\n+x"}'),
               finish="tool_calls"),
    ),
}  # fmt: skip


def cases() -> Iterator[tuple[str, str, str, dict[str, Any] | str, Answer, str]]:
    """Name, client, provider, what is asked, the answer, and the model where it matters."""
    usual = {provider: answers()["words"] for provider, answers in answered.PROVIDERS.items()}
    for name, (client, behind, asked) in REQUESTS.items():
        provider, _, version = behind.partition("-")
        yield name, client, provider, asked, usual[provider], f"gemini-{version}-pro-preview" if version else ""
    for name, ((client, provider, asked), answer) in STREAMS.items():
        yield name, client, provider, asked, (200, answer), ""
