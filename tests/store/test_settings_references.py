"""What names a provider that is not there is told of, and is no error."""

import pytest

from app.store.settings_references import dangling
from app.store.settings_text import parse

TWO = "".join(f'[[providers]]\nid = "{name}"\nkind = "openai"\n' for name in ("openai", "groq"))
NOBODY = "no provider has this id"


def told(source: str) -> list[str]:
    return list(dangling(parse("config.toml", source, None)))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            TWO + '[[budgets]]\nscope = "provider:OpenAI"\nusd_per_day = 1.0\naction = "stop"\n',
            f'budgets[0].scope: {NOBODY}, so nothing counts for it; nearest: "openai"',
        ),
        (
            TWO + '[[aliases]]\nname = "fast"\ntargets = ["groq/a", "opnai/gpt-5"]\n',
            f'aliases[0].targets[1]: {NOBODY}, so it is left out; nearest: "openai"',
        ),
        ('[[aliases]]\nname = "fast"\ntargets = ["groq/a"]\n', f"aliases[0].targets[0]: {NOBODY}, so it is left out"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_with_the_nearest(source: str, said: str) -> None:
    assert told(source) == [said]


def test_others_are_not() -> None:
    budgets = "".join(f'[[budgets]]\nscope = "{scope}"\n' for scope in ("all", "provider:groq", "client:OpenAI"))
    assert told(TWO + budgets + '[[aliases]]\nname = "fast"\ntargets = ["groq/x/y", "openai/gpt-5"]\n') == []
