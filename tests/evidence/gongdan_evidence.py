"""Checks evidence files of signed sheets: a second verifier, written from core/docs/evidence.md alone.

It shares nothing with the first one but that page and the form's resource, which the page names. Signatures are
the `cryptography` package's (OpenSSL); the reader of CBOR is below, because it has to refuse what a general one
accepts.

    python gongdan_evidence.py FILE [--org-key BASE64URL] [--ticket X] [--receipt CODE]
"""

import base64
import hashlib
import json
import re
import sys
import uuid
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import timestamp

FORMS = Path(__file__).resolve().parents[2] / "core/src/evidence/forms"
CHECKS = [
    "file", "sheet", "paths", "content", "root", "signature", "organisation", "certificate", "device", "form",
    "complete", "attachments", "addenda", "sections", "countersignature", "log", "timestamp", "authority",
    "ticket", "receipt",
]
KINDS = ["ink", "paper", "reply", "receipt", "absent", "refused"]
CONFIRMING = 4  # the first kinds


class Malformed(Exception):
    """Bytes that are not what section 1 or a form of the page allows."""


# ---- Section 1: the encoding --------------------------------------------------------------------------------

def decode(data):
    """The one value that `data` is."""
    budget = [100_000]
    value, end = _item(data, 0, 0, budget)
    if end != len(data):
        raise Malformed("bytes after the value")
    return value


def _item(data, at, depth, budget):
    budget[0] -= 1
    if budget[0] < 0 or at >= len(data):
        raise Malformed("too much or too little")
    major, short = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        if short not in (20, 21, 22):
            raise Malformed("a simple value of another kind")
        return {20: False, 21: True, 22: None}[short], at
    if short < 24:
        argument = short
    elif short <= 27:
        width = 1 << (short - 24)
        if at + width > len(data):
            raise Malformed("cut off")
        argument = int.from_bytes(data[at:at + width], "big")
        at += width
        if argument < (24 if width == 1 else 1 << (4 * width)):
            raise Malformed("longer than needed")
    else:
        raise Malformed("indefinite or reserved")
    if major == 0:
        return argument, at
    if major == 1:
        return -1 - argument, at
    if major in (2, 3):
        if at + argument > len(data):
            raise Malformed("cut off")
        raw = bytes(data[at:at + argument])
        at += argument
        if major == 2:
            return raw, at
        try:
            return raw.decode("utf-8"), at
        except UnicodeDecodeError as error:
            raise Malformed("no text") from error
    if major != 4 or depth == 16 or argument > len(data) - at:
        raise Malformed("no array of ours")
    values = []
    for _ in range(argument):
        value, at = _item(data, at, depth + 1, budget)
        values.append(value)
    return values, at


