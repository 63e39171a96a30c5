"""The languages that code answers may be in, and how each is built and run inside a box.

A command is looked for in the box, not on this machine, by the driver; where none of a language's builds has all its
tools there, the verdict is None and the reason says what to install. Python needs nothing: the box has the
interpreter that runs r1kit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One way to run a program.

    In the commands, {code} is the read-only folder with the source, {out} a writable one, {memory} the limit in MB,
    {name} the source's file name without its ending.
    """

    tools: tuple[str, ...]
    """Programs that have to be on the PATH of the box."""
    probe: tuple[str, ...] = ()
    """A command that has to end with status 0, where it takes a recent version; none if empty."""
    compile: tuple[str, ...] = ()
    """Run once an answer; its status 0 means compiled. Nothing to compile if empty."""
    run: tuple[str, ...]
    """Run once a test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLanguage:
    """A language: its names, its commands, and what it needs beyond what a test is allowed."""

    name: str
    aliases: tuple[str, ...] = ()
    """Other tags of a code block and other values of a row's `language`."""
    suffix: str
    """Of the source file."""
    builds: tuple[Build, ...] = ()
    """Tried in order; none for Python, which the driver runs itself."""
    packages: str = ""
    """What to install, for the message."""
    can_call: bool = False
    """Whether tests may call one of its functions; the other languages have stdin/stdout tests only."""
    one_number_type: bool = False
    """Whether 1 and 1.0 are the same value."""
    address_space: bool = True
    """False for runtimes that reserve far more addresses than they use; see `r1kit.sandbox.Limits`."""
    num_processes: int = 32
    start_s: float = 0.0
    """Time for the runtime to start, added to the time limit of a test."""
    env: dict[str, str] = field(default_factory=dict)


