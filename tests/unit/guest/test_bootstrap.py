"""sys.path of Python functions."""

from __future__ import annotations

import sys

from lambdad.guest.python.bootstrap import search_path

MINOR = "python{}.{}".format(*sys.version_info[:2])
LAYERS = [f"/opt/python/lib/{MINOR}/site-packages", "/opt/python"]
OWN = ["/var/runtime", "/var/lang/lib/python.zip", "/var/lang/lib/python"]


def test_the_order_of_aws() -> None:
    path = search_path({"PYTHONPATH": "/var/runtime"}, OWN)
    assert path == ["/var/task", *LAYERS, *OWN]


def test_the_functions_own_pythonpath_comes_before_the_runtime() -> None:
    path = search_path({"PYTHONPATH": "/opt/mine::/tmp/more"}, OWN)
    assert path == ["/var/task", *LAYERS, "/opt/mine", "/tmp/more", *OWN]


def test_the_task_root_may_be_elsewhere() -> None:
    assert search_path({"LAMBDA_TASK_ROOT": "/srv/code"}, OWN)[0] == "/srv/code"
