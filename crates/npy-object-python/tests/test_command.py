"""The command ``npyo`` of the package."""

import os
import signal
import subprocess
import sys
import sysconfig
import time

import pytest

SCRIPT = os.path.join(sysconfig.get_path("scripts"), "npyo.exe" if sys.platform == "win32" else "npyo")
unix = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals of Unix")


@pytest.fixture(params=["script", "module"])
def npyo(request):
    """The two ways to start the command."""
    return [SCRIPT] if request.param == "script" else [sys.executable, "-m", "npy_object"]


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def test_cat_prints_the_elements(npyo, ragged):
    ran = run(*npyo, "cat", ragged, "--to", 3)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "[]\n[0]\n[0,1]\n", "")


def test_failing_run_has_the_exit_code_of_the_binary(npyo, tmp_path):
    missing = run(*npyo, "cat", tmp_path / "missing.npy")
    assert missing.returncode == 1 and missing.stderr.startswith("npyo: "), missing
    wrong = run(*npyo, "frobnicate")
    assert wrong.returncode == 2 and "Usage: npyo" in wrong.stderr, wrong
    (tmp_path / "exec.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert run(*npyo, "audit", tmp_path / "exec.pkl").returncode == 3


def test_help_names_the_command(npyo):
    ran = run(*npyo, "--help")
    assert ran.returncode == 0 and "Usage: npyo <COMMAND>" in ran.stdout, ran


def test_closed_pipe_ends_the_run_without_an_error(npyo, ragged):
    # The output is longer than a pipe's buffer.
    command = [*npyo, "cat", "--typed", str(ragged)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@unix
def test_interrupted_read_ends_with_the_signal(npyo):
    with subprocess.Popen([*npyo, "cat", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        # More than a pipe holds: when it is written, the command has begun to read, and waits for the end of the list.
        process.stdin.write(b"\x80\x02(" + b"K\x01" * 200_000)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == -signal.SIGINT


@unix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_write_leaves_no_file(npyo, tmp_path, number):
    with subprocess.Popen([*npyo, "write", str(tmp_path / "new.npy")], stdin=subprocess.PIPE) as process:
        process.stdin.write(b"1\n")
        process.stdin.flush()
        end = time.monotonic() + 60
        while not os.listdir(tmp_path) and time.monotonic() < end:
            time.sleep(0.005)
        assert os.listdir(tmp_path)
        process.send_signal(number)
        assert process.wait() == -number
    assert os.listdir(tmp_path) == []


@unix
def test_help_on_a_terminal_has_colours(npyo):
    import pty

    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "CLICOLOR")}
    ours, theirs = pty.openpty()
    with subprocess.Popen([*npyo, "--help"], stdout=theirs, env={**environment, "TERM": "xterm"}) as process:
        os.close(theirs)
        printed = os.read(ours, 4096)
        while b"Usage:" not in printed:
            printed += os.read(ours, 4096)
        process.kill()
    os.close(ours)
    before, _, _ = printed.partition(b"Usage:")
    assert before.endswith(b"m"), printed
