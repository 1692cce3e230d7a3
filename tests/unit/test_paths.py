"""Paths of an API: names that no two share, methods as API Gateway names them, references that lead there."""

import re
from urllib.parse import urljoin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pulumi_aws_eda._parts.api import paths

PARTS = st.one_of(
    st.from_regex(r"[A-Za-z0-9._:-]{1,6}", fullmatch=True), st.from_regex(r"\{[a-z0-9._:-]{1,4}\}", fullmatch=True)
)
PATHS = st.lists(PARTS, max_size=4).map(lambda parts: "/" + "/".join(parts))
ROUTES = st.tuples(st.sampled_from(["GET", "POST"]), PATHS).map(" ".join)
ALIKE = ("GET /a-b", "GET /a/b", "GET /a_b", "GET /A/b", "GET /a.b", "GET /{a}/b", "GET /{a-b}", "GET /a/{b}")


def taken(route: str) -> str:
    """A path of plain words that is called as another route is."""
    return "GET /" + paths.slugs([route])[route].removeprefix("get-").replace("-", "/")


@given(st.lists(st.one_of(ROUTES, st.sampled_from(ALIKE), st.sampled_from(ALIKE).map(taken)), unique=True, max_size=6))
@example(["GET /a-b", taken("GET /a-b")])
@example(["GET /a-b", "GET /a/b", taken("GET /a-b"), taken("GET /a_b")])
def test_no_two_routes_share_a_name(routes: list[str]) -> None:
    for names in (paths.slugs(routes), paths.operation_ids(routes)):
        assert set(names) == set(routes)
        assert len(set(names.values())) == len(routes)
    for route, name in paths.slugs(routes).items():
        assert re.fullmatch("[a-z0-9-]+", name)
        # A name that is taken by none stays, whatever other routes there are: it is a resource's.
        alone = paths.slugs([route])[route]
        assert name.startswith(alone)


def test_names_stay_what_they_were() -> None:
    assert paths.slugs(["POST /orders", "GET /orders/{order_id}"]) == {
        "POST /orders": "post-orders",
        "GET /orders/{order_id}": "get-orders-order-id-6e6f02",
    }


def test_an_operation_has_its_plain_name_where_no_other_has_it() -> None:
    ids = paths.operation_ids(["GET /orders/{order_id}", "GET /a-b", "GET /a/b"])
    assert ids["GET /orders/{order_id}"] == "get-orders-order-id"
    assert ids["GET /a/b"] == "get-a-b"
    assert ids["GET /a-b"] != "get-a-b"


@given(PATHS)
def test_a_method_path_is_one_segment_and_the_method(path: str) -> None:
    resource, method = paths.method_path("GET", path).split("/")
    assert (resource.replace("~1", "/"), method) == (path, "GET")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/", None),
        ("/orders/{order_id}", None),
        ("/orders/{order-id}/{line.no}", None),
        ("/files/{path+}", None),
        ("/orders/", "has the part ''"),
        ("//orders", "has the part ''"),
        ("/o rders", "has the part"),
        ("/örders", "has the part"),
        ("/orders/x{id}", "has the part 'x{id}'"),
        ("/{path+}/orders", "has the part '{path+}'"),
        ("/a/{id}/b/{id}", "has the parameter 'id' twice"),
        ("/orders/:order_id", "has the part ':order_id', which would be no parameter; write {order_id}"),
    ],
)
def test_what_api_gateway_does_not_take_is_told(path: str, problem: str | None) -> None:
    found = paths.problem(path)
    assert found is None if problem is None else (found or "").startswith(problem)


def test_two_parameters_in_one_place_are_told() -> None:
    assert paths.siblings(["/orders/{id}", "/orders/{id}/lines", "/shops/{shop}"]) is None
    assert paths.siblings(["/orders/{id}", "/orders/{order}/lines"]) == ("/orders/{id}", "/orders/{order}")


@pytest.mark.parametrize(
    ("path", "location", "reference"),
    [
        ("/orders", "/orders/{id}", "orders/{id}"),
        ("/orders/{order_id}/details", "/orders/{id}", "../{id}"),
        ("/shops/{shop}/orders", "/shops/{shop}/orders/{id}", "orders/{id}"),
        ("/new", "/orders/{id}/status", "orders/{id}/status"),
        ("/", "/orders/{id}", "orders/{id}"),
        ("/orders", "/urn:order:{id}", "./urn:order:{id}"),
    ],
)
def test_a_reference_is_relative(path: str, location: str, reference: str) -> None:
    assert paths.location_problem(path, location) is None
    assert paths.reference(path, location) == reference


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/orders", "orders/{id}"),
        ("/orders", "/orders"),
        ("/shops/{shop}/orders", "/orders/{shop}/{id}"),
        ("/orders/{id}/lines", "/orders/{id}/summary"),
        ("/files/{path+}", "/files/{id}"),
    ],
)
def test_a_location_that_no_reference_leads_to_is_told(path: str, location: str) -> None:
    assert paths.location_problem(path, location)


@given(PATHS, PATHS, st.sampled_from(["", "/v1", "/shop/v2"]))
@example("/", "/a:b/c", "")
def test_a_reference_leads_there_behind_any_prefix(path: str, location: str, prefix: str) -> None:
    # Braces are characters like others here: what is in them is replaced the same way on both sides.
    asked, wanted = (text.replace("{", "").replace("}", "") for text in (path, location))
    if any(set(part) <= {"."} for text in (asked, wanted) for part in text.split("/")):
        return
    base = f"https://api.example.com{prefix}"
    assert urljoin(base + asked, paths.reference(asked, wanted)) == base + wanted


@given(st.lists(ROUTES, min_size=1, max_size=5))
def test_a_permission_covers_its_routes(routes: list[str]) -> None:
    pattern = paths.invocation([(route.split(" ")[0], route.split(" ")[1]) for route in routes])
    expression = re.compile(re.escape(pattern).replace(r"\*", ".*"))
    for route in routes:
        method, path = route.split(" ")
        assert expression.fullmatch(method + re.sub(r"\{[^}]*\}", "x", path)), pattern


def test_a_permission_covers_no_more_than_it_must() -> None:
    assert paths.invocation([("GET", "/orders/{id}")]) == "GET/orders/*"
    assert paths.invocation([("GET", "/orders"), ("POST", "/orders")]) == "*/orders"
    assert paths.invocation([("GET", "/orders"), ("GET", "/orders/{id}")]) == "GET/orders*"
    assert paths.invocation([("GET", "/a/x"), ("GET", "/a/y")]) == "GET/a/*"
    assert paths.invocation([("GET", "/a"), ("POST", "/b")]) == "*/*"
