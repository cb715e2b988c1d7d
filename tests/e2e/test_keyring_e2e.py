"""No usable keyring: the program starts all the same, says what is wrong, and keys from the environment work."""

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import openai
import pytest
from dbus_fast.aio import MessageBus

from e2e.conftest import needs_desktop
from e2e.desktop import Desktop
from e2e.scenario import KEYS, Scenario, client
from e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "sk-local-token-of-this-test-only"
WORDS = ("keyring", "SWITCHTOWER_TOKEN")

pytestmark = pytest.mark.desktop


@pytest.fixture
def bare_machine() -> "Iterator[Desktop]":
    """A machine with a session bus and nothing on it."""
    needs_desktop()
    with Desktop(screen=False) as made:
        yield made


@contextmanager
def hanging_secret_service(desktop: Desktop) -> "Iterator[None]":
    """Somebody who has the name of the Secret Service and never answers."""
    stop, ready = threading.Event(), threading.Event()

    async def own() -> None:
        bus = await MessageBus(bus_address=desktop.env["DBUS_SESSION_BUS_ADDRESS"]).connect()
        bus.add_message_handler(lambda message: message.destination == "org.freedesktop.secrets" or None)
        await bus.request_name("org.freedesktop.secrets")
        ready.set()
        await asyncio.to_thread(stop.wait)
        bus.disconnect()
        await bus.wait_for_disconnect()

    thread = threading.Thread(target=lambda: asyncio.run(own()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def see_environment_keys_work(desktop: Desktop, scenario: Scenario) -> None:
    """With keys and token from the environment the missing keyring is no obstacle."""
    env = desktop.env | {"ALPHA_KEY": KEYS["alpha"], "BETA_KEY": KEYS["beta"], "SWITCHTOWER_TOKEN": TOKEN}
    place = scenario.write_settings(env, key="env:{NAME}_KEY")
    with place.start("serve") as program:
        with client(program.wait_listening(), TOKEN) as ask:
            assert ask.chat()[0] == "alpha"
            assert scenario.alpha.posts[-1].header("authorization") == f"Bearer {KEYS['alpha']}"
        assert program.stop() == 0, program.text
    assert "Traceback" not in program.text


def see_keyring_keys_missed(desktop: Desktop, scenario: Scenario) -> None:
    """Keys that should come from the keyring: the provider says what it lacks and is not asked without a key."""
    place = scenario.write_settings(desktop.env | {"SWITCHTOWER_TOKEN": TOKEN}, key="keyring")
    with place.start("serve") as program:
        with client(program.wait_listening(), TOKEN) as ask:
            eventually(lambda: ask.status()["alpha"]["state"] == "needs_key", "alpha without a key", 20)
            assert "keyring" in ask.status()["alpha"]["detail"].lower()
            before = len(scenario.alpha.posts)
            with pytest.raises(openai.APIStatusError, match="key") as refused:
                ask.chat()
            assert refused.value.status_code == 503
            assert len(scenario.alpha.posts) == before
        assert program.stop() == 0, program.text
    assert "Traceback" not in program.text


def see_token_missed(desktop: Desktop, scenario: Scenario) -> None:
    """No token can be read or made: one line on standard error that names both ways out."""
    place = scenario.write_settings(desktop.env, key="none")
    refused = place.cli("serve")
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    for word in WORDS:
        assert word in refused.stderr


def test_absent(bare_machine: Desktop, scenario: Scenario) -> None:
    see_environment_keys_work(bare_machine, scenario)
    see_keyring_keys_missed(bare_machine, scenario)
    see_token_missed(bare_machine, scenario)


def test_no_session_bus_at_all(bare_machine: Desktop, scenario: Scenario) -> None:
    bare_machine.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={bare_machine.root}/nobody"
    see_environment_keys_work(bare_machine, scenario)
    see_token_missed(bare_machine, scenario)


def test_locked(machine: Desktop, scenario: Scenario) -> None:
    scenario.configure(machine.env)
    machine.lock_keyring()
    see_environment_keys_work(machine, scenario)
    see_keyring_keys_missed(machine, scenario)
    see_token_missed(machine, scenario)


def test_hanging(bare_machine: Desktop, scenario: Scenario) -> None:
    with hanging_secret_service(bare_machine):
        see_environment_keys_work(bare_machine, scenario)
        see_keyring_keys_missed(bare_machine, scenario)
        see_token_missed(bare_machine, scenario)
