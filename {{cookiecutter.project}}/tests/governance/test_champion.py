from typing import cast

import pytest

from churn.data.store import LocalStore
from churn.errors import IntegrityError
from churn.governance import ledger
from churn.governance.champion import move_champion, present_champion
from churn.governance.ledger import Move
from churn.governance.registry import CHAMPION, PREVIOUS, Registry


class Aliases:
    """A registry reduced to its aliases, which can be told to break at a move."""

    def __init__(self) -> None:
        self.at: dict[str, int] = {}
        self.breaks_at = ""

    def alias(self, name: str) -> int | None:
        return self.at.get(name)

    def point(self, name: str, number: int) -> None:
        if name == self.breaks_at:
            raise ConnectionError(name)
        self.at[name] = number


FIRST = Move("promote", None, 1, "v1", "digest 1")
SECOND = Move("promote", 1, 2, "v2", "digest 2")
BACK = Move("rollback", 2, 1, "", "digest 1")


@pytest.fixture
def aliases() -> Aliases:
    return Aliases()


def move(store: LocalStore, aliases: Aliases, *moves: Move) -> None:
    for each in moves:
        move_champion(store, cast(Registry, aliases), each)


def champion(store: LocalStore, aliases: Aliases) -> int | None:
    return present_champion(store, cast(Registry, aliases))


def test_moves_are_recorded_in_order(store: LocalStore, aliases: Aliases) -> None:
    move(store, aliases, FIRST, SECOND, BACK)
    assert ledger.moves(store) == [FIRST, SECOND, BACK]
    assert list(ledger.entries(store)["sequence"]) == [1, 2, 3, 4, 5, 6]
    assert aliases.at == {CHAMPION: 1, PREVIOUS: 2}


def test_an_empty_ledger_knows_no_champion(store: LocalStore, aliases: Aliases) -> None:
    assert champion(store, aliases) is None
    assert ledger.champions(store) == []
    assert ledger.unfinished(store) is None


def test_a_rollback_takes_one_promotion_away(store: LocalStore, aliases: Aliases) -> None:
    third = Move("promote", 2, 3, "v3", "digest 3")
    move(store, aliases, FIRST, SECOND, third)
    assert ledger.champions(store) == [1, 2, 3]
    move(store, aliases, Move("rollback", 3, 2, "", "digest 2"))
    assert ledger.champions(store) == [1, 2]
    move(store, aliases, BACK)
    assert ledger.champions(store) == [1]


@pytest.mark.parametrize("breaks_at", [PREVIOUS, CHAMPION])
def test_a_move_that_breaks_before_the_alias_leaves_the_old_champion(
    store: LocalStore, aliases: Aliases, breaks_at: str
) -> None:
    move(store, aliases, FIRST)
    aliases.breaks_at = breaks_at
    with pytest.raises(ConnectionError):
        move(store, aliases, SECOND)
    assert champion(store, aliases) == 1
    assert ledger.unfinished(store) == SECOND
    aliases.breaks_at = ""
    move(store, aliases, SECOND)
    assert champion(store, aliases) == 2
    assert ledger.moves(store) == [FIRST, SECOND]


def test_a_move_that_breaks_after_the_alias_is_closed_by_the_next_run(
    store: LocalStore, aliases: Aliases, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(store, aliases, FIRST)
    record = ledger.record

    def dies_at_done(store: LocalStore, move: Move, state: str) -> None:
        if state == "done":
            raise ConnectionError(state)
        record(store, move, state)

    monkeypatch.setattr(ledger, "record", dies_at_done)
    with pytest.raises(ConnectionError):
        move(store, aliases, SECOND)
    monkeypatch.undo()
    assert champion(store, aliases) == 2
    move(store, aliases, SECOND)
    assert ledger.champions(store) == [1, 2]


@pytest.mark.parametrize("moved_to", [2, None])
def test_an_alias_moved_by_another_hand_is_not_believed(
    store: LocalStore, aliases: Aliases, moved_to: int | None
) -> None:
    move(store, aliases, FIRST)
    aliases.at = {} if moved_to is None else {CHAMPION: moved_to}
    with pytest.raises(IntegrityError, match=f"version {moved_to}, the ledger says 1"):
        champion(store, aliases)


def test_an_alias_without_any_record_is_not_believed(store: LocalStore, aliases: Aliases) -> None:
    aliases.at = {CHAMPION: 1}
    with pytest.raises(IntegrityError, match="the ledger says None"):
        champion(store, aliases)
