"""``eda_runtime.jwt``: only what the issuer signed, for this audience and now, is taken."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from eda_runtime import jwt
from hypothesis import given
from hypothesis import strategies as st

ISSUER = "https://login.example.com/"
CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": "orders", "sub": "ann", "exp": 1_000}
KEYS = {name: rsa.generate_private_key(65537, 2048) for name in ("k1", "k2")}
HASHES = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def jwk(name: str, **more: Any) -> dict[str, Any]:
    numbers = KEYS[name].public_key().public_numbers()
    members = {member: base64url(number.to_bytes(256, "big").lstrip(b"\0")) for member, number in
               (("n", numbers.n), ("e", numbers.e))}  # fmt: skip
    return {"kty": "RSA", "kid": name, "use": "sig", **members, **more}


def token(claims: Mapping[str, Any], key: str = "k1", **head: Any) -> str:
    header = {"alg": "RS256", "kid": key, **head}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    digest = HASHES.get(str(header["alg"]), HASHES["RS256"])
    return f"{signed}.{base64url(KEYS[key].sign(signed.encode(), padding.PKCS1v15(), digest))}"


class World:
    """What the issuer publishes, the time, and how often the issuer was asked."""

    def __init__(self) -> None:
        self.now = 500.0
        self.keys = [jwk("k1")]
        self.asked: list[str] = []
        self.issuer = jwt.Issuer(ISSUER, ["orders", "others"], fetch=self.fetch, now=lambda: self.now)

    def fetch(self, url: str) -> Mapping[str, Any]:
        self.asked.append(url)
        if url.endswith("/.well-known/openid-configuration"):
            return {"issuer": ISSUER, "jwks_uri": "https://login.example.com/keys"}
        return {"keys": self.keys}


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.mark.parametrize("algorithm", HASHES)
@pytest.mark.parametrize("more", [{}, {"aud": ["x", "others"]}, {"aud": None, "client_id": "orders"}, {"nbf": 500}])
def test_a_token_of_the_issuer_is_taken(world: World, algorithm: str, more: dict[str, Any]) -> None:
    claims = {name: value for name, value in {**CLAIMS, **more}.items() if value is not None}
    assert world.issuer.claims(token(claims, alg=algorithm)) == claims


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (token({**CLAIMS, "exp": 500}), "expired"),
        (token({**CLAIMS, "exp": "1000"}), "expired"),
        (token({**CLAIMS, "exp": True}), "expired"),
        (token({name: CLAIMS[name] for name in ("iss", "aud", "sub")}), "expired"),
        (token({**CLAIMS, "nbf": 501}), "not valid yet"),
        (token({**CLAIMS, "iss": ISSUER.rstrip("/")}), "another issuer"),
        (token({**CLAIMS, "aud": "order"}), "another audience"),
        (token({**CLAIMS, "aud": "x", "client_id": "orders"}), "another audience"),
        (token({**CLAIMS, "aud": [["orders"]]}), "another audience"),
        (token({**CLAIMS, "sub": ""}), "no subject"),
        (token({**CLAIMS, "sub": 1}), "no subject"),
        (token(CLAIMS, alg="none"), "a kind that is not taken"),
        (token(CLAIMS, alg="HS256"), "a kind that is not taken"),
        (token(CLAIMS, alg="RS384")[:-4] + "AAAA", "signature is wrong"),
        (token(CLAIMS, crit=["x"]), "a kind that is not taken"),
        (token(CLAIMS, kid=None), "does not name its key"),
        (token(CLAIMS, "k2"), "no such key"),
        (token(CLAIMS, "k2", kid="k1"), "signature is wrong"),
        ("a.b", "three parts"),
        ("....", "three parts"),
        ("..", "no JSON"),
        ("W10.W10.", "no JSON object"),
        (token(CLAIMS).rpartition(".")[0] + ".", "signature is wrong"),
    ],
)
def test_any_other_is_refused(world: World, given: str, why: str) -> None:
    with pytest.raises(jwt.InvalidToken, match=why):
        world.issuer.claims(given)


@given(st.integers(0, 10_000), st.sampled_from("ABCDxyz019-_."))
def test_no_changed_token_says_anything_else(at: int, letter: str) -> None:
    world, good = World(), token(CLAIMS)
    at %= len(good)
    try:
        # The last letter of a part may hold bits that mean nothing.
        assert world.issuer.claims(good[:at] + letter + good[at + 1 :]) == CLAIMS
    except jwt.InvalidToken:
        assert good[at] != letter


def test_keys_are_kept_and_fetched_anew_for_an_unknown_one_now_and_then() -> None:
    world = World()
    for _ in range(3):
        world.issuer.claims(token(CLAIMS))
    assert world.asked == [f"{ISSUER}.well-known/openid-configuration", "https://login.example.com/keys"]
    world.keys = [jwk("k2")]
    # No client may make it be asked at every call.
    for _ in range(3):
        with pytest.raises(jwt.InvalidToken, match="no such key"):
            world.issuer.claims(token(CLAIMS, "k2"))
    assert len(world.asked) == 2
    world.now += jwt.AGAIN_SECONDS + 1
    assert world.issuer.claims(token(CLAIMS, "k2"))["sub"] == "ann"
    # A key that is withdrawn is taken no more, after an hour at the latest.
    with pytest.raises(jwt.InvalidToken, match="no such key"):
        world.issuer.claims(token(CLAIMS))
    world.now, world.keys = world.now + jwt.KEYS_SECONDS + 1, []
    with pytest.raises(jwt.InvalidToken, match="no such key"):
        world.issuer.claims(token({**CLAIMS, "exp": 10**6}, "k2"))


def test_what_the_issuer_publishes_is_looked_at() -> None:
    world = World()
    small = {"n": base64url(b"\xff" * 128)}
    world.keys = [jwk("k1", use="enc"), jwk("k1", kty="EC"), jwk("k1", **small), jwk("k1", e="AQ")]
    with pytest.raises(jwt.InvalidToken, match="no such key"):
        world.issuer.claims(token(CLAIMS))
    other = jwt.Issuer("https://other.example", ["orders"], fetch=world.fetch, now=lambda: 500)
    with pytest.raises(ValueError, match="of another issuer"):
        other.claims(token({**CLAIMS, "iss": "https://other.example"}))
    with pytest.raises(ValueError, match="not https"):
        jwt.fetch_json("file:///etc/passwd")
