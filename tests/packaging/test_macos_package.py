"""The disk image for macOS: its plists, and which commands would be run in which order; nothing here runs them."""

import plistlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packaging" / "macos"
IDENTITY = "Developer ID Application: Nobody (ABCDE12345)"
SIGNED = {"SWITCHTOWER_SIGN_IDENTITY": IDENTITY}
NOTARISED = {
    **SIGNED,
    "SWITCHTOWER_NOTARY_KEY": "key.p8",
    "SWITCHTOWER_NOTARY_KEY_ID": "KEY",
    "SWITCHTOWER_NOTARY_ISSUER": "ISSUER",
}


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`packaging/macos_package.py`."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    import macos_package

    return macos_package


class Noting:
    """In place of the runner: notes the commands."""

    dry = True

    def __init__(self) -> None:
        self.lines: list[list[str]] = []

    def run(self, *command: object) -> None:
        self.lines.append([str(part) for part in command])

    def programs(self) -> list[str]:
        return [" ".join(line[:2]) if line[0] == "xcrun" else line[0] for line in self.lines]


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A made-up .app: machine code at three depths, a script, and a link."""
    made = tmp_path / "Switchtower.app"
    code = (
        "MacOS/switchtower",
        "Frameworks/libz.dylib",
        "Frameworks/PySide6/Qt/lib/QtCore.framework/Versions/A/QtCore",
    )
    for name in code:
        (made / "Contents" / name).parent.mkdir(parents=True, exist_ok=True)
        (made / "Contents" / name).write_bytes(b"\xcf\xfa\xed\xfe code")
    (made / "Contents" / "Info.plist").write_text("<plist/>")
    (made / "Contents" / "Frameworks" / "link.dylib").symlink_to("libz.dylib")
    return made


def test_it_is_a_program_of_the_menu_bar() -> None:
    told = plistlib.loads((FOLDER / "Info.plist").read_bytes())
    assert told["LSUIElement"] is True
    assert told["NSHighResolutionCapable"] is True
    assert float(told["LSMinimumSystemVersion"]) >= 13
    assert {"CFBundleIdentifier", "CFBundleShortVersionString", "CFBundleExecutable"}.isdisjoint(told), "PyInstaller's"


def test_pyinstaller_merges_it_into_a_program_with_an_icon_and_windows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What PyInstaller adds by itself: for a program of the terminal, which ours is too, that it has no windows."""
    from PyInstaller.building import osx
    from PyInstaller.config import CONF

    ours = plistlib.loads((FOLDER / "Info.plist").read_bytes())
    (tmp_path / "x.icns").write_bytes(b"icns")
    monkeypatch.setitem(CONF, "workpath", str(tmp_path))
    monkeypatch.setattr(osx, "osxutils", SimpleNamespace(sign_binary=lambda *_, **__: None), raising=False)
    monkeypatch.setattr(osx, "_check_path_overlap", lambda _: False)
    bundle = object.__new__(osx.BUNDLE)
    told = {"name": str(tmp_path / "Switchtower.app"), "tocbasename": "x", "icon": str(tmp_path / "x.icns"), "toc": []}
    told |= {"appname": "Switchtower", "bundle_identifier": "io.github.switchtower", "exename": "/x/switchtower"}
    told |= {"version": "1.2.3", "console": True, "info_plist": ours}
    told |= {"codesign_identity": None, "entitlements_file": None}
    vars(bundle).update(told)
    bundle.assemble()
    merged = plistlib.loads((tmp_path / "Switchtower.app" / "Contents" / "Info.plist").read_bytes())
    assert merged["LSUIElement"] is True
    assert merged["LSBackgroundOnly"] is False
    assert {key: merged.pop(key) for key in ours} == ours
    assert merged == {
        "CFBundleName": "Switchtower",
        "CFBundleIdentifier": "io.github.switchtower",
        "CFBundleExecutable": "switchtower",
        "CFBundleIconFile": "x.icns",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundlePackageType": "APPL",
        "CFBundleShortVersionString": "1.2.3",
    }


