"""The report's pictures, each drawn as SVG that stands inside a page beside others.

Text stays text and colours become variables of the page's stylesheet, so a picture takes the page's font and
follows its light and dark scheme; ids are prefixed, since all pictures share one page.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from io import StringIO
from itertools import pairwise
from typing import Any, NamedTuple
from xml.etree import ElementTree

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter
from matplotlib.transforms import blended_transform_factory

from churn.config.problem import Costs
from churn.governance.curves import POINTS, View, profits, tenths, thin
from churn.governance.segments import Segment
from churn.modelling.metrics import Estimate

BINS = 30
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
LETTERS = 42  # of a group's name, as many as fit beside the forest
# Where the forest writes name, rows, leavers and AUC, in shares of its width.
COLUMNS: Any = ((0.0, "left"), (0.36, "right"), (0.43, "right"), (0.905, "left"))

# Blue and orange of Okabe and Ito differ to every eye, and the champion's dashes differ without colour.
COLOURS = {
    "challenger": "#0072b2",
    "champion": "#d29200",
    "refused": "#b34700",
    "ink": "#1b2127",
    "soft": "#5c6670",
    "line": "#dde1e5",
}
CHALLENGER: dict[str, Any] = {"color": COLOURS["challenger"], "linewidth": 1.8, "zorder": 4}
CHAMPION: dict[str, Any] = {
    "color": COLOURS["champion"],
    "linewidth": 1.5,
    "linestyle": (0, (4, 2)),
    "zorder": 3,
}
REFERENCE: dict[str, Any] = {"color": COLOURS["soft"], "linewidth": 1.0, "linestyle": (0, (1, 2))}
LOOK: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "churn",
    "text.parse_math": False,  # a group may be called $x$
    "text.color": COLOURS["soft"],
    "font.size": 9,
    "axes.edgecolor": COLOURS["line"],
    "axes.labelcolor": COLOURS["soft"],
    "axes.titlecolor": COLOURS["soft"],
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.6,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 5,
    "xtick.color": COLOURS["soft"],
    "ytick.color": COLOURS["soft"],
}


class Row(NamedTuple):
    """A group in the forest, with the champion's AUC where there is one."""

    group: Segment
    champion: Estimate | None


def roc(axes: Axes, view: View) -> None:
    """Leavers found over stayers flagged."""
    axes.plot([0, 1], [0, 1], **REFERENCE)
    for curve in view.curves:
        axes.plot(*thin(curve.stayers, curve.leavers), **curve.style)
    _square(axes, "stayers flagged (false positive rate)", "leavers found (true positive rate)")


def precision_recall(axes: Axes, view: View) -> None:
    """Leavers among the flagged over leavers found."""
    axes.axhline(view.share, **REFERENCE)
    axes.text(0.01, view.share - 0.02, f"base rate {view.share:.1%}", va="top")
    for curve in view.curves:
        right, wrong = view.share * curve.leavers[1:], (1 - view.share) * curve.stayers[1:]
        axes.plot(*thin(curve.leavers[1:], right / (right + wrong)), **curve.style)
    _square(axes, "leavers found (recall)", "leavers among the flagged (precision)")


def calibration(axes: Axes, view: View) -> None:
    """Observed share over predicted probability, in tenths; intervals for the challenger."""
    found = [(curve.style, tenths(view.labels, curve.probabilities)) for curve in view.curves]
    reach = 1.04 * max(max(mean, share.high) for _, points in found for mean, share in points)
    axes.plot([0, reach], [0, reach], **REFERENCE)
    for style, points in found:
        means, shares = [mean for mean, _ in points], [share for _, share in points]
        axes.plot(means, [share.value for share in shares], marker="o", markersize=4, clip_on=False, **style)
        if style is CHALLENGER:
            lows, highs = [share.low for share in shares], [share.high for share in shares]
            axes.vlines(means, lows, highs, color=style["color"], linewidth=1.2, zorder=4)
    _square(axes, "predicted probability, tenths of the holdout", "observed share of leavers", reach)


