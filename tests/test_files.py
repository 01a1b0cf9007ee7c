"""The template's files as they lie there, before anything is rendered."""

import ast
import json
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hooks.post_gen_project import LEFTOVERS
from hooks.pre_gen_project import ADVICE, LIBRARIES
from tests.mutants import Mutant, Mutants
from tests.template import DEFAULTS, PROJECT, ROOT, files_below, files_of, snapshot

RENDERED = ["README.md", "databricks.yml"]
PARSERS: dict[str, Callable[[str], object]] = {
    ".json": json.loads,
    ".lock": tomllib.loads,
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".yml": yaml.safe_load,
}
# Somebody's folder, or the host of a package registry; written so that this file is no finding itself.
PRIVATE = re.compile(
    r"/[h]ome/\w|(?<!Workspace)/[U]sers/\w|/[r]oot/|:\\[U]sers"
    r"|[p]ypi\.org|[p]ythonhosted|[n]pmjs\.|[r]epo1\.maven|[c]rates\.io"
)

MODULE = f"{PROJECT}/src/churn/__init__.py"
METADATA = f"{PROJECT}/pyproject.toml"
BUNDLE = f"{PROJECT}/databricks.yml"
TAG = "{{ cookiecutter.project }}"

mutants = Mutants()


def text_of(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")


def project_texts(root: Path) -> dict[str, str]:
    project = root / PROJECT
    found = {str(file): text_of(project / file) for file in files_below(project)}
    assert len(found) > 10, "the walk found the project"
    return found


@mutants.fail(MODULE, "", "def (")
@mutants.fail(METADATA, "", "\n= 1")
@mutants.fail(BUNDLE, f'"{TAG}"', TAG)
def test_every_file_parses_before_rendering(template: Path) -> None:
    parsed = set()
    for file in files_below(template):
        if parse := PARSERS.get(file.suffix):
            parse(text_of(template / file))
            parsed.add(file.suffix)
    assert parsed == set(PARSERS)


@mutants.fail(MODULE, "", f'NAME = "{TAG}"\n')
def test_two_files_carry_tags_and_no_other_is_rendered(template: Path) -> None:
    texts = project_texts(template)
    assert [file for file, text in texts.items() if re.search(r"\{\{-?\s*cookiecutter", text)] == RENDERED


@mutants.fail(BUNDLE, "project }}", "project | upper }}")
@mutants.fail(BUNDLE, "project }}", "_template }}")
@mutants.fail(BUNDLE, TAG, 15 * TAG)
def test_tags_are_plain_answers_and_few(template: Path) -> None:
    texts = project_texts(template)
    tags = [tag for file in RENDERED for tag in re.findall(r"\{\{.*?\}\}", texts[file])]
    assert 0 < len(tags) <= 15
    assert set(tags) == {f"{{{{ cookiecutter.{name} }}}}" for name in DEFAULTS}


@mutants.fail(BUNDLE, f'"{TAG}"', f"'{TAG}'")
def test_tags_in_yaml_stand_inside_double_quotes(template: Path) -> None:
    lines = text_of(template / PROJECT / "databricks.yml").splitlines()
    unquoted = [line for line in lines if "{{" in re.sub(r'"[^"]*"', "", line)]
    assert not unquoted


@mutants.fail(BUNDLE, "cookiecutter.project", "cookiecutter.description")
def test_free_text_reaches_markdown_only(template: Path) -> None:
    assert "cookiecutter.description" not in text_of(template / PROJECT / "databricks.yml")


@mutants.fail(MODULE, "", "# {% if true %}\n")
@mutants.fail(PROJECT + "/{% if x %}.txt", "", "")
def test_nothing_is_conditional(template: Path) -> None:
    for file, text in project_texts(template).items():
        assert not re.search(r"[{}]", file), f"the name of {file} is a condition"
        assert "{%" not in text, f"{file} holds a Jinja statement"


@mutants.fail(MODULE, "", "# /ho" + "me/someone/data\n")
@mutants.fail("README.md", "", "https://py" + "pi.org/simple\n")
def test_no_file_names_a_private_folder_or_a_registry(template: Path) -> None:
    found = [file for file in files_below(template) if file.name != "uv.lock"]
    assert len(found) > 20
    for file in found:
        leak = PRIVATE.search(text_of(template / file))
        assert not leak, f"{file}: {leak and leak[0]}"


def test_scripts_are_executable_and_nothing_else_is(template: Path) -> None:
    executable = {str(file) for file in files_below(template) if os.access(template / file, os.X_OK)}
    assert executable == {".ci/run"}


@mutants.fail("cookiecutter.json", '"staging_host": "Address', '"stage": "Address')
def test_there_are_six_prompts_each_a_sentence_and_each_checked(template: Path) -> None:
    questions = json.loads(text_of(template / "cookiecutter.json"))["__prompts__"]
    assert list(questions) == list(DEFAULTS) == list(ADVICE)
    assert len(questions) <= 6
    assert all(len(question.split()) >= 5 for question in questions.values())


@mutants.fail(METADATA, '"numpy', '"polars", "numpy')
def test_no_project_can_be_called_like_a_library_it_stands_on(template: Path) -> None:
    metadata = tomllib.loads(text_of(template / PROJECT / "pyproject.toml"))
    groups = [metadata["project"]["dependencies"], *metadata["dependency-groups"].values()]
    names = {re.split(r"[^a-z0-9-]", requirement)[0] for group in groups for requirement in group}
    assert len(names) > 10
    assert names - {metadata["project"]["name"]} <= LIBRARIES


@mutants.fail(f"{PROJECT}/.gitignore", "/.venv/", "")
def test_git_ignores_all_that_the_post_hook_removes(template: Path) -> None:
    ignored = text_of(template / PROJECT / ".gitignore").split()
    assert {f"/{name}/" for name in LEFTOVERS} <= set(ignored)


def test_caches_never_enter_a_snapshot(tmp_path: Path) -> None:
    cache = tmp_path / "used" / PROJECT / ".venv" / "lib"
    cache.mkdir(parents=True)
    (cache / "module.py").touch()
    (cache.parents[1] / "Makefile").touch()
    copied = snapshot(tmp_path / "used", tmp_path / "copy")
    assert list(files_below(copied)) == [Path(PROJECT, "Makefile")]
    assert not (copied / PROJECT / ".venv").exists()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git repository")
def test_a_snapshot_holds_what_git_would_commit() -> None:
    found = {str(file) for file in files_of(ROOT)}
    assert {"cookiecutter.json", ".ci/run", f"{PROJECT}/uv.lock", f"{PROJECT}/.gitignore"} <= found
    assert not [file for file in found if ".venv" in Path(file).parts]


@pytest.mark.parametrize("mutant", mutants, ids=str)
def test_each_rule_is_seen_failing(mutant: Mutant, bad_copy: Path) -> None:
    mutant.must_be_noticed(bad_copy)


def test_a_script_that_lost_its_bit_is_noticed(bad_copy: Path) -> None:
    (bad_copy / ".ci/run").chmod(0o644)
    with pytest.raises(AssertionError):
        test_scripts_are_executable_and_nothing_else_is(bad_copy)
