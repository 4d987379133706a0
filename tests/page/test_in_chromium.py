"""The page as people meet it: in a real browser, light and dark, on a phone, by keyboard, on paper."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from axe_playwright_python.async_playwright import Axe

from reconcile.domain.views.page import PageFacts
from reconcile.page.render import page as rendered
from tests.page import hostile
from tests.page.conftest import DESK, PHONE, Looker, Told, View, program
from tests.page.worlds import STORIES
from tests.samples import WHOLE

PathOf = Callable[[str], Path]
SHEET = 703
"""The width in CSS pixels that is left of A4."""
PAPER = {"format": "A4", "margin": dict.fromkeys(("top", "bottom", "left", "right"), "12mm")}
EVERYTHING = "for (const each of document.querySelectorAll('details')) each.open = true"

each_story = pytest.mark.parametrize(
    "name", [each if each in {"incident", "empty"} else pytest.param(each, marks=WHOLE) for each in STORIES]
)


async def violations(view: View) -> Sequence[str]:
    found = await Axe().run(view.page)
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


@each_story
async def test_the_page_has_no_accessibility_violations(name: str, file_of: PathOf, looker: Looker) -> None:
    """Axe's rules (WCAG 2 A and AA, and its best practices) find nothing, also in what has to be opened first."""
    found: list[str] = []
    for width in (PHONE, DESK):
        for scheme in ("light", "dark"):
            view = await looker.open(file_of(name).as_uri(), width=width, scheme=scheme)
            await view.page.evaluate(EVERYTHING)
            found += await violations(view)

    assert found == []


async def test_those_rules_are_looked_at(file_of: PathOf, looker: Looker) -> None:
    view = await looker.open(file_of("empty").as_uri())
    await view.page.evaluate("document.querySelector('h1').style.color = '#ccc'; document.title = ''")

    assert {each.partition(":")[0] for each in await violations(view)} == {"color-contrast", "document-title"}


@each_story
async def test_nothing_is_loaded_and_nothing_complains(name: str, file_of: PathOf, looker: Looker) -> None:
    view = await looker.open(file_of(name).as_uri())

    assert view.requests == [file_of(name).as_uri()]
    assert view.complaints == []


@each_story
async def test_a_phone_shows_the_whole_page(name: str, file_of: PathOf, looker: Looker) -> None:
    view = await looker.open(file_of(name).as_uri(), width=PHONE)
    await view.page.evaluate(EVERYTHING)

    assert await view.page.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert await view.page.locator(".wide:visible").count() == 0
    assert await view.page.locator(".narrow:visible").count() == await view.page.locator("figure").count()


async def test_one_drawing_serves_light_and_dark(file_of: PathOf, looker: Looker) -> None:
    colors = []
    for scheme in ("light", "dark"):
        view = await looker.open(file_of("incident").as_uri(), scheme=scheme)
        bar = view.page.locator(".wide svg path[fill='var(--bad)']").first
        colors.append(await bar.evaluate("each => getComputedStyle(each).fill"))

    assert colors == ["rgb(179, 38, 30)", "rgb(242, 119, 109)"]


