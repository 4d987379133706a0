"""Collects the files of the final image from a build stage: what the program needs, and no other executables.

Run by the Dockerfile as ``python3 -m deploy.image.rootfs VENV BILL ROOTFS`` with the base's own interpreter; only the
standard library is available.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from deploy.image import bill

ACCOUNT = 65532
STDLIB = Path(sysconfig.get_path("stdlib"))
# Parts of the standard library for people who write or type programs. What they bring along (Berkeley DB, Kerberos by
# way of NIS, terminals) would be most of the packages to watch for holes. sitecustomize is the base's own.
UNUSED = {"__pycache__", "dist-packages", "site-packages", "sitecustomize.py"}
UNUSED |= {"ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tkinter", "turtle.py", "turtledemo", "venv"}
UNUSED_EXTENSIONS = ("_curses", "_dbm", "_gdbm", "_test", "_tkinter", "_xx", "nis", "ossaudiodev", "readline")
# Nine tenths of the Kubernetes client are its asynchronous twin and a module for each type of object: it loads those
# when they are asked for, and we speak JSON.
UNUSED_PACKAGE = "site-packages/kubernetes/aio"
UNUSED_BUT_FOR_INIT = ("site-packages/kubernetes/client/api", "site-packages/kubernetes/client/models")
FOR_COMPILERS = (".a", ".c", ".h", ".pxd", ".pyi", ".pyx")
# Only our commands of the virtual environment.
COMMANDS = ("python", "python3", "reconcile")
FROM_BASE = (bill.CERTIFICATES, Path("/etc/os-release"), Path("/etc/ld.so.conf"), Path("/etc/ld.so.conf.d"))
WRITTEN = {
    "etc/passwd": f"root:x:0:0::/:/sbin/nologin\nreconcile:x:{ACCOUNT}:{ACCOUNT}::/data:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nreconcile:x:{ACCOUNT}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
FOLDERS = {"tmp": (0o1777, 0), "data": (0o755, ACCOUNT)}


class Tree:
    """The root file system that is being filled."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.taken: set[Path] = set()

    def at(self, path: Path) -> Path:
        return self.root / path.relative_to("/")

    def write(self, path: Path, text: str) -> None:
        target = self.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def take(self, path: Path) -> None:
        """Copy a file under its own name, with the links on the way to it as links."""
        parts, current = deque(path.parts[1:]), Path("/")
        while parts:
            current /= parts.popleft()
            copy = self.at(current)
            if current.is_symlink():
                link = current.readlink()
                if not copy.is_symlink():
                    copy.symlink_to(link)
                parts.extendleft(reversed(Path(os.path.normpath(current.parent / link)).parts[1:]))
                current = Path("/")
            elif current.is_dir():
                copy.mkdir(exist_ok=True)
            elif not copy.exists():
                shutil.copyfile(current, copy)
                copy.chmod(0o755 if os.access(current, os.X_OK) else 0o644)
                self.taken.add(current)

    def take_folder(self, folder: Path, *, without: Iterable[str] = ("__pycache__",)) -> None:
        """Copy what lies under *folder*, except for files and folders of these names."""
        excluded = set(without)
        for parent, folders, files in os.walk(folder):
            folders[:] = sorted(set(folders) - excluded)
            for path in (Path(parent, name) for name in files if name not in excluded):
                if not _is_unused(path):
                    self.take(path)


def _is_unused(path: Path) -> bool:
    """Tell whether a file is not used in the image."""
    folder = str(path.parent)
    return (
        path.suffix in FOR_COMPILERS
        or (path.suffix == ".so" and path.name.startswith(UNUSED_EXTENSIONS))
        or UNUSED_PACKAGE in folder
        or (folder.endswith(UNUSED_BUT_FOR_INIT) and path.name != "__init__.py")
    )


def gather(tree: Tree, venv: Path) -> None:
    """Fill *tree* with the interpreter, its library, the virtual environment and the shared objects of all three."""
    tree.take_folder(STDLIB, without={*UNUSED, *(each.name for each in STDLIB.glob("config-*"))})
    tree.take_folder(venv / "lib")
    for path in (venv / "pyvenv.cfg", venv / "lib64", *(venv / "bin" / name for name in COMMANDS)):
        tree.take(path)
    for path in FROM_BASE:
        if path.is_dir():
            tree.take_folder(path)
        elif path.exists():
            tree.take(path)
    for path in shared_objects(tree.taken):
        tree.take(path)


def shared_objects(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the libraries that the dynamic loader loads for executables and modules in *paths*, and the loader."""
    loader = min(Path("/").glob("lib*/ld-linux*.so*"))
    yield loader
    for path in sorted(paths):
        if path.open("rb").read(4) != b"\x7fELF":
            continue
        listed = subprocess.run([loader, "--list", path], check=False, capture_output=True, text=True)
        if listed.returncode:
            raise SystemExit(f"{path} needs what the base does not have: {listed.stderr}")
        found = (line.partition(" => ")[2].rpartition(" (")[0] for line in listed.stdout.splitlines())
        yield from (Path(each) for each in found if each)


def describe(tree: Tree, venv: Path, listed: Path) -> None:
    """Leave in *tree* what scanners and lawyers read: the bill of materials, package states and copyrights."""
    owned = bill.packages(tree.taken)
    ours = next(venv.glob("lib/python*/site-packages/appointment_reconciler-*.dist-info"))
    version = ours.name.removesuffix(".dist-info").partition("-")[2]
    tree.write(bill.BILL, bill.completed(listed.read_text(), owned.values(), version=version))
    for name, paragraph in owned.items():
        tree.write(bill.DPKG / "status.d" / name, paragraph)
        copyright_of = Path("/usr/share/doc", name, "copyright")
        if copyright_of.exists():
            tree.take(copyright_of)


def finish(tree: Tree, venv: Path) -> None:
    """Write accounts and folders, compile all modules, and give everything the same time."""
    for name, text in WRITTEN.items():
        tree.write(Path("/", name), text)
    loader_cache = shutil.which("ldconfig", path="/usr/sbin:/sbin")
    if loader_cache:
        subprocess.run([loader_cache, "-r", tree.root], check=True)
        shutil.rmtree(tree.root / "var/cache", ignore_errors=True)
    # Modules of an image do not change, so the interpreter need not check them.
    compiling = [sys.executable, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*compiling, "-s", tree.root, "-p", "/", tree.at(STDLIB), tree.at(venv / "lib")], check=True)
    for name, (mode, owner) in FOLDERS.items():
        folder = tree.root / name
        folder.mkdir()
        folder.chmod(mode)
        os.chown(folder, owner, owner)
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    for path in (tree.root, *tree.root.rglob("*")):
        os.utime(path, (moment, moment), follow_symlinks=False)


def main() -> None:
    """Fill the root file system that the last argument names."""
    venv, listed, root = map(Path, sys.argv[1:])
    root.mkdir()
    tree = Tree(root)
    gather(tree, venv)
    describe(tree, venv, listed)
    finish(tree, venv)


if __name__ == "__main__":
    main()
