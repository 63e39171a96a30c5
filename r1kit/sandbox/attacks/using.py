"""Attacks that use more than they are given."""

from __future__ import annotations

from r1kit.sandbox.attacks.base import (
    SMALL_OUTPUT_KB,
    attack,
    floods,
    outlives_cpu_limit,
    outlives_wall_limit,
    outruns_memory,
    stalls_the_feeder,
)
from r1kit.sandbox.base import Limits

USING = (
    attack(
        "fork-bomb",
        "start 200 processes where 32 are allowed",
        """
started = sum(tried(child, time.sleep, 15) is not None for _ in range(200))
if started > 2 * 32:
    won(f"{started} processes")
errors.append(f"{started} processes")
""",
    ),
    attack(
        "memory",
        "use 400 MB where 128 are allowed",
        "if tried(grow, 400):\n    won('400 MB')\n",
        outruns_memory,
        Limits(wall_s=60.0, memory_mb=128),
    ),
    attack(
        "memory-private",
        "the same where the address space is not limited (for Java, Node, Go)",
        "if tried(grow, 400) or tried(mmap.mmap, -1, 400 << 20, mmap.MAP_PRIVATE):\n    won('400 MB')\n",
        outruns_memory,
        Limits(wall_s=60.0, memory_mb=128, address_space=False),
    ),
    attack(
        "memory-of-all",
        "use 6 times 64 MB in 6 processes where 128 are allowed",
        """
def fill(end, go):
    kept = grow(64)
    os.write(end, b".")
    if select.select([go], [], [], 3)[0]:  # alive when all have filled theirs
        os.write(end, b".")

ready, end = os.pipe()
go, start = os.pipe()
for _ in range(6):
    child(fill, end, go)
os.close(end)
heard = 0
while heard < 12 and os.read(ready, 1):
    heard += 1
    errors.append("64 MB in one process" if heard <= 6 else "and kept")
    if heard == 6:
        os.write(start, b".")  # nobody reads it: a pipe that has something to read stays so
if heard == 12:
    won("6 times 64 MB")
""",
        outruns_memory,
        Limits(wall_s=60.0, memory_mb=128),
    ),
    attack(
        "memory-system-v",
        "use memory that belongs to no process: 400 MB of System V segments where 128 are allowed",
        """
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
segments = []
for _ in range(10):
    segment = libc.shmget(0, 40 << 20, 0o1600)
    if segment < 0:
        errors.append(os.strerror(ctypes.get_errno()))
        break
    segments.append(segment)
    address = libc.shmat(segment, None, 0)
    ctypes.memset(address, 1, 40 << 20)
    libc.shmdt(ctypes.c_void_p(address))
for segment in segments:
    libc.shmctl(segment, 0, None)
if len(segments) == 10:
    won("10 segments of 40 MB")
""",
        limits=Limits(wall_s=60.0, memory_mb=128),
    ),
    attack(
        "cpu",
        "compute for 2.5 s where 1 is allowed",
        "while time.process_time() < 2.5:\n    pass\nwon(f'{time.process_time()} s')\n",
        outlives_cpu_limit,
        Limits(wall_s=120.0, cpu_s=1),
    ),
    attack(
        "sigxcpu",
        "the same, catching the signal that says so",
        """
signal.signal(signal.SIGXCPU, lambda *_: None)
while time.process_time() < 2.5:
    pass
won(f"{time.process_time()} s")
""",
        outlives_cpu_limit,
        Limits(wall_s=120.0, cpu_s=1),
    ),
    attack(
        "sleep",
        "sleep for 3 s where 1.5 are allowed, deaf to every signal that can be ignored",
        """
for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
    tried(signal.signal, number, signal.SIG_IGN)
time.sleep(3)
won("3 s")
""",
        outlives_wall_limit,
        Limits(wall_s=1.5),
    ),
    attack(
        "disk",
        "write 16 MB in files of 1 MB where 4 are allowed",
        """
for number in range(16):
    tried(lambda: open(f"file-{number}", "wb").write(b"x" * (1 << 20)))
written = sum(os.path.getsize(path) for path in glob.glob("file-*")) >> 20
if written > 5:
    won(f"{written} MB")
""",
        limits=Limits(wall_s=60.0, tmp_mb=4),
    ),
    attack(
        "shared-memory",
        "the same in /dev/shm",
        """
paths = [f"/dev/shm/r1kit-{stage['marker']}-{number}" for number in range(16)]
for path in paths:
    tried(lambda: open(path, "wb").write(b"x" * (1 << 20)))
written = sum(os.path.getsize(path) for path in paths if os.path.exists(path)) >> 20
for path in paths:
    tried(os.unlink, path)
if written > 5:
    won(f"{written} MB")
""",
        limits=Limits(wall_s=60.0, tmp_mb=4),
    ),
    attack(
        "empty-files",
        "make 5000 files without content where the writable place has 4 MB",
        """
made = 0
for number in range(5000):
    fd = tried(os.open, f"file-{number}", os.O_CREAT | os.O_WRONLY)
    if fd is None:
        break
    made += 1
    os.close(fd)
if made == 5000:
    won("5000 files")
""",
        limits=Limits(wall_s=60.0, tmp_mb=4),
    ),
    attack(
        "big-file",
        "write one file of 8 MB where 1 is allowed",
        """
with open("file", "wb", buffering=0) as stream:
    for _ in range(8):
        tried(stream.write, b"x" * (1 << 20))
    if stream.tell() > 1 << 20:
        won(f"{stream.tell()} bytes")
""",
        limits=Limits(wall_s=60.0, file_mb=1),
    ),
    attack(
        "open-files",
        "open 300 files where 64 are allowed",
        """
opened = sum(tried(os.open, "/dev/null", os.O_RDONLY) is not None for _ in range(300))
if opened == 300:
    won("300 files")
""",
    ),
    attack(
        "output-flood",
        "write 4 MB to stdout and stderr in turn where 64 kB are read",
        "for _ in range(64):\n    os.write(1, b'x' * 32768)\n    os.write(2, b'x' * 32768)\n",
        floods,
        Limits(wall_s=60.0, output_kb=SMALL_OUTPUT_KB),
    ),
    attack(
        "core-dump",
        "leave the memory of a crashed child on the disk",
        """
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
tried(resource.setrlimit, resource.RLIMIT_CORE, (hard, hard))
_, status = os.waitpid(child(os.abort), 0)
if os.WCOREDUMP(status):
    won("core dumped")
""",
    ),
    attack(
        "stdin",
        "never read 8 MB of stdin, close it, and write to it",
        """
end = tried(os.open, "/proc/self/fd/0", os.O_WRONLY | os.O_NONBLOCK)
os.close(0)
if end is not None:
    tried(os.write, end, b"x")
""",
        stalls_the_feeder,
        Limits(wall_s=20.0),
        extra_stdin=8 << 20,
    ),
)
