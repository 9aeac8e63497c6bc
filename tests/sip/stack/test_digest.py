"""Digest authentication: the vectors of the RFCs, text to value to text, and nonces."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from sip.stack.digest import (
    ALGORITHMS,
    Challenge,
    Credentials,
    NonceFactory,
    NonceVerdict,
    answer,
    base_algorithm,
    compute_response,
    make_ha1,
    verify,
)

RFC7616 = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm={algorithm}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{response}", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
VECTORS = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}
SECRET = b"0123456789abcdef"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_vectors_of_rfc_7616(algorithm: str) -> None:
    ha1 = make_ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
    credentials = Credentials.parse(RFC7616.format(algorithm=algorithm, response=VECTORS[algorithm]))
    assert compute_response(algorithm, ha1, "GET", credentials) == VECTORS[algorithm]
    assert verify(credentials, "GET", ha1)
    assert not verify(credentials, "POST", ha1)
    assert not verify(credentials, "GET", ha1[:-1] + ("0" if ha1[-1] != "0" else "1"))
    assert not verify(credentials, "GET", "")


def test_the_vector_of_rfc_2617() -> None:
    credentials = Credentials(
        "Mufasa",
        "testrealm@host.com",
        "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "/dir/index.html",
        "6629fae49393a05397450978507c4ef1",
        qop="auth",
        nc="00000001",
        cnonce="0a4f113b",
    )
    assert verify(credentials, "GET", make_ha1("MD5", "Mufasa", "testrealm@host.com", "Circle Of Life"))


def test_credentials_without_qop_are_taken_only_on_demand() -> None:
    text = (
        'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'uri="/dir/index.html", response="1949323746fe6a43ef61f9606e7febea"'
    )
    ha1 = make_ha1("MD5", "Mufasa", "testrealm@host.com", "CircleOfLife")
    credentials = Credentials.parse(text)
    assert credentials.count == 0
    assert not verify(credentials, "GET", ha1)
    assert verify(credentials, "GET", ha1, require_qop=False)


def test_an_unknown_qop_is_refused_even_without_demand_for_qop() -> None:
    text = RFC7616.format(algorithm="MD5", response=VECTORS["MD5"]).replace("qop=auth", "qop=auth-conf")
    ha1 = make_ha1("MD5", "Mufasa", "http-auth@example.org", "Circle of Life")
    assert not verify(Credentials.parse(text), "GET", ha1, require_qop=False)
    with pytest.raises(ValueError, match="not supported"):
        compute_response("MD5", ha1, "GET", Credentials.parse(text))


def test_an_unknown_algorithm_is_refused() -> None:
    credentials = Credentials.parse(RFC7616.format(algorithm="SHA-3", response="x"))
    assert not verify(credentials, "GET", "x")
    with pytest.raises(ValueError, match="not supported"):
        make_ha1("SHA-3", "a", "b", "c")


def by_hand(algorithm: str, *parts: str) -> str:
    return hashlib.new(algorithm, ":".join(parts).encode()).hexdigest()


def test_sha_512_256_is_the_hash_of_fips_180_4_and_not_a_cut_sha_512() -> None:
    """RFC 7616 §3.9.2 prints a response that is not this function's; FIPS 180-4 has its own initial values."""
    credentials = Credentials("alice", "r", "n", "sip:x", "", "SHA-512-256", "auth", "00000001", "c")
    ha1 = make_ha1("SHA-512-256", "alice", "r", "pw")
    assert hashlib.new("sha512_256", b"abc").hexdigest().startswith("53048e2681941ef99b2e29b76b4c7dab")
    assert (ha1, len(ha1)) == (by_hand("sha512_256", "alice", "r", "pw"), 64)
    expected = by_hand("sha512_256", ha1, "n", "00000001", "c", "auth", by_hand("sha512_256", "INVITE", "sip:x"))
    assert compute_response("SHA-512-256", ha1, "INVITE", credentials) == expected
    assert verify(replace(credentials, response=expected), "INVITE", ha1)


def test_auth_int_covers_the_body() -> None:
    credentials = Credentials("alice", "r", "n", "sip:x", "", "MD5", "auth-int", "00000001", "c")
    ha1 = make_ha1("MD5", "alice", "r", "pw")
    ha2 = by_hand("md5", "INVITE", "sip:x", hashlib.md5(b"v=0").hexdigest())
    expected = by_hand("md5", ha1, "n", "00000001", "c", "auth-int", ha2)
    given = replace(credentials, response=expected)
    assert verify(given, "INVITE", ha1, b"v=0")
    assert not verify(given, "INVITE", ha1, b"v=1")
    assert not verify(given, "INVITE", ha1)


