"""Work out which providers may answer for a model: the alias, the pinned one, or all that list it, by priority."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.domain.chat import Operation
from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.models import Alias, ModelInfo
from app.domain.names import nearest
from app.engine.catalogue import ModelList
from app.engine.provider import Provider
from app.engine.quotas import Limits
from app.store.settings import Strategy

_MOST_PLANS = 2000
_LONGEST_KEPT = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider that may answer, the model's name there, why it stands in the list, and what its list says of it."""

    provider: Provider
    model: str
    reason: str
    info: ModelInfo | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """Candidates of equal rank, which share the load; `key` tells this tier from others."""

    candidates: tuple[Candidate, ...]
    key: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Who may answer for a model, tier by tier, and how those of one tier share.

    `described`: a list says something of a candidate that could speak against it.
    """

    tiers: tuple[Tier, ...]
    strategy: str
    described: bool


@dataclass(slots=True)
class _Plans:
    """The plans that were made since a model list changed last."""

    changes: int = -1
    made: dict[tuple[str, Operation], Plan | Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Routing:
    """What routing goes by: the providers in the order of the settings, the aliases, and the forced provider's id.

    `strategy` shares the load of equal priorities, `affinity` keeps conversations where they are, `limits` are those
    of the settings.
    """

    providers: tuple[Provider, ...] = ()
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    forced: str = ""
    strategy: str = Strategy.PRIORITY
    affinity: bool = True
    limits: Limits = field(default_factory=Limits, compare=False)
    _plans: _Plans = field(default_factory=_Plans, compare=False, repr=False)

    def find(self, provider_id: str) -> Provider | None:
        """The provider with that id."""
        return next((p for p in self.providers if p.id == provider_id), None)

    def plan(self, model: str, operation: Operation) -> Plan:
        """Who may answer for `model`; worked out once, and again when a model list has changed.

        Raises:
            FaultError: NO_PROVIDER, MODEL_NOT_FOUND, PROVIDER_DISABLED, NEEDS_KEY or CONFIG_ERROR, when nobody may.
        """
        plans = self._plans
        if plans.changes != ModelList.changes or len(plans.made) > _MOST_PLANS:
            plans.made.clear()
            plans.changes = ModelList.changes
        made = plans.made.get((model, operation))
        if made is None:
            try:
                made = plan(model, operation, self)
            except FaultError as error:
                made = error.fault
            if len(model) <= _LONGEST_KEPT:
                plans.made[model, operation] = made
        if isinstance(made, Fault):
            raise FaultError(made)
        return made


def plan(model: str, operation: Operation, routing: Routing) -> Plan:
    """Work out who may answer for `model`, whatever state they are in at the moment; never empty.

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
        targets = _from_alias(alias, operation, routing)
        together = [targets] if alias.strategy != Strategy.PRIORITY else [[target] for target in targets]
        return _plan(model, together, alias.strategy)
    provider_id, slash, name = model.partition("/")
    pinned = routing.find(provider_id) if slash else None
    if pinned is not None:
        return _plan(model, [[_pinned(pinned, name, operation, routing)]], routing.strategy)
    return _plan(model, _listed(model, operation, routing), routing.strategy)


def _plan(model: str, groups: Iterable[list[Candidate]], strategy: str) -> Plan:
    """A plan of these groups, best first."""
    tiers = tuple(
        Tier(tuple(group), "\0".join((model, strategy, *(f"{c.provider.id}/{c.model}" for c in group))))
        for group in groups
    )
    said = (c.info for tier in tiers for c in tier.candidates if c.info is not None)
    return Plan(tiers, strategy, any(info.capabilities or info.context_length for info in said))


def _from_alias(alias: Alias, operation: Operation, routing: Routing) -> list[Candidate]:
    """The targets of an alias that may be asked, in the alias's order."""
    found: list[Candidate] = []
    first_fault: FaultError | None = None
    for target in alias.targets:
        provider = routing.find(target.provider)
        if provider is None:
            continue
        try:
            found.append(replace(_pinned(provider, target.model, operation, routing), reason=f"alias {alias.name}"))
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
    return _candidate(provider, name, "named in the request")


def _candidate(provider: Provider, model: str, reason: str) -> Candidate:
    return Candidate(provider, model, reason, provider.catalogue.get(model))


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
    if not provider.spec.offers(operation):
        if operation is Operation.RESPONSES:
            raise FaultError(_keeps_nothing(provider))
        raise FaultError(
            Fault(
                FaultKind.MODEL_NOT_FOUND,
                f"{provider.name} does not offer {operation}.",
                provider=provider.id,
                remedy="Ask another provider for it.",
            )
        )


def _keeps_nothing(provider: Provider) -> Fault:
    """The fault of a request that leans on stored responses, at a provider whose answers are translated."""
    return Fault(
        FaultKind.NOT_FOUND,
        f"{provider.name} keeps no responses, and the request refers to one, or asks for one to be kept.",
        remedy="Send the whole conversation as `input`, or choose a model of a provider with the Responses API.",
        provider=provider.id,
        param="previous_response_id",
    )


def _listed(model: str, operation: Operation, routing: Routing) -> list[list[Candidate]]:
    """Every provider that lists or maps the bare name, by priority, then those whose models are unknown."""
    found: dict[tuple[bool, int], list[Candidate]] = {}
    refused: list[FaultError] = []
    for provider in _by_priority(routing):
        mapped = provider.settings.model_map.get(model)
        unknown = mapped is None and provider.catalogue.names is None
        if not unknown and mapped is None and provider.catalogue.get(model) is None:
            continue
        try:
            _check(provider, operation)
        except FaultError as error:
            if not unknown or not any(p.usable for p in routing.providers):
                refused.append(error)
            continue
        priority = provider.settings.priority
        reason = f"priority {priority}, its models are unknown" if unknown else f"priority {priority}"
        found.setdefault((unknown, priority), []).append(_candidate(provider, mapped or model, reason))
    if found:
        return [found[rank] for rank in sorted(found)]
    raise refused[0] if refused else FaultError(_unknown(model, routing))


def _by_priority(routing: Routing) -> Iterable[Provider]:
    """The providers in the order of their priority, or just the forced one."""
    if routing.forced:
        forced = routing.find(routing.forced)
        return () if forced is None else (forced,)
    return sorted(routing.providers, key=lambda p: p.settings.priority)


def _unknown(model: str, routing: Routing) -> Fault:
    """The fault of a name nobody has, or not the one provider in use, with the three nearest that somebody has."""
    forced = routing.find(routing.forced) if routing.forced else None
    names: list[str] = list(routing.aliases)
    pinned = "/" in model
    unreadable: list[str] = []
    for provider in routing.providers if forced is None else (forced,):
        if not provider.usable:
            unreadable.append(provider.id)
            continue
        known = (*(m.id for m in provider.catalogue.models), *provider.settings.model_map)
        names += [f"{provider.id}/{name}" for name in known] if pinned else known
    near = nearest(model, names)
    remedy = f"Nearest names: {', '.join(near)}." if near else "See GET /v1/models for the names there are."
    if unreadable:
        remedy += f" Not in use: {', '.join(unreadable)}."
    who = "No provider has"
    if forced is not None:
        who = f"Only {forced.id} is in use, which does not have"
        remedy = f"Choose Use only ▸ Automatic in the tray. {remedy}"
    return Fault(FaultKind.MODEL_NOT_FOUND, f"{who} the model {model!r}.", remedy=remedy, param="model")
