"""A baked project: which files, byte for byte, and what the hooks leave alone."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cookiecutter.exceptions import FailedHookException

from hooks.post_gen_project import LEFTOVERS
from tests.template import PROJECT, bake, files_below

RENDERED = {Path("README.md"), Path("databricks.yml")}
Compare = Callable[[str, str], None]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and its bytes; a folder has none."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def assert_copied(source: Path, project: Path) -> None:
    """Hold that the project has the template's files, equal in bytes and mode but for the rendered ones."""
    files = list(files_below(source))
    assert files == list(files_below(project))
    assert len(files) > 20
    for file in set(files) - RENDERED:
        assert (project / file).read_bytes() == (source / file).read_bytes(), file
        assert os.access(project / file, os.X_OK) == os.access(source / file, os.X_OK), file


def test_the_tree_is_the_golden_one(baked: Path, matches_golden: Compare) -> None:
    tree = [f"{'x' if os.access(baked / file, os.X_OK) else '-'} {file}\n" for file in files_below(baked)]
    matches_golden("tree.txt", "".join(tree))


@pytest.mark.parametrize("name", sorted(map(str, RENDERED)))
def test_rendered_files_are_the_golden_ones(name: str, baked: Path, matches_golden: Compare) -> None:
    matches_golden(name, (baked / name).read_text("utf-8"))


def test_all_other_files_are_copied_byte_for_byte(template: Path, baked: Path) -> None:
    assert_copied(template / PROJECT, baked)


def test_a_copy_that_differs_is_noticed(template: Path, tmp_path: Path) -> None:
    project = bake(template, tmp_path)
    changed = project / "src/churn/__init__.py"
    changed.write_bytes(changed.read_bytes() + b"\n")
    with pytest.raises(AssertionError, match="__init__"):
        assert_copied(template / PROJECT, project)


def test_a_copied_file_keeps_its_line_ends_its_bytes_and_its_mode(bad_copy: Path, tmp_path: Path) -> None:
    script = bad_copy / PROJECT / "src/churn/script"
    script.write_bytes(b"#!/bin/sh\r\n\xff {{ cookiecutter.project }}")
    script.chmod(0o755)
    assert_copied(bad_copy / PROJECT, bake(bad_copy, tmp_path / "output"))


def test_a_top_level_file_that_is_not_declared_copied_is_noticed(bad_copy: Path, tmp_path: Path) -> None:
    (bad_copy / PROJECT / "new.toml").write_text('name = "{{ cookiecutter.project }}"\n')
    with pytest.raises(AssertionError, match=r"new\.toml"):
        assert_copied(bad_copy / PROJECT, bake(bad_copy, tmp_path / "output"))


def test_baking_twice_gives_the_same_bytes(template: Path, baked: Path, tmp_path: Path) -> None:
    assert contents(bake(template, tmp_path)) == contents(baked)


def test_answers_change_the_two_rendered_files_only(template: Path, baked: Path, tmp_path: Path) -> None:
    other = contents(bake(template, tmp_path, {"project": "other-churn", "staging_catalog": "other"}))
    changed = {Path(file) for file, content in contents(baked).items() if other[file] != content}
    assert changed == RENDERED


def test_what_a_used_working_copy_leaks_is_removed_and_nothing_else(
    bad_copy: Path, baked: Path, tmp_path: Path
) -> None:
    source = bad_copy / PROJECT
    leaks = [source / name for name in LEFTOVERS] + [source / "src/churn/__pycache__"]
    for leak in [*leaks, source / "src/churn/build"]:
        (leak / "deep").mkdir(parents=True)
        (leak / "deep/file").write_text("{{ not.ours }}")
    seen = contents(bake(bad_copy, tmp_path / "output"))
    package = {"src/churn/build", "src/churn/build/deep", "src/churn/build/deep/file"}
    assert set(seen) == set(contents(baked)) | package


def test_baking_over_a_project_keeps_its_store_and_environment(template: Path, tmp_path: Path) -> None:
    project = bake(template, tmp_path)
    for name in LEFTOVERS:
        (project / name).mkdir()
        (project / name / "mine").write_text("mine")
    before = contents(project)
    assert contents(bake(template, tmp_path, overwrite=True)) == before


def test_a_refusal_leaves_an_existing_project_as_it_was(template: Path, tmp_path: Path) -> None:
    project = bake(template, tmp_path)
    (project / "README.md").write_text("mine")
    (project / ".churn").mkdir()
    before = contents(tmp_path)
    with pytest.raises(FailedHookException):
        bake(template, tmp_path, {"staging_host": "ftp://acme.example"}, overwrite=True)
    assert contents(tmp_path) == before


def test_the_post_hook_prints_the_next_three_commands(
    template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = bake(template, tmp_path / "with blank")
    lines = [line.strip() for line in capfd.readouterr().out.splitlines() if line.startswith("    ")]
    assert lines == [f"cd '{project}'", "uv run churn demo", "uv run pytest"]
    moved = subprocess.run(["sh", "-c", f"{lines[0]} && pwd"], capture_output=True, text=True, check=True)
    assert Path(moved.stdout.strip()) == project
