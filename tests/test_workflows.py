"""Policy for the workflows of both layers: by our own rules, and by three linters."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.mutants import Mutant, Mutants
from tests.template import PROJECT

LAYERS = (".", PROJECT)
PINS = {
    "actions/checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "actions/upload-artifact": "043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1",
    "astral-sh/setup-uv": "20cfd1bf945f4377ade1205e4dbc17946fc9a30d # v10.0.1",
}
PULL_REQUEST = ".github/workflows/pull-request.yml"
UPDATES = ".github/dependabot.yml"
READ = "      contents: read # to check the code out\n"

Job = dict[str, Any]
mutants = Mutants()


def workflow_files(root: Path) -> list[Path]:
    found = [sorted((root / layer / ".github/workflows").glob("*.yml")) for layer in LAYERS]
    assert all(found), "each layer has workflows"
    return [path for paths in found for path in paths]


def workflows(root: Path) -> Iterator[dict[Any, Any]]:
    for path in workflow_files(root):
        yield yaml.safe_load(path.read_text("utf-8"))


def jobs(root: Path) -> Iterator[Job]:
    for workflow in workflows(root):
        yield from workflow["jobs"].values()


def steps(root: Path) -> Iterator[dict[str, Any]]:
    for job in jobs(root):
        yield from job["steps"]


def run_tool(name: str, *arguments: str | Path) -> None:
    """Run a linter of this environment and fail with all it says."""
    tool = shutil.which(name, path=str(Path(sys.executable).parent))
    assert tool, f"{name} is a development dependency"
    ended = subprocess.run([tool, *arguments], capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@mutants.fail(PULL_REQUEST, "permissions: {}", "permissions: read-all")
@mutants.fail(PULL_REQUEST, READ, READ + "      issues: write\n")
def test_nothing_is_permitted_at_the_top_and_jobs_may_only_read(template: Path) -> None:
    assert all(workflow["permissions"] == {} for workflow in workflows(template))
    assert all(set(job["permissions"].values()) <= {"read"} for job in jobs(template))


@mutants.fail(PULL_REQUEST, "make check", "make check TOKEN=${{ secrets.TOKEN }}")
@mutants.fail(PULL_REQUEST, READ, READ + "      id-token: write\n")
def test_a_request_from_a_fork_meets_no_secret(template: Path) -> None:
    for path in workflow_files(template):
        text = path.read_text("utf-8")
        assert not re.search(r"secrets\s*[.\[:]|github\.token|id-token", text), path


@mutants.fail(PULL_REQUEST, "pull_request:", "pull_request_target:")
@mutants.fail(PULL_REQUEST, "pull_request:", "workflow_run:")
def test_workflows_start_on_requests_and_on_main_only(template: Path) -> None:
    # PyYAML reads the key `on` as YAML 1.1 does: as true.
    assert all(set(workflow[True]) <= {"pull_request", "push"} for workflow in workflows(template))


@mutants.fail(PULL_REQUEST, "timeout-minutes: 10", "timeout-minutes: 360")
@mutants.fail(PULL_REQUEST, "ubuntu-24.04", "ubuntu-latest")
@mutants.fail(PULL_REQUEST, "cancel-in-progress: true", "cancel-in-progress: false")
def test_every_job_ends_in_time_on_a_named_runner_and_supersedes_its_elder(template: Path) -> None:
    assert all(job["timeout-minutes"] <= 30 for job in jobs(template))
    assert {job["runs-on"] for job in jobs(template)} == {"ubuntu-24.04"}
    assert all(workflow["concurrency"]["cancel-in-progress"] for workflow in workflows(template))


@mutants.fail(PULL_REQUEST, PINS["actions/checkout"], "v7")
@mutants.fail(PULL_REQUEST, "actions/upload-artifact@", "someone/upload-artifact@")
def test_every_action_is_a_known_one_pinned_by_commit(template: Path) -> None:
    for path in workflow_files(template):
        used = re.findall(r"uses: *(\S+)@(.+)", path.read_text("utf-8"))
        assert used, path
        for action, pin in used:
            assert PINS.get(action) == pin, f"{action}@{pin} in {path}"


@mutants.fail(PULL_REQUEST, "persist-credentials: false", "persist-credentials: true")
def test_no_checkout_leaves_its_token_behind(template: Path) -> None:
    checkouts = [step for step in steps(template) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@mutants.fail(PULL_REQUEST, "make check", "echo ${{ github.head_ref }}")
@mutants.fail(PULL_REQUEST, "make check", "pip install uv")
@mutants.fail(PULL_REQUEST, "run: make check", "run: |" + 6 * "\n          make check")
def test_scripts_are_short_and_hold_no_expression_and_no_installer(template: Path) -> None:
    scripts = [step["run"] for step in steps(template) if "run" in step]
    assert scripts
    for script in scripts:
        assert len(script.splitlines()) <= 5
        assert not re.search(r"\$\{\{|pip install|curl|wget|set -x|printenv", script), script


@mutants.fail(PULL_REQUEST, "run: make check", "run: make check\n        if: always()")
@mutants.fail(PULL_REQUEST, "run: make check", "run: make check\n        continue-on-error: true")
def test_no_step_goes_on_after_a_failure(template: Path) -> None:
    for step in [*steps(template), *jobs(template)]:
        assert "continue-on-error" not in step
        assert "always()" not in str(step.get("if", ""))


@mutants.fail(PULL_REQUEST, "  check:\n", "\n  check:\n")
@mutants.fail(PULL_REQUEST, "- name: Check\n        run", "- run")
def test_every_job_says_why_it_exists_and_every_step_has_a_name(template: Path) -> None:
    for path in workflow_files(template):
        after = path.read_text("utf-8").partition("\njobs:\n")[2]
        named = re.findall(r"^  ([\w-]+):$", after, re.MULTILINE)
        explained = re.findall(r"^  # .+\n  ([\w-]+):$", after, re.MULTILINE)
        assert named, path
        assert named == explained, path
    assert all(step.get("name") for step in steps(template))


@mutants.fail(PULL_REQUEST, "enable-cache: false", "enable-cache: true")
@mutants.fail("Makefile", "UV_VERSION := 0.13.9", "UV_VERSION := 0.13.8")
def test_uv_has_one_version_and_no_cache_that_a_request_could_poison(template: Path) -> None:
    pins = [
        re.search(r"^UV_VERSION := (.+)$", (template / layer / "Makefile").read_text(), re.M)
        for layer in LAYERS
    ]
    assert all(pins)
    version = {pin[1] for pin in pins if pin}
    installs = [
        step["with"] for step in steps(template) if step.get("uses", "").startswith("astral-sh/setup-uv@")
    ]
    assert installs
    assert {install["version"] for install in installs} == version
    assert all(install["enable-cache"] is False for install in installs)


@mutants.fail(PULL_REQUEST, "make check", "echo ${{ github.head_ref }}")
@mutants.fail(UPDATES, "default-days: 7", "default-days: 1")
def test_zizmor_finds_nothing_as_its_strictest_persona(template: Path) -> None:
    folders = [template / layer / ".github" for layer in LAYERS]
    run_tool("zizmor", "--offline", "--no-config", "--persona", "auditor", *folders)


@mutants.fail(PULL_REQUEST, "matrix.python }}\n    runs-on", "matrix.pyhton }}\n    runs-on")
def test_actionlint_finds_nothing(template: Path) -> None:
    run_tool("actionlint", "-no-color", *workflow_files(template))


@mutants.fail(PULL_REQUEST, "runs-on:", "run-on:")
def test_workflows_fit_their_schema(template: Path) -> None:
    run_tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflow_files(template))


@mutants.fail(UPDATES, "default-days: 7", "default-days: 1")
@mutants.fail(UPDATES, "interval:", "intervall:")
def test_update_bots_wait_a_week_in_both_layers(template: Path) -> None:
    files = [template / layer / ".github/dependabot.yml" for layer in LAYERS]
    run_tool("check-jsonschema", "--builtin-schema", "vendor.dependabot", *files)
    for file in files:
        updates = yaml.safe_load(file.read_text("utf-8"))["updates"]
        assert {update["package-ecosystem"] for update in updates} == {"uv", "github-actions"}
        assert all(update["cooldown"]["default-days"] >= 7 for update in updates)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("mutant", mutants, ids=str)
def test_each_rule_is_seen_failing(mutant: Mutant, layer: str, bad_copy: Path) -> None:
    mutant.must_be_noticed(bad_copy, layer)
