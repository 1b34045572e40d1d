"""Charts as SVG. Colours are CSS classes of the page's style sheet: c0 to c7, and grey."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from ..content import Chart, Curve, Roc, SampleMap
from ..words import clean

WIDTH, HEIGHT = 360, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 26
_LABELS = 78
"""Width at the right for the names of several curves."""
_LINE = 13
_NAME = 16
"""Maximum length of a class name in the map."""
MAP_WIDTH, MAP_HEIGHT = 720, 460


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps epochs (or powers of ten) and values to coordinates in the drawing."""

    epochs: Sequence[int]
    ticks: Sequence[float]
    right: int
    bars: bool

    def x(self, epoch: float) -> float:
        first, last = self.epochs[0], self.epochs[-1]
        room = WIDTH - _LEFT - self.right
        if self.bars:
            return _LEFT + room * (epoch - first + 0.5) / (last - first + 1)
        return _LEFT + room * ((epoch - first) / (last - first) if last > first else 0.5)

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low)


def chart_svg(chart: Chart) -> Markup:
    """Lines or stacked bars over the epochs."""
    curves = [curve for curve in chart.curves if curve.values]
    epochs = sorted({epoch for curve in curves for epoch in curve.values})
    sums = [sum(curve.values.get(epoch, 0.0) for curve in curves) for epoch in epochs]
    ends = [
        value for curve in curves for part in (curve.values, curve.low, curve.high) for value in part.values()
    ]
    ticks = nice_ticks(0.0, max(sums)) if chart.stacked else nice_ticks(min(ends), max(ends))
    named = len(curves) > 1 and not chart.stacked
    frame = _Frame(epochs, ticks, _LABELS if named else _RIGHT, chart.stacked)
    drawn = _bars(frame, curves) if chart.stacked else _lines(frame, curves)
    labels = _names(frame, curves) if named else ()
    return _svg(WIDTH, HEIGHT, chart.title, [*_axes(frame), *drawn, *labels])


