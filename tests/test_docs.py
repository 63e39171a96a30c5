"""What the documents say exists: files, objects, links, make targets, commands and their options."""

import ast
import doctest
import importlib
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from r1kit.cli.config_page import render_page
from r1kit.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TEXTS = {path: path.read_text(encoding="utf-8") for path in PAGES}


def page_id(path):
    return path.name


def map_rows():
    """(what, implementation, test) of each row of docs/paper_map.md."""
    lines = TEXTS[ROOT / "docs" / "paper_map.md"].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if not set(row[0]) <= {"-", " "} and row[1] != "implementation"]


def resolve(reference):
    """`file.py:Name.attribute` or a file alone: what is missing, or None."""
    file, _, dotted = reference.partition(":")
    path = ROOT / file
    if not path.is_file():
        return f"no file {file}"
    body = ast.parse(path.read_text(encoding="utf-8")).body if dotted else []
    for name in filter(None, dotted.split(".")):
        found = [node for node in body if name in names_of(node)]
        if not found:
            return f"no {name} in {file}"
        body = getattr(found[0], "body", [])
    return None


def names_of(node):
    if isinstance(node, ast.Assign):
        return {ast.unparse(target) for target in node.targets}
    if isinstance(node, ast.AnnAssign):
        return {ast.unparse(node.target)}
    return {getattr(node, "name", None)}


def test_the_paper_map_resolves():
    rows = map_rows()
    assert len(rows) >= 10
    missing = []
    for row in rows:
        references = re.findall(r"`([\w./:]+)`", row[1] + row[2])
        assert len(re.findall(r"`([\w./:]+)`", row[1])) >= 1, row
        assert len(re.findall(r"`(tests/[\w./:]+)`", row[2])) >= 1, row
        missing += [f"{row[0]}: {why}" for why in map(resolve, references) if why]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_relative_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)\s#]+)", TEXTS[page])
    relative = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in relative if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_make_targets_exist(page):
    rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r"(?:^|`)make ([a-z][a-z-]*)", TEXTS[page], re.MULTILINE)
    assert set(named) <= set(rules)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_and_their_options_exist(page):
    """Every line of a code block, and every inline code, that begins with `r1kit`."""
    text = re.sub(r"\\\n\s*", " ", TEXTS[page])  # a command continued on the next line
    blocks = "".join(re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^(?:\$ )?(?:\.venv/bin/)?(r1kit .*)$", blocks, re.MULTILINE)
    for line in [*lines, *re.findall(r"`(r1kit [^`\n]+)`", text)]:
        check_command(line)


def check_command(line):
    words = shlex.split(line, comments=True)[1:]
    command = get_command(app)
    while words and (children := getattr(command, "commands", None)):
        assert words[0] in children or words[0].startswith("-"), f"no command {words[0]!r} in: {line}"
        if words[0].startswith("-"):
            break
        command = children[words.pop(0)]
    known = {"--help"} | {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - known
    assert not unknown, f"no option {unknown} in: {line}"


def test_the_command_check_finds_what_is_wrong():
    with pytest.raises(AssertionError, match="no command 'zeroo'"):
        check_command("r1kit zeroo")
    with pytest.raises(AssertionError, match=r"no option .*--folder"):
        check_command("r1kit zero --folder runs/x  # a comment")


def test_the_config_page_is_the_generated_one():
    text = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    assert text == render_page(), "run: make docs"


MODULES_WITH_EXAMPLES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for path in (ROOT / "r1kit").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("module", MODULES_WITH_EXAMPLES)
def test_docstring_examples_give_what_they_say(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0