def test_the_session_variant_hashes_nonce_and_cnonce_into_the_secret() -> None:
    credentials = Credentials("alice", "r", "n", "sip:x", "", "MD5-sess", "auth", "00000001", "c")
    ha1 = make_ha1("MD5", "alice", "r", "pw")
    session = by_hand("md5", ha1, "n", "c")
    expected = by_hand("md5", session, "n", "00000001", "c", "auth", by_hand("md5", "INVITE", "sip:x"))
    assert base_algorithm("MD5-sess") == "MD5"
    assert verify(replace(credentials, response=expected), "INVITE", ha1)
    assert not verify(replace(credentials, algorithm="MD5", response=expected), "INVITE", ha1)


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "MD5-sess", "SHA-256-sess", "SHA-512-256-sess"])
def test_who_is_unknown_is_refused_even_if_the_guess_is_what_stands_for_nobody(algorithm: str) -> None:
    credentials = Credentials("nobody", "r", "n", "sip:x", "", algorithm, "auth", "00000001", "c")
    zeros = "0" * len(make_ha1(base_algorithm(algorithm), "", "", ""))
    guess = compute_response(algorithm, zeros, "INVITE", credentials)
    assert not verify(replace(credentials, response=guess), "INVITE", "")


@pytest.mark.parametrize(
    "challenge",
    [
        Challenge("trunkline.local", "abc"),
        Challenge('re"alm', "abc", "SHA-256", ("auth", "auth-int"), "opa,que", True),
        Challenge("realm", "abc", "MD5", ()),
    ],
)
def test_a_challenge_comes_back_as_written(challenge: Challenge) -> None:
    assert Challenge.parse(str(challenge)) == challenge


def test_credentials_come_back_as_written() -> None:
    plain = Credentials("a\\b", "r", "n", "sip:x", "0" * 32)
    full = Credentials("alice", "r", "n", "sip:x", "0" * 64, "SHA-256", "auth", "0000000a", "c", "")
    assert Credentials.parse(str(plain)) == plain
    assert Credentials.parse(str(full)) == full
    assert full.count == 10


def test_algorithm_and_scheme_are_read_in_any_case() -> None:
    assert Challenge.parse('DIGEST realm="r",nonce="n",algorithm=sha-256,stale=TRUE') == Challenge(
        "r", "n", "SHA-256", (), None, True
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Basic YTpi",
        'Digest realm="r"',
        'Digest username="a", realm="r", nonce="n", uri="u"',
        'Digest username="a", realm="r", nonce="n", uri="u", response="x", qop=auth, nc=1, cnonce="c"',
        'Digest username="a", realm="r", nonce="n", uri="u", response="x", qop=auth, nc=0000000g, cnonce="c"',
        'Digest username="a", realm="r", nonce="n", uri="u", response="x", qop=auth, nc=00000001',
        'Digest username="a", username="b", realm="r", nonce="n", uri="u", response="x"',
        'Digest username="a, realm=r',
        'Digest username="a"b, realm="r", nonce="n", uri="u", response="x"',
        "Digest username",
    ],
)
def test_bad_credentials_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"credentials|unclosed"):
        Credentials.parse(text)


def test_a_challenge_without_nonce_is_refused() -> None:
    with pytest.raises(ValueError, match="no nonce"):
        Challenge.parse('Digest realm="r"')


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "MD5-sess", "SHA-512-256-sess"])
@pytest.mark.parametrize("qop", [("auth",), ("auth", "auth-int"), ("auth-int",), ()])
def test_our_answer_to_a_challenge_is_verified_by_the_other_side(algorithm: str, qop: tuple[str, ...]) -> None:
    ha1 = make_ha1(base_algorithm(algorithm), "trunk", "carrier", "pw")
    challenge = Challenge.parse(str(Challenge("carrier", "n1", algorithm, qop, "o")))
    given = answer(challenge, "INVITE", "sip:+49@carrier", "trunk", ha1, "cn", 2, b"v=0")
    read = Credentials.parse(str(given))
    assert verify(read, "INVITE", ha1, b"v=0", require_qop=bool(qop))
    assert read.qop == (qop[0] if qop else "")
    assert (read.opaque, read.count) == ("o", 2 if qop else 0)


