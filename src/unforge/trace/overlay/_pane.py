"""One window over one display: frameless, on top, seen through, clicked through. Needs PySide6."""

import logging

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QRasterWindow, QRegion, QScreen, QSurfaceFormat

from unforge.trace import mark
from unforge.trace.mark import CELL_PX
from unforge.trace.overlay._cells import BoxPx, Cells, Means

GLANCE_LEVELS = 6  # a line through a cell that changes by more makes the display be looked at as a whole
LOOK_EVERY = 15  # glances, even if no line has changed

LEAST_PPI, MOST_PPI = 50.0, 600.0  # displays that say anything else do not know their size
USUAL_PPI = 96.0

_LOG = logging.getLogger(__name__)


class Pane(QRasterWindow):
    """The ink over one display. refitted: the display has another size or density, and the ink needs a new tile."""

    refitted = Signal()

    def __init__(self, screen: QScreen, strength: int) -> None:
        super().__init__()
        self._strength = strength
        self._cells: Cells | None = None
        self._glance: NDArray[np.float32] | None = None
        self._glances = 0
        self._blind = False
        self.setFormat(_translucent(self.format()))
        self.setFlags(
            Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.WindowStaysOnTopHint
            | Qt.WindowType.Tool
            | Qt.WindowType.WindowTransparentForInput
            | Qt.WindowType.WindowDoesNotAcceptFocus
            | Qt.WindowType.BypassWindowManagerHint
        )
        self.setProperty("_q_showWithoutActivating", True)  # what QWidget's WA_ShowWithoutActivating sets
        self.setTitle("unforge")
        self.setScreen(screen)
        self.setGeometry(screen.geometry())
        for changed in (screen.geometryChanged, screen.physicalDotsPerInchChanged):
            changed.connect(self._refit)

    @property
    def ppi(self) -> float:
        """Device pixels per inch of the display; 96 for one that does not know, times how its user scales it."""
        screen = self.screen()
        scale = float(screen.devicePixelRatio())
        ppi = scale * float(screen.physicalDotsPerInch())
        logical = scale * float(screen.logicalDotsPerInch())
        return ppi if LEAST_PPI <= ppi <= MOST_PPI else max(logical, USUAL_PPI)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the display in device pixels."""
        size, ratio = self.screen().geometry().size(), self.screen().devicePixelRatio()
        return round(size.width() * ratio), round(size.height() * ratio)

    def take(self, chips: mark.Tile) -> None:
        """Show another tile."""
        if self._cells is None or self._cells.size_wh != self.size_px:
            self._cells = Cells(self.size_px, chips, self._strength)
            self._glance = None
            self.look()
        else:
            self._cells.take(chips)
        self.update()

    def follow(self) -> None:
        """See whether something else lies below, and take the ink that fits it; at most once a second.

        A look at the whole display costs ten times as much as a glance at one line of every row of cells.
        """
        if self._blind or self._cells is None:
            return
        glance, before = self._lines(), self._glance
        self._glance = glance
        self._glances += 1
        changed = before is None or glance is None or bool((np.abs(glance - before) > GLANCE_LEVELS).any())
        if changed or self._glances >= LOOK_EVERY:
            self.look()

    def look(self) -> None:
        """Look at the whole display, and repaint the cells whose ink does not fit any more."""
        self._glances = 0
        seen = self._capture(QRect())
        if seen is None:
            self._go_blind()
        elif self._cells is not None:
            self.repaint_boxes(self._cells.see(_fitting(mark.below(seen), self._cells.colours.shape)))

    def repaint_boxes(self, boxes_px: list[BoxPx]) -> None:
        """Paint boxes xyxy in device pixels anew."""
        ratio = self.devicePixelRatio()
        region = QRegion()
        for box in boxes_px:
            region += _logical(box, ratio)
        if not region.isEmpty():
            self.update(region)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._cells is None:
            return
        ratio = self.devicePixelRatio()
        painter = QPainter(self)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.scale(1 / ratio, 1 / ratio)  # chips are device pixels, whatever the scaling
        for part in event.region():
            box = _device(part, ratio, self._cells.size_wh)
            inked = np.ascontiguousarray(self._cells.ink(box))
            height, width = inked.shape[:2]
            image = QImage(inked.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
            painter.drawImage(box[0], box[1], image)
        painter.end()

    def _refit(self) -> None:
        self.setGeometry(self.screen().geometry())
        self._blind = False
        self.refitted.emit()

    def _go_blind(self) -> None:
        self._blind = True
        _LOG.warning(
            "what %s shows cannot be captured; the ink is the one for white, which shows on darker surfaces",
            self.screen().name(),
        )

    def _lines(self) -> NDArray[np.float32] | None:
        """Mean colours (rows, columns, 3) of a line of pixels through each row of cells."""
        size, ratio = self.screen().geometry().size(), self.screen().devicePixelRatio()
        step = CELL_PX / ratio
        tops = np.arange(step / 2, size.height(), step).astype(int)
        lines = [self._capture(QRect(0, int(top), size.width(), 1)) for top in tops]
        seen = [line[0] for line in lines if line is not None]
        if len(seen) < len(tops) or not seen:
            return None
        means = cv2.resize(np.stack(seen), (size.width() // CELL_PX + 1, len(seen)), interpolation=cv2.INTER_AREA)
        return np.asarray(means, np.float32)

    def _capture(self, part: QRect) -> mark.Picture | None:
        """What the display shows, (h, w, 3), with the ink that is on it; None where the system does not tell."""
        x, y, width, height = (part.x(), part.y(), part.width(), part.height()) if part.isValid() else (0, 0, -1, -1)
        image = self.screen().grabWindow(0, x, y, width, height).toImage()
        if image.isNull():
            return None
        image = image.convertToFormat(QImage.Format.Format_RGB32)
        shape = (image.height(), image.bytesPerLine() // 4, 4)
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(shape)[:, : image.width()]
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB), np.uint8)


def _translucent(form: QSurfaceFormat) -> QSurfaceFormat:
    form.setAlphaBufferSize(8)
    return form


def _fitting(means: Means, shape: tuple[int, ...]) -> Means:
    """With fractional scaling a capture may be a pixel off, and so have a cell more or less."""
    rows, columns = shape[:2]
    missing = ((0, max(0, rows - means.shape[0])), (0, max(0, columns - means.shape[1])), (0, 0))
    return np.pad(means, missing, mode="edge")[:rows, :columns]


def _logical(box_px: BoxPx, ratio: float) -> QRect:
    left, top = (int(np.floor(side / ratio)) for side in box_px[:2])
    right, bottom = (int(np.ceil(side / ratio)) for side in box_px[2:])
    return QRect(left, top, right - left, bottom - top)


def _device(part: QRect, ratio: float, size_wh: tuple[int, int]) -> BoxPx:
    left, top = (int(np.floor(side * ratio)) for side in (part.x(), part.y()))
    right, bottom = (int(np.ceil(side * ratio)) for side in (part.x() + part.width(), part.y() + part.height()))
    return left, top, min(right, size_wh[0]), min(bottom, size_wh[1])
