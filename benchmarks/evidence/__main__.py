"""Plays worlds with wrong or incomplete provider responses, and prints wrong writes, verifications and misses."""

import argparse
import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.evidence.judge import Result
from benchmarks.evidence.play import play, play_control
from benchmarks.evidence.worlds import sample, worlds
from benchmarks.virtual_time import run_virtually
from reconcile import bootstrap

_FIGURES = ("wrong_writes", "wrong_verified", "missed_changes", "missed_longest_minutes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The result of one world, with the product's rule and with the naive one."""

    name: str
    statement: str
    evidence: str
    ours: Result
    control: Result


def play_all(names: Sequence[str]) -> list[Played]:
    """Play the named worlds in sequence, in a separate folder."""
    cases = {each.name: each for each in worlds()}
    played: list[Played] = []
    with TemporaryDirectory(prefix="reconcile-evidence-") as folder:
        template = Path(folder) / "template.db"
        asyncio.run(bootstrap.migrate_url(f"sqlite:///{template}"))
        for name in names:
            case = cases[name]
            played.append(
                Played(
                    name=name,
                    statement=f"{case.provider}: {case.statement.name}",
                    evidence=case.statement.evidence,
                    ours=run_virtually(play(case, _copied(template))),
                    control=run_virtually(play_control(case)),
                )
            )
    return played


def _copied(template: Path) -> str:
    """Return the URL of a copy of *template*, in place of the last one."""
    for each in template.parent.glob("world.db*"):
        each.unlink()
    return f"sqlite:///{shutil.copy(template, template.parent / 'world.db')}"


def figures(results: Iterable[Result]) -> dict[str, float]:
    """Return the figures of several worlds together."""
    found = list(results)
    return {
        "wrong_writes": sum(each.wrong_writes for each in found),
        "wrong_verified": sum(each.wrong_verified for each in found),
        "missed_changes": sum(each.missed for each in found),
        "missed_longest_minutes": max((each.minutes for each in found), default=0),
    }


def summary(played: Sequence[Played]) -> dict[str, object]:
    """Return the figures over all worlds, ours and the naive rule's."""
    return {
        "worlds": len(played),
        **figures(each.ours for each in played),
        "control": figures(each.control for each in played),
    }


def table(played: Sequence[Played]) -> str:
    """Return a line for each statement: its worlds, our figures, and the control's."""
    by_statement: dict[tuple[str, str], list[Played]] = {}
    for each in played:
        by_statement.setdefault((each.evidence, each.statement), []).append(each)
    titles = ("wrong", "verified", "missed", "minutes")
    head = " ".join(f"{each:>8}" for each in titles)
    titles_line = f"{'what the provider says':70} {'worlds':>6} | {head} | {head}"
    rows = [f"{'':77} | {'this program':^35} | {'control':^35}", titles_line]
    for (evidence, statement), some in sorted(by_statement.items()):
        ours, control = figures(each.ours for each in some), figures(each.control for each in some)
        columns = [" ".join(f"{found[name]:>8g}" for name in _FIGURES) for found in (ours, control)]
        rows.append(f"{evidence + ': ' + statement:70} {len(some):>6} | {columns[0]} | {columns[1]}")
    return "\n".join(rows)


def failures(played: Iterable[Played]) -> Iterable[str]:
    """Return a line for each world in which our program is wrong or late."""
    for each in played:
        ours = each.ours
        counts = Counter(wrong_writes=ours.wrong_writes, wrong_verified=ours.wrong_verified, missed=ours.missed)
        if counts.total():
            counted = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
            yield f"{each.name}: {counted}; {'; '.join(ours.faults[:2])}".rstrip("; ")


def selected_worlds(wanted: argparse.Namespace) -> Sequence[str]:
    """Return the names of the worlds that the arguments select."""
    cases = [each for each in worlds() if all(text in each.name for text in wanted.only)]
    return [each.name for each in (cases if wanted.sample is None else sample(cases, wanted.sample, seed=wanted.seed))]


def _played(names: Sequence[str], jobs: int) -> list[Played]:
    """Play the worlds in several processes; each takes every so-many-th, so that all take about as long."""
    if jobs == 1:
        return play_all(names)
    with ProcessPoolExecutor(jobs) as pool:
        parts = pool.map(play_all, [names[start::jobs] for start in range(jobs)])
        return [each for part in parts for each in part]


def document(played: Sequence[Played]) -> Mapping[str, object]:
    """Return everything as JSON, world by world."""
    return {
        **summary(played),
        "by_world": {each.name: {"ours": figures([each.ours]), "control": figures([each.control])} for each in played},
    }


def main(words: Sequence[str] | None = None) -> None:
    """Print a table, the worlds that failed, and as the last line the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="only so many worlds, drawn by --seed; none is large")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="only worlds with it in their name")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--json", action="store_true", help="print JSON alone, with every world's figures")
    wanted = parser.parse_args(words)
    names = selected_worlds(wanted)
    if not names:
        parser.error("there is no such world")
    played = _played(names, wanted.jobs)
    if wanted.json:
        print(json.dumps(document(played)))
        return
    print(table(played))
    print("", *failures(played), sep="\n")
    print(json.dumps(summary(played)))


if __name__ == "__main__":
    main()
