#!/usr/bin/python3
"""Whole audio calls of model B with other stacks (docs/interop.md): each end in a network namespace of its own, one link between, descriptions
carried by hand, an offer from either side. Usage: conformance/call/calls.py [PEER...]. Exit codes: 0 all pass, 1 one does not, 77 cannot be run here."""
import json
import os
import select
import shutil
import subprocess
import sys
import time

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
DIR = os.path.abspath(os.path.join(os.environ.get("B", "build"), "interop"))
OURS = os.path.join(DIR, "call")
BUILD_GO = f"""
set -e
mkdir -p {DIR}/gopath/src/$0
cp conformance/adapters/$0/main.go {DIR}/gopath/src/$0/
GO111MODULE=off GOFLAGS= GOPATH={DIR}/gopath:/usr/share/gocode GOCACHE={DIR}/gocache go build -o {DIR}/$0 $0
"""
PYTHON, CHROMIUM = "/usr/bin/python3", ["node", "conformance/adapters/call_chromium.mjs"]
HAS_CHROMIUM = "command -v chromium && command -v node"
PACKAGES = "python3-aiortc firefox-esr chromium nodejs golang-go golang-github-pion-webrtc.v3-dev golang-github-pion-ice.v2-dev golang-github-pion-dtls.v2-dev"


def go(name, *words):
    return [os.path.join(DIR, name), *words], ["sh", "-c", BUILD_GO, name], []


# Each: how it is run, with "offer" or "answer" behind; what shows, or makes, that it is here; options of our end.
PEERS = {
    "aiortc": ([PYTHON, "conformance/adapters/call_aiortc.py"], [PYTHON, "-c", "import aiortc"], []),
    "pion": go("call_pion_webrtc"),
    "pion-gcm": go("call_pion_webrtc", "gcm"),
    "pion-rsa": go("call_pion_webrtc", "rsa"),
    "pion-p384": go("call_pion_webrtc", "p384"),
    "go": go("call_pion"),
    "go-gcm": go("call_pion", "gcm"),
    "firefox": ([PYTHON, "conformance/adapters/call_firefox.py"], ["sh", "-c", "command -v firefox-esr"], []),
    "chromium": (CHROMIUM, ["sh", "-c", HAS_CHROMIUM], []),
    "chromium-gcm": (CHROMIUM, ["sh", "-c", HAS_CHROMIUM], ["--srtp", "7"]),
    "chromium-sped": ([*CHROMIUM, "sped"], ["sh", "-c", HAS_CHROMIUM], ["--sped"]),
}
# What no verdict here is about: the one is absent, the other out of scope.
NOT_JUDGED = ["data channels (SCTP): absent", "bandwidth estimation: out of scope"]
RESULTS = "out/calls/results.jsonl"
OPEN_WITHIN, MEDIA_FOR, LEAST = 40, 6, 200  # seconds, seconds, packets each way


class Net:
    """Two namespaces with a link; they end with it."""

    def __enter__(self):
        self.names = [f"it-call-{os.getpid()}-{i}" for i in range(2)]
        for n in self.names:
            subprocess.run(["ip", "netns", "add", n], check=True)
            subprocess.run(["ip", "-n", n, "link", "set", "lo", "up"], check=True)
        a, b = self.names
        subprocess.run(["ip", "link", "add", "call0", "netns", a, "type", "veth", "peer", "name", "call0", "netns", b], check=True)
        for i, n in enumerate(self.names):
            subprocess.run(["ip", "-n", n, "addr", "add", f"192.0.2.{i + 1}/24", "dev", "call0"], check=True)
            subprocess.run(["ip", "-n", n, "link", "set", "call0", "up"], check=True)
            subprocess.run(["ip", "-n", n, "route", "add", "default", "dev", "call0"], check=True)
        return self

    def __exit__(self, *_):
        for n in self.names:
            subprocess.run(["ip", "netns", "delete", n], check=False)


