"""What Qt does not say or do about a desktop: whether it blends windows, and which of them lie on top."""

import ctypes
import ctypes.util
import sys
from collections.abc import Sequence

from unforge.errors import UsageError


class System:
    """A desktop that always blends, and does not tell what lies above a window."""

    def blends(self) -> bool:
        """Whether windows may be translucent now; where they may not, ink would be a black wall."""
        return True

    def covers(self, windows: Sequence[int]) -> bool:
        """Whether something may have come above our windows since this was asked last."""
        return True

    def harden(self, window: int) -> None:
        """Let a window take neither clicks nor focus, beyond what Qt sees to."""


class X11(System):
    """An X display; one connection beside Qt's own. Raises UsageError where there is none."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("X11")
        if name is None:
            raise UsageError("expected libX11, got none; install it with the system's packages (libx11-6)")
        self._x = _typed(ctypes.CDLL(name))
        self._display = self._x.XOpenDisplay(None)
        if not self._display:
            raise UsageError("expected an X display, got none that opens; set DISPLAY")
        selection = f"_NET_WM_CM_S{self._x.XDefaultScreen(self._display)}"  # of whoever composites (EWMH)
        self._compositing = self._x.XInternAtom(self._display, selection.encode(), 0)
        self._above: frozenset[int] = frozenset()

    def blends(self) -> bool:
        return bool(self._x.XGetSelectionOwner(self._display, self._compositing))

    def covers(self, windows: Sequence[int]) -> bool:
        stacked = self._stacked()
        lowest = min((stacked.index(window) for window in windows if window in stacked), default=len(stacked))
        above = frozenset(stacked[lowest:]) - frozenset(windows)
        newcomers, self._above = above - self._above, above
        return bool(newcomers)

    def _stacked(self) -> list[int]:
        """Windows of the root, the lowest first."""
        root = self._x.XDefaultRootWindow(self._display)
        ignored, children, count = ctypes.c_ulong(), ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
        found = (ctypes.byref(ignored), ctypes.byref(ignored), ctypes.byref(children), ctypes.byref(count))
        if not self._x.XQueryTree(self._display, root, *found) or not children:
            return []
        stacked = children[: count.value]
        self._x.XFree(children)
        return stacked


class Windows(System):
    """Windows 10 and later, whose own compositor always runs."""

    def harden(self, window: int) -> None:
        if sys.platform == "win32":
            layered, transparent, topmost, tool, no_activate = 0x80000, 0x20, 0x8, 0x80, 0x08000000
            extended = -20  # GWL_EXSTYLE
            user = ctypes.WinDLL("user32")
            user.GetWindowLongPtrW.restype = ctypes.c_ssize_t
            user.GetWindowLongPtrW.argtypes = [ctypes.c_void_p, ctypes.c_int]
            user.SetWindowLongPtrW.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_ssize_t]
            style = user.GetWindowLongPtrW(window, extended)
            wanted = style | layered | transparent | topmost | tool | no_activate
            user.SetWindowLongPtrW(window, extended, wanted)


def of(platform: str) -> System:
    """The desktop by the name of Qt's platform. Raises UsageError for Wayland, where no window may stay on top."""
    if platform.startswith("wayland"):
        raise UsageError("expected X11, Windows or macOS, got Wayland, where no program may lie above the others")
    return {"xcb": X11, "windows": Windows}.get(platform, System)()


def _typed(x: ctypes.CDLL) -> ctypes.CDLL:
    """Pointers and identifiers are wider than the int that ctypes takes them for."""
    wide, out = ctypes.c_ulong, ctypes.c_void_p
    x.XOpenDisplay.argtypes, x.XOpenDisplay.restype = [ctypes.c_char_p], ctypes.c_void_p
    x.XDefaultScreen.argtypes = [ctypes.c_void_p]
    x.XInternAtom.argtypes, x.XInternAtom.restype = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int], wide
    x.XGetSelectionOwner.argtypes, x.XGetSelectionOwner.restype = [ctypes.c_void_p, wide], wide
    x.XDefaultRootWindow.argtypes, x.XDefaultRootWindow.restype = [ctypes.c_void_p], wide
    x.XQueryTree.argtypes = [ctypes.c_void_p, wide, out, out, out, out]
    x.XFree.argtypes = [ctypes.c_void_p]
    return x
