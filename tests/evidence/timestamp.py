"""Checks a kept RFC 3161 token (section 8 of core/docs/evidence.md) for the second verifier.

The token has one form: what is in it that its signature or its certificate's hash does not bind is put together
again here and compared, so that the reader below may be short.
"""

import hashlib
from datetime import datetime, timezone

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

SEQUENCE, SET, INTEGER, OCTETS, OID, NULL, TIME = 0x30, 0x31, 0x02, 0x04, 0x06, 0x05, 0x18
DIGESTS = {
    32: ("2.16.840.1.101.3.4.2.1", hashes.SHA256()),
    48: ("2.16.840.1.101.3.4.2.2", hashes.SHA384()),
    64: ("2.16.840.1.101.3.4.2.3", hashes.SHA512()),
}
CERTIFICATE_DIGESTS = {oid: digest for oid, digest in DIGESTS.values()}
# What the package says of a certificate that it does not read.
REFUSED = (
    ValueError, TypeError, IndexError, UnsupportedAlgorithm,
    x509.InvalidVersion, x509.ExtensionNotFound, x509.DuplicateExtension,
)
ECDSA = {32: "1.2.840.10045.4.3.2", 48: "1.2.840.10045.4.3.3"}


class Wrong(Exception):
    """Not a token that holds."""


def need(condition):
    if not condition:
        raise Wrong


def element(data, at=0):
    """Tag, content and end of the element at a place."""
    need(at + 2 <= len(data))
    tag, length = data[at], data[at + 1]
    at += 2
    if length >= 0x80:
        width = length & 0x7F
        need(0 < width <= 4 and at + width <= len(data))
        length = int.from_bytes(data[at:at + width], "big")
        at += width
    need(at + length <= len(data))
    return tag, data[at:at + length], at + length


def inside(content):
    """The elements of a sequence or set: tag, content, and the whole."""
    at, found = 0, []
    while at < len(content):
        tag, inner, end = element(content, at)
        found.append((tag, inner, content[at:end]))
        at = end
    return found


def write(tag, *parts):
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    width = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | width]) + length.to_bytes(width, "big") + content


def integer(value):
    return write(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted):
    first, second, *rest = (int(part) for part in dotted.split("."))
    out = bytearray()
    for part in [40 * first + second, *rest]:
        septets = [part & 0x7F]
        while part := part >> 7:
            septets.append(part & 0x7F | 0x80)
        out += bytes(reversed(septets))
    return write(OID, bytes(out))


SIGNED_DATA, TST_INFO = oid("1.2.840.113549.1.7.2"), oid("1.2.840.113549.1.9.16.1.4")
CONTENT_TYPE, MESSAGE_DIGEST = oid("1.2.840.113549.1.9.3"), oid("1.2.840.113549.1.9.4")
SIGNING_CERTIFICATE = oid("1.2.840.113549.1.9.16.2.47")
SHA256 = oid("2.16.840.1.101.3.4.2.1")


def the_one(elements, tag):
    need(len(elements) == 1 and elements[0][0] == tag)
    return elements[0][1]


def taken_apart(token):
    """TSTInfo, certificate, signed attributes (content of their set) and signature."""
    tag, info, end = element(token)
    need(tag == SEQUENCE and end == len(token))
    info = inside(info)
    need(len(info) == 2)
    signed = inside(the_one(inside(info[1][1]), SEQUENCE))
    need(len(signed) == 5)
    encapsulated = inside(signed[2][1])
    need(len(encapsulated) == 2)
    content = the_one(inside(encapsulated[1][1]), OCTETS)
    certificates = inside(signed[3][1])
    need(len(certificates) == 1)
    signer = inside(the_one(inside(signed[4][1]), SEQUENCE))
    need(len(signer) == 6 and signer[5][0] == OCTETS)
    return content, certificates[0][2], signer[3][1], signer[5][1]


