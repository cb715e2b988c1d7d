"""One shared context that always verifies, and certificate files that cannot be used."""

import ssl
from pathlib import Path

import pytest

from app.domain.faults import FaultError, FaultKind
from app.net import tls


def test_the_system_context_is_shared_and_verifies() -> None:
    context = tls.context_for()
    assert context is tls.context_for()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_file_of_ones_own_is_added_to_the_system(authority_file: Path) -> None:
    own, shared = tls.context_for(str(authority_file)), tls.context_for()
    assert own is not shared
    assert own.verify_mode is ssl.CERT_REQUIRED
    assert own.check_hostname
    assert own.cert_store_stats()["x509_ca"] == shared.cert_store_stats()["x509_ca"] + 1


def test_an_openssl_built_for_another_place_finds_the_system(
    monkeypatch: pytest.MonkeyPatch, authority_file: Path
) -> None:
    empty = ssl.DefaultVerifyPaths(None, None, "SSL_CERT_FILE", "/x", "SSL_CERT_DIR", "/y")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: empty)
    monkeypatch.setattr(ssl, "create_default_context", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    monkeypatch.setattr(tls, "_BUNDLES", ("/nowhere.pem", str(authority_file)))
    assert tls.system_context().cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), ("", "holds no PEM certificate"), ("nonsense", "holds no PEM")]
)
def test_files_that_cannot_be_used(tmp_path: Path, content: str | None, says: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FaultError) as caught:
        tls.context_for(str(path))
    fault = caught.value.fault
    assert fault.kind is FaultKind.CONFIG_ERROR
    assert says in fault.message
    assert str(path) in fault.message
    assert "ca_file" in fault.remedy


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FaultError):
        tls.context_for(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "says"), [("~nobody-of-this-name/ca.pem", "home directory"), ("ca\0.pem", "null byte")]
)
def test_names_that_no_file_can_have(name: str, says: str) -> None:
    with pytest.raises(FaultError) as caught:
        tls.context_for(name)
    assert caught.value.fault.kind is FaultKind.CONFIG_ERROR
    assert says in caught.value.fault.message
