"""Which programs a box has, by the absolute paths that `Sandbox.run` takes.

A box shows /usr, the links to it (/bin, /lib...), the few files of /etc that compilers and runtimes need, and the
installation of the Python that runs r1kit: not home folders, the checkout, or the packages of a virtual environment.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
from functools import cache

from r1kit.sandbox.base import SandboxError

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
"""PATH in a box."""

_OF_ETC = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/java-*", "/etc/mono", "/etc/localtime")
"""Links that Debian's tools go through, the linker's cache, Java's settings: nothing about this machine's users."""

_ROOT_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")


def python_executable() -> str:
    """The real interpreter behind the one that runs r1kit (not a virtual environment's link, nor a pyenv shim)."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for name in (f"python{version}", "python3", "python"):
        path = os.path.join(sys.base_prefix, "bin", name)
        if os.access(path, os.X_OK):
            return os.path.realpath(path)
    return os.path.realpath(sys.executable)


def find_executable(name: str) -> str | None:
    """The path in a box of a program such as "gcc", or None where no box has it.

    Only what lies in /usr counts: a tool that a user installed at home is on this machine, but not in a box.
    """
    path = shutil.which(name, path=SEARCH_PATH)
    return path if path is not None and is_in_box(path) else None


def is_in_box(path: str) -> bool:
    """Whether an absolute path is a program that exists in a box."""
    real = os.path.realpath(path)
    return os.access(real, os.X_OK) and any(real.startswith(f"{folder}/") for folder in _programs())


def check_program(backend: str, path: str) -> None:
    """Refuse a program that no box has, before a box is made for it.

    Raises:
        SandboxError: neither below what boxes show, nor one of the run's own files.
    """
    if not path.startswith("/code/") and not is_in_box(path):
        raise SandboxError(
            f"sandbox {backend}: no program {path!r} in a box; it shows {', '.join(readable_paths())} "
            "(take the path from r1kit.sandbox.executables)"
        )


def box_environment(folder: str = "/tmp") -> dict[str, str]:  # noqa: S108 -- the box's own
    """The whole environment of a program in a box whose working folder is given."""
    return {"PATH": SEARCH_PATH, "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8"}


@cache
def readable_paths() -> tuple[str, ...]:
    """What a box shows of this machine, read-only; paths of folders and files, none below another."""
    paths = ["/usr"]
    if not _is_below(sys.base_prefix, "/usr"):
        paths.append(os.path.realpath(sys.base_prefix))
    for pattern in _OF_ETC:
        paths += sorted(glob.glob(pattern))
    return tuple(paths)


@cache
def root_links() -> tuple[tuple[str, str], ...]:
    """(target, link) of those of /bin, /sbin, /lib... that are links, as where all is merged into /usr."""
    return tuple((os.readlink(path), path) for path in _ROOT_FOLDERS if os.path.islink(path))


@cache
def root_folders() -> tuple[str, ...]:
    """Those of /bin, /sbin, /lib... that are folders of their own."""
    return tuple(path for path in _ROOT_FOLDERS if os.path.isdir(path) and not os.path.islink(path))


def parents(path: str) -> list[str]:
    """Every folder above an absolute path, outermost first, without the root.

    >>> parents("/opt/python/bin")
    ['/opt', '/opt/python']
    """
    parts = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(parts[: count + 1]) for count in range(len(parts))]


def _programs() -> tuple[str, ...]:
    return (*readable_paths(), *root_folders())


def _is_below(path: str, folder: str) -> bool:
    real = os.path.realpath(path)
    return real == folder or real.startswith(f"{folder}/")
