"""Which code made this: commit, lock file and source digest, read from where the package lies."""

import hashlib
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Code:
    """The code behind a model version; ``commit`` and ``lock_digest`` are "unknown" outside a checkout."""

    commit: str
    dirty: bool
    lock_digest: str
    code_digest: str


def code_state() -> Code:
    """Commit and lock of the project this package is installed from, and the digest of its source files."""
    root = PACKAGE.parents[1]
    lock = root / "uv.lock"
    commit = _git(root, "rev-parse", "HEAD") if _git(root, "ls-files", "pyproject.toml") else ""
    return Code(
        commit=commit or UNKNOWN,
        dirty=not commit or bool(_git(root, "status", "--porcelain", "--", ".")),
        lock_digest=hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else UNKNOWN,
        code_digest=files_digest(
            (path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".toml"}), PACKAGE
        ),
    )


def files_digest(paths: Iterable[Path], root: Path) -> str:
    """SHA-256 over the relative names and contents of files, in the order of their names."""
    manifest = hashlib.sha256()
    for name, path in sorted((path.relative_to(root).as_posix(), path) for path in paths):
        manifest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return manifest.hexdigest()


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    except OSError:  # no git on this machine
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
