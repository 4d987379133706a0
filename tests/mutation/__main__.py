"""``python -m tests.mutation``: how many mutants of each layer the tests notice.

``LAYERS``, ``MODULES``, ``SAMPLE``, ``TURN`` and ``WHOLE`` in the environment say which mutants; see CONTRIBUTING.md.
"""

import json
import os
import site
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests import postgres, toolbox
from tests.mutation import execution, judging, operators, process, sampling
from tests.mutation.operators import Mutant
from tests.mutation.subjects import LAYERS, LEAST, WHOLE, layer_of, modules

LOCK = Path(__file__).parent / "requirements.lock"
ALL = "all"
_Judged = tuple[Mutant, Sequence[execution.Case]]
CONTROL = 10
"""Before each so many mutants, the tests of the next have to pass on the unchanged module."""


def _chosen(given: Mapping[str, str]) -> Iterator[Mutant]:
    """Yield the mutants that the environment asks for."""
    names = given.get("LAYERS", "").split() or LAYERS
    paths = [Path(name) for name in given.get("MODULES", "").split()] or [
        path for name in names for path in (modules(name) if not given.get("WHOLE") else ())
    ]
    if given.get("WHOLE"):
        paths += [Path(name) for name in WHOLE if layer_of(Path(name)) in names]
    for path in paths:
        ordered = sampling.in_order(str(path), operators.moves(path), operators.tokens(path))
        if given.get("WHOLE") or given.get("TURN") == ALL:
            yield from ordered
        else:
            yield from sampling.sample(ordered, size=int(given.get("SAMPLE") or 2), turn=int(given.get("TURN") or 0))


def _scores(mutants: Sequence[Mutant], judges: judging.Judges) -> tuple[Mapping[str, sampling.Score], Sequence[str]]:
    """Judge the mutants, print those that nobody noticed, and return the score of each layer.

    Beside it, those whose tests failed on the unchanged module: such a test may have failed by itself elsewhere too.
    """
    unsteady = list[str]()
    scores = {name: sampling.Score() for name in LAYERS if any(layer_of(each.module) == name for each in mutants)}

    def add(mutant: Mutant, ending: str) -> None:
        if not mutant.is_changed:
            if ending != process.PASSED:
                unsteady.append(mutant.place)
            return
        is_noticed = ending not in {process.PASSED, judging.NO_TEST_RAN, judging.NOT_EXECUTED}
        scores[layer_of(mutant.module)].add(is_noticed=is_noticed)
        if not is_noticed:
            print(mutant.place, *(["(not executed)"] if ending == judging.NOT_EXECUTED else ()), flush=True)

    todo = list[_Judged]()
    # Those of what runs at an import first, while nothing is imported.
    for mutant in sorted(mutants, key=judging.is_swappable):
        if cases := judges.of(mutant):
            if len(todo) % CONTROL == 0 or judging.is_swappable(mutant) > judging.is_swappable(todo[-1][0]):
                todo.append((judging.unchanged(mutant), cases))
            todo.append((mutant, cases))
        else:
            add(mutant, judging.NOT_EXECUTED)
    for (mutant, _), ending in process.run_all(
        _prepared(todo), lambda item: judging.judge(*item), cpu_seconds=lambda item: judging.cpu_seconds(item[1])
    ):
        add(mutant, ending)
    return scores, unsteady


def _prepared(
    todo: Sequence[tuple[Mutant, Sequence[execution.Case]]],
) -> Iterator[tuple[Mutant, Sequence[execution.Case]]]:
    """Yield what is to be judged; import the program once it may be there already."""
    first = next((index for index, (mutant, _) in enumerate(todo) if judging.is_swappable(mutant)), len(todo))
    yield from todo[:first]
    judging.import_all(case for _, cases in todo[first:] for case in cases)
    yield from todo[first:]


def main() -> int:
    """Print what the tests did not notice, a table and a summary in JSON; return 1 where they noticed too little."""
    begun = time.monotonic()
    tools = toolbox.packages(LOCK)
    site.addsitedir(str(tools))
    process.warm_up()
    mutants = list(_chosen(os.environ))
    before = set(Path().iterdir())
    with ExitStack() as stack:
        server = stack.enter_context(postgres.find().start())
        os.environ[postgres.VARIABLE] = server.url
        executions = dict(execution.measured(tools.with_name("mutation-lines")))
        measured_at = time.monotonic()
        print(f"lines of {len(executions)} test files: {measured_at - begun:.0f} s", flush=True)
        scores, unsteady = _scores(mutants, judging.Judges(executions))
    print(sampling.table(scores))
    for path in sorted(set(Path().iterdir()) - before):
        print(f"a mutant may have made {path}; remove it")
    for place in unsteady:
        print(f"the tests of the unchanged module failed before {place}")
    print(f"{time.monotonic() - measured_at:.0f} s for {len(mutants)} mutants")
    layers = {
        name: {"mutants": s.total, "noticed": s.noticed, "share": round(s.share, 3)} for name, s in scores.items()
    }
    print(json.dumps({"layers": layers, "unsteady": len(unsteady), "seconds": round(time.monotonic() - begun)}))
    return sampling.exit_code(scores, least=LEAST)


if __name__ == "__main__":
    sys.exit(main())
