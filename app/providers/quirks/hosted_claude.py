"""Claude in somebody else's house: the model's name is in the path, and Anthropic's version in the body."""

import json
from collections.abc import Iterable

from app.dialects import json_edit
from app.providers.outgoing import Headers

BETA = "anthropic-beta"


def body_of(body: bytes, version: str, leave_out: Iterable[str]) -> bytes:
    """The body with that `anthropic_version` and without what `leave_out` names; every other byte stays."""
    known = json_edit.members(body)
    kept = json_edit.rename_members(body, {name: "" for name in leave_out if name in known})
    return json_edit.set_member(kept, "anthropic_version", json.dumps(version).encode())


def betas_in(headers: Headers) -> list[str]:
    """The beta features that the client asked for."""
    return [beta.strip() for name, value in headers if name == BETA for beta in value.split(",") if beta.strip()]
