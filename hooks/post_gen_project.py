"""Remove what a used working copy leaked into the new project, and print what to do next."""

import shlex
import shutil
from pathlib import Path

LEFTOVERS = (
    ".churn",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tools",
    ".venv",
    "build",
    "dist",
)


def remove_leftovers(project: Path) -> None:
    """Delete stores, environments and caches; they belong to the working copy they were made in."""
    for leftover in [*(project / name for name in LEFTOVERS), *project.rglob("__pycache__")]:
        shutil.rmtree(leftover, ignore_errors=True)


def main() -> None:
    """Clean up if the pre hook found the folder new, never in a project that was there before."""
    project = Path.cwd()
    mark = project / ".baking"
    if mark.exists():
        mark.unlink()
        remove_leftovers(project)
    commands = [f"cd {shlex.quote(str(project))}", "uv run churn demo", "uv run pytest"]
    print(f"{project.name} is ready. Next:\n", *commands, sep="\n    ", end="\n\n")


if __name__ == "__main__":
    main()
