"""Which models each provider is known to have."""

from typing import ClassVar

from app.domain.models import ModelInfo


class ModelList:
    """The models of one provider, in the provider's own order; `names` is None while they are unknown.

    `changes` counts how often any list changed: what was worked out from lists before is to be worked out again.
    """

    changes: ClassVar[int] = 0

    def __init__(self, only: tuple[str, ...] = ()) -> None:
        """Begin with the models the user (or the catalog) fixed, or unknown when there are none."""
        self._only = only
        self.models: tuple[ModelInfo, ...] = tuple(ModelInfo(name) for name in only)
        self.names: frozenset[str] | None = frozenset(only) if only else None
        self._known = {model.id: model for model in self.models}

    def __len__(self) -> int:
        """How many models are known."""
        return len(self.models)

    def get(self, name: str) -> ModelInfo | None:
        """What is known of the model of that name, None when it is not in the list."""
        return self._known.get(name)

    def replace(self, models: tuple[ModelInfo, ...]) -> None:
        """Take a list that has just been fetched; a fixed list only learns what is known of its models."""
        known = {model.id: model for model in models}
        if self._only:
            known = {name: known.get(name, ModelInfo(name)) for name in self._only}
            models = tuple(known.values())
        if models != self.models or self.names is None:
            self.models, self._known, self.names = models, known, frozenset(known)
            ModelList.changes += 1
