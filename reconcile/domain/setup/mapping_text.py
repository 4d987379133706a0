"""A proposed mapping as the text of its file."""

import tomllib
from collections.abc import Mapping

from reconcile.domain.setup.draft import Certainty, MappingProposal, quoted

_ORDER = (
    *("workspace", "workspace.columns", "lead", "lead.columns", "lead.status", "lead.booking_status"),
    *("appointment", "appointment.columns", "appointment.status", "appointment.constants", "provider"),
)
_MARKS = {Certainty.SURE: "", Certainty.LIKELY: "likely: ", Certainty.UNDECIDED: "DECIDE, and replace the ?: "}


def mapping_text(proposal: MappingProposal, *, answers: Mapping[tuple[str, str], str] | None = None) -> str:
    """Return the file: each choice with its reason as a comment; *answers* replace what was undecided."""
    lines = ["# Proposed by `reconcile init` from the catalog and from counts and shapes of values.\n"]
    lines += [f"# NOT MAPPED: {each}\n" for each in proposal.obstacles]
    answers = answers or {}
    for section in _ORDER:
        chosen = [each for each in proposal.choices if each.section == section]
        if chosen:
            lines.append(f"\n[{section}]\n")
        for each in chosen:
            answer = answers.get((section, each.key))
            value = each.value if answer is None else each.value.replace("?", answer)
            mark = "decided when asked: " if answer is not None else _MARKS[each.certainty]
            reason = " ".join(f"{mark}{each.reason}".split())
            lines.append(f"{key_text(each.key)} = {value}  # {reason}\n")
    return "".join(lines)


def key_text(key: str) -> str:
    """Return *key* as TOML spells it."""
    try:
        tomllib.loads(f"{key} = 1")
    except tomllib.TOMLDecodeError:
        return quoted(key)
    return quoted(key) if "." in key else key
