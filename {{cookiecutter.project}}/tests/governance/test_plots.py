import re
from collections.abc import Callable
from functools import partial
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from churn.config import load_config
from churn.governance import curves, plots
from churn.governance.curves import View
from churn.governance.plots import CHALLENGER, CHAMPION, Row
from churn.governance.segments import Segment
from churn.modelling import metrics
from churn.modelling.metrics import Array, Estimate

COSTS = load_config().problem.costs
PICTURES = [
    plots.roc,
    plots.precision_recall,
    plots.calibration,
    plots.gains,
    plots.profit,
    plots.spread,
]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "$\\frac{$",
    "]]>",
    "&lt;",
    "x" * 500,
]

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")


def scores(rows: int = 2_000, seed: int = 3) -> tuple[Array, Array]:
    """Labels drawn from their probabilities, which are rounded so that many are equal."""
    random = np.random.default_rng(seed)
    p = random.beta(1, 3, rows).round(2)
    return (random.random(rows) < p).astype(int), p


def view(champion: bool = True, rows: int = 2_000) -> View:
    y, p = scores(rows)
    drawn = [curves.trace(y, p, CHALLENGER)]
    if champion:
        drawn.append(curves.trace(y, np.sqrt(p), CHAMPION))
    return View(y, drawn, COSTS)


def group(name: str, auc: float = 0.8, judged: bool = True, failed: bool = False) -> Segment:
    return Segment(name, 1_234, 56, Estimate(auc, auc - 0.1, auc + 0.1, 0.05), None, judged, failed)


def forest(*groups: Segment, champion: float | None = None, overall: float = 0.83) -> str:
    beside = None if champion is None else Estimate(champion, champion, champion, 0.0)
    rows = [Row(found, beside) for found in groups]
    return plots.draw(partial(plots.forest, rows=rows, overall=overall, limit=0.55), "forest", "AUC")


def drawn(paint: Callable[[Axes, View], None], shown: View) -> str:
    return plots.draw(lambda axes: paint(axes, shown), getattr(paint, "__name__", ""), "a picture")


def painted(paint: Callable[[Axes, View], None], shown: View) -> Axes:
    axes = Figure().add_subplot()
    paint(axes, shown)
    return axes


def line(paint: Callable[[Axes, View], None], shown: View) -> tuple[Array, Array]:
    """Where the challenger's line runs."""
    lines = painted(paint, shown).get_lines()
    (found,) = [line for line in lines if line.get_color() == CHALLENGER["color"]]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def auc(shown: View) -> Estimate:
    return metrics.auc(shown.labels, shown.curves[0].probabilities)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 what was drawn here is looked at here


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in parsed(svg).iter("text")]


def test_the_area_under_a_traced_curve_is_the_auc() -> None:
    y, p = scores()
    assert len(np.unique(p)) < len(p), "equal scores are part of the question"
    curve = curves.trace(y, p, CHALLENGER)
    assert np.trapezoid(curve.leavers, curve.stayers) == pytest.approx(metrics.auc(y, p).value)


def test_profits_are_those_of_contacting_everybody_from_the_threshold_on() -> None:
    y, p = scores()
    shown = view()
    thresholds = np.array([0.0, 0.005, 0.17, COSTS.threshold, *np.unique(p), 1.0])
    expected = [metrics.profit(y, p >= threshold, COSTS) for threshold in thresholds]
    assert curves.profits(shown.curves[0], shown, thresholds) == pytest.approx(expected)
    assert max(expected) > expected[0] > 0, "the curve has a peak, and its left end is contacting everybody"


def test_thinning_keeps_both_ends_and_at_most_so_many_points_of_each_line() -> None:
    long = np.arange(100_000)
    first, second = curves.thin(long, -long)
    assert len(first) == len(second) == curves.POINTS
    assert (first[0], first[-1]) == (0, 99_999)
    assert (second == -first).all()


def test_thinning_leaves_a_short_line_alone() -> None:
    assert curves.thin(np.array([0.0, 0.2, 1.0]))[0].tolist() == [0.0, 0.2, 1.0]


def test_tenths_compare_what_was_predicted_with_what_happened() -> None:
    random = np.random.default_rng(1)
    p = random.permutation(np.linspace(0.001, 0.999, 1_000))
    y = (random.random(1_000) < p).astype(int)
    found = curves.tenths(y, p)
    order = np.argsort(p).reshape(10, 100)
    assert [mean for mean, _ in found] == pytest.approx(p[order].mean(axis=1).tolist())
    assert [share.value for _, share in found] == pytest.approx(y[order].mean(axis=1).tolist())
    assert all(share.low < share.value < share.high for _, share in found if 0 < share.value < 1)


