"""The command ``npyo``, also ``python -m npy_object``."""

import signal
import sys

from npy_object._npy_object import _run_npyo


def main() -> int:
    """Runs the command with the arguments of this process, and returns its exit code."""
    # Python's handler would wait until the command returns. If SIGINT is ignored, as by nohup, it stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _run_npyo(["npyo", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
