"""The passport: the evidence bound to one model version, without which nothing is promoted.

Its text is stored with the version and its digest in a tag; promotion recomputes what it can and refuses
on any difference.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from churn.config import Config, digest
from churn.errors import ConflictError, IntegrityError, RefusedError, UndeterminedError
from churn.governance.gates import ACCEPTED, GATES, UNDETERMINED, Evidence, GateResult, conclude
from churn.governance.registry import CHAMPION, Registry, Version

FILE = "passport.json"
TAG = "passport_digest"
REPORT_TAG = "report_digest"


class Passport(BaseModel):
    """What was judged, by which limits, with which result. Digests are SHA-256, times UTC in ISO form."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: int
    verdict: str
    champion: int | None
    issued: datetime
    expires: datetime
    model_digest: str
    table_version: str
    data_fingerprint: str
    holdout_rule: str
    holdout_rows: int
    holdout_digest: str
    contract_digest: str
    model_config_digest: str
    gates_digest: str
    seed: str
    commit: str
    dirty: str
    lock_digest: str
    code_digest: str
    as_of: str
    gates: tuple[GateResult, ...]

    def facts(self) -> dict[str, Any]:
        """Every field, as JSON knows it."""
        return self.model_dump(mode="json")

    def text(self) -> str:
        """JSON with the fields in their order: the same passport is the same bytes."""
        return self.model_dump_json(indent=1) + "\n"


# The evidence tags that a passport repeats and that promotion compares.
COPIED = (
    "model_digest",
    "table_version",
    "data_fingerprint",
    "holdout_rule",
    "holdout_digest",
    "contract_digest",
    "model_config_digest",
    "seed",
    "commit",
    "dirty",
    "lock_digest",
    "code_digest",
    "as_of",
)


def issue(
    version: Version, evidence: Evidence, results: list[GateResult], now: datetime | None = None
) -> Passport:
    """Write down what the gates found, on the evidence that the version's tags speak of."""
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    return Passport(
        version=version.number,
        verdict=conclude(results),
        champion=evidence.champion.number if evidence.champion else None,
        issued=now,
        expires=now + timedelta(days=evidence.config.gates.passport.valid_days),
        gates_digest=digest(evidence.config.gates),
        holdout_rows=len(evidence.labels),
        gates=tuple(results),
        **{name: version.tags[name] for name in COPIED},
    )


def seal(passport: Passport, registry: Registry, version: Version) -> str:
    """Store a passport with its version; the tag with its digest is written last and makes it count."""
    sealed = registry.attach(version, FILE, passport.text())
    registry.tag(version.number, {TAG: sealed, "verdict": passport.verdict})
    return sealed


def read(registry: Registry, version: Version) -> Passport:
    """The passport of a version. Raises RefusedError without one, IntegrityError when it was changed."""
    text = registry.attached(version, FILE)
    if text is None or TAG not in version.tags:
        raise RefusedError(
            f"version {version.number} has no passport; 'churn validate' asks the gates for one"
        )
    if hashlib.sha256(text.encode()).hexdigest() != version.tags[TAG]:
        raise IntegrityError(
            f"the passport of version {version.number} was changed after sealing; validate again"
        )
    try:
        return Passport.model_validate_json(text)
    except ValidationError as error:
        where = error.errors()[0]["loc"]
        raise IntegrityError(
            f"the passport of version {version.number} is malformed at {where}; validate again"
        ) from error


def verify(
    passport: Passport, version: Version, registry: Registry, config: Config, now: datetime | None = None
) -> None:
    """Raise unless this passport lets this very version become champion now.

    RefusedError or UndeterminedError by its verdict, IntegrityError when it speaks of something else or has
    expired, ConflictError when the champion has moved since.
    """
    _check_verdict(passport)
    differing = [name for name in COPIED if getattr(passport, name) != version.tags.get(name)]
    if passport.version != version.number or differing:
        raise IntegrityError(
            f"the passport is not of version {version.number}: {', '.join(differing) or 'its number'}"
        )
    for name, section in (("gates_digest", config.gates), ("contract_digest", config.problem)):
        if getattr(passport, name) != digest(section):
            raise IntegrityError(
                f"{name} of the passport is not of the present configuration; validate again"
            )
    if (now or datetime.now(UTC)) >= passport.expires:
        raise IntegrityError(f"the passport expired {passport.expires:%Y-%m-%d %H:%M} UTC; validate again")
    champion = registry.alias(CHAMPION)
    if passport.champion != champion:
        raise ConflictError(f"compared with champion {passport.champion}, now {champion}; validate again")


def _check_verdict(passport: Passport) -> None:
    # The verdict is concluded anew from the gates: a passport does not get to say more than they do.
    verdict = conclude(list(passport.gates))
    if verdict == passport.verdict == ACCEPTED:
        return
    said = "; ".join(
        f"{result.gate}: {result.reason}" for result in passport.gates if result.verdict != ACCEPTED
    )
    absent = ", ".join(sorted(set(GATES) - {result.gate for result in passport.gates}))
    reason = said or f"gates without an answer: {absent}"
    if verdict == passport.verdict == UNDETERMINED:
        raise UndeterminedError(f"version {passport.version} is undetermined, {reason}")
    raise RefusedError(f"version {passport.version} is refused, {reason}")
