"""Every dialect module has the names and parameters of the protocols."""

import inspect
from types import ModuleType

import pytest

from app.dialects import openai_chat, openai_completions, openai_embeddings
from app.dialects.dialect import Dialect, StreamReader
from app.dialects.openai_stream import OpenAIStream

MODULES = [openai_chat, openai_completions, openai_embeddings]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_a_dialect_is_a_module_with_the_protocols_names(module: ModuleType) -> None:
    for name, wanted in inspect.getmembers(Dialect, inspect.isfunction):
        if not name.startswith("_"):
            parameters = [p for p in inspect.signature(wanted).parameters if p != "self"]
            assert list(inspect.signature(getattr(module, name)).parameters) == parameters
    for name in Dialect.__annotations__:
        assert getattr(module, name)


def test_the_stream_reader_has_the_protocols_attributes() -> None:
    reader = OpenAIStream(forward_usage=True)
    for name in StreamReader.__annotations__:
        assert hasattr(reader, name)
    for name, _ in inspect.getmembers(StreamReader, inspect.isfunction):
        assert name.startswith("_") or callable(getattr(reader, name))


def test_paths_are_the_providers() -> None:
    assert [module.PATH for module in MODULES] == ["/chat/completions", "/completions", "/embeddings"]
