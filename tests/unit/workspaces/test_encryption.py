"""The app's encryption: what it wrote can be read, and the other way round."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.encryption import MASTER, seal, unseal, wrap
from tuturuuu_jobs.workspaces.encryption import (
    DESCRIPTION_BYTES,
    LOCATION_BYTES,
    TITLE_BYTES,
    WorkspaceCipher,
    cut,
    unwrap,
)
from tuturuuu_jobs.workspaces.keys import Encryption

WRAPPED = wrap()


def opened(master: str = MASTER, wrapped: str = WRAPPED) -> WorkspaceCipher | None:
    numbers = itertools.count()
    return unwrap(master, wrapped, lambda size: next(numbers).to_bytes(size, "big"))


@pytest.fixture(scope="module")
def cipher() -> WorkspaceCipher:
    made = opened()
    assert made is not None
    return made


def test_a_text_comes_back_as_it_was(cipher: WorkspaceCipher) -> None:
    for text in ("Deep work", "", " ", "é 漢 🙂", "x" * 7472):
        assert cipher.decrypt(cipher.encrypt(text)) == text


def test_what_the_app_wrote_can_be_read_and_the_form_is_the_same(cipher: WorkspaceCipher) -> None:
    assert cipher.decrypt(seal("Standup")) == "Standup"
    assert unseal(cipher.encrypt("Standup")) == "Standup"


def test_the_empty_text_stays_empty(cipher: WorkspaceCipher) -> None:
    assert cipher.encrypt("") == ""


def test_no_nonce_is_used_twice(cipher: WorkspaceCipher) -> None:
    sealed = {cipher.encrypt("same") for _ in range(10)}
    assert len({base64.b64decode(text)[:12] for text in sealed}) == 10


@pytest.mark.parametrize("text", ["Standup", "not base64!", "AAAA", "Zm9vYmFyYmF6cXV4", "=", "é"])
def test_what_this_key_did_not_encrypt_cannot_be_read(cipher: WorkspaceCipher, text: str) -> None:
    assert cipher.decrypt(text) is None


def test_a_changed_text_cannot_be_read(cipher: WorkspaceCipher) -> None:
    sealed = bytearray(base64.b64decode(cipher.encrypt("Standup")))
    sealed[-1] ^= 1
    assert cipher.decrypt(base64.b64encode(sealed).decode()) is None


@pytest.mark.parametrize(
    ("master", "wrapped"),
    [
        ("another", WRAPPED),
        ("", WRAPPED),
        (" ", WRAPPED),
        (MASTER, "not a key"),
        (MASTER, ""),
        (MASTER, wrap(key=b"too short")),
    ],
)
def test_a_key_that_does_not_open_counts_as_missing(master: str, wrapped: str) -> None:
    assert opened(master, wrapped) is None


def test_space_around_the_master_key_does_not_count() -> None:
    assert opened(f" {MASTER}\n") is not None


def test_nothing_shows_a_key(cipher: WorkspaceCipher) -> None:
    for text in (repr(cipher), repr(Encryption(on=True, cipher=cipher))):
        assert "AESGCM" not in text
        assert MASTER not in text


@given(st.text(max_size=400), st.integers(0, 300))
def test_a_text_is_cut_between_characters(text: str, budget: int) -> None:
    whole = text.encode(errors="replace").decode()
    short = cut(text, budget)
    assert len(short.encode(errors="replace")) <= budget or short == text
    assert whole.startswith(short.encode(errors="replace").decode())
    if len(whole.encode()) > budget:
        following = whole[len(short)]
        assert len((short + following).encode()) > budget


@pytest.mark.parametrize(
    ("budget", "limit"), [(TITLE_BYTES, 255), (DESCRIPTION_BYTES, 10_000), (LOCATION_BYTES, 1000)]
)
def test_a_budget_is_the_greatest_whose_ciphertext_fits(
    cipher: WorkspaceCipher, budget: int, limit: int
) -> None:
    assert len(cipher.encrypt("x" * budget)) <= limit
    assert len(cipher.encrypt("x" * (budget + 1))) > limit
