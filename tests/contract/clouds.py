"""What AWS and Google check at their doors, on loopback: a signature worked out anew, and tokens for signed claims."""

import asyncio
import base64
import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from google.auth import jwt

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ACCOUNT = "robot@project.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"
PERSON = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}


def signed_by(
    method: str, url: str, headers: Mapping[str, str], body: bytes, secret: str = SECRET_KEY
) -> tuple[str, str, str]:
    """The access key, region and service of a request whose signature is right.

    Raises:
        AssertionError: it is not, or a header that must be signed is not.
    """
    kind, _, rest = headers["authorization"].partition(" ")
    told = dict(part.strip().split("=", 1) for part in rest.split(","))
    key, date, region, service, end = told["Credential"].split("/")
    names = told["SignedHeaders"].split(";")
    assert (kind, end, date) == ("AWS4-HMAC-SHA256", "aws4_request", headers["x-amz-date"][:8])
    assert "host" in names
    assert {name for name in headers if name.startswith("x-amz-")} <= set(names)
    request = AWSRequest(method, url, {name: headers[name] for name in names}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(key, secret), service, region)
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert told["Signature"] == expected
    return key, region, service


def framed(payload: bytes, headers: Mapping[str, str]) -> bytes:
    """One message of Amazon's event stream."""
    named = {name.encode(): value.encode() for name, value in headers.items()}
    head = b"".join(
        bytes([len(name)]) + name + b"\x07" + len(value).to_bytes(2) + value for name, value in named.items()
    )
    prelude = (16 + len(head) + len(payload)).to_bytes(4) + len(head).to_bytes(4)
    message = prelude + zlib.crc32(prelude).to_bytes(4) + head + payload
    return message + zlib.crc32(message).to_bytes(4)


def packed(event: bytes) -> bytes:
    """One event of a model as Bedrock frames it."""
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return framed(json.dumps({"bytes": base64.b64encode(event).decode(), "p": "abcdef"}).encode(), headers)


@dataclass
class TokenEndpoint:
    """Gives tokens for claims that its own account has signed; `status` other than 200 refuses."""

    status: int = 200
    lasts_s: int = 3600
    claims: list[Mapping[str, Any]] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    port: int = 0
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self._server.close()
        await self._server.wait_closed()

    def knows(self, authorization: str) -> bool:
        """Whether a header has a token that is good."""
        token = authorization.removeprefix("Bearer ")
        return token in self.given and token not in self.revoked

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    def account(self, **changes: str) -> str:
        """The JSON file of the account's key, in one line."""
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        told = {"type": "service_account", "project_id": "project", "private_key_id": "1", "private_key": pem}
        return json.dumps(told | {"client_email": ACCOUNT, "token_uri": self.url} | changes)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        asked = parse_qs((await reader.readexactly(length)).decode())
        assert "content-type: application/x-www-form-urlencoded\r\n" in head
        if asked["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
            public = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            self.claims.append(jwt.decode(asked["assertion"][0], public, audience=AUDIENCE))
        else:
            assert (asked["grant_type"], asked["refresh_token"]) == (["refresh_token"], [PERSON["refresh_token"]])
        out: dict[str, object] = {"error": "invalid_grant", "error_description": "Account is disabled."}
        if self.status == 200:
            self.given.append(f"ya29.token-{len(self.given)}-{time.time_ns()}")
            out = {"access_token": self.given[-1], "expires_in": self.lasts_s, "token_type": "Bearer"}
        body = json.dumps(out).encode()
        line = f"HTTP/1.1 {self.status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        writer.write(line.encode() + b"connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()
