"""Attacks that change what they should not, or that gain the power to."""

from __future__ import annotations

from r1kit.sandbox.attacks.base import attack, killed_victim, left_children, lives_on, wrote

CHANGING = (
    attack(
        "write-outside",
        "write to the machine's folders, or to the program's own read-only files",
        """
tried(lambda: open(f"{stage['outside']}/{stage['marker']}", "w").close())
places = [os.path.dirname(__file__)] if stage["thorough"] else []
for top in (glob.glob("/*") + glob.glob("/*/*") + ["/"]) if stage["thorough"] else []:
    if os.path.isdir(top) and not top.startswith(("/tmp", "/proc", "/dev/shm")):
        places.append(top)
for place in places:
    path = f"{place}/r1kit-{stage['marker']}"
    if tried(os.open, path, os.O_CREAT | os.O_WRONLY) is not None:
        won(path)
if stage["thorough"] and tried(os.open, __file__, os.O_WRONLY) is not None:
    won(__file__)
""",
        wrote,
    ),
    attack(
        "signal-parent",
        "send signals to the processes outside",
        """
for pid in (stage["victim"], -stage["victim"]):
    tried(os.kill, pid, signal.SIGTERM)
""",
        killed_victim,
    ),
    attack(
        "orphan",
        "leave a child that outlives the program, in a session of its own",
        """
def hide():
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        time.sleep(15)
    os._exit(0)

os.waitpid(child(hide), 0)
""",
        lives_on,
    ),
    attack(
        "zombies",
        "leave children that nobody waits for",
        """
for _ in range(10):
    child(lambda: None)
    child(lambda: os.fork())
time.sleep(0.2)
""",
        left_children,
    ),
    attack(
        "set-clock",
        "set the clock (to the time that it shows)",
        """
def set_clock():
    time.clock_settime(time.CLOCK_REALTIME, time.time())
    won("clock_settime")

tried(set_clock)
""",
    ),
    attack(
        "kernel-settings",
        "open settings of the kernel's for writing",
        """
for path in (
    "/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger", "/sys/power/state",
    "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory/cgroup.procs",
):
    if tried(os.open, path, os.O_WRONLY) is not None:
        won(path)
""",
    ),
    attack(
        "terminal",
        "type into the terminal of whoever started the box",
        """
for path in ("/dev/tty", "/proc/self/fd/0", "/proc/self/fd/2"):
    fd = tried(os.open, path, os.O_RDWR)
    if fd is not None and tried(fcntl.ioctl, fd, 0x5412, b"x") is not None:
        won(path)
""",
    ),
)

GAINING = (
    attack(
        "user-namespace",
        "make a user namespace, the door to most of the kernel",
        """
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000) == 0:
    won("unshare(CLONE_NEWUSER)")
errors.append(os.strerror(ctypes.get_errno()))
""",
    ),
    attack(
        "ptrace",
        "take over another process of the box",
        """
libc = ctypes.CDLL(None, use_errno=True)
pid = child(time.sleep, 5)
if libc.ptrace(16, pid, None, None) == 0:
    won("PTRACE_ATTACH")
errors.append(os.strerror(ctypes.get_errno()))
os.kill(pid, signal.SIGKILL)
""",
    ),
    attack(
        "setuid",
        "become root by a program that has the set-user-id bit",
        """
for path in ("/usr/bin/passwd", "/usr/bin/su", "/bin/su", "/usr/bin/sudo", "/usr/bin/newgrp"):
    if not os.path.exists(path):
        continue
    process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + 2
    while process.poll() is None and time.monotonic() < ends:
        for line in (tried(read, f"/proc/{process.pid}/status") or b"").splitlines():
            if line.startswith(b"Uid:"):
                seen = (path, line.split()[2].decode())
                if seen[1] == "0":
                    process.kill()
                    won(seen)
                errors.append(f"{path} ran as user {seen[1]}")
    process.kill()
""",
    ),
)
