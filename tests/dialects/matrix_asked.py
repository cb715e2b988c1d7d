"""What each kind of client asks in the cases of the golden matrix: the same wishes, in every dialect in front."""

from typing import Any

LOOK = {
    "name": "look",
    "description": "Looks at a place.",
    "schema": {
        "type": "object",
        "properties": {"where": {"type": "string"}, "how": {"$ref": "#/$defs/how"}},
        "required": ["where"],
        "additionalProperties": False,
        "$defs": {"how": {"type": "object", "properties": {"deep": {"type": "integer"}}}},
    },
}
ANSWER = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 1}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJcOkw7zDtsOfCg=="
SYSTEM = "Be brief. \u00dcberall."
ASK = "Where is it? \U0001f600"
FIRST = '{"where":"left","how":{"deep":12345678901234567890}}'
SECOND = '{"where": "r\u00e9chts"}'

SCENARIOS = {
    "words": "a system message, one turn, limits, sampling; words come back, some tokens from a cache",
    "calls": "tools, two calls of the past with their results and words behind them; words and two calls come back",
    "stream_thoughts": "a stream: thoughts, words, usage",
    "stream_calls": "a stream: words and two calls, whose arguments interleave where the provider's dialect lets them",
    "picture": "a picture and a PDF as data; the answer is cut at its limit",
    "schema": "an answer by a JSON Schema, and how much to think",
    "refused": "the provider refuses for a while, with a time to wait",
    "broken": "a stream that breaks with an error after its first words",
}

Wish = dict[str, Any]


