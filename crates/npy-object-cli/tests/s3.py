"""Tests `npyo` on s3:// URLs, with S3 that moto serves on this machine.

    python s3.py NPYO       # the path of the command, built with the feature urls: target/debug/npyo

Makes its files with NumPy, uploads them, and compares what the command prints of a URL with what it prints of the file. Prints a
line for each check. The exit code is 1 if one has failed. moto, boto3 and NumPy are installed into an environment in target/s3.
"""

import argparse
import logging
import os
import socket
import subprocess
import sys
import tempfile

import checks

HERE = os.path.dirname(os.path.abspath(__file__))

try:
    import boto3
    import numpy
    from moto.server import ThreadedMotoServer
except ImportError:
    boto3 = None

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
BUCKET = "s3://arrays"
# Characters that URLs and S3 escape.
NAMED = "a folder/100% + ü?#.npy"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("npyo")
    chosen = arguments.parse_args()
    if boto3 is None:
        return checks.in_environment("s3", {"boto3": "boto3", "moto[s3,server]": "moto.server", "numpy": "numpy"})
    # It prints every request.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        endpoint = "http://%s:%d" % server.get_host_and_port()
        with tempfile.TemporaryDirectory() as folder:
            command = Command(chosen.npyo, endpoint, folder)
            make(command)
            upload(endpoint, folder)
            return checks.run(globals(), command)
    finally:
        server.stop()


class Command:
    """The command, and the folder of its files."""

    def __init__(self, npyo, endpoint, folder):
        self.npyo, self.folder = os.path.abspath(npyo), folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = {**clean, **KEYS, "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true", "NO_PROXY": "127.0.0.1"}

    def run(self, *arguments, **environment):
        """Returns the exit code of a run, its output, and its errors. Removes the variables whose value is None."""
        environment = {name: value for name, value in {**self.environment, **environment}.items() if value is not None}
        ran = subprocess.run([self.npyo, *arguments], cwd=self.folder, env=environment, capture_output=True)
        return ran.returncode, ran.stdout, ran.stderr.decode()


def make(command):
    def save(name, values):
        array = numpy.empty(len(values), object)
        array[:] = values
        path = os.path.join(command.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        numpy.save(path, array)

    save("ragged.npy", [numpy.arange(float(number % 50)) for number in range(20_000)])
    save("strings.npy", ["text %d" % number for number in range(3_000)])
    save(NAMED, [1, "two", None])
    numpy.save(os.path.join(command.folder, "plain.npy"), numpy.arange(1000.0).reshape(100, 10))
    ragged = numpy.load(os.path.join(command.folder, "ragged.npy"), allow_pickle=True)
    numpy.savez_compressed(os.path.join(command.folder, "both.npz"), first=numpy.arange(5), second=ragged[:100])
    assert command.run("index", "ragged.npy")[0] == 0


def upload(endpoint, folder):
    """Uploads every file of a folder."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name=KEYS["AWS_REGION"],
    )
    client.create_bucket(Bucket="arrays")
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            key = os.path.relpath(path, folder).replace(os.sep, "/")
            client.upload_file(path, "arrays", key, ExtraArgs={"ACL": "public-read"})


# The checks.


def test_commands_print_of_an_object_what_they_print_of_a_file(command):
    commands = ["info", "tree", "head", "tail", "cat", "stats", "validate", "dis", "audit", "schema"]
    files = ["ragged.npy", "strings.npy", "plain.npy", NAMED]
    skipped = {("dis", "plain.npy"), ("refs", "strings.npy"), ("schema", NAMED)}
    for name in commands:
        for file in files:
            if (name, file) in skipped:
                continue
            code, out, errors = command.run(name, "%s/%s" % (BUCKET, file))
            # The output names the file.
            out = out.replace(BUCKET.encode() + b"/", b"")
            assert (code, out, errors) == command.run(name, file), (name, file, code, errors)
            assert code == 0, (name, file, errors)


def test_get_gives_elements_of_a_file_with_an_index_and_without(command):
    for file in ("ragged.npy", "strings.npy"):
        for index in ("0", "1234", "-1"):
            assert command.run("get", "%s/%s" % (BUCKET, file), index) == command.run("get", file, index)


def test_member_of_an_archive_is_read(command):
    for member in ("first", "second"):
        assert command.run("cat", "%s/both.npz:%s" % (BUCKET, member)) == command.run("cat", "both.npz:" + member)


def test_table_of_an_object_is_that_of_a_file(command):
    def table(source):
        code, _, errors = command.run("convert", source, "-o", "new.parquet")
        assert code == 0, errors
        with open(os.path.join(command.folder, "new.parquet"), "rb") as file:
            return file.read()

    assert table("ragged.npy") == table(BUCKET + "/ragged.npy")


def test_missing_object_or_bucket_is_an_error_that_names_it(command):
    for url, why in ((BUCKET + "/missing.npy", "NoSuchKey"), ("s3://nowhere/a.npy", "NoSuchBucket")):
        code, out, errors = command.run("cat", url)
        assert (code, out) == (1, b"") and errors.startswith("npyo: %s: " % url) and why in errors, errors


def test_missing_credentials_are_named(command):
    keys = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    # In place of the service that has the credentials of a machine in the cloud: nothing listens there.
    with socket.create_server(("127.0.0.1", 0)) as unused:
        keys["AWS_METADATA_ENDPOINT"] = "http://127.0.0.1:%d" % unused.getsockname()[1]
    code, _, errors = command.run("cat", BUCKET + "/ragged.npy", **keys)
    assert code == 1 and "no credentials: set AWS_ACCESS_KEY_ID" in errors, errors
    keys["AWS_SKIP_SIGNATURE"] = "true"
    assert command.run("get", BUCKET + "/ragged.npy", "3", **keys) == (0, b"[0.0,1.0,2.0]\n", "")


def test_endpoint_without_tls_has_to_be_allowed(command):
    code, _, errors = command.run("cat", BUCKET + "/ragged.npy", AWS_ALLOW_HTTP="false")
    assert code == 1 and errors.startswith("npyo: %s/ragged.npy: " % BUCKET), errors


if __name__ == "__main__":
    sys.exit(main())
