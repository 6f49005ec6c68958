import os
import signal
import threading

import pytest

from tuturuuu_jobs.errors import Interruption
from tuturuuu_jobs.runtime.interrupts import Interrupts, interrupts


def send(signum: signal.Signals) -> None:
    os.kill(os.getpid(), signum)


def _fail_under(signum: signal.Signals) -> None:
    send(signum)
    raise ValueError("ours")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_with_its_name(signum: signal.Signals) -> None:
    with pytest.raises(Interruption) as caught, interrupts(60):
        send(signum)
    assert caught.value.reason == signum.name


def test_the_deadline_interrupts() -> None:
    with pytest.raises(Interruption) as caught, interrupts(0.01):
        signal.pause()
    assert caught.value.reason == "deadline"


def test_a_shield_keeps_a_signal_back_until_it_ends() -> None:
    steps: list[str] = []

    def shielded_twice(signals: Interrupts) -> None:
        with signals.shield():
            with signals.shield():
                send(signal.SIGTERM)
            steps.append("still inside")
        steps.append("never")

    with interrupts(60) as signals, pytest.raises(Interruption):
        shielded_twice(signals)
    assert steps == ["still inside"]


def test_an_error_inside_a_shield_is_not_hidden_by_the_signal() -> None:
    with interrupts(60) as signals:
        with pytest.raises(ValueError, match="ours"), signals.shield():
            _fail_under(signal.SIGTERM)
        with pytest.raises(Interruption):
            signals.check()


def test_only_the_first_signal_interrupts() -> None:
    with interrupts(60) as signals:
        with pytest.raises(Interruption):
            send(signal.SIGTERM)
        send(signal.SIGINT)
        signals.check()
        assert signals.reason == "SIGTERM"


def test_nothing_interrupts_while_the_outcome_is_recorded() -> None:
    with interrupts(60) as signals:
        signals.settle()
        send(signal.SIGTERM)
        send(signal.SIGINT)
        assert signals.reason == "SIGTERM"


def test_the_handlers_of_before_are_back_afterwards() -> None:
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = [signal.getsignal(signum) for signum in watched]
    with interrupts(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert [signal.getsignal(signum) for signum in watched] == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_signal_that_is_ignored_on_purpose_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts(60) as signals:
            send(signal.SIGHUP)
            assert signals.reason is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_installs_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def work() -> None:
        with interrupts(60) as signals, signals.shield():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_another_thread_can_interrupt_a_system_call() -> None:
    def ask_and_wait(signals: Interrupts) -> None:
        threading.Thread(target=signals.cancel).start()
        signal.pause()

    with interrupts(60) as signals, pytest.raises(Interruption) as caught:
        ask_and_wait(signals)
    assert caught.value.reason == "cancelled"


def test_a_request_to_end_waits_for_the_shield() -> None:
    steps: list[str] = []

    def shielded(signals: Interrupts) -> None:
        with signals.shield():
            asking = threading.Thread(target=signals.cancel)
            asking.start()
            asking.join()
            steps.append("committed")
        steps.append("never")

    with interrupts(60) as signals, pytest.raises(Interruption):
        shielded(signals)
    assert steps == ["committed"]


def test_a_request_to_end_that_comes_too_late_touches_nothing() -> None:
    with interrupts(60) as signals:
        signals.settle()
        signals.cancel()
    signals.cancel()
    assert signals.reason == "cancelled"
