"""``python -m tests.mutation [MODULE…]``: how many mutants of the modules that guard the rest their tests notice.

A mutant is never written to disk. Each is judged in a process forked from one that has imported everything but the
program, so that it costs what its tests cost.
"""

import importlib
import os
import resource
import signal
import site
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from hypothesis import Phase, settings

from tests import toolbox
from tests.mutation.subjects import LEAST, SUBJECTS, is_silent

LOCK = Path(__file__).parent / "requirements.lock"
LONGEST_CPU_SECONDS, LONGEST_SECONDS = 12, 120
WARM = ("pytest", "pytest_asyncio", "hypothesis.stateful", "sqlalchemy.ext.asyncio", "aiosqlite", "alembic", "httpx")
PROFILE = "mutants"
QUICK = (
    *("-x", "--assert=plain", "-k", "not postgres", f"--hypothesis-profile={PROFILE}"),
    *("-p", "no:xdist", "-p", "no:randomly", "-p", "no:cacheprovider"),
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module: *place* names it, *source* is the whole module with it."""

    place: str
    source: str


@dataclass(slots=True)
class Score:
    """What became of a module's mutants."""

    killed: int = 0
    total: int = 0

    def add(self, mutant: Mutant, *, is_killed: bool) -> None:
        """Count one, and tell of it where nobody noticed it."""
        self.total += 1
        self.killed += is_killed
        if not is_killed:
            print(mutant.place, flush=True)


class _Finder(MetaPathFinder):
    """Gives the mutant where the module is asked for."""

    def __init__(self, path: Path, source: str) -> None:
        self._path, self._source = path, source
        self._name = ".".join(path.with_suffix("").parts)

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


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of the module that says something about its tests."""
    from cosmic_ray.ast import ast_nodes, get_ast  # noqa: PLC0415 - there once its folder is on the path
    from cosmic_ray.mutating import mutate_code  # noqa: PLC0415
    from cosmic_ray.plugins import get_operator, operator_names  # noqa: PLC0415

    source = path.read_text()
    lines = source.splitlines()
    tree = get_ast(source)
    for name in operator_names():
        kind = get_operator(name)
        if kind.arguments():
            continue
        operator = kind()
        positions = [each for node in ast_nodes(tree) for each in operator.mutation_positions(node)]
        for occurrence, ((row, column), _) in enumerate(positions):
            line = lines[row - 1]
            mutated = None if is_silent(name, line) else mutate_code(source, operator, occurrence)
            if mutated and mutated != source:
                yield Mutant(f"{path}:{row}:{column} {name.removeprefix('core/')}: {line.strip()}", mutated)


def _begin(path: Path, source: str, tests: Sequence[str]) -> int:
    """Fork a process that ends with pytest's code for this source."""
    child = os.fork()
    if child:
        return child
    # A mutant that never ends is noticed by that.
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_CPU_SECONDS, LONGEST_CPU_SECONDS))
    signal.alarm(LONGEST_SECONDS)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.meta_path.insert(0, _Finder(path, source))
    pytest = importlib.import_module("pytest")
    code = pytest.main([*QUICK, *tests])
    os._exit(int(code))


def judge(path: Path, tests: Sequence[str]) -> Score:
    """Return how the module's mutants fared; as many at once as there are processors."""
    score, running = Score(), dict[int, Mutant]()
    _, status = os.waitpid(_begin(path, path.read_text(), tests), 0)
    if status:
        raise SystemExit(f"{path}: its tests do not pass as it stands")

    def take() -> None:
        child, status = os.wait()
        score.add(running.pop(child), is_killed=status != 0)

    for mutant in mutants(path):
        running[_begin(path, mutant.source, tests)] = mutant
        if len(running) >= (os.cpu_count() or 1):
            take()
    while running:
        take()
    return score


def main(names: Sequence[str]) -> int:
    """Print the score of each module, and what its tests did not notice; fail where that is too much."""
    site.addsitedir(str(toolbox.packages(LOCK)))
    for name in WARM:
        importlib.import_module(name)
    # The same examples each time, and none made smaller: that it fails is enough.
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile(
        PROFILE, deadline=None, derandomize=True, max_examples=30, stateful_step_count=25, phases=phases
    )
    is_enough = True
    for name in names or SUBJECTS:
        begun = time.monotonic()
        score = judge(Path(name), SUBJECTS[name])
        is_enough = is_enough and score.killed >= LEAST * score.total
        share = score.killed / score.total
        print(f"{name}: {score.killed}/{score.total} killed, {share:.1%}, {time.monotonic() - begun:.0f} s", flush=True)
    return 0 if is_enough else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
