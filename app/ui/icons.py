"""The icons: one SVG per state, told apart by shape as well as by colour, and which state the whole program is in."""

from enum import StrEnum
from functools import cache
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtGui import QIcon

import app
from app.domain.status import HealthState, Snapshot


class TowerState(StrEnum):
    """What the tray icon says; the values are file names."""

    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    DEGRADED = "degraded"
    DOWN = "down"
    PAUSED = "paused"


def tower_state(snapshot: Snapshot | None) -> TowerState:
    """The state of the whole program."""
    if snapshot is None:
        return TowerState.STARTING
    wanted = [p for p in snapshot.providers if p.enabled]
    troubled = [p for p in wanted if not p.state.up and p.state is not HealthState.UNKNOWN]
    if not snapshot.listening or (wanted and len(troubled) == len(wanted)):
        return TowerState.DOWN
    if troubled or not wanted or snapshot.settings_problem:
        return TowerState.DEGRADED
    return TowerState.BUSY if any(p.in_flight for p in wanted) else TowerState.READY


@cache
def _folder() -> Path:
    """Where the SVGs are: inside the installed package, or beside it in the project."""
    package = Path(app.__file__).parent
    installed = package / "resources" / "icons"
    return installed if installed.is_dir() else package.parent / "resources" / "icons"


@cache
def icon(name: str) -> QIcon:
    """The icon in `name.svg`, in its own colours also where it is disabled or selected; needs a QGuiApplication."""
    made = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled, QIcon.Mode.Selected):
        made.addFile(str(_folder() / f"{name}.svg"), QSize(), mode)
    return made


@cache
def page_icon(name: str) -> QIcon:
    """The icon of a page, white where the page is selected."""
    made = QIcon(str(_folder() / f"page-{name}.svg"))
    made.addFile(str(_folder() / f"page-{name}-selected.svg"), QSize(), QIcon.Mode.Selected)
    return made


def app_icon() -> QIcon:
    """The program's own icon."""
    return icon("switchtower")


def tray_icon(state: TowerState) -> QIcon:
    """The tray's icon in that state."""
    return icon(f"tray-{state}")


def health_icon(state: HealthState) -> QIcon:
    """The dot of a provider in that state."""
    return icon(f"health-{state}")
