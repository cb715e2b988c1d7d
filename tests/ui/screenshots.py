"""Write pictures of every window: `[QT_SCALE_FACTOR=2] python tests/ui/screenshots.py FOLDER`; the data is invented."""

import asyncio
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QWidget

from app.domain.status import BreakerState, HealthState
from app.domain.usage import Grouping, UsageRow
from app.ui import icons, theme
from app.ui.bridge import Bridge
from app.ui.loop import make_loop
from app.ui.tray_menu import Actions, TrayMenu
from app.ui.windows.about import About
from app.ui.windows.key import KeyDialog
from app.ui.windows.main import MainWindow
from ui.fake_runtime import FakeRuntime, provider

REFUSED = (
    "OpenAI refused the key: <b>Incorrect API key provided</b> <img src=http://127.0.0.1:9/x.png> sk-…f3a1. "
    "Open Health → OpenAI → Replace key and paste a new one."
)
PORT_TAKEN = "127.0.0.1:8484 is taken by process 4711. End it, or choose another port (server.port in the settings)."
MISSPELT = "config.toml:12: server.prot: there is no such setting. The nearest is server.port."
PROVIDERS = (
    provider("openai", kind="openai", name="OpenAI", latency_ms=212.4, requests=12045, failures=3, models=42),
    provider("groq", HealthState.SLOW, kind="groq", name="Groq", latency_ms=3120.0, requests=311, models=18),
    provider(
        "mistral",
        HealthState.UNREACHABLE,
        kind="mistral",
        name="Mistral AI",
        breaker=BreakerState.OPEN,
        requests=77,
        failures=31,
        detail="Mistral AI cannot be reached: connection refused by api.mistral.ai. It is tried again soon.",
    ),
    provider("work-key", HealthState.CONFIG_ERROR, detail=REFUSED, failures=2, requests=2),
    provider("xai", HealthState.NEEDS_KEY, kind="xai", name="xAI", detail="xAI has no key for api.x.ai."),
    provider("together", HealthState.RATE_LIMITED, kind="together", name="Together AI", latency_ms=90.0, requests=900),
    provider("ollama", HealthState.DISABLED, kind="ollama", name="Ollama", enabled=False),
    provider("lmstudio", HealthState.UNKNOWN, kind="lmstudio", name="LM Studio"),
)


def invented_days(count: int) -> list[UsageRow]:
    today = datetime.now(UTC).astimezone().date()
    days = [today - timedelta(days=back) for back in range(count)]
    return [UsageRow(day.isoformat(), 40, 1, 9000 * (n % 5 + 1), 2500 * (n % 3), 0) for n, day in enumerate(days)]


SIZE = QSize(1040, 740)
"""Of the window: the screen of Qt without a screen is narrower."""


class Camera:
    """Saves widgets as PNG files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def shoot(self, widget: QWidget, name: str) -> None:
        await asyncio.sleep(0.2)
        widget.grab().save(str(self._folder / f"{name}.png"))


async def shoot_all(camera: Camera, look: str) -> None:
    runtime = FakeRuntime(PROVIDERS, demo=look == "dark")
    runtime.rows = {
        Grouping.PROVIDER: [
            UsageRow("openai", 12045, 3, 41_203_122, 3_120_441, 4, 13.4821),
            UsageRow("groq", 311, 0, 210_333, 40_112, 0, None),
            UsageRow("mistral", 77, 31, 0, 0, 77, None),
        ],
        Grouping.MODEL: [UsageRow("gpt-5-mini", 12045, 3, 41_203_122, 3_120_441, 4, 13.4821)],
        Grouping.DAY: invented_days(14),
    }
    bridge = Bridge()
    window = MainWindow(bridge, lambda: None)
    window.resize(SIZE)
    window.show()
    await camera.shoot(window, f"{look}-starting")
    fake: Any = runtime
    bridge.attach(fake)
    await camera.shoot(window, f"{look}-health")
    window.pages.widget(0).table.selectRow(3)
    runtime.state = replace(runtime.state, settings_problem=MISSPELT)
    bridge.refresh()
    await camera.shoot(window, f"{look}-health-problem")
    window.side.setCurrentRow(1)
    await camera.shoot(window, f"{look}-usage-7")
    window.findChild(QWidget, "30-days").click()
    await camera.shoot(window, f"{look}-usage-30")
    window.findChild(QWidget, "today").click()
    await camera.shoot(window, f"{look}-usage-today")
    runtime.rows = {}
    window.findChild(QWidget, "7-days").click()
    await camera.shoot(window, f"{look}-usage-empty")
    window.side.setCurrentRow(0)
    await shoot_dialogs(camera, look, window, bridge)
    runtime.change(providers=(), listening="", problem=PORT_TAKEN)
    await camera.shoot(window, f"{look}-empty-port-taken")
    bridge.detach()
    window.hide()


async def shoot_dialogs(camera: Camera, look: str, window: MainWindow, bridge: Bridge) -> None:
    menu = TrayMenu(bridge, Actions(*[lambda: None] * 7))
    menu.popup(window.pos())
    await camera.shoot(menu, f"{look}-menu")
    menu.close()
    window.add_provider(first=True)
    await asyncio.sleep(0.1)
    dialog = window._welcome
    assert dialog is not None
    await camera.shoot(dialog, f"{look}-welcome")
    dialog.form.key_edit.setText("sk-test-0123456789")
    dialog.verdict.say(REFUSED, good=False)
    await camera.shoot(dialog, f"{look}-welcome-refused")
    dialog.picker.search.setText("compat")
    await camera.shoot(dialog, f"{look}-welcome-compatible")
    dialog.picker.search.setText("ollama")
    await camera.shoot(dialog, f"{look}-welcome-local")
    dialog.picker.search.setText("nothing like it")
    await camera.shoot(dialog, f"{look}-welcome-none")
    dialog.picker.search.setText("openai")
    dialog.ready.setText("OpenAI is ready")
    dialog.steps.setCurrentIndex(1)
    await camera.shoot(dialog, f"{look}-welcome-done")
    dialog.reject()
    window.show_about()
    await asyncio.sleep(0.5)
    about = window.findChild(About)
    assert about is not None
    await camera.shoot(about, f"{look}-about")
    about.reject()
    key = KeyDialog(bridge, PROVIDERS[3], window)
    key.open()
    await camera.shoot(key, f"{look}-key")
    key.reject()


def main() -> None:
    app = QApplication(["switchtower"])
    app.setWindowIcon(icons.app_icon())
    camera = Camera(Path(sys.argv[1]))
    loop = make_loop(app)
    for look in ("light", "dark"):
        theme.dress(app, theme.DARK if look == "dark" else theme.LIGHT)
        loop.run_until_complete(shoot_all(camera, look))
    loop.close()


if __name__ == "__main__":
    main()
