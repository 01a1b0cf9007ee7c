import json
import math
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from by_hand import honest, with_scores

from churn.config import digest, load_config
from churn.errors import ChurnError, ConflictError, IntegrityError, RefusedError, UndeterminedError
from churn.governance import passport
from churn.governance.gates import GATES, Evidence, judge
from churn.governance.passport import COPIED, Passport
from churn.governance.registry import Registry, Version

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
TAGS = {name: f"{name} of version 2" for name in COPIED} | {"contract_digest": digest(load_config().problem)}
VERSION = Version(2, "run", TAGS)


class Shelf:
    """A registry of one version: it keeps a text, its tags and who is champion."""

    def __init__(self, champion: int | None = 1) -> None:
        self.text: str | None = None
        self.tags: dict[str, str] = dict(VERSION.tags)
        self.champion = champion

    def alias(self, _: str) -> int | None:
        return self.champion

    def attached(self, *_: Any) -> str | None:
        return self.text

    def attach(self, _: Version, __: str, text: str) -> str:
        import hashlib

        self.text = text
        return hashlib.sha256(text.encode()).hexdigest()

    def tag(self, _: int, tags: dict[str, str]) -> None:
        self.tags |= tags

    def version(self) -> Version:
        return Version(2, "run", self.tags)


def registry(shelf: Shelf) -> Registry:
    return cast(Registry, shelf)


def issued(evidence: Evidence | None = None) -> Passport:
    evidence = evidence or honest()
    return passport.issue(VERSION, evidence, judge(evidence), NOW)


def verify(
    found: Passport, version: Version = VERSION, champion: int | None = 1, later: timedelta = timedelta()
) -> None:
    passport.verify(found, version, registry(Shelf(champion)), load_config(), NOW + later)


def test_an_accepted_passport_of_this_version_is_verified() -> None:
    verify(issued())


def test_a_passport_survives_sealing_and_reading() -> None:
    shelf = Shelf()
    passport.seal(issued(), registry(shelf), VERSION)
    assert passport.read(registry(shelf), shelf.version()) == issued()
    verify(passport.read(registry(shelf), shelf.version()))


def test_the_same_evidence_gives_the_same_bytes() -> None:
    assert issued().text() == issued().text()


def test_a_version_without_a_passport_is_refused() -> None:
    with pytest.raises(RefusedError, match="has no passport"):
        passport.read(registry(Shelf()), VERSION)


def test_a_passport_without_its_digest_in_a_tag_is_refused() -> None:
    shelf = Shelf()
    shelf.attach(VERSION, "", issued().text())
    with pytest.raises(RefusedError, match="has no passport"):
        passport.read(registry(shelf), shelf.version())


def test_one_changed_byte_breaks_the_seal() -> None:
    shelf = Shelf()
    passport.seal(issued(), registry(shelf), VERSION)
    sealed = shelf.text or ""
    assert len(sealed) > 2_500
    for place in range(len(sealed)):
        shelf.text = sealed[:place] + chr(ord(sealed[place]) ^ 1) + sealed[place + 1 :]
        with pytest.raises(IntegrityError, match="changed after sealing"):
            passport.read(registry(shelf), shelf.version())


@pytest.mark.parametrize("name", COPIED)
def test_a_passport_that_speaks_of_something_else_is_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match=name):
        verify(issued().model_copy(update={name: "something else"}))
    with pytest.raises(IntegrityError, match=name):
        verify(issued(), replace(VERSION, tags={**VERSION.tags, name: "something else"}))


def test_another_versions_passport_is_refused() -> None:
    with pytest.raises(IntegrityError, match="not of version 3"):
        verify(issued(), replace(VERSION, number=3))


@pytest.mark.parametrize("name", ["gates_digest", "contract_digest"])
def test_a_passport_by_other_rules_is_refused(name: str) -> None:
    tags = {**TAGS, "contract_digest": "other"} if name == "contract_digest" else TAGS
    with pytest.raises(IntegrityError, match=f"{name} of the passport is not of the present"):
        verify(issued().model_copy(update={name: "other"}), replace(VERSION, tags=tags))


def test_a_passport_made_with_weakened_gates_is_refused() -> None:
    evidence = honest()
    weak = replace(evidence, config=load_config(["gates.floor.auc=0.51"]))
    with pytest.raises(IntegrityError, match="gates_digest"):
        verify(passport.issue(VERSION, weak, judge(weak), NOW))


def test_a_passport_expires() -> None:
    days = load_config().gates.passport.valid_days
    verify(issued(), later=timedelta(days=days, seconds=-1))
    with pytest.raises(IntegrityError, match="expired"):
        verify(issued(), later=timedelta(days=days))


@pytest.mark.parametrize("champion", [None, 3])
def test_a_champion_that_moved_since_asks_for_another_validation(champion: int | None) -> None:
    with pytest.raises(ConflictError, match="validate again"):
        verify(issued(), champion=champion)


def test_a_refused_passport_names_the_gate_and_why() -> None:
    inverted = with_scores(honest(), 1 - honest().challenger.probabilities)
    with pytest.raises(RefusedError, match=r"floor: AUC 0\.1"):
        verify(issued(inverted))


def test_an_undetermined_passport_is_for_a_person() -> None:
    with pytest.raises(UndeterminedError, match="evidence"):
        verify(issued(honest(rows=200)))


def test_a_verdict_that_the_gates_do_not_support_is_refused() -> None:
    inverted = issued(with_scores(honest(), 1 - honest().challenger.probabilities))
    with pytest.raises(RefusedError):
        verify(inverted.model_copy(update={"verdict": "accepted"}))


@pytest.mark.parametrize("name", GATES)
def test_a_passport_that_misses_a_gate_is_refused(name: str) -> None:
    found = issued()
    fewer = tuple(result for result in found.gates if result.gate != name)
    with pytest.raises(RefusedError, match=f"without an answer: {name}"):
        verify(found.model_copy(update={"gates": fewer}))


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"gates": []}'])
def test_a_passport_that_says_nothing_is_refused(text: str) -> None:
    shelf = Shelf()
    shelf.tags[passport.TAG] = shelf.attach(VERSION, "", text)
    with pytest.raises(ChurnError):
        verify(passport.read(registry(shelf), shelf.version()))


def test_nan_has_no_place_in_a_passport() -> None:
    with pytest.raises(ValueError, match="finite number"):
        Passport.model_validate(
            issued().facts() | {"gates": [{**asdict(issued().gates[0]), "value": math.nan}]}
        )
    json.loads(issued().text(), parse_constant=pytest.fail)
