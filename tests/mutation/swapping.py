"""Gives functions that are imported already the code of a mutant, so that nothing has to be imported again.

Every reference to a function sees its new code: names that other modules have imported, tables of functions, methods of
classes. What runs when a module is imported is not repeated.
"""

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any


def is_swapped(module: ModuleType, source: str) -> bool:
    """Give each function of *module* and of its classes the code that it has in *source*, or return False."""
    other = ModuleType(module.__name__)
    other.__file__ = module.__file__
    sys.modules[module.__name__] = other  # where a dataclass looks up the types of its fields
    try:
        exec(compile(source, module.__file__ or "", "exec"), other.__dict__)  # noqa: S102
    except Exception:  # noqa: BLE001 - such as a registry that holds each name once
        return False
    finally:
        sys.modules[module.__name__] = module
    pairs = list(_pairs(vars(module), vars(other), of=module.__name__))
    changed = [(before, after) for before, after in pairs if _essence(before.__code__) != _essence(after.__code__)]
    if not changed or any(before.__code__.co_freevars != after.__code__.co_freevars for before, after in changed):
        return False
    for before, after in changed:
        before.__code__ = after.__code__
    return True


def _essence(code: CodeType) -> tuple[Any, ...]:
    """Return what of *code* decides what it does: everything but its lines."""
    constants = [_essence(each) if isinstance(each, CodeType) else (type(each), repr(each)) for each in code.co_consts]
    return code.co_code, code.co_names, code.co_freevars, code.co_cellvars, code.co_exceptiontable, constants


def _pairs(before: Any, after: Any, *, of: str) -> Iterator[tuple[FunctionType, FunctionType]]:
    """Yield each function below two mappings or other holders with its counterpart."""
    for name, value in list(after.items()):
        yield from _of_value(before.get(name), value, of=of)


def _of_value(before: Any, after: Any, *, of: str) -> Iterator[tuple[FunctionType, FunctionType]]:
    if type(before) is not type(after) or (isinstance(after, FunctionType | type) and after.__module__ != of):
        return
    if isinstance(after, type):
        yield from _pairs(vars(before), vars(after), of=of)
    elif isinstance(after, FunctionType):
        yield before, after
    elif callable(getattr(before, "cache_clear", None)):
        before.cache_clear()
    for name in ("__wrapped__", "__func__", "fget", "fset", "func"):
        if isinstance(inner := getattr(before, name, None), FunctionType):
            yield from _of_value(inner, getattr(after, name, None), of=of)
