"""The whole core without a face: real server, real upstreams, real files; the keyring is in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.chat import Operation
from app.domain.events import ProvidersChanged, RequestFinished, SettingsChanged, SettingsRejected
from app.domain.history import RequestFilter
from app.domain.secret import Secret
from app.domain.status import HealthState
from app.domain.usage import Grouping, UsageSource
from app.engine.tokenizer import NO_TOKENIZER
from app.runtime import DemoRuntime, Runtime, StartError
from app.store.key_stamp import KeyStamp
from app.store.memory_keyring import MemoryKeyring
from app.store.paths import Paths
from app.store.secrets import KeyStore
from app.store.settings_errors import SettingsError
from faults import plays
from faults.upstream import FaultyUpstream

TOKEN = "sk-local-test-0123456789"
CHAT = {"model": "test-small", "messages": [{"role": "user", "content": "hi"}]}
Make = Callable[..., Runtime]


def provider_toml(name: str, upstream: FaultyUpstream, **more: str) -> str:
    lines = [f'id = "{name}"', 'kind = "openai-compatible"', f'base_url = "{upstream.base_url}"']
    return "\n".join(["[[providers]]", *lines, *(f"{key} = {value}" for key, value in more.items()), ""])


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Runtime] = []

    def build(settings: str = "", *, token: str = TOKEN, backend: Any = None) -> Runtime:
        environ = {"SWITCHTOWER_HOME": str(tmp_path), **({"SWITCHTOWER_TOKEN": token} if token else {})}
        paths = Paths.from_environ(environ)
        paths.prepare()
        if settings:
            paths.settings_file.write_text(settings)
        runtime = Runtime(paths, environ, keys=KeyStore(environ, backend=backend or MemoryKeyring()))
        made.append(runtime)
        return runtime

    yield build
    for runtime in made:
        await runtime.stop()


@pytest.fixture
async def upstream() -> AsyncIterator[FaultyUpstream]:
    async with FaultyUpstream() as running:
        yield running


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


async def post(runtime: Runtime, body: dict[str, Any] | None = None, token: str = TOKEN) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(
            f"{runtime.service.listening}/chat/completions",
            json=body or CHAT,
            headers={"authorization": f"Bearer {token}"},
        )


async def get(runtime: Runtime, path: str) -> Any:
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.get(
            runtime.service.listening.removesuffix("/v1") + path, headers={"authorization": f"Bearer {TOKEN}"}
        )
        return reply.json()


async def test_a_request_is_answered_counted_and_kept(make: Make, upstream: FaultyUpstream) -> None:
    runtime = make(provider_toml("one", upstream))
    await runtime.start(port=0)
    reply = await post(runtime)
    assert (reply.status_code, reply.headers["x-switchtower-provider"]) == (200, "one")
    rows = await runtime.usage(datetime.now(UTC) - timedelta(days=1), Grouping.PROVIDER)
    assert [(row.key, row.requests) for row in rows] == [("one", 1)]
    assert rows[0].input_tokens > 0
    status = await get(runtime, "/v1/status")
    assert status["listening"] == runtime.service.listening
    assert status["providers"][0]["requests"] == 1


async def test_the_models_of_the_providers_and_the_aliases_are_listed(make: Make, upstream: FaultyUpstream) -> None:
    alias = '\n[[aliases]]\nname = "fast"\ntargets = ["one/test-small"]\n'
    runtime = make(provider_toml("one", upstream) + alias)
    await runtime.start(port=0)
    listed = await get(runtime, "/v1/models")
    assert listed["data"][0]["id"] == "fast"
    assert {entry["owned_by"] for entry in listed["data"]} == {"switchtower", "one"}
    assert (await post(runtime, CHAT | {"model": "fast"})).headers["x-switchtower-model"] == "test-small"


async def test_switching_a_provider_off_needs_no_restart_and_closes_its_connections(
    make: Make, upstream: FaultyUpstream
) -> None:
    runtime = make("# mine\n" + provider_toml("one", upstream))
    heard: list[object] = []
    runtime.bus.subscribe(heard.append)
    await runtime.start(port=0)
    assert (await post(runtime)).status_code == 200
    await runtime.enable_provider("one", False)
    await upstream.wait(lambda: upstream.open_connections == 0)
    refused = await post(runtime)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "provider_disabled")
    assert runtime.paths.settings_file.read_text().startswith("# mine")
    assert SettingsChanged() in heard
    assert ProvidersChanged() in heard
    await runtime.enable_provider("one", True)
    assert (await post(runtime)).status_code == 200


async def test_a_change_on_disk_is_picked_up_and_a_bad_one_is_told_and_ignored(
    make: Make, upstream: FaultyUpstream
) -> None:
    runtime = make(provider_toml("one", upstream))
    heard: list[object] = []
    runtime.bus.subscribe(heard.append)
    await runtime.start(port=0)
    runtime.paths.settings_file.write_text(provider_toml("one", upstream, prority="2"))
    await until(lambda: any(isinstance(event, SettingsRejected) for event in heard))
    assert "did you mean" in runtime.snapshot().settings_problem
    assert (await post(runtime)).status_code == 200
    runtime.paths.settings_file.write_text(provider_toml("two", upstream))
    await until(lambda: [p.id for p in runtime.fleet.providers] == ["two"])
    assert runtime.snapshot().settings_problem == ""


@pytest.mark.usefixtures("quick_watch")
async def test_a_shorter_retention_is_acted_on_at_once(make: Make, upstream: FaultyUpstream) -> None:
    runtime = make(provider_toml("one", upstream))
    await runtime.start(port=0)
    long_ago = datetime.now(UTC) - timedelta(days=40)
    runtime.ledger.record(RequestFinished("old", long_ago, Operation.CHAT, "m", client="c", stream=False))
    assert [row.request_id for row in await runtime.ledger.requests(RequestFilter())] == ["old"]
    runtime.paths.settings_file.write_text("[privacy]\nretention_days = 1\n" + provider_toml("one", upstream))
    async with asyncio.timeout(10):
        while await runtime.ledger.requests(RequestFilter()):
            await asyncio.sleep(0.01)


async def test_streams_finish_on_the_old_settings(make: Make, upstream: FaultyUpstream) -> None:
    runtime = make(provider_toml("one", upstream))
    await runtime.start(port=0)
    upstream.script(plays.WAIT)
    reading = asyncio.get_running_loop().create_task(post(runtime, CHAT | {"stream": True}))
    await upstream.wait(lambda: len(upstream.posts) == 1)
    await runtime.enable_provider("one", False)
    upstream.release()
    assert (await reading).text.endswith("data: [DONE]\n\n")
    await upstream.wait(lambda: upstream.open_connections == 0)


async def test_streams_finish_where_they_began_when_ports_change(
    make: Make, upstream: FaultyUpstream, unused_tcp_port: int
) -> None:
    runtime = make(f"[server]\nport = 0\nkeyless_port = {unused_tcp_port}\n" + provider_toml("one", upstream))
    await runtime.start()
    keyless = runtime.service.keyless
    upstream.script(plays.WAIT, plays.WAIT)

    async def from_keyless() -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.post(f"{keyless}/chat/completions", json=CHAT | {"stream": True})

    reading = [runtime.spawn("client", one) for one in (post(runtime, CHAT | {"stream": True}), from_keyless())]
    await upstream.wait(lambda: len(upstream.posts) == 2)
    runtime.settings_file.change("server", keyless_port=0)
    async with asyncio.timeout(3):
        await runtime.reload()
    assert runtime.snapshot().keyless == ""
    upstream.release()
    for one in reading:
        assert (await one).text.endswith("data: [DONE]\n\n")


async def test_a_moved_port_moves_the_server(make: Make, upstream: FaultyUpstream, unused_tcp_port: int) -> None:
    runtime = make("[server]\nport = 0\n" + provider_toml("one", upstream))
    await runtime.start()
    before = runtime.service.listening
    runtime.settings_file.change("server", port=unused_tcp_port)
    await runtime.reload()
    assert runtime.service.listening == f"http://127.0.0.1:{unused_tcp_port}/v1" != before
    assert (await post(runtime)).status_code == 200


async def test_providers_can_be_added_tested_given_keys_and_removed(make: Make, upstream: FaultyUpstream) -> None:
    runtime = make(token=TOKEN)
    await runtime.start(port=0)
    assert (await post(runtime)).json()["error"]["code"] == "no_provider"
    key = Secret("sk-first-0123456789abcdef")
    assert await runtime.test_new("openai-compatible", upstream.base_url, key) == ""
    assert runtime.fleet.providers == ()
    chosen = await runtime.add_provider("openai-compatible", base_url=upstream.base_url, key=key)
    again = await runtime.add_provider("openai-compatible", base_url=upstream.base_url)
    assert (chosen, again) == ("openai-compatible", "openai-compatible-2")
    assert (await runtime.test_provider(chosen)).state is HealthState.HEALTHY
    pinned = CHAT | {"model": f"{chosen}/{CHAT['model']}"}
    await post(runtime, pinned)
    assert upstream.posts[0].header("authorization") == f"Bearer {key.reveal()}"
    await runtime.set_key(chosen, Secret("sk-second-0123456789abcdef"))
    await post(runtime, pinned)
    assert upstream.posts[1].header("authorization") == "Bearer sk-second-0123456789abcdef"
    await runtime.remove_provider(chosen)
    assert [p.id for p in runtime.fleet.providers] == [again]
    with pytest.raises(KeyError):
        await runtime.test_provider(chosen)
    with pytest.raises(SettingsError):
        await runtime.remove_provider(chosen)
    text = runtime.paths.settings_file.read_text()
    assert "sk-" not in text


async def test_a_trial_message_goes_to_one_provider_and_its_cost_is_kept(make: Make, upstream: FaultyUpstream) -> None:
    runtime = make(provider_toml("one", upstream, key='"none"', models='["text-embedding-3", "gpt-5-mini"]'))
    await runtime.start(port=0)
    assert runtime.trial_model("one") == "gpt-5-mini"
    assert runtime.trial_model("two") == ""
    done = await runtime.send_trial("one", "gpt-5-mini")
    assert (done.problem, done.provider_id, done.model) == ("", "one", "gpt-5-mini")
    assert done.text
    assert done.output_tokens is not None
    (asked,) = [json.loads(request.body) for request in upstream.requests if request.body]
    assert (asked["model"], asked["max_tokens"]) == ("gpt-5-mini", 16)
    await runtime.ledger.flush()
    (row,) = await runtime.usage(datetime.now(UTC) - timedelta(hours=1), Grouping.CLIENT)
    assert (row.key, row.requests) == ("switchtower", 1)
    failed = await runtime.send_trial("one", "nobody-has-it")
    assert "nobody-has-it" in failed.problem
    assert failed.text == ""


async def test_a_test_of_a_new_provider_says_what_is_wrong(make: Make, upstream: FaultyUpstream) -> None:
    runtime = make()
    await runtime.start(port=0)
    upstream.script_get(plays.INVALID_KEY)
    problem = await runtime.test_new("openai-compatible", upstream.base_url, Secret("sk-wrong-0123456789abcdef"))
    assert "key" in problem
    assert "sk-wrong" not in problem


async def test_only_the_forced_provider_is_asked(make: Make, upstream: FaultyUpstream) -> None:
    async with FaultyUpstream("other") as other:
        runtime = make(provider_toml("one", upstream) + provider_toml("two", other, priority="2"))
        await runtime.start(port=0)
        await runtime.force_provider("two")
        assert (await post(runtime)).headers["x-switchtower-provider"] == "two"
        assert runtime.snapshot().forced_provider == "two"
        await runtime.force_provider("")
        assert (await post(runtime)).headers["x-switchtower-provider"] == "one"


async def test_the_local_token_is_made_at_the_first_start_and_rotating_it_shuts_the_old_one_out(make: Make) -> None:
    runtime = make(token="")
    await runtime.start(port=0)
    old = runtime.token()
    assert old is not None
    assert old.reveal().startswith("sk-local-")
    assert (await post(runtime, token=old.reveal())).json()["error"]["code"] == "no_provider"
    new = await runtime.rotate_token()
    assert (await post(runtime, token=old.reveal())).status_code == 401
    assert (await post(runtime, token=new.reveal())).status_code == 503


async def test_a_key_changed_by_another_process_is_seen(make: Make, upstream: FaultyUpstream) -> None:
    backend = MemoryKeyring()
    runtime = make(provider_toml("one", upstream), backend=backend)
    await runtime.start(port=0)
    host = upstream.base_url.removeprefix("http://").removesuffix("/v1")
    backend.set_password("switchtower", f"one@{host}", "sk-late-0123456789abcdef")
    KeyStamp(runtime.paths.key_stamp).touch()
    await until(lambda: runtime.fleet.providers[0]._credential is not None)
    await post(runtime)
    assert upstream.posts[-1].header("authorization") == "Bearer sk-late-0123456789abcdef"


async def test_a_provider_without_key_is_shown_as_such_with_the_remedy(make: Make) -> None:
    runtime = make('[[providers]]\nid = "openai"\nkind = "openai"\n')
    await runtime.start(port=0)
    status = runtime.snapshot().providers[0]
    assert status.state is HealthState.NEEDS_KEY
    assert "switchtower keys set openai" in status.detail
    refused = (await post(runtime)).json()["error"]
    assert (refused["code"], "api.openai.com" in refused["message"]) == ("provider_needs_key", True)


async def test_a_critical_provider_that_cannot_be_loaded_stops_the_start(make: Make) -> None:
    runtime = make('[[providers]]\nid = "openai"\nkind = "openai"\ncritical = true\n')
    with pytest.raises(StartError, match="critical"):
        await runtime.start(port=0)


async def test_bad_settings_without_a_good_copy_stop_the_start(make: Make) -> None:
    runtime = make("[server]\nport = 99999\n")
    with pytest.raises(StartError, match="port") as caught:
        await runtime.start(port=0)
    assert "99999" not in str(caught.value)


async def test_a_taken_port_stops_the_start_or_is_shown(make: Make) -> None:
    first = make()
    await first.start(port=0)
    taken = int(first.service.listening.removesuffix("/v1").rsplit(":", 1)[1])
    with pytest.raises(StartError, match=str(taken)):
        await make().start(port=taken)
    shown = make()
    await shown.start(port=taken, tolerate_port=True)
    assert str(taken) in shown.snapshot().problem
    assert shown.snapshot().listening == ""


async def test_a_host_for_other_machines_needs_lan_on_the_command_line_too(make: Make) -> None:
    with pytest.raises(StartError, match="lan = true"):
        await make().start(host="0.0.0.0", port=0)
    opened = make("[server]\nlan = true\n")
    await opened.start(host="0.0.0.0", port=0)
    assert opened.service.listening


class BrokenKeyring(MemoryKeyring):
    def get_password(self, service: str, username: str, /) -> str | None:
        raise RuntimeError("locked")


async def test_without_a_keyring_serve_stops_and_the_tray_goes_on(make: Make) -> None:
    with pytest.raises(StartError, match="SWITCHTOWER_TOKEN"):
        await make(token="", backend=BrokenKeyring()).start(port=0)
    runtime = make(token="", backend=BrokenKeyring())
    await runtime.start(port=0, tolerate_port=True)
    assert "SWITCHTOWER_TOKEN" in runtime.snapshot().problem


class ClosableKeyring(MemoryKeyring):
    """Fails while it is closed, and counts what it is asked."""

    closed = False
    asked = 0

    def get_password(self, service: str, username: str, /) -> str | None:
        self.asked += 1
        if self.closed:
            raise RuntimeError("closed")
        return super().get_password(service, username)


@pytest.fixture
def quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runtime.WATCH_S", 0.02)
    monkeypatch.setattr("app.runtime.PORT_RETRY_S", 0.05)
    monkeypatch.setattr("app.engine.key_watch.RETRY_S", 0.05)


@pytest.mark.usefixtures("quick_watch")
async def test_a_keyring_that_is_unlocked_late_is_noticed_beside_a_fixed_token(
    make: Make, upstream: FaultyUpstream
) -> None:
    ring = ClosableKeyring()
    host = upstream.base_url.removeprefix("http://").removesuffix("/v1")
    ring.set_password("switchtower", f"one@{host}", "sk-late-0123456789abcdef")
    agent = await KeyStore({}, backend=ring).add_client("agent")
    ring.closed = True
    settings = provider_toml("one", upstream) + provider_toml("two", upstream, key='"none"', priority="2")
    runtime = make(settings, backend=ring)
    await runtime.start(port=0)
    (_, two) = runtime.fleet.providers
    assert runtime.snapshot().providers[0].state is HealthState.NEEDS_KEY
    assert runtime.snapshot().problem == ""
    assert (await post(runtime, token=agent.reveal())).status_code == 401
    ring.closed = False
    await until(lambda: runtime.fleet.providers[0].usable)
    assert runtime.fleet.providers[1] is two
    reply = await post(runtime, token=agent.reveal())
    assert (reply.status_code, reply.headers["x-switchtower-provider"]) == (200, "one")
    assert upstream.posts[-1].header("authorization") == "Bearer sk-late-0123456789abcdef"


@pytest.mark.usefixtures("quick_watch")
async def test_a_token_revoked_while_the_keyring_fails_is_refused_once_it_works(make: Make) -> None:
    ring = ClosableKeyring()
    elsewhere = KeyStore({}, backend=ring)
    agent = await elsewhere.add_client("agent")
    runtime = make(token="", backend=ring)
    await runtime.start(port=0)
    await elsewhere.revoke_client("agent")
    ring.closed = True
    KeyStamp(runtime.paths.key_stamp).touch()
    await until(lambda: runtime.snapshot().problem)
    assert "still accepted" in runtime.snapshot().problem
    assert (await post(runtime, token=agent.reveal())).status_code == 503
    ring.closed = False
    await until(lambda: not runtime.snapshot().problem)
    assert (await post(runtime, token=agent.reveal())).status_code == 401


@pytest.mark.usefixtures("quick_watch")
async def test_reading_keys_again_leaves_the_complaint_about_the_settings(make: Make) -> None:
    runtime = make()
    await runtime.start(port=0)
    runtime.paths.settings_file.write_text("[server]\nport = 99999\n")
    await until(lambda: runtime.snapshot().settings_problem)
    KeyStamp(runtime.paths.key_stamp).touch()
    heard: list[object] = []
    runtime.bus.subscribe(heard.append)
    await until(lambda: ProvidersChanged() in heard)
    assert runtime.snapshot().settings_problem


@pytest.mark.usefixtures("quick_watch")
async def test_a_taken_port_leaves_the_old_one_open_and_is_tried_again_without_reading_keys(
    make: Make, upstream: FaultyUpstream
) -> None:
    ring = ClosableKeyring()
    runtime = make("[server]\nport = 0\n" + provider_toml("one", upstream), token="", backend=ring)
    squatter = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    taken = squatter.sockets[0].getsockname()[1]
    await runtime.start()
    listening, token = runtime.service.listening, runtime.token()
    assert token is not None
    asked = ring.asked
    runtime.settings_file.change("server", port=taken)
    await runtime.reload()
    assert runtime.snapshot().listening == listening
    assert f":{taken} is taken" in runtime.snapshot().problem
    assert (await post(runtime, token=token.reveal())).status_code == 200
    squatter.close()
    await squatter.wait_closed()
    await until(lambda: runtime.snapshot().listening.endswith(f":{taken}/v1"))
    assert runtime.snapshot().problem == ""
    assert (await post(runtime, token=token.reveal())).status_code == 200
    assert ring.asked == asked


async def test_an_env_key_needs_no_keyring(make: Make, upstream: FaultyUpstream) -> None:
    runtime = make(provider_toml("one", upstream, key='"env:ONE_KEY"'), backend=BrokenKeyring())
    runtime.keys._environ |= {"ONE_KEY": "sk-env-0123456789abcdef"}
    await runtime.start(port=0)
    await post(runtime)
    assert upstream.posts[0].header("authorization") == "Bearer sk-env-0123456789abcdef"


async def test_a_kind_whose_plug_in_failed_is_a_provider_with_a_config_error(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.providers.registry import LoadFailure, Registry

    registry = Registry.load(lambda: ())
    registry.failures = (LoadFailure("odd", 'Plug-in "odd": no such module.'),)
    monkeypatch.setattr(Registry, "load", lambda: registry)
    runtime = make('[[providers]]\nid = "odd"\nkind = "odd"\n')
    await runtime.start(port=0)
    status = runtime.snapshot().providers[0]
    assert status.state is HealthState.CONFIG_ERROR
    assert "no such module" in status.detail


async def test_stopping_leaves_no_file_task_or_connection_behind(make: Make, upstream: FaultyUpstream) -> None:
    runtime = make(provider_toml("one", upstream))
    await runtime.start(port=0)
    assert json.loads(runtime.paths.instance_file.read_text()) == {"listening": runtime.service.listening}
    await post(runtime)
    await runtime.stop()
    assert not runtime.paths.instance_file.exists()
    await upstream.wait(lambda: upstream.open_connections == 0)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_no_socket_task_or_descriptor_is_left_after_a_thousand_requests_and_reloads(
    make: Make, upstream: FaultyUpstream
) -> None:
    runtime = make(provider_toml("one", upstream))
    await runtime.start(port=0)
    async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        url = f"{runtime.service.listening}/chat/completions"
        await client.post(url, json=CHAT)
        before = open_descriptors()
        for number in range(1000):
            body = CHAT | {"stream": True} if number % 2 else CHAT
            assert (await client.post(url, json=body)).status_code == 200
        runtime.fleet.forget_keys()
        await runtime.take_over(runtime.settings)
        await client.post(url, json=CHAT)
        await until(lambda: upstream.open_connections <= 2)
        assert open_descriptors() <= before + 2
        assert runtime.fleet.providers[0].counters.requests == 1002


async def test_a_task_that_fails_is_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    runtime = make()

    async def broken() -> None:
        raise RuntimeError("boom")

    task = runtime.spawn("breaks", broken())
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert "task failed name=breaks" in caplog.text


async def test_watching_closely_probes_more_often(make: Make, upstream: FaultyUpstream) -> None:
    runtime = make(provider_toml("one", upstream))
    await runtime.start(port=0)
    await until(lambda: len(upstream.requests) == 1)
    runtime.watch_closely(True)
    assert runtime.health.closely


async def test_the_demo_answers_streams_and_fails_over(tmp_path: Path) -> None:
    environ = {"SWITCHTOWER_HOME": str(tmp_path), "SWITCHTOWER_TOKEN": TOKEN}
    runtime = DemoRuntime(Paths.from_environ(environ), environ)
    await runtime.start(port=0)
    try:
        plain = await post(runtime, CHAT | {"model": "demo-small"})
        assert plain.json()["choices"][0]["message"]["content"].startswith("Demo answer:")
        failover = await post(runtime, CHAT | {"model": "demo-failover"})
        assert failover.headers["x-switchtower-provider"] == "demo-b"
        assert runtime.snapshot().demo
        rows = await runtime.usage(datetime.now(UTC) - timedelta(days=14), Grouping.DAY)
        assert len(rows) >= 14
    finally:
        await runtime.stop()


def priced_toml(name: str, upstream: FaultyUpstream, **more: str) -> str:
    """A provider whose prices are known."""
    models = {"models": '["gpt-5-mini"]', "key": '"none"'}
    return provider_toml(name, upstream, **(models | more)).replace("openai-compatible", "openai")


PRICED = CHAT | {"model": "gpt-5-mini"}


async def test_a_spent_budget_refuses_the_next_request(make: Make, upstream: FaultyUpstream) -> None:
    budget = '[[budgets]]\nusd_per_day = 0.000001\naction = "stop"\n'
    runtime = make(budget + priced_toml("one", upstream))
    await runtime.start(port=0)
    assert (await post(runtime, PRICED)).status_code == 200
    reply = await post(runtime, PRICED)
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, "budget_exceeded")
    assert reply.headers["x-should-retry"] == "false"
    assert "raise usd_per_day" in reply.json()["error"]["message"]
    status = await get(runtime, "/v1/status")
    assert status["providers"][0]["cost_usd"] > 0


async def test_the_budget_of_one_provider_leaves_the_others(make: Make, upstream: FaultyUpstream) -> None:
    budget = '[[budgets]]\nscope = "provider:one"\nusd_per_day = 0.000001\naction = "stop"\n'
    runtime = make(budget + priced_toml("one", upstream) + priced_toml("two", upstream, priority="2"))
    await runtime.start(port=0)
    answered = [(await post(runtime, PRICED)).headers["x-switchtower-provider"] for _ in range(3)]
    assert answered == ["one", "two", "two"]
    (newest, *_) = await runtime.ledger.requests(RequestFilter())
    assert [(s.provider, s.reason.split(" is spent")[0]) for s in newest.skipped] == [
        ("one", "The budget of $1e-06 per day for provider one")
    ]


async def test_what_was_spent_is_remembered_over_a_restart(make: Make, upstream: FaultyUpstream) -> None:
    budget = '[[budgets]]\nscope = "client:default"\nusd_per_month = 0.000001\naction = "stop"\n'
    runtime = make(budget + priced_toml("one", upstream))
    await runtime.start(port=0)
    assert (await post(runtime, PRICED)).status_code == 200
    await runtime.stop()
    again = make(budget + priced_toml("one", upstream))
    await again.start(port=0)
    assert (await post(again, PRICED)).status_code == 429


async def test_metrics_are_prometheus_text_behind_the_token(make: Make, upstream: FaultyUpstream) -> None:
    runtime = make(priced_toml("one", upstream))
    await runtime.start(port=0)
    await post(runtime, PRICED)
    await runtime.accounts.settled()
    url = runtime.service.listening.removesuffix("/v1") + "/metrics"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url)).status_code == 401
        reply = await client.get(url, headers={"authorization": f"Bearer {TOKEN}"})
    assert reply.headers["content-type"].startswith("text/plain; version=")
    labels = 'client="default",model="gpt-5-mini",outcome="ok",provider="one"'
    assert f"switchtower_requests_total{{{labels}}} 1.0" in reply.text
    assert 'switchtower_provider_up{kind="openai",provider="one"} 1.0' in reply.text


def uncounted(stream: bool) -> bytes:
    """An answer without usage: a plain one of 40 bytes of text, or a stream of seven pieces."""
    if not stream:
        message = {"role": "assistant", "content": "word " * 8}
        return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
    pieces = [{"choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}] * 7
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in (*pieces, end)) + b"data: [DONE]\n\n"


@pytest.mark.parametrize(("stream", "output"), [(False, 10), (True, 9)])
async def test_tokens_that_nobody_counts_are_estimated(make: Make, stream: bool, output: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body, kind = uncounted(stream), b"text/event-stream" if stream else b"application/json"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n" % (kind, len(body)) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        runtime = make(
            f'[[providers]]\nid = "one"\nkind = "openai"\nbase_url = "http://127.0.0.1:{port}/v1"\nkey = "none"\n'
            'models = ["gpt-5-mini"]\n[health]\ninterval_s = 0\n'
        )
        runtime.accounts.tokenizer = NO_TOKENIZER
        await runtime.start(port=0)
        assert (await post(runtime, PRICED | {"stream": stream})).status_code == 200
        await runtime.accounts.settled()
        (row,) = await runtime.ledger.requests(RequestFilter())
    assert (row.usage.source, row.usage.output) == (UsageSource.ESTIMATE, output)
    assert row.usage.input
    assert row.cost_usd
    (status,) = runtime.snapshot().providers
    assert (status.output_tokens, status.cost_usd) == (output, pytest.approx(row.cost_usd))


@pytest.mark.parametrize("stream", [False, True])
async def test_tokens_that_nobody_counts_are_counted_by_the_tokenizer(make: Make, stream: bool) -> None:
    pytest.importorskip("tiktoken", reason="the extra `tokens` is not installed")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body, kind = uncounted(stream), b"text/event-stream" if stream else b"application/json"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n" % (kind, len(body)) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        runtime = make(
            f'[[providers]]\nid = "one"\nkind = "openai"\nbase_url = "http://127.0.0.1:{port}/v1"\nkey = "none"\n'
            'models = ["gpt-4o"]\n[health]\ninterval_s = 0\n'
        )
        await runtime.start(port=0)
        asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
        assert (await post(runtime, asked)).status_code == 200
        url = runtime.service.listening + "/messages/count_tokens"
        async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {TOKEN}"}) as client:
            counted = await client.post(url, json=asked | {"max_tokens": 1})
        await runtime.accounts.settled()
        (row,) = await runtime.ledger.requests(RequestFilter())
    assert (row.usage.source, row.usage.input, row.usage.output) == (UsageSource.TOKENIZER, 8, 8 if stream else 9)
    assert counted.json() == {"input_tokens": 8}
    assert counted.headers["x-switchtower-token-source"] == "tokenizer"


async def test_a_thousand_readers_of_the_models_cost_the_provider_one_call_and_the_next_start_none(
    make: Make, upstream: FaultyUpstream
) -> None:
    runtime = make(provider_toml("one", upstream))
    await runtime.start(port=0)
    await until(lambda: runtime.fleet.providers[0].catalogue.fetched_at_s)
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        bodies = {(await client.get(f"{runtime.service.listening}/models")).content for _ in range(1000)}
    assert len(bodies) == 1
    assert [r.path for r in upstream.requests] == ["/v1/models"]
    await runtime.stop()
    upstream.kill()
    again = make()
    await again.start(port=0)
    assert again.models().body in bodies
