"""What has to be filled in for a kind."""

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from pytestqt.qtbot import QtBot

from app.domain.secret import Secret
from app.providers.registry import Registry
from app.store.key_text import clean_key
from app.ui.windows.kind_form import KindForm, about, url_problem

REGISTRY = Registry.load(list)


@pytest.fixture
def form(qtbot: QtBot) -> KindForm:
    made = KindForm()
    qtbot.addWidget(made)
    made.show()
    return made


def test_a_provider_in_the_cloud_needs_its_key(form: KindForm) -> None:
    form.show_kind(REGISTRY.get("openai"))
    assert form.key_edit.isVisible()
    assert not form.url_edit.isVisible()
    assert form.missing() == "Paste a key."
    form.key_edit.setText(" sk-0123456789 ")
    assert form.missing() == ""
    assert form.key() == Secret("sk-0123456789")


def test_a_server_on_this_machine_needs_nothing(form: KindForm) -> None:
    form.show_kind(REGISTRY.get("ollama"))
    assert form.missing() == ""
    assert "on this machine" in form.about.text()
    assert "If it demands a key, take “OpenAI-compatible server”" in form.about.text()
    assert not form.open_page.isVisible()


def test_any_other_server_needs_its_address(form: KindForm) -> None:
    form.show_kind(REGISTRY.get("openai-compatible"))
    assert form.url_edit.isVisible()
    assert not form.advanced.isVisible()
    assert "https://" in form.missing()
    form.url_edit.setText("https://llm.example.com/v1")
    assert form.missing() == ""
    assert form.base_url() == "https://llm.example.com/v1"
    assert form.key() is None


def test_a_cloud_shows_what_its_address_is_made_of(form: KindForm) -> None:
    form.show_kind(REGISTRY.get("azure"))
    assert form.base_url() == "https://RESOURCE.openai.azure.com/openai/v1"
    assert form.about.text().startswith("RESOURCE is the name of your")
    assert form.missing() == "Paste a key."
    assert not form.hint.isVisible()
    form.key_edit.setText("0123456789")
    assert form.missing() == "Put your own in the place of RESOURCE."
    assert form.hint.isVisible()
    assert form.hint.text() == form.missing()
    form.url_edit.setText("https://mine.openai.azure.com")
    assert form.missing() == ""
    assert not form.hint.isVisible()
    form.show_kind(REGISTRY.get("openai"))
    assert form.base_url() == ""


@pytest.mark.parametrize("kind", ["bedrock-claude", "vertex"])
def test_a_cloud_may_use_the_login_of_this_machine(form: KindForm, kind: str) -> None:
    spec = REGISTRY.get(kind)
    form.show_kind(spec)
    form.url_edit.setText(spec.address.replace("REGION", "us-east-1").replace("PROJECT", "mine"))
    assert form.missing() == ""
    assert "login of this computer" in form.key_edit.placeholderText()


def test_the_file_of_an_account_may_be_pasted(form: KindForm) -> None:
    form.show_kind(REGISTRY.get("vertex"))
    form.key_edit.setFocus()
    QGuiApplication.clipboard().setText('{\n  "type": "service_account",\n  "private_key": "a\\nb"\n}\n')
    form.key_edit.paste()
    key = form.key()
    assert key is not None
    assert clean_key(key.reveal()).reveal() == '{"type":"service_account","private_key":"a\\nb"}'


def test_another_address_is_under_advanced(form: KindForm) -> None:
    form.show_kind(REGISTRY.get("openai"))
    form.key_edit.setText("sk-0123456789")
    form.advanced.click()
    assert form.url_edit.isVisible()
    assert form.url_edit.placeholderText() == "https://api.openai.com/v1"
    form.url_edit.setText("ftp://nonsense")
    assert form.missing() != ""
    form.url_edit.clear()
    assert form.missing() == ""


def test_what_was_typed_for_another_kind_is_gone(form: KindForm) -> None:
    form.show_kind(REGISTRY.get("openai"))
    form.key_edit.setText("sk-openai")
    form.show_kind(REGISTRY.get("openai"))
    assert form.key_edit.text() == "sk-openai"
    form.show_kind(REGISTRY.get("groq"))
    assert form.key_edit.text() == ""


def test_nothing_is_asked_when_nothing_is_found(form: KindForm) -> None:
    form.show_kind(None)
    assert form.missing() == "Pick a provider."
    assert not form.key_edit.isVisible()
    assert not form.advanced.isVisible()


def test_the_key_page_is_named_and_opened_in_the_browser(form: KindForm, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    form.show_kind(REGISTRY.get("openai"))
    assert "https://platform.openai.com/api-keys" in form.key_page.text()
    form.open_page.click()
    assert opened == [QUrl("https://platform.openai.com/api-keys")]
    form.show_kind(None)
    form._browse()
    assert len(opened) == 1


@pytest.mark.parametrize("kind", REGISTRY.kinds())
def test_every_kind_has_a_form(form: KindForm, kind: str) -> None:
    spec = REGISTRY.get(kind)
    form.show_kind(spec)
    assert form.name.text() == spec.name
    assert about(spec)
    assert form.key_edit.isVisible() is spec.needs_key


@pytest.mark.parametrize("url", ["http://127.0.0.1:1234/v1", "https://x.example", "HTTPS://X.example/v1/"])
def test_good_addresses(url: str) -> None:
    assert url_problem(url) == ""


@pytest.mark.parametrize("url", ["", "x", "x.example/v1", "https://", "file:///etc", "http://x:99999", "http://[::1"])
def test_bad_addresses(url: str) -> None:
    assert url_problem(url)


def test_typing_is_told_and_can_be_switched_off(qtbot: QtBot, form: KindForm) -> None:
    form.show_kind(REGISTRY.get("openai"))
    with qtbot.waitSignal(form.changed):
        form.key_edit.setText("x")
    form.set_enabled(False)
    assert not form.key_edit.isEnabled()


def test_what_was_refused_is_asked_again(form: KindForm) -> None:
    for kind, field in (("openai", form.key_edit), ("openai-compatible", form.key_edit)):
        form.show_kind(REGISTRY.get(kind))
        form.key_edit.setText("sk-0123456789")
        form.ask_again()
        assert form.focusWidget() is field
        assert field.selectedText()
    form.show_kind(REGISTRY.get("ollama"))
    form.advanced.click()
    form.url_edit.setText("http://127.0.0.1:9/v1")
    form.ask_again()
    assert form.focusWidget() is form.url_edit
    assert form.url_edit.selectedText() == "http://127.0.0.1:9/v1"