def test_equal_probabilities_share_a_tenth_and_its_interval_is_wilsons() -> None:
    y = np.array([1] + 9 * [0])
    ((mean, share),) = curves.tenths(y, np.full(10, 0.3))
    assert mean == pytest.approx(0.3)
    assert (share.low, share.value, share.high) == pytest.approx((0.0179, 0.1, 0.4042), abs=1e-4)


@pytest.mark.parametrize(
    ("y", "p", "said"),
    [
        ([0, 1], [0.2, 0.3], ""),
        ([], [], "no rows"),
        ([0, 1], [np.nan, 0.3], "finite"),
        ([0, 1], [0.2, np.inf], "finite"),
        ([0, 0], [0.2, 0.3], "one class"),
        ([1, 1], [0.2, 0.3], "one class"),
    ],
)
def test_an_obstacle_is_named(y: list[int], p: list[float], said: str) -> None:
    found = curves.obstacle(np.array(y, dtype=int), np.array(p))
    assert said in found
    assert bool(found) == bool(said)


def test_the_roc_line_has_the_auc_below_it() -> None:
    shown = view()
    stayers, leavers = line(plots.roc, shown)
    assert np.trapezoid(leavers, stayers) == pytest.approx(auc(shown).value)


def test_the_recall_line_ends_at_the_base_rate_and_shows_precision_on_the_way() -> None:
    shown = view()
    recall, precision = line(plots.precision_recall, shown)
    assert (recall[-1], precision[-1]) == pytest.approx((1.0, shown.share))
    flagged = shown.curves[0].probabilities >= 0.5
    found = shown.labels[flagged].sum() / shown.labels.sum()
    place = int(np.argmin(np.abs(recall - found)))
    assert (recall[place], precision[place]) == pytest.approx((found, shown.labels[flagged].mean()))


def test_the_calibration_line_goes_from_predicted_to_observed() -> None:
    shown = view()
    points = curves.tenths(shown.labels, shown.curves[0].probabilities)
    means, shares = line(plots.calibration, shown)
    assert means == pytest.approx([mean for mean, _ in points])
    assert shares == pytest.approx([share.value for _, share in points])


def test_the_gains_line_shows_the_lift() -> None:
    y, p = scores()
    p = p + np.random.default_rng(6).uniform(0, 1e-6, len(p))
    contacted, reached = line(plots.gains, View(y, [curves.trace(y, p, CHALLENGER)], COSTS))
    assert np.interp(0.1, contacted, reached) / 0.1 == pytest.approx(metrics.lift(y, p), rel=0.02)


def test_the_profit_line_has_its_dot_at_the_declared_threshold() -> None:
    shown = view()
    axes = painted(plots.profit, shown)
    dot = next(found for found in axes.get_lines() if found.get_marker() == "o")
    contacted = shown.curves[0].probabilities >= COSTS.threshold
    assert dot.get_xydata() == pytest.approx(
        np.array([[COSTS.threshold, metrics.profit(shown.labels, contacted, COSTS)]])
    )


def test_leavers_are_spread_upwards_and_stayers_downwards_each_to_the_whole() -> None:
    shown = view(champion=False)
    upwards, downwards = [
        found.get_data()[0] for found in painted(plots.spread, shown).patches if isinstance(found, StepPatch)
    ]
    assert (upwards.sum(), downwards.sum()) == pytest.approx((1.0, -1.0))
    edges = np.linspace(0, 1, plots.BINS + 1)
    leavers = shown.curves[0].probabilities[shown.labels == 1]
    assert upwards == pytest.approx(np.histogram(leavers, edges)[0] / len(leavers))


@pytest.mark.parametrize("paint", PICTURES)
def test_the_champion_is_drawn_beside_the_challenger_and_only_where_there_is_one(
    paint: Callable[[Axes, View], None],
) -> None:
    both, alone = drawn(paint, view()), drawn(paint, view(champion=False))
    assert "var(--challenger" in both
    assert "var(--champion" in both
    assert "var(--challenger" in alone
    assert "var(--champion" not in alone


