"""Render a page as one self-contained HTML file."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..content import Content, Curves, Roc, Suspect
from ..items import Looks, is_small
from ..words import clean, short, tail
from .charts import chart_svg, map_svg, measured, roc_svg

MOST_BYTES = 5_000_000
"""Maximum size of a page: larger ones are hard to mail."""
_SHARES = (1.0, 0.5, 0.25, 0.1, 0.04, 0.0)
"""Shares of the rows to show, tried in turn until the page is small enough."""
_PARTS = Path(__file__).parent

_ROW = (("", "open"), ("keep", "keep"), ("relabel", "relabel"), ("exclude", "exclude"))
_PAIR = (
    ("", "open"),
    ("keep", "keep"),
    ("never_negative", "never negatives"),
    ("exclude", "exclude one"),
    ("exclude_other", "exclude other"),
)
CHOICES = {"mislabelled": _ROW, "false negative": _PAIR, "duplicate": _PAIR}
"""Kind of suspect → possible decisions; "" is undecided."""


def render(content: Content, looks: Looks, *, save: str | None, of_page: Sequence[tuple[str, str]]) -> str:
    """HTML of at most 5 MB: if the rows take too much space, fewer are shown.

    save: relative URL to which decisions are posted as they are made; None keeps them in the browser.
    of_page: (name, value) lines about the page itself.
    """
    page = ""
    for share in _SHARES:
        page = _render(_less(content, share), looks, save=save, of_page=of_page)
        if len(page.encode()) <= MOST_BYTES:
            break
    return page


def _less(content: Content, share: float) -> Content:
    if share == 1.0:
        return content
    suspects, hardest, unlabelled = content.suspects, content.hardest, content.unlabelled
    if unlabelled is not None:
        unlabelled = replace(unlabelled, listed=unlabelled.listed[: int(share * len(unlabelled.listed))])
    if suspects is not None:
        suspects = replace(suspects, listed=suspects.listed[: int(share * len(suspects.listed))])
    if hardest is not None:
        hardest = replace(hardest, triplets=hardest.triplets[: int(share * len(hardest.triplets))])
    return replace(content, suspects=suspects, hardest=hardest, unlabelled=unlabelled)


def _render(content: Content, looks: Looks, *, save: str | None, of_page: Sequence[tuple[str, str]]) -> str:
    style, script = ((_PARTS / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    cases = content.suspects.listed if content.suspects else ()
    data = _data(cases, looks)
    pairs = content.confusions.pairs if content.confusions else ()
    return (
        _environment()
        .get_template("page.html")
        .render(
            content=content,
            looks=looks.of,
            missing=[*content.missing, *looks.missing],
            sections=_sections(content),
            cases=cases,
            kinds=list(dict.fromkeys(case.kind for case in cases)),
            choices=CHOICES,
            found_words=_found_words(content),
            found_count=sum(content.suspects.found.values()) if content.suspects else 0,
            charts=[(chart, chart_svg(chart)) for chart in content.curves.charts] if content.curves else [],
            numbers=_numbers(content.curves) if content.curves else ((), ()),
            roc=roc_svg(content.rocs) if content.rocs else "",
            verified=_verified(content.rocs),
            has_before=any(pair.before is not None for pair in pairs),
            most=max((pair.count for pair in pairs), default=1) or 1,
            change_lines=_change_lines(content),
            map=map_svg(content.sample_map) if content.sample_map else "",
            settings=short("\n".join(map(clean, content.settings.split("\n"))), 100_000),
            of_page=of_page,
            carries=carries(looks),
            save=save,
            data=Markup(data),
            digest=hashlib.sha256(f"{content.title}\n{data}".encode()).hexdigest()[:32],
            policy=_policy(style, script, save),
            style=Markup(style),
            script=Markup(script),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_PARTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "seen": lambda text: short(clean(str(text))),
        "tail": lambda text: tail(clean(text)),
        "text": lambda text: short("\n".join(map(clean, str(text).splitlines())), 1000),
        "figure": measured,
        "data_url": lambda webp: f"data:image/webp;base64,{base64.b64encode(webp).decode()}",
        "tiny": is_small,
    }
    return environment


def _policy(style: str, script: str, save: str | None) -> str:
    """The Content-Security-Policy: the page loads nothing from elsewhere, and only its own script runs."""
    hashes = {
        kind: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for kind, text in (("style", style), ("script", script))
    }
    connect = "; connect-src 'self'" if save else ""
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes['style']}'; "
        f"script-src 'sha256-{hashes['script']}'; base-uri 'none'; form-action 'none'{connect}"
    )


def _data(cases: Sequence[Suspect], looks: Looks) -> str:
    """The suspects for the page's script, as JSON that is safe inside a script element. Keys are exact."""
    values = [
        {
            "kind": case.kind,
            "key": looks.of[case.row].key,
            "other": looks.of[case.other].key,
            "label": short(case.label),
            **({"suggested": case.other_label} if case.kind == "mislabelled" else {}),
        }
        for case in cases
    ]
    text = json.dumps(values, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _sections(content: Content) -> list[tuple[str, str]]:
    there = (
        ("decide", "To decide", content.suspects),
        ("unlabelled", "Unlabelled positives", content.unlabelled),
        ("hardest", "Hardest triplets", content.hardest),
        ("curves", "Epoch by epoch", content.curves and content.curves.charts),
        ("verification", "Verification", content.rocs),
        ("confused", "Confused classes", content.confusions),
        ("changes", "Since the epoch before", content.changes),
        ("map", "Map", content.sample_map),
        ("record", "Record", True),
    )
    return [(anchor, title) for anchor, title, section in there if section]


def _found_words(content: Content) -> str:
    """A sentence such as "50 rows seem mislabelled, 1 pair looks the same under two labels."."""
    if content.suspects is None:
        return ""
    of = content.suspects.found
    said = []
    if count := of.get("mislabelled", 0):
        said.append(f"{count:,} {'row seems' if count == 1 else 'rows seem'} mislabelled")
    if count := of.get("false negative", 0):
        said.append(f"{count:,} {'pair looks' if count == 1 else 'pairs look'} the same under two labels")
    if count := of.get("duplicate", 0):
        said.append(
            f"{count:,} {'pair is a duplicate' if count == 1 else 'pairs are duplicates'} under two labels"
        )
    text = ", ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _numbers(curves: Curves) -> tuple[list[str], list[list[str]]]:
    """Head and lines of the table with the values of the charts."""
    drawn = [
        (f"{curve.name}{' (s)' if chart.stacked else ''}", curve)
        for chart in curves.charts
        for curve in chart.curves
        if curve.values
    ]
    epochs = sorted({epoch for _, curve in drawn for epoch in curve.values})
    lines = [
        [str(epoch), *(measured(curve.values[epoch]) if epoch in curve.values else "" for _, curve in drawn)]
        for epoch in epochs
    ]
    return ["epoch", *(name for name, _ in drawn)], lines


def _verified(rocs: Sequence[Roc]) -> tuple[list[str], list[list[str]]]:
    """Head and lines of the table beside the ROC."""
    fars = list(dict.fromkeys(far for roc in rocs for far in roc.tars))
    lines = [
        [
            roc.name,
            f"{roc.same:,} + {roc.different:,}",
            f"{measured(roc.accuracy)} ± {measured(roc.error)}",
            measured(roc.area),
            *("" if (tar := roc.tars.get(far)) is None else measured(tar) for far in fars),
        ]
        for roc in rocs
    ]
    return ["", "pairs, same + different", "accuracy", "area", *(f"TAR at FAR {far}" for far in fars)], lines


def _change_lines(content: Content) -> list[list[str]]:
    if content.changes is None:
        return []
    return [
        [
            name,
            *("" if value is None else measured(value) for value in (before, now)),
            "" if before is None or now is None else _signed(now - before),
        ]
        for name, before, now in content.changes.figures
    ]


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{measured(abs(value))}"


def carries(looks: Looks) -> str:
    """A sentence about the data that the page contains."""
    count = len(looks.of)
    match looks.kind:
        case "pictures":
            return f"This page contains data: {count:,} pictures, with keys and labels. Whoever gets it sees them."
        case "texts":
            return (
                f"This page contains data: {count:,} texts, with keys and labels. Whoever gets it sees them."
            )
    return f"This page contains keys and labels of {count:,} rows, but no pictures or texts."
