"""The next page is fetched while this one is written."""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import threading
from collections.abc import Generator, Iterator
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_LAST_WAIT_S: Final = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Got(Generic[T]):
    item: T


@dataclasses.dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None


@contextlib.contextmanager
def prefetched(items: Iterator[T]) -> Generator[Iterator[T]]:
    """The same items, produced by a thread of their own: one waits while another is made.

    An error of the producer is raised where its item would have come. On leaving, the thread has
    ended, so what it used may be used again; only a signal does not wait for it.
    """
    box: queue.Queue[_Got[T] | _Ended] = queue.Queue(maxsize=1)
    unwanted = threading.Event()

    def offer(message: _Got[T] | _Ended) -> bool:
        while not unwanted.is_set():
            with contextlib.suppress(queue.Full):
                box.put(message, timeout=0.05)
                return True
        return False

    def produce() -> None:
        try:
            for item in items:
                if not offer(_Got(item)):
                    return
        except BaseException as error:  # noqa: BLE001 - It is raised again where it is waited for.
            offer(_Ended(error))
        else:
            offer(_Ended(None))

    thread = threading.Thread(target=produce, name="next-page", daemon=True)
    thread.start()
    interrupted = False
    try:
        yield _taken(box)
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        unwanted.set()
        if not interrupted:
            thread.join(_LAST_WAIT_S)


def _taken(box: queue.Queue[_Got[T] | _Ended]) -> Iterator[T]:
    while True:
        message = box.get()
        if isinstance(message, _Got):
            yield message.item
        elif message.error is not None:
            raise message.error
        else:
            return
