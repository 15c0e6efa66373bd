"""The OpenAPI description against the service: requests made from it get described answers, never a fault of the program."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter as Counted
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from qingshan.faces.api.exchange import create_exchange_api
from qingshan.faces.api.exchange.visiting import COOKIE
from qingshan.faces.api.registers import create_registers_api
from qingshan.registers.actors import roles
from qingshan.rights.commands import commands

from .counter import Counter

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def everyman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The application, and a cookie of someone with every role, so that requests come past the check of roles."""
    counter = Counter(Path(tmp_path_factory.mktemp("schema")) / "venue")
    counter.actor("everyman", *(r.id for r in roles()))
    token = counter.desk.sessions.begin("everyman", "test", time.time())
    app = create_exchange_api(counter.desk)
    app.state.registers = create_registers_api(counter.desk)
    for one in (app, app.state.registers):
        one.state.cookies = {COOKIE: token}
        one.state.csrf = counter.desk.visitor(token).session.csrf  # type: ignore[union-attr]
        one.state.next = itertools.count(1_000_000 * (one is app))
    yield app
    counter.desk.close()


@pytest.mark.long
def test_requests_made_from_the_description(everyman: Any) -> None:
    """A few of each address; `-k requests_made` with more examples: QINGSHAN_SCHEMA_EXAMPLES."""
    examples = int(os.environ.get("QINGSHAN_SCHEMA_EXAMPLES", "2"))
    called, paths = _called(everyman, examples)
    assert "/market/orders" in paths
    assert sum(called.values()) >= 60 * examples / 2
    assert called[200] and called[422] and not called[500], called


@pytest.mark.long
def test_requests_to_the_registers(everyman: Any) -> None:
    called, _ = _called(everyman.state.registers, int(os.environ.get("QINGSHAN_SCHEMA_EXAMPLES", "1")))
    assert called[200] and called[422] and not called[500], called


def _called(everyman: Any, examples: int) -> tuple[Counted[int], set[str]]:
    """Answers by status, and the addresses, of some requests to each address of an application."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", everyman)
    called, paths = Counted[int](), set[str]()
    for operation in (o.ok() for o in schema.get_all_operations()):
        if operation.path.startswith("/sign"):
            continue

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            headers = {"X-CSRF-Token": everyman.state.csrf} | (
                {"Idempotency-Key": f"s{next(everyman.state.next)}"} if case.method == "POST" else {}
            )
            answer = case.call_and_validate(headers=headers, cookies=everyman.state.cookies, checks=CHECKS)
            called[answer.status_code] += 1

        call()
        paths.add(operation.path)
    return called, paths


def test_every_command_is_described(everyman: Any) -> None:
    described = everyman.openapi()
    for row in commands().values():
        path = "/" + row.id.replace(".", "/")
        assert (path in described["paths"]) == row.face
        if row.face:
            post = described["paths"][path]["post"]
            assert {p["name"] for p in post["parameters"]} >= {"Idempotency-Key"}
            assert post["requestBody"]["content"]["application/json"]["schema"]["properties"].keys() == {
                f.name for f in row.fields
            }
