"""What the process does with memory, so that a CPU run is fast; called by commands and pipelines, never on import."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # glibc's malloc.h


def keep_freed_memory() -> bool:
    """Let the allocator keep what is freed instead of giving it back to the system; whether it could be set.

    glibc maps each large tensor anew and unmaps it when it is freed, so that every micro-batch pays for page faults
    again: element-wise operations ran at 4 GB/s instead of more than 20. Peak memory does not change.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 64 << 20))
    return all(mallopt(name, value) == 1 for name, value in settings)


def release_freed_memory() -> None:
    """Give back what `keep_freed_memory` has kept, between two pieces of work: the next one begins with a small heap.

    Without it every stage of a pipeline keeps the largest heap of those before, in pieces of the wrong size.
    """
    gc.collect()
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)
