"""``python -m reconcile`` is the command ``reconcile``."""

import runpy

if __name__ == "__main__":
    # By name: nothing in the library imports the commands.
    runpy.run_module("reconcile_cli.main", run_name="__main__")
