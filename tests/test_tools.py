"""What the tests would build on their first run can be built beforehand, all of it or a part."""

import re

import pytest

from tests import tools
from tests.cluster.kubernetes import binaries
from tests.cluster.kubernetes.processes import ClusterError


def test_a_tool_that_cannot_be_built_is_named_and_the_next_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    built: list[str] = []

    def refuse() -> None:
        raise ClusterError("install Go")

    failed = tools.make({"helm9": refuse, "pod": lambda: built.append("pod")})
    said = capsys.readouterr()

    assert (failed, built) == (["helm9"], ["pod"])
    assert said.err == "helm9: install Go\n"
    assert re.fullmatch(r"pod: \d+ s\n", said.out)


@pytest.mark.parametrize("names", [(), ("first", "installed")])
def test_the_named_tools_are_built_or_all(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    built: list[str] = []
    compiled = {name: lambda name=name: built.append(name) for name in ("first", "second")}
    monkeypatch.setattr(tools, "COMPILED", compiled)
    monkeypatch.setattr(tools, "INSTALLED", {"installed": lambda: built.append("installed")})

    assert tools.main(*names) is None
    assert set(built) == set(names or ("first", "second", "installed"))


def test_an_unknown_name_is_refused_before_anything_is_built() -> None:
    said = tools.main("helm9")

    assert said is not None
    assert said.startswith("no such tool: helm9; there are collector, ")


def test_every_go_command_of_the_tests_is_among_them() -> None:
    assert set(binaries.TOOLS) <= set(tools.COMPILED)