def encode(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        raw = value.encode("utf-8")
        return _head(3, len(raw)) + raw
    return _head(4, len(value)) + b"".join(encode(item) for item in value)


def _head(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    for short, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * width):
            return bytes([major << 5 | short]) + argument.to_bytes(width, "big")
    raise Malformed("too large")


# ---- Forms of values ----------------------------------------------------------------------------------------

def need(condition):
    if not condition:
        raise Malformed("not of its form")


def is_int(value, least, most):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def uint32(value):
    need(is_int(value, 0, 2**32 - 1))


def uint64(value):
    need(is_int(value, 0, 2**64 - 1))


def int64(value):
    need(is_int(value, -(2**63), 2**63 - 1))


def octets(value, length):
    need(isinstance(value, bytes) and len(value) == length)


def text(value):
    need(isinstance(value, str))


def array(value, *lengths):
    need(isinstance(value, list) and len(value) in lengths)


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# Points of small order, in every encoding that has 255 bits of y (RFC 7748 and 8032; the sign bit apart).
SMALL_ORDER = {
    bytes.fromhex(y) for y in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
}


def is_small(point):
    return point[:31] + bytes([point[31] & 0x7F]) in SMALL_ORDER


def verifies(key, message, signature):
    if is_small(key) or is_small(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


# ---- Sections 2 to 5: file, sheet, certificates, addenda -----------------------------------------------------

def read_file(data):
    need(len(data) <= 64 * 1024 * 1024)
    file = decode(data)
    array(file, 8)
    need(file[0] == "gongdan evidence" and file[1] == 1 and file[1] is not True)
    octets(file[2], 32)
    for place in (3, 6):
        need(isinstance(file[place], list) and all(isinstance(item, bytes) for item in file[place]))
    need(isinstance(file[4], bytes))
    need(isinstance(file[5], list) and isinstance(file[7], list))
    for attachment in file[5]:
        array(attachment, 3)
        octets(attachment[0], 32)
        need(isinstance(attachment[1], bool) and isinstance(attachment[2], bytes))
    for section in file[7]:
        array(section, 2)
        uint32(section[0])
        need(isinstance(section[1], bytes))
    return file


def read_certificate(data):
    certificate = decode(data)
    array(certificate, 2)
    statement, signature = certificate
    array(statement, 6, 7, 8)
    octets(signature, 64)
    uint32(statement[0])
    uint64(statement[1])
    octets(statement[2], 16)
    need(statement[3] == 0 and statement[3] is not False)
    octets(statement[4], 32)
    int64(statement[5])
    person = statement[6] if len(statement) > 6 else None
    if len(statement) == 7 or person is not None:
        text(person)
    if len(statement) == 8:
        octets(statement[7], 16)
    return {
        "version": statement[0], "device": statement[2], "key": statement[4],
        "person": person,
        "message": b"gongdan device certificate v1\n" + encode(statement), "signature": signature,
    }


HEADER = [
    "version", "ticket", "kind", "edition", "corrects", "device", "key", "person", "at", "zone", "monotonic", "anchor",
    "running", "previous", "content_leaves", "content", "leaves", "root",
]


def read_sheet(data):
    need(len(data) <= 2 * 1024 * 1024)
    sheet = decode(data)
    array(sheet, 3)
    array(sheet[0], len(HEADER))
    header = dict(zip(HEADER, sheet[0]))
    for name in ("version", "edition", "content_leaves", "leaves"):
        uint32(header[name])
    for name in ("monotonic", "running"):
        uint64(header[name])
    for name in ("ticket", "device"):
        octets(header[name], 16)
    for name in ("key", "previous", "content", "root"):
        octets(header[name], 32)
    need(is_int(header["kind"], 0, 5))
    if header["corrects"] is not None:
        octets(header["corrects"], 32)
    text(header["person"])
    text(header["zone"])
    int64(header["at"])
    if header["anchor"] is not None:
        array(header["anchor"], 2)
        int64(header["anchor"][0])
        int64(header["anchor"][1])
    octets(sheet[1], 64)
    need(isinstance(sheet[2], list))
    for leaf in sheet[2]:
        array(leaf, 2, 5)
        text(leaf[0])
        if len(leaf) == 2:
            octets(leaf[1], 32)
            continue
        octets(leaf[1], 16)
        if isinstance(leaf[2], int) and not isinstance(leaf[2], bool):
            int64(leaf[2])
        else:
            need(leaf[2] is None or isinstance(leaf[2], (bool, str, bytes)))
        text(leaf[3])
        text(leaf[4])
    return {
        "header": header, "signature": sheet[1], "leaves": sheet[2],
        "message": b"gongdan sheet v1\n" + encode(sheet[0]),
    }


def read_addendum(data):
    addendum = decode(data)
    array(addendum, 2)
    note, signature = addendum
    array(note, 7)
    octets(signature, 64)
    uint32(note[0])
    octets(note[1], 32)
    need(is_int(note[2], 0, 1))
    text(note[3])
    octets(note[4], 16)
    text(note[5])
    int64(note[6])
    return {
        "version": note[0], "sheet": note[1], "kind": note[2], "device": note[4], "person": note[5],
        "message": b"gongdan addendum v1\n" + encode(note), "signature": signature,
    }


# ---- Section 8: what the server adds -------------------------------------------------------------------------

COUNTERSIGNATURE, INCLUSION, TIMESTAMP = 1, 2, 3


def read_countersignature(data):
    countersignature = decode(data)
    array(countersignature, 2)
    receival, signature = countersignature
    array(receival, 5)
    octets(signature, 64)
    uint32(receival[0])
    uint32(receival[1])
    uint64(receival[2])
    octets(receival[3], 32)
    int64(receival[4])
    return {
        "version": receival[0], "serial": receival[2], "sheet": receival[3], "at": receival[4],
        "leaf": H(b"\x00", encode(receival)),
        "message": b"gongdan countersignature v1\n" + encode(receival), "signature": signature,
    }


def read_inclusion(data):
    inclusion = decode(data)
    array(inclusion, 2)
    path, checkpoint = inclusion
    need(isinstance(path, list))
    for step in path:
        octets(step, 32)
    array(checkpoint, 2)
    head, signature = checkpoint
    array(head, 5)
    octets(signature, 64)
    uint32(head[0])
    uint32(head[1])
    uint64(head[2])
    octets(head[3], 32)
    int64(head[4])
    return {
        "path": path, "version": head[0], "size": head[2], "root": head[3], "at": head[4],
        "message": b"gongdan log checkpoint v1\n" + encode(head), "signature": signature,
    }


def leads_to(leaf, index, size, path):
    """The root that a path leads to, taken apart from the top as RFC 6962 puts it together."""
    if not 0 <= index < size:
        return None
    if size == 1:
        return leaf if not path else None
    if not path:
        return None
    k = 1
    while 2 * k < size:
        k *= 2
    if index < k:
        left = leads_to(leaf, index, k, path[:-1])
        return None if left is None else H(b"\x01", left, path[-1])
    right = leads_to(leaf, index - k, size - k, path[:-1])
    return None if right is None else H(b"\x01", path[-1], right)


def check_sections(sections, name, devices, authorities):
    """What the checks of sections come to."""
    kinds = [kind for kind, _ in sections]
    in_place = kinds == sorted(set(kinds)) and set(kinds) <= {COUNTERSIGNATURE, INCLUSION, TIMESTAMP}
    by_kind = dict(sections) if in_place else {}
    servers = [d["key"] for d in devices if d["person"] is None]

    def signed(read):
        return read["version"] == 1 and any(
            verifies(key, read["message"], read["signature"]) for key in servers)

    outcomes = {"sections": "holds" if in_place else "fails"}
    own = None
    outcomes["countersignature"] = "not_there"
    if COUNTERSIGNATURE in by_kind:
        try:
            own = read_countersignature(by_kind[COUNTERSIGNATURE])
        except Malformed:
            pass
        if own is not None and not (own["sheet"] == name and signed(own)):
            own = None
        outcomes["countersignature"] = "fails" if own is None else "holds"
    outcomes["log"] = "not_there"
    if INCLUSION in by_kind:
        try:
            log = read_inclusion(by_kind[INCLUSION])
            holds = own is not None and signed(log) and log["at"] >= own["at"] and leads_to(
                own["leaf"], own["serial"] - 1, log["size"], log["path"]) == log["root"]
        except Malformed:
            holds = False
        outcomes["log"] = "holds" if holds else "fails"
    outcomes["timestamp"] = outcomes["authority"] = "not_there"
    if TIMESTAMP in by_kind:
        authority = None
        try:
            kept = decode(by_kind[TIMESTAMP])
            array(kept, 2)
            need(isinstance(kept[0], bytes))
            uint64(kept[1])
            _, authority = timestamp.check(kept[0], kept[1], name)
        except (Malformed, timestamp.Wrong):
            pass
        outcomes["timestamp"] = "fails" if authority is None else "holds"
        if not authorities:
            outcomes["authority"] = "not_asked"
        else:
            known = authority is not None and timestamp.is_of(authority, authorities)
            outcomes["authority"] = "holds" if known else "fails"
    return outcomes


def leaf_hash(leaf):
    commitment = leaf[1] if len(leaf) == 2 else H(b"\x02", leaf[1], encode(leaf[2:5]))
    return H(b"\x00", encode([leaf[0], commitment]))


def root(hashes):
    if len(hashes) <= 1:
        return hashes[0] if hashes else H()
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return H(b"\x01", root(hashes[:k]), root(hashes[k:]))


# ---- The form -----------------------------------------------------------------------------------------------

@lru_cache
def form_of(template, version):
    if re.fullmatch(r"[a-z-]+", template) is None:
        return None
    path = FORMS / f"{template}-{version}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def line_of(form, path):
    segments = path.split("/")
    for line in form["blocks"]:
        own = line["path"].split("/")
        if len(own) == len(segments) and all(o in ("*", s) for o, s in zip(own, segments)):
            return line
    return None


def written(form, kind, value, language, offset):
    """Label and text that the kind fixes (`None` where it does not); Malformed where the value is of another."""
    def choice(group, code):
        known = form["choices"][group].get(code)
        return known[language] if known else code

    plain = isinstance(value, int) and not isinstance(value, bool)
    if kind == "hidden":
        return "", ""
    if kind == "given":
        need(isinstance(value, str))
        return True, None
    if kind == "answer":
        need(isinstance(value, str))
        head, colon, rest = value.partition(":")
        if colon and head in ("skipped", "reading"):
            return None, choice("answer", head) + rest
        return None, choice("answer", value)
    if kind == "text":
        need(isinstance(value, str))
        return True, value
    if kind == "number":
        need(plain)
        return True, str(value)
    if kind == "money":
        need(plain)
        sign = "-" if value < 0 else ""
        return True, f"{sign}¥{abs(value) // 100}.{abs(value) % 100:02}"
    if kind == "instant":
        need(plain and abs(offset) < 24 * 60)
        try:
            zone = timezone(timedelta(minutes=offset))
            at = (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=value)).astimezone(zone)
        except OverflowError as error:
            raise Malformed("no instant") from error
        sign = "-" if offset < 0 else "+"
        return True, f"{at:%Y-%m-%d %H:%M} (UTC{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02})"
    if kind == "hex":
        need(isinstance(value, bytes))
        return True, value.hex()
    need(kind.startswith("choice:") and isinstance(value, (bool, str)))
    code = str(value).lower() if isinstance(value, bool) else value
    return True, choice(kind.removeprefix("choice:"), code)


def check_form(sheet):
    blocks = {leaf[0]: leaf[2] for leaf in reversed(sheet["leaves"]) if len(leaf) == 5}
    template, version = blocks.get("form/template"), blocks.get("form/version")
    language, offset = blocks.get("form/language"), blocks.get("form/offset_minutes")
    first = {leaf[0]: leaf for leaf in reversed(sheet["leaves"])}
    if any(len(first.get(path, [])) != 5 for path in (
            "form/template", "form/version", "form/language", "form/offset_minutes")):
        return "fails"
    if not isinstance(template, str) or not is_int(version, -(2**63), 2**63 - 1):
        return "fails"
    if language not in ("zh", "en") or not is_int(offset, -(2**31), 2**31 - 1):
        return "fails"
    form = form_of(template, version)
    if form is None:
        return "not_reached"
    counted = {}
    for leaf in sheet["leaves"]:
        line = line_of(form, leaf[0])
        n = 0
        if line is not None and "*" in line["path"].split("/"):
            place = line["path"].split("/").index("*")
            segments = leaf[0].split("/")
            seen = counted.setdefault("/".join(segments[:place]), [])
            if segments[place] not in seen:
                seen.append(segments[place])
            n = seen.index(segments[place]) + 1
        if len(leaf) == 2:
            continue
        if line is None:
            return "fails"
        try:
            label, shown = written(form, line["kind"], leaf[2], language, offset)
        except Malformed:
            return "fails"
        if label is True:
            label = line[language].replace("{n}", str(n))
        if label not in (None, leaf[3]) or shown not in (None, leaf[4]):
            return "fails"
    return "holds"


# ---- Section 7: the receipt ---------------------------------------------------------------------------------

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def base32(name):
    bits = "".join(f"{byte:08b}" for byte in name) + "0000"
    return "".join(DIGITS[int(bits[5 * n:5 * n + 5], 2)] for n in range(52))


def twice(value):
    value <<= 1
    return value ^ 0x25 if value & 0x20 else value


def at_two(digits):
    value = 0
    for digit in digits:
        value = twice(value) ^ DIGITS.index(digit)
    return value


def receipt_digits(name):
    first = base32(name)[:16]
    return first + DIGITS[twice(at_two(first))]


def typed_digits(typed):
    digits = typed.replace(" ", "").replace("-", "").upper().translate(str.maketrans("OIL", "011"))
    if len(digits) != 17 or any(digit not in DIGITS for digit in digits) or at_two(digits) != 0:
        return None
    return digits


# ---- Section 9: the checks ----------------------------------------------------------------------------------

FROZEN = ("form/", "content/", "consent/", "basis/")
SIGNED = ("answers/", "refusal/", "signer/", "attachment/", "place/")


def is_consistent(sheet):
    h = sheet["header"]
    return (
        h["version"] == 1 and h["leaves"] == len(sheet["leaves"]) and 0 < h["content_leaves"] <= h["leaves"]
        and h["running"] > 0 and (h["running"] == 1) == (h["previous"] == bytes(32))
        and h["edition"] > 0 and (h["edition"] == 1) == (h["corrects"] is None)
    )


def are_paths_in_place(sheet):
    paths = [leaf[0] for leaf in sheet["leaves"]]
    frozen = sheet["header"]["content_leaves"]
    return len(set(paths)) == len(paths) and all(
        path.startswith(FROZEN if place < frozen else SIGNED) for place, path in enumerate(paths))


def is_complete(sheet):
    kind = sheet["header"]["kind"]
    first = {leaf[0]: leaf for leaf in reversed(sheet["leaves"])}
    confirms = kind < CONFIRMING
    needed = [
        "answers/solved", "answers/satisfied", "answers/professionalism",
        "signer/1/name", "signer/1/capacity", "signer/1/identified",
    ]
    if any((path in first) != confirms for path in needed) or "content/number" not in first:
        return False

    def has_role(role):
        return any(leaf[0].startswith("attachment/") and len(leaf) == 5 and leaf[2] == role
                   for leaf in sheet["leaves"])

    name = KINDS[kind]
    if name == "ink":
        return all(is_drawn(first.get(path.removesuffix("name") + "picture"))
                   for path in first if path.startswith("signer/") and path.endswith("/name"))
    if name in ("paper", "reply", "receipt"):
        return has_role({"receipt": "report"}.get(name, name))
    return "refusal/reason" in first and ("refusal/witness" in first or has_role("scene"))


def is_drawn(leaf):
    if leaf is None:
        return False
    if len(leaf) == 2:
        return True
    if not isinstance(leaf[2], bytes):
        return False
    try:
        picture = decode(leaf[2])
        array(picture, 3)
        uint32(picture[0])
        uint32(picture[1])
        need(isinstance(picture[2], list) and picture[2])
        for stroke in picture[2]:
            need(isinstance(stroke, list) and stroke and len(stroke) % 2 == 0)
            for step in stroke:
                int64(step)
        return True
    except Malformed:
        return False


def are_attachments(sheet, enclosed):
    first = {leaf[0]: leaf for leaf in reversed(sheet["leaves"])}
    named = [
        leaf for leaf in sheet["leaves"]
        if len(leaf) == 5 and isinstance(leaf[2], bytes) and len(leaf[2]) == 32
        and leaf[0].startswith(("content/photos/", "attachment/")) and leaf[0].endswith("/hash")
    ]
    if len(named) != len(enclosed):
        return False
    for leaf, (name, is_here, data) in zip(named, enclosed):
        if name != leaf[2]:
            return False
        if not is_here:
            if data:
                return False
            continue
        length = first.get(leaf[0].replace("/hash", "/bytes"), [None] * 2)
        length = length[2] if len(length) == 5 and is_int(length[2], 0, 2**63) else 0
        if H(data) != name or len(data) != length:
            return False
    return True


def clock(header):
    if header["anchor"] is None:
        return "clock_unproven"
    server, contact = header["anchor"]
    age = header["at"] - contact
    if abs(contact - server) > 300 or age < 0:
        return "clock_wrong"
    if age > 7 * 86400:
        return "clock_old"
    return "clock_recent" if age > 86400 else "clock_fresh"


def verify(data, org_key=None, ticket=None, receipt=None, authorities=()):
    """What every check comes to, the level and the clock's grade."""
    checks = dict.fromkeys(CHECKS, "not_reached")
    told = {"checks": checks, "good": False, "level": "none", "clock": None, "sheet": None}

    def said(name, holds):
        checks[name] = "holds" if holds else "fails"

    try:
        file = read_file(data)
    except Malformed:
        said("file", False)
        return told
    said("file", True)
    if org_key is None:
        checks["organisation"] = "not_asked"
    else:
        said("organisation", file[2] == org_key)
    devices = []
    key = org_key or file[2]
    try:
        devices = [read_certificate(item) for item in file[3]]
        holds = bool(devices) and all(
            d["version"] == 1 and not is_small(d["key"]) and verifies(key, d["message"], d["signature"])
            for d in devices)
    except Malformed:
        holds = False
    devices = devices if holds else []
    said("certificate", holds)
    try:
        sheet = read_sheet(file[4])
        need(is_consistent(sheet))
    except Malformed:
        said("sheet", False)
        return told
    said("sheet", True)
    header = sheet["header"]
    hashes = [leaf_hash(leaf) for leaf in sheet["leaves"]]
    said("paths", are_paths_in_place(sheet))
    said("content", root(hashes[:header["content_leaves"]]) == header["content"])
    said("root", root(hashes) == header["root"])
    said("signature", verifies(header["key"], sheet["message"], sheet["signature"]))
    said("device", any(
        d["device"] == header["device"] and d["key"] == header["key"] and d["person"] in (None, header["person"])
        for d in devices))
    checks["form"] = check_form(sheet)
    said("complete", is_complete(sheet))
    said("attachments", are_attachments(sheet, file[5]))
    name = H(sheet["message"], sheet["signature"])
    try:
        addenda = [read_addendum(item) for item in file[6]]
        holds = all(
            a["version"] == 1 and a["sheet"] == name and any(
                d["device"] == a["device"] and d["person"] in (None, a["person"])
                and verifies(d["key"], a["message"], a["signature"]) for d in devices)
            for a in addenda)
    except Malformed:
        addenda, holds = [], False
    said("addenda", holds)
    checks.update(check_sections(file[7], name, devices, authorities))
    if ticket is None:
        checks["ticket"] = "not_asked"
    else:
        number = next((leaf for leaf in sheet["leaves"] if leaf[0] == "content/number"), [])
        own = {str(uuid.UUID(bytes=header["ticket"]))} | ({number[4]} if len(number) == 5 else set())
        said("ticket", ticket in own)
    if receipt is None:
        checks["receipt"] = "not_asked"
    else:
        said("receipt", typed_digits(receipt) == receipt_digits(name))
    told["good"] = all(
        outcome in ("holds", "not_asked", "not_there") or (check == "form" and outcome == "not_reached")
        for check, outcome in checks.items())
    if told["good"]:
        taken = any(a["kind"] == 1 for a in addenda)
        told["level"] = "unsigned" if header["kind"] >= CONFIRMING else "receipt_taken" if taken else "witnessed"
    told["clock"] = clock(header)
    told["sheet"] = name.hex()
    return told


def chain(sheets):
    """What is wrong between each sheet and the one before it: place (from 1) and code."""
    found = []
    for place, (before, after) in enumerate(zip(sheets, sheets[1:]), 1):
        b, a = before["header"], after["header"]
        name = H(before["message"], before["signature"])
        if b["device"] != a["device"]:
            found.append((place, "chain_other_device"))
        elif a["running"] == b["running"]:
            found.append((place, "chain_repeated"))
        elif a["running"] < b["running"]:
            found.append((place, "chain_order"))
        elif a["running"] > b["running"] + 1:
            found.append((place, "chain_gap"))
        elif a["previous"] != name:
            found.append((place, "chain_exchanged"))
    return found


def main(arguments):
    asked, files = {}, []
    rest = iter(arguments)
    for argument in rest:
        if argument in ("--org-key", "--ticket", "--receipt"):
            asked[argument[2:].replace("-", "_")] = next(rest)
        else:
            files.append(argument)
    if "org_key" in asked:
        asked["org_key"] = base64.urlsafe_b64decode(asked["org_key"] + "=")
    reports = [verify(Path(file).read_bytes(), **asked) for file in files]
    print(json.dumps(reports, indent=2))
    return 0 if all(report["good"] for report in reports) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
