"""Files enter whole or not at all; loading again, also after a crash, leaves the same tables."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.config import digest, load_config
from churn.data.contract import apply_contract, examine
from churn.data.intake import CUSTOMERS, LOADS, QUARANTINE, Intake, admit, quarantine, read_file
from churn.data.sample import sample_customers
from churn.data.store import LocalStore
from churn.errors import ChurnError, DataError, UsageError

PROBLEM = load_config().problem
KEY, DAY = PROBLEM.entity, PROBLEM.snapshot
TEXTS = sample_customers(60, months=3)
JANUARY, FEBRUARY, MARCH = "2024-01-31", "2024-02-29", "2024-03-31"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def with_bad_row(frame: pd.DataFrame) -> pd.DataFrame:
    """The same customers and one more, whose tenure nobody can read."""
    return pd.concat([frame, frame.head(1).assign(customer_id="BAD", tenure="soon")], ignore_index=True)


def month(day: str) -> pd.DataFrame:
    return TEXTS[TEXTS[DAY] == day]


def contents(store: LocalStore, table: str) -> list[dict[str, Any]]:
    """The rows of a table in an order of their own, without what says when they were written."""
    frame = store.read(table).drop(columns=["at", "table_version"], errors="ignore")
    rows = frame.astype("object").where(frame.notna(), None).to_dict(orient="records")
    return sorted(({str(name): value for name, value in row.items()} for row in rows), key=str)


def csv(folder: Path, content: str | bytes, name: str = "customers.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path) -> str:
    """Why a file cannot be taken; one line that names it."""
    with pytest.raises(ChurnError) as caught:
        apply_contract(read_file(path)[0], PROBLEM)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) <= 200
    return message


def test_a_csv_file_is_read_as_the_texts_it_holds(tmp_path: Path) -> None:
    text = TEXTS.to_csv(index=False)
    frame, content_digest = read_file(csv(tmp_path, text))
    pd.testing.assert_frame_equal(frame.astype("object"), TEXTS.astype("object"))
    assert content_digest == hashlib.sha256(text.encode()).hexdigest()


def test_nothing_a_csv_cell_says_is_interpreted(tmp_path: Path) -> None:
    cells = ["007", "NA", "null", "", " x ", "1e3", "=1+1", "True", "#comment", "\N{SNOWMAN}"]
    frame, _ = read_file(csv(tmp_path, "name,cell\n" + "".join(f"n,{cell}\n" for cell in cells)))
    assert frame["cell"].tolist() == cells


def test_a_quoted_cell_may_hold_line_breaks_commas_and_quotes(tmp_path: Path) -> None:
    frame, _ = read_file(csv(tmp_path, 'name,cell\n"a\nb","x, ""y"""\r\nc,d\r\n'))
    assert frame.to_numpy().tolist() == [["a\nb", 'x, "y"'], ["c", "d"]]


def test_line_breaks_in_cells_are_read_in_a_file_of_several_megabytes_too(tmp_path: Path) -> None:
    rows = 150_000
    frame, _ = read_file(csv(tmp_path, "name,cell\n" + '"first\nsecond",x\n' * rows))
    assert len(frame) == rows
    assert set(frame["name"]) == {"first\nsecond"}


def test_a_byte_order_mark_is_no_part_of_the_first_header(tmp_path: Path) -> None:
    frame, _ = read_file(csv(tmp_path, b"\xef\xbb\xbf" + TEXTS.to_csv(index=False).encode()))
    assert apply_contract(frame, PROBLEM).accepted[KEY].tolist() == TEXTS[KEY].tolist()


def test_line_ends_of_every_system_are_read(tmp_path: Path) -> None:
    text = TEXTS.to_csv(index=False, lineterminator="\n")
    for number, ending in enumerate(("\n", "\r\n", "\r")):
        frame, _ = read_file(csv(tmp_path, text.replace("\n", ending), f"{number}.csv"))
        pd.testing.assert_frame_equal(frame.astype("object"), TEXTS.astype("object"))


