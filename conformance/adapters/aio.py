#!/usr/bin/python3
"""itp/1 adapter for aioice, one session; with the argument "dtls" for aiortc's DTLS over it."""
import asyncio
import base64
import json
import sys

import aioice

WITH_DTLS = sys.argv[1:] == ["dtls"]
if WITH_DTLS:
    import aiortc
    from aiortc import rtcdtlstransport as rtc


def tell(ev, **members):
    sys.stdout.write(json.dumps({"ev": ev, **members}) + "\n")
    sys.stdout.flush()


class Transport:
    """What aiortc's DTLS wants of an ICE transport."""

    def __init__(self, ice):
        self._connection, self._send, self._recv = ice, ice.send, ice.recv
        self.role = "controlling" if ice.ice_controlling else "controlled"


class Receiver:
    """Takes what came inside DTLS."""

    async def _handle_data(self, data):
        tell("data", id=1, comp=1, b64=base64.b64encode(data).decode())


class Adapter:
    def __init__(self):
        self.ice = self.dtls = self.remote = self.tasks = None
        if WITH_DTLS:
            self.cert = rtc.RTCCertificate.generateCertificate()

    async def op_hello(self, m):
        module = aiortc if WITH_DTLS else aioice
        caps = "agent,stun,turn,turntcp,trickle,consent,ipv6" + (",dtls" if WITH_DTLS else "")
        tell("hello", v=1, impl=module.__name__, version=module.__version__, mode="live", caps=caps, profile="8445")

    async def op_create(self, m):
        host, _, port = m.get("stun", "").rpartition(":")
        turn = {}
        if "turn" in m:  # "turn:ADDRESS:PORT?transport=udp,USER,PASSWORD"
            uri, user, password = m["turn"].split(",")
            server, _, transport = uri.removeprefix("turn:").partition("?transport=")
            relay, _, relay_port = server.rpartition(":")
            turn = {"turn_server": (relay, int(relay_port)), "turn_username": user, "turn_password": password, "turn_transport": transport}
        self.ice = aioice.Connection(ice_controlling=m["role"] == "controlling", components=1,
                                     stun_server=(host, int(port)) if host else None, **turn)
        self.tasks = []

    async def op_gather(self, m):
        await self.ice.gather_candidates()
        prints = self.cert.getFingerprints() if WITH_DTLS else []
        more = {"fp": p.algorithm + " " + p.value for p in prints if p.algorithm == "sha-256"}
        tell("local", id=1, ufrag=self.ice.local_username, pwd=self.ice.local_password, **more)
        for c in self.ice.local_candidates:
            tell("cand", id=1, comp=c.component, c=c.to_sdp())
        tell("gathered", id=1)

    async def op_remote(self, m):
        self.ice.remote_username, self.ice.remote_password = m["ufrag"], m["pwd"]
        self.ice.remote_is_lite = m.get("lite") == 1

    async def op_rcand(self, m):
        await self.ice.add_remote_candidate(aioice.Candidate.from_sdp(m["c"]))

    async def op_eoc(self, m):
        await self.ice.add_remote_candidate(None)

    async def op_start(self, m):
        self.tasks.append(asyncio.ensure_future(self.run()))

    async def op_send(self, m):
        data = base64.b64decode(m["b64"])
        await (self.dtls._send_data(data) if self.dtls else self.ice.send(data))

    async def op_close(self, m):
        if self.dtls:
            await self.dtls.stop()
        await self.ice.close()
        self.ice = self.dtls = None
        tell("closed", id=1)

    async def op_dtls(self, m):
        name, _, value = m["fp"].partition(" ")
        self.dtls = rtc.RTCDtlsTransport(Transport(self.ice), [self.cert])
        self.dtls._set_role("client" if m["setup"] == "active" else "server")
        self.dtls._register_data_receiver(Receiver())
        self.dtls.on("statechange", self.on_dtls)
        self.remote = rtc.RTCDtlsParameters([rtc.RTCDtlsFingerprint(name, value)])

    def on_dtls(self):
        # Fingerprints are compared when the handshake is over, and after that nothing else fails.
        reasons = {"failed": "the fingerprint is another one" if self.dtls.encrypted else "the handshake failed"}
        tell("dtls", id=1, s=self.dtls.state, why=reasons.get(self.dtls.state, ""))

    async def run(self):
        """From checks to data, until consent expires."""
        tell("state", id=1, s="checking")
        try:
            await self.ice.connect()
        except ConnectionError as e:
            tell("state", id=1, s="failed", why=str(e))
            return
        pair = self.ice._nominated[1]
        tell("selected", id=1, comp=1, l=pair.local_candidate.to_sdp(), r=pair.remote_candidate.to_sdp())
        tell("state", id=1, s="completed")
        if self.dtls:
            await self.dtls.start(self.remote)
            return
        try:
            while True:
                tell("data", id=1, comp=1, b64=base64.b64encode(await self.ice.recv()).decode())
        except ConnectionError as e:
            tell("state", id=1, s="disconnected", why=str(e))

    async def line(self, text):
        m = json.loads(text)
        op = getattr(self, "op_" + str(m.get("op")), None)
        if not op or (m["op"] == "dtls" and not WITH_DTLS):
            tell("unsupported", op=str(m.get("op")))
        elif not self.ice and m["op"] not in ("hello", "create"):
            tell("error", op=m["op"], why="there is no session")
        else:
            await op(m)


async def main():
    adapter, lines = Adapter(), asyncio.StreamReader(limit=1 << 18)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        try:
            await adapter.line(line)
        except Exception as e:  # whatever a library throws is an answer
            tell("error", id=1, why=repr(e))


asyncio.run(main())
