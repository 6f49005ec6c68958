"""Large pages: which memory is gathered in them, and that it keeps what it holds."""

import mmap

from tuturuuu_jobs.runtime.pages import enlarge_pages, whole_pages

MAPS = """\
562d50c92000-562d51ad2000 rw-p 00000000 00:00 0                          [heap]
7f7168000000-7f7168021000 rw-p 00000000 00:00 0
7f716c300000-7f716cb00000 rw-p 00000000 00:00 0
7f716cb00000-7f716d000000 r--p 00000000 00:00 0
7f716f000000-7f716f400000 rw-p 00200000 08:01 393219                     /usr/lib/libpython3.11.so
7f716f800000-7f716fc00000 rw-s 00000000 00:01 12                         /dev/zero (deleted)
7ffd10200000-7ffd10600000 rw-p 00000000 00:00 0                          [stack]
"""
SIZE = 1 << 21


def test_own_writable_memory_is_cut_to_whole_pages() -> None:
    assert list(whole_pages(MAPS, SIZE)) == [
        (0x562D50E00000, 0x562D51A00000),
        (0x7F716C400000, 0x7F716CA00000),
    ]


def test_memory_keeps_what_it_holds() -> None:
    with mmap.mmap(-1, 4 * SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        for offset in range(0, len(memory), mmap.PAGESIZE):
            memory[offset] = offset // mmap.PAGESIZE % 251
        enlarge_pages()
        assert all(
            memory[offset] == offset // mmap.PAGESIZE % 251
            for offset in range(0, len(memory), mmap.PAGESIZE)
        )
