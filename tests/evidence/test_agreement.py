"""Both verifiers come to the same, check by check, on every case of the corpus that `evidence-corpus` wrote.

The corpus names for every case the file, what is asked, and what every check came to in Rust. Flips are told in
short: for a file, place and mask of each, and one letter a check.
"""

import json
import os
from pathlib import Path

import pytest

import gongdan_evidence as second

CORPUS = Path(os.environ["GONGDAN_EVIDENCE_CORPUS"])
LETTERS = {"holds": "h", "fails": "f", "not_asked": "n", "not_reached": "r", "not_there": "t"}


def read(name):
    with open(CORPUS / name, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def asked(case):
    said = dict(case["asked"])
    if "org_key" in said:
        said["org_key"] = bytes.fromhex(said["org_key"])
    if "authorities" in said:
        said["authorities"] = [bytes.fromhex(der) for der in said["authorities"]]
    return said


def letters(report):
    return "".join(LETTERS[report["checks"][check]] for check in second.CHECKS)


CASES = read("cases.jsonl")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_case_comes_to_the_same(case):
    report = second.verify((CORPUS / case["file"]).read_bytes(), **asked(case))
    assert letters(report) == case["checks"]
    assert report["good"] == case["good"]
    assert report["level"] == case["level"]
    if case["clock"] is not None:
        assert report["clock"] == case["clock"]
        assert report["sheet"] == case["sheet"]
    for meant in case["meant"]:
        assert report["checks"][meant] == "fails", f"{meant} is there for this"


def test_every_flip_of_every_byte_comes_to_the_same_and_to_nothing_good():
    flips = 0
    for case in read("flips.jsonl"):
        whole = (CORPUS / case["file"]).read_bytes()
        org_key = bytes.fromhex(case["org_key"])
        assert [at for at, _, _ in case["flips"]] == list(range(len(whole)))
        for at, mask, checks in case["flips"]:
            changed = bytearray(whole)
            changed[at] ^= mask
            report = second.verify(bytes(changed), org_key=org_key)
            assert not report["good"], f"{case['file']}: byte {at} ^ {mask}"
            assert letters(report) == checks, f"{case['file']}: byte {at} ^ {mask}"
            flips += 1
    assert flips > 5_000
    print(f"{flips} flips")


def test_every_chain_comes_to_the_same():
    chains = read("chains.jsonl")
    assert {fault for case in chains for _, fault in case["faults"]} == {
        "chain_other_device", "chain_repeated", "chain_order", "chain_gap", "chain_exchanged"}
    for case in chains:
        files = [second.read_file((CORPUS / name).read_bytes()) for name in case["files"]]
        sheets = [second.read_sheet(file[4]) for file in files]
        assert [list(fault) for fault in second.chain(sheets)] == case["faults"], case["name"]


def test_the_movement_opens_with_the_packages_own_hpke():
    from cryptography.hazmat.primitives import hpke
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    for case in read("dynamics.jsonl"):
        suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
        key = X25519PrivateKey.from_private_bytes(bytes.fromhex(case["secret"]))
        picture, sealed = bytes.fromhex(case["picture"]), bytes.fromhex(case["sealed"])
        plain = suite.decrypt(sealed, key, b"gongdan ink v1\n" + second.H(picture))
        assert plain.hex() == case["ink"]
