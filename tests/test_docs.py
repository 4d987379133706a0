"""What the documents say is what the code does: commands, flags, settings, exit codes, tables, links and words."""

import ast
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import click
import pytest

from docs import generate
from reconcile.errors import ErrorClass
from reconcile.settings import SETTINGS
from reconcile.store.schema.tables import metadata
from reconcile_cli.main import ExitCode, cli
from tests.use_cases import LEAD_FAULTS, PROVIDER_FAULTS, WORKSPACE_FAULTS

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
CODE = sorted([*ROOT.glob("reconcile/**/*.py"), *ROOT.glob("cmd/**/*.py")])
VARIABLES = {setting.env for setting in SETTINGS}
FOR_TESTS = "RECONCILE_TEST_"
NOT_A_NAME = re.compile(r"Manager|Helper|Util|Processor|Info$")
NOT_AN_ACT = re.compile(r"_*(?:handle|process|do)_")
EXAMPLES = {"DURATION": "10m", "NAME": "name"}
"""Values for placeholders that their options would refuse."""
KUBECTLS = {"--overwrite"}
HELMS = {"--force", "--force-conflicts", "--force-replace", "--reuse-values", "--take-ownership"}
"""Flags of Helm that a document warns of or asks for."""
IMPOSED = {"handle_async_request", "process_bind_param", "process_result_value"}
"""Names that httpx and SQLAlchemy ask for."""

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


@cache
def shown(document: Path) -> tuple[str, ...]:
    """Return every line of code and every word in backticks."""
    text = document.read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
    return (*(line for block in blocks for line in block.splitlines()), *spans)


