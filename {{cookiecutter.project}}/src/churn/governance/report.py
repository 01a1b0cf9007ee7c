"""The report: one page per model version, for whoever answers for the model.

It needs nothing but itself: no script, no network, no font or picture from elsewhere. Bad evidence never
stops it, since the page of a refused model is the one that is read; what cannot be computed is a dash.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from churn.config.problem import Costs
from churn.governance import curves, plots
from churn.governance.curves import View
from churn.governance.gates import (
    ACCEPTED,
    GATES,
    REFUSED,
    UNDETERMINED,
    Candidate,
    Evidence,
    judged_segments,
)
from churn.governance.html import card, lines, section, table, tile
from churn.governance.plots import CHALLENGER, CHAMPION, Row, printable
from churn.modelling import metrics
from churn.modelling.metrics import Array, Estimate

Facts = Mapping[str, Any]

FILE = "report.html"
DASH = "\N{EN DASH}"
MARKS = {ACCEPTED: "✓", REFUSED: "✕", UNDETERMINED: "?"}
SHOWN = 60  # groups in the forest, the weakest; a taller one is not read to its end
KEY_FIGURES = (
    "AUC",
    "Brier score",
    "Calibration slope",
    "Calibration ratio",
    "Lift at 10 %",
    "Profit per customer",
)

PAGE = Markup("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{sections}
</main>
</body>
</html>
""")


@dataclass(frozen=True)
class Model:
    """A model on this page: its key figures as texts, its curve, or what stands in the way of one."""

    name: str
    figures: Mapping[str, tuple[str, str]]
    curve: curves.Curve | None
    obstacle: str


class Picture(NamedTuple):
    """A picture: its name in ids, who paints it, the key figure beside it, its title and how to read it."""

    name: str
    paint: Callable[[Axes, View], None]
    figure: str
    title: str
    advice: str


PICTURES = (
    Picture("roc", plots.roc, "AUC", "ROC curve and AUC",
            "Nearer to the top left corner is better; on the dotted diagonal, ranking is tossing a coin."),
    Picture("recall", plots.precision_recall, "", "Precision and recall",
            "Higher is better; near the dotted base rate, the flagged leave no more often than anybody."),
    Picture("calibration", plots.calibration, "Calibration slope", "Calibration and its slope",
            "Bars should touch the diagonal; a bar wholly below it promises more leavers than there are."),
    Picture("gains", plots.gains, "Lift at 10 %", "Cumulative gains and lift at 10 %",
            "A good list rises fast, towards the upper dotted line; the lower one is a list drawn by lot."),
    Picture("profit", plots.profit, "Profit per customer", "Profit over threshold",
            "The dot, at the declared threshold, should be near the peak and above both dotted lines."),
    Picture("spread", plots.spread, "Brier score", "Leavers and stayers, Brier score",
            "Leavers belong on the right, stayers on the left; two alike shapes cannot be told apart."),
)  # fmt: skip


def page(evidence: Evidence, passport: Facts) -> str:
    """The whole report as HTML, of a passport's facts; the same evidence and facts give the same bytes."""
    evidence = _with_floats(evidence)
    models = [_model("version", evidence.challenger, evidence, CHALLENGER)]
    if evidence.champion:
        models.append(_model("champion", evidence.champion, evidence, CHAMPION))
    sections = [
        _title(evidence, passport),
        _strip(evidence, passport, models),
        _gates(passport),
        _pictures(evidence, models),
        _groups(evidence, models),
        _provenance(evidence, passport),
    ]
    title = f"{evidence.config.problem.title}: version {passport['version']} {passport['verdict']}"
    style = Markup(Path(__file__).with_suffix(".css").read_text("utf-8"))  # noqa: S704 our own
    return printable(PAGE.format(title=title, style=style, sections=lines(sections)))


def key_figures(y: Array, p: Array, costs: Costs) -> dict[str, tuple[str, str]]:
    """Each of KEY_FIGURES: its value, and what is said below it. Dashes when a score is not finite."""
    if not len(y) or not np.all(np.isfinite(p)):
        return dict.fromkeys(KEY_FIGURES, (DASH, ""))
    calibration = metrics.calibration(y, p)
    # Among equal scores, the highest tenth would be whoever stands first.
    lift = metrics.lift(y, p) if np.ptp(p) > 0 else np.nan
    everybody = metrics.profit(y, np.ones(len(y), dtype=bool), costs)
    found = (
        _estimate(metrics.auc(y, p)),
        (_number(metrics.brier(y, p)), f"skill {_written(metrics.brier_skill(y, p))}"),
        _estimate(calibration.slope),
        _estimate(calibration.ratio),
        (_number(lift, 2), "times the base rate"),
        (
            _number(metrics.profit(y, p >= costs.threshold, costs), 2),
            f"nobody 0.00, everybody {everybody:.2f}",
        ),
    )
    return dict(zip(KEY_FIGURES, found, strict=True))


