"""What only Java has: further forms of handlers, the archive of classes, options of the JVM."""

from __future__ import annotations

import pytest

from support.runtimes_under_test import TRIED

from .conftest import Subject

JAVAS = [one for one in TRIED if one.program == "java"]
pytestmark = pytest.mark.parametrize(
    "subject", JAVAS, ids=[one.name for one in JAVAS], indirect=True, scope="session"
)


def test_a_method_that_no_interface_names(subject: Subject) -> None:
    version = subject.version(handler="conformance.Handler::method")
    assert subject.answer(version, "", value={"a": [1]}) == {"a": [1]}
    subject.end(version)


def test_the_archive_of_classes_is_used_in_the_sandbox(subject: Subject) -> None:
    version = subject.version(environment={"JAVA_TOOL_OPTIONS": "-Xlog:class+load"})
    assert subject.answer(version, "echo", value=1) == 1
    loaded = subject.bench.log.text(version.name)
    client = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda source: "
    assert f"{client}shared objects file (top)" in loaded
    subject.end(version)
