"""How providers are built and replaced; with a server in front it is in test_runtime.py. The keyring is in memory."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.domain.faults import FaultKind
from app.domain.models import ModelInfo
from app.domain.secret import Secret
from app.engine.bus import Bus
from app.engine.fleet import Fleet
from app.engine.lists import ModelLists
from app.providers.registry import LoadFailure, Registry
from app.store.key_names import key_host
from app.store.memory_keyring import MemoryKeyring
from app.store.model_cache import ModelCache
from app.store.secrets import KeyStore
from app.store.settings import Settings

NEAR = "http://127.0.0.1:9/v1"
FAR = "https://llm.example.com/v1"


class Held:
    def __init__(self, environ: dict[str, str] | None = None) -> None:
        self.registry = Registry.load(lambda: ())
        self.keys = KeyStore(environ or {}, backend=MemoryKeyring())
        self.fleet = Fleet(self.registry, self.keys, Bus(), self.spawn)
        self.retired: list[str] = []

    def spawn(self, name: str, work: Any) -> asyncio.Task[None]:
        self.retired.append(name)
        return asyncio.get_running_loop().create_task(work)

    async def apply(self, *providers: dict[str, Any], **settings: Any) -> None:
        rows = [{"kind": "openai-compatible", "base_url": NEAR} | row for row in providers]
        await self.fleet.apply(Settings.model_validate({"providers": rows} | settings))


@pytest.fixture
def held() -> Held:
    return Held()


def problem(held: Held) -> tuple[FaultKind, str]:
    fault = held.fleet.providers[0].problem
    assert fault is not None
    return fault.kind, fault.text


async def test_what_names_a_provider_that_is_not_there_is_logged_once_for_new_settings(
    held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"id": "openai", "kind": "openai-compatible", "base_url": NEAR}]
    settings = Settings.model_validate({"providers": rows, "budgets": [{"scope": "provider:OpenAI", "action": "stop"}]})
    for _ in range(2):
        await held.fleet.apply(settings)
        (said,) = [record.getMessage() for record in caplog.records]
        assert said.startswith("settings without effect: budgets[0].scope: no provider has this id")
    await held.fleet.apply(settings.model_copy())
    assert len(caplog.records) == 2


async def test_what_did_not_change_is_kept_and_what_did_is_replaced(held: Held) -> None:
    await held.apply({"id": "a"}, {"id": "b"})
    a, b = held.fleet.providers
    b.counters.requests = 7
    await held.apply({"id": "b", "priority": 3}, {"id": "a"})
    new_b, same_a = held.fleet.providers
    assert same_a is a
    assert new_b is not b
    assert new_b.counters.requests == 7
    assert held.retired == ["retire b"]


async def test_a_list_that_was_fixed_in_the_settings_goes_with_them(held: Held) -> None:
    await held.apply({"id": "a", "models": ["m-one"]})
    await held.apply({"id": "a"})
    assert held.fleet.providers[0].catalogue.names is None
    held.fleet.providers[0].catalogue.replace((ModelInfo("m-one"), ModelInfo("m-two")), 0.0)
    await held.apply({"id": "a", "priority": 3})
    assert held.fleet.providers[0].catalogue.names == {"m-one", "m-two"}


async def test_a_removed_provider_is_retired(held: Held) -> None:
    await held.apply({"id": "a"})
    await held.apply()
    assert held.fleet.providers == ()
    assert held.retired == ["retire a"]


async def test_aliases_and_the_forced_provider_are_taken_over(held: Held) -> None:
    alias = {"name": "fast", "targets": ["a/x/y"]}
    await held.apply({"id": "a"}, aliases=[alias], routing={"forced_provider": "a"})
    assert held.fleet.routing.forced == "a"
    assert [(t.provider, t.model) for t in held.fleet.routing.aliases["fast"].targets] == [("a", "x/y")]


async def test_a_far_provider_without_a_key_says_what_to_do(held: Held) -> None:
    await held.apply({"id": "a", "base_url": FAR})
    kind, text = problem(held)
    assert kind is FaultKind.NEEDS_KEY
    assert "llm.example.com" in text
    assert "switchtower keys set a" in text


async def test_a_variable_that_is_not_set_is_named(held: Held) -> None:
    await held.apply({"id": "a", "base_url": FAR, "key": "env:NOT_SET"})
    assert "Set the environment variable NOT_SET." in problem(held)[1]


async def test_a_near_provider_needs_no_key_and_none_takes_none(held: Held) -> None:
    await held.apply({"id": "a"}, {"id": "b", "base_url": FAR, "key": "none"})
    assert [p.problem for p in held.fleet.providers] == [None, None]


async def test_the_key_belongs_to_its_host(held: Held) -> None:
    await held.keys.set_provider_key("a", "llm.example.com", Secret("sk-test-0123456789abcdef"))
    await held.apply({"id": "a", "base_url": FAR})
    assert held.fleet.providers[0].problem is None
    await held.apply({"id": "a", "base_url": "https://other.example.com/v1"})
    assert problem(held)[0] is FaultKind.NEEDS_KEY


async def test_a_forgotten_key_is_read_anew(held: Held) -> None:
    await held.apply({"id": "a", "base_url": FAR})
    await held.keys.set_provider_key("a", "llm.example.com", Secret("sk-test-0123456789abcdef"))
    await held.apply({"id": "a", "base_url": FAR})
    assert held.fleet.providers[0].problem is not None
    held.fleet.forget_keys("a")
    await held.apply({"id": "a", "base_url": FAR})
    assert held.fleet.providers[0].problem is None


async def test_an_unusable_keyring_is_told_as_it_is(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: str) -> str:
        raise RuntimeError("locked")

    monkeypatch.setattr(MemoryKeyring, "get_password", broken)
    await held.apply({"id": "a", "base_url": FAR})
    assert problem(held)[0] is FaultKind.NEEDS_KEY
    assert problem(held)[1].startswith("a: ")
    assert held.fleet.lacks_keys
    monkeypatch.undo()
    await held.apply({"id": "a", "base_url": FAR})
    assert held.fleet.lacks_keys, "that something else changed is no reason to ask again"
    held.fleet.retry_keys()
    await held.apply({"id": "a", "base_url": FAR})
    assert problem(held)[1].startswith("a has no key for llm.example.com.")
    assert not held.fleet.lacks_keys


async def test_two_of_a_kind_are_told_apart(held: Held) -> None:
    await held.apply({"id": "openai-2", "kind": "openai", "base_url": ""})
    assert problem(held)[1].startswith("OpenAI (openai-2) has no key for api.openai.com.")
    await held.apply({"id": "openai-2", "kind": "openai", "base_url": "", "key": "default"})
    assert problem(held)[1].startswith("OpenAI (openai-2) cannot be asked with key")


async def test_a_kind_whose_plug_in_failed_is_shown_with_the_reason(held: Held) -> None:
    held.registry.failures = (LoadFailure("odd", 'Plug-in "odd": no such module.'),)
    await held.apply({"id": "a", "kind": "odd"})
    assert problem(held) == (FaultKind.CONFIG_ERROR, 'Plug-in "odd": no such module.')


async def test_a_provider_without_an_address_is_a_config_error(held: Held) -> None:
    await held.apply({"id": "a", "base_url": ""})
    assert problem(held) == (FaultKind.CONFIG_ERROR, "a has no base_url. Set base_url in the settings.")


@pytest.mark.parametrize(("kind", "key"), [("openai", "default"), ("openai-compatible", "profile:work")])
async def test_a_login_of_the_machine_is_for_clouds_alone(held: Held, kind: str, key: str) -> None:
    await held.apply({"id": "a", "kind": kind, "key": key})
    kind_of, text = problem(held)
    assert kind_of is FaultKind.CONFIG_ERROR
    assert f'key = "{key}"' in text
    assert "store a key instead" in text


async def test_our_own_address_is_refused_by_every_name(held: Held) -> None:
    assert not held.fleet.move("http://127.0.0.1:8484/v1")
    for own in ("http://127.0.0.1:8484/v1", "http://localhost:8484/v1", "http://[::1]:8484/v1"):
        await held.apply({"id": "a", "base_url": own})
        assert problem(held)[0] is FaultKind.CONFIG_ERROR
    assert held.fleet.move("http://127.0.0.1:9999/v1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::1]"])
async def test_a_provider_that_leads_back_to_our_own_server_is_not_used(held: Held, host: str) -> None:
    await held.apply({"id": "loop", "base_url": f"http://{host}:8484/v1"}, {"id": "other", "base_url": NEAR})
    assert held.fleet.providers[0].problem is None
    assert held.fleet.move("http://127.0.0.1:8484/v1")
    await held.apply({"id": "loop", "base_url": f"http://{host}:8484/v1"}, {"id": "other", "base_url": NEAR})
    problem = held.fleet.providers[0].problem
    assert problem is not None
    assert problem.kind is FaultKind.CONFIG_ERROR
    assert "Switchtower's own" in problem.message
    assert held.fleet.providers[1].problem is None
    assert held.fleet.move("http://127.0.0.1:8485/v1")
    await held.apply({"id": "loop", "base_url": f"http://{host}:8484/v1"}, {"id": "other", "base_url": NEAR})
    assert held.fleet.providers[0].problem is None
    assert not held.fleet.move("http://127.0.0.1:8485/v1")


async def test_the_list_on_disk_goes_with_its_provider_or_its_host(held: Held, tmp_path: Path) -> None:
    cache = ModelCache(tmp_path)
    held.fleet.lists = ModelLists(cache)
    await held.apply({"id": "a"}, {"id": "b"})
    for provider in held.fleet.providers:
        await held.fleet.lists.take(provider, b'{"data": [{"id": "m"}]}')
    near = key_host(NEAR)
    await held.apply({"id": "a", "priority": 2}, {"id": "b"})
    assert cache.read("a", near) is not None
    await held.apply({"id": "a", "base_url": FAR})
    assert cache.read("a", near) is None
    assert cache.read("b", near) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"routing": {"strategy": "lowest_cost"}},
        {"aliases": [{"name": "x", "targets": ["a/m"], "strategy": "lowest_cost"}]},
    ],
)
async def test_who_goes_by_cost_has_the_prices_before_the_first_request(settings: dict[str, Any]) -> None:
    held = Held()
    await held.apply({"id": "a"})
    assert held.retired == []
    await held.apply({"id": "a"}, **settings)
    assert held.retired == ["price list"]