def gains(axes: Axes, view: View) -> None:
    """Leavers reached over customers contacted, between chance and a perfect ranking."""
    axes.plot([0, 1], [0, 1], **REFERENCE)
    axes.plot([0, view.share, 1], [0, 1, 1], **REFERENCE)
    for curve in view.curves:
        contacted = view.share * curve.leavers + (1 - view.share) * curve.stayers
        axes.plot(*thin(contacted, curve.leavers), **curve.style)
    _square(axes, "customers contacted, highest probability first", "leavers reached")


def profit(axes: Axes, view: View) -> None:
    """Money per customer over the threshold, with the declared one marked."""
    thresholds, declared = np.linspace(0, 1, POINTS), np.array([view.costs.threshold])
    everybody = view.share * view.costs.gain - (1 - view.share) * view.costs.loss
    for height, name in ((everybody, "everybody"), (0.0, "nobody")):
        axes.axhline(height, **REFERENCE)
        up = height > 0  # away from the other line
        axes.annotate(
            f"contact {name}",
            (0.995, height),
            (0, 2 if up else -2),
            textcoords="offset points",
            ha="right",
            va="bottom" if up else "top",
        )
    for curve in view.curves:
        axes.plot(thresholds, profits(curve, view, thresholds), **curve.style)
        axes.plot(declared, profits(curve, view, declared), marker="o", markersize=5, **curve.style)
    _mark_threshold(axes, view.costs)
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))  # 20k, where money is counted in thousands
    _name(axes, "contact from this probability on", "profit per customer")


def spread(axes: Axes, view: View) -> None:
    """How the probabilities of leavers (upwards) and of stayers (downwards) are spread."""
    edges = np.linspace(0, 1, BINS + 1)
    for curve in view.curves:
        for label, side in ((1, 1), (0, -1)):
            counts = np.histogram(curve.probabilities[view.labels == label], edges)[0]
            shares = side * counts / np.sum(view.labels == label)
            axes.stairs(shares, edges, baseline=0, fill=curve.style is CHALLENGER, alpha=0.8, **curve.style)
    axes.axhline(0, color=COLOURS["soft"], linewidth=0.8, zorder=5)
    for height, name in ((0.93, "leavers"), (0.04, "stayers")):
        axes.text(0.99, height, name, ha="right", transform=axes.transAxes, color=COLOURS["ink"])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda height, _: f"{abs(height):.0%}"))
    _mark_threshold(axes, view.costs)
    _name(axes, "predicted probability", "share of leavers, share of stayers")


def forest(axes: Axes, rows: Sequence[Row], overall: float, limit: float) -> None:
    """AUC within groups, with intervals, the champion's below the challenger's."""
    heights = _heights(rows)
    top = heights[0] + 0.7
    lines = sorted(((limit, f"limit {limit:g}"), (overall, f"overall {overall:.3f}")))
    for (auc, name), side in zip(lines, ("right", "left"), strict=True):
        if np.isfinite(auc):
            axes.axvline(auc, **REFERENCE)
            _name_line(axes, name, auc, 1.0, side, "bottom")
    _in_columns(axes, ("group", "rows", "leavers", "AUC"), top, "bottom", COLOURS["soft"])
    for row, height in zip(rows, heights, strict=True):
        _write(axes, row.group, height)
        if row.group.judged:
            _whisker(axes, row.group.auc, height + (0.13 if row.champion else 0.0), CHALLENGER)
        if row.group.judged and row.champion:
            _whisker(axes, row.champion, height - 0.23, CHAMPION)
    axes.set(ylim=(-0.7, top), yticks=[], xlabel="AUC within the group, with 95 % interval")
    axes.margins(x=0.14)  # room for the name of the limit
    axes.set_xlim(right=1.0)
    axes.spines["left"].set_visible(False)


