"""Which models each provider is known to have."""

from app.domain.models import ModelInfo


class ModelList:
    """The models of one provider, in the provider's own order; `names` is None while they are unknown."""

    def __init__(self, only: tuple[str, ...] = ()) -> None:
        """Begin with the models the user (or the catalog) fixed, or unknown when there are none."""
        self._only = only
        self.models: tuple[ModelInfo, ...] = tuple(ModelInfo(name) for name in only)
        self.names: frozenset[str] | None = frozenset(only) if only else None

    def replace(self, models: tuple[ModelInfo, ...]) -> None:
        """Take a list that has just been fetched; a fixed list only learns what is known of its models."""
        if self._only:
            known = {model.id: model for model in models}
            models = tuple(known.get(name, ModelInfo(name)) for name in self._only)
        self.models = models
        self.names = frozenset(model.id for model in models)