def _chat() -> dict[str, Wish]:
    function = {"name": "look", "description": LOOK["description"], "parameters": LOOK["schema"]}
    hello = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": ASK}]
    calls = [
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": FIRST}},
        {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": SECOND}},
    ]
    past = [
        {"role": "user", "content": ASK},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": "nothing"},
        {"role": "tool", "tool_call_id": "call_2", "content": '{"found": "keys"}'},
        {"role": "user", "content": "Go on."},
    ]
    tools = {"tools": [{"type": "function", "function": function}]}
    stream = {"stream": True, "stream_options": {"include_usage": True}}
    parts = [
        {"type": "text", "text": ASK},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
        {"type": "file", "file": {"filename": "plan.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
    ]
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": ANSWER, "strict": True}}
    return {
        "words": {"messages": hello, "max_tokens": 200, "temperature": 1.5, "top_p": 0.9, "stop": "END", "seed": 7},
        "calls": {"messages": past, **tools, "tool_choice": "required", "parallel_tool_calls": False},
        "stream_thoughts": {"messages": hello, "reasoning_effort": "low", "max_completion_tokens": 4000, **stream},
        "stream_calls": {"messages": hello[1:], **tools, **stream},
        "picture": {"messages": [{"role": "user", "content": parts}], "max_tokens": 20},
        "schema": {"messages": hello, "response_format": form, "reasoning_effort": "medium"},
        "refused": {"messages": hello[1:]},
        "broken": {"messages": hello[1:], "stream": True},
    }


def _responses() -> dict[str, Wish]:
    tool = {"type": "function", "name": "look", "description": LOOK["description"], "parameters": LOOK["schema"]}
    hello = {"instructions": SYSTEM, "input": ASK}
    past = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": ASK}]},
        {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": FIRST},
        {"type": "function_call", "call_id": "call_2", "name": "look", "arguments": SECOND},
        {"type": "function_call_output", "call_id": "call_1", "output": "nothing"},
        {"type": "function_call_output", "call_id": "call_2", "output": '{"found": "keys"}'},
        {"role": "user", "content": "Go on."},
    ]
    parts = [
        {"type": "input_text", "text": ASK},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
        {"type": "input_file", "filename": "plan.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
    ]
    form = {"format": {"type": "json_schema", "name": "place", "schema": ANSWER, "strict": True}}
    return {
        "words": {**hello, "max_output_tokens": 200, "temperature": 1.5, "top_p": 0.9, "store": False},
        "calls": {"input": past, "tools": [tool], "tool_choice": "required", "parallel_tool_calls": False},
        "stream_thoughts": {**hello, "reasoning": {"effort": "low", "summary": "auto"}, "stream": True},
        "stream_calls": {"input": ASK, "tools": [tool], "stream": True},
        "picture": {"input": [{"role": "user", "content": parts}], "max_output_tokens": 20},
        "schema": {**hello, "text": form, "reasoning": {"effort": "medium"}},
        "refused": {"input": ASK},
        "broken": {"input": ASK, "stream": True},
    }


def _anthropic() -> dict[str, Wish]:
    tool = {"name": "look", "description": LOOK["description"], "input_schema": LOOK["schema"]}
    hello = [{"role": "user", "content": ASK}]
    past = [
        {"role": "user", "content": ASK},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "call_1", "name": "look", "input": {"where": "left", "how": {"deep": 12}}},
                {"type": "tool_use", "id": "call_2", "name": "look", "input": {"where": "r\u00e9chts"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "nothing", "is_error": True},
                {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "keys"}]},
                {"type": "text", "text": "Go on."},
            ],
        },
    ]
    choice = {"type": "any", "disable_parallel_tool_use": True}
    parts = [
        {"type": "text", "text": ASK, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {
            "type": "document",
            "title": "plan.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        },
    ]
    sampling = {"temperature": 0.9, "top_p": 0.9, "top_k": 5, "stop_sequences": ["END"]}
    form = {"format": {"type": "json_schema", "schema": ANSWER}, "effort": "medium"}
    return {
        "words": {"system": [{"type": "text", "text": SYSTEM}], "messages": hello, "max_tokens": 200, **sampling},
        "calls": {"messages": past, "max_tokens": 900, "tools": [tool], "tool_choice": choice},
        "stream_thoughts": {
            "system": SYSTEM,
            "messages": hello,
            "max_tokens": 4000,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "stream": True,
        },
        "stream_calls": {"messages": hello, "max_tokens": 900, "tools": [tool], "stream": True},
        "picture": {"messages": [{"role": "user", "content": parts}], "max_tokens": 20},
        "schema": {"system": SYSTEM, "messages": hello, "max_tokens": 900, "output_config": form},
        "refused": {"messages": hello, "max_tokens": 900},
        "broken": {"messages": hello, "max_tokens": 900, "stream": True},
    }


def _gemini() -> dict[str, Wish]:
    tool = {"name": "look", "description": LOOK["description"], "parametersJsonSchema": LOOK["schema"]}
    tools = {"tools": [{"functionDeclarations": [tool]}]}
    hello = [{"role": "user", "parts": [{"text": ASK}]}]
    system = {"systemInstruction": {"parts": [{"text": SYSTEM}]}}
    first = {"where": "left", "how": {"deep": 12345678901234567890}}
    past = [
        *hello,
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "look", "args": first}, "thoughtSignature": "c2lnbmVk"},
                {"functionCall": {"name": "look", "args": {"where": "r\u00e9chts"}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "look", "response": {"output": "nothing"}}},
                {"functionResponse": {"name": "look", "response": {"found": "keys"}}},
                {"text": "Go on."},
            ],
        },
    ]
    parts = [
        {"text": ASK},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
    ]
    sampling = {"maxOutputTokens": 200, "temperature": 1.5, "topP": 0.9, "topK": 5, "stopSequences": ["END"], "seed": 7}
    form = {"responseMimeType": "application/json", "responseJsonSchema": ANSWER}
    return {
        "words": {**system, "contents": hello, "generationConfig": sampling},
        "calls": {"contents": past, **tools, "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        "stream_thoughts": {
            **system,
            "contents": hello,
            "generationConfig": {"thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True}},
        },
        "stream_calls": {"contents": hello, **tools},
        "picture": {"contents": [{"role": "user", "parts": parts}], "generationConfig": {"maxOutputTokens": 20}},
        "schema": {
            **system,
            "contents": hello,
            "generationConfig": form | {"thinkingConfig": {"thinkingBudget": 8192}},
        },
        "refused": {"contents": hello},
        "broken": {"contents": hello},
    }


def _ollama() -> dict[str, Wish]:
    function = {"name": "look", "description": LOOK["description"], "parameters": LOOK["schema"]}
    tools = {"tools": [{"type": "function", "function": function}]}
    hello = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": ASK}]
    first = {"where": "left", "how": {"deep": 12345678901234567890}}
    calls = [{"function": {"name": "look", "arguments": value}} for value in (first, {"where": "r\u00e9chts"})]
    past = [
        {"role": "user", "content": ASK},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_name": "look", "content": "nothing"},
        {"role": "tool", "tool_name": "look", "content": '{"found": "keys"}'},
        {"role": "user", "content": "Go on."},
    ]
    options = {"num_predict": 200, "temperature": 1.5, "top_p": 0.9, "top_k": 5, "stop": ["END"], "seed": 7}
    plain = {"stream": False}
    return {
        "words": {"messages": hello, "options": options | {"num_ctx": 8192}, "keep_alive": "5m", **plain},
        "calls": {"messages": past, **tools, **plain},
        "stream_thoughts": {"messages": hello, "think": "low"},
        "stream_calls": {"messages": hello[1:], **tools},
        "picture": {
            "messages": [{"role": "user", "content": ASK, "images": [PNG]}],
            "options": {"num_predict": 20},
            **plain,
        },
        "schema": {"messages": hello, "format": ANSWER, "think": True, **plain},
        "refused": {"messages": hello[1:], **plain},
        "broken": {"messages": hello[1:]},
    }


def _completions() -> dict[str, Wish]:
    hello = {"prompt": ASK}
    return {
        "words": {**hello, "max_tokens": 200, "temperature": 1.5, "top_p": 0.9, "stop": "END", "seed": 7},
        "stream_thoughts": {**hello, "stream": True, "stream_options": {"include_usage": True}},
        "picture": {**hello, "max_tokens": 20},
        "refused": hello,
        "broken": {**hello, "stream": True},
    }


CLIENTS: dict[str, dict[str, Wish]] = {
    "chat": _chat(),
    "completions": _completions(),
    "responses": _responses(),
    "anthropic": _anthropic(),
    "gemini": _gemini(),
    "ollama": _ollama(),
}
"""By client, then by scenario; the model's name is put in by who asks. Completions know no tools and no schemas."""
