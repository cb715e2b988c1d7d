"""Claude on Amazon Bedrock by InvokeModel.

Sources: "Anthropic Claude Messages API" of the Bedrock user guide, "CountTokens" of its API reference.
"""

import base64
import json
from dataclasses import replace

from app.dialects import json_edit
from app.providers.outgoing import Outgoing
from app.providers.quirks import hosted_claude

VERSION = "bedrock-2023-05-31"
_EVENTS = ("accept", "application/vnd.amazon.eventstream")


def adjust_request(sent: Outgoing) -> Outgoing:
    """Take out what the path says; what asks for beta features stands in the body here."""
    body = hosted_claude.body_of(sent.body, VERSION, ("model", "stream"))
    betas = hosted_claude.betas_in(sent.headers)
    if betas:
        body = json_edit.set_member(body, "anthropic_beta", json.dumps(betas).encode())
    headers = tuple(header for header in sent.headers if header[0] != hosted_claude.BETA)
    return replace(sent, body=body, headers=(*headers, _EVENTS) if sent.stream else headers)


def adjust_count(sent: Outgoing) -> Outgoing:
    """Pack the request whose tokens are to be counted; it must be one that could be answered."""
    body = adjust_request(sent).body
    if "max_tokens" not in json_edit.members(body):
        body = json_edit.set_member(body, "max_tokens", b"1")
    packed = {"input": {"invokeModel": {"body": base64.b64encode(body).decode()}}}
    return replace(sent, body=json_edit.dumps(packed), headers=())
