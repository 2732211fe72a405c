#!/usr/bin/env python3
"""The other end of RTMFP: RFC 7016 and 7425 in Python, written from the texts and sharing nothing with ours (docs/interop.md, .ci/interop-rtmfp).

    rtmfp.py call ADDRESS:PORT MODE GROUP COUNT [move] [lossy]     rtmfp.py listen ADDRESS:PORT MODE GROUP [lossy]
    rtmfp.py connect ADDRESS:PORT MODE GROUP

MODE has m for packets with MACs and s for session sequence numbers, "-" for neither; GROUP is 2, 5 or 14. The caller opens a session and a flow,
sends COUNT messages and wants each back over a flow in return; with "move" it goes on from another port after half of them. The listener gives
every message back. With "connect" a NetConnection is asked for (RFC 7425 section 5.3), a stream made and published. "lossy": of packets that come every seventh is as if it had not. Exit codes: 0 all as it should be, 1 not."""
import hashlib
import hmac
import os
import select
import socket
import struct
import sys
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

DEFAULT_KEY = b"Adobe Systems 02"  # RFC 7425 section 4.1
PATIENCE, AGAIN, ROOM = 15.0, 0.3, 8  # seconds in all, until what is unanswered comes again; fragments under way
IHELLO, RHELLO, IIKEYING, RIKEYING = 0x30, 0x70, 0x38, 0x78
PING, PONG, CLOSE, CLOSED, DATA, NEXT, BITMAP, RANGES = 0x01, 0x41, 0x0C, 0x4C, 0x10, 0x11, 0x50, 0x51


def pi_bits(bits):
    """floor(pi * 2^bits), by Machin's formula."""
    one = 1 << (bits + 64)

    def arctan(x):
        total, term, n, sign = 0, one // x, 1, 1
        while term:
            total, term, n, sign = total + sign * (term // n), term // (x * x), n + 2, -sign
        return total

    return (16 * arctan(5) - 4 * arctan(239)) >> 64


def prime(bits, k):
    """RFC 2409 section 6.2, RFC 3526 sections 2 and 3."""
    return 2**bits - 2 ** (bits - 64) - 1 + 2**64 * (pi_bits(bits - 130) + k)


PRIMES = {2: (1024, 129093), 5: (1536, 741804), 14: (2048, 124476)}


def vlu(n):
    out = bytes([n & 0x7F])
    while n := n >> 7:
        out = bytes([n & 0x7F | 0x80]) + out
    return out


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, n=None):
        n = self.left() if n is None else n
        if n > self.left():
            raise ValueError("cut")
        self.at += n
        return self.data[self.at - n : self.at]

    def vlu(self):
        n = 0
        while True:
            c = self.take(1)[0]
            n = n << 7 | c & 0x7F
            if not c & 0x80:
                return n

    def field(self):
        return self.take(self.vlu())

    def options(self, listed=False):
        """Until the end, or of a list until its Marker: [(type, value)]."""
        out = []
        while self.left():
            part = Reader(self.field())
            if not part.left():
                if listed:
                    return out
                continue
            out.append((part.vlu(), part.take()))
        return out


def field(data):
    return vlu(len(data)) + data


def option(kind, value=b""):
    return field(vlu(kind) + value)


