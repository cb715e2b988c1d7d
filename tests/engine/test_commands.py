"""The commands without a server; with one they are in test_runtime.py. The keyring is in memory, nothing is served."""

from pathlib import Path

import pytest

from app.domain.chat import ApiRequest, Operation
from app.domain.faults import Fault, FaultKind
from app.domain.models import ModelInfo
from app.domain.secret import Secret
from app.domain.usage import UsageSource
from app.engine import commands
from app.engine.router import Candidate
from app.runtime import Runtime
from app.store.memory_keyring import MemoryKeyring
from app.store.paths import Paths
from app.store.secrets import KeyringProblem, KeyStore
from app.store.settings_errors import SettingsError

KEY = Secret("sk-test-0123456789abcdef")
NEAR = "http://127.0.0.1:9/v1"


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    environ = {"SWITCHTOWER_HOME": str(tmp_path), "SWITCHTOWER_TOKEN": "sk-local-test-0123456789"}
    paths = Paths.from_environ(environ)
    paths.prepare()
    return Runtime(paths, environ, keys=KeyStore(environ, backend=MemoryKeyring()))


async def test_a_provider_is_added_with_its_key_and_removed_with_it(runtime: Runtime) -> None:
    assert await runtime.add_provider("openai", key=KEY) == "openai"
    assert await runtime.keys.provider_key("openai", "api.openai.com", "keyring") == KEY
    assert KEY.reveal() not in runtime.paths.settings_file.read_text()
    await runtime.remove_provider("openai")
    assert await runtime.keys.provider_key("openai", "api.openai.com", "keyring") is None
    assert runtime.settings.providers == ()


async def test_a_cloud_without_a_key_uses_the_login_of_this_machine(runtime: Runtime) -> None:
    url = "https://us-central1-aiplatform.googleapis.com/v1/projects/mine/locations/us-central1"
    assert await runtime.add_provider("vertex", base_url=url) == "vertex"
    added = runtime.settings.provider("vertex")
    assert added is not None
    assert added.key == "default"
    await runtime.set_key("vertex", Secret('{\n "type": "service_account"\n}'))
    kept = await runtime.keys.provider_key("vertex", "us-central1-aiplatform.googleapis.com", "keyring")
    assert kept == Secret('{"type":"service_account"}')
    changed = runtime.settings.provider("vertex")
    assert changed is not None
    assert changed.key == "keyring"


async def test_without_a_key_none_is_asked_for(runtime: Runtime) -> None:
    await runtime.add_provider("openai-compatible", provider_id="mine", base_url=NEAR)
    added = runtime.settings.provider("mine")
    assert added is not None
    assert (added.key, added.base_url) == ("none", NEAR)


async def test_a_key_that_cannot_be_stored_adds_nothing(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: str) -> None:
        raise RuntimeError("locked")

    monkeypatch.setattr(MemoryKeyring, "set_password", broken)
    with pytest.raises(KeyringProblem):
        await runtime.add_provider("openai", key=KEY)
    assert runtime.settings.providers == ()


async def test_a_provider_that_was_added_without_a_key_can_be_given_one(runtime: Runtime) -> None:
    await runtime.add_provider("openai-compatible", provider_id="mine", base_url=NEAR)
    await runtime.set_key("mine", KEY)
    given = runtime.settings.provider("mine")
    assert given is not None
    assert given.key == "keyring"
    assert runtime.fleet.providers[0]._credential is not None


async def test_what_is_not_there_is_refused(runtime: Runtime) -> None:
    with pytest.raises(SettingsError):
        await runtime.enable_provider("nobody", enabled=False)
    with pytest.raises(SettingsError):
        await runtime.force_provider("nobody")
    with pytest.raises(KeyError):
        await runtime.test_provider("nobody")


ASKED = ApiRequest(Operation.CHAT, "mine", stream=False, body=b'{"model":"mine","messages":[]}')


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whose counter was asked, and the models for which was counted here; counters of Anthropic's know the answer."""
    asked: list[str] = []

    async def count(request: ApiRequest, candidate: Candidate, dialect: str) -> int | None:
        asked.append(candidate.provider.id)
        return 7 if candidate.provider.spec.dialect == dialect else None

    async def count_request(body: bytes, model: str, tokenizer: object) -> tuple[int, UsageSource]:
        asked.append(model)
        return 8, UsageSource.ESTIMATE

    monkeypatch.setattr(commands, "count", count)
    monkeypatch.setattr(commands, "count_request", count_request)
    return asked


async def test_tokens_are_counted_by_whoever_would_answer(runtime: Runtime, counters: list[str]) -> None:
    for one in ("a", "b"):
        await runtime.add_provider("anthropic", provider_id=one, key=KEY)
    assert await runtime.counted(ASKED, "anthropic") == (7, UsageSource.PROVIDER)
    first, second = (provider.guard for provider in runtime.fleet.providers)
    first.failed(first.enter("mine"), Fault(FaultKind.AUTH, "The key was refused.", provider="a"))
    await runtime.counted(ASKED, "anthropic")
    assert counters == ["a", "b"]
    second.failed(second.enter("mine"), Fault(FaultKind.AUTH, "The key was refused.", provider="b"))
    assert await runtime.counted(ASKED, "anthropic") == (8, UsageSource.ESTIMATE)
    assert counters == ["a", "b", "mine"], "nobody who is left alone is asked"


async def test_another_than_who_would_answer_counts_nothing(runtime: Runtime, counters: list[str]) -> None:
    await runtime.add_provider("openai", provider_id="first", key=KEY)
    await runtime.add_provider("anthropic", provider_id="second", key=KEY)
    openai = runtime.fleet.providers[0]
    openai.catalogue.replace((ModelInfo("mine", base="gpt-4o"),))
    assert await runtime.counted(ASKED, "anthropic") == (8, UsageSource.ESTIMATE)
    assert counters == ["first", "gpt-4o"], "by the name of the model behind the user's own"


async def test_tokens_for_whom_nobody_may_answer_are_counted_all_the_same(
    runtime: Runtime, counters: list[str]
) -> None:
    assert await runtime.counted(ASKED, "anthropic") == (8, UsageSource.ESTIMATE)
    assert counters == ["mine"]