def _with_floats(evidence: Evidence) -> Evidence:
    """The same evidence with one float for each label as scores; NaN where they were anything else."""
    champion, rows = evidence.champion, len(evidence.labels)
    challenger = replace(evidence.challenger, probabilities=_floats(evidence.challenger.probabilities, rows))
    champion = replace(champion, probabilities=_floats(champion.probabilities, rows)) if champion else None
    return replace(evidence, challenger=challenger, champion=champion)


def _floats(scores: Array, rows: int) -> Array:
    try:
        floats = np.asarray(scores, dtype="float64")
    except (TypeError, ValueError):
        floats = np.empty(0)
    return floats if floats.shape == (rows,) else np.full(rows, np.nan)


def _model(role: str, candidate: Candidate, evidence: Evidence, style: dict[str, Any]) -> Model:
    y, p = evidence.labels, candidate.probabilities
    obstacle = curves.obstacle(y, p)
    curve = None if obstacle else curves.trace(y, p, style)
    return Model(
        f"{role} {candidate.number}", key_figures(y, p, evidence.config.problem.costs), curve, obstacle
    )


def _title(evidence: Evidence, passport: Facts) -> Markup:
    champion = passport["champion"]
    facts = [
        f"Model version {passport['version']}",
        "first release" if champion is None else f"against champion {champion}",
        f"issued {_moment(passport['issued'])}",
        f"expires {_moment(passport['expires'])}",
    ]
    heading = Markup('<div class="title"><h1>{}</h1>{}</div>')
    named = heading.format(evidence.config.problem.title, _badge(passport["verdict"]))
    header = Markup('<header>\n{}\n<p class="soft">{}</p>\n<p class="lede">{}</p>\n</header>')
    return header.format(named, " · ".join(facts), _summary(passport))


def _summary(passport: Facts) -> str:
    answers = {result["gate"]: result["verdict"] for result in passport["gates"]}
    named = {
        "Refused by": [gate for gate, verdict in answers.items() if verdict == REFUSED],
        "Undetermined": [gate for gate, verdict in answers.items() if verdict not in {ACCEPTED, REFUSED}],
        "Without an answer": [gate for gate in GATES if gate not in answers],
    }
    said = [f"{what}: {', '.join(gates)}." for what, gates in named.items() if gates]
    return " ".join(said) or f"All {len(answers)} gates accepted."


def _strip(evidence: Evidence, passport: Facts, models: Sequence[Model]) -> Markup:
    rows, leavers = len(evidence.labels), int(evidence.labels.sum())
    share = f"{leavers / rows:.1%}" if rows else DASH
    tiles = [
        tile("Holdout rows", f"{rows:,}", passport.get("holdout_rule", "")),
        tile("Leavers", share, f"{leavers:,} leavers, {rows - leavers:,} stayers"),
    ]
    for name in KEY_FIGURES:
        beside = [f"{model.name}: {model.figures[name][0]}" for model in models[1:]]
        tiles.append(tile(name, *models[0].figures[name], *beside))
    note = (
        "Intervals are 95 %. Calibration ratio: mean prediction over observed share. Profit: everybody is"
        f" contacted from the declared threshold {evidence.config.problem.costs.threshold:.3f} on."
    )
    return Markup('<dl class="strip">\n{}\n</dl>\n<p class="note">{}</p>').format(lines(tiles), note)


def _gates(passport: Facts) -> Markup:
    rows = [
        (result["gate"], _badge(result["verdict"]), _measured(result), result["limit"], result["reason"])
        for result in passport["gates"]
    ]
    note = "Any gate can refuse. Intervals are those it decides by: 90 % where one bound decides, else 95 %."
    return section("Gates", note, table("gates", ("gate", "verdict", "value", "limit", "reason"), rows))


def _measured(result: Facts) -> str:
    value, low, high = (np.nan if result[name] is None else result[name] for name in ("value", "low", "high"))
    if np.isfinite(value) and not np.isfinite(low) and value == round(value):
        return f"{value:,.0f}"  # a count
    return _written(Estimate(value, low, high, np.nan))


def _pictures(evidence: Evidence, models: Sequence[Model]) -> Markup:
    curves = [model.curve for model in models if model.curve]
    view = View(evidence.labels, curves, evidence.config.problem.costs)
    note = "Both models on the same holdout rows." if len(models) > 1 else "The model on its holdout rows."
    cards = lines(_picture(picture, view, models) for picture in PICTURES)
    return section("Quality on the holdout", note, Markup('<div class="pictures">\n{}\n</div>').format(cards))


