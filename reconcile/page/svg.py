"""Vega-Lite's charts as SVG: drawn here and now, without a browser, a network or a script."""

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from markupsafe import Markup

from reconcile.errors import RequestError

VEGA_LITE = "5.21"
_CONFIG: Mapping[str, Any] = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--quiet)",
        "titleColor": "var(--quiet)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "aria": False,
    },
    "text": {"fontSize": 11},
}


def render_svg(spec: Mapping[str, Any]) -> Markup:
    """Return the SVG of *spec*; its colours are variables of the page, so that it follows light and dark."""
    whole = {"config": _CONFIG, "padding": 2, "autosize": {"type": "fit", "contains": "padding"}, **spec}
    # Vega has escaped every text; nothing of it is a style or a script.
    return Markup(library().vegalite_to_svg(whole, vl_version=VEGA_LITE))  # noqa: S704


def warm_up() -> None:
    """Draw for the first time, which takes as long as ten times later; raise a RequestError if nothing can be drawn."""
    render_svg({"data": {"values": []}, "mark": "point", "width": 1, "height": 1})


def library() -> ModuleType:
    """Return the library that draws, or raise a RequestError that says how to install it."""
    try:
        return importlib.import_module("vl_convert")
    except ImportError as error:
        raise RequestError(
            "charts are drawn by vl-convert-python, which is not installed; "
            "the image has it, elsewhere: pip install 'appointment-reconciler[page]'"
        ) from error
