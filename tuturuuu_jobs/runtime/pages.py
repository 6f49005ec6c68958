"""Large pages for the memory of a process that many are copied from.

A fork copies an entry for each page and the end of a child drops it again; two megabytes in one
page are one entry instead of 512. What a copy writes to is still copied in small pages.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MADV_COLLAPSE: Final = 25
_SIZE: Final = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
_MAPS: Final = Path("/proc/self/maps")
# Private, writable, of no file: what the interpreter and the C library have allocated.
_OWN: Final = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p [0-9a-f]+ 00:00 0 *(?:\[heap\])?$", re.MULTILINE
)


def enlarge_pages() -> None:
    """Gather this process's own memory in large pages.

    Best effort: Linux before 6.1 refuses, and so does one without that much memory in one piece.
    """
    with contextlib.suppress(OSError, ValueError):
        size = int(_SIZE.read_text())
        libc = ctypes.CDLL(None)
        for start, end in whole_pages(_MAPS.read_text(), size):
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)


def whole_pages(maps: str, size: int) -> Iterator[tuple[int, int]]:
    """The parts of a process's own memory that whole pages of ``size`` bytes can hold.

    Args:
        maps: As in proc_pid_maps(5).
        size: A power of two.
    """
    for found in _OWN.finditer(maps):
        start = -(-int(found[1], 16) // size) * size
        end = int(found[2], 16) // size * size
        if start < end:
            yield start, end
