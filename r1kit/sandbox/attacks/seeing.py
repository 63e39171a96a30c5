"""Attacks that look at what they should not see."""

from __future__ import annotations

from r1kit.sandbox.attacks.base import attack, got_through, has_digest, has_token

SEEING = (
    attack(
        "network",
        "connect to a server of this machine, by TCP and by an abstract Unix socket",
        """
for family, address in (
    (socket.AF_INET, ("127.0.0.1", stage["port"])),
    (socket.AF_UNIX, "\\0" + stage["socket"]),
):
    client = socket.socket(family)
    client.settimeout(5)
    tried(client.connect, address)
""",
        got_through,
    ),
    attack(
        "checkout",
        "read the package's own files, beside which tests and answers lie",
        """
content = tried(read, stage["package_file"])
print(hashlib.sha256(content or b"").hexdigest())
""",
        has_digest,
    ),
    attack("home", "read a file of the user's", 'print(tried(read, stage["secret"]))\n', has_token),
    attack(
        "symlink",
        "reach the same file through links, ../ and the roots in /proc",
        """
secret = stage["secret"]
tried(os.symlink, secret, "link")
for path in ("link", "../" * 30 + secret, "/proc/self/root" + secret, "/proc/1/root" + secret):
    print(tried(read, path))
for pid in filter(str.isdigit, os.listdir("/proc")):
    print(tried(read, f"/proc/{pid}/root{secret}"))
""",
        has_token,
    ),
    attack(
        "processes",
        "read the environment of another process of this user in /proc",
        """
for path in glob.glob("/proc/[0-9]*/environ"):
    content = tried(read, path) or b""
    if b"R1KIT_VICTIM=" in content:
        print(content)
""",
        has_token,
    ),
    attack(
        "environment",
        "read the variables of the process that started the box",
        """
print(dict(os.environ), tried(read, "/proc/self/environ"), tried(read, "/proc/1/environ"))
""",
        has_token,
    ),
    attack(
        "leftovers",
        "find in a second box what a first one left in /tmp and /dev/shm",
        """
paths = [f"{folder}/r1kit-{stage['marker']}" for folder in ("/tmp", "/dev/shm", os.getcwd())]
found = [path for path in paths if os.path.exists(path)]
for path in paths:
    if found:
        tried(os.unlink, path)
    else:
        tried(lambda: open(path, "w").close())
if found:
    won(found)
""",
        num_runs=2,
    ),
    attack(
        "devices",
        "open disks, memory and the kernel's log, or make a device",
        """
for path in glob.glob("/dev/[svx]d[a-z]*") + glob.glob("/dev/nvme*") + [
    "/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/loop-control", "/proc/kcore"
]:
    if tried(os.open, path, os.O_RDONLY) is not None:
        won(path)
tried(os.mknod, "disk", stat.S_IFBLK | 0o600, os.makedev(254, 0))
if tried(os.open, "disk", os.O_RDONLY) is not None:
    won("mknod")
""",
    ),
)
