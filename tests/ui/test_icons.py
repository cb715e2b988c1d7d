"""Every state has an icon of its own that can be told apart without colour."""

from dataclasses import replace

import pytest
from PySide6.QtGui import QIcon, QImage
from PySide6.QtWidgets import QApplication

from app.domain.status import HealthState, Snapshot
from app.ui import icons
from app.ui.icons import TowerState
from ui.fake_runtime import TWO, provider

PLAIN = Snapshot("0.1.0", 1.0, "http://127.0.0.1:8484/v1", offline=False, providers=TWO)
DOWN = provider("beta", HealthState.UNREACHABLE)


def grey(icon: QIcon, size: int = 16) -> bytes:
    """The icon as a colour-blind person sees it, on a middle grey, coarse enough to ignore edges."""
    picture = icon.pixmap(size, size).toImage().convertToFormat(QImage.Format.Format_ARGB32)
    levels = (picture.pixelColor(x, y) for y in range(size) for x in range(size))
    return bytes(0 if c.alpha() < 128 else 1 if c.lightness() < 200 else 2 for c in levels)


def differing(one: bytes, other: bytes) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def test_tray_icons_differ_by_shape_at_16_pixels(qapp: QApplication) -> None:
    shapes = {state: grey(icons.tray_icon(state)) for state in TowerState}
    pairs = [(a, b) for a in TowerState for b in TowerState if a < b]
    assert {(a, b) for a, b in pairs if differing(shapes[a], shapes[b]) < 12} == set()


def test_health_icons_differ_by_shape_at_16_pixels(qapp: QApplication) -> None:
    shapes = {state: grey(icons.health_icon(state)) for state in HealthState}
    pairs = [(a, b) for a in HealthState for b in HealthState if a < b]
    assert {(a, b) for a, b in pairs if differing(shapes[a], shapes[b]) < 8} == set()


def test_the_program_and_its_pages_have_icons(qapp: QApplication) -> None:
    assert not icons.app_icon().pixmap(64, 64).isNull()
    for name in ("health", "usage"):
        white = icons.page_icon(name).pixmap(20, 20, QIcon.Mode.Selected).toImage()
        normal = icons.page_icon(name).pixmap(20, 20).toImage()
        assert white != normal


def test_an_icon_keeps_its_colours_where_it_is_disabled(qapp: QApplication) -> None:
    icon = icons.tray_icon(TowerState.READY)
    assert icon.pixmap(16, 16, QIcon.Mode.Disabled).toImage() == icon.pixmap(16, 16).toImage()


@pytest.mark.parametrize(
    ("snapshot", "state"),
    [
        (None, TowerState.STARTING),
        (PLAIN, TowerState.READY),
        (replace(PLAIN, providers=(replace(TWO[0], in_flight=1), TWO[1])), TowerState.BUSY),
        (replace(PLAIN, providers=(TWO[0], DOWN)), TowerState.DEGRADED),
        (replace(PLAIN, providers=(provider("new", HealthState.UNKNOWN),)), TowerState.READY),
        (replace(PLAIN, providers=()), TowerState.DEGRADED),
        (replace(PLAIN, settings_problem="config.toml:1: wrong"), TowerState.DEGRADED),
        (replace(PLAIN, providers=(DOWN,)), TowerState.DOWN),
        (replace(PLAIN, providers=(replace(TWO[0], enabled=False), DOWN)), TowerState.DOWN),
        (replace(PLAIN, listening=""), TowerState.DOWN),
    ],
)
def test_the_state_of_the_whole_program(snapshot: Snapshot | None, state: TowerState) -> None:
    assert icons.tower_state(snapshot) is state
