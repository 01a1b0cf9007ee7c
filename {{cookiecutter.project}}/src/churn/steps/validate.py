"""Challenger against the gates, and against the champion on the same holdout → passport and report."""

from dataclasses import dataclass

from churn.config import Config
from churn.data.store import Store
from churn.errors import RefusedError, UndeterminedError
from churn.governance import passport
from churn.governance.champion import present_champion
from churn.governance.evidence import gather
from churn.governance.gates import ACCEPTED, REFUSED, UNDETERMINED, GateResult, judge
from churn.governance.passport import Passport
from churn.governance.registry import CHALLENGER, Registry
from churn.governance.report import FILE, page


@dataclass(frozen=True)
class Validated:
    """The verdict on a version, and every gate's answer."""

    version: int
    verdict: str
    champion: int | None
    passport_digest: str
    gates: list[GateResult]

    @property
    def code(self) -> int:
        """The exit code of this verdict."""
        return {ACCEPTED: 0, REFUSED: RefusedError.code, UNDETERMINED: UndeterminedError.code}[self.verdict]

    def __str__(self) -> str:
        against = "first release" if self.champion is None else f"against champion {self.champion}"
        why = [f"{result.gate}: {result.reason}" for result in self.gates if result.verdict != ACCEPTED]
        return "; ".join([f"version {self.version} {self.verdict}, {against}", *why])


def validate(store: Store, config: Config, number: int | None = None) -> Validated:
    """Ask every gate about a version (the challenger by default) and seal the answers into its passport.

    A version that is champion already keeps the passport it was promoted with.
    """
    registry = Registry(store)
    number = registry.required(CHALLENGER) if number is None else number
    version = registry.version(number)
    if number == present_champion(store, registry):
        return _validated(number, passport.read(registry, version), version.tags[passport.TAG])
    evidence = gather(store, registry, config, number)
    issued = passport.issue(version, evidence, judge(evidence))
    registry.tag(
        number, {passport.REPORT_TAG: registry.attach(version, FILE, page(evidence, issued.facts()))}
    )
    return _validated(number, issued, passport.seal(issued, registry, version))


def _validated(number: int, issued: Passport, sealed: str) -> Validated:
    return Validated(number, issued.verdict, issued.champion, sealed, list(issued.gates))