def _picture(picture: Picture, view: View, models: Sequence[Model]) -> Markup:
    alt = f"{picture.title}. {picture.advice}"
    drawing = plots.draw(lambda axes: picture.paint(axes, view), picture.name, alt) if view.curves else ""
    return card(picture.title, [_beside(model, picture.figure) for model in models], drawing, picture.advice)


def _beside(model: Model, figure: str) -> str:
    if model.obstacle:
        return f"{model.name}: not computable, {model.obstacle}"
    return f"{model.name}: {model.figures[figure][0]}" if figure else model.name


def _groups(evidence: Evidence, models: Sequence[Model]) -> Markup:
    limits, rows = evidence.config.gates.segments, _rows(evidence)
    note = (
        "A group fails when it is shown, allowing for how many groups are looked at, to rank no better than"
        f" {limits.auc:g} or to have lost more than {limits.margin:g} against the champion. With fewer than"
        f" {limits.per_class} leavers or stayers it is not judged."
    )
    content = [Markup("<p>Not computable: there is no group to look at.</p>")]
    if rows:
        beside = ("champion", "difference") if evidence.champion else ()
        headings = ("group", "rows", "leavers", "AUC", *beside, "verdict")
        content = [_forest(rows, evidence, models), table("groups", headings, map(_cells, rows))]
    return section("Quality within groups", note, *content)


def _rows(evidence: Evidence) -> list[Row]:
    champion = evidence.champion
    try:
        ours = judged_segments(evidence)
        theirs = judged_segments(replace(evidence, challenger=champion, champion=None)) if champion else []
    except (IndexError, KeyError, TypeError, ValueError):
        return []  # rows or columns are missing; the gate says which
    return [Row(group, theirs[place].auc if theirs else None) for place, group in enumerate(ours)]


def _forest(rows: Sequence[Row], evidence: Evidence, models: Sequence[Model]) -> Markup:
    weakest = sorted(rows, key=_weakest_first)[:SHOWN]
    shown = [row for row in rows if row in weakest]
    overall = metrics.auc(evidence.labels, evidence.challenger.probabilities).value
    advice = "A bar wholly left of the limit is a group as good as unscored; a wide bar is little evidence."
    paint = partial(plots.forest, rows=shown, overall=overall, limit=evidence.config.gates.segments.auc)
    size = (10.0, 0.9 + 0.26 * len(shown))
    drawing = plots.draw(paint, "forest", f"AUC within groups. {advice}", size, sides=(4.6, 1.1))
    title = "AUC within groups" if shown == rows else f"AUC within the {SHOWN} weakest of {len(rows)} groups"
    scrolled = Markup('<div class="wide">{}</div>').format(drawing)
    return card(title, [model.name for model in models], scrolled, advice)


def _weakest_first(row: Row) -> tuple[bool, bool, float]:
    return not row.group.failed, not row.group.judged, float(np.nan_to_num(row.group.auc.value))


def _cells(row: Row) -> tuple[str, ...]:
    group, champion = row
    verdict = _badge(REFUSED if group.failed else ACCEPTED, "failed" if group.failed else "passed")
    beside = (_number(champion.value), _written(group.lost)) if champion and group.lost else ()
    return (
        group.name,
        f"{group.rows:,}",
        f"{group.leavers:,}",
        _written(group.auc),
        *beside,
        verdict if group.judged else "not judged",
    )


def _provenance(evidence: Evidence, passport: Facts) -> Markup:
    costs = evidence.config.problem.costs
    fields = {**passport, "gates": f"{len(passport['gates'])} answers, in the table above"}
    digits = Markup("<code>{}</code>")
    facts = [(name, digits.format("none" if value is None else value)) for name, value in fields.items()]
    declared = {**costs.model_dump(), "gain": costs.gain, "loss": costs.loss, "threshold": costs.threshold}
    money = [(name, f"{value:.6g}") for name, value in declared.items()]
    tables = table("passport", ("passport", "value"), facts), table("costs", ("costs", "value"), money)
    note = "What this version was made from and judged by, and the money that its threshold follows from."
    return section("Provenance", note, Markup('<div class="provenance">{}</div>').format(lines(tables)))


def _badge(verdict: str, text: str = "") -> Markup:
    known = verdict if verdict in MARKS else REFUSED
    return Markup('<span class="badge {}">{} {}</span>').format(known, MARKS[known], text or verdict)


def _moment(text: str) -> str:
    return f"{text[:16].replace('T', ' ')} UTC"


def _number(value: float, digits: int = 3) -> str:
    return f"{value:,.{digits}f}" if np.isfinite(value) else DASH


def _estimate(found: Estimate) -> tuple[str, str]:
    known = np.isfinite(found.low) and np.isfinite(found.high)
    return _number(found.value), f"[{found.low:.3f}, {found.high:.3f}]" if known else ""


def _written(found: Estimate) -> str:
    return " ".join(_estimate(found)).rstrip()
