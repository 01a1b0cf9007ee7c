"""The two commands of the README on a machine that has Python, git and make, and nothing else."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.template import PROJECT, bake

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
# What the recipes, git and pip call; none of it comes from a folder where a uv may lie.
TOOLS = "make git sh bash env rm mkdir cat sed grep expand date dirname uname find".split()


def make(folder: Path, *arguments: str, path: str | None = None) -> str:
    # Without what a make around these tests hands down.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment["PATH"] = path or environment["PATH"]
    ended = subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def executable(file: Path, command: str) -> None:
    file.write_text(f"#!/bin/sh\n{command}\n")
    file.chmod(0o755)


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """Search path of a fresh machine: the named tools, and a Python that is no virtual environment."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (tools / tool).symlink_to(found)
    executable(tools / "python3", f'exec "{Path(sys.base_prefix, "bin/python3")}" "$@"')
    assert not shutil.which("uv", path=str(tools))
    return str(tools)


def test_a_fresh_machine_fetches_uv_and_bakes_from_an_unpacked_archive(
    bad_copy: Path, bare_path: str
) -> None:
    assert not (bad_copy / ".git").exists()
    said = make(bad_copy, "bake", path=bare_path)
    pin = re.search(r"^UV_VERSION := (.+)$", (bad_copy / "Makefile").read_text(), re.MULTILINE)
    uv = subprocess.run([bad_copy / ".tools/bin/uv", "--version"], capture_output=True, text=True, check=True)
    assert pin
    assert uv.stdout.split()[1] == pin[1]
    assert (bad_copy / "build/acme-churn/pyproject.toml").exists()
    assert f"cd {bad_copy}/build/acme-churn" in said
    assert not (bad_copy / "build/acme-churn/.baking").exists()


@pytest.mark.parametrize("layer", [".", PROJECT])
def test_both_layers_fetch_uv_when_it_is_missing_and_use_it_when_it_is_there(
    layer: str, bad_copy: Path, bare_path: str
) -> None:
    folder = bad_copy / layer
    fetching = make(folder, "--dry-run", "test", path=bare_path)
    assert ".tools/bin/pip install --quiet uv==" in fetching
    assert '/.tools/bin/uv" run' in fetching
    executable(Path(bare_path, "uv"), "echo uv 0.13.9")
    using = make(folder, "--dry-run", "test", path=bare_path)
    assert ".tools" not in using
    assert "uv run" in using


def test_the_demo_takes_a_file_when_one_is_given(template: Path) -> None:
    assert '--data "my data.csv"\n' in make(template, "--dry-run", "demo", "DATA=my data.csv")
    assert "--data" not in make(template, "--dry-run", "demo")


def test_clean_removes_what_the_commands_made_and_nothing_else(bad_copy: Path) -> None:
    before = {path for path in bad_copy.rglob("*") if path.is_file()}
    for made in (".venv/x", "build/demo/x", ".tools/bin/x", "tests/__pycache__/x"):
        (bad_copy / made).parent.mkdir(parents=True)
        (bad_copy / made).touch()
    make(bad_copy, "clean")
    assert {path for path in bad_copy.rglob("*") if path.is_file()} == before


def test_help_names_every_command_that_the_readme_and_contributing_name(template: Path) -> None:
    listed = set(re.findall(r"^([a-z0-9.-]+) ", make(template), re.MULTILINE))
    texts = [
        (template / name).read_text("utf-8") for name in ("README.md", ".github/CONTRIBUTING.md", ".ci/run")
    ]
    named = {
        target for text in texts for target in re.findall(r"^(?:make|run) ([a-z0-9.-]+)", text, re.MULTILINE)
    }
    assert {"demo", "test", "check", "test-baked"} <= named
    assert named <= listed


def test_a_baked_project_has_the_same_three_commands(template: Path, tmp_path: Path) -> None:
    project = bake(template, tmp_path)
    for target, command in {"demo": "run churn demo", "test": "run pytest", "check": "run mypy"}.items():
        assert command in make(project, "--dry-run", target)
