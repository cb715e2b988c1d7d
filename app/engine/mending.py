"""The one repair that a request may have, found in what its provider said; it is remembered for that model."""

from dataclasses import dataclass, replace

from app.dialects import json_edit, mending
from app.domain.chat import ApiRequest
from app.domain.faults import Fault
from app.domain.repairs import Mend, Repair, find_repair
from app.engine.attempt import Attempt
from app.engine.router import Candidate

_MOST_MODELS = 500


@dataclass(slots=True)
class Mending:
    """What has been repaired of one request, and for whom."""

    repair: Repair | None = None
    _candidate: Candidate | None = None

    def find(self, attempt: Attempt, fault: Fault) -> bool:
        """Whether the same provider may take the request once it is repaired."""
        if self.repair is not None or attempt.request.body_type:
            return False
        try:
            sent = {*json_edit.members(attempt.body), *(name.replace("-", "_") for name, _ in attempt.request.headers)}
            repair = find_repair(fault, sent)
            if repair is None or not (repair.mend is Mend.BETAS or mending.mend(attempt.body, (repair,))[1]):
                return False
        except json_edit.JsonError:
            return False
        self.repair, self._candidate = repair, attempt.candidate
        if repair.lasts:
            self._remember(attempt.candidate, repair)
        return True

    def prepare(self, attempt: Attempt) -> None:
        """Have an attempt at the same provider say why it is made, and send what is repaired for this request alone."""
        if self.repair is None or attempt.candidate is not self._candidate:
            return
        attempt.reason = f"again, {self.repair.told}"
        if not self.repair.lasts:
            attempt.request = _repaired(attempt.request, self.repair)

    def _remember(self, candidate: Candidate, repair: Repair) -> None:
        repairs, model = candidate.provider.repairs, candidate.model
        if len(repairs) < _MOST_MODELS or model in repairs:
            repairs[model] = repairs.get(model, {}) | {repair.param: repair}


def _repaired(request: ApiRequest, repair: Repair) -> ApiRequest:
    return replace(request, repairs=(repair,))
