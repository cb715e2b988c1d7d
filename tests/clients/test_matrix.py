"""Real clients as processes in front of the running program, with every provider's dialect behind it."""

from pathlib import Path

import pytest

from clients.rig import play, stage

CLIENTS = ("openai_chat", "openai_responses", "anthropic_messages", "google_genai", "ollama_python")


@pytest.mark.timeout(180)  # some 80 cases each, on machines that may be busy
@pytest.mark.parametrize("client", CLIENTS)
async def test_every_case_with_every_provider(client: str, tmp_path: Path) -> None:
    async with stage(tmp_path) as running:
        rows = await play(running, f"{client}.py")
    assert len(rows) >= 72
    assert [f"{row.provider}, {row.case}: {row.problem}" for row in rows if row.problem] == []
