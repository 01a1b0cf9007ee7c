"""One version's evidence → one HTML page."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from churn.data.store import Store
from churn.errors import IntegrityError, RefusedError
from churn.governance import passport
from churn.governance.registry import CHALLENGER, CHAMPION, Registry
from churn.governance.report import FILE


@dataclass(frozen=True)
class Reported:
    """Where the page lies."""

    version: int
    path: str

    def __str__(self) -> str:
        return f"version {self.version}, {self.path}"


def report(store: Store, folder: Path, number: int | None = None) -> Reported:
    """Write the page that validation drew for a version (the champion, else the challenger).

    It is the page that belongs to the passport, byte for byte, not a new one. Raises RefusedError when the
    version was never validated, IntegrityError when the page is not the one that was stored.
    """
    registry = Registry(store)
    number = number or registry.alias(CHAMPION) or registry.required(CHALLENGER)
    version = registry.version(number)
    page = registry.attached(version, FILE)
    if page is None:
        raise RefusedError(f"version {number} has no report; 'churn validate --version {number}' draws one")
    if hashlib.sha256(page.encode()).hexdigest() != version.tags.get(passport.REPORT_TAG):
        raise IntegrityError(
            f"the report of version {number} was changed after it was stored; validate again"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{store.model_name}-version-{number}.html"
    path.write_text(page, encoding="utf-8")
    return Reported(number, str(path))
