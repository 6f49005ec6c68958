"""One page ahead, in order, and no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuturuuu_jobs.errors import Interruption, UnavailableError
from tuturuuu_jobs.sync.prefetch import ask_owner, prefetched

LONG_S = 30.0


def fetchers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "next-page"}


@pytest.fixture(autouse=True)
def others() -> Iterator[set[threading.Thread]]:
    """Threads of earlier tests in this process; no new one may be left behind."""
    before = fetchers()
    yield before
    assert fetchers() <= before


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(), max_size=20))
def test_everything_comes_once_and_in_order(numbers: list[int]) -> None:
    with prefetched(iter(numbers)) as stream:
        assert list(stream) == numbers
        assert list(stream) == []


def test_at_most_two_pages_exist_beside_the_one_in_hand() -> None:
    begun: list[int] = []
    held = threading.Semaphore(0)

    def pages() -> Iterator[int]:
        for number in range(10):
            begun.append(number)
            held.release()
            yield number

    with prefetched(pages()) as stream:
        for taken in range(4):
            assert next(stream) == taken
            # Taken, waiting in the box, and offered: that many pages may exist.
            assert len(begun) <= taken + 3
            assert held.acquire(timeout=LONG_S)
    assert len(begun) <= 6


def test_the_next_page_is_fetched_while_this_one_is_in_hand() -> None:
    second_begun = threading.Event()

    def pages() -> Iterator[int]:
        yield 1
        second_begun.set()
        yield 2

    with prefetched(pages()) as stream:
        assert next(stream) == 1
        assert second_begun.wait(LONG_S)
        assert next(stream) == 2


def test_an_error_comes_after_the_pages_before_it() -> None:
    def pages() -> Iterator[int]:
        yield 1
        raise UnavailableError("down")

    with prefetched(pages()) as stream:
        assert next(stream) == 1
        with pytest.raises(UnavailableError, match="down"):
            next(stream)
        assert list(stream) == []


def test_an_error_that_nobody_waited_for_is_not_raised() -> None:
    failing = threading.Event()

    def pages() -> Iterator[int]:
        yield 1
        failing.set()
        raise UnavailableError("down")

    with prefetched(pages()) as stream:
        assert next(stream) == 1
        assert failing.wait(LONG_S)


def test_a_consumer_that_fails_ends_the_thread_and_fails_as_itself() -> None:
    with pytest.raises(ZeroDivisionError), prefetched(iter(range(100))) as stream:  # noqa: PT012 - The with is under test.
        next(stream)
        raise ZeroDivisionError


def test_leaving_waits_for_the_page_that_is_being_fetched() -> None:
    fetching, answered = threading.Event(), threading.Event()
    finished: list[bool] = []

    def pages() -> Iterator[int]:
        yield 1
        fetching.set()
        answered.wait(LONG_S)
        finished.append(True)
        yield 2

    with prefetched(pages()) as stream:
        assert next(stream) == 1
        assert fetching.wait(LONG_S)
        threading.Timer(0.01, answered.set).start()
    assert finished == [True]


def test_a_signal_does_not_wait_for_google(others: set[threading.Thread]) -> None:
    fetching, answered = threading.Event(), threading.Event()

    def pages() -> Iterator[int]:
        yield 1
        fetching.set()
        answered.wait(LONG_S)

    with pytest.raises(Interruption), prefetched(pages()) as stream:  # noqa: PT012 - The with is under test.
        next(stream)
        assert fetching.wait(LONG_S)
        raise Interruption("SIGTERM")
    [thread] = fetchers() - others
    assert thread.daemon
    answered.set()
    thread.join(LONG_S)
    assert not thread.is_alive()


def test_the_owner_does_what_the_producer_asks_when_it_comes_for_the_next_item() -> None:
    served: list[tuple[str, threading.Thread]] = []

    def serve(name: str) -> str:
        served.append((name, threading.current_thread()))
        return name.upper()

    def pages() -> Iterator[str]:
        yield ask_owner(lambda: serve("one"))
        yield ask_owner(lambda: serve("two"))

    with prefetched(pages()) as stream:
        assert list(stream) == ["ONE", "TWO"]
    assert served == [("one", threading.current_thread()), ("two", threading.current_thread())]


def test_without_a_producer_the_work_is_done_here() -> None:
    assert ask_owner(threading.current_thread) is threading.current_thread()


@pytest.mark.parametrize("error", [UnavailableError("down"), TimeoutError("slow")])
def test_an_error_of_the_work_reaches_who_asked_for_it(error: Exception) -> None:
    def fail() -> int:
        raise error

    def pages() -> Iterator[int]:
        with pytest.raises(type(error)) as caught:
            ask_owner(fail)
        yield int(caught.value is error)

    with prefetched(pages()) as stream:
        assert list(stream) == [1]


def test_a_signal_during_the_work_is_the_owners_and_leaves_no_thread() -> None:
    def interrupt() -> int:
        raise Interruption("SIGTERM")

    def pages() -> Iterator[int]:
        yield ask_owner(interrupt)

    before = fetchers()
    with pytest.raises(Interruption), prefetched(pages()) as stream:
        list(stream)
    for thread in fetchers() - before:
        thread.join(LONG_S)


def test_who_asks_when_nobody_comes_any_more_is_let_go() -> None:
    ended = threading.Event()

    def pages() -> Iterator[int]:
        yield 1
        yield 2
        try:
            yield ask_owner(lambda: 3)
        except CancelledError:
            ended.set()
            raise

    with prefetched(pages()) as stream:
        assert next(stream) == 1
    # It may still have been offering the second page; then it never asked.
    assert not fetchers() or ended.wait(LONG_S)


@pytest.mark.parametrize("numbers", [[], [1], [1, 2], [1, 2, 3]])
def test_a_thread_is_made_only_for_what_follows_a_first_item(numbers: list[int]) -> None:
    asked: list[str] = []

    def pages() -> Iterator[int]:
        for number in numbers:
            asked.append(threading.current_thread().name)
            yield number

    with prefetched(pages(), lambda number: number == numbers[-1]) as stream:
        assert list(stream) == numbers
    here = threading.current_thread().name
    assert asked == [here, "next-page", "next-page"][: len(numbers)]


def test_an_error_of_the_first_item_is_raised_at_once() -> None:
    def pages() -> Iterator[int]:
        raise UnavailableError("down")
        yield 1

    with pytest.raises(UnavailableError), prefetched(pages(), bool):
        pytest.fail("nothing is given")