def test_a_suffix_may_be_in_upper_case(tmp_path: Path) -> None:
    assert len(read_file(csv(tmp_path, TEXTS.to_csv(index=False), "EXPORT.CSV"))[0]) == 60


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    text = TEXTS.to_csv(index=False).replace("Male", "M\N{LATIN SMALL LETTER A WITH DIAERESIS}nnlich")
    message = refusal(csv(tmp_path, text.encode("latin-1")))
    assert message.startswith("customers.csv cannot be read: ")
    assert "utf" in message.lower()
    assert refusal(csv(tmp_path, text.encode("utf-16"))).startswith("customers.csv cannot be read: ")


def test_a_file_with_semicolons_is_refused_with_the_columns_it_seems_to_have(tmp_path: Path) -> None:
    message = refusal(csv(tmp_path, TEXTS.to_csv(index=False, sep=";")))
    assert message.startswith("missing column customer_id, gender, ")
    assert "; found customer_id_snapshot_date_gender" in message


@pytest.mark.parametrize("content", ["", "\n\n", " \n"])
def test_a_file_without_a_header_is_refused(tmp_path: Path, content: str) -> None:
    assert refusal(csv(tmp_path, content))


def test_a_file_with_nothing_but_a_header_is_refused(tmp_path: Path) -> None:
    assert refusal(csv(tmp_path, TEXTS.head(0).to_csv(index=False))).startswith("no rows; ")


def test_a_file_with_a_quote_that_never_ends_is_refused(tmp_path: Path) -> None:
    message = refusal(csv(tmp_path, TEXTS.to_csv(index=False) + '"C-1,2024'))
    assert message.startswith("customers.csv cannot be read: ")


def test_a_row_with_a_cell_too_many_is_refused(tmp_path: Path) -> None:
    lines = TEXTS.to_csv(index=False).splitlines()
    message = refusal(csv(tmp_path, "\n".join([*lines, lines[1] + ",more"])))
    assert message.startswith("customers.csv cannot be read: ")


def test_rows_that_all_have_a_cell_too_many_do_not_shift(tmp_path: Path) -> None:
    header, *lines = TEXTS.to_csv(index=False).splitlines()
    message = refusal(csv(tmp_path, "\n".join([header, *(f"{line}," for line in lines)])))
    assert message.startswith("customers.csv cannot be read: ")


@pytest.mark.parametrize("cells", [1, 2, 10])
def test_a_file_that_was_cut_off_in_its_last_row_is_refused(tmp_path: Path, cells: int) -> None:
    lines = TEXTS.to_csv(index=False).splitlines()
    cut = "\n".join([*lines[:-1], lines[-1].rsplit(",", cells)[0]])
    assert refusal(csv(tmp_path, cut)).startswith("customers.csv cannot be read: ")


def test_a_header_that_stands_twice_is_refused(tmp_path: Path) -> None:
    header, *lines = TEXTS.to_csv(index=False).splitlines()
    twice = "\n".join([f"{header},tenure", *(f"{line},99" for line in lines)])
    assert refusal(csv(tmp_path, twice)) == "column tenure stands twice in the header; keep one"


@pytest.mark.parametrize(
    "name", ["customers.xlsx", "customers.json", "customers", "customers.csv.gz", ".csv"]
)
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"a \.csv or \.parquet file is needed") as caught:
        read_file(csv(tmp_path, "x", name))
    assert str(caught.value).startswith(f"{name}: ")


def test_a_parquet_file_is_read_in_its_types(tmp_path: Path) -> None:
    canonical = apply_contract(TEXTS, PROBLEM).accepted
    path = tmp_path / "customers.parquet"
    canonical.to_parquet(path, index=False)
    frame, content_digest = read_file(path)
    pd.testing.assert_frame_equal(apply_contract(frame, PROBLEM).accepted, canonical)
    assert content_digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_column_that_pandas_stored_as_index_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    TEXTS.set_index(KEY).to_parquet(path)
    assert apply_contract(read_file(path)[0], PROBLEM).accepted[KEY].tolist() == TEXTS[KEY].tolist()


