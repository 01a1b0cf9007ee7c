"""Answers: good ones are held verbatim, hostile ones refused by message, with nothing left behind."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from cookiecutter.environment import StrictEnvironment
from cookiecutter.exceptions import FailedHookException
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hooks.pre_gen_project import YAML_WORDS, problems
from tests.template import DEFAULTS, ROOT, bake

GOOD = [
    ("project", "ab2"),
    ("project", "a" * 50),
    ("project", "churn-2-eu-west-1"),
    ("project", "churn"),
    ("description", "x"),
    ("description", "a: b # c, 100% of 'them' & \"us\"? %s \\ ~ *yes* [no] (null) $x"),
    ("description", "Größe, 東京, مرحبا 🚀"),
    ("description", "d" * 200),
    ("staging_host", "https://adb-1234567890123456.7.azuredatabricks.example"),
    ("production_host", DEFAULTS["staging_host"]),
    ("staging_catalog", "a"),
    ("staging_catalog", "_" + "9" * 62),
    ("production_catalog", "main"),
]
# fmt: off
# Which answer, a part of what the user is told, and the values it must not have.
REFUSED: list[tuple[str, str, list[str]]] = [
    ("project", "use 3 to 50 lowercase letters", [
        # A folder elsewhere, or none.
        "../up", "a/b/c", "/a/b", "..", ".", "a/../../up", "..\\up", "a\\b", "",
        # Ends a string, a line, a command.
        "it's", 'a"b', "a\nb", "acme\n", "\nacme", "a\0b", "a;b", "$(id)", "-rf",
        '"); import os; os.system("id"); ("', "'); import os; os.system('id'); ('",
        # Another value in YAML or TOML.
        "a: b", "a # b", "%s", "~", "123", "1e3", "[a]", "&a", "*a", "!a",
        # Looks like another.
        "acm\u00e9", "\u0430cme", "acme\U0001f680", "ac\u200bme", "\u202eacme",
        # Nearly right.
        "Acme", "acme_churn", "acme churn", "acme--churn", "acme-", "1acme", "ab",
        "a" * 51, "a" * 300, "a" * 5000,
    ]),
    ("project", "is taken by", [
        "yes", "null", "true", "false", "off", "class", "none", "import", "json", "abc", "test", "tests",
        "pandas", "mlflow", "scikit-learn", "con", "nul", "com1",
    ]),
    ("description", "use one line", ["", " x", "x ", "d" * 201, "# x", "- x", "> x", "[x](y)", "!x"]),
    ("description", "leave out control and invisible characters", [
        f"a{hidden}b" for hidden in "\n\r\t\0\x1b\x7f\u0085\u2028\u2029\u202e\u2066\u200b\u200d\ufeff"
    ]),
    ("description", "leave out braces", ["a `x`", "a <script>", "a | b", "a }}", "a ${x}"]),
    ("staging_host", "use https:// and a host name", [
        "http://a.example", "HTTPS://a.example", "a.example", "", "null", "https://", "https://acme",
        "https://a.example/", "https://a.example/x", "https://a.example?x=1", "https://a.example#x",
        "https://a.example:443", "https://me@a.example", "https://me:pw@a.example", "https://a.example\\@b.example",
        "https://A.example", "https://a..example", "https://.a.example", "https://a.example.",
        "https://a_b.example", "https://-a.example", "https://a-.example", "https://a%2eexample",
        "https://127.0.0.1", "https://[::1]",
        "https://a.example\n", "https://a b.example", "https://\u0430.example", f"https://{'a' * 64}.example",
        f"https://{'a.' * 127}example",
    ]),
    ("production_host", "use https:// and a host name", ["http://a.example"]),
    ("staging_catalog", "use 1 to 63 lowercase letters", [
        "", "A", "1a", "a-b", "a.b", "a b", "a'b", 'a"b', "a\n", "a`b", "${x}", "a" * 64, "\u00e9", "~",
        "123", "a: b", "a # b", "%s", "a\\b",
    ]),
    ("production_catalog", "use 1 to 63 lowercase letters", ["a-b"]),
    ("production_catalog", "is a word that YAML reads", ["yes", "no", "null", "true", "off", "y"]),
    ("production_catalog", "use another catalog than staging_catalog", [DEFAULTS["staging_catalog"]]),
]
# fmt: on
HOSTILE = [(name, value, advice) for name, advice, values in REFUSED for value in values]


def tree(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def assert_held_verbatim(project: Path, answers: Mapping[str, str]) -> None:
    bundle = yaml.safe_load((project / "databricks.yml").read_text("utf-8"))
    targets = bundle["targets"]
    assert project.name == bundle["bundle"]["name"] == answers["project"]
    for target, prefix in {"dev": "staging", "staging": "staging", "production": "production"}.items():
        assert targets[target]["workspace"]["host"] == answers[f"{prefix}_host"]
        assert targets[target]["variables"]["catalog"] == answers[f"{prefix}_catalog"]
    lines = (project / "README.md").read_text("utf-8").split("\n")
    assert lines[:3] == [f"# {answers['project']}", "", answers["description"]]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_a_good_answer_is_held_verbatim(name: str, value: str, template: Path, tmp_path: Path) -> None:
    assert_held_verbatim(bake(template, tmp_path, {name: value}), {**DEFAULTS, name: value})


@pytest.mark.parametrize(("name", "value", "advice"), HOSTILE)
def test_a_hostile_answer_is_refused_in_one_line_and_nothing_is_left(
    name: str, value: str, advice: str, template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "inside" / "output"
    output.mkdir(parents=True)
    before = tree(tmp_path)
    with pytest.raises(FailedHookException):
        bake(template, output, {name: value.replace("{", "{{ '{' }}")})
    assert tree(tmp_path) == before
    [line] = capfd.readouterr().err.splitlines()
    typed = value.replace("\r", "\n")  # Jinja does that to what comes on the command line
    assert line.startswith(f"{name}: {ascii(typed)[:57]}")
    assert advice in line
    assert len(line) <= 200


def test_parents_that_were_there_before_a_refusal_stay(template: Path, tmp_path: Path) -> None:
    (tmp_path / "a" / "empty").mkdir(parents=True)
    before = tree(tmp_path)
    for project in ("a/empty/c", "a/new/c", str(tmp_path / "a/empty/c"), "a"):
        with pytest.raises(FailedHookException):
            bake(template, tmp_path, {"project": project}, overwrite=True)
        assert tree(tmp_path) == before


def test_without_hooks_no_name_leads_out_of_the_output_folder(bad_copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(bad_copy / "hooks")
    assert bake(bad_copy, tmp_path, {"project": "../../up"}) == tmp_path / "REFUSED"


def cookiecutter(
    template: Path, folder: Path, *arguments: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command line with a home folder of its own."""
    (folder / "output").mkdir()
    command = [sys.executable, "-m", "cookiecutter", str(template), "--output-dir", str(folder / "output")]
    home = {"HOME": str(folder), "USERPROFILE": str(folder), "TMPDIR": str(folder)}
    return subprocess.run(
        [*command, *arguments],
        env=os.environ | home,
        input=typed,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_all_problems_are_said_at_once_on_stderr(
    template: Path, tmp_path: Path, matches_golden: Callable[[str, str], None]
) -> None:
    bad = {
        "project": "../Acme Churn",
        "description": "a\u202eb",
        "staging_host": "http://acme.example/path",
        "production_host": "acme",
        "staging_catalog": "Acme " * 30,
        "production_catalog": "null",
    }
    ended = cookiecutter(
        template, tmp_path, "--no-input", *[f"{name}={value}" for name, value in bad.items()]
    )
    assert ended.returncode == 1
    assert tree(tmp_path / "output") == set()
    matches_golden("refusal.txt", ended.stderr)


def test_what_is_typed_is_data_even_when_it_is_jinja(template: Path, tmp_path: Path) -> None:
    typed = ["typed-churn", "x {{ 7 * 7 }} {% raw %}", *[DEFAULTS[name] for name in list(DEFAULTS)[2:]]]
    ended = cookiecutter(template, tmp_path, typed="\n".join([*typed, ""]))
    assert ended.returncode == 1
    assert "description: 'x {{ 7 * 7 }} {% raw %}': leave out braces" in ended.stderr
    assert tree(tmp_path / "output") == set()


@pytest.mark.parametrize("value", [None, 5, True, ["acme"], {"a": "b"}])
def test_an_answer_that_is_no_text_is_refused(value: object) -> None:
    assert problems({**DEFAULTS, "project": value}) == [f"project: {value!r}: give one line of text"]


def test_the_defaults_have_no_problem() -> None:
    assert problems(DEFAULTS) == []


def hook_with(answers: Mapping[str, Any]) -> ast.Module:
    source = (ROOT / "hooks/pre_gen_project.py").read_text("utf-8")
    rendered: str = StrictEnvironment().from_string(source).render(cookiecutter=answers)
    return ast.parse(rendered)


def answers_in(hook: ast.Module) -> ast.Constant:
    """The one string that is given to `json.loads`."""
    [text] = [
        node.args[0]
        for node in ast.walk(hook)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "json.loads"
    ]
    assert isinstance(text, ast.Constant)
    return text


@given(st.text(st.characters()))
@example("'); print('owned")
@example("'''\"\"\"")
@example("\\")
@example("\r\n\u2028\0")
@example("{{ 7 }}")
def test_no_text_breaks_out_of_the_string_that_brings_it_to_the_hook(text: str) -> None:
    hook, plain = hook_with({"project": text}), hook_with({"project": ""})
    carried = answers_in(hook)
    assert json.loads(str(carried.value)) == {"project": text}
    carried.value = answers_in(plain).value
    assert ast.dump(hook) == ast.dump(plain)


PLAIN = st.characters(exclude_categories=["C", "Z"], exclude_characters="{}`<>|")
HOSTS = st.from_regex(r"https://([a-z0-9-]{1,9}\.){1,3}[a-z]{2,5}", fullmatch=True)
CATALOGS = st.from_regex(r"[a-z_][a-z0-9_]{0,20}", fullmatch=True)
LIKELY = {
    "project": st.from_regex(r"[a-z][a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,3}", fullmatch=True),
    "description": st.text(PLAIN, max_size=200),
    "staging_host": HOSTS,
    "production_host": HOSTS,
    "staging_catalog": CATALOGS,
    "production_catalog": CATALOGS,
}
# cookiecutter renders what comes on the command line, so braces are tried above, where they arrive as data.
NO_BRACE = st.characters(exclude_categories=["Cs"], exclude_characters="{")
ANYTHING = st.text(NO_BRACE) | st.sampled_from(sorted(YAML_WORDS))
ANSWERS = st.fixed_dictionaries({}, optional={name: likely | ANYTHING for name, likely in LIKELY.items()})


@settings(max_examples=60, deadline=None)
@given(answers=ANSWERS)
def test_any_answers_are_refused_whole_or_held_verbatim(answers: dict[str, str], template: Path) -> None:
    complete = {**DEFAULTS, **answers}
    with TemporaryDirectory() as folder:
        output = Path(folder, "output")
        output.mkdir()
        if problems(complete):
            with pytest.raises(FailedHookException):
                bake(template, output, answers)
            assert tree(Path(folder)) == {output}
        else:
            assert_held_verbatim(bake(template, output, answers), complete)


@settings(max_examples=500)
@given(name=st.sampled_from(list(LIKELY)), data=st.data())
def test_an_accepted_answer_is_itself_inside_double_quotes(name: str, data: st.DataObject) -> None:
    value = data.draw(LIKELY[name] | ANYTHING)
    if name == "description" or problems({**DEFAULTS, name: value}):
        return
    assert yaml.safe_load(f'x: "{value}"') == {"x": value}
    assert json.loads(f'"{value}"') == value
