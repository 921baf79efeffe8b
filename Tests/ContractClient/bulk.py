"""The bulk protocol and the records that it carries, from Protocol.md ("Bulk") and Format.md ("Record") alone."""

import ctypes
import ctypes.util
import hashlib
import struct
import threading

import zmq
from bascule.v1 import common_pb2

HELLO, WELCOME, RECORD, CREDIT, FINISH, STORED, HASH_REQUEST, HASHES, REFUSE, HEARTBEAT, ABANDON = range(1, 12)
HEADER = struct.Struct(">4sBBHIIQQQ")
RECORD_HEADER = struct.Struct(">4sBBBBIHHQQQII")
DATA, ZERO = 1, 2
BLOCK = 64 << 10


def frame(kind, attempt, sequence=0, value=0, body=b""):
    return [HEADER.pack(b"BBK1", 1, kind, 0, attempt, 0, sequence, value, len(body)), body]


def parse(frames):
    """(kind, attempt, sequence, value, body) of the last two frames of a message."""
    magic, version, kind, zero, attempt, zeros, sequence, value, length = HEADER.unpack(frames[-2])
    if (magic, version, zero, zeros, length) != (b"BBK1", 1, 0, 0, len(frames[-1])):
        raise AssertionError(f"a bulk header breaks the protocol: {frames[-2].hex()}")
    return kind, attempt, sequence, value, frames[-1]


class Seal:
    """AES-256-GCM of OpenSSL, because Python brings none."""

    def __init__(self):
        self.library = ctypes.CDLL(ctypes.util.find_library("crypto"))
        for name in ["EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"]:
            getattr(self.library, name).restype = ctypes.c_void_p

    def open(self, key, nonce, additional, sealed, tag):
        """The plain text; raises when the tag does not hold."""
        return self._run(0, key, nonce, additional, sealed, tag)[0]

    def seal(self, key, nonce, additional, plain):
        return self._run(1, key, nonce, additional, plain, None)

    def _run(self, encrypts, key, nonce, additional, data, tag):
        context = ctypes.c_void_p(self.library.EVP_CIPHER_CTX_new())
        try:
            cipher = ctypes.c_void_p(self.library.EVP_aes_256_gcm())
            out, length = ctypes.create_string_buffer(len(data) + 16), ctypes.c_int()
            done = [self.library.EVP_CipherInit_ex(context, cipher, None, key, nonce, encrypts)]
            if tag is not None:
                done.append(self.library.EVP_CIPHER_CTX_ctrl(context, 0x11, 16, ctypes.c_char_p(tag)))
            done.append(self.library.EVP_CipherUpdate(context, None, ctypes.byref(length), additional, len(additional)))
            if data:
                done.append(self.library.EVP_CipherUpdate(context, out, ctypes.byref(length), data, len(data)))
            rest = ctypes.create_string_buffer(16)
            done.append(self.library.EVP_CipherFinal_ex(context, rest, ctypes.byref(length)))
            made = ctypes.create_string_buffer(16)
            if encrypts:
                done.append(self.library.EVP_CIPHER_CTX_ctrl(context, 0x10, 16, made))
            if any(one != 1 for one in done):
                raise AssertionError("the seal of a record does not hold")
            return out.raw[:len(data)], made.raw
        finally:
            self.library.EVP_CIPHER_CTX_free(context)


def nonce(attempt, sequence):
    return struct.pack(">IQ", attempt, sequence)


def sealed_record(seal, key, attempt, sequence, offset, data):
    """A data record without packing, as it is sent and stored."""
    header = RECORD_HEADER.pack(
        b"BREC", 1, DATA, 0, 0, attempt, 0, 0, sequence, offset, len(data), len(data), 0)
    body, tag = seal.seal(key, nonce(attempt, sequence), header, data)
    return header + body + tag


def digest(records):
    """Over header and tag of each; a tag stands for its payload."""
    return hashlib.sha256(b"".join(record[:48] + record[-16:] for record in records)).digest()


def opened_record(seal, key, attempt, record):
    """(disk, offset, length, data) of a record; the data of zeros is None."""
    magic, version, kind, codec, reserved, told, disk, none, sequence, offset, length, payload, zero = (
        RECORD_HEADER.unpack(record[:48]))
    if (magic, version, codec, reserved, told, none, zero) != (b"BREC", 1, 0, 0, attempt, 0, 0):
        raise AssertionError(f"a record breaks the format: {record[:48].hex()}")
    if payload != len(record) - 64:
        raise AssertionError("a record is longer or shorter than its header says")
    plain = seal.open(key, nonce(attempt, sequence), record[:48], record[48:-16], record[-16:])
    return disk, offset, length, plain if kind == DATA else None


