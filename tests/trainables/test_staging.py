"""A dataset is fetched once for a node, however many of its workers ask for it at the same time."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import pathlib
import subprocess
import sys
import threading
from collections import Counter

import pytest

ROOT = pathlib.Path(__file__).parents[2]
WORKER = """
import sys
from torchvision.datasets import MNIST
from trainables.datasets import load

MNIST.mirrors, MNIST.resources = [sys.argv[1]], eval(sys.argv[2])
print(len(load("mnist", data_root="data", download=True).x_train))
"""


@pytest.mark.slow
def test_two_workers_of_a_node_fetch_a_dataset_once(tmp_path: pathlib.Path) -> None:
    files = {}
    for part, count in (("train", 5), ("t10k", 3)):
        images = (
            b"\x00\x00\x08\x03"
            + b"".join(each.to_bytes(4, "big") for each in (count, 28, 28))
            + bytes(784 * count)
        )
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(images)
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(
            b"\x00\x00\x08\x01" + count.to_bytes(4, "big") + bytes(count)
        )
    fetched: Counter[str] = Counter()

    class Mirror(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fetched[self.path.strip("/")] += (
                self.headers.get("Method") != "HEAD"
            )  # torchvision's way to ask where a file is
            self.send_response(200)
            self.end_headers()
            self.wfile.write(files[self.path.strip("/")])

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        resources = repr([(name, hashlib.md5(content).hexdigest()) for name, content in files.items()])
        command = [sys.executable, "-c", WORKER, f"http://127.0.0.1:{server.server_port}/", resources]
        workers = [
            subprocess.Popen(
                command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        said = [worker.communicate(timeout=120)[0] for worker in workers]
        server.shutdown()
        thread.join()
    assert said == ["5\n", "5\n"]
    assert fetched == dict.fromkeys(files, 1)
