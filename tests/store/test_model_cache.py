import os
from pathlib import Path

import pytest

from app.domain.models import ModelInfo
from app.store.model_cache import ModelCache

MODELS = (ModelInfo("b", 1, 2, 3, ("tools",)), ModelInfo("a"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def cache(folder: Path) -> ModelCache:
    return ModelCache(folder)


def test_a_list_comes_back_as_it_was_with_its_time(cache: ModelCache) -> None:
    cache.write("openai", "api.openai.com", MODELS, 1234.5)
    kept = cache.read("openai", "api.openai.com")
    assert kept is not None
    assert (kept.models, kept.fetched_at_s) == (MODELS, 1234.5)


def test_a_list_belongs_to_one_provider_at_one_host(cache: ModelCache) -> None:
    cache.write("openai", "api.openai.com", MODELS, 1.0)
    assert cache.read("openai", "other.example") is None
    assert cache.read("openai-2", "api.openai.com") is None


def test_the_newest_list_replaces_the_one_before(cache: ModelCache, folder: Path) -> None:
    for time_s in (1.0, 2.0):
        cache.write("a", "h", MODELS, time_s)
    kept = cache.read("a", "h")
    assert kept is not None
    assert kept.fetched_at_s == 2.0
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format":2}', b"\xff\xfe"])
def test_a_file_that_cannot_be_used_is_no_list(cache: ModelCache, folder: Path, content: bytes) -> None:
    cache.write("a", "h", MODELS, 1.0)
    next(folder.iterdir()).write_bytes(content)
    assert cache.read("a", "h") is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    cache = ModelCache(tmp_path / "models")
    cache.write("a", "h", MODELS, 1.0)
    assert cache.read("a", "h") is None


def test_a_folder_that_is_a_file_does_no_harm(folder: Path) -> None:
    folder.write_text("in the way")
    cache = ModelCache(folder)
    cache.write("a", "h", MODELS, 1.0)
    assert cache.read("a", "h") is None


def test_providers_that_are_gone_are_forgotten(cache: ModelCache) -> None:
    cache.write("a", "h", MODELS, 1.0)
    cache.write("b", "h", MODELS, 1.0)
    cache.forget(lambda provider_id, host: (provider_id, host) == ("a", "h"))
    assert cache.read("a", "h") is not None
    assert cache.read("b", "h") is None


def test_an_id_never_leads_out_of_the_folder(cache: ModelCache, folder: Path) -> None:
    cache.write("../../x", "h", MODELS, 1.0)
    assert [path.parent for path in folder.iterdir()] == [folder]
