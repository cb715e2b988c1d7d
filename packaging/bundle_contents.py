"""What goes into the bundle and what stays out: the spec file obeys these tables, `bundle.verify` checks them."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("desktop", "bedrock", "vertex", "tokens")
"""The extras of pyproject.toml that are bundled: who runs a package cannot add one later."""

HIDDEN = {
    "botocore.auth": "a login at AWS",
    "botocore.awsrequest": "a login at AWS",
    "botocore.credentials": "a login at AWS",
    "botocore.exceptions": "a login at AWS",
    "botocore.session": "a login at AWS",
    "tiktoken": "exact counts of tokens",
    "tiktoken.load": "exact counts of tokens",
    "tiktoken_ext.openai_public": "exact counts of tokens",
    "google.auth": "a login at Google Cloud",
    "google.auth.exceptions": "a login at Google Cloud",
    "google.oauth2.service_account": "a login at Google Cloud",
}
"""Modules of packages that are imported by a name in a string, each with what needs it; app.* is taken whole."""

METADATA = {"genai_prices": "it asks for its own version when it is imported"}
"""Distributions whose description must come along, each with the reason; PyInstaller's hooks know others."""

NOT_BUNDLED = (
    "tkinter", "_tkinter", "turtle", "idlelib", "lib2to3", "ensurepip", "venv", "distutils", "test", "unittest",
    "doctest", "pdb", "bdb", "pydoc", "pydoc_data", "curses", "_curses", "readline", "rlcompleter",
    "sitecustomize", "usercustomize", "pycparser", "cffi", "uvicorn.workers",
)  # fmt: skip
"""Modules of Python and of bundled packages that the program never asks for (readline is under the GPL)."""

QT_UNUSED = (
    "QtConcurrent", "QtDesigner", "QtHelp", "QtOpenGL", "QtOpenGLWidgets", "QtPrintSupport", "QtQml", "QtQuick",
    "QtQuickControls2", "QtQuickTest", "QtQuickWidgets", "QtSql", "QtTest", "QtUiTools", "QtXml",
)  # fmt: skip

DROPPED = re.compile(
    r"""
    ^(PySide6/)?(Qt/)?(translations|qml|resources|metatypes|typesystems)/
    | /plugins/(egldeviceintegrations|generic|networkinformation|printsupport|qmltooling|qmllint|sqldrivers|tls
        |vectorimageformats|xcbglintegrations|wayland-graphics-integration-(client|server)|designer)/
    | /plugins/platforms/(lib)?q(eglfs|linuxfb|minimal|minimalegl|vnc|vkkhrdisplay|direct2d)\b
    | /plugins/platformthemes/libqgtk3\b
    | /plugins/platforminputcontexts/(lib)?qtvirtualkeyboard
    | /plugins/imageformats/(lib)?q(gif|icns|jpeg|pdf|tga|tiff|wbmp|webp)\b
    | /plugins/wayland-shell-integration/lib(fullscreen-shell-v1|ivi-shell|qt-shell|wl-shell-plugin)\b
    | /translations/
    | libQt6(Pdf|EglFS\w*|EglFs\w*|Qml\w*|Quick\w*|VirtualKeyboard\w*|WaylandCompositor|Sql|PrintSupport)\.
    | (^|/)opengl32sw\.dll$
    | \.(pyi|pth|dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json))$
    | \.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$
    | ^setuptools/
    | ^botocore/data/(?!_retry\.json|endpoints\.json|partitions\.json|sdk-default-configuration\.json
        |(signin|sso|sso-oidc|sts)/)
    | ^botocore/cacert\.pem$ | ^dateutil/zoneinfo/
    """,
    re.VERBOSE,
)
"""Files of Qt and of packages that the program does not use, by their place in the bundle."""

SYSTEM_LIBRARIES = re.compile(
    r"""^(
    lib(gtk|gdk|gdk_pixbuf|atk|atk-bridge|atspi|pango|pangocairo|pangoft2|cairo|cairo-gobject|epoxy|harfbuzz|fribidi
        |thai|datrie|graphite2|pixman|gio|gobject|gmodule|mount|blkid|selinux|jpeg)-?[\d.]*\.so
    | libX(11-xcb|11|composite|cursor|damage|ext|fixes|i|inerama|randr|render|au|dmcp)\.so | lib(bsd|md)\.so
    | libxcb-(glx|randr|render|shm|sync|xfixes)\.so
    | lib(stdc\+\+|gcc_s|fontconfig|freetype|expat|png16|brotlicommon|brotlidec|dbus-1|systemd|gcrypt|gpg-error|cap
        |lz4|zstd|uuid)\.so
    | lib(gssapi_krb5|krb5|k5crypto|krb5support|com_err|keyutils)\.so | lib(readline|ncursesw|tinfo)\.so
    )""",
    re.VERBOSE,
)
"""Libraries taken from the Linux system: GTK's are not used at all, the others belong to the desktop's own services,
its fonts or its drivers, and an older copy of ours beside them would be in their way."""

FORBIDDEN = re.compile(
    r"""\.pth$ | sitecustomize | usercustomize | (^|/)(test|tests|testing)/ | lib(gtk|gdk)[-_] | libreadline
    | (^|/)(pytest|mypy|openai|anthropic|google/genai|hypothesis|setuptools|pip)(/|$) | \.dist-info/direct_url""",
    re.VERBOSE,
)
"""What no file of the finished bundle may be called."""


def keep(entry):
    """Whether a file that PyInstaller found, a tuple that begins with its place in the bundle, stays."""
    place = entry[0].replace("\\", "/")
    if DROPPED.search(place):
        return False
    return not (sys.platform.startswith("linux") and "/" not in place and SYSTEM_LIBRARIES.match(place))


def canonical(name):
    """The name of a distribution as the index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def runtime_distributions():
    """Every installed distribution that the program needs to run, by canonical name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = [*project["dependencies"], *(r for extra in EXTRAS for r in project["optional-dependencies"][extra])]
    found = {}
    while waiting:
        requirement = waiting.pop()
        name = canonical(re.match(r"[\w.-]+", requirement)[0])
        if name in found or "extra ==" in requirement:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # for another system
            continue
        waiting += found[name].requires or []
    return found


def foreign_modules():
    """Every top-level module of the environment that no runtime distribution brings: the tools of developers."""
    ours = set(runtime_distributions())
    owners = metadata.packages_distributions()
    return sorted(
        module
        for module, names in owners.items()
        if module.isidentifier() and not ours & {canonical(name) for name in names}
    )


def excluded_modules():
    """Everything the spec excludes."""
    return [*NOT_BUNDLED, *(f"PySide6.{name}" for name in QT_UNUSED), *foreign_modules()]


def app_modules():
    """The name of every module of the program, read from its folder."""
    paths = sorted((ROOT / "app").rglob("*.py"))
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths)
    return [name.removesuffix(".__init__") for name in names]
