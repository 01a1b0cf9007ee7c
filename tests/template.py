"""The template as git sees it, and projects baked from it.

Never from the working folder itself: cookiecutter copies whatever stands there, caches and stores included.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from cookiecutter.main import cookiecutter

from hooks.post_gen_project import LEFTOVERS

ROOT = Path(__file__).resolve().parents[1]
PROJECT = "{{cookiecutter.project}}"
DEFAULTS: dict[str, str] = {
    name: value
    for name, value in json.loads((ROOT / "cookiecutter.json").read_text("utf-8")).items()
    if not name.startswith("_")
}


def files_below(folder: Path) -> Iterator[Path]:
    """Files under a folder, relative to it, in order, without what tools leave behind."""
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - {*LEFTOVERS, "__pycache__", ".git"})
        yield from (Path(top, name).relative_to(folder) for name in sorted(names))


def files_of(root: Path) -> list[Path]:
    """The template's files: what git tracks or would track, or all of an unpacked archive."""
    if not (root / ".git").exists():
        return list(files_below(root))
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
    return sorted(Path(name) for name in set(listed.split("\0")) - {""} if (root / name).is_file())


def snapshot(root: Path, destination: Path) -> Path:
    """Copy the template's files, and no others, to a new folder."""
    for file in files_of(root):
        (destination / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / file, destination / file)
    return destination


def bake(
    template: Path, output: Path, answers: Mapping[str, str] | None = None, *, overwrite: bool = False
) -> Path:
    """Bake a project into `output` with the given answers, no matter what the user's own settings say."""
    # cookiecutter never removes the hooks it renders into the temporary folder: give it one that goes.
    with TemporaryDirectory() as scratch, patch.object(tempfile, "tempdir", scratch):
        settings = Path(scratch, "settings.json")
        settings.write_text(json.dumps({"replay_dir": scratch, "cookiecutters_dir": scratch}))
        project = cookiecutter(
            str(template),
            no_input=True,
            extra_context=dict(answers or {}),
            output_dir=str(output),
            config_file=str(settings),
            overwrite_if_exists=overwrite,
        )
    return Path(project)


def main() -> None:
    """Bake the default answers anew: `python -m tests.template build/demo` makes build/demo/acme-churn."""
    output = Path(sys.argv[1])
    shutil.rmtree(output / DEFAULTS["project"], ignore_errors=True)
    with TemporaryDirectory() as scratch:
        bake(snapshot(ROOT, Path(scratch, "template")), output)


if __name__ == "__main__":
    main()
