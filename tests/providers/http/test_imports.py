"""What an idle run does not pay for."""

import subprocess
import sys

CODE = """
import sys
import reconcile.providers
print(sorted({"aiohttp", "httpx", "orjson", "ssl"} & sys.modules.keys()))
"""


def test_the_package_itself_loads_no_client() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)

    assert done.stdout == "[]\n"
