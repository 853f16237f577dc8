"""Threads that start after `share_arena` get no memory of their own from glibc."""

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, threading
from runtime.malloc import share_arena

share_arena()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
places = []
for _ in range(4):
    thread = threading.Thread(target=lambda: places.append(libc.malloc(100_000)))
    thread.start()
    thread.join()
heap = [line.split()[0] for line in open("/proc/self/maps") if line.rstrip().endswith("[heap]")]
first, last = (int(one, 16) for one in heap[0].split("-"))
print(all(first <= place < last for place in places))
"""


@pytest.mark.parametrize(
    ("environ", "is_shared"), [({}, "True"), ({"MALLOC_ARENA_MAX": "8"}, "False")]
)
def test_threads_share_an_arena_if_the_environment_does_not_say_otherwise(
    environ: dict[str, str], is_shared: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environ, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == is_shared
