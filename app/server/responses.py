"""What the server answers of the Responses dialect besides answers: stored ones, and how many tokens a request has."""

from urllib.parse import parse_qsl, urlencode

import msgspec

from app.dialects import responses
from app.domain.chat import Answer
from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.stored import VERBS, Wanted
from app.server.gate import Visit
from app.server.local import Facade, count, shown

PREFIX = "/v1/responses/"
METHODS = ("GET", "DELETE", "POST")


async def stored(facade: Facade, visit: Visit) -> Answer:
    """Hand a request for a stored response to the provider that keeps it; nothing is accounted for.

    Its query goes along, but for the local token, which may stand there.

    Raises:
        FaultError: NOT_FOUND, or what the provider said.
    """
    one, slash, rest = visit.path.removeprefix(PREFIX).partition("/")
    if (visit.method, slash + rest) not in VERBS:
        raise FaultError(
            Fault(
                FaultKind.NOT_FOUND,
                f"Nothing is served by {visit.method} at {shown(visit.path)!r}.",
                remedy="A stored response takes GET, DELETE, GET …/input_items and POST …/cancel.",
            )
        )
    asked = parse_qsl(visit.query.decode("latin-1"), keep_blank_values=True)
    query = urlencode([(name, value) for name, value in asked if name != "key"])
    return await facade.stored(Wanted(visit.method, one, slash + rest, query, visit.request_id))


async def input_tokens(facade: Facade, visit: Visit) -> Answer:
    """Count the tokens of a request that is not sent: nothing is accounted for.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    headers, tokens = await count(facade, responses.parse_request(visit.body), responses.NAME)
    return Answer(200, headers, msgspec.json.encode({"object": "response.input_tokens", "input_tokens": tokens}))
