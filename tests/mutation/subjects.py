"""What is mutated: the layers, the modules of which every mutant counts, and the mutants that are left out."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

LEAST = 0.85
"""The share of a layer's mutants that the tests have to notice."""

LAYERS: Mapping[str, str] = {
    "domain": "reconcile/domain",
    "services": "reconcile/services",
    "store": "reconcile/store",
    "providers": "reconcile/providers",
}
"""The name of each layer and its folder."""

FROZEN = ("reconcile/store/schema/migrations",)
"""Never edited again: tests compare the schema that they make with ``store/schema/tables.py``."""

WHOLE: Mapping[str, str] = {
    "reconcile/domain/breaker/breaker.py": "decides whether a provider is called at all",
    "reconcile/domain/coordination/rate_limit.py": "limits the calls to an account",
    "reconcile/domain/retry_state.py": "limits how often a failing lead is tried",
    "reconcile/store/coordination/leases.py": "keeps two processes from writing the same workspace",
    "reconcile/store/coordination/rate_limits.py": "shares the limit of an account between processes",
    "reconcile/providers/http/origin.py": "keeps a credential from reaching another host",
}
"""Modules that guard the others, each with what it guards: ``WHOLE=1`` judges all of their mutants."""

_CONSTANT = r"(\d\b|[\"'][^\"']*[\"']|([A-Z]\w*\.)?_?[A-Z][A-Z_]+\b)"
"""A digit, a text, a member of an enumeration or another constant, by its spelling."""

# Left out, each with its reason: a pattern of the operator's name, and one of the line that it changes.
SILENT: tuple[tuple[str, str], ...] = (
    # `is` stands before None and members of enumerations alone, which are single: equality is the same question.
    (r"ReplaceComparisonOperator_(Is_Eq|IsNot_NotEq)", r".*"),
    # Other pairs fail by the types of their operands wherever they run: a sample of them would say little.
    (r"ReplaceBinaryOperator_(?!Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Mul|Mod_FloorDiv|BitAnd_BitOr)", r".*"),
    # How a value is made (frozen, slots, by keyword), which mypy checks, and not what it does.
    (r"ReplaceTrueWithFalse|RemoveDecorator|DropKeyword", r"@dataclass"),
    # How a mistake of ours would be found, and what a value shows of itself.
    (r"DropKeyword\(strict\)|ReplaceTrueWithFalse", r".*\bstrict=True"),
    # What follows the bare star of a signature, which no call that mypy passes can tell apart.
    (r"ReplaceBinaryOperator_Mul_", r"\s*(async )?def "),
    # Whether two equal constants are one object is decided by the interpreter: Ruff keeps `is` from them.
    (r"ReplaceComparisonOperator_(Eq_Is|NotEq_IsNot)$", rf".*[!=]= {_CONSTANT}|.*\b{_CONSTANT} [!=]="),
    # How often a value is computed: only the time that it takes depends on it.
    (r"RemoveDecorator|NumberReplacer|DropKeyword\(maxsize\)", r"\s*@(lru_)?cache\b"),
    # What a type checker reads and nothing runs, or what holds wherever a type checker cannot know it.
    (r".*", r"\s*if TYPE_CHECKING:|\s*assert .*# noqa: S101"),
    # A protocol's method and an overload have no body.
    (r"RemoveDecorator", r"\s*@(overload|abstractmethod|override|final|runtime_checkable)"),
)


def is_silent(operator: str, line: str) -> bool:
    """Tell whether a mutant of this *operator* on this *line* says nothing about the tests."""
    return any(re.search(name, operator) and re.match(place, line) for name, place in SILENT)


def is_always_silent(operator: str) -> bool:
    """Tell whether no mutant of this *operator* says anything."""
    return any(re.search(name, operator) and place == ".*" for name, place in SILENT)


def modules(layer: str) -> Sequence[Path]:
    """Return the modules of a layer, in the order of their names."""
    paths = sorted(Path(LAYERS[layer]).rglob("*.py"))
    return [path for path in paths if not path.as_posix().startswith(FROZEN)]


def layer_of(module: Path) -> str:
    """Return the layer that holds *module*."""
    return next(name for name, folder in LAYERS.items() if module.is_relative_to(folder))