_PYTHON = CodeLanguage(name="python", aliases=("py", "python3", "py3", "pypy", "pypy3"), suffix=".py", can_call=True)
_CPP = CodeLanguage(
    name="cpp",
    aliases=("c++", "cc", "cxx", "cplusplus", "g++", "c++17", "c++20", "cpp17", "cpp20"),
    suffix=".cpp",
    builds=(
        Build(
            tools=("g++",),
            compile=("g++", "-O2", "-std=gnu++17", "-w", "{code}/{name}.cpp", "-o", "{out}/main"),
            run=("{out}/main",),
        ),
    ),
    packages="g++",
)
_C = CodeLanguage(
    name="c",
    aliases=("c99", "c11", "c17", "gcc"),
    suffix=".c",
    builds=(
        Build(
            tools=("gcc",),
            compile=("gcc", "-O2", "-std=gnu17", "-w", "{code}/{name}.c", "-o", "{out}/main", "-lm"),
            run=("{out}/main",),
        ),
    ),
    packages="gcc",
)
_JAVA = CodeLanguage(
    name="java",
    suffix=".java",
    builds=(
        Build(
            tools=("javac", "java"),
            compile=("javac", "-J-Xmx512m", "-nowarn", "-encoding", "UTF-8", "-d", "{out}", "{code}/{name}.java"),
            run=("java", "-Xmx{memory}m", "-Xss64m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-cp", "{out}", "{name}"),
        ),
    ),
    packages="a JDK, e.g. default-jdk-headless",
    address_space=False,
    num_processes=128,
    start_s=1.0,
)
_JAVASCRIPT = CodeLanguage(
    name="javascript",
    aliases=("js", "node", "nodejs", "ecmascript", "mjs", "cjs"),
    suffix=".js",
    builds=(Build(tools=("node",), run=("node", "--stack-size=6000", "{code}/{name}.js")),),
    packages="nodejs",
    can_call=True,
    one_number_type=True,
    address_space=False,
    num_processes=64,
    start_s=0.5,
)
_TYPESCRIPT = CodeLanguage(
    name="typescript",
    aliases=("ts",),
    suffix=".ts",
    builds=(
        Build(
            tools=("node", "tsc"),
            compile=(
                *("tsc", "--target", "es2022", "--module", "commonjs", "--moduleDetection", "force", "--noCheck"),
                *("--outDir", "{out}", "{code}/{name}.ts"),
            ),
            probe=("tsc", "--noCheck", "--version"),
            run=("node", "--stack-size=6000", "{out}/{name}.js"),
        ),
        Build(
            tools=("node",),
            probe=("node", "--experimental-transform-types", "--eval", "0"),
            run=("node", "--stack-size=6000", "--experimental-transform-types", "{code}/{name}.ts"),
        ),
    ),
    packages="nodejs 22.7 or later, or nodejs with typescript 5.6 or later",
    can_call=True,
    one_number_type=True,
    address_space=False,
    num_processes=64,
    start_s=0.5,
)
_GO = CodeLanguage(
    name="go",
    aliases=("golang",),
    suffix=".go",
    builds=(
        Build(
            tools=("go",),
            compile=("go", "build", "-p", "2", "-o", "{out}/main", "{code}/{name}.go"),
            run=("{out}/main",),
        ),
    ),
    packages="golang",
    address_space=False,
    num_processes=128,
    env={"GOCACHE": "{out}/go-cache", "GOPATH": "{out}/go", "GO111MODULE": "off", "GOTELEMETRY": "off"},
)
_RUST = CodeLanguage(
    name="rust",
    aliases=("rs",),
    suffix=".rs",
    builds=(
        Build(
            tools=("rustc",),
            compile=("rustc", "-O", "--edition", "2021", "-A", "warnings", "-o", "{out}/main", "{code}/{name}.rs"),
            run=("{out}/main",),
        ),
    ),
    packages="rustc",
)
_PHP = CodeLanguage(
    name="php",
    aliases=("php8", "php7"),
    suffix=".php",
    builds=(
        Build(
            tools=("php",),
            compile=("php", "-l", "-d", "display_errors=stderr", "{code}/{name}.php"),
            run=("php", "-d", "display_errors=stderr", "-d", "memory_limit={memory}M", "{code}/{name}.php"),
        ),
    ),
    packages="php-cli",
    can_call=True,
)
_BASH = CodeLanguage(
    name="bash",
    aliases=("sh", "shell", "zsh"),
    suffix=".sh",
    builds=(Build(tools=("bash",), compile=("bash", "-n", "{code}/{name}.sh"), run=("bash", "{code}/{name}.sh")),),
    packages="bash",
)
_CSHARP = CodeLanguage(
    name="csharp",
    aliases=("cs", "c#", "mono", "dotnet"),
    suffix=".cs",
    builds=(
        Build(
            tools=("mcs", "mono"),
            compile=("mcs", "-optimize+", "-warn:0", "-r:System.Numerics", "-out:{out}/main.exe", "{code}/{name}.cs"),
            run=("mono", "{out}/main.exe"),
        ),
    ),
    packages="mono-mcs",
    address_space=False,
    num_processes=64,
    start_s=0.5,
)

LANGUAGES: dict[str, CodeLanguage] = {
    language.name: language
    for language in (
        *(_PYTHON, _CPP, _C, _JAVA, _JAVASCRIPT, _TYPESCRIPT),
        *(_GO, _RUST, _PHP, _BASH, _CSHARP),
    )
}
"""By name. A language of your own is one entry."""


@cache
def _by_alias() -> dict[str, CodeLanguage]:
    return {alias: language for language in LANGUAGES.values() for alias in (language.name, *language.aliases)}


def find_language(tag: str) -> CodeLanguage | None:
    """The language of a name or of a code block's tag, in any case; None if unknown."""
    return _by_alias().get(tag.strip().lower())


_PUBLIC_CLASS = re.compile(r"\bpublic\s+(?:(?:final|abstract|strictfp)\s+)*class\s+(\w+)", re.ASCII)
_ANY_CLASS = re.compile(r"\bclass\s+(\w+)", re.ASCII)
_MAIN = re.compile(r"\bvoid\s+main\s*\(")


def file_stem(language: CodeLanguage, source: str) -> str:
    """The name of the source file without its ending: in Java that of the class that has `main`, otherwise "main"."""
    if language.name != "java":
        return "main"
    public = _PUBLIC_CLASS.search(source)
    if public:
        return public[1]
    main = _MAIN.search(source)
    classes = _ANY_CLASS.findall(source[: main.start()] if main else source)
    return classes[-1] if classes else "Main"