def calls(document: Path, program: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of *program*."""
    for line in shown(document):
        for part in re.split(r"&&|\|(?!\|)|;", line):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:  # a line that goes on in the next one, or a quotation that the split has cut
                continue
            while words and re.fullmatch(r"[A-Z_]+=.*|\$", words[0]):
                words = words[1:]
            if words and words[0].rpartition("/")[2] == program:
                yield words[1:]


def table(document: Path, *head: str) -> Mapping[str, str]:
    """Return the first table that begins with these two heads: first cell, free of backticks, to second."""
    start = rf"^\| {re.escape(head[0])} \| {re.escape(head[1])}.*\n\|[- |]+\n"
    found = re.search(rf"{start}((?:\|.*\n)+)", document.read_text(), re.MULTILINE)
    assert found, f"no table of {head} in {document.name}"
    rows = [line.strip("| ").split(" | ") for line in found[1].splitlines()]
    return {row[0].strip("`"): row[1] for row in rows}


@each_document
def test_every_command_that_is_shown_can_be_typed(document: Path) -> None:
    for words in calls(document, "reconcile"):
        arguments = [EXAMPLES.get(word, word) for word in (each.strip("[].…") for each in words) if word]
        command: click.Command = cli
        context = click.Context(cli, info_name="reconcile")
        while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
            name, *arguments = arguments
            inner = command.get_command(context, name)
            assert inner is not None, f"{' '.join(words)}: there is no {name}"
            command = inner
        is_mentioned = not arguments
        try:
            command.make_context(command.name, arguments, resilient_parsing=is_mentioned)
        except click.UsageError as error:
            pytest.fail(f"reconcile {' '.join(words)}: {error.message}")


@each_document
def test_every_flag_and_variable_that_is_named_exists(document: Path) -> None:
    others = {"--numprocesses", "--randomly-seed", "--picture", "--help", "--version", *KUBECTLS, *HELMS}
    spans = [span for span in shown(document) if not span.startswith("pytest")]
    benchmarks = set(
        re.findall(r'"(--[a-z-]+)"', "".join(file.read_text() for file in ROOT.glob("benchmarks/**/*.py")))
    )

    flags = {flag for span in spans for flag in re.findall(r"^(--[a-z][a-z-]*)", span)}
    variables = set(re.findall(r"\bRECONCILE_[A-Z_]*[A-Z]\b(?!_?…)", document.read_text()))
    variables = {name.removesuffix("_FILE") for name in variables if not name.startswith(FOR_TESTS)}

    assert flags - flags_of(cli) - others - benchmarks == set()
    assert variables - VARIABLES == set()


def flags_of(command: click.Command) -> set[str]:
    found = {flag for option in command.params for flag in option.opts}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            found |= flags_of(inner) if inner else set()
    return found


@each_document
def test_every_target_and_module_that_is_shown_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+)(?:%)?:", (ROOT / "Makefile").read_text(), re.MULTILINE))

    made = {words[0] for words in calls(document, "make") if words}
    modules = {words[1] for words in calls(document, "python") if words[:1] == ["-m"]}

    assert {name for name in made if name not in targets and not name.startswith("bench-")} == set()
    assert [name for name in modules if not name.endswith("NAME") and not module(name).is_file()] == []


def module(name: str) -> Path:
    folder = ROOT / name.replace(".", "/")
    return folder / "__main__.py" if folder.is_dir() else folder.with_suffix(".py")


@each_document
def test_every_link_leads_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```|`[^`]*`", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)

    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert "://" not in link or link.startswith("https://"), link
        if "://" not in link:
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def anchors(document: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@each_document
def test_every_file_that_is_named_exists(document: Path) -> None:
    """A path in backticks is one from the root, or from ``reconcile/`` where it begins with a layer."""
    layers = [path.name for path in (ROOT / "reconcile").iterdir() if path.is_dir()]
    roots = "|".join([*layers, "reconcile", "cmd", "deploy", "tests", "docs", "benchmarks"])
    named = {span for span in shown(document) if re.fullmatch(rf"(?:{roots})/[\w./-]*", span)}

    assert [name for name in named if not any((place / name).exists() for place in (ROOT, ROOT / "reconcile"))] == []


def test_the_generated_tables_are_those_of_the_code() -> None:
    """Settings and commands; written anew by ``python -m docs.generate``."""
    pages = (generate.COMMANDS_PAGE, generate.SETTINGS_PAGE)

    assert [page.name for page in pages if generate.with_tables(page) != page.read_text()] == []
    assert all(f"| `{name}` |" in generate.SETTINGS_PAGE.read_text() for name in VARIABLES)


def test_every_exit_code_is_documented() -> None:
    told = table(generate.COMMANDS_PAGE, "code", "meaning")

    assert {int(code) for code in told} == set(ExitCode)


def test_every_table_of_ours_is_documented() -> None:
    told = table(ROOT / "docs" / "architecture.md", "table", "holds")

    assert set(told) == set(metadata.tables)


def test_attribution_is_documented_as_implemented() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    blame = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (\w+)", text, re.MULTILINE))
    told: Mapping[str, frozenset[ErrorClass]] = {
        "provider": PROVIDER_FAULTS - {ErrorClass.RATE_LIMITED},
        "workspace": WORKSPACE_FAULTS | {ErrorClass.INTERNAL},
        "nobody": LEAD_FAULTS | {ErrorClass.RATE_LIMITED},
    }

    assert {name for name in blame if name in set(ErrorClass)} == set(ErrorClass)
    assert {name: blame[name] for name in ErrorClass} == {name: who for who, names in told.items() for name in names}


def test_figures_are_said_to_be_printed() -> None:
    """Benchmarks differ from machine to machine: a document quotes what one printed, and says so."""
    readme, performance = (
        " ".join(page.read_text().split()) for page in (ROOT / "README.md", ROOT / "docs" / "performance.md")
    )

    assert "as printed by `python -m benchmarks.incident`" in readme
    assert "`python -m benchmarks.runs` prints" in performance


def test_the_picture_needs_nothing_from_elsewhere() -> None:
    text = generate.PICTURE.read_text()

    assert "With" in text
    assert not re.search(r"(?:href|src|url)\s*[=(:]\s*[\"']?(?:https?:)?//", text)


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_date_context_decision_and_consequences(decision: Path) -> None:
    text = decision.read_text()

    assert text.startswith(f"# {decision.name[:4]} ")
    assert re.search(r"^(?:Date: )?\d{4}-\d\d-\d\d\b", text, re.MULTILINE)
    for head in ("Context", "Decision", "Consequences"):
        assert f"\n## {head}\n" in text


def names(tree: ast.AST, kinds: tuple[type[ast.AST], ...]) -> Iterator[str]:
    return (node.name for node in ast.walk(tree) if isinstance(node, kinds) and hasattr(node, "name"))


@pytest.mark.parametrize(
    ("kinds", "is_empty"),
    [
        ((ast.ClassDef,), NOT_A_NAME.search),
        ((ast.FunctionDef, ast.AsyncFunctionDef), NOT_AN_ACT.match),
    ],
    ids=["classes", "functions"],
)
def test_no_name_is_an_empty_word(kinds: tuple[type[ast.AST], ...], is_empty: Callable[[str], object]) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in CODE
        for name in names(ast.parse(file.read_text()), kinds)
        if is_empty(name) and name not in IMPOSED
    ]

    assert found == []
