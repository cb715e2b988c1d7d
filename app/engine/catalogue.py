"""Which models each provider is known to have, and the page that lists them all."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import ClassVar

from app.dialects.openai_models import render_model
from app.domain.models import ModelInfo

Facts = Callable[[str, str], ModelInfo | None]
"""What else is known of a model at providers of a kind, None when nothing is."""


class ModelList:
    """The models of one provider, in the provider's own order; `names` is None while they are unknown.

    `changes` counts how often any list changed: what was worked out from lists before is to be worked out again.
    `fetched_at_s` is when the provider sent it, in seconds since 1970, None when it did not.
    """

    changes: ClassVar[int] = 0

    def __init__(self, only: tuple[str, ...] = ()) -> None:
        """Begin with the models the user (or the catalog) fixed, or unknown when there are none."""
        self._only = only
        self.models: tuple[ModelInfo, ...] = tuple(ModelInfo(name) for name in only)
        self.names: frozenset[str] | None = frozenset(only) if only else None
        self.fetched_at_s: float | None = None
        self._known = {model.id: model for model in self.models}

    def __len__(self) -> int:
        """How many models are known."""
        return len(self.models)

    def get(self, name: str) -> ModelInfo | None:
        """What is known of the model of that name, None when it is not in the list."""
        return self._known.get(name)

    def real_name(self, name: str) -> str:
        """What the model is called elsewhere: the one behind a name of the user's own, else the name itself."""
        info = self._known.get(name)
        return info.base or name if info is not None else name

    def is_stale(self, now_s: float, ttl_s: float) -> bool:
        """Whether it is older than `ttl_s`, or was never fetched."""
        return self.fetched_at_s is None or not 0 <= now_s - self.fetched_at_s < ttl_s

    def replace(self, models: tuple[ModelInfo, ...], fetched_at_s: float | None = None) -> bool:
        """Take a list that was fetched then; a fixed list only learns what is known of its models.

        Returns whether anything is different now.
        """
        self.fetched_at_s = fetched_at_s
        known = {model.id: model for model in models}
        if self._only:
            known = {name: known.get(name, ModelInfo(name)) for name in self._only}
            models = tuple(known.values())
        if models == self.models and self.names is not None:
            return False
        self.models, self._known, self.names = models, known, frozenset(known)
        ModelList.changes += 1
        return True


def complete(models: Iterable[ModelInfo], kind: str, facts: Facts) -> tuple[ModelInfo, ...]:
    """Fill in what the provider did not say of its models but is known of them otherwise."""
    return tuple(_completed(model, kind, facts) for model in models)


def _completed(model: ModelInfo, kind: str, facts: Facts) -> ModelInfo:
    if model.context_length and model.max_output_tokens and model.capabilities:
        return model
    known = facts(kind, model.base or model.id)
    if known is None:
        return model
    return replace(
        model,
        context_length=model.context_length or known.context_length,
        max_output_tokens=model.max_output_tokens or known.max_output_tokens,
        capabilities=model.capabilities or known.capabilities,
    )


class ModelPage:
    """Every model that may be asked for, with its owner; looked up and written once, however often it is read."""

    def __init__(self, entries: Iterable[tuple[str, ModelInfo]]) -> None:
        """Take the models in the order in which they are to be listed."""
        self._entries = tuple(entries)
        self._by_name: dict[str, tuple[str, ModelInfo]] = {}
        self._body: bytes | None = None

    def __iter__(self) -> Iterator[tuple[str, ModelInfo]]:
        """Go through owners and models."""
        return iter(self._entries)

    def __len__(self) -> int:
        """How many models there are."""
        return len(self._entries)

    @property
    def body(self) -> bytes:
        """OpenAI's list of them."""
        if self._body is None:
            rows = b",".join([render_model(owner, model) for owner, model in self._entries])
            self._body = b'{"object":"list","data":[' + rows + b"]}"
        return self._body

    def find(self, name: str) -> tuple[str, ModelInfo] | None:
        """The model called `owner/id`, or the first with that bare id."""
        if not self._by_name:
            for owner, model in self._entries:
                self._by_name.setdefault(model.id, (owner, model))
            for owner, model in self._entries:
                self._by_name.setdefault(f"{owner}/{model.id}", (owner, model))
        return self._by_name.get(name)
