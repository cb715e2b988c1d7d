"""The kinds of provider as a searchable list."""

import pytest
from PySide6.QtCore import QModelIndex
from pytestqt.modeltest import ModelTester

from app.providers.registry import Registry
from app.ui.models.kinds import KindList, KindSearch


@pytest.fixture(scope="module")
def kinds() -> KindList:
    return KindList(Registry.load(list))


def names(search: KindSearch) -> list[str]:
    return [search.index(row, 0).data() for row in range(search.rowCount())]


def test_it_is_a_sound_model(qtmodeltester: ModelTester, kinds: KindList) -> None:
    qtmodeltester.check(kinds)


def test_every_kind_is_there_and_those_of_this_machine_come_last(kinds: KindList) -> None:
    assert {spec.id for spec in kinds.specs} == set(Registry.load(list).kinds())
    assert kinds.specs[0].id == "openai"
    local = [spec.local for spec in kinds.specs if not spec.needs_base_url]
    assert local == sorted(local)


@pytest.mark.parametrize(
    ("text", "found"),
    [("GROQ", "groq"), ("  mistral ", "mistral"), ("api.x.ai", "xai"), ("openai-compat", "openai-compatible")],
)
def test_names_ids_and_hosts_are_searched(kinds: KindList, text: str, found: str) -> None:
    search = KindSearch(kinds)
    search.look_for(text)
    spec = search.spec_at(0)
    assert spec is not None
    assert spec.id == found


def test_an_empty_search_finds_all_and_a_wrong_one_nothing(kinds: KindList) -> None:
    search = KindSearch(kinds)
    assert search.rowCount() == len(kinds.specs)
    search.look_for("(.*")
    assert names(search) == []
    assert search.spec_at(0) is None


def test_local_kinds_say_so(kinds: KindList) -> None:
    search = KindSearch(kinds)
    search.look_for("ollama")
    assert names(search) == ["Ollama (on this machine)", "Ollama (its own API) (on this machine)"]
    search.look_for("amazonaws")
    assert names(search) == ["Amazon Bedrock", "Claude on Amazon Bedrock"]


def test_nothing_is_below_a_kind(kinds: KindList) -> None:
    assert kinds.rowCount(kinds.index(0, 0)) == 0
    assert kinds.data(QModelIndex()) is None
    assert kinds.index(0, 0).data(4711) is None
