"""The bars."""

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF
from PySide6.QtGui import QColor, QHelpEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.domain.usage import UsageRow
from app.ui import theme
from app.ui.windows.chart import Bar, BarChart, nice_top

WEEK = [Bar(f"Day {n}", UsageRow("", n, 0, n * 1000, n * 200)) for n in range(7)]


@pytest.fixture
def chart(qtbot: QtBot, qapp: QApplication) -> BarChart:
    qapp.setPalette(theme.palette(theme.LIGHT))
    made = BarChart()
    qtbot.addWidget(made)
    made.resize(600, 200)
    return made


def colours_in(chart: BarChart) -> set[str]:
    picture = chart.grab().toImage()
    every = ((x, y) for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 2))
    return {picture.pixelColor(x, y).name() for x, y in every}


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 4), (3, 4), (5, 6), (17, 20), (401, 600), (999, 1000), (10**9, 10**9)]
)
def test_a_round_top(highest: int, top: int) -> None:
    assert nice_top(highest) == top


def test_bars_are_painted_in_the_themes_colours(chart: BarChart) -> None:
    chart.show_bars(WEEK, "Tokens per day")
    assert {theme.LIGHT.bar_input, theme.LIGHT.bar_output} <= colours_in(chart)


def test_no_data_is_painted_too(chart: BarChart) -> None:
    before = colours_in(chart)
    chart.show_bars([Bar("Mon", UsageRow(""))], "Tokens per day")
    assert chart.accessibleDescription() == "No tokens were counted."
    assert QColor(theme.LIGHT.line).name() in colours_in(chart) & before


@pytest.mark.parametrize("size", [(1, 1), (30, 20), (3000, 30)])
def test_any_size_will_do(chart: BarChart, size: tuple[int, int]) -> None:
    chart.resize(*size)
    chart.show_bars(WEEK * 5, "Tokens per day")
    chart.grab()


def test_days_that_are_not_meant_are_faint(chart: BarChart) -> None:
    chart.show_bars([Bar("Mon", UsageRow("", 1, 0, 9), meant=False)], "Tokens per day")
    plot = chart._plot()
    middle = chart.grab().toImage().pixelColor(plot.center().toPoint())
    assert middle.lightness() > QColor(theme.LIGHT.bar_input).lightness()


def test_a_screen_reader_hears_the_numbers(chart: BarChart) -> None:
    chart.show_bars(WEEK[:2], "Tokens per day, last 2 days")
    assert chart.accessibleName() == "Tokens per day, last 2 days"
    assert chart.accessibleDescription() == "Day 1: 1,000 in, 200 out"


def test_unknown_tokens_are_no_zero(chart: BarChart) -> None:
    bars = [
        Bar("Mon", UsageRow("", 2, 0, 0, 0, unknown_usage=2)),
        Bar("Tue", UsageRow("", 2, 0, 5, 1, unknown_usage=1)),
        Bar("Wed", UsageRow("", 2, 1)),
    ]
    assert [bar.mark for bar in bars] == ["—", "≥", ""]
    chart.show_bars(bars[2:], "Tokens per day")
    nothing = chart.grab().toImage()
    chart.show_bars(bars[:1], "Tokens per day")
    top = chart._plot().bottom() - chart._line
    marked = chart.grab().toImage().copy(0, int(top), chart.width(), int(chart._line))
    assert marked != nothing.copy(0, int(top), chart.width(), int(chart._line))
    assert chart.accessibleDescription() == "Mon: — in, — out"
    assert bars[1].words == "Tue: ≥ 5 in, ≥ 1 out"


def test_pointing_at_a_bar(chart: BarChart) -> None:
    chart.show_bars(WEEK, "Tokens per day")
    plot = chart._plot()
    assert chart.bar_at(QPointF(plot.left() + 1, plot.center().y())) == WEEK[0]
    assert chart.bar_at(QPointF(plot.right() - 1, plot.center().y())) == WEEK[6]
    assert chart.bar_at(QPointF(0, 0)) is None
    at = plot.center().toPoint()
    assert chart.event(QHelpEvent(QEvent.Type.ToolTip, at, chart.mapToGlobal(at)))
    assert chart.event(QHelpEvent(QEvent.Type.ToolTip, QPoint(0, 0), chart.mapToGlobal(QPoint(0, 0))))
