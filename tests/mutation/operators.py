"""The mutants of a module: faults such as a refactoring makes, and the operators of the library cosmic-ray.

A refactoring drops a condition, a guard, a statement or a field, or swaps arguments. These are changes of the syntax
tree; what a type checker would notice at once, such as a missing argument without default, is left out.
"""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.mutation.subjects import is_always_silent, is_silent

Function = ast.FunctionDef | ast.AsyncFunctionDef
Optional = Mapping[str, frozenset[str]]
COMMUTATIVE = frozenset({"min", "max", "and_", "or_", "greatest", "least", "where"})
"""Functions to which the order of their arguments means nothing."""
ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a module: *place* names it, *row* is its line, *write* gives the module's source with it."""

    module: Path
    row: int
    place: str
    write: Callable[[], str]
    is_changed: bool = True


@dataclass(frozen=True, slots=True)
class Edit:
    """Another *value* for a field of a *node*; *at* is the part of the tree where the change is seen."""

    name: str
    node: ast.AST
    field: str
    value: object
    at: ast.expr | ast.stmt

    def write(self, tree: ast.Module) -> str:
        """Return the source of *tree*, of which *node* is a part, with the change."""
        before = getattr(self.node, self.field)
        setattr(self.node, self.field, self.value)
        try:
            return ast.unparse(ast.fix_missing_locations(tree))
        finally:
            setattr(self.node, self.field, before)


def edits(tree: ast.Module, optional: Optional) -> Iterator[Edit]:
    """Yield the faults of a refactoring; *optional* names the parameters that a call may leave out, by callee."""
    for node in ast.walk(tree):
        match node:
            case ast.BoolOp(values=values):
                yield from _of_each("DropCondition", node, "values", values)
            case ast.comprehension(ifs=conditions):
                yield from _of_each("DropFilter", node, "ifs", conditions)
            case ast.IfExp():
                yield Edit("TakeBranch(True)", node, "test", ast.Constant(value=True), node)
                yield Edit("TakeBranch(False)", node, "test", ast.Constant(value=False), node)
            case ast.Call():
                yield from _of_call(node, optional)
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list):
                yield from _of_body(node, field, body)


def _of_each(name: str, node: ast.AST, field: str, items: list[ast.expr]) -> Iterator[Edit]:
    return (Edit(name, node, field, _without(items, index), item) for index, item in enumerate(items))


def _without(items: list[Any], index: int) -> list[Any]:
    return items[:index] + items[index + 1 :]


def _swapped(items: list[Any], index: int) -> list[Any]:
    return [*items[:index], items[index + 1], items[index], *items[index + 2 :]]


def _of_call(node: ast.Call, optional: Optional) -> Iterator[Edit]:
    callee = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    given = [each for each in node.keywords if each.arg is not None]
    for index, keyword in enumerate(node.keywords):
        if keyword.arg is not None and (callee not in optional or keyword.arg in optional[callee]):
            yield Edit(f"DropKeyword({keyword.arg})", node, "keywords", _without(node.keywords, index), keyword.value)
    for index, (one, other) in enumerate(pairwise(node.args) if callee not in COMMUTATIVE else ()):
        if not isinstance(one, ast.Starred) and not isinstance(other, ast.Starred) and not _are_alike(one, other):
            yield Edit("SwapArguments", node, "args", _swapped(node.args, index), one)
    for left, right in pairwise(given):
        if ast.dump(left.value) != ast.dump(right.value):
            swap = {id(left): right.value, id(right): left.value}
            keywords = [ast.keyword(each.arg, swap.get(id(each), each.value)) for each in node.keywords]
            yield Edit(f"SwapKeywords({left.arg}, {right.arg})", node, "keywords", keywords, left.value)


def _are_alike(one: ast.expr, other: ast.expr) -> bool:
    """Tell whether a call does the same with these two arguments swapped: equal ones, and the columns of a table.

    Migrations create the tables, and rows are read by the names of their columns.
    """
    return ast.dump(one) == ast.dump(other) or all(
        isinstance(each, ast.Call) and getattr(each.func, "id", "") == "Column" for each in (one, other)
    )


def _of_body(node: ast.AST, field: str, body: list[ast.stmt]) -> Iterator[Edit]:
    is_constructor = isinstance(node, Function) and node.name == "__init__"
    for index, statement in enumerate(body):
        name = ""
        match statement:
            case ast.If(body=[*_, last], orelse=[]) if isinstance(last, ENDS):
                name = "DropGuard"
            case ast.Delete(targets=targets) if all(isinstance(each, ast.Name) for each in targets):
                pass  # Says of a parameter that it is not used.
            case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Delete():
                name = "DropStatement"
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) if not is_constructor:
                name = "DropStatement"
        if name:
            yield Edit(name, node, field, [*body[:index], ast.Pass(), *body[index + 1 :]], statement)


@cache
def optional_parameters(folder: Path) -> Optional:
    """Return the parameters and fields with a default, by the name of each function and class under *folder*."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, Function):
                spec = node.args
                defaults = [each.arg for each in (spec.posonlyargs + spec.args)[::-1][: len(spec.defaults)]]
                named = zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
                found[node.name].update(defaults, (each.arg for each, default in named if default is not None))
            elif isinstance(node, ast.ClassDef):
                fields = (each for each in node.body if isinstance(each, ast.AnnAssign) and each.value)
                found[node.name].update(each.target.id for each in fields if isinstance(each.target, ast.Name))
                found[node.name].update(*(found[base.id] for base in node.bases if isinstance(base, ast.Name)))
    return {name: frozenset(parameters) for name, parameters in found.items()}


def moves(module: Path) -> list[Mutant]:
    """Return the faults of a refactoring in this module."""
    source = module.read_text()
    lines, tree = source.splitlines(), ast.parse(source)
    found = []
    for edit in edits(tree, optional_parameters(Path(module.parts[0]))):
        row, column = edit.at.lineno, edit.at.col_offset
        line = lines[row - 1].strip()
        if not is_silent(edit.name, lines[row - 1]):
            place = f"{module}:{row}:{column} {edit.name}: {line}"
            found.append(Mutant(module, row, place, partial(edit.write, tree)))
    return found


def tokens(module: Path) -> list[Mutant]:
    """Return the mutants of this module that cosmic-ray makes."""
    from cosmic_ray.ast import ast_nodes, get_ast  # noqa: PLC0415 - there once its folder is on the path
    from cosmic_ray.mutating import mutate_code  # noqa: PLC0415
    from cosmic_ray.plugins import get_operator, operator_names  # noqa: PLC0415

    source = module.read_text()
    lines = source.splitlines()
    nodes = list(ast_nodes(get_ast(source)))
    found = []
    for name in sorted(operator_names()):
        kind = get_operator(name)
        if kind.arguments() or is_always_silent(name):
            continue
        operator = kind()
        positions = [each for node in nodes for each in operator.mutation_positions(node)]
        for occurrence, ((row, column), _) in enumerate(positions):
            if not is_silent(name, lines[row - 1]):
                place = f"{module}:{row}:{column} {name.removeprefix('core/')}: {lines[row - 1].strip()}"
                found.append(Mutant(module, row, place, partial(mutate_code, source, operator, occurrence)))
    return found
