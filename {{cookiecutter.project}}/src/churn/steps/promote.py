"""An accepted passport → the champion alias."""

from dataclasses import dataclass

from churn.config import Config
from churn.data.store import Store
from churn.governance import ledger, passport
from churn.governance.champion import move_champion, present_champion
from churn.governance.ledger import Move
from churn.governance.registry import CHALLENGER, Registry


@dataclass(frozen=True)
class Promoted:
    """Which version serves now, and which served before."""

    version: int
    previous: int | None
    moved: bool
    release: str

    def __str__(self) -> str:
        if not self.moved:
            return f"nothing to do, version {self.version} is champion"
        before = "the first" if self.previous is None else f"before it version {self.previous}"
        return f"version {self.version} is champion, {before}" + (
            f", release {self.release}" if self.release else ""
        )


def promote(store: Store, config: Config, number: int | None = None, release: str = "") -> Promoted:
    """Make a version (the challenger by default) champion if its passport allows; running again is safe.

    Raises RefusedError, UndeterminedError, IntegrityError or ConflictError, and moves nothing, otherwise.
    """
    registry = Registry(store)
    number = registry.required(CHALLENGER) if number is None else number
    champion = present_champion(store, registry)
    unfinished = ledger.unfinished(store)
    if champion == number:
        if unfinished and unfinished.to_version == number:
            move_champion(store, registry, unfinished)
        return Promoted(number, None, moved=False, release=release)
    version = registry.version(number)
    registry.load(number)  # a passport speaks of files: they must be the ones it means
    passport.verify(passport.read(registry, version), version, registry, config)
    move_champion(store, registry, Move("promote", champion, number, release, version.tags[passport.TAG]))
    return Promoted(number, champion, moved=True, release=release)
