"""The colours of the page have the contrast that WCAG asks for, also inside charts, where no checker looks."""

import re
from pathlib import Path

import pytest

import reconcile

CSS = (Path(reconcile.__file__).parent / "page" / "templates" / "page.css").read_text()
WEAKEST, STRONGEST = 0.35, 1.0
"""How much of a cell's colour is laid over an empty one, from the smallest share to the whole."""


def palettes() -> dict[str, dict[str, str]]:
    light, dark, printed = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    return {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", text))
        for name, text in (("light", light), ("dark", dark), ("print", printed))
    }


PALETTES = palettes()


def mixed(over: str, under: str, strength: float) -> list[float]:
    pairs = zip(channels(over), channels(under), strict=True)
    return [strength * top + (1 - strength) * bottom for top, bottom in pairs]


def channels(color: str) -> list[float]:
    return [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]


def luminance(color: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: list[float], two: list[float]) -> float:
    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", PALETTES)
def test_text_can_be_read(name: str) -> None:
    colors = PALETTES[name]
    grounds = ("paper", "card", "empty", "good-back", "warn-back", "bad-back")
    pairs = [(text, ground) for text in ("ink", "quiet", "link") for ground in grounds]

    assert {
        f"{text} on {ground}"
        for text, ground in pairs
        if contrast(channels(colors[text]), channels(colors[ground])) < 4.5
    } == set()


@pytest.mark.parametrize("name", PALETTES)
def test_numbers_in_the_heat_map_can_be_read(name: str) -> None:
    colors = PALETTES[name]
    ink = channels(colors["ink"])

    assert {
        (age, strength)
        for age in range(5)
        for strength in (WEAKEST, STRONGEST)
        if contrast(ink, mixed(colors[f"age-{age}"], colors["empty"], strength)) < 4.5
    } == set()


@pytest.mark.parametrize("name", PALETTES)
def test_colors_have_enough_contrast(name: str) -> None:
    colors = PALETTES[name]

    assert {
        kind
        for kind in ("good", "warn", "bad", "bad-soft")
        if contrast(channels(colors[kind]), channels(colors["card"])) < 3
    } == set()


def test_paper_has_the_colours_of_light_and_needs_no_ink_around_them() -> None:
    assert PALETTES["print"] == PALETTES["light"] | {"paper": "#ffffff"}
