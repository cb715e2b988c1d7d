"""The references from one part of the settings to another that lead nowhere: allowed, but without effect."""

from collections.abc import Iterator

from app.domain.names import nearest
from app.store.settings import Settings
from app.store.settings_rules import quoted

_PROVIDER = "provider:"


def dangling(settings: Settings) -> Iterator[str]:
    """Each budget and each target of an alias that names a provider which is not there, with the nearest that is.

    No error, for then a provider could not be removed before all that speaks of it.
    """
    ids = [provider.id for provider in settings.providers]
    for at, budget in enumerate(settings.budgets):
        if budget.scope.startswith(_PROVIDER) and (name := budget.scope.removeprefix(_PROVIDER)) not in ids:
            yield f"budgets[{at}].scope: no provider has this id, so nothing counts for it{_near(name, ids)}"
    for at, rule in enumerate(settings.aliases):
        for place, ref in enumerate(rule.alias.targets):
            if ref.provider not in ids:
                near = _near(ref.provider, ids)
                yield f"aliases[{at}].targets[{place}]: no provider has this id, so it is left out{near}"


def _near(name: str, ids: list[str]) -> str:
    near = quoted(nearest(name, ids))
    return f"; nearest: {near}" if near else ""