def nice_ticks(low: float, high: float) -> list[float]:
    """Three to six round values that cover [low, high].

    >>> nice_ticks(0.41, 0.97)
    [0.4, 0.6, 0.8, 1.0]
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return [0.0, 1.0]
    if high - low < 1e-9 * max(1.0, abs(high)):
        spare = abs(high) * 0.1 or 0.5
        low, high = low - spare, high + spare
    rough = (high - low) / 3
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def _axes(frame: _Frame, said: Callable[[int], str] = str) -> Iterator[Markup]:
    right = WIDTH - frame.right
    for tick in frame.ticks:
        y = frame.y(tick)
        yield Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(_LEFT, y, right)
        yield Markup('<text class="tick end" x="{}" y="{:.1f}">{}</text>').format(
            _LEFT - 6, y + 3.5, figure(tick)
        )
    step = max(1, math.ceil(len(frame.epochs) / 8))
    for epoch in range(frame.epochs[0], frame.epochs[-1] + 1, step):
        yield Markup('<text class="tick mid" x="{:.1f}" y="{}">{}</text>').format(
            frame.x(epoch), HEIGHT - 8, said(epoch)
        )


def _lines(frame: _Frame, curves: Sequence[Curve]) -> Iterator[Markup]:
    for place, curve in enumerate(curves):
        if curve.low:
            there = sorted(curve.low)
            upper = [(epoch, curve.high[epoch]) for epoch in there]
            lower = [(epoch, curve.low[epoch]) for epoch in reversed(there)]
            yield Markup('<path class="band c{}" d="{}Z"/>').format(place, _path(frame, [*upper, *lower]))
        points = sorted(curve.values.items())
        yield Markup('<path class="line c{}" d="{}"/>').format(place, _path(frame, points))
        for epoch, value in points if len(points) <= 60 else ():
            yield Markup('<circle class="dot c{}" cx="{:.1f}" cy="{:.1f}" r="2.6">{}</circle>').format(
                place, frame.x(epoch), frame.y(value), _title(f"epoch {epoch}: {curve.name} {figure(value)}")
            )


def _path(frame: _Frame, points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{frame.x(epoch):.1f} {frame.y(value):.1f}" for epoch, value in points)


def _names(frame: _Frame, curves: Sequence[Curve]) -> Iterator[Markup]:
    """The name of each curve at its right end, moved so that names do not overlap."""
    ends = [(frame.y(curve.values[max(curve.values)]), place) for place, curve in enumerate(curves)]
    for y, place in _apart(sorted(ends)):
        yield Markup('<text class="name c{}" x="{}" y="{:.1f}">{}</text>').format(
            place, WIDTH - frame.right + 8, y + 4, curves[place].name
        )


def _apart(ends: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    found: list[tuple[float, int]] = []
    for y, place in ends:
        found.append((max(y, found[-1][0] + _LINE) if found else y, place))
    excess = max(0.0, found[-1][0] - (HEIGHT - _BOTTOM)) if found else 0.0
    limit = math.inf
    moved = []
    for y, place in reversed(found):  # move up again if they ran out at the bottom
        limit = min(y, HEIGHT - _BOTTOM if excess else y, limit - _LINE)
        moved.append((limit, place))
    return moved


def _bars(frame: _Frame, curves: Sequence[Curve]) -> Iterator[Markup]:
    width = max(1.0, (WIDTH - _LEFT - frame.right) / (frame.epochs[-1] - frame.epochs[0] + 1) * 0.72)
    for epoch in frame.epochs:
        below = 0.0
        for place, curve in enumerate(curves):
            value = curve.values.get(epoch, 0.0)
            top, bottom = frame.y(below + value), frame.y(below)
            below += value
            if value > 0:
                yield Markup(
                    '<rect class="bar c{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.2f}">{}</rect>'
                ).format(
                    place,
                    frame.x(epoch) - width / 2,
                    top,
                    width,
                    bottom - top,
                    _title(f"epoch {epoch}: {curve.name} {figure(value)} s"),
                )


def roc_svg(rocs: Sequence[Roc]) -> Markup:
    """TAR by FAR on a logarithmic FAR axis, since low FARs matter most. FAR 0 is drawn at the left end."""
    lowest = min(-1, math.floor(-math.log10(max(roc.different for roc in rocs))))
    ticks = nice_ticks(min(roc.points[0][1] for roc in rocs), 1.0)
    frame = _Frame([lowest, 0], ticks, _RIGHT, bars=False)
    drawn = [*_axes(frame, lambda power: figure(10.0**power))]
    for place, roc in enumerate(rocs):
        points = [(math.log10(far) if far else lowest, tar) for far, tar in roc.points]
        drawn.append(
            Markup('<path class="line c{}" d="{}">{}</path>').format(
                place, _path(frame, points), _title(f"{roc.name}: area {figure(roc.area)}")
            )
        )
    return _svg(WIDTH, HEIGHT, f"ROC of {' and '.join(roc.name for roc in rocs)}", drawn)


def map_svg(sample: SampleMap) -> Markup:
    """A cloud of points, with coloured classes whose centres are marked and named."""
    low, high = sample.points.min(axis=0), sample.points.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    room = np.array([MAP_WIDTH - 60, MAP_HEIGHT - 40])
    scale = float((room / span).min())  # the same for both axes, to preserve distances
    offset = (np.array([MAP_WIDTH, MAP_HEIGHT]) - scale * span) / 2

    def placed(points: NDArray[np.float64]) -> NDArray[np.float64]:
        found = (points - low) * scale + offset
        found[:, 1] = MAP_HEIGHT - found[:, 1]
        return found

    places = placed(sample.points)
    drawn = [_cloud(places[sample.groups < 0], "grey")]
    drawn += [_cloud(places[sample.groups == group], f"c{group}") for group in range(len(sample.labels))]
    centres = placed(sample.centres.copy()) if len(sample.centres) else sample.centres
    names = _apart_on_map(centres)
    for group, (label, (x, y), (text_x, text_y)) in enumerate(
        zip(sample.labels, centres.tolist(), names, strict=True)
    ):
        drawn.append(
            Markup('<path class="centre c{}" d="M{:.1f} {:.1f}m-6 0h12m-6-6v12"/>').format(group, x, y)
        )
        drawn.append(
            Markup('<text class="place c{}{}" x="{:.1f}" y="{:.1f}">{}</text>').format(
                group, "" if text_x > x else " end", text_x, text_y, _name(label)
            )
        )
    return _svg(MAP_WIDTH, MAP_HEIGHT, f"Map of {len(places):,} rows: {sample.how}", drawn)


def _cloud(points: NDArray[np.float64], name: str) -> Markup:
    """All points of a group as a single path of dots."""
    dots = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in points.tolist())
    return Markup('<path class="cloud {}" d="{}"/>').format(name, dots)


def _apart_on_map(centres: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Positions of class names: beside their centre, towards the middle, moved down where they would overlap."""
    found: list[tuple[float, float]] = []
    for x, y in centres.tolist():
        place_x, place_y = (x + 9 if x < MAP_WIDTH / 2 else x - 9), y + 4.0
        while any(abs(place_y - other_y) < 17 and abs(place_x - other_x) < 130 for other_x, other_y in found):
            place_y += 3.0
        found.append((place_x, place_y))
    return found


def _name(label: str) -> str:
    text = clean(label)
    return text if len(text) <= _NAME else f"{text[: _NAME - 1]}…"


def figure(value: float) -> str:
    """A number for display: thousands with separators, small numbers with as many digits as they need.

    >>> [figure(each) for each in (12000.0, 0.25, 3.14159, 1e-05, 0)]
    ['12,000', '0.25', '3.142', '1e-05', '0']
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.2g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def measured(value: float) -> str:
    """A measured number for display: three digits after the point, none from 1,000 on.

    >>> [measured(each) for each in (32006.0, 0.25, 1.0, 0.0002)]
    ['32,006', '0.250', '1.000', '0.0002']
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.2g}"


def _title(text: str) -> Markup:
    return Markup("<title>{}</title>").format(text)


def _svg(width: int, height: int, title: str, parts: Sequence[Markup]) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        width, height, escape(clean(title))
    )
    return head + Markup("").join(parts) + Markup("</svg>")
