"""The installers for Windows: their sources, their compilers where they are installed, signing, and what is refused."""

import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packaging"
WIX = "{http://schemas.microsoft.com/wix/2006/wi}"


@pytest.fixture
def installers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """`packaging/windows_installers.py`, which leaves its files in a folder of the test; no key to sign with."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("PFX", "PASSWORD_FILE", "THUMBPRINT", "TIMESTAMP"):
        monkeypatch.delenv(f"SWITCHTOWER_SIGN_{name}", raising=False)
    import windows_installers

    monkeypatch.setattr(windows_installers, "BUILD", tmp_path / "build")
    monkeypatch.setattr(windows_installers, "ICON", tmp_path / "build" / "switchtower.ico")
    monkeypatch.setattr(windows_installers, "PICTURE", tmp_path / "build" / "setup.bmp")
    monkeypatch.setattr(windows_installers, "RESOURCE", tmp_path / "build" / "version_resource.txt")
    return windows_installers


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A made-up bundle."""
    folder = tmp_path / "stage"
    for name in ("switchtower.exe", "switchtowerw.exe", "_internal/app/resources/icons/a & b.svg", "_internal/x.dll"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"MZ not really")
    return folder


def needs(*programs: str) -> None:
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")


@pytest.mark.parametrize(
    ("version", "numbers", "short"),
    [("0.1.0", (0, 1, 0, 0), "0.1.0"), ("1.2.3rc1", (1, 2, 3, 0), "1.2.3"), ("2.0", (2, 0, 0, 0), "2.0.0")],
)
def test_versions(installers: ModuleType, version: str, numbers: tuple[int, ...], short: str) -> None:
    assert installers.four(version) == numbers
    assert installers.three(version) == short


