"""The next page is fetched while this one is written; a listing of one page needs no thread.

Who fetches may need what belongs to the thread that writes, such as its connection: it asks for
that, and is served when the writer comes for the next page.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError, Future, wait
from typing import Any, Final, Generic, TypeVar, cast

T = TypeVar("T")

_LAST_WAIT_S: Final = 60.0
_LOOK_S: Final = 0.05


class _Producer(threading.local):
    """Of the thread that asks: how it reaches its consumer, if it has one."""

    ask: Callable[[Callable[[], Any]], Any] | None = None


_PRODUCER: Final = _Producer()


def ask_owner(work: Callable[[], T]) -> T:
    """Do the work in the thread that consumes what this one produces; here, if there is none.

    Raises:
        CancelledError: Nobody wants the items any more.
        Exception: What the work raised.
    """
    ask = _PRODUCER.ask
    return work() if ask is None else cast("T", ask(work))


class _Errand:
    """Work for the consumer, and its answer."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._future: Future[Any] = Future()

    def run(self) -> None:
        try:
            self._future.set_result(self._work())
        except Exception as error:  # noqa: BLE001 - It is raised again where it is waited for.
            self._future.set_exception(error)

    def answer(self, unwanted: threading.Event) -> Any:
        while not unwanted.is_set():
            if wait((self._future,), _LOOK_S).done:
                return self._future.result()
        raise CancelledError


@dataclasses.dataclass(frozen=True, slots=True)
class _Got(Generic[T]):
    item: T


@dataclasses.dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None


@contextlib.contextmanager
def prefetched(
    items: Iterator[T], is_last: Callable[[T], bool] | None = None
) -> Generator[Iterator[T]]:
    """The same items, produced by a thread of their own: one waits while another is made.

    An error of the producer is raised where its item would have come. On leaving, the thread has
    ended, so what it used may be used again; only a signal does not wait for it.

    Args:
        items: Made one after another.
        is_last: Whether no item follows this one. If that can be told, the first item is made
            here, and the thread only if there is a second.
    """
    begun = [] if is_last is None else list(itertools.islice(items, 1))
    if is_last is not None and all(is_last(item) for item in begun):
        yield iter(begun)
        return
    with _produced(items) as rest:
        yield itertools.chain(begun, rest)


@contextlib.contextmanager
def _produced(items: Iterator[T]) -> Generator[Iterator[T]]:
    box: queue.Queue[_Got[T] | _Ended | _Errand] = queue.Queue(maxsize=1)
    unwanted = threading.Event()

    def offer(message: _Got[T] | _Ended | _Errand) -> bool:
        while not unwanted.is_set():
            with contextlib.suppress(queue.Full):
                box.put(message, timeout=_LOOK_S)
                return True
        return False

    def ask(work: Callable[[], Any]) -> Any:
        errand = _Errand(work)
        offer(errand)
        return errand.answer(unwanted)

    def produce() -> None:
        _PRODUCER.ask = ask
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


def _taken(box: queue.Queue[_Got[T] | _Ended | _Errand]) -> Iterator[T]:
    while True:
        message = box.get()
        if isinstance(message, _Got):
            yield message.item
        elif isinstance(message, _Errand):
            message.run()
        elif message.error is not None:
            raise message.error
        else:
            return