def put_together(content, certificate, attributes, signature, digest_length, own):
    """The token of these parts in its one form."""
    digest = write(SEQUENCE, oid(DIGESTS[digest_length][0]))
    key = own.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        algorithm = write(SEQUENCE, oid("1.2.840.113549.1.1.1"), write(NULL))
    elif isinstance(key, ec.EllipticCurvePublicKey) and digest_length in ECDSA:
        algorithm = write(SEQUENCE, oid(ECDSA[digest_length]))
    elif isinstance(key, ed25519.Ed25519PublicKey) and digest_length == 64:
        algorithm = write(SEQUENCE, oid("1.3.101.112"))
    else:
        raise Wrong
    signer = write(
        SEQUENCE, integer(1),
        write(SEQUENCE, own.issuer.public_bytes(), integer(own.serial_number)),
        digest, write(0xA0, attributes), algorithm, write(OCTETS, signature))
    signed = write(
        SEQUENCE, integer(3), write(SET, digest),
        write(SEQUENCE, TST_INFO, write(0xA0, write(OCTETS, content))),
        write(0xA0, certificate), write(SET, signer))
    return write(SEQUENCE, SIGNED_DATA, write(0xA0, signed))


def the_value(attributes, name):
    """The one value of the attribute of this name that stands once."""
    found = []
    for tag, attribute, _ in inside(attributes):
        parts = inside(attribute)
        need(tag == SEQUENCE and len(parts) == 2 and parts[1][0] == SET)
        if parts[0][2] == name:
            found.append(parts[1][1])
    need(len(found) == 1)
    values = inside(found[0])
    need(len(values) == 1)
    return values[0]


def verifies(key, digest_length, message, signature):
    algorithm = DIGESTS[digest_length][1]
    try:
        if isinstance(key, rsa.RSAPublicKey):
            need(2048 <= key.key_size <= 8192)
            key.verify(signature, message, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            need(key.curve.name in ("secp256r1", "secp384r1") and digest_length in ECDSA)
            key.verify(signature, message, ec.ECDSA(algorithm))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            return False
        return True
    except InvalidSignature:
        return False


def is_bound(attributes, certificate):
    """RFC 5816: the first certificate named among the signed attributes is this one."""
    tag, named, _ = the_value(attributes, SIGNING_CERTIFICATE)
    need(tag == SEQUENCE)
    first = inside(inside(inside(named)[0][1])[0][1])[0:2]
    algorithm = hashes.SHA256()
    if first[0][0] == SEQUENCE:
        by_oid = {oid(dotted): digest for dotted, digest in CERTIFICATE_DIGESTS.items()}
        algorithm = by_oid.get(inside(first[0][1])[0][2])
        first = first[1:]
    need(algorithm is not None and first[0][0] == OCTETS)
    return hashlib.new(algorithm.name, certificate).digest() == first[0][1]


def check(token, nonce, sheet):
    """Time and certificate of a token over a sheet's name that holds; `Wrong` otherwise."""
    try:
        return _check(token, nonce, sheet)
    except REFUSED as error:
        raise Wrong from error


def _check(token, nonce, sheet):
    content, certificate, attributes, signature = taken_apart(token)
    own = x509.load_der_x509_certificate(certificate)
    need(own.public_bytes(Encoding.DER) == certificate)
    tag, digest, _ = the_value(attributes, MESSAGE_DIGEST)
    need(tag == OCTETS and len(digest) in DIGESTS)
    need(put_together(content, certificate, attributes, signature, len(digest), own) == token)
    need(hashlib.new(DIGESTS[len(digest)][1].name, content).digest() == digest)
    need(the_value(attributes, CONTENT_TYPE)[2] == TST_INFO)
    need(is_bound(attributes, certificate))
    need(verifies(own.public_key(), len(digest), write(SET, attributes), signature))

    tag, info, end = element(content)
    need(tag == SEQUENCE and end == len(content))
    version, _, imprint, _, time, *rest = inside(info)
    need(version[2] == integer(1))
    algorithm, hashed = inside(imprint[1])
    need(inside(algorithm[1])[0][2] == SHA256 and hashed[2] == write(OCTETS, sheet))
    numbers = [whole for tag, _, whole in rest if tag == INTEGER]
    need(numbers == [integer(nonce)])
    need(time[0] == TIME and time[1].endswith(b"Z"))
    whole, _, fraction = time[1][:-1].decode("ascii").partition(".")
    need(len(whole) == 14 and whole.isdigit() and (fraction.isdigit() or "." not in time[1].decode()))
    at = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)

    usage = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    need(usage.critical and list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING])
    need(own.not_valid_before_utc <= at <= own.not_valid_after_utc)
    return at, own


def is_of(own, known):
    """Whether the authority is one of these certificates, or one of these issued its certificate."""
    for data in known:
        try:
            other = x509.load_der_x509_certificate(data)
            if other == own:
                return True
            own.verify_directly_issued_by(other)
            return True
        except (ValueError, TypeError, InvalidSignature):
            continue
    return False