def chunk(kind, payload):
    return struct.pack(">BH", kind, len(payload)) + payload


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def checksum(data):
    """RFC 7425 section 4.7: of the last odd byte the low one counts."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data[: len(data) // 2 * 2])) + (data[-1] if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Way:
    """How packets of one direction are protected."""

    def __init__(self, key=DEFAULT_KEY, mac_key=b"", mac_size=0, numbered=False):
        self.key, self.mac_key, self.mac_size, self.numbered, self.next, self.seen = key, mac_key, mac_size, numbered, 0, set()

    def cbc(self):
        return Cipher(algorithms.AES(self.key), modes.CBC(bytes(16)))

    def seal(self, sid, plain):
        head = vlu(self.next) if self.numbered else b""
        self.next += 1
        pad = -(len(head) + len(plain) + (0 if self.mac_size else 2)) % 16
        plain += b"\xff" * pad
        head += b"" if self.mac_size else struct.pack(">H", checksum(plain))
        c = self.cbc().encryptor()
        data = c.update(head + plain) + c.finalize()
        if self.mac_size:
            data += mac(self.mac_key, data)[: self.mac_size]
        first, second = struct.unpack(">II", data[:8])
        return struct.pack(">I", sid ^ first ^ second) + data

    def open(self, data):
        """The plain packet, or ValueError."""
        data = data[4:]
        if self.mac_size:
            data, tag = data[: -self.mac_size], data[-self.mac_size :]
            if not hmac.compare_digest(mac(self.mac_key, data)[: self.mac_size], tag):
                raise ValueError("MAC")
        if not data or len(data) % 16:
            raise ValueError("size")
        c = self.cbc().decryptor()
        r = Reader(c.update(data) + c.finalize())
        number = r.vlu() if self.numbered else None
        if not self.mac_size and struct.unpack(">H", r.take(2))[0] != checksum(r.data[r.at :]):
            raise ValueError("checksum")
        if number in self.seen:
            raise ValueError("replayed")
        if number is not None:
            self.seen.add(number)
        return r.take()


def sid_of(data):
    if len(data) < 12:
        return None
    a, b, c = struct.unpack(">III", data[:12])
    return a ^ b ^ c


def parse(plain):
    """(mode, timestamp or None, chunks)"""
    r = Reader(plain)
    flags = r.take(1)[0]
    stamp = struct.unpack(">H", r.take(2))[0] if flags & 8 else None
    if flags & 4:
        r.take(2)
    chunks = []
    while r.left() >= 3:
        kind, size = struct.unpack(">BH", r.take(3))
        if size > r.left():
            break
        chunks.append((kind, r.take(size)))
    return flags & 3, stamp, chunks


class Flow:
    """A flow that comes: fragments by number, messages in order."""

    def __init__(self):
        self.parts, self.done, self.returns, self.kinds, self.whole, self.messages = {}, 0, None, {}, b"", []

    def take(self, number, kind, data):
        if number > self.done:
            self.parts[number] = (kind, data)
        while self.done + 1 in self.parts:
            self.done += 1
            kind, data = self.parts.pop(self.done)
            self.whole = data if kind in (0, 1) else self.whole + data  # RFC 7016 section 2.3.11: whole 0, begin 1, end 2, middle 3
            if kind in (0, 2):
                self.messages.append(self.whole)

    def ack(self, flow):
        out, at = vlu(flow) + vlu(64) + vlu(self.done), self.done
        numbers = sorted(self.parts)
        while numbers:
            first = last = numbers.pop(0)
            while numbers and numbers[0] == last + 1:
                last = numbers.pop(0)
            out += vlu(first - at - 2) + vlu(last - first)
            at = last
        return chunk(RANGES, out)


class End:
    def __init__(self, mode, group, lossy):
        self.mac, self.numbers, self.group, self.lossy = "m" in mode, "s" in mode, group, lossy
        self.prime = prime(*PRIMES[group])
        self.secret = int.from_bytes(os.urandom(self.prime.bit_length() // 8 - 1), "big") | 1 << 224
        self.public = self.minimal(pow(2, self.secret, self.prime))
        self.socks, self.came, self.stamp = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)], 0, None
        self.mode, self.own, self.far, self.at = 0, 0, 0, None
        self.out, self.back = Way(), Way()
        self.flows, self.queue, self.flight, self.sent, self.opened = {}, [], {}, 0, False
        self.peer_gone = self.close_heard = False
        self.metadata = b"icetank"

    @staticmethod
    def minimal(n):
        return n.to_bytes((n.bit_length() + 7) // 8, "big")

    def wishes(self):
        """RFC 7425 sections 4.5.3, 4.5.4: SND 4, SOR 2, REQ 1."""
        say = {True: 7, False: 0}
        return option(0x1A, bytes([say[self.mac]]) + vlu(16)) + option(0x1E, bytes([say[self.numbers]]))

    def keys(self, far_public, near, far):
        """RFC 7425 section 4.6: what both components and the secret make."""
        secret = self.minimal(pow(int.from_bytes(far_public, "big"), self.secret, self.prime))
        options = dict(Reader(far).options())
        flags, size = options.get(0x1A, b"\0\x10"), 16
        if len(flags) > 1:
            size = Reader(flags[1:]).vlu()
        numbers = options.get(0x1E, b"\0")[0]
        send, take = mac(secret, mac(far, near)), mac(secret, mac(near, far))
        self.out = Way(send[:16], mac(secret, send), 16 if self.mac or flags[0] & 1 else 0, bool(self.numbers or numbers & 1))
        self.back = Way(take[:16], mac(secret, take), size if flags[0] & 4 or self.mac else 0, bool(numbers & 4 or self.numbers))

    # --- packets ---

    def packet(self, sid, way, mode, chunks):
        now = struct.pack(">H", int(time.monotonic() * 250) & 0xFFFF)
        head = bytes([mode | 8 | (4 if self.stamp is not None else 0)]) + now + (struct.pack(">H", self.stamp) if self.stamp is not None else b"")
        self.stamp = None
        self.socks[-1].sendto(way.seal(sid, head + chunks), self.at)

    def say(self, chunks):
        self.packet(self.far, self.out, self.mode, chunks)

    def hear(self, wait):
        """The next packet: (session ID, address, data), or None."""
        ready, _, _ = select.select(self.socks, [], [], wait)
        for s in ready:
            data, at = s.recvfrom(4096)
            self.came += 1
            if not (self.lossy and self.came % 7 == 0):
                return sid_of(data), at, data
        return None

    # --- startup ---

    def call(self, at):
        self.at, self.mode, self.own = at, 1, 0x11223344
        certificate = option(0x1D, vlu(self.group) + self.public)
        tag = os.urandom(16)
        hello = self.startup(0, chunk(IHELLO, field(option(0x0A, b"rtmfp:")) + tag), RHELLO, lambda r: r.field() == tag)
        cookie, theirs = hello.field(), dict(Reader(hello.take()).options())
        groups = [Reader(v).vlu() for k, v in theirs.items() if k == 0x15] if theirs else []
        component = option(0x1D, vlu(self.group)) + option(0x0E, os.urandom(64)) + self.wishes()
        keying = struct.pack(">I", self.own) + field(cookie) + field(certificate) + field(component) + b"X"
        answer = self.startup(self.own, chunk(IIKEYING, keying), RIKEYING, lambda r: True)
        self.far = struct.unpack(">I", answer.take(4))[0]
        theirs = answer.field()
        public = Reader(dict(Reader(theirs).options())[0x0D])
        if public.vlu() != self.group:
            raise ValueError(f"group, of {groups}")
        self.keys(public.take(), component, theirs)

    def startup(self, sid, asks, kind, fits):
        """Sends |asks| until a chunk |kind| that fits comes under |sid|."""
        for _ in range(12):
            self.packet(0, Way(), 3, asks)
            until = time.monotonic() + 1
            while (left := until - time.monotonic()) > 0:
                got = self.hear(left)
                for k, payload in parse(Way().open(got[2]))[2] if got and got[0] == sid else []:
                    r = Reader(payload)
                    if k == kind and fits(r):
                        return r
        raise ValueError(f"no answer of kind {kind:#x}")

    def listen(self, at):
        self.socks[0].bind(at)
        print("listening", flush=True)
        self.mode, self.own, self.component = 2, 0x55667788, None
        self.certificate = option(0x0A) + option(0x15, vlu(self.group)) + option(0x0E, os.urandom(64))
        self.jar = os.urandom(16)

    def greet(self, at, data):
        for kind, payload in parse(Way().open(data))[2]:
            r, cookie = Reader(payload), mac(self.jar, repr(at).encode())
            self.at = at
            if kind == IHELLO:
                r.field()
                self.packet(0, Way(), 3, chunk(RHELLO, field(r.take()) + field(cookie) + self.certificate))
            elif kind == IIKEYING:
                far = struct.unpack(">I", r.take(4))[0]
                if r.field() == cookie:
                    self.accept(far, dict(Reader(r.field()).options()), r.field())

    def accept(self, far, certificate, component):
        if self.component is None:
            options = dict(Reader(component).options())
            public = Reader(certificate[0x1D] if 0x1D in options else options[0x0D])
            if public.vlu() != self.group:
                raise ValueError("group")
            self.component = self.wishes() + option(0x0D, vlu(self.group) + self.public)
            self.keys(public.take(), self.component, component)
            self.far = far
        self.packet(far, Way(), 3, chunk(RIKEYING, struct.pack(">I", self.own) + field(self.component) + b"X"))

    # --- flows: one of ours, 7, and any of theirs ---

    def write(self, data, returns=None):
        parts = [data[i : i + 1000] for i in range(0, len(data), 1000)]
        for i, part in enumerate(parts):
            kind = 0 if len(parts) == 1 else 1 if i == 0 else 2 if i == len(parts) - 1 else 3
            self.sent += 1
            self.queue.append((self.sent, kind, part, returns))

    def send_one(self, number, kind, part, returns):
        forward = number - min(list(self.flight) + [number]) + 1
        options = b""
        if not self.opened:
            options = option(0x00, self.metadata) + (option(0x0A, vlu(returns)) if returns is not None else b"") + b"\0"
        self.say(chunk(DATA, bytes([kind << 4 | (0x80 if options else 0)]) + vlu(7) + vlu(number) + vlu(forward) + options + part))

    def push(self):
        now = time.monotonic()
        for number, (at, *what) in list(self.flight.items()):
            if now - at > AGAIN:
                self.flight[number] = (now, *what)
                self.send_one(number, *what)
        while self.queue and len(self.flight) < ROOM:
            number, *what = self.queue.pop(0)
            self.flight[number] = (now, *what)
            self.send_one(number, *what)

    def acknowledged(self, kind, r):
        if r.vlu() != 7:
            return
        r.vlu()
        done = r.vlu()
        got = set(range(1, done + 1))
        self.opened = self.opened or done > 0
        if kind == RANGES:
            while r.left():
                first = done + r.vlu() + 2
                done = first + r.vlu()
                got |= set(range(first, done + 1))
        else:
            at = done + 2
            for byte in r.take():
                got |= {at + i for i in range(8) if byte & 1 << i}
                at += 8
        self.flight = {n: v for n, v in self.flight.items() if n not in got}

    def user_data(self, r, last):
        """One fragment; (flow ID, number)."""
        flags = r.take(1)[0]
        if last is None:
            flow, number, _ = r.vlu(), r.vlu(), r.vlu()
        else:
            flow, number = last[0], last[1] + 1
        options = dict(r.options(listed=True)) if flags & 0x80 else {}
        f = self.flows.setdefault(flow, Flow())
        if 0x0A in options:
            f.returns = Reader(options[0x0A]).vlu()
        f.take(number, flags >> 4 & 3, r.take())
        return flow, number

    def session(self, data, at):
        mode, stamp, chunks = parse(self.back.open(data))
        if mode == self.mode:
            return
        out, last, acks = b"", None, set()
        self.stamp = stamp if stamp is not None else self.stamp
        for kind, payload in chunks:
            r = Reader(payload)
            if kind in (DATA, NEXT):
                last = self.user_data(r, None if kind == DATA else last)
                acks.add(last[0])
            elif kind in (BITMAP, RANGES):
                self.acknowledged(kind, r)
            elif kind == PING:
                out += chunk(PONG, payload)
            elif kind == CLOSE:
                self.close_heard = True
                out += chunk(CLOSED, b"")
            elif kind == CLOSED:
                self.peer_gone = True
        out += b"".join(self.flows[f].ack(f) for f in sorted(acks))
        if out:
            self.say(out)

    def step(self, wait=0.05):
        self.push()
        got = self.hear(wait)
        if not got:
            return
        sid, at, data = got
        try:
            if sid == 0 and self.mode == 2:
                self.greet(at, data)
            elif sid == self.own and self.far:
                if self.mode == 2:
                    self.at = at
                self.session(data, at)
        except ValueError as why:
            print("dropped:", why)


def caller(end, at, count, move):
    end.call(at)
    print("open")
    texts = [f"{i} ".encode() + os.urandom(37 * i % 3000 + 1) for i in range(count)]
    heard, said, until = [], 0, time.monotonic() + PATIENCE
    half = count // 2 if move else count
    while len(heard) < count and time.monotonic() < until:
        while said < (half if len(heard) < half else count) and len(end.queue) < ROOM:
            end.write(texts[said])
            said += 1
        if move and len(heard) >= half:
            move = False
            time.sleep(1.1)  # RFC 7016 section 3.5.4.2: addresses are checked a second apart
            end.socks.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        end.step()
        for f in end.flows.values():
            heard += f.messages
            f.messages.clear()
    returned = all(f.returns == 7 for f in end.flows.values())
    for _ in range(40):
        if end.peer_gone:
            break
        end.say(chunk(CLOSE, b""))
        end.step(0.2)
    print(f"echoed {len(heard)} of {count}, in order {heard == texts[: len(heard)]}, in return {returned}, closed {end.peer_gone}")
    return heard == texts and returned and end.peer_gone


def amf(*values):
    """AMF0: texts, numbers, None, and an object of texts."""
    out = b""
    for v in values:
        if v is None:
            out += b"\x05"
        elif isinstance(v, str):
            out += struct.pack(">BH", 2, len(v)) + v.encode()
        elif isinstance(v, dict):
            out += b"\x03" + b"".join(struct.pack(">H", len(k)) + k.encode() + amf(w) for k, w in v.items()) + b"\0\0\x09"
        else:
            out += struct.pack(">Bd", 0, v)
    return out


def connector(end, at):
    """RFC 7425 section 5.3.1: "connect" over stream 0; then "createStream" there."""
    end.metadata = b"TC\x04\x00"
    end.call(at)
    command = b"\x14" + bytes(4)  # a command, at no time
    end.write(command + amf("connect", 1, {"app": "app", "tcUrl": "rtmfp://server/app"}))
    end.write(command + amf("setPeerInfo", 0, None))
    end.write(command + amf("createStream", 2, None))
    heard, until = [], time.monotonic() + PATIENCE
    while len(heard) < 2 and time.monotonic() < until:
        end.step()
        for f in end.flows.values():
            heard += [m for m in f.messages if m[:1] == b"\x14"]
            f.messages.clear()
    connected = bool(heard) and amf("_result", 1) in heard[0] and b"NetConnection.Connect.Success" in heard[0]
    made = len(heard) > 1 and amf("_result", 2, None) in heard[1]
    returned = all(f.returns == 7 for f in end.flows.values())
    for _ in range(20):
        if end.peer_gone:
            break
        end.say(chunk(CLOSE, b""))
        end.step(0.2)
    print(f"connected {connected}, stream {made}, in return {returned}, closed {end.peer_gone}")
    return connected and made and returned and end.peer_gone


def listener(end, at):
    end.listen(at)
    count, until = 0, time.monotonic() + PATIENCE
    while not end.close_heard and time.monotonic() < until:
        end.step()
        for flow, f in list(end.flows.items()):
            for m in f.messages:
                count += 1
                end.write(m, flow)
            f.messages.clear()
    for _ in range(5):  # the acknowledgment of Close may have to be said again
        end.step(0.1)
    print(f"messages {count}, closed {end.close_heard}")
    return count > 0 and end.close_heard


def main():
    words = sys.argv[1:]
    host, port = words[1].rsplit(":", 1)
    end = End(words[2], int(words[3]), "lossy" in words)
    at = (host, int(port))
    if words[0] == "call":
        good = caller(end, at, int(words[4]), "move" in words)
    else:
        good = (connector if words[0] == "connect" else listener)(end, at)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
