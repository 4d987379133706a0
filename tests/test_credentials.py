"""Tokens from mounted secrets: what is read, what is refused, and what no sentence may hold."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.credentials import MAX_TOKEN_BYTES, CredentialDirectory
from reconcile.domain.ids import ProviderName, WorkspaceId

WORKSPACE = WorkspaceId("ws-1")
CANARY = "canary-8f1d"


def test_each_provider_has_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "ws-1.ghl").write_text("pit-123\n")
    (tmp_path / "ws-1.calendly").write_text("eyJ0\r\n")

    tokens, faults = CredentialDirectory(tmp_path).of(WORKSPACE)

    assert faults == ()
    assert {name: token.reveal() for name, token in tokens.items()} == {
        ProviderName.HIGHLEVEL: "pit-123",
        ProviderName.CALENDLY: "eyJ0",
    }


def test_a_workspace_without_files_has_no_tokens_and_no_faults(tmp_path: Path) -> None:
    assert CredentialDirectory(tmp_path).of(WORKSPACE) == ({}, ())


def test_the_links_of_a_mounted_kubernetes_secret_are_followed(tmp_path: Path) -> None:
    revision = tmp_path / "..2026_01_01"
    revision.mkdir()
    (revision / "ws-1.ghl").write_text("pit-123")
    (tmp_path / "..data").symlink_to("..2026_01_01")
    (tmp_path / "ws-1.ghl").symlink_to("..data/ws-1.ghl")

    tokens, faults = CredentialDirectory(tmp_path).of(WORKSPACE)

    assert faults == ()
    assert tokens[ProviderName.HIGHLEVEL].reveal() == "pit-123"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (f"{CANARY} {CANARY}".encode(), "position 12"),
        (f"{CANARY}\n\n".encode(), "position 12"),
        (f"Bearer {CANARY}".encode(), "position 7"),
        (CANARY.encode() + b"\xff", "UTF-8"),
        (CANARY.encode() * MAX_TOKEN_BYTES, "larger than 16 KiB"),
    ],
)
def test_an_unusable_token_is_a_sentence_on_the_file_and_not_its_content(
    tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / "ws-1.ghl").write_bytes(content)

    tokens, (fault,) = CredentialDirectory(tmp_path).of(WORKSPACE)

    assert tokens == {}
    assert str(tmp_path / "ws-1.ghl") in fault
    assert says in fault
    assert CANARY not in fault


def test_one_bad_file_leaves_the_other_provider_usable(tmp_path: Path) -> None:
    (tmp_path / "ws-1.ghl").mkdir()
    (tmp_path / "ws-1.calendly").write_text("eyJ0")

    tokens, (fault,) = CredentialDirectory(tmp_path).of(WORKSPACE)

    assert list(tokens) == [ProviderName.CALENDLY]
    assert "not a regular file" in fault


def test_a_link_to_nothing_is_a_fault_rather_than_a_workspace_without_token(tmp_path: Path) -> None:
    (tmp_path / "ws-1.ghl").symlink_to("gone")

    _, (fault,) = CredentialDirectory(tmp_path).of(WORKSPACE)

    assert "does not exist" in fault


@pytest.mark.parametrize(
    "name", ["", "..", "../outside/ws", "/etc/ws", "a/b", "a\\b", ".hidden", "..data", "a\nb", "a\0b", "ü", "x" * 300]
)
def test_an_id_that_is_no_file_name_reaches_no_file(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "ws.ghl").write_text(CANARY)

    tokens, (fault,) = CredentialDirectory(inside).of(WorkspaceId(name))

    assert tokens == {}
    assert "\n" not in fault


@given(st.text(max_size=40))
def test_no_id_names_a_path_outside_the_directory(name: str) -> None:
    opened: list[Path] = []

    class Watched(type(Path())):  # type: ignore[misc]
        def is_symlink(self) -> bool:
            opened.append(Path(str(self)))
            return False

        def exists(self, **_: object) -> bool:
            return False

    CredentialDirectory(Watched("/mounted/here")).of(WorkspaceId(name))

    assert all(Path(os.path.normpath(path)).parent == Path("/mounted/here") for path in opened)


def test_the_directory_itself_may_be_at_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert CredentialDirectory(tmp_path).faults() == ()
    assert "does not exist" in CredentialDirectory(tmp_path / "gone").faults()[0]
    assert "cannot be read (Not a directory)" in CredentialDirectory(tmp_path / "file").faults()[0]