@pytest.mark.parametrize("paint", PICTURES)
def test_a_picture_is_thinned_whatever_the_number_of_rows(paint: Callable[[Axes, View], None]) -> None:
    random = np.random.default_rng(2)
    y, p = random.integers(0, 2, 100_000), random.random(100_000)
    svg = drawn(paint, View(y, [curves.trace(y, p, CHALLENGER), curves.trace(y, 1 - p, CHAMPION)], COSTS))
    longest = max(element.attrib["d"].count("L") for element in parsed(svg).iter("path"))
    assert 0 < longest <= curves.POINTS


@pytest.mark.parametrize("paint", PICTURES)
def test_the_same_evidence_gives_the_same_bytes_on_a_machine_with_other_settings(
    paint: Callable[[Axes, View], None],
) -> None:
    first = drawn(paint, view())
    with matplotlib.rc_context({"axes.linewidth": 9, "font.size": 30, "svg.fonttype": "path"}):
        assert drawn(paint, view()) == first
        assert matplotlib.rcParams["font.size"] == 30, "and the settings are left as they were"


def test_ids_and_references_of_two_pictures_never_meet() -> None:
    svgs = [drawn(paint, view()) for paint in PICTURES]
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in svgs]
    assert all(ids)
    assert len(set.union(*ids)) == sum(map(len, ids))
    for svg, known in zip(svgs, ids, strict=True):
        referred = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
        assert referred
        assert {first or second for first, second in referred} <= known


def test_a_picture_brings_no_style_sheet_no_metadata_and_no_address() -> None:
    svg = drawn(plots.roc, view())
    tags = {element.tag for element in parsed(svg).iter()}
    assert {"svg", "path", "text", "clipPath"} <= tags
    assert not tags & {"style", "metadata", "script", "image", "foreignObject"}
    assert "http" not in svg
    assert "xmlns" not in svg


def test_a_picture_says_in_words_what_it_shows() -> None:
    root = parsed(plots.draw(partial(plots.roc, view=view()), "roc", 'ROC "curve" <1>'))
    assert (root.get("role"), root.get("aria-label")) == ("img", 'ROC "curve" <1>')


def test_reference_lines_are_named() -> None:
    shown = view()
    assert f"base rate {shown.share:.1%}" in texts(drawn(plots.precision_recall, shown))
    assert f"threshold {COSTS.threshold:.3f}" in texts(drawn(plots.spread, shown))
    found = texts(drawn(plots.profit, shown))
    assert {f"threshold {COSTS.threshold:.3f}", "contact nobody", "contact everybody"} <= set(found)


def test_the_forest_shows_size_and_auc_of_a_group_and_marks_one_that_failed() -> None:
    found = texts(forest(group("plan = a", auc=0.712), group("plan = b", auc=0.5, failed=True)))
    assert {"plan = a", "1,234", "56", "0.712", "plan = b", "0.500 failed"} <= set(found)
    assert {"limit 0.55", "overall 0.830"} <= set(found)


def test_the_forest_lists_a_group_that_is_too_small_without_drawing_it() -> None:
    svg = forest(group("plan = a", auc=0.712, judged=False), champion=0.9)
    assert "not judged" in texts(svg)
    assert "0.712" not in texts(svg)
    assert "var(--champion" not in svg
    assert "var(--challenger" not in svg
    assert "var(--champion" in forest(group("plan = a"), champion=0.9)


def test_the_forest_can_be_drawn_of_a_group_and_a_model_without_an_auc() -> None:
    found = texts(forest(group("plan = a", auc=np.nan, failed=True), champion=np.nan, overall=np.nan))
    assert "failed" in found
    assert not [text for text in found if "nan" in text]


@pytest.mark.parametrize("name", [*HOSTILE, "契約 = 月", "قسم", "😀"])
def test_a_groups_name_is_text_and_nothing_else(name: str) -> None:
    svg = forest(group(name))
    tags = {element.tag for element in parsed(svg).iter()}
    assert tags <= {"svg", "g", "path", "defs", "use", "text", "clipPath", "rect"}
    assert (name if len(name) <= plots.LETTERS else name[: plots.LETTERS - 1] + "…") in texts(svg)


def test_what_no_page_may_hold_is_replaced() -> None:
    assert plots.printable("a\x00b\x1b[31m\u202ec\ud800\n\tü 契約") == "a�b�[31m�c�\n�ü 契約"
    assert "a�b" in texts(forest(group("a\x00b")))
