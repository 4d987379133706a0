"""Judge a mutant by the tests that execute its line; it is never written to disk."""

import ast
import importlib
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from tests.mutation import process, swapping
from tests.mutation.execution import PROGRAM, Case, Execution, by_module
from tests.mutation.operators import Function, Mutant

MOST_FILES, MOST_TESTS, MOST_CPU_SECONDS = 10, 300, 12.0
"""How much may judge a mutant."""
AT_ONCE = 3
"""So many sets of parameters of a test are taken before the next test's."""
NO_TEST_RAN = "5"
NOT_EXECUTED = "not executed"


@dataclass(frozen=True, slots=True)
class Judges:
    """Knows the tests that execute a line of the program."""

    executions: Mapping[Path, Execution]
    _files: Mapping[str, Sequence[Path]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_files", by_module(self.executions))

    def of(self, mutant: Mutant) -> Sequence[Case]:
        """Return the tests that judge *mutant*, the quickest first; none where no test executes it."""
        found: dict[Path, set[int]] = defaultdict(set)
        for module, rows in _places(mutant):
            for path in self._files.get(module, ()):
                found[path] |= self.executions[path].executing(module, rows)
        if not any(found.values()) and not _is_in_function(mutant):
            found.update(
                {path: set(self.executions[path].all_cases) for path in self._files.get(str(mutant.module), ())}
            )
        weights = {
            self.executions[path].cases[index]: self.executions[path].focus(index, str(mutant.module))
            for path, indexes in found.items()
            for index in indexes
        }
        if not _is_in_function(mutant):
            importers = [path for path in self.executions if _dotted(mutant.module) in _imported(path)]
            for case in (case for path in importers for case in self.executions[path].cases):
                # The fewer files import a module, the more of what each tests is in it.
                weights[case] = max(weights.get(case, 0.0), 1 / len(importers))
        return sorted(_closest(weights), key=lambda case: (case.seconds, case.name))


def _closest(weights: Mapping[Case, float]) -> Sequence[Case]:
    """Return the weightiest tests that there is time for: a few sets of parameters of each, then the next few."""
    rank, seen = dict[Case, int](), Counter[str]()
    for case in sorted(weights, key=lambda case: ("postgres" in case.name, case.seconds, case.name)):
        rank[case] = seen[case.function] // AT_ONCE
        seen[case.function] += 1
    chosen, files, seconds = list[Case](), set[str](), 0.0
    for case in sorted(weights, key=lambda case: (rank[case], -weights[case], case.seconds, case.name)):
        is_one_more = len(files | {case.file}) <= MOST_FILES and len(chosen) < MOST_TESTS
        if is_one_more and (seconds + case.seconds <= MOST_CPU_SECONDS or not chosen):
            chosen.append(case)
            files.add(case.file)
            seconds += case.seconds
    return chosen


def _places(mutant: Mutant) -> Sequence[tuple[str, Sequence[int]]]:
    """Return the lines, by module, whose tests say something about this mutant.

    In a function, they are its statement's. What runs when the module is imported has no test of its own: then they are
    the lines that use the name that it defines. The tests that import the module are its judges too.
    """
    path = _path_to(mutant)
    own = (str(mutant.module), _span(path[-1], mutant.row))
    if _is_in_function(mutant):
        return [own]
    names = {name for node in path for name in _names(node)}
    inner = [
        (str(mutant.module), range(node.lineno, (node.end_lineno or 0) + 1))
        for node in path
        if isinstance(node, Function)
    ]
    return [own, *inner, *(place for name in sorted(names) for place in _uses(name))]


def _dotted(module: Path) -> str:
    return ".".join(module.with_suffix("").parts).removesuffix(".__init__")


@cache
def _imported(test_file: Path) -> frozenset[str]:
    """Return the modules from which *test_file* imports a name."""
    nodes = ast.walk(ast.parse(test_file.read_text()))
    return frozenset(node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module)


@cache
def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def is_swappable(mutant: Mutant) -> bool:
    """Tell whether the mutant changes the code of functions and nothing that runs when its module is imported."""
    return _is_in_function(mutant)


def _path_to(mutant: Mutant) -> Sequence[ast.stmt]:
    """Return the statements that hold the mutant's line, from the outermost to the innermost."""
    path = list[ast.stmt]()
    body: list[ast.stmt] = _tree(mutant.module).body
    while True:
        holder = next((each for each in body if _first(each) <= mutant.row <= (each.end_lineno or 0)), None)
        if holder is None:
            return path
        path.append(holder)
        body = [each for each in ast.iter_child_nodes(holder) if isinstance(each, ast.stmt)]
        for part in ast.iter_child_nodes(holder):
            if isinstance(part, ast.ExceptHandler | ast.match_case):
                body.extend(part.body)


def _first(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _span(node: ast.stmt, row: int) -> Sequence[int]:
    """Return the lines of a statement, without those of the statements in it."""
    inner = [_first(each) for each in ast.walk(node) if isinstance(each, ast.stmt) and each is not node]
    last = min([node.end_lineno or row, *(line - 1 for line in inner if line > row)])
    return range(_first(node), max(last, row) + 1)


def _is_in_function(mutant: Mutant) -> bool:
    """Tell whether the mutant's line runs when a function is called, rather than when its module is imported."""
    path = _path_to(mutant)
    return any(isinstance(node, Function) and mutant.row >= node.body[0].lineno for node in path)


def _names(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


@cache
def _uses(name: str) -> Sequence[tuple[str, Sequence[int]]]:
    """Return the lines of the program that hold this name, by module."""
    found: dict[str, list[int]] = defaultdict(list)
    for path, rows in _words().get(name, ()):
        found[path].extend(rows)
    return list(found.items())


@cache
def _words() -> Mapping[str, Sequence[tuple[str, Sequence[int]]]]:
    found: dict[str, list[tuple[str, Sequence[int]]]] = defaultdict(list)
    for path in sorted(PROGRAM.rglob("*.py")):
        rows: dict[str, list[int]] = defaultdict(list)
        for row, line in enumerate(path.read_text().splitlines(), 1):
            for word in set(re.findall(r"[A-Za-z_]\w*", line)):
                rows[word].append(row)
        for word, its in rows.items():
            found[word].append((str(path), its))
    return found


class _Finder(MetaPathFinder):
    """Gives the mutant where the module is asked for."""

    def __init__(self, path: Path, source: str) -> None:
        self._path, self._source = path, source
        self._name = _dotted(path)

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return spec_from_file_location(fullname, self._path, loader=_Loader(fullname, str(self._path), self._source))


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec")


class _Selection:
    """A plugin of pytest that runs these tests, in this order, and no others."""

    def __init__(self, names: Sequence[str]) -> None:
        self._rank = {name: rank for rank, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted(
            (each for each in items if each.nodeid in self._rank), key=lambda each: self._rank[each.nodeid]
        )


def unchanged(mutant: Mutant) -> Mutant:
    """Return the same module as it stands, which the tests of *mutant* have to pass."""
    return replace(mutant, write=mutant.module.read_text, is_changed=False)


def import_all(cases: Iterable[Case]) -> None:
    """Import the files of these tests, and with them the program, before the processes that share them are forked."""
    for name in sorted({_dotted(Path(case.file)) for case in cases}):
        with suppress(Exception):  # Whatever it is, pytest says it again.
            importlib.import_module(name)


def judge(mutant: Mutant, cases: Sequence[Case]) -> int:
    """Run *cases* with the mutant in this process and return pytest's exit code."""
    name, source = _dotted(mutant.module), mutant.write()
    if mutant.is_changed and not (name in sys.modules and swapping.is_swapped(sys.modules[name], source)):
        for each in [
            each for each in sys.modules if each.partition(".")[0] == PROGRAM.name or each.startswith("tests.")
        ]:
            del sys.modules[each]
        sys.meta_path.insert(0, _Finder(mutant.module, source))
    files = dict.fromkeys(case.name.partition("::")[0] for case in cases)
    return process.run_pytest(["-x", *files], plugins=[_Selection([case.name for case in cases])])


def cpu_seconds(cases: Sequence[Case]) -> float:
    """Return after how many CPU seconds a mutant is said never to end."""
    return 20 + 3 * sum(case.seconds for case in cases)