def test_the_version_resource_is_what_pyinstaller_reads(
    installers: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform != "win32":
        monkeypatch.setitem(
            sys.modules, "pefile", ModuleType("pefile")
        )  # is there on Windows only, and not needed here
        monkeypatch.setattr("PyInstaller.compat.win32api", None, raising=False)
    from PyInstaller.utils.win32 import versioninfo

    installers.prepare("1.2.3")
    made = eval(installers.RESOURCE.read_text(), vars(versioninfo))  # noqa: S307 - as PyInstaller does
    assert len(made.toRaw()) > 400
    assert made.ffi.fileVersionMS == (1 << 16) + 2
    assert installers.ICON.read_bytes()[:4] == b"\0\0\1\0"
    assert installers.PICTURE.read_bytes()[:2] == b"BM"


def test_the_msi_names_every_file_once_under_lasting_identifiers(installers: ModuleType, stage: Path) -> None:
    source = installers.windows_msi.source(stage, "1.2.3")
    assert source == installers.windows_msi.source(stage, "1.2.3")
    tree = ElementTree.fromstring(source)  # noqa: S314 - our own text
    files = [file.get("Source") for file in tree.iter(f"{WIX}File")]
    assert sorted(files) == sorted(f"stage/{p.relative_to(stage).as_posix()}" for p in stage.rglob("*") if p.is_file())
    components = [component.get("Id") for component in tree.iter(f"{WIX}Component")]
    assert len(set(components)) == len(components)
    assert {reference.get("Id") for reference in tree.iter(f"{WIX}ComponentRef")} == set(components)
    guids = [uuid.UUID(component.get("Guid")) for component in tree.iter(f"{WIX}Component")]
    assert len(set(guids)) == len(guids)
    other = ElementTree.fromstring(installers.windows_msi.source(stage, "2.0.0"))  # noqa: S314 - as above
    assert [c.get("Guid") for c in other.iter(f"{WIX}Component")] == [str(guid).upper() for guid in guids]


def test_the_upgrade_code_stays_for_ever(installers: ModuleType) -> None:
    assert installers.windows_msi.UPGRADE_CODE == "C0B1D7B4-6A0E-4B0C-9C0E-5F5D8B0E7A31"


def test_both_installers_compile(installers: ModuleType, stage: Path, tmp_path: Path) -> None:
    needs("makensis", "wixl", "msiinfo")
    installers.prepare("1.2.3")
    setup, msi = installers.make(stage, tmp_path / "out", "1.2.3")
    assert setup.name == "Switchtower-1.2.3-setup-x64.exe"
    assert setup.read_bytes()[:2] == b"MZ"
    told = subprocess.run(["msiinfo", "export", msi, "CustomAction"], capture_output=True, text=True, check=True).stdout
    assert "[INSTALLDIR]switchtower.exe" in told
    assert "QuitRunning" in told
    sums = (tmp_path / "out" / "SHA256SUMS-windows").read_text().splitlines()
    assert [line.partition("  ")[2] for line in sums] == [setup.name, msi.name]


def test_the_installer_holds_every_file_of_the_bundle(
    installers: ModuleType, stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("makensis")
    told: list[str] = []

    def run(command: list[object], *_: object) -> None:
        line = ["-V4" if part == "-V2" else str(part) for part in command]
        told.append(subprocess.run(line, capture_output=True, text=True, check=True).stdout)

    monkeypatch.setattr(installers, "run", run)
    installers.prepare("1.2.3")
    installers.nsis(stage, tmp_path, "1.2.3")
    for file in stage.rglob("*"):
        assert f'File: "{file.name}"' in told[0] or file.is_dir(), file


def test_paths_in_the_source_of_the_installer_are_split_as_makensis_does_on_windows() -> None:
    source = (FOLDER / "windows" / "setup.nsi").read_text()
    assert re.findall(r"\$\{?\w+\}?/\S*|^ *File .*/(?!r).*", source, re.MULTILINE) == []
    assert 'File /r "${STAGE}\\*"' in source


def test_a_folder_that_is_no_bundle_is_refused(installers: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(installers.workbench.SetupError, match=r"no switchtower\.exe and no switchtowerw\.exe"):
        installers.make(tmp_path, tmp_path / "out", "1.2.3")


def test_bundle_and_installers_can_be_made_on_two_systems(
    installers: ModuleType, stage: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import bundle

    made: list[tuple[str, Path]] = []
    monkeypatch.setattr(bundle, "build", lambda folder: made.append(("bundle", folder)) or stage)
    monkeypatch.setattr(
        installers, "make", lambda *given: made.append(("installers", given[0])) or [given[1] / "x.exe"]
    )
    out = stage.parent / "out"
    installers.build(["--bundle", str(out)])
    assert capsys.readouterr().out.split() == [str(stage)]
    installers.build(["--stage", str(stage), str(out)])
    assert capsys.readouterr().out.split() == [str(out / "x.exe")]
    installers.build([str(out)])
    assert made == [("bundle", out), ("installers", stage), ("bundle", out), ("installers", stage)]
    with pytest.raises(installers.workbench.SetupError, match="--stage takes"):
        installers.build(["--stage"])


def test_a_missing_compiler_is_named_with_where_to_get_it(
    installers: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installers.shutil, "which", lambda _: None)
    for name in installers.HOW_TO_GET:
        with pytest.raises(installers.workbench.SetupError, match=f"{name} is missing. Install "):
            installers.tool(name)


@pytest.mark.skipif(sys.platform == "win32", reason="here it would build")
def test_elsewhere_it_says_what_it_needs() -> None:
    done = subprocess.run([sys.executable, ROOT / "build_windows.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "on Windows only" in done.stderr
    assert "--stage" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# -- signing


def test_without_a_key_nothing_is_signed(installers: ModuleType) -> None:
    assert not installers.windows_sign.wanted({})
    with pytest.raises(installers.workbench.SetupError, match="SWITCHTOWER_SIGN_PFX"):
        installers.windows_sign.command(Path("x.exe"), Path("y.exe"), {"SWITCHTOWER_SIGN_PFX": "key.pfx"})


def test_signtool_takes_a_certificate_of_the_store(installers: ModuleType) -> None:
    environ = {"SWITCHTOWER_SIGN_THUMBPRINT": "ABC", "SWITCHTOWER_SIGN_TIMESTAMP": "http://stamp.example"}
    line = installers.windows_sign.command(Path("x.exe"), Path("y.exe"), environ)
    assert line[:4] == ["signtool", "sign", "/sha1", "ABC"]
    assert line[-5:] == ["/tr", "http://stamp.example", "/td", "sha256", "x.exe"]


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A throw-away key in a file, named by the environment."""
    needs("openssl", "osslsigncode")
    secret = tmp_path / "password"
    secret.write_text("made-up")
    pem, certificate, pfx = (tmp_path / name for name in ("key.pem", "cert.pem", "key.pfx"))
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", pem, "-out", certificate]
    subprocess.run([*made, "-subj", "/CN=Test", "-days", "2"], check=True, capture_output=True)
    packed = ["openssl", "pkcs12", "-export", "-inkey", pem, "-in", certificate, "-out", pfx]
    subprocess.run([*packed, "-passout", f"file:{secret}"], check=True, capture_output=True)
    monkeypatch.setenv("SWITCHTOWER_SIGN_PFX", str(pfx))
    monkeypatch.setenv("SWITCHTOWER_SIGN_PASSWORD_FILE", str(secret))
    return certificate


def test_programs_and_both_installers_are_signed(
    installers: ModuleType,
    stage: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needs("makensis", "wixl")
    certificate = request.getfixturevalue("key")
    project = tmp_path / "a folder of O'Brien"
    shutil.copytree(FOLDER, project / "packaging")
    monkeypatch.setattr(installers, "HERE", project / "packaging" / "windows")
    for name in installers.PROGRAMS:
        out = f"-DOUT={stage / name}"
        script = FOLDER / "windows" / "stand_in.nsi"
        subprocess.run(["makensis", "-V1", "-DAMD64", "-DVERSION=1.2.3", out, script], check=True, capture_output=True)
    installers.prepare("1.2.3")
    made = installers.make(stage, project / "out", "1.2.3")
    for file in (*made, *(stage / name for name in installers.PROGRAMS)):
        checked = subprocess.run(
            ["osslsigncode", "verify", "-CAfile", certificate, "-in", file], capture_output=True, text=True, check=False
        )
        assert "Signature verification: ok" in checked.stdout + checked.stderr, file.name
    assert list((project / "out").glob("*.signed")) == []


def test_what_cannot_be_signed_is_told(
    installers: ModuleType, tmp_path: Path, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    request.getfixturevalue("key")
    (tmp_path / "x.exe").write_text("no program")
    assert installers.windows_sign.main([str(tmp_path / "x.exe")]) == 1
    assert "could not sign x.exe" in capfd.readouterr().err


# -- the scripts themselves


def test_the_wine_script_has_no_shell_errors() -> None:
    needs("shellcheck")
    subprocess.run(["shellcheck", FOLDER / "windows" / "check_wine.sh"], check=True)
