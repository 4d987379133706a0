"""The root of all commands: reads the environment once, loads the command that is asked for, ends the process."""

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from types import FrameType
from typing import NoReturn

import click

from reconcile import __version__
from reconcile.errors import (
    InputUnreadable,
    LeaseHeld,
    LeaseLost,
    LogsRefused,
    LogsUnavailable,
    QuestionError,
    ReconcileError,
    RequestError,
    SettingsError,
    StoreUnavailable,
)


class ExitCode(IntEnum):
    """How a process ends: an interface, on which the chart's podFailurePolicy acts."""

    DONE = 0
    """Also when the circuit broke or another run held the lease: the report says so, and --fail-on changes it."""
    FAILED = 1
    USAGE = 2
    INCONCLUSIVE = 2
    """Of verify alone, whose wrong calls end with QUESTION instead."""
    QUESTION = 64
    """Verify was asked wrongly, or by a checklist that has faults."""
    NO_INPUT = 66
    """A file or a CronJob that was named is not there, may not be read, or is not what it has to be."""
    TEMPORARY = 75
    """The database is away, or another process has the work: try again later."""
    SETTINGS = 78
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


COMMANDS: Mapping[str, str] = {
    "run": "Check the leads that are due and repair what differs.",
    "status": "Show what is broken, since when, and what to type.",
    "report": "Print the last run's report, or write an HTML page of recent history.",
    "serve": "Serve that page live and read-only, for browsers.",
    "explain": "Explain why something was or was not done.",
    "breaker": "Show the breakers, or override one.",
    "cadence": "Show how often runs happen, or lower it for a while.",
    "quarantine": "List or release quarantined leads.",
    "mismatches": "List differences that were found and not repaired.",
    "follow-ups": "List follow-ups that were given up, or deliver them again.",
    "backfill": "Plan a repair over many leads, review it, apply it.",
    "alerts": "Show active alerts, or test the channels.",
    "undo": "Revert what a run or a backfill changed, where nobody has written since.",
    "verify": "Check whether a rollout has fixed a failure: pass, fail or inconclusive.",
    "job": "Print a one-off Job for kubectl.",
    "prune": "Delete old rows from the tables that reconcile owns.",
    "migrate": "Migrate the tables that reconcile owns to the newest schema.",
    "doctor": "Check settings, database, credentials, clock and cluster.",
    "simulate": "Serve simulated providers with switchable faults.",
    "demo": "Show an incident, the stop and the recovery in a minute.",
}
"""Each command with its one sentence: the module of that name is loaded only when it is called."""

_BY_ERROR: tuple[tuple[type[ReconcileError], ExitCode], ...] = (
    (SettingsError, ExitCode.SETTINGS),
    (RequestError, ExitCode.USAGE),
    (QuestionError, ExitCode.QUESTION),
    (InputUnreadable, ExitCode.NO_INPUT),
    (LogsRefused, ExitCode.NO_INPUT),
    (LogsUnavailable, ExitCode.TEMPORARY),
    (StoreUnavailable, ExitCode.TEMPORARY),
    (LeaseHeld, ExitCode.TEMPORARY),
    (LeaseLost, ExitCode.TEMPORARY),
    (ReconcileError, ExitCode.FAILED),
)


class Root(click.Group):
    """Knows its commands by name, and turns whatever they raise into a sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing:  # a shell asks for completions
                return None
            raise click.exceptions.NoSuchCommand(cmd_name, possibilities=COMMANDS, ctx=ctx)
        module = importlib.import_module(f"reconcile_cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a bug ends with its traceback, everything else in a sentence."""
        asked_to_end: list[int] = []
        try:
            with _terminable() as asked_to_end:
                result = super().invoke(ctx)
                sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            if asked_to_end:
                _end(ExitCode.TERMINATED, "ended by SIGTERM")
            _end(ExitCode.INTERRUPTED, "interrupted")
        except BrokenPipeError:
            # Whoever read us has left; the interpreter must not stumble over it once more when it flushes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _end(ExitCode.PIPE_CLOSED)
        except Exception as error:  # noqa: BLE001 - the one place
            if asked_to_end:  # whatever the interrupt became on its way through what it met
                _end(ExitCode.TERMINATED, "ended by SIGTERM")
            _end_with(error)
        return result


def _end_with(error: BaseException) -> NoReturn:
    expected = _expected(error)
    if not expected:
        click.echo(_traceback(error), err=True, nl=False)
        _end(ExitCode.FAILED)
    codes = [next(code for kind, code in _BY_ERROR if isinstance(each, kind)) for each in expected]
    told = (each.faults if isinstance(each, SettingsError) else (str(each),) for each in expected)
    sentences = [sentence for each in told for sentence in each]
    _end(max(codes), *dict.fromkeys(sentences))


def _traceback(error: BaseException) -> str:
    """Return where *error* and its causes were raised, and of which types they are: their texts may hold anything."""
    parts = [_traceback(each) for each in (error.exceptions if isinstance(error, BaseExceptionGroup) else ())]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        parts.append(_traceback(cause))
    frames = "".join(traceback.format_tb(error.__traceback__))
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return "".join([*parts, f"Traceback (most recent call last):\n{frames}{name}\n"])


def _expected(error: BaseException) -> list[ReconcileError]:
    """Return the errors that this program has words for, out of groups too; none if anything else is among them."""
    if isinstance(error, ReconcileError):
        return [error]
    if not isinstance(error, BaseExceptionGroup):
        return []
    parts = [_expected(each) for each in error.exceptions]
    return [each for part in parts for each in part] if all(parts) else []


def _end(code: ExitCode, *sentences: str) -> NoReturn:
    for sentence in sentences:
        click.echo(f"reconcile: {sentence}", err=True)
    raise click.exceptions.Exit(code)


class _Terminated(KeyboardInterrupt):
    """SIGTERM has come. After a plain KeyboardInterrupt amid an import, Python may end by SIGINT in spite of us."""


@contextmanager
def _terminable() -> Iterator[list[int]]:
    """Let SIGTERM end a command as Ctrl-C does, in order; what is yielded is filled when that was asked for.

    A handler is needed: the kernel brings no default action to a container's first process. `run` has its own.
    """
    asked: list[int] = []

    def terminate(number: int, _frame: FrameType | None) -> None:
        if asked:  # it is on its way out: a second interrupt would hit what tells of the first
            return
        asked.append(number)
        # Ignored is how a shell starts what it puts behind a script. What is neither is an event loop's own handler.
        if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, signal.default_int_handler):
            raise _Terminated
        signal.raise_signal(signal.SIGINT)

    def once_more(unheard: "sys.UnraisableHookArgs") -> None:
        """Ask again a moment later where the interrupt met a callback, in which Python lets nothing be raised."""
        if unheard.exc_type is not _Terminated:
            hook(unheard)
            return
        import threading  # noqa: PLC0415 - hardly ever

        asked.clear()
        timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGTERM))
        timer.daemon = True
        timer.start()

    hook, sys.unraisablehook = sys.unraisablehook, once_more
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
        sys.unraisablehook = hook


@click.command(
    cls=Root, name="reconcile", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, message="reconcile %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Compare booked appointments with what the calendar providers say, and repair the database.

    Settings are environment variables (RECONCILE_...) or the flags of the same name; a flag wins. Exit codes: 0 done,
    1 failed, 2 usage, 64 and 66 verify's own, 75 try again later, 78 settings, 143 ended by SIGTERM.
    """
    ctx.obj = dict(os.environ) if ctx.obj is None else ctx.obj


if __name__ == "__main__":
    cli(prog_name="reconcile")