class End:
    def __init__(self, name, netns, command):
        self.name, self.sdp, self.state, self.stats, self.said, self.text = name, None, "", {}, [], b""
        self.p = subprocess.Popen(["ip", "netns", "exec", netns, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, **m):
        self.p.stdin.write(json.dumps(m).encode() + b"\n")
        self.p.stdin.flush()

    def hear(self):
        data = os.read(self.p.stdout.fileno(), 65536)
        self.text += data
        *lines, self.text = self.text.split(b"\n")
        for m in map(json.loads, filter(None, lines)):
            if m["ev"] == "sdp":
                self.sdp = m["sdp"]
            elif m["ev"] == "stats":
                self.stats = m
            else:
                self.said.append(m)
                if m.get("state") not in (None, "rate_up", "rate_down", "failover"):
                    self.state = m["state"]
        return bool(data)

    def stop(self):
        try:
            self.tell(op="close")
            self.p.stdin.close()
            self.p.wait(10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.p.kill()
            self.p.wait()


def until(ends, seconds, done):
    """Hears the ends until `done()`; False when it does not come to that."""
    till = time.monotonic() + seconds
    while not done():
        left = till - time.monotonic()
        if left <= 0:
            return False
        for f in select.select([e.p.stdout for e in ends], [], [], left)[0]:
            if not next(e for e in ends if e.p.stdout is f).hear():
                return False
    return True


def whole(sdp, *setups):
    return sdp and "a=end-of-candidates" in sdp and any(f"a=setup:{s}\r\n" in sdp for s in setups)


def exchange(us, them, we_offer):
    """Carries offer and answer. Returns what is wrong, or None."""
    ends = [us, them]
    if we_offer:
        if not until(ends, 20, lambda: whole(us.sdp, "actpass")):
            return "we made no offer"
        them.tell(op="sdp", sdp=us.sdp)
        if not until(ends, 30, lambda: them.sdp):
            return "they did not answer: " + str(them.said)
        us.tell(op="sdp", sdp=them.sdp)
        return None
    if not until(ends, 30, lambda: them.sdp):
        return "they made no offer"
    us.sdp = None
    us.tell(op="sdp", sdp=them.sdp)
    if not until(ends, 20, lambda: whole(us.sdp, "active", "passive")):
        return "we did not answer: " + str(us.said)
    them.tell(op="sdp", sdp=us.sdp)
    return None


def call(us, them, we_offer):
    why, ends = exchange(us, them, we_offer), [us, them]
    if why:
        return why
    if not until(ends, OPEN_WITHIN, lambda: us.state == "open" and them.state == "open"):
        return f"not open: we {us.said}, they {them.said}"
    until(ends, MEDIA_FOR, lambda: us.state != "open" or them.state != "open")
    for e in ends:
        if e.state != "open":
            return f"{e.name} did not stay open: {e.said}"
        if e.stats.get("received", 0) < LEAST or e.stats.get("sent", 0) < LEAST:
            return f"{e.name} has {e.stats}"
    if us.stats["refused"] or us.stats["malformed"] or us.stats["lost"] or them.stats["lost"] or them.stats.get("refused"):
        return f"lost or refused: {us.stats} {them.stats}"
    if "sped" in us.stats and (us.stats["sped"] != "complete" or not us.stats["sped_received"]):
        return f"no check carried DTLS: {us.stats}"
    if not them.stats["decoded"]:
        return f"nothing was decoded: {them.stats}"
    return None


def main():
    if not (os.geteuid() == 0 and shutil.which("ip")):
        print("SKIP calls: root and iproute2 make the namespaces")
        return 77
    failed = skipped = False
    os.makedirs(os.path.dirname(RESULTS), exist_ok=True)
    results = open(RESULTS, "w", encoding="ascii")
    for name in sys.argv[1:] or PEERS:
        command, probe, options = PEERS[name]
        if subprocess.run(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
            print(f"{name:13} skip  it is not installed, or cannot be built; packages of Debian 12: {PACKAGES}")
            skipped = True
            continue
        for we_offer in (True, False):
            with Net() as net:
                us = End("we", net.names[0], [OURS, *options])
                them = End(name, net.names[1], [*command, "answer" if we_offer else "offer"])
                try:
                    why = call(us, them, we_offer)
                finally:
                    us.stop()
                    them.stop()
            failed |= bool(why)
            line = {"peer": name, "offer": "ours" if we_offer else "theirs", "result": "fail" if why else "pass", "why": why, "ours": us.stats, "theirs": them.stats}
            results.write(json.dumps({**line, "not_judged": NOT_JUDGED}) + "\n")
            print(f"{name:13} {'we offer, DTLS server' if we_offer else 'they offer, DTLS client':24} {'FAIL  ' + why if why else 'pass'}")
            print(f"{'':13}   we: {us.stats}\n{'':13} they: {them.stats}", flush=True)
    results.close()
    print(f"not judged: {'; '.join(NOT_JUDGED)}\nresults: {RESULTS}")
    return 1 if failed else 77 if skipped else 0


sys.exit(main())
