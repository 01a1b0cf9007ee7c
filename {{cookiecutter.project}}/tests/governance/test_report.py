import re
from dataclasses import asdict, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_hand import honest, with_scores

from churn.governance import plots, report
from churn.governance.gates import GATES, Candidate, Evidence, conclude, judge, judged_segments
from churn.governance.report import DASH, KEY_FIGURES, PICTURES, SHOWN, page
from churn.modelling import metrics

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='x",
    "&lt;b&gt;",
    "{0} {x}",
]
VOID = {"meta", "link", "img", "br", "hr", "input", "base"}
STYLE = Path(report.__file__).with_suffix(".css").read_text(encoding="utf-8")

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")


class Read(HTMLParser):
    """A page as a browser would take it: its elements, and the text within each kind of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.unbalanced: list[str] = []
        self.within: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.unbalanced.append(f"{tag} has an attribute twice")
        if tag not in VOID:
            self.open.append(tag)
            self.within.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if "svg" not in self.open:
            self.unbalanced.append(f"<{tag}/> outside a picture is not closed")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.within[tag][-1] += data

    def attributes(self, name: str) -> list[str]:
        return [found[name] or "" for _, found in self.elements if name in found]


def facts(evidence: Evidence) -> dict[str, Any]:
    """What a passport tells of this evidence; the digests are made up."""
    results = judge(evidence)
    return {
        "version": evidence.challenger.number,
        "verdict": conclude(results),
        "champion": evidence.champion.number if evidence.champion else None,
        "issued": "2026-02-01T09:30:00Z",
        "expires": "2026-03-03T09:30:00Z",
        "model_digest": "d" * 64,
        "holdout_rule": "sha256(customer_id) < 0.2",
        "holdout_rows": len(evidence.labels),
        "commit": "c" * 40,
        "dirty": "false",
        "gates": [asdict(result) for result in results],
    }


def compared(rows: int = 2_400) -> Evidence:
    """A challenger beside a champion that is worse."""
    evidence = honest(rows)
    assert evidence.champion
    return replace(evidence, champion=replace(evidence.champion, probabilities=worse(evidence)))


def bare() -> Evidence:
    """A holdout without rows: a page without pictures, which takes no time."""
    evidence = honest(rows=400, champion=False)
    nothing = Candidate(2, evidence.challenger.inputs, np.empty(0))
    return replace(
        evidence, holdout=evidence.holdout.iloc[:0], labels=evidence.labels[:0], challenger=nothing
    )


def worse(evidence: Evidence) -> np.ndarray:
    noise = np.random.default_rng(1).random(len(evidence.labels))
    mixed: np.ndarray = 0.6 * evidence.challenger.probabilities + 0.4 * noise
    return mixed


@cache
def text_of(champion: bool = True) -> str:
    evidence = compared() if champion else honest(champion=False)
    return page(evidence, facts(evidence))


@cache
def read(champion: bool = True) -> Read:
    return Read(text_of(champion))


def key_figures(text: str) -> dict[str, list[str]]:
    strip = re.search(r'<dl class="strip">(.*?)</dl>', text, re.S)
    assert strip
    found = {}
    for card in strip[1].split('<div class="card">')[1:]:
        (name,), details = re.findall(r"<dt>(.*?)</dt>", card), re.findall(r"<dd[^>]*>(.*?)</dd>", card)
        found[name] = details
    return found


def table(text: str, name: str) -> dict[str, list[str]]:
    """The rows of a table: the text of the first cell, and of the others."""
    found = re.search(rf'<table class="{name}">(.*?)</table>', text, re.S)
    assert found
    rows = {}
    for row in re.findall(r"<tr>(.*?)</tr>", found[1].split("</thead>")[1], re.S):
        cells = Read(row).within
        rows[cells["th"][0]] = cells["td"]
    return rows


def estimated(found: metrics.Estimate) -> list[str]:
    return [f"{found.value:.3f}", f"[{found.low:.3f}, {found.high:.3f}]"]


def test_the_sections_come_in_the_order_of_the_questions_asked() -> None:
    assert read().within["h1"] == ["Customers who leave within a month"]
    assert read().within["h2"] == ["Gates", "Quality on the holdout", "Quality within groups", "Provenance"]
    assert read().within["h3"] == [*(picture.title for picture in PICTURES), "AUC within groups"]
    assert len(PICTURES) == 6
    assert text_of().index('<dl class="strip">') < text_of().index("<h2>")


def test_the_title_says_version_verdict_champion_and_dates() -> None:
    header = read().within["header"][0]
    assert "✓ accepted" in header
    assert "Model version 2 · against champion 1" in header
    assert "issued 2026-02-01 09:30 UTC · expires 2026-03-03 09:30 UTC" in header
    assert "All 8 gates accepted." in header
    assert "first release" in read(champion=False).within["header"][0]


def test_every_gate_is_listed_with_verdict_value_limit_and_reason() -> None:
    evidence = with_scores(compared(), worse(honest())[::-1])
    told = facts(evidence)
    rows = table(page(evidence, told), "gates")
    assert list(rows) == list(GATES)
    assert {result["verdict"] for result in told["gates"]} == {"accepted", "refused"}
    for result in told["gates"]:
        verdict, value, limit, reason = rows[result["gate"]]
        assert verdict.endswith(result["verdict"])
        assert (limit, reason) == (result["limit"], result["reason"])
        if result["low"] is not None:
            assert value == f"{result['value']:.3f} [{result['low']:.3f}, {result['high']:.3f}]"
    assert rows["evidence"][1] == f"{int(evidence.labels.sum()):,}"
    assert rows["signature"][1] == DASH


def test_the_gates_that_did_not_accept_are_named_at_the_top() -> None:
    evidence = honest(rows=200, champion=False)
    told = facts(with_scores(evidence, 1 - evidence.challenger.probabilities))
    lede = re.findall(r'<p class="lede">(.*?)</p>', page(bare(), told))
    assert lede == ["Refused by: floor, base_rate, calibration, segments. Undetermined: evidence."]


def test_a_gate_without_an_answer_is_named() -> None:
    told = facts(compared())
    text = page(bare(), {**told, "verdict": "refused", "gates": told["gates"][1:]})
    assert "Without an answer: evidence." in text
    assert "All 7 gates" not in text


@pytest.mark.parametrize("verdict", ["accepted", "refused", "undetermined"])
def test_a_verdict_is_a_word_and_a_mark_and_not_only_a_colour(verdict: str) -> None:
    text = page(bare(), {**facts(bare()), "verdict": verdict})
    badge = re.search(r'</h1><span class="badge (\w+)">(\S) (\w+)</span>', text)
    assert badge
    assert (badge[1], badge[3]) == (verdict, verdict)
    assert badge[2] == {"accepted": "✓", "refused": "✕", "undetermined": "?"}[verdict]


def test_a_verdict_never_heard_of_looks_refused() -> None:
    text = page(bare(), {**facts(bare()), "verdict": "fine"})
    assert '<span class="badge refused">✕ fine</span>' in text


def test_every_passport_field_is_shown() -> None:
    told = {**facts(compared()), "added_tomorrow": "something"}
    rows = table(page(bare(), told), "passport")
    assert list(rows) == list(told)
    for name, value in told.items():
        assert rows[name] == ["8 answers, in the table above" if name == "gates" else str(value)]
    assert table(text_of(champion=False), "passport")["champion"] == ["none"]


def test_the_money_behind_the_threshold_is_shown() -> None:
    rows = table(text_of(), "costs")
    assert rows["offer"] == ["10"]
    assert (rows["gain"], rows["loss"], rows["threshold"]) == (["56"], ["11"], ["0.164179"])


def test_the_key_figures_are_those_of_the_metrics() -> None:
    evidence = compared()
    y, p, costs = evidence.labels, evidence.challenger.probabilities, evidence.config.problem.costs
    q = worse(evidence)
    calibration, skill = metrics.calibration(y, p), metrics.brier_skill(y, p)
    found = key_figures(text_of())
    assert list(found) == ["Holdout rows", "Leavers", *KEY_FIGURES]
    assert found["Holdout rows"][0] == "2,400"
    assert found["Leavers"][0] == f"{y.mean():.1%}"
    assert found["AUC"] == [*estimated(metrics.auc(y, p)), f"champion 1: {metrics.auc(y, q).value:.3f}"]
    assert found["Brier score"][:2] == [f"{metrics.brier(y, p):.3f}", f"skill {' '.join(estimated(skill))}"]
    assert found["Calibration slope"][:2] == estimated(calibration.slope)
    assert found["Calibration ratio"][:2] == estimated(calibration.ratio)
    assert found["Lift at 10 %"][0] == f"{metrics.lift(y, p):.2f}"
    assert found["Lift at 10 %"][-1] == f"champion 1: {metrics.lift(y, q):.2f}"
    everybody = metrics.profit(y, np.ones(len(y), dtype=bool), costs)
    assert found["Profit per customer"] == [
        f"{metrics.profit(y, p >= costs.threshold, costs):.2f}",
        f"nobody 0.00, everybody {everybody:.2f}",
        f"champion 1: {metrics.profit(y, q >= costs.threshold, costs):.2f}",
    ]


def test_each_picture_names_its_models_and_repeats_their_key_figure() -> None:
    evidence = compared()
    y, p, q = evidence.labels, evidence.challenger.probabilities, worse(evidence)
    keys = [" ".join(text.split()) for text in re.findall(r'<p class="key">(.*?)</p>', text_of(), re.S)]
    said = [Read(key).within["span"] for key in keys]
    assert said[0] == [
        f"version 2: {metrics.auc(y, p).value:.3f}",
        f"champion 1: {metrics.auc(y, q).value:.3f}",
    ]
    slopes = [metrics.calibration(y, found).slope.value for found in (p, q)]
    assert said[2] == [f"version 2: {slopes[0]:.3f}", f"champion 1: {slopes[1]:.3f}"]
    assert len(said) == 7


def test_a_first_release_shows_no_champion_anywhere() -> None:
    text = text_of(champion=False).replace(STYLE, "")
    assert "var(--champion" not in text
    assert not re.search(r"champion \d|class=\"champion\"", text)
    assert "var(--champion" in text_of().replace(STYLE, "")


def test_every_group_is_in_the_table_with_its_verdict() -> None:
    evidence = compared()
    rows, groups = table(text_of(), "groups"), judged_segments(evidence)
    assert list(rows) == [group.name for group in groups]
    q = worse(evidence)
    for group in groups:
        count, leavers, auc, champion, lost, verdict = rows[group.name]
        assert (count, leavers) == (f"{group.rows:,}", f"{group.leavers:,}")
        assert auc == " ".join(estimated(group.auc))
        assert group.lost
        assert lost == " ".join(estimated(group.lost))
        column, _, value = group.name.partition(" = ")
        inside = (evidence.holdout[column].astype(str) == value).to_numpy()
        assert champion == f"{metrics.auc(evidence.labels[inside], q[inside]).value:.3f}"
        assert ("not judged" in verdict) == (not group.judged)
    verdicts = {cells[-1] for cells in table(page_of_a_broken_group(), "groups").values()}
    assert verdicts == {"✓ passed", "✕ failed", "not judged"}


def page_of_a_broken_group() -> str:
    evidence = honest(champion=False)
    p = evidence.challenger.probabilities.copy()
    monthly = (evidence.holdout["contract"] == "Month-to-month").to_numpy()
    p[monthly] = np.random.default_rng(4).permutation(p[monthly])
    labels = np.where(evidence.holdout["contract"] == "Two year", 0, evidence.labels)
    evidence = with_scores(replace(evidence, labels=labels), p)
    return page(evidence, facts(evidence))


def test_a_group_with_one_class_is_listed_without_an_auc() -> None:
    row = table(page_of_a_broken_group(), "groups")["contract = Two year"]
    assert row[1:] == ["0", DASH, "not judged"]


def test_of_many_groups_the_forest_shows_the_weakest_and_the_table_all() -> None:
    evidence = compared()
    named = evidence.holdout.assign(contract=[f"plan {place % 100}" for place in range(2_400)])
    evidence = replace(evidence, holdout=named)
    text = page(evidence, facts(evidence))
    rows = table(text, "groups")
    groups = judged_segments(evidence)
    assert len(rows) == len(groups) > 100
    assert f"AUC within the {SHOWN} weakest of {len(groups)} groups" in text
    drawn = [text for text in Read(text).within["text"] if text.startswith("contract = plan")]
    assert 0 < len(drawn) <= SHOWN
    assert {group.name for group in groups if group.judged} <= set(Read(text).within["text"])
    assert min(groups, key=lambda group: group.auc.value).name in drawn


def test_the_page_is_well_formed_and_its_ids_are_unique() -> None:
    for found in (read(), read(champion=False)):
        assert found.unbalanced == []
        assert found.open == []
        ids = found.attributes("id")
        assert len(ids) > 20
        assert len(set(ids)) == len(ids)


def test_a_page_with_a_fault_is_noticed() -> None:
    assert Read("<p><b>x</p></b>").unbalanced
    assert Read("<p>x").open == ["p"]
    assert Read('<p id="a" id="b"></p>').unbalanced


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    tags = {tag for tag, _ in read().elements}
    assert {"svg", "table", "style", "figure"} <= tags
    assert not tags & {"script", "img", "link", "iframe", "object", "embed", "image", "base", "form", "a"}
    assert "http:" not in text_of()
    assert "https:" not in text_of()
    assert all(target.startswith("#") for target in read().attributes("href"))
    assert read().attributes("href")
    assert not [
        name for _, found in read().elements for name in found if name == "src" or name.startswith("on")
    ]
    assert not re.search(r"url\((?!#)|@import", text_of())


def test_the_policy_forbids_everything_but_its_own_style() -> None:
    policies = [found for tag, found in read().elements if tag == "meta" and "http-equiv" in found]
    assert policies == [
        {
            "http-equiv": "Content-Security-Policy",
            "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        }
    ]
    assert text_of().index("Content-Security-Policy") < text_of().index("<style>")


def test_whoever_cannot_see_the_page_can_read_it() -> None:
    elements = read().elements
    assert ("html", {"lang": "en"}) in elements
    assert all(found.get("scope") in {"col", "row"} for tag, found in elements if tag == "th")
    pictures = [found for tag, found in elements if tag == "svg"]
    assert len(pictures) == 7
    assert all(found["role"] == "img" and found["aria-label"] for found in pictures)
    assert len({found["aria-label"] for found in pictures}) == 7
    assert len(read().within["figcaption"]) == 7
    assert all(read().within["figcaption"])


def test_every_colour_of_the_pictures_is_defined_for_light_dark_and_paper() -> None:
    assert STYLE in text_of()
    light, dark, paper = re.findall(r":root \{(.*?)\}", STYLE, re.S)
    for role, colour in plots.COLOURS.items():
        assert f"--{role}: {colour};" in light
        assert f"--{role}: #" in dark
        assert f"--{role}: #" in paper
    assert "(prefers-color-scheme: dark)" in STYLE
    assert "@media print" in STYLE


def test_what_comes_from_data_is_text_wherever_it_stands() -> None:
    evidence, everything = compared(), " ".join(HOSTILE)
    problem = evidence.config.problem.model_copy(update={"title": everything})
    groups = [HOSTILE[place % len(HOSTILE)] for place in range(len(evidence.labels))]
    evidence = replace(
        evidence,
        config=evidence.config.model_copy(update={"problem": problem}),
        holdout=evidence.holdout.assign(contract=groups),
    )
    told = facts(evidence)
    told["gates"] = [{**result, "reason": everything, "limit": everything} for result in told["gates"]]
    found = Read(page(evidence, {**told, "holdout_rule": everything, "commit": everything}))
    assert found.unbalanced == []
    assert {tag for tag, _ in found.elements} == {tag for tag, _ in read().elements}
    assert not [name for _, found in found.elements for name in found if name.startswith("on")]
    for tag in ("h1", "title", "td", "dd", "code"):
        assert any(everything in text for text in found.within[tag]), tag
    for tag in ("th", "text"):
        assert {f"contract = {name}" for name in HOSTILE} <= set(found.within[tag]), tag


def test_control_characters_and_lone_surrogates_do_not_break_the_page() -> None:
    evidence = compared()
    evidence = replace(evidence, holdout=evidence.holdout.assign(contract="a\x00\x1b\u202eb"))
    text = page(evidence, {**facts(evidence), "commit": "\x00\ud800"})
    assert not re.search("[\x00\x1b\u202e\ud800]", text)
    assert text.count("contract = a\N{REPLACEMENT CHARACTER}") >= 2, "in the forest and in the table"
    assert text.encode("utf-8")


def test_the_same_evidence_and_passport_give_the_same_bytes() -> None:
    evidence = compared()
    assert page(evidence, facts(evidence)) == text_of()


def test_evidence_is_not_modified() -> None:
    evidence = compared()
    before = evidence.holdout.copy(), evidence.labels.copy(), evidence.challenger.probabilities.copy()
    page(evidence, facts(evidence))
    assert evidence.holdout.equals(before[0])
    assert (evidence.labels == before[1]).all()
    assert (evidence.challenger.probabilities == before[2]).all()


def bad_scores(p: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "all NaN": np.full_like(p, np.nan),
        "one NaN": np.where(np.arange(len(p)) == 7, np.nan, p),
        "infinite": np.where(np.arange(len(p)) == 7, np.inf, p),
        "none": np.empty(0),
        "too few": p[:-1],
        "two columns": np.column_stack([1 - p, p]),
        "texts": np.full(len(p), "high"),
        "objects": np.full(len(p), None),
    }


@pytest.mark.parametrize("kind", list(bad_scores(np.empty(9))))
def test_scores_that_are_no_numbers_give_a_page_with_dashes(kind: str) -> None:
    evidence = honest(rows=400, champion=False)
    bad = bad_scores(evidence.challenger.probabilities)[kind]
    text = page(with_scores(evidence, bad), facts(evidence))
    found = key_figures(text)
    assert {name: found[name][0] for name in KEY_FIGURES} == dict.fromkeys(KEY_FIGURES, DASH)
    assert text.count("version 2: not computable, not every score is a finite number") == 6
    assert Read(text).unbalanced == []


def test_a_champion_without_scores_gives_a_page_of_the_challenger() -> None:
    evidence = compared(rows=400)
    champion = Candidate(1, {}, np.empty(0))
    text = page(replace(evidence, champion=champion), facts(evidence))
    assert text.count("champion 1: not computable, not every score is a finite number") == 6
    assert key_figures(text)["AUC"][-1] == f"champion 1: {DASH}"
    assert key_figures(text)["AUC"][0] != DASH
    assert len(Read(text).within["svg"]) == 7


def test_a_challenger_without_scores_leaves_the_pictures_to_the_champion() -> None:
    evidence = with_scores(compared(rows=400), np.empty(0))
    text = page(evidence, facts(evidence))
    assert key_figures(text)["AUC"][-1].startswith("champion 1: 0.")
    assert len(Read(text).within["svg"]) == 7


@pytest.mark.parametrize("score", [0.0, 0.25, 1.0])
def test_a_constant_score_gives_a_page_and_no_lift_made_of_row_order(score: float) -> None:
    evidence = with_scores(compared(rows=400), np.full(400, score))
    text = page(evidence, facts(evidence))
    found = key_figures(text)
    assert (found["AUC"][0], found["Lift at 10 %"][0], found["Calibration slope"][0]) == ("0.500", DASH, DASH)
    assert Read(text).within["svg"]


@pytest.mark.parametrize("label", [0, 1])
def test_a_holdout_of_one_class_gives_a_page_without_pictures(label: int) -> None:
    evidence = compared(rows=400)
    evidence = replace(evidence, labels=np.full(400, label))
    text = page(evidence, facts(evidence))
    assert text.count("version 2: not computable, the holdout holds one class only") == 6
    assert key_figures(text)["AUC"][0] == DASH


def test_a_perfect_score_gives_a_page() -> None:
    evidence = compared(rows=400)
    evidence = with_scores(evidence, evidence.labels.astype(float))
    assert key_figures(page(evidence, facts(evidence)))["AUC"][0] == "1.000"


def test_a_holdout_without_rows_gives_a_page() -> None:
    text = page(bare(), facts(bare()))
    assert "not computable, the holdout has no rows" in text
    assert "there is no group to look at" in text


def test_a_holdout_without_its_segment_columns_gives_a_page() -> None:
    evidence = compared(rows=400)
    text = page(replace(evidence, holdout=evidence.holdout.drop(columns="contract")), facts(evidence))
    assert "there is no group to look at" in text
    assert key_figures(text)["AUC"][0] != DASH


def test_the_size_of_the_page_does_not_grow_with_the_holdout() -> None:
    evidence = compared()
    random = np.random.default_rng(8)
    rows = random.integers(0, 2_400, 300_000)
    p = np.clip(evidence.challenger.probabilities[rows] + random.normal(scale=1e-3, size=len(rows)), 0, 1)
    large = replace(
        evidence,
        holdout=evidence.holdout.iloc[rows].reset_index(drop=True),
        labels=evidence.labels[rows],
        challenger=replace(evidence.challenger, probabilities=p),
        champion=Candidate(1, evidence.challenger.inputs, random.permutation(p)),
    )
    size = len(page(large, facts(evidence)).encode())
    assert size < 300_000
    assert size < 1.3 * len(text_of().encode())
