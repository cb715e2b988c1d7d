"""The two kinds of tray there are on Linux: one that embeds X windows, and one that talks over D-Bus."""

import asyncio
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from dbus_fast import Message, MessageType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from e2e.desktop import Desktop

ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
# A line of `xwininfo -tree` for a window with a class: its size, its place in its parent, its place on the screen.
_EMBEDDED = re.compile(r'"\S+" "\S+"\)\s+(\d+)x(\d+)\S+\s+\+(\d+)\+(\d+)$', re.MULTILINE)


class PixelTray:
    """`trayer` at the bottom right: icons are real windows, clicked with the mouse."""

    def __init__(self, desktop: "Desktop") -> None:
        self._desktop = desktop
        where = ("--edge", "bottom", "--align", "right", "--height", "32")
        desktop.spawn("trayer", *where, "--widthtype", "request", "--expand", "false")
        eventually(lambda: '"panel" "trayer"' in desktop.run("xwininfo", "-root", "-tree"), "a tray")

    def icon(self) -> tuple[int, int, int, int]:
        """x, y, width and height of the one icon in it, when it is there."""
        return eventually(self._icons, "an icon in the tray")[0]

    def _icons(self) -> list[tuple[int, int, int, int]]:
        _, _, below = self._desktop.run("xwininfo", "-root", "-tree").partition('"panel" "trayer"')
        boxes = (tuple(int(n) for n in found) for found in _EMBEDDED.findall(below))
        return [(x, y, width, height) for width, height, x, y in boxes]

    def click(self, button: int) -> None:
        """Click in the middle of the icon: 1 is left, 3 is right."""
        x, y, width, height = self.icon()
        self._desktop.click(x + width // 2, y + height // 2, button)

    def picture(self) -> bytes:
        """The icon as it is on the screen."""
        return self._desktop.pixels(*self.icon())


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a tray menu: `checked` is None when it cannot be checked."""

    id: int
    label: str
    enabled: bool
    checked: bool | None
    children: "tuple[Entry, ...]" = ()


class _Watcher(ServiceInterface):
    """The watcher and host that a GNOME, KDE or Xfce panel is, as far as an icon needs them."""

    def __init__(self) -> None:
        super().__init__("org.kde.StatusNotifierWatcher")
        self.items: list[str] = []

    @dbus_property(access=PropertyAccess.READ)
    def RegisteredStatusNotifierItems(self) -> "as":  # noqa: F722, N802 - D-Bus speaks so
        return self.items

    @dbus_property(access=PropertyAccess.READ)
    def IsStatusNotifierHostRegistered(self) -> "b":  # noqa: F821, N802 - as above
        return True

    @dbus_property(access=PropertyAccess.READ)
    def ProtocolVersion(self) -> "i":  # noqa: F821, N802 - as above
        return 0

    @dbus_method()
    def RegisterStatusNotifierItem(self, service: "s") -> None:  # noqa: F821, N802 - as above
        self.items.append(service)

    @dbus_method()
    def RegisterStatusNotifierHost(self, service: "s") -> None:  # noqa: F821, N802 - as above
        pass

    @dbus_signal()
    def StatusNotifierHostRegistered(self) -> None:  # noqa: N802 - as above
        pass


class BusTray:
    """`with BusTray(desktop) as tray:` a tray host on the session bus, in a thread with a loop of its own."""

    def __init__(self, desktop: "Desktop") -> None:
        self._address = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
        self._watcher = _Watcher()
        self._bus: MessageBus | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tray host", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _wait(self, coro: "Coroutine[Any, Any, Any]") -> Any:
        return asyncio.run_coroutine_threadsafe(coro, self._loop).result(10)

    async def _open(self) -> None:
        self._bus = await MessageBus(bus_address=self._address).connect()
        self._bus.export("/StatusNotifierWatcher", self._watcher)
        await self._bus.request_name("org.kde.StatusNotifierWatcher")
        self._watcher.StatusNotifierHostRegistered()

    async def _close(self) -> None:
        assert self._bus is not None
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    async def _call(self, path: str, interface: str, member: str, signature: str, *body: object) -> list[Any]:
        assert self._bus is not None
        service = self._watcher.items[-1]
        reply = await self._bus.call(
            Message(
                destination=service, path=path, interface=interface, member=member, signature=signature, body=list(body)
            )
        )
        assert reply is not None
        assert reply.message_type is not MessageType.ERROR, reply.body
        return reply.body

    def wait_icon(self) -> None:
        """Wait until the program has put its icon here."""
        eventually(lambda: self._watcher.items, "an icon on the bus")

    def read(self, name: str) -> Any:
        """A property of the icon, such as `ToolTip` or `IconPixmap`."""
        get = self._call("/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Get", "ss", ITEM, name)
        return self._wait(get)[0].value

    @property
    def tooltip(self) -> str:
        """The tooltip's title and text."""
        *_, title, text = self.read("ToolTip")
        return f"{title} {text}".strip()

    def menu(self) -> tuple[Entry, ...]:
        """The menu as the panel would show it now; it is opened first, as a panel does."""
        self._wait(self._call("/MenuBar", MENU, "AboutToShow", "i", 0))
        _, root = self._wait(self._call("/MenuBar", MENU, "GetLayout", "iias", 0, -1, []))
        return tuple(_entry(child.value) for child in root[2])

    def click(self, label: str) -> None:
        """Click the entry whose label starts with `label`, in the menu or a submenu."""
        entry = find(self.menu(), label)
        self._wait(self._call("/MenuBar", MENU, "Event", "isvu", entry.id, "clicked", Variant("i", 0), 0))

    def activate(self) -> None:
        """Click the icon with the left button."""
        self._wait(self._call("/StatusNotifierItem", ITEM, "Activate", "ii", 0, 0))


def _entry(layout: list[Any]) -> Entry:
    number, properties, children = layout
    values = {name: variant.value for name, variant in properties.items()}
    state = values.get("toggle-state", -1) if values.get("toggle-type") else -1
    return Entry(
        number,
        values.get("label", "").replace("_", ""),
        values.get("enabled", True),
        None if state not in (0, 1) else state == 1,
        tuple(_entry(child.value) for child in children),
    )


def find(entries: tuple[Entry, ...], label: str) -> Entry:
    """The first entry whose label starts with `label`; entries come before the entries of their submenus.

    Raises:
        AssertionError: there is none.
    """
    level = list(entries)
    seen = []
    while level:
        for entry in level:
            if entry.label.startswith(label):
                return entry
        seen += [entry.label for entry in level]
        level = [child for entry in level for child in entry.children]
    raise AssertionError(f"no entry {label!r} among {seen}")
