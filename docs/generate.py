"""Makes what documents take from the code: ``python -m docs.generate`` the tables, with ``--picture`` the picture."""

# ruff: noqa: INP001 - run by name, and no part of the package

import argparse
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from reconcile.settings import SETTINGS
from reconcile.settings.declared import Setting
from reconcile_cli.main import cli
from reconcile_cli.sections import SECTIONS

ROOT = Path(__file__).parent.parent
COMMANDS_PAGE = ROOT / "docs" / "commands.md"
SETTINGS_PAGE = ROOT / "docs" / "settings.md"
PICTURE = ROOT / "docs" / "demo.svg"
_WIDTH = 88
_REMOTE_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)


def main() -> None:
    """Write the tables into their pages, and the picture of the demo if it is asked for."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--picture", action="store_true", help="play the demo (a minute) and keep its picture")
    wanted = parser.parse_args()
    for page in (COMMANDS_PAGE, SETTINGS_PAGE):
        page.write_text(with_tables(page))
    if wanted.picture:
        PICTURE.write_text(picture())


def with_tables(page: Path) -> str:
    """Return the text of *page* with its generated table as the code has it now."""
    document = page.read_text()
    name, table = ("settings", settings_table()) if page == SETTINGS_PAGE else ("commands", commands_table())
    between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    found = between.search(document)
    if found is None:
        raise ValueError(f"{page.name} has no place for the table of {name}")
    return f"{document[: found.start()]}{found[1]}{table}{found[2]}{document[found.end() :]}"


def settings_table() -> str:
    """Return every setting with its default, its values and its meaning."""
    return _table(
        ("variable", "default", "values", "meaning"),
        ((f"`{each.env}`", _default(each), _values(each), each.help) for each in SETTINGS),
    )


def commands_table() -> str:
    """Return every command with its arguments and its one sentence."""
    return _table(("command", "does"), ((f"`{usage}`", sentence) for usage, sentence in _commands()))


def _commands() -> Iterator[tuple[str, str]]:
    context = click.Context(cli)
    for name, sentence in (item for section in SECTIONS for item in section.summaries.items()):
        command = cli.get_command(context, name)
        inner = command.commands if isinstance(command, click.Group) else {}
        if not inner:
            yield f"reconcile {name}", sentence
        for verb, each in inner.items():
            needed = [_needed(parameter, context) for parameter in each.params]
            yield " ".join(filter(None, ["reconcile", name, verb, *needed])), each.get_short_help_str(limit=200)


def _needed(parameter: click.Parameter, context: click.Context) -> str:
    """Return an argument, or an option that must be given, as it is typed."""
    if isinstance(parameter, click.Argument):
        return parameter.make_metavar(context)
    return f"{parameter.opts[0]} {parameter.make_metavar(context)}" if parameter.required else ""


def _default(setting: Setting) -> str:
    return "" if setting.is_optional else f"`{setting.default}`"


def _values(setting: Setting) -> str:
    text = setting.kind.metavar.replace("|", ", ")
    return f"above {text[1:].replace('-', ', to ')}" if text.startswith(">") else text.replace("-", " to ")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def picture() -> str:
    """Play the demo and return what a terminal shows of it, as an SVG that needs nothing from elsewhere."""
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(_WIDTH)}
    played = subprocess.run(
        [sys.executable, "-m", "reconcile_cli.main", "demo"],
        env={**os.environ, **terminal},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    out = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    out.print(Text.from_ansi(played.stdout))
    form = _REMOTE_FONTS.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code", "ui-monospace, Menlo, Consolas")
    form = form.replace("<svg ", '<svg xml:space="preserve" ', 1)  # some viewers trim spaces that do not break, too
    return out.export_svg(title="make demo", theme=SVG_EXPORT_THEME, code_format=form, unique_id="demo")


if __name__ == "__main__":
    main()