def test_a_nested_column_is_refused_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    TEXTS.assign(tenure=pd.Series([[1, 2]] * len(TEXTS), dtype="object")).to_parquet(path)
    assert refusal(path).startswith("60 of 60 rows break the contract")


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_parquet_file_that_was_cut_off_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "customers.parquet"
    TEXTS.to_parquet(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert refusal(path).startswith("customers.parquet cannot be read: ")


def test_a_parquet_file_with_a_damaged_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    TEXTS.to_parquet(path)
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    assert refusal(path).startswith("customers.parquet cannot be read: ")


def test_a_parquet_file_whose_header_stands_twice_is_refused(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(TEXTS, preserve_index=False)
    pq.write_table(table.append_column("tenure", table["tenure"]), tmp_path / "customers.parquet")
    assert refusal(tmp_path / "customers.parquet")


def test_a_csv_file_called_parquet_is_refused_and_the_other_way_round(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(csv(tmp_path, TEXTS.to_csv(index=False), "customers.parquet"))
    TEXTS.to_parquet(tmp_path / "other.parquet")
    assert refusal((tmp_path / "other.parquet").rename(tmp_path / "other.csv"))


def fate(path: Path) -> str:
    """What becomes of a file that may be damaged; a ChurnError is the only way to refuse it."""
    try:
        frame, _ = read_file(path)
        outcome = examine(frame, PROBLEM)
    except ChurnError as error:
        return "refused" if len(str(error).splitlines()) == 1 else f"refused in lines: {error}"
    return "taken" if len(outcome.accepted) + len(outcome.rejected) == len(frame) else "rows were lost"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_damaged_file_is_refused_in_one_line_or_loses_no_row(tmp_path: Path, kind: str) -> None:
    TEXTS.to_parquet(tmp_path / "sound.parquet")
    TEXTS.to_csv(tmp_path / "sound.csv", index=False)
    sound = (tmp_path / f"sound.{kind}").read_bytes()
    rng, fates = np.random.default_rng(1), set()
    for cut in [0, 0, 0, 1, 40] * 8:
        damage, start = rng.bytes(1 + cut % 7), int(rng.integers(len(sound)))
        end = start + (cut or len(damage))
        fates.add(fate(csv(tmp_path, sound[:start] + damage + sound[end:], f"damaged.{kind}")))
    assert fates == {"refused", "taken"}


@pytest.mark.parametrize("day", ["0000-01-01", "9999-12-31"])
def test_a_row_of_an_impossible_day_is_quarantined(store: LocalStore, day: str) -> None:
    intake = admit(store, PROBLEM, TEXTS.assign(snapshot_date=[day, *TEXTS[DAY][1:]]), "file")
    assert (intake.accepted, intake.quarantined, intake.snapshots) == (59, 1, 3)


def test_rows_in_are_accepted_or_quarantined(store: LocalStore) -> None:
    intake = admit(store, PROBLEM, with_bad_row(TEXTS), "file")
    assert (intake.rows, intake.accepted, intake.quarantined) == (61, 60, 1)
    assert (intake.snapshots, intake.table_version, intake.source) == (3, store.version(CUSTOMERS), "file")
    assert len(store.read(CUSTOMERS)) == 60
    assert len(store.read(QUARANTINE)) == 1


def test_what_was_accepted_is_what_the_table_holds(store: LocalStore) -> None:
    admit(store, PROBLEM, TEXTS, "file")
    stored = apply_contract(store.read(CUSTOMERS), PROBLEM).accepted
    expected = apply_contract(TEXTS, PROBLEM).accepted
    pd.testing.assert_frame_equal(stored.sort_values(KEY, ignore_index=True), expected)


def test_the_line_of_facts_counts_rows_and_blanks(store: LocalStore) -> None:
    frame = with_bad_row(TEXTS)
    frame.loc[0:10, "total_charges"] = " "
    frame.loc[11:, "total_charges"] = "5"
    facts = str(admit(store, PROBLEM, frame, "file"))
    assert facts.startswith("61 rows in, 60 accepted, 1 quarantined; ")
    assert "; 11 total_charges: blanks read as missing; " in facts
    assert facts.endswith("; customers version 0")


def test_quarantine_holds_reason_content_source_and_contract(store: LocalStore) -> None:
    admit(store, PROBLEM, with_bad_row(TEXTS), "file.csv sha256:abc")
    (row,) = contents(store, QUARANTINE)
    assert row["row"] == 60
    assert row["reason"] == "tenure: 'soon' cannot be read as a number"
    assert row["source"] == "file.csv sha256:abc"
    assert row["contract_digest"] == digest(PROBLEM)
    assert json.loads(row["content"])["customer_id"] == "BAD"


def test_every_load_is_logged_with_what_was_coerced(store: LocalStore) -> None:
    first = admit(store, PROBLEM, month(JANUARY), "january")
    second = admit(store, PROBLEM, with_bad_row(month(FEBRUARY)), "february")
    log = store.read(LOADS).set_index("source")
    for intake in (first, second):
        entry = log.loc[intake.source]
        assert (entry["rows"], entry["accepted"]) == (intake.rows, intake.accepted)
        assert (entry["quarantined"], entry["table_version"]) == (intake.quarantined, intake.table_version)
        assert entry["contract_digest"] == digest(PROBLEM)
        assert json.loads(str(entry["coerced"])) == intake.coerced != {}
    assert len(log) == 2


def test_without_a_bad_row_no_quarantine_is_made(store: LocalStore) -> None:
    admit(store, PROBLEM, TEXTS, "file")
    assert not store.exists(QUARANTINE)


def test_loading_twice_leaves_the_same_rows(store: LocalStore) -> None:
    first = admit(store, PROBLEM, with_bad_row(TEXTS), "file")
    once = [contents(store, table) for table in (CUSTOMERS, QUARANTINE, LOADS)]
    second = admit(store, PROBLEM, with_bad_row(TEXTS), "file")
    assert [contents(store, table) for table in (CUSTOMERS, QUARANTINE, LOADS)] == once
    assert (second.rows, second.accepted, second.quarantined) == (
        first.rows,
        first.accepted,
        first.quarantined,
    )


def test_an_undated_file_loaded_twice_leaves_the_same_rows(store: LocalStore) -> None:
    undated = TEXTS.drop(columns=DAY)
    assert admit(store, PROBLEM, undated, "file").snapshots == 1
    once = contents(store, CUSTOMERS)
    admit(store, PROBLEM, undated, "file")
    assert contents(store, CUSTOMERS) == once


def test_loading_a_snapshot_again_replaces_that_snapshot_only(store: LocalStore) -> None:
    admit(store, PROBLEM, TEXTS, "all months")
    fewer = month(FEBRUARY).head(15).assign(tenure="7")
    admit(store, PROBLEM, fewer, "february again")
    frame = store.read(CUSTOMERS)
    assert frame[DAY].value_counts().to_dict() == {
        pd.Timestamp(JANUARY): 20,
        pd.Timestamp(FEBRUARY): 15,
        pd.Timestamp(MARCH): 20,
    }
    assert set(frame.loc[frame[DAY] == pd.Timestamp(FEBRUARY), "tenure"]) == {7.0}
    assert set(frame.loc[frame[DAY] != pd.Timestamp(FEBRUARY), "tenure"]) != {7.0}


def test_snapshots_may_arrive_one_by_one_and_in_any_order(store: LocalStore, tmp_path: Path) -> None:
    for day in (MARCH, JANUARY, FEBRUARY):
        admit(store, PROBLEM, month(day), day)
    whole = LocalStore(tmp_path / "whole")
    admit(whole, PROBLEM, TEXTS, "all months")
    assert contents(store, CUSTOMERS) == contents(whole, CUSTOMERS)


def test_labels_that_arrive_later_replace_the_unlabelled_rows(store: LocalStore) -> None:
    admit(store, PROBLEM, month(JANUARY).assign(churn=""), "unlabelled")
    assert store.read(CUSTOMERS)["churn"].isna().all()
    admit(store, PROBLEM, month(JANUARY), "labelled")
    assert store.read(CUSTOMERS)["churn"].notna().all()
    assert len(store.read(CUSTOMERS)) == 20


@pytest.mark.parametrize("dated_first", [True, False])
def test_dated_and_undated_rows_do_not_share_a_store(store: LocalStore, dated_first: bool) -> None:
    dated, undated = TEXTS, TEXTS.drop(columns=DAY)
    first, second = (dated, undated) if dated_first else (undated, dated)
    admit(store, PROBLEM, first, "first")
    before = contents(store, CUSTOMERS)
    found, wanted = ("no", "with") if dated_first else ("a", "without")
    said = f"the file has {found} snapshot_date, customers holds rows {wanted}; use another --store"
    with pytest.raises(DataError) as caught:
        admit(store, PROBLEM, with_bad_row(second), "second")
    assert str(caught.value) == said
    assert contents(store, CUSTOMERS) == before
    assert not store.exists(QUARANTINE)


def test_a_refused_file_changes_nothing(store: LocalStore) -> None:
    admit(store, PROBLEM, with_bad_row(TEXTS), "file")
    before = contents(store, CUSTOMERS), contents(store, QUARANTINE)
    for broken in (TEXTS.assign(tenure="soon"), TEXTS.drop(columns="tenure"), TEXTS.assign(churn="Yes")):
        with pytest.raises(DataError):
            admit(store, PROBLEM, broken, "file")
    assert (contents(store, CUSTOMERS), contents(store, QUARANTINE)) == before
    assert (store.version(CUSTOMERS), store.version(QUARANTINE)) == (0, 0)


def test_a_first_file_that_is_refused_makes_no_table(store: LocalStore) -> None:
    with pytest.raises(DataError):
        admit(store, PROBLEM, TEXTS.assign(tenure="soon"), "file")
    assert not any(store.exists(table) for table in (CUSTOMERS, QUARANTINE, LOADS))


def test_quarantine_of_one_source_is_replaced_and_others_stay(store: LocalStore) -> None:
    bad = examine(with_bad_row(TEXTS), PROBLEM).rejected
    quarantine(store, PROBLEM, bad, "ours")
    quarantine(store, PROBLEM, pd.concat([bad, bad]), "it's theirs")
    quarantine(store, PROBLEM, bad, "it's theirs")
    assert sorted(store.read(QUARANTINE)["source"]) == ["it's theirs", "ours"]
    quarantine(store, PROBLEM, bad.head(0), "ours")
    assert store.read(QUARANTINE)["source"].tolist() == ["it's theirs"]


class UnpluggedError(OSError):
    """The disk is gone."""


@pytest.mark.parametrize("fails", [QUARANTINE, CUSTOMERS, LOADS])
def test_a_load_that_was_interrupted_is_finished_by_loading_again(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    admit(store, PROBLEM, month(JANUARY), "january")
    write, broken = store.write, [True]

    def write_once_broken(table: str, *args: Any, **kwargs: Any) -> int:
        if table == fails and broken:
            broken.pop()
            raise UnpluggedError
        return write(table, *args, **kwargs)

    monkeypatch.setattr(store, "write", write_once_broken)
    later = with_bad_row(month(FEBRUARY))
    with pytest.raises(UnpluggedError):
        admit(store, PROBLEM, later, "february")
    assert len(store.read(CUSTOMERS)) == (40 if fails == LOADS else 20)
    assert admit(store, PROBLEM, later, "february").accepted == 20

    undisturbed = LocalStore(tmp_path / "undisturbed")
    admit(undisturbed, PROBLEM, month(JANUARY), "january")
    admit(undisturbed, PROBLEM, later, "february")
    for table in (CUSTOMERS, QUARANTINE, LOADS):
        assert contents(store, table) == contents(undisturbed, table)


def test_an_intake_says_what_was_ignored(store: LocalStore) -> None:
    intake = admit(store, PROBLEM, TEXTS.assign(shoe_size="43"), "file")
    assert isinstance(intake, Intake)
    assert intake.ignored == ("shoe_size",)
    assert "shoe_size" not in store.read(CUSTOMERS).columns
    counted: Mapping[str, int] = intake.coerced
    assert counted["tenure: texts read as float64"] == 60
