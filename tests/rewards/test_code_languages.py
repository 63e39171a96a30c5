"""Programs and calls in every language; a test of a language that the box does not have skips and says why."""

import pytest

from r1kit.rewards.code import verify_code
from r1kit.rewards.code.languages import LANGUAGES, file_stem, find_language
from rewards.code_boxes import any_box

ADD = [{"type": "stdio", "input": f"{a} {b}\n", "output": f"{a + b}\n"} for a, b in ((1, 2), (3, 4), (5, 5), (0, 0))]


def judge(program, tests, *, language="python", **options):
    return verify_code(
        completion=f"```{language}\n{program}\n```", language=language, tests=tests, sandbox=any_box(), **options
    )


def calls(*pairs, name="f", **fields):
    return [{"type": "call", "fn_name": name, "input": list(args), "output": gold, **fields} for args, gold in pairs]


def test_names_and_aliases():
    names = {"py": "python", "Python3": "python", "C++": "cpp", "js": "javascript", "ts": "typescript", "sh": "bash"}
    names |= {"c#": "csharp", "cs": "csharp", "golang": "go", "rs": "rust", "c": "c", " PHP ": "php", "java": "java"}
    for tag, name in names.items():
        assert find_language(tag) is LANGUAGES[name]
    assert find_language("cobol") is None
    assert find_language("") is None
    aliases = [alias for language in LANGUAGES.values() for alias in (language.name, *language.aliases)]
    assert len(set(aliases)) == len(aliases)


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("class A {}\npublic final class Sum { public static void main(String[] a) {} }", "Sum"),
        ("class Helper {}\nclass Go { public static void main(String[] a) {} }\nclass Late {}", "Go"),
        ("interface X {}", "Main"),
        ("public class \u0416 {}", "Main"),
    ],
)
def test_a_java_file_is_named_after_its_class(source, stem):
    assert file_stem(LANGUAGES["java"], source) == stem
    assert file_stem(LANGUAGES["cpp"], source) == "main"


PROGRAMS = {
    "cpp": "#include <iostream>\nint main() { long a, b; std::cin >> a >> b; std::cout << a + b; }",
    "c": '#include <stdio.h>\nint main() { long a, b; scanf("%ld %ld", &a, &b); printf("%ld", a + b); }',
    "java": (
        "import java.util.*;\npublic class Add { public static void main(String[] args) { Scanner in = "
        "new Scanner(System.in); long a = in.nextLong(), b = in.nextLong(); System.out.println(a + b); } }"
    ),
    "javascript": "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number); console.log(a + b)",
    "typescript": (
        "declare var require: any; enum Kind { One }\nconst [a, b]: number[] = "
        "require('fs').readFileSync(0, 'utf8').split(' ').map(Number); console.log(a + b)"
    ),
    "go": 'package main\nimport "fmt"\nfunc main() { var a, b int; fmt.Scan(&a, &b); fmt.Println(a + b) }',
    "rust": (
        "fn main() { let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap(); "
        "let v: Vec<i64> = s.split_whitespace().map(|x| x.parse().unwrap()).collect(); "
        'let (a, b) = (v[0], v[1]); println!("{}", a + b); }'
    ),
    "php": "<?php [$a, $b] = explode(' ', trim(fgets(STDIN))); echo $a + $b;",
    "bash": "read a b; echo $((a + b))",
    "csharp": (
        "using System; class P { static void Main() { var p = Console.ReadLine().Split(' '); "
        "long a = long.Parse(p[0]), b = long.Parse(p[1]); Console.WriteLine(a + b); } }"
    ),
    "python": "a, b = map(int, input().split())\nprint(a + b)",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_of_every_language(language):
    verdict = judge(PROGRAMS[language], ADD[:2], language=language)
    if verdict.value is None:
        assert verdict.reason.startswith("no "), verdict.reason
        pytest.skip(verdict.reason)
    assert (verdict.value, verdict.reason) == (1.0, "correct")


@pytest.mark.parametrize("language", ["cpp", "php", "javascript"])
def test_a_wrong_and_a_broken_program_of_another_language(language):
    wrong = judge(PROGRAMS[language].replace("a + b", "a - b").replace("$a + $b", "$a - $b"), ADD, language=language)
    if wrong.value is None:
        pytest.skip(wrong.reason)
    assert (wrong.value, wrong.reason) == (0.0, "test 1 of 4: input '1 2\\n': got '-1', expected '3'")
    broken = judge(PROGRAMS[language] + "\n)(", ADD, language=language)
    assert broken.value == 0.0
    assert "error" in broken.reason.lower()


@pytest.mark.parametrize(
    ("language", "program"),
    [
        ("javascript", "const f = async (a, b) => a.concat([b / 2])"),
        ("javascript", "class Solution { f(a, b) { return [...a, b / 2] } }"),
        ("typescript", "function f(a: number[], b: number): number[] { return [...a, b / 2] }"),
        ("php", "<?php function f($a, $b) { $a[] = $b / 2; return $a; } ?>"),
    ],
)
def test_calls_of_another_language(language, program):
    tests = [
        *calls(([[1, 2], 6], [1, 2, 3])),
        {"type": "call", "fn_name": "f", "input": {"a": [], "b": 2}, "output": [1]},
    ]
    verdict = judge(program, tests, language=language)
    if verdict.value is None:
        pytest.skip(verdict.reason)
    assert (verdict.value, verdict.reason) == (1.0, "correct")
    assert judge(program.replace("/ 2", "/ 4"), tests, language=language).value == 0.0
