"""The rows of the clouds: what they show as an address, and where their lists and requests go from there."""

import posixpath
import re
from urllib.parse import urlsplit

import pytest

from app.domain.chat import Operation
from app.engine.bus import Bus
from app.engine.provider import Provider
from app.providers.clouds import CLOUDS
from app.providers.spec import ProviderSpec
from app.store.settings import Provider as Settings

ROWS = {row.id: row for row in CLOUDS}


@pytest.mark.parametrize("row", CLOUDS, ids=lambda row: row.id)
def test_every_row_explains_its_address(row: ProviderSpec) -> None:
    assert row.needs_base_url
    words = row.own_words_in(row.address)
    assert words
    assert row.about.endswith(".")
    assert words[0] in row.about
    assert row.root_of(row.address) == row.address
    if not urlsplit(row.address).path.count("PROJECT"):
        assert row.root_of(f"https://{urlsplit(row.address).netloc}/") == row.address


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("azure", "/openai/deployments"),
        ("azure-deployments", "/openai/deployments"),
        ("azure-claude", "/anthropic/v1/models"),
        ("bedrock-mantle", "/v1/models"),
        ("bedrock-mantle-claude", "/anthropic/v1/models"),
        ("vertex", "/v1beta1/publishers/google/models"),
        ("vertex-claude", "/v1beta1/publishers/anthropic/models"),
    ],
)
def test_the_lists(kind: str, path: str) -> None:
    row = ROWS[kind]
    whole = urlsplit(row.address).path + row.models_path.partition("?")[0]
    assert posixpath.normpath(whole) == path


@pytest.mark.parametrize(
    ("kind", "stream", "path"),
    [
        ("azure", False, "/own"),
        ("azure-deployments", True, "/deployments/a%3A0/own?api-version=2024-10-21"),
        ("bedrock", False, "/own"),
        ("bedrock-claude", False, "/model/a%3A0/invoke"),
        ("bedrock-claude", True, "/model/a%3A0/invoke-with-response-stream"),
        ("vertex", False, "/publishers/google/models/a%3A0:generateContent"),
        ("vertex", True, "/publishers/google/models/a%3A0:streamGenerateContent?alt=sse"),
        ("vertex-claude", False, "/publishers/anthropic/models/a%3A0:rawPredict"),
        ("vertex-claude", True, "/publishers/anthropic/models/a%3A0:streamRawPredict"),
    ],
)
def test_the_paths(kind: str, stream: bool, path: str) -> None:
    provider = Provider(Settings(id="p", kind=kind), ROWS[kind], None, Bus())
    assert provider.path(Operation.CHAT, "/own", "a:0", stream=stream) == path


def test_a_version_of_the_users_own() -> None:
    settings = Settings(id="p", kind="azure-deployments", api_version="2025-04-01-preview")
    provider = Provider(settings, ROWS["azure-deployments"], None, Bus())
    assert provider.path(Operation.EMBEDDINGS, "/own", "m", stream=False).endswith("?api-version=2025-04-01-preview")


def test_a_version_where_the_row_has_none() -> None:
    provider = Provider(Settings(id="p", kind="azure", api_version="preview"), ROWS["azure"], None, Bus())
    assert provider.path(Operation.CHAT, "/own", "m", stream=True) == "/own?api-version=preview"
    for kind, paths in (("azure", {}), ("vertex", dict(ROWS["vertex"].paths))):
        assert ROWS[kind].paths_with("" if kind == "azure" else "preview") == paths


def test_names_tell_the_houses_apart() -> None:
    assert len({row.name for row in CLOUDS}) == len(CLOUDS)
    assert all(re.search("Azure|Foundry|Bedrock|Vertex", row.name) for row in CLOUDS)
