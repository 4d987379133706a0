"""What is mutated, by which tests it is judged, and which mutants say nothing."""

import re
from collections.abc import Mapping

LEAST = 0.85
"""The share of a module's mutants that its tests have to notice."""

SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "reconcile/domain/breaker/breaker.py": ("tests/domain/test_breaker_moves.py", "tests/domain/test_breaker.py"),
    "reconcile/domain/rate_limit.py": ("tests/domain/test_budget.py",),
    "reconcile/domain/retry_state.py": ("tests/domain/test_backoff.py",),
    "reconcile/store/coordination/leases.py": ("tests/contracts/test_leases.py", "tests/store/test_fence.py"),
    "reconcile/store/coordination/rate_limits.py": (
        "tests/contracts/test_budgets.py",
        "tests/store/test_learned_limit.py",
    ),
    "reconcile/providers/http/origin.py": ("tests/providers/http/test_origin.py",),
}

# Left out, each with its reason: a pattern of the operator's name, and one of the line that it changes.
SILENT: tuple[tuple[str, str], ...] = (
    # `is` stands before None and members of enumerations alone, which are single: equality is the same question.
    (r"ReplaceComparisonOperator_(Is_Eq|IsNot_NotEq)", r".*"),
    # A union in an annotation: such a mutant dies when it is imported, whatever the tests look at.
    (r"ReplaceBinaryOperator_BitOr_", r".*"),
    # How a value is made (frozen, slots, by keyword), which mypy holds, and not what it does.
    (r"ReplaceTrueWithFalse|RemoveDecorator", r"@dataclass"),
    # What follows the bare star of a signature, which no call that mypy passes can tell apart.
    (r"ReplaceBinaryOperator_Mul_", r"\s*(async )?def "),
)


def is_silent(operator: str, line: str) -> bool:
    """Tell whether a mutant of this *operator* on this *line* says nothing about the tests."""
    return any(re.search(name, operator) and re.match(place, line) for name, place in SILENT)
