"""Model names as clients write them and models as providers list them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model at one provider: `openai/gpt-5-mini` in the contract's spelling."""

    provider: str
    model: str

    def __str__(self) -> str:
        """The contract's spelling, `provider-id/model`."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of one model; None and empty mean unknown.

    `context_length` and `max_output_tokens` are in tokens, `created` in seconds since 1970. `base` is the model behind
    a name of the user's own, such as a deployment's; empty where the name says it.
    """

    id: str
    created: int | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    capabilities: tuple[str, ...] = ()
    base: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """A model name of the user's own, with its targets in order."""

    name: str
    targets: tuple[ModelRef, ...]
    strategy: str = "priority"
