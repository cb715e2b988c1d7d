"""Claude on Vertex AI by rawPredict. Source: "Request predictions with Claude models" of the Vertex AI guide."""

from dataclasses import replace

from app.providers.outgoing import Outgoing
from app.providers.quirks import hosted_claude

VERSION = "vertex-2023-10-16"


def adjust_request(sent: Outgoing) -> Outgoing:
    """Take out the model's name, which the path says."""
    return replace(sent, body=hosted_claude.body_of(sent.body, VERSION, ("model",)))


def adjust_count(sent: Outgoing) -> Outgoing:
    """Counting has a path without the model's name: it stays in the body."""
    return replace(sent, body=hosted_claude.body_of(sent.body, VERSION, ()))
