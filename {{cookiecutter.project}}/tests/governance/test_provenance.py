import subprocess
from pathlib import Path

import pytest

from churn.governance import provenance
from churn.governance.provenance import UNKNOWN, code_state, files_digest


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a package in it, not under version control yet."""
    package = tmp_path / "src" / "churn"
    package.mkdir(parents=True)
    (package / "model.py").write_text("x = 1\n")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "uv.lock").write_text("lock")
    monkeypatch.setattr(provenance, "PACKAGE", package)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


@pytest.mark.usefixtures("project")
def test_outside_a_checkout_the_commit_is_unknown_and_the_tree_dirty() -> None:
    state = code_state()
    assert (state.commit, state.dirty) == (UNKNOWN, True)
    assert len(state.lock_digest) == 64


def test_a_clean_checkout_knows_its_commit(project: Path) -> None:
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    state = code_state()
    assert (state.commit, state.dirty) == (git(project, "rev-parse", "HEAD"), False)


@pytest.mark.parametrize("change", ["src/churn/model.py", "src/churn/new.py"])
def test_a_changed_or_new_file_makes_it_dirty_and_another_code(project: Path, change: str) -> None:
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    before = code_state().code_digest
    (project / change).write_text("x = 2\n")
    state = code_state()
    assert state.dirty
    assert state.code_digest != before


def test_a_project_that_its_surrounding_repository_ignores_has_no_commit(project: Path) -> None:
    (project / ".gitignore").write_text("*\n")
    git(project, "init", "-q")
    git(project, "commit", "-qm", "empty", "--allow-empty")
    assert code_state().commit == UNKNOWN


def test_a_package_without_a_project_around_it_knows_no_lock(project: Path) -> None:
    (project / "uv.lock").unlink()
    assert code_state().lock_digest == UNKNOWN


def test_the_digest_of_files_covers_names_and_contents(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("1")
    second.write_text("2")
    before = files_digest([first, second], tmp_path)
    assert files_digest([second, first], tmp_path) == before
    assert files_digest([first], tmp_path) != before
    second.write_text("3")
    assert files_digest([first, second], tmp_path) != before
    second.write_text("2")
    second.rename(tmp_path / "c")
    assert files_digest([first, tmp_path / "c"], tmp_path) != before
