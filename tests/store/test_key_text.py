"""Keys that are files of many lines; the rest is in test_secrets.py."""

import json

import pytest

from app.domain.secret import Secret
from app.store.key_text import clean_key
from app.store.keyring_thread import KeyringProblem

ACCOUNT = {"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"}


@pytest.mark.parametrize("text", [json.dumps(ACCOUNT, indent=2), f"\ufeff{json.dumps(ACCOUNT)}"[1:] + "\r\n"])
def test_a_json_file_becomes_one_line(text: str) -> None:
    key = clean_key(text).reveal()
    assert json.loads(key) == ACCOUNT
    assert "\n" not in key
    assert " " not in key.replace(" PRIVATE KEY", "")


def test_what_only_begins_like_a_json_file() -> None:
    assert clean_key(" {abc ") == Secret("{abc")
    with pytest.raises(KeyringProblem, match="line breaks"):
        clean_key('{"a":\n"b"')