def draw(
    paint: Callable[[Axes], None],
    name: str,
    alt: str,
    size: tuple[float, float] = (5.4, 3.5),
    sides: tuple[float, float] = (0.5, 0.12),
) -> Markup:
    """What ``paint`` draws, as an SVG element with ids led by ``name``; size and side margins in inches."""
    (width, height), (left, right) = size, sides
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A letter that the measuring font lacks is drawn by the reader's browser.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LOOK)
        figure = Figure(figsize=size)
        paint(figure.add_axes((left / width, 0.48 / height, 1 - (left + right) / width, 1 - 0.78 / height)))
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return _inline(text.getvalue(), name, alt)


def printable(text: str) -> str:
    """A text without control and bidirectional characters and lone surrogates; line ends stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else UNPRINTABLE for letter in text)


def _square(axes: Axes, x: str, y: str, reach: float = 1.0) -> None:
    axes.set(xlim=(0, reach), ylim=(0, 1.02 * reach))
    _name(axes, x, y)


def _name(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_title(y, pad=7)  # above its axis, where it is read without turning the head


def _mark_threshold(axes: Axes, costs: Costs) -> None:
    axes.axvline(costs.threshold, color=COLOURS["soft"], linewidth=1.0)
    side = "left" if costs.threshold < 0.7 else "right"  # where there is room for it
    _name_line(axes, f"threshold {costs.threshold:.3f}", costs.threshold, 0.97, side, "top")
    axes.margins(y=0.15)  # room for that text
    axes.set_xlim(0, 1)


def _name_line(axes: Axes, text: str, x: float, height: float, ha: Any, va: Any) -> None:
    off, place = (4 if ha == "left" else -4, 0), axes.get_xaxis_transform()
    axes.annotate(text, (x, height), off, xycoords=place, textcoords="offset points", ha=ha, va=va)


def _heights(rows: Sequence[Row]) -> list[float]:
    """A height for each row, falling to 0, with a gap where the column changes."""
    columns = [row.group.name.partition(" = ")[0] for row in rows]
    steps = [1.0 if column == before else 1.5 for before, column in pairwise(columns)]
    return [float(height) for height in np.cumsum([0.0, *steps[::-1]])[::-1]]


def _write(axes: Axes, group: Segment, height: float) -> None:
    name = printable(group.name).replace("\n", " ")
    name = name if len(name) <= LETTERS else name[: LETTERS - 1] + "…"
    colour = COLOURS["refused" if group.failed else "ink" if group.judged else "soft"]
    auc = f"{group.auc.value:.3f}" if np.isfinite(group.auc.value) else ""
    verdict = f"{auc}{' failed' if group.failed else ''}".strip() if group.judged else "not judged"
    _in_columns(axes, (name, f"{group.rows:,}", f"{group.leavers:,}", verdict), height, "center", colour)


def _in_columns(axes: Axes, texts: Sequence[str], height: float, va: str, colour: str) -> None:
    place = blended_transform_factory(axes.figure.transFigure, axes.transData)
    for text, (x, side) in zip(texts, COLUMNS, strict=True):
        axes.text(x, height, text, ha=side, va=va, color=colour, transform=place)


def _whisker(axes: Axes, found: Estimate, height: float, style: dict[str, Any]) -> None:
    look: dict[str, Any] = {"color": style["color"], "zorder": style["zorder"]}
    axes.hlines(height, found.low, found.high, linewidth=1.4, **look)
    axes.plot([found.value], [height], marker="o" if style is CHALLENGER else "D", markersize=4, **look)


def _inline(svg: str, name: str, alt: str) -> Markup:
    root = ElementTree.fromstring(svg)  # noqa: S314 matplotlib wrote it a moment ago
    for child in list(root):
        # Its metadata hold addresses, and its style sheet would be the whole page's.
        if child.tag.endswith("metadata") or child.find("{*}style") is not None:
            root.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {key.rpartition("}")[2]: _adapted(key, text, name) for key, text in element.items()}
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": alt}
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704 ElementTree has escaped it


def _adapted(key: str, text: str, name: str) -> str:
    if key == "id":
        return f"{name}-{text}"
    if key == "style":
        for role, colour in COLOURS.items():
            text = text.replace(colour, f"var(--{role}, {colour})")
        return text
    return re.sub(r"^(url\()?#", rf"\g<1>#{name}-", text)
