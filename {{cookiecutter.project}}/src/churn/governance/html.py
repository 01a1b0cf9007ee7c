"""The few elements that the report is made of; whatever is put into them is escaped."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup


def section(title: str, note: str, *content: Markup) -> Markup:
    section = Markup('<section>\n<h2>{}</h2>\n<p class="note">{}</p>\n{}\n</section>')
    return section.format(title, note, lines(content))


def card(title: str, named: Sequence[str], drawing: str, advice: str) -> Markup:
    spans = map(Markup('<span class="{}">{}</span>').format, ("challenger", "champion"), named)
    card = Markup('<figure class="card">\n<h3>{}</h3>\n<p class="key">{}</p>\n{}\n{}</figure>')
    caption = Markup("<figcaption>{}</figcaption>\n").format(advice)
    return card.format(title, lines(spans), drawing, caption)


def table(name: str, headings: Iterable[str], rows: Iterable[Sequence[str]]) -> Markup:
    head = lines(map(Markup('<th scope="col">{}</th>').format, headings))
    table = Markup('<div class="card wide"><table class="{}">\n<thead><tr>{}</tr></thead>\n<tbody>\n{}\n')
    return table.format(name, head, lines(map(row, rows))) + Markup("</tbody>\n</table></div>")


def row(cells: Sequence[str]) -> Markup:
    rest = lines(map(Markup("<td>{}</td>").format, cells[1:]))
    return Markup('<tr><th scope="row">{}</th>{}</tr>').format(cells[0], rest)


def tile(name: str, value: str, *below: str) -> Markup:
    details = lines(Markup("<dd>{}</dd>").format(line) for line in below)
    return Markup('<div class="card"><dt>{}</dt><dd class="value">{}</dd>{}</div>').format(
        name, value, details
    )


def lines(parts: Iterable[str]) -> Markup:
    return Markup("\n").join(parts)
