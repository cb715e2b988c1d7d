"""The golden matrix: cases of a client and a provider, each rendered as one page with its four sides.

A page shows what the client asks, what the provider is asked, what it answers and what the client gets. JSON is laid
out for reading, its tokens untouched; streams are as they are. `python tests/dialects/matrix.py` writes the pages
anew, for `git diff` to show what changed; the tests only compare.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from app.dialects import anthropic, cohere, gemini, ollama, openai_chat, openai_completions, responses
from app.dialects.paths import fill
from app.dialects.translation import Translation
from app.domain.chat import ApiRequest
from app.domain.faults import Fault, FaultError, InBandError
from app.engine import wire
from app.engine.bus import Bus
from app.engine.provider import Provider
from app.net.faults import fault_from_error, fault_from_status
from app.providers.registry import Registry
from app.store.settings import Provider as Settings
from dialects import matrix_answered, matrix_asked, matrix_tricky

FOLDER = Path(__file__).parent / "golden" / "matrix"
DIALECTS: dict[str, ModuleType] = {
    "chat": openai_chat,
    "completions": openai_completions,
    "responses": responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "ollama": ollama,
    "cohere": cohere,
}
ROWS = {"azure": "azure-deployments", "bedrock": "bedrock-claude"}
"""Providers that speak another's dialect in their own way: the row of the catalog that knows it."""

CLIENTS = tuple(matrix_asked.CLIENTS)
PASSED = {("completions", "chat"), ("completions", "azure")}
"""Who is passed through although the names differ: providers of OpenAI's dialect have completions of their own."""

PROVIDERS = tuple(matrix_answered.PROVIDERS)
MODELS = {"anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash", "azure": "my-deployment"} | {
    "bedrock": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
}
"""How providers call the model; where nothing is known of it, `model-1`."""

_WIDTH = 110
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_TIMES = re.compile(r'("(?:total|prompt_eval|eval)_duration":)\d+')


@dataclass(frozen=True)
class Case:
    """One case: `asked` without the model's name, and what the provider answers with its status."""

    name: str
    client: str
    provider: str
    asked: dict[str, Any] | str
    answer: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    model: str = ""
    says: str = ""

    @property
    def page(self) -> Path:
        """Where its page is."""
        return FOLDER / f"{self.name}.txt"

    @property
    def stream(self) -> bool:
        """Whether the client asks for a stream; where the path says so, the kind of answer does."""
        if self.client == "gemini":
            return self.answer.startswith(("data:", "event:", ":", '{"model":"local"'))
        sent = json.loads(self.body)
        return bool(sent.get("stream", self.client == "ollama"))

    @property
    def body(self) -> bytes:
        """What the client sends."""
        if isinstance(self.asked, str):
            return self.asked.encode()
        named = self.asked if self.client == "gemini" else {"model": "acme/m", **self.asked}
        return json.dumps(named, ensure_ascii=False).encode()


def scenarios() -> Iterator[Case]:
    """Every scenario for every client and provider."""
    for provider, answers in matrix_answered.PROVIDERS.items():
        for scenario, (status, answer) in answers().items():
            for client, wishes in matrix_asked.CLIENTS.items():
                if scenario not in wishes or (client, provider) in PASSED:
                    continue
                headers = {"retry-after": "7"} if status == 429 else {}
                name = f"{scenario}/{client}-{provider}"
                says = matrix_asked.SCENARIOS[scenario]
                yield Case(name, client, provider, wishes[scenario], answer, status, headers, says=says)


# -- pages


def render(case: Case) -> str:
    """The page of a case."""
    client = DIALECTS[case.client]
    request = _parsed(case, client)
    joined = _joined(case, client)
    title = f"{case.name}: {case.says}" if case.says else case.name
    sides = [f"# {title}\n", _side(f"The client asks ({case.client})", case.body)]
    if isinstance(request, Fault):
        return "\n".join([*sides, _refusal(client, request)])
    try:
        path, body, dropped = _up(joined, request, case)
    except FaultError as error:
        return "\n".join([*sides, _refusal(client, error.fault)])
    named = f"\nleft out: {', '.join(dropped)}" if dropped else ""
    sides.append(_side(f"The provider is asked ({case.provider}): POST {path}{named}", body))
    sides.append(_side(f"The provider answers{_status(case.status)}", case.answer.encode()))
    return "\n".join([*sides, _down(case, joined, request)])


def _parsed(case: Case, client: ModuleType) -> ApiRequest | Fault:
    try:
        if client is gemini:
            return gemini.parse_request(case.body, "acme/m", stream=case.stream)
        request: ApiRequest = client.parse_request(case.body)
    except FaultError as error:
        return error.fault
    return request