async def test_every_control_is_reachable_by_keyboard_with_visible_focus(file_of: PathOf, looker: Looker) -> None:
    page = (await looker.open(file_of("parked-workspace").as_uri())).page
    await page.keyboard.press("Tab")
    first = await page.evaluate("document.activeElement.textContent")
    await page.keyboard.press("Enter")
    landed = await page.evaluate("document.activeElement.id")
    reached, outlines = [], set()
    for _ in range(10):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("document.activeElement.textContent.trim().slice(0, 40)"))
        outlines.add(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
        if reached[-1] == "Freshness as a table":
            await page.keyboard.press("Enter")
            break
    await page.keyboard.press("Tab")

    assert (first, landed) == ("Skip to the charts", "main")
    assert reached == ["Checks and errors as a table", "Breaker times as a table", "Freshness as a table"]
    assert outlines == {"solid"}
    assert await page.evaluate("document.activeElement.getAttribute('role')") == "region"
    assert await page.locator("details[open] td").count() > 0


async def test_every_chart_has_its_numbers_in_a_table(file_of: PathOf, looker: Looker) -> None:
    page = (await looker.open(file_of("parked-workspace").as_uri())).page
    for section in await page.locator("section:has(figure)").all():
        assert await section.locator("details table tbody tr").count() > 0

    names = [await each.get_attribute("aria-label") for each in await page.locator("[role=img]:visible").all()]
    assert len(names) == len(set(names)) == await page.locator("figure").count()


@each_story
async def test_paper_cuts_no_chart(name: str, file_of: PathOf, story: Told, looker: Looker, tmp_path: Path) -> None:
    view = await looker.open(file_of(name).as_uri(), width=SHEET, scheme="dark")
    await view.page.pdf(path=tmp_path / "page.pdf", **PAPER)  # type: ignore[arg-type]
    pages = words_of(tmp_path / "page.pdf")
    rows = [each.workspace_id for each in story(name).ages.worst]

    assert all(left >= 0 and right <= width for width, words in pages for _, left, right in words)
    assert not rows or any({word for word, *_ in words} >= {*rows, "never"} for _, words in pages)
    await view.page.emulate_media(media="print")
    for figure in await view.page.locator("figure").all():
        assert await figure.evaluate("each => getComputedStyle(each).breakInside") == "avoid"
        assert await figure.evaluate("each => each.getBoundingClientRect().height") < 900
    paper = await view.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"


def words_of(pdf: Path) -> list[tuple[float, list[tuple[str, float, float]]]]:
    """Return each sheet's width with its words and where they begin and end."""
    reader = program("pdftotext", "poppler-utils")
    text = subprocess.run([reader, "-bbox", str(pdf), "-"], capture_output=True, check=True).stdout
    space = "{http://www.w3.org/1999/xhtml}"
    return [
        (
            float(sheet.attrib["width"]),
            [(word.text or "", float(word.attrib["xMin"]), float(word.attrib["xMax"])) for word in sheet],
        )
        for sheet in ET.fromstring(text).iter(f"{space}page")  # noqa: S314 - made here and now
    ]


async def test_hostile_database_values_are_shown_and_never_executed(
    story: Told, looker: Looker, tmp_path: Path
) -> None:
    facts = hostile.facts(story("parked-workspace"))
    file = tmp_path / "hostile.html"
    file.write_text(rendered(facts))
    view = await looker.open(file.as_uri())
    page = view.page

    assert (view.requests, view.complaints) == ([file.as_uri()], [])
    assert await page.locator("script, img, iframe, object, [onerror], [onload], svg a, svg image").count() == 0
    shown = await page.locator("body").inner_text()
    for text in hostile.TEXTS:
        assert text in shown
    assert "\u202e" not in await page.content()
    assert "\\u202e" in shown
    for width in (DESK, PHONE):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(await page.content()) < 1_000_000


async def test_the_content_policy_blocks_injected_scripts(story: Told, looker: Looker, tmp_path: Path) -> None:
    """The second fence: a script and a style that are in the file all the same do nothing."""
    text = rendered(story("empty")).replace("</main>", "<script>document.title = 'owned'</script></main>")
    file = tmp_path / "owned.html"
    file.write_text(text.replace("</head>", "<style>body { display: none }</style></head>"))
    view = await looker.open(file.as_uri())

    assert "owned" not in await view.page.title()
    assert await view.page.locator("h1").is_visible()
    assert len(view.complaints) == 2


def test_the_size_of_a_page_is_bounded(story: Told) -> None:
    sizes = {name: len(rendered(story(name))) for name in STORIES}
    worst: PageFacts = hostile.facts(story("thousand-workspaces"))
    worst = replace(worst, headline="x" * 1_000_000, notes=("y" * 1_000_000,))

    assert max(sizes.values()) < 400_000
    assert len(rendered(worst)) < 600_000
