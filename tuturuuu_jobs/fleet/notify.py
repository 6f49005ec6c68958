"""What a service tells systemd about itself: sd_notify(3), a datagram of a line or two."""

from __future__ import annotations

import contextlib
import socket


def notify(address: str | None, *states: str) -> None:
    """Tell the service manager, if there is one; nobody is disturbed if it does not listen.

    Args:
        address: ``NOTIFY_SOCKET``; one that begins with ``@`` is abstract.
        states: For example ``READY=1``.
    """
    if not address:
        return
    path = "\0" + address[1:] if address.startswith("@") else address
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager,
    ):
        manager.setblocking(False)
        manager.sendto("\n".join(states).encode(), path)