def send(context, endpoint, token, job, attempt, records, patience=20_000):
    """What a worker does with its records; returns the digest that the receiver answers."""
    dealer = context.socket(zmq.DEALER)
    dealer.connect(endpoint)
    try:
        def expect(*kinds):
            while True:
                if not dealer.poll(patience):
                    raise AssertionError("the receiver of a transfer does not answer")
                answer = parse(dealer.recv_multipart())
                if answer[0] == REFUSE:
                    error = common_pb2.Error.FromString(answer[4])
                    raise AssertionError(f"the transfer was refused: {error.message} {error.remedy}")
                if answer[0] in kinds:
                    return answer
                if answer[0] not in (HEARTBEAT, CREDIT):
                    raise AssertionError(f"the receiver answered with kind {answer[0]}")

        dealer.send_multipart(frame(HELLO, attempt, body=token + job.bytes))
        credit = expect(WELCOME)[3]
        for sequence, record in enumerate(records):
            credit -= max(1024, len(record))
            if credit < 0:
                raise AssertionError("these records are more than a transfer without waiting for credit")
            dealer.send_multipart(frame(RECORD, attempt, sequence=sequence, body=record))
        dealer.send_multipart(frame(FINISH, attempt, value=len(records), body=digest(records)))
        return expect(STORED)[4]
    finally:
        dealer.close(linger=0)


class Receiver(threading.Thread):
    """The target's side of transfers. Keeps the records, and answers hashes of what `held` says the parent holds."""

    def __init__(self, context, held=b""):
        super().__init__(name="bulk-receiver", daemon=True)
        self.socket = context.socket(zmq.ROUTER)
        self.endpoint = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"
        self.held = held
        self.stopping = threading.Event()
        # By attempt: records as they came; attempts that said hello with what token and job; ended ones.
        self.records, self.hellos, self.finished, self.abandoned = {}, {}, set(), set()
        self.hashes_asked = 0
        # What is sent in place of a welcome, once: the misbehaviour of a neighbour.
        self.instead_of_welcome = None
        self.fault = None

    def run(self):
        try:
            while not self.stopping.is_set():
                if self.socket.poll(100):
                    frames = self.socket.recv_multipart()
                    self._take(frames[0], *parse(frames))
        except Exception as fault:  # Told by whoever waits, because a thread's end is easily missed.
            self.fault = fault
        finally:
            self.socket.close(linger=0)

    def _say(self, peer, *arguments, **fields):
        self.socket.send_multipart([peer] + frame(*arguments, **fields))

    def _take(self, peer, kind, attempt, sequence, value, body):
        if kind == HELLO:
            self.hellos[attempt] = (body[:16], body[16:])
            self.records[attempt] = []
            if self.instead_of_welcome is not None:
                nonsense, self.instead_of_welcome = self.instead_of_welcome, None
                return self.socket.send_multipart([peer] + nonsense)
            self._say(peer, WELCOME, attempt, value=32 << 20)
        elif kind == RECORD:
            if sequence != len(self.records[attempt]):
                raise AssertionError(f"record {sequence} came as number {len(self.records[attempt])}")
            self.records[attempt].append(body)
            self._say(peer, CREDIT, attempt, value=max(1024, len(body)))
        elif kind == HASH_REQUEST:
            self.hashes_asked += 1
            _disk, _zero, block, offset, length = struct.unpack(">HHIQQ", body)
            part = self.held[offset:offset + length]
            blocks = [part[at:at + block] for at in range(0, length, block)]
            self._say(peer, HASHES, attempt, sequence=sequence, body=b"".join(
                hashlib.sha256(one).digest()[:16] if any(one) else bytes(16) for one in blocks))
        elif kind == FINISH:
            if value != len(self.records[attempt]):
                raise AssertionError(f"{value} records were announced, and {len(self.records[attempt])} came")
            self.finished.add(attempt)
            self._say(peer, STORED, attempt, value=value, body=digest(self.records[attempt]))
        elif kind == ABANDON:
            self.abandoned.add(attempt)
