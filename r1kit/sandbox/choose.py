"""Which kind of box to use: by name, or the best that this machine has."""

from __future__ import annotations

from collections.abc import Callable

from r1kit.errors import ConfigError, suggest
from r1kit.sandbox.base import Sandbox, SandboxError
from r1kit.sandbox.bwrap import BwrapSandbox
from r1kit.sandbox.namespaces import NamespaceSandbox
from r1kit.sandbox.plain import PlainSandbox

BACKENDS: dict[str, Callable[[], Sandbox]] = {
    "bwrap": BwrapSandbox,
    "namespaces": NamespaceSandbox,
    "plain": PlainSandbox,
}
"""Best first."""

_UNSAFE = ("plain",)


def open_sandbox(name: str = "auto", *, unsafe: bool = False) -> Sandbox:
    """The sandbox of a name, or for "auto" the first of bwrap and namespaces that works here.

    Opening makes one box, to see that it works; about 0.1 s.

    Args:
        name: "auto", "bwrap", "namespaces" or "plain".
        unsafe: Allows "plain", which stops no attack; "auto" then takes it where nothing better works.

    Raises:
        ConfigError: an unknown name, or "plain" without `unsafe`.
        SandboxError: nothing works here that is allowed; the message says why for each, and how to mend it.
    """
    if name != "auto":
        if name not in BACKENDS:
            raise ConfigError(f"unknown sandbox {name!r}; {suggest(name, ['auto', *BACKENDS])}")
        if name in _UNSAFE and not unsafe:
            raise ConfigError(
                f"sandbox {name!r} stops no attack: a program may do what you may; allow it by unsafe=True, --unsafe"
            )
        return BACKENDS[name]()
    reasons = []
    for candidate, make in BACKENDS.items():
        if candidate in _UNSAFE and not unsafe:
            continue
        try:
            return make()
        except SandboxError as error:
            reasons.append(str(error))
    raise SandboxError(
        f"no sandbox for programs of a model works here ({'; '.join(reasons)}); "
        "on Debian: apt-get install bubblewrap; or allow running them without one by unsafe=True, --unsafe"
    )


def survey() -> dict[str, str]:
    """Every backend by name, with whether it works here, or why not."""
    said = {}
    for name, make in BACKENDS.items():
        try:
            make()
        except SandboxError as error:
            said[name] = str(error)
        else:
            said[name] = "works, but stops no attack; only with unsafe=True" if name in _UNSAFE else "works"
    return said
