"""One reporter for what nobody caught in a slot, a task or a thread: it goes to the log, the program goes on."""

import asyncio
import logging
import sys
import threading
from types import TracebackType
from typing import Any

_log = logging.getLogger(__name__)


def install(loop: asyncio.AbstractEventLoop) -> None:
    """Make this module hear of every uncaught exception; Qt hands those of slots to `sys.excepthook`."""
    sys.excepthook = _uncaught
    threading.excepthook = _in_thread
    loop.set_exception_handler(_in_loop)


def remove(loop: asyncio.AbstractEventLoop) -> None:
    """Give the hooks back."""
    sys.excepthook = sys.__excepthook__
    threading.excepthook = threading.__excepthook__
    loop.set_exception_handler(None)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _log.error("uncaught in a window", exc_info=(kind, error, trace))


def _in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log.error("uncaught in thread name=%s", args.thread.name if args.thread else "-", exc_info=args.exc_value)


def _in_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    del loop
    _log.error("uncaught in the loop: %s", context.get("message", "-"), exc_info=context.get("exception"))
