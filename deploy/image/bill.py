"""The bill of materials: Python packages as listed by CycloneDX's tool, the interpreter, Debian packages."""

import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

BILL = Path("/usr/share/sbom/appointment-reconciler.cdx.json")
DPKG = Path("/var/lib/dpkg")
# Made when its package is installed, so that no list names it.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def packages(files: Iterable[Path]) -> Mapping[str, str]:
    """Return the Debian packages that own *files*, each with its paragraph of the status file; none on other bases."""
    if not DPKG.is_dir():
        return {}
    owners = {CERTIFICATES: "ca-certificates"}
    for listing in (DPKG / "info").glob("*.list"):
        owner = listing.stem.partition(":")[0]
        owners |= {_without_links(Path(line)): owner for line in listing.read_text().splitlines()}
    paragraphs = (each for each in (DPKG / "status").read_text().split("\n\n") if each.strip())
    known = {fields(each)["Package"]: f"{each.strip()}\n" for each in paragraphs}
    return {name: known[name] for name in sorted({owners[path] for path in files if path in owners})}


def fields(paragraph: str) -> dict[str, str]:
    """Return the fields of a Debian control paragraph that fit on one line."""
    lines = (line.partition(":") for line in paragraph.splitlines() if line[:1].strip())
    return {name: value.strip() for name, _, value in lines}


def completed(listed: str, paragraphs: Iterable[str], *, version: str) -> str:
    """Add to a list of Python packages our own version, the interpreter and Debian packages."""
    bill = json.loads(listed)
    bill["metadata"]["component"]["version"] = version
    bill["components"] += [_component("platform", "python", platform.python_version(), "generic/")]
    bill["components"] += _debian(paragraphs)
    return json.dumps(bill, indent=2, ensure_ascii=False) + "\n"


def _debian(paragraphs: Iterable[str]) -> Iterator[dict[str, str]]:
    for package in map(fields, paragraphs):
        release = platform.freedesktop_os_release()
        more = f"?arch={package['Architecture']}&distro={release['ID']}-{release['VERSION_ID']}"
        yield _component("library", package["Package"], package["Version"], f"deb/{release['ID']}/", more)


def _component(kind: str, name: str, version: str, group: str, more: str = "") -> dict[str, str]:
    purl = f"pkg:{group}{name}@{quote(version, safe='~')}{more}"
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _without_links(path: Path) -> Path:
    """Return the path of a file with links, such as /lib, resolved."""
    return path.parent.resolve() / path.name
