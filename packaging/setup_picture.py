"""Paint the picture beside the last page of the Windows installer; runs in the environment, for it needs Qt."""

import os

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

WIDTH_PX, HEIGHT_PX = 164, 314  # what NSIS asks for
ICON_PX = 96
GROUND = "#24406e"  # the ground of the icon itself


def paint(svg, file):
    """Write the icon on its own ground as a bitmap."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    _app = QApplication.instance() or QApplication(["picture"])
    image = QImage(WIDTH_PX, HEIGHT_PX, QImage.Format.Format_RGB32)
    image.fill(QColor(GROUND))
    painter = QPainter(image)
    left, top = (WIDTH_PX - ICON_PX) / 2, (HEIGHT_PX - ICON_PX) / 3
    QSvgRenderer(str(svg)).render(painter, QRectF(left, top, ICON_PX, ICON_PX))
    painter.end()
    image.convertToFormat(QImage.Format.Format_RGB888).save(str(file), "BMP")
