"""Every translated dialect is a module with the names and parameters of the protocol."""

import inspect
from types import ModuleType

import pytest

from app.dialects import anthropic, openai_chat
from app.dialects.translator import EventReader, EventWriter, Translator, Written
from dialects.translating import openai_request

MODULES = [openai_chat, anthropic]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_a_translator_is_a_module_with_the_protocols_names(module: ModuleType) -> None:
    for name, wanted in inspect.getmembers(Translator, inspect.isfunction):
        if not name.startswith("_"):
            given = inspect.signature(getattr(module, name)).parameters.values()
            required = [p.name for p in given if p.default is p.empty]
            assert required == [p for p in inspect.signature(wanted).parameters if p != "self"]
    assert module.read_request(b'{"model":"m","messages":[]}').origin == module.NAME


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_readers_and_writers_have_the_protocols_methods(module: ModuleType) -> None:
    for protocol, given in ((EventReader, module.event_reader()), (EventWriter, module.event_writer(openai_request()))):
        for name, _ in inspect.getmembers(protocol, inspect.isfunction):
            assert name.startswith("_") or callable(getattr(given, name))


def test_a_written_request_drops_nothing_by_default() -> None:
    assert Written("/x", b"{}").dropped == ()
