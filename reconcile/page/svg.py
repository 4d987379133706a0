"""Renders Vega-Lite charts to SVG in this process, without a browser or a network."""

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
    """Return the SVG of *spec*; its colours are CSS variables of the page, so that it follows light and dark mode."""
    whole = {"config": _CONFIG, "padding": 2, "autosize": {"type": "fit", "contains": "padding"}, **spec}
    # Vega has escaped every text; no text can be a style or a script.
    return Markup(library().vegalite_to_svg(whole, vl_version=VEGA_LITE))  # noqa: S704


def warm_up() -> None:
    """Draw once, because the first drawing takes ten times as long; raise a RequestError if drawing is impossible."""
    render_svg({"data": {"values": []}, "mark": "point", "width": 1, "height": 1})


def library() -> ModuleType:
    """Return the drawing library, or raise a RequestError that says how to install it."""
    try:
        return importlib.import_module("vl_convert")
    except ImportError as error:
        raise RequestError(
            "charts need vl-convert-python, which is not installed; "
            "the image has it, elsewhere: pip install 'appointment-reconciler[page]'"
        ) from error