def _joined(case: Case, client: ModuleType) -> Any:
    """What joins the two: the dialect itself where both speak the same."""
    if case.provider in ROWS:
        joined = wire.between(client, row(case).spec)  # type: ignore[arg-type]  # a module fulfils the protocol
        if isinstance(joined, Translation):
            joined._clock = lambda: 1_760_000_000.0
        return joined
    provider = DIALECTS[case.provider]
    return client if client is provider else Translation(client, provider, clock=lambda: 1_760_000_000.0)


def _up(joined: Any, request: ApiRequest, case: Case) -> tuple[str, bytes, tuple[str, ...]]:
    model = case.model or MODELS.get(case.provider, "model-1")
    if case.provider in ROWS:
        sent = wire.write(joined, request, row(case), model, "")
        return sent.path, sent.body, sent.dropped
    if isinstance(joined, Translation):
        written = joined.write(request, model)
        return written.path, written.body, written.dropped
    path = joined.STREAM_PATH if request.stream else joined.PATH
    return fill(path, model), joined.build_request(request, model), ()


def row(case: Case) -> Provider:
    """The provider of a row, which is never asked anything."""
    kind = ROWS[case.provider]
    settings = Settings(id=case.provider, kind=kind, base_url="https://api.example.com")
    return Provider(settings, Registry.load(lambda: ()).get(kind), None, Bus())


def _down(case: Case, joined: Any, request: ApiRequest) -> str:
    """What the client gets."""
    sent = case.answer.encode()
    if case.status != 200:
        error = joined.parse_fault(sent)
        return _refusal(joined, fault_from_status("Acme", case.status, case.headers, error, 0.0))
    try:
        if request.stream:
            return _side("The client gets", _streamed(joined, request, sent))
        return _side("The client gets", joined.parse_reply(request, sent).body)
    except InBandError as error:
        return _refusal(joined, fault_from_error("Acme", error.error))
    except FaultError as error:
        return _refusal(joined, error.fault)


def _streamed(joined: Any, request: ApiRequest, sent: bytes) -> bytes:
    stream = joined.open_stream(request)
    out: bytes = stream.feed(sent) + stream.finish()
    if stream.error is not None:
        fault = fault_from_error("Acme", stream.error)
        if not stream.committed:
            raise FaultError(fault)
        return out + bytes(joined.render_stream_fault(fault, "req_1"))
    return out if stream.complete else out + b"(the stream broke off)\n"


def _status(status: int) -> str:
    return "" if status == 200 else f": {status}"


def _refusal(dialect: Any, fault: Fault) -> str:
    later = f"\nretry-after: {fault.retry_after_s:g}" if fault.retry_after_s is not None else ""
    return _side(f"The client gets: {fault.status}{later}", dialect.render_fault(fault, "req_1"))


def _side(title: str, body: bytes) -> str:
    text = body.decode().replace("\r", "")
    text = layout(text) + "\n" if _is_json(text) else _TIMES.sub(r"\g<1>0", text)
    return f"## {title}\n\n{text}"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def layout(text: str) -> str:
    """JSON laid out for reading: what fits is on one line; every token stays as it is."""
    return "".join(_lay(iter(_tree(iter(_TOKEN.findall(text)))), 0))


def _tree(tokens: Iterator[str]) -> Iterator[Any]:
    """The tokens with everything in brackets as a list."""
    for token in tokens:
        if token in "{[":
            yield [token, *_tree(tokens)]
        elif token in "}]":
            yield token
            return
        else:
            yield token


def _flat(item: Any) -> str:
    if isinstance(item, str):
        return {",": ", ", ":": ": "}.get(item, item)
    return "".join(map(_flat, item))


def _lay(items: Iterator[Any], depth: int) -> Iterator[str]:
    for item in items:
        if isinstance(item, str) or len(_flat(item)) + 2 * depth <= _WIDTH or len(item) <= 2:
            yield _flat(item)
            continue
        indent = "  " * (depth + 1)
        yield f"{item[0]}\n{indent}"
        for part in item[1:-1]:
            yield f",\n{indent}" if part == "," else "".join(_lay(iter([part]), depth + 1))
        yield f"\n{'  ' * depth}{item[-1]}"


def tricky() -> Iterator[Case]:
    """Every case that proxies of this kind get wrong."""
    for name, client, provider, asked, (status, answer), model in matrix_tricky.cases():
        yield Case(f"tricky/{name}", client, provider, asked, answer, status, model=model)


def cases() -> list[Case]:
    """All cases."""
    return [*scenarios(), *tricky()]


def main() -> None:
    """Write every page, and take away those of no case."""
    found = cases()
    pages = {case.page: render(case) for case in found}
    for path in FOLDER.rglob("*.txt"):
        if path not in pages:
            path.unlink()
    for path, text in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(pages)} pages in {FOLDER}")


if __name__ == "__main__":
    main()