def test_a_challenge_we_cannot_meet_is_refused() -> None:
    with pytest.raises(ValueError, match="qop"):
        answer(Challenge("r", "n", "MD5", ("auth-conf",)), "INVITE", "sip:x", "u", "h", "c")
    with pytest.raises(ValueError, match="algorithm"):
        answer(Challenge("r", "n", "AKAv1-MD5"), "INVITE", "sip:x", "u", "h", "c")


def test_a_nonce_is_good_for_its_life_and_then_stale() -> None:
    nonces = NonceFactory(SECRET, 60.0)
    nonce = nonces.make(1000.0)
    assert len(nonce) == 40
    assert nonces.check(nonce, 1, 1000.0) is NonceVerdict.FRESH
    assert nonces.check(nonce, 2, 1060.0) is NonceVerdict.FRESH
    assert nonces.check(nonce, 3, 1060.1) is NonceVerdict.STALE
    assert nonces.check(nonce, 4, 999.0) is NonceVerdict.STALE


def test_each_nonce_is_another() -> None:
    nonces = NonceFactory(SECRET, 60.0)
    assert len({nonces.make(1.0) for _ in range(100)}) == 100


def test_a_count_seen_before_is_a_replay() -> None:
    nonces = NonceFactory(SECRET, 60.0)
    nonce = nonces.make(0.0)
    verdicts = [nonces.check(nonce, count, 1.0) for count in (1, 1, 2, 5, 3, 6)]
    fresh, stale = NonceVerdict.FRESH, NonceVerdict.STALE
    assert verdicts == [fresh, stale, fresh, fresh, stale, fresh]


def test_a_nonce_without_count_is_good_once() -> None:
    nonces = NonceFactory(SECRET, 60.0)
    nonce = nonces.make(0.0)
    assert nonces.check(nonce, 0, 1.0) is NonceVerdict.FRESH
    assert nonces.check(nonce, 0, 1.0) is NonceVerdict.STALE


def test_a_nonce_of_another_secret_or_realm_or_none_at_all_is_foreign() -> None:
    nonces = NonceFactory(SECRET, 60.0)
    nonce = nonces.make(0.0, "one")
    assert nonces.check(nonce, 1, 0.0, "two") is NonceVerdict.FOREIGN
    assert NonceFactory(b"another secret of enough bytes", 60.0).check(nonce, 1, 0.0, "one") is NonceVerdict.FOREIGN
    for forged in ("", "abc", "é", nonce[:-1] + ("A" if nonce[-1] != "A" else "B"), nonce + nonce, "=" * 40):
        assert nonces.check(forged, 1, 0.0, "one") is NonceVerdict.FOREIGN


def test_processes_with_one_secret_know_each_others_nonces() -> None:
    nonce = NonceFactory(SECRET, 60.0).make(5.0)
    assert NonceFactory(SECRET, 60.0).is_ours(nonce, 6.0) is NonceVerdict.FRESH
    assert NonceFactory(SECRET, 60.0).is_ours(nonce, 66.0) is NonceVerdict.STALE
    assert NonceFactory(SECRET, 60.0).is_ours("x", 6.0) is NonceVerdict.FOREIGN


def test_over_the_limit_the_forgotten_nonces_are_stale_and_none_is_taken_twice() -> None:
    nonces = NonceFactory(SECRET, 60.0, counts_max=3)
    made = [nonces.make(float(at)) for at in range(5)]
    assert all(nonces.check(nonce, 1, 10.0) is NonceVerdict.FRESH for nonce in made)
    assert [nonces.check(nonce, 1, 10.0) for nonce in made] == [NonceVerdict.STALE] * 5
    assert nonces.check(made[0], 2, 10.0) is NonceVerdict.STALE
    assert nonces.check(made[4], 2, 10.0) is NonceVerdict.FRESH


def test_counts_of_nonces_over_age_are_dropped() -> None:
    nonces = NonceFactory(SECRET, 60.0)
    for at in range(100):
        nonces.check(nonces.make(float(at * 10)), 1, float(at * 10))
    assert len(nonces._counts) == 7


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        NonceFactory(b"short", 60.0)
