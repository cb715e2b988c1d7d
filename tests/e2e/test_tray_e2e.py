"""The main job through the tray application: a real process, a real tray, a real keyring, the real `openai` package."""

import openai
import pytest

from e2e.desktop import Desktop
from e2e.program import Place, free_port
from e2e.scenario import Client, Scenario, ask_everything, client, kill_first, usage_by_provider
from e2e.tray_hosts import BusTray, PixelTray, find
from e2e.waiting import eventually

pytestmark = pytest.mark.desktop


def token_of(place: Place) -> str:
    """The token the program made at its first start, as a user copies it."""
    return place.tell("token", "show").splitlines()[-1]


def see_provider_off(ask: Client, scenario: Scenario) -> None:
    """Alpha is switched off: the next request goes to beta although alpha is up, and alpha hears nothing of it."""
    eventually(lambda: not ask.status()["alpha"]["enabled"], "alpha switched off", 5)
    before = len(scenario.alpha.posts)
    assert ask.chat()[0] == "beta"
    assert ask.stream()[0] == "beta"
    assert len(scenario.alpha.posts) == before
    assert ask.status()["alpha"]["state"] == "disabled"


def test_failover_usage_and_the_menu_over_the_bus(desktop: Desktop, scenario: Scenario) -> None:
    place = scenario.configure(desktop.env)
    with BusTray(desktop) as tray, place.start() as program:
        tray.wait_icon()
        url = program.wait_answering(scenario.port)
        with client(url, token_of(place)) as ask:
            asked = ask_everything(ask, "alpha", scenario.alpha)
            eventually(lambda: ask.status()["beta"]["state"] == "healthy", "both providers up")
            eventually(lambda: f"127.0.0.1:{scenario.port}" in tray.menu()[0].label, "the address in the menu")
            well, tooltip = tray.read("IconPixmap"), tray.tooltip

            kill_first(ask, scenario)
            eventually(lambda: tray.tooltip != tooltip, "another tooltip", 5)
            eventually(lambda: tray.read("IconPixmap") != well, "another icon", 5)
            assert "1 of 2" in tray.menu()[0].label
            ask.stream()

            scenario.alpha.restart()
            eventually(lambda: find(tray.menu(), "alpha").checked, "alpha in the menu")
            tray.click("alpha")
            see_provider_off(ask, scenario)
            assert find(tray.menu(), "alpha").checked is False

            rows = eventually(lambda: len(found := usage_by_provider(place)) == 2 and found, "usage of both")
            assert rows["alpha"]["requests"] == asked
            assert rows["alpha"]["input_tokens"] == asked * scenario.alpha.voice.prompt_tokens
            assert rows["beta"]["input_tokens"] == rows["beta"]["requests"] * scenario.beta.voice.prompt_tokens
        tray.click("Quit")
        assert program.wait() == 0, program.text
    assert "Traceback" not in program.text


def test_a_provider_is_switched_off_with_the_mouse(desktop: Desktop, scenario: Scenario) -> None:
    tray = PixelTray(desktop)
    place = scenario.configure(desktop.env)
    with place.start() as program:
        url = program.wait_answering(scenario.port)
        with client(url, token_of(place)) as ask:
            assert ask.chat()[0] == "alpha"
            eventually(lambda: ask.status()["beta"]["state"] == "healthy", "both providers up")
            well = tray.picture()
            desktop.shot("tray-both-up")
            tray.click(3)
            eventually(desktop.popups, "the menu")
            desktop.shot("tray-menu")
            desktop.press("Down", "Down", "Return")
            see_provider_off(ask, scenario)

            scenario.beta.kill()
            with pytest.raises(openai.APIStatusError, match="beta"):
                ask.chat()
            eventually(lambda: tray.picture() != well, "another icon")
            desktop.shot("tray-nobody-left")
        tray.click(1)
        eventually(lambda: any("Switchtower" in title for title in desktop.windows()), "the window")
        desktop.shot("window-after-failure")
        tray.click(3)
        eventually(desktop.popups, "the menu")
        desktop.press("Up", "Return")
        assert program.wait() == 0, program.text
    assert "Traceback" not in program.text


def test_without_a_tray_the_window_opens(desktop: Desktop, scenario: Scenario) -> None:
    place = scenario.configure(desktop.env)
    with place.start() as program:
        program.wait_answering(scenario.port)
        eventually(lambda: any("Switchtower" in title for title in desktop.windows()), "the window")
        desktop.shot("window-without-tray")
        assert program.stop() == 0, program.text
    assert "Traceback" not in program.text


def test_a_tray_that_comes_late_gets_its_icon(desktop: Desktop, scenario: Scenario) -> None:
    place = scenario.configure(desktop.env)
    with place.start() as program:
        program.wait_answering(scenario.port)
        with BusTray(desktop) as tray:
            tray.wait_icon()
            assert find(tray.menu(), "alpha").checked is True
            tray.click("Quit")
            assert program.wait() == 0, program.text


def test_a_first_start_welcomes(desktop: Desktop, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = Place(tmp_path_factory.mktemp("first") / "home", desktop.env)
    port = free_port()
    place.settings_file.write_text(f"[server]\nport = {port}\n")
    with place.start() as program:
        program.wait_answering(port)
        eventually(desktop.windows, "the welcome")
        desktop.shot("welcome")
        assert program.stop() == 0, program.text
    assert "Traceback" not in program.text


def test_a_second_start_shows_the_first(desktop: Desktop, scenario: Scenario) -> None:
    place = scenario.configure(desktop.env)
    with BusTray(desktop) as tray, place.start() as program:
        program.wait_answering(scenario.port)
        tray.wait_icon()
        assert not desktop.windows()
        with place.start() as second:
            assert second.wait() == 0, second.text
        eventually(lambda: any("Switchtower" in title for title in desktop.windows()), "the first one's window")
        assert program.running
        assert program.stop() == 0, program.text


def test_a_start_that_fails_shows_a_box_that_can_be_closed(desktop: Desktop) -> None:
    place = Place(desktop.root / "switchtower", desktop.env)
    place.settings_file.write_text("[server\n")
    with place.start() as program:
        eventually(lambda: any("Switchtower" in title for title in desktop.windows()), "the box")
        desktop.shot("refusal")
        desktop.press("Escape")
        assert program.wait() == 1, program.text
    assert "config.toml:1: not valid TOML" in program.text
    assert "does not start: config.toml:1" in (place.home / "logs" / "switchtower.log").read_text()