def test_the_spec_file_uses_both_plists() -> None:
    spec = (ROOT / "packaging" / "switchtower.spec").read_text()
    assert '"Info.plist"' in spec
    assert '"entitlements.plist"' in spec
    assert '"build", "switchtower.icns"' in spec


def test_hardly_anything_is_asked_of_the_hardened_runtime() -> None:
    told = plistlib.loads((FOLDER / "entitlements.plist").read_bytes())
    assert told == {"com.apple.security.cs.allow-unsigned-executable-memory": True}


def test_everything_is_signed_from_the_inside_out(package: ModuleType, app: Path) -> None:
    runner = Noting()
    package.sign_app(app, IDENTITY, runner)
    *signed, checked = runner.lines
    assert [Path(line[-1]).name for line in signed] == ["QtCore", "libz.dylib", "Switchtower.app"]
    assert all(line[:5] == ["codesign", "--force", "--options", "runtime", "--timestamp"] for line in signed)
    assert [line for line in signed if "--entitlements" in line] == [signed[-1]]
    assert checked[:2] == ["codesign", "--verify"]


def test_without_an_identity_it_is_signed_ad_hoc_and_says_so(
    package: ModuleType, app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = Noting()
    package.pack(app, tmp_path / "x.dmg", runner, {})
    assert runner.programs() == ["codesign"] * 4 + ["ditto", "ln", "hdiutil"]
    assert all("runtime" not in line for line in runner.lines)
    assert "ad hoc" in capsys.readouterr().out


def test_with_one_the_image_is_signed_too_but_not_sent_without_a_key(
    package: ModuleType, app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = Noting()
    package.pack(app, tmp_path / "x.dmg", runner, SIGNED)
    assert runner.lines[-1] == ["codesign", "--force", "--timestamp", "--sign", IDENTITY, str(tmp_path / "x.dmg")]
    assert "not notarised" in capsys.readouterr().err


def test_with_a_key_it_is_sent_stapled_and_assessed(package: ModuleType, app: Path, tmp_path: Path) -> None:
    runner = Noting()
    package.pack(app, tmp_path / "x.dmg", runner, NOTARISED)
    assert runner.programs()[-3:] == ["xcrun notarytool", "xcrun stapler", "spctl"]
    [submit] = [line for line in runner.lines if "notarytool" in line]
    assert submit[-7:] == ["--key", "key.p8", "--key-id", "KEY", "--issuer", "ISSUER", "--wait"]


def test_each_processor_has_its_own_image(package: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for machine in ("arm64", "x86_64"):
        monkeypatch.setattr(package.platform, "machine", lambda machine=machine: machine)
        assert package.image_name("1.2.3") == f"Switchtower-1.2.3-macos-{machine}.dmg"


def test_a_missing_tool_and_a_failing_one_are_told_of(package: ModuleType) -> None:
    runner = package.Runner()
    with pytest.raises(package.workbench.SetupError, match="no-such-tool is missing"):
        runner.run("no-such-tool")
    with pytest.raises(package.workbench.SetupError, match="failed"):
        runner.run(sys.executable, "-c", "raise SystemExit(3)")


def test_the_icon_is_written(package: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(package, "ICON", tmp_path / "build" / "switchtower.icns")
    package.prepare()
    assert package.ICON.read_bytes()[:4] == b"icns"


@pytest.mark.skipif(sys.platform == "darwin", reason="here it would build")
@pytest.mark.parametrize(("arguments", "code"), [([], 1), (["--dry-run"], 0)])
def test_elsewhere_it_shows_the_steps_or_says_what_it_needs(arguments: list[str], code: int) -> None:
    command = [sys.executable, ROOT / "build_macos.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert ("on macOS only" in done.stderr) == (code == 1)
    assert ("hdiutil create" in done.stdout) == (code == 0)
