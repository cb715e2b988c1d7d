"""Every row of the catalog is sound, can be configured, and stands in the documentation."""

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.providers.catalog import CATALOG
from app.providers.registry import Registry
from app.providers.spec import Auth, ProviderSpec, check
from app.store.settings import Settings

DOC = Path(__file__).parents[2] / "docs" / "providers.md"
REQUIRED = """
    openai openrouter perplexity anthropic gemini mistral cohere groq deepseek xai together fireworks cerebras nvidia
    huggingface github-models moonshot dashscope zhipu sambanova nebius deepinfra hyperbolic blackbox azure
    azure-deployments azure-claude bedrock bedrock-mantle bedrock-claude bedrock-mantle-claude vertex vertex-claude
    ollama ollama-native lmstudio vllm llamacpp jan localai responses-compatible
    openai-compatible
"""


def settings_of(row: ProviderSpec) -> Settings:
    table = {"id": row.id, "kind": row.id} | ({"base_url": "https://x.example/v1"} if row.needs_base_url else {})
    return Settings.model_validate({"providers": [table]}, context={"kinds": Registry(CATALOG).kinds()})


def test_every_promised_provider_is_there() -> None:
    assert [row.id for row in CATALOG] == REQUIRED.split()


@pytest.mark.parametrize("row", CATALOG, ids=lambda row: row.id)
class TestEveryRow:
    def test_is_sound(self, row: ProviderSpec) -> None:
        check(row)

    def test_is_what_the_settings_accept(self, row: ProviderSpec) -> None:
        assert settings_of(row).providers[0].kind == row.id

    def test_is_local_exactly_when_its_address_is(self, row: ProviderSpec) -> None:
        assert row.local is (urlsplit(row.base_url).hostname == "127.0.0.1")
        assert row.local is row.base_url.startswith("http://")

    def test_tells_people_where_its_keys_and_pages_are(self, row: ProviderSpec) -> None:
        if not row.id.endswith("-compatible"):
            assert row.docs
            assert bool(row.key_url) is not row.local

    def test_asks_its_own_host_for_its_models(self, row: ProviderSpec) -> None:
        assert urlsplit(row.base_url + row.models_path).netloc == row.host

    def test_stands_in_the_documentation(self, row: ProviderSpec) -> None:
        assert f"| `{row.id}` | {row.name} | {row.base_url or 'yours'} |" in DOC.read_text(encoding="utf-8")


def test_only_local_servers_get_no_key() -> None:
    assert all(row.local for row in CATALOG if row.auth is Auth.NONE)


def test_the_list_of_github_models_stands_beside_its_base_url() -> None:
    row = Registry(CATALOG).get("github-models")
    assert str(httpx.URL(row.base_url + row.models_path)) == "https://models.github.ai/catalog/models"
