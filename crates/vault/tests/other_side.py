"""gmssl (PyPI) on the other side of the line: signs and verifies with SM2, closes and opens envelopes. Arguments and answers are hex."""
import sys

from Cryptodome.Util.asn1 import DerInteger, DerOctetString, DerSequence
from gmssl import sm2, sm4


def party(secret, public):
    # Without the 04 of an uncompressed point: the library strips these digits from the left of any key that begins with them.
    return sm2.CryptSM2(private_key=secret, public_key=public[2:], mode=1)


def verify(public, message, signature):
    halves = DerSequence().decode(bytes.fromhex(signature))
    raw = "".join(format(number, "064x") for number in halves)
    return "01" if party("", public).verify_with_sm3(raw, bytes.fromhex(message)) else "00"


def sign(secret, public, message):
    raw = party(secret, public).sign_with_sm3(bytes.fromhex(message))
    halves = [DerInteger(int(raw[at:at + 64], 16)) for at in (0, 64)]
    return DerSequence(halves).encode().hex()


def open_envelope(secret, public, key, iv, content):
    x, y, digest, text = DerSequence().decode(bytes.fromhex(key))
    strings = [DerOctetString().decode(part).payload for part in (digest, text)]
    cipher = format(x, "064x") + format(y, "064x") + b"".join(strings).hex()
    cbc = sm4.CryptSM4()
    cbc.set_key(party(secret, public).decrypt(bytes.fromhex(cipher)), sm4.SM4_DECRYPT)
    return cbc.crypt_cbc(bytes.fromhex(iv), bytes.fromhex(content)).hex()


def close_envelope(public, key, iv, content):
    cipher = party("", public).encrypt(bytes.fromhex(key)).hex()
    parts = [
        DerInteger(int(cipher[:64], 16)),
        DerInteger(int(cipher[64:128], 16)),
        DerOctetString(bytes.fromhex(cipher[128:192])),
        DerOctetString(bytes.fromhex(cipher[192:])),
    ]
    cbc = sm4.CryptSM4()
    cbc.set_key(bytes.fromhex(key), sm4.SM4_ENCRYPT)
    closed = cbc.crypt_cbc(bytes.fromhex(iv), bytes.fromhex(content))
    return DerSequence(parts).encode().hex() + " " + closed.hex()


print(globals()[sys.argv[1]](*sys.argv[2:]))
