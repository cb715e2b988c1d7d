"""Take a port for ourselves alone, or say who has it."""

import errno
import os
import socket
import sys
from pathlib import Path

BACKLOG = 1024
_LISTEN_STATE = "0A"
_PROC = Path("/proc")


class ListenError(Exception):
    """The server cannot listen; the text is one line with the remedy."""


class PortTakenError(ListenError):
    """Another program listens on the port; `pid` is its process id when the system tells."""

    def __init__(self, host: str, port: int, pid: int | None) -> None:
        """Name the address, and the owner when it is known."""
        owner = f"process {pid}" if pid is not None else _describe_owner(port)
        remedy = "End it, or choose another port (server.port in the settings)."
        super().__init__(f"{show_host(host)}:{port} is taken by {owner}. {remedy}")
        self.host = host
        self.port = port
        self.pid = pid


def _describe_owner(port: int) -> str:
    """Who has a port, in words: the system hides the id of a process that lets nobody read its memory, as ours does."""
    owners = owner_uids(port)
    if not owners:
        return "another program"
    return "another program of yours, perhaps another Switchtower" if owns_port(port) else "a program of another user"


def bind(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket that no other process can share; port 0 takes a free one.

    Raises:
        PortTakenError: somebody else listens there.
        ListenError: the address is not ours, or the system forbids the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # with the protocol named, for only then does asyncio set TCP_NODELAY on the connections
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        _make_exclusive(sock)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _listen_error(error, host, port) from error
    sock.settimeout(0)
    return sock


def _make_exclusive(sock: socket.socket) -> None:
    """Refuse to share the port: Windows has an option for it, elsewhere not asking for SO_REUSEPORT is enough.

    SO_REUSEADDR on POSIX only passes over connections of an earlier run that are still closing; on Windows it
    would let another program take the port from us.
    """
    if sys.platform == "win32":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _listen_error(error: OSError, host: str, port: int) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        return PortTakenError(host, port, owner_pid(port))
    where = f"{show_host(host)}:{port}"
    if error.errno == errno.EACCES:
        return ListenError(f"The system does not allow to listen on {where}. Choose a port from 1024 on (server.port).")
    return ListenError(f"Cannot listen on {where}: {error.strerror or error}. Check server.host in the settings.")


def show_host(host: str) -> str:
    """Write `host` as a URL has it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def owner_pid(port: int, proc: Path = _PROC) -> int | None:
    """Return the process that listens on TCP `port`, or None where the system does not tell (only Linux does)."""
    inodes = {f"socket:[{inode}]" for _, inode in _listeners(port, proc)}
    if not inodes:
        return None
    for process in proc.glob("[0-9]*"):
        if _holds(process / "fd", inodes):
            return int(process.name)
    return None


def owner_uids(port: int, proc: Path = _PROC) -> set[int]:
    """Return the users whose programs listen on TCP `port`; none where the system does not tell (only Linux does)."""
    return {uid for uid, _ in _listeners(port, proc)}


def owns_port(port: int, proc: Path = _PROC) -> bool:
    """Whether only programs of this user listen on `port`; where the system does not tell, that is assumed."""
    return sys.platform != "linux" or owner_uids(port, proc) == {os.geteuid()}


def _listeners(port: int, proc: Path) -> list[tuple[int, str]]:
    """Return user and inode of each socket that listens on `port`."""
    return [found for name in ("tcp", "tcp6") for found in _listening(proc / "net" / name, port)]


def _listening(table: Path, port: int) -> list[tuple[int, str]]:
    """Return user and inode of the sockets that listen on `port` in a table like `/proc/net/tcp`."""
    try:
        rows = [line.split() for line in table.read_text("ascii").splitlines()[1:]]
    except OSError:
        return []
    mine = [row for row in rows if row[3] == _LISTEN_STATE and int(row[1].rpartition(":")[2], 16) == port]
    return [(int(row[7]), row[9]) for row in mine]


def _holds(descriptors: Path, inodes: set[str]) -> bool:
    """Whether one of a process's open descriptors is one of the sockets; other users' processes stay closed to us."""
    try:
        return any(str(link.readlink()) in inodes for link in descriptors.iterdir())
    except OSError:
        return False
