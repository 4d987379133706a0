"""Which mutants a turn judges, what is made of a module, and when too few are noticed."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mutation.execution import FILES, FOLDERS, ON_POSTGRES
from tests.mutation.operators import edits
from tests.mutation.sampling import Score, exit_code, in_order, sample, table, turns
from tests.mutation.subjects import LAYERS, WHOLE, is_silent, layer_of, modules


@given(
    moves=st.integers(0, 40),
    tokens=st.integers(0, 40),
    size=st.integers(1, 7),
)
def test_the_turns_of_a_module_hold_each_mutant_once(moves, tokens, size):
    mutants = [f"move {n}" for n in range(moves)] + [f"token {n}" for n in range(tokens)]
    ordered = in_order("a.py", mutants[:moves], mutants[moves:])

    taken = [each for turn in range(turns(len(ordered), size)) for each in sample(ordered, size=size, turn=turn)]

    assert sorted(taken) == sorted(mutants)


def test_a_module_with_fewer_turns_begins_again():
    ordered = list(range(5))

    assert [list(sample(ordered, size=2, turn=turn)) for turn in range(4)] == [[0, 1], [2, 3], [4], [0, 1]]


def test_the_order_is_the_same_each_time_and_another_for_each_module():
    orders = [tuple(in_order(name, range(20), range(100, 120))) for name in ("a.py", "a.py", "b.py")]

    assert orders[0] == orders[1] != orders[2]


def test_half_of_a_sample_are_faults_of_a_refactoring_as_long_as_there_are_any():
    ordered = in_order("a.py", ["move"] * 4, ["token"] * 20)

    assert ordered[:8].count("move") == 4


@pytest.mark.parametrize(("noticed", "code"), [(84, 1), (85, 0), (100, 0)])
def test_one_layer_under_the_least_share_fails_the_whole(noticed, code):
    scores = {"domain": Score(noticed=100, total=100), "store": Score(noticed=noticed, total=100)}

    assert exit_code(scores, least=0.85) == code


def test_the_table_has_a_line_for_each_layer():
    score = Score()
    for is_noticed in (True, True, False):
        score.add(is_noticed=is_noticed)

    assert [line.split() for line in table({"domain": score, "store": Score()}).splitlines()] == [
        ["layer", "mutants", "noticed", "share", "95", "%", "interval"],
        ["domain", "3", "2", "66.7%", "20.8%", "-", "93.9%"],
        ["store", "0", "0", "100.0%", "0.0%", "-", "100.0%"],
    ]


@pytest.mark.parametrize(
    ("noticed", "total", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)]
)
def test_the_interval_is_the_published_one(noticed, total, low, high):
    """Newcombe, Statistics in Medicine 17 (1998), table I: the score method."""
    assert Score(noticed=noticed, total=total).interval == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a and b and c", ["b and c", "a and c", "a and b"]),
        ("a or (b and c)", ["b and c", "a", "a or (c)", "a or (b)"]),
        ("[x for x in y if x if z]", ["[x for x in y if z]", "[x for x in y if x]"]),
        ("a if b else c", ["a if True else c", "a if False else c"]),
        ("replace(x, a=1)", ["replace(x)", "pass"]),
        ("Row(a=1, b=2)", ["Row(a=1)", "Row(a=2, b=1)", "pass"]),
        ("f(a, b)", ["f(b, a)", "pass"]),
        ("f(a, a, *b)", ["pass"]),
        ("x = min(a, b)", []),
        ("await x.release()", ["pass"]),
        ("x.y = 1", ["pass"]),
        ("x += 1", ["pass"]),
        ("del x[a]", ["pass"]),
        ("del x", []),
        ('Table("a", Column(b), Column(c))', ["pass", "Table(Column(b), 'a', Column(c))"]),
        ("x = 1", []),
        ("if a:\n    raise b", ["pass"]),
        ("if a:\n    b", []),
        ("for x in y:\n    if x:\n        continue", ["for x in y:\n    pass"]),
    ],
)
def test_a_fault_of_a_refactoring_is_made_in_each_place_where_it_can_be(source, expected):
    tree = ast.parse(source)

    made = [edit.write(tree) for edit in edits(tree, {"Row": frozenset({"b"})})]

    assert sorted(made) == sorted(expected)
    assert ast.unparse(tree) == ast.unparse(ast.parse(source))


EQ_IS, EQ_NOT_EQ = "core/ReplaceComparisonOperator_Eq_Is", "core/ReplaceComparisonOperator_Eq_NotEq"


@pytest.mark.parametrize(
    ("operator", "line", "is_left_out"),
    [
        (EQ_IS, "if status == _CANCELED:", True),
        (EQ_IS, "return fault == ErrorClass.MASS_ABSENCE", True),
        (EQ_IS, 'if name == "GHL":', True),
        (EQ_IS, "if (event.places, event.taken) == seen:", False),
        (EQ_IS, "if granted == wanted:", False),
        (EQ_IS, "if before.at == Instant(1):", False),
        (EQ_NOT_EQ, "if status == _CANCELED:", False),
        ("core/RemoveDecorator", "@lru_cache(maxsize=4096)", True),
        ("core/NumberReplacer", "@lru_cache(maxsize=4096)", True),
        ("core/RemoveDecorator", "    @cached_property", False),
        ("core/AddNot", "if TYPE_CHECKING:", True),
        ("core/AddNot", "if checking:", False),
        ("core/AddNot", "    assert first is not None  # noqa: S101 - begun above", True),
        ("core/NumberReplacer", "@dataclass(frozen=True)", False),
        ("core/ReplaceTrueWithFalse", "@dataclass(frozen=True)", True),
        ("core/ReplaceTrueWithFalse", "is_found = True", False),
    ],
)
def test_what_no_behavior_can_show_is_left_out_and_nothing_else_of_its_line(operator, line, is_left_out):
    assert is_silent(operator, line) == is_left_out


def test_each_file_and_folder_that_is_named_exists():
    assert all(modules(layer) for layer in LAYERS)
    assert all(Path(name) in modules(layer_of(Path(name))) for name in WHOLE)
    assert all(list(Path("tests", name).rglob("test_*.py")) for name in (*FOLDERS, *ON_POSTGRES))
    assert all(Path(name).exists() for name in FILES)
