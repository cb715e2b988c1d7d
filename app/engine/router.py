"""Choose which providers may answer a request, best first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.domain.chat import Operation
from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.models import Alias
from app.domain.names import nearest
from app.domain.status import HealthState
from app.engine.provider import Provider


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider that may answer, the model's name there, and why it stands in the list."""

    provider: Provider
    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class Routing:
    """What routing goes by: the providers in the order of the settings, the aliases, and the forced provider's id."""

    providers: tuple[Provider, ...] = ()
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    forced: str = ""

    def find(self, provider_id: str) -> Provider | None:
        """The provider with that id."""
        return next((p for p in self.providers if p.id == provider_id), None)


def candidates(model: str, operation: Operation, routing: Routing) -> list[Candidate]:
    """Return who may answer for `model`, best first; never empty.

    Raises:
        FaultError: NO_PROVIDER, MODEL_NOT_FOUND, PROVIDER_DISABLED, NEEDS_KEY or CONFIG_ERROR, when nobody may.
    """
    if not routing.providers:
        raise FaultError(
            Fault(
                FaultKind.NO_PROVIDER,
                "No provider is set up.",
                remedy="Add one in the tray (Add a provider…) or with `switchtower providers add KIND`.",
            )
        )
    alias = routing.aliases.get(model)
    if alias is not None:
        found = _from_alias(alias, operation, routing)
    else:
        provider_id, slash, name = model.partition("/")
        pinned = routing.find(provider_id) if slash else None
        found = [_pinned(pinned, name, operation, routing)] if pinned else _listed(model, operation, routing)
    return sorted(found, key=_is_down)


def _is_down(candidate: Candidate) -> bool:
    """Whether the provider did not answer last time: it is asked last, but never refused."""
    return candidate.provider.state is HealthState.UNREACHABLE


def _from_alias(alias: Alias, operation: Operation, routing: Routing) -> list[Candidate]:
    """The targets of an alias that may be asked, in the alias's order."""
    found: list[Candidate] = []
    first_fault: FaultError | None = None
    for target in alias.targets:
        provider = routing.find(target.provider)
        if provider is None:
            continue
        try:
            found.append(_pinned(provider, target.model, operation, routing))
        except FaultError as error:
            first_fault = first_fault or error
    if found:
        return found
    raise first_fault or FaultError(_unknown(alias.name, routing))


def _pinned(provider: Provider, model: str, operation: Operation, routing: Routing) -> Candidate:
    """The one provider the request names."""
    if routing.forced and provider.id != routing.forced:
        raise FaultError(
            Fault(
                FaultKind.PROVIDER_DISABLED,
                f"Only {routing.forced} is in use, and the request asks for {provider.id}.",
                remedy="Choose Use only ▸ Automatic in the tray.",
                provider=provider.id,
            )
        )
    _check(provider, operation)
    name = provider.settings.model_map.get(model, model)
    if provider.settings.models and model not in provider.settings.models and name == model:
        raise FaultError(_unknown(f"{provider.id}/{model}", routing))
    return Candidate(provider, name, "named in the request")


def _check(provider: Provider, operation: Operation) -> None:
    """Refuse a provider that cannot be asked, with the reason and the remedy."""
    if not provider.settings.enabled:
        raise FaultError(
            Fault(
                FaultKind.PROVIDER_DISABLED,
                f"{provider.name} is switched off.",
                remedy=f"Switch it on in the tray or with `switchtower providers enable {provider.id}`.",
                provider=provider.id,
            )
        )
    if provider.problem is not None:
        raise FaultError(provider.problem)
    if operation not in provider.spec.operations:
        raise FaultError(
            Fault(
                FaultKind.MODEL_NOT_FOUND,
                f"{provider.name} does not offer {operation}.",
                provider=provider.id,
                remedy="Ask another provider for it.",
            )
        )


def _listed(model: str, operation: Operation, routing: Routing) -> list[Candidate]:
    """Every provider that lists or maps the bare name, then those whose models are unknown."""
    sure: list[Candidate] = []
    unsure: list[Candidate] = []
    refused: list[FaultError] = []
    for provider in _by_priority(routing):
        mapped = provider.settings.model_map.get(model)
        names = provider.catalogue.names
        unknown = mapped is None and names is None
        if not unknown and mapped is None and model not in (names or ()):
            continue
        try:
            _check(provider, operation)
        except FaultError as error:
            if not unknown or not any(p.usable for p in routing.providers):
                refused.append(error)
            continue
        candidate = Candidate(provider, mapped or model, f"priority {provider.settings.priority}")
        (unsure if unknown else sure).append(candidate)
    if sure or unsure:
        return sure + unsure
    raise refused[0] if refused else FaultError(_unknown(model, routing))


def _by_priority(routing: Routing) -> Iterable[Provider]:
    """The providers in the order of their priority, or just the forced one."""
    if routing.forced:
        forced = routing.find(routing.forced)
        return () if forced is None else (forced,)
    return sorted(routing.providers, key=lambda p: p.settings.priority)


def _unknown(model: str, routing: Routing) -> Fault:
    """The fault of a name nobody has, with the three nearest that somebody has."""
    names: list[str] = list(routing.aliases)
    pinned = "/" in model
    unreadable: list[str] = []
    for provider in routing.providers:
        if not provider.usable:
            unreadable.append(provider.id)
            continue
        known = (*(m.id for m in provider.catalogue.models), *provider.settings.model_map)
        names += [f"{provider.id}/{name}" for name in known] if pinned else known
    near = nearest(model, names)
    remedy = f"The nearest are: {', '.join(near)}." if near else "See GET /v1/models for the names there are."
    if unreadable:
        remedy += f" Not in use: {', '.join(unreadable)}."
    return Fault(FaultKind.MODEL_NOT_FOUND, f"No provider has the model {model!r}.", remedy=remedy, param="model")
