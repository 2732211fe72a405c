"""Clients of another library, python3-websockets, at `icetank serve signal`, `serve ws` and `serve rtmfp`. A case by name; what it finds wrong is an
exception, and the exit code 1. Usage: web_client.py CASE URL [CA]"""
import asyncio
import json
import ssl
import struct
import sys

import websockets

CASE, URL, CA = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
LONG = 20  # seconds in which a busy machine answers
ROOM = "a-room-of-sixteen-letters-or-more"


def connect(path, protocol="icetank-signal"):
    tls = {"ssl": ssl.create_default_context(cafile=CA)} if CA else {}
    return websockets.connect(URL + path, subprotocols=[protocol] if protocol else None, open_timeout=LONG, **tls)


async def record(ws):
    return json.loads(await asyncio.wait_for(ws.recv(), LONG))


async def closed(ws):
    """The code it is closed with; what comes before that is passed over."""
    try:
        while True:
            await asyncio.wait_for(ws.recv(), LONG)
    except websockets.ConnectionClosed as e:
        return e.code


async def say(ws, **what):
    await ws.send(json.dumps(what))


async def messages():
    async with connect("/?box=bob&key=k2") as bob, connect("/?box=alice&key=k1") as alice:
        assert bob.subprotocol == "icetank-signal", bob.subprotocol
        hello = await record(bob)
        assert hello["taken"] == 0, hello
        assert (await record(alice))["hello"] == hello["hello"]
        await asyncio.wait_for(await bob.ping(b"there?"), LONG)
        for n in range(1, 51):
            await say(alice, to="bob", id=n, data="message %d \u00e9" % n)
        for n in range(1, 51):
            got = await record(bob)
            assert got["from"] == "alice" and got["data"] == "message %d \u00e9" % n, got
            await say(bob, ack=got["seq"])
        taken = 0
        while taken < 50:
            taken = (await record(alice))["taken"]
        # a message in pieces (RFC 6455 section 5.4), and the longest
        text = json.dumps({"to": "bob", "id": 51, "data": "x" * 8192})
        await alice.send([text[:10], text[10:5000], text[5000:]])
        assert len((await record(bob))["data"]) == 8192


async def again():
    """What was not acknowledged comes again; another client has the mailbox."""
    async with connect("/?box=bob&key=k2") as bob, connect("/?box=alice&key=k1") as alice:
        await record(bob)
        await say(alice, to="bob", id=1, data="once")
        assert (await record(bob))["data"] == "once"
        async with connect("/?box=bob&key=k3") as other:
            assert "hello" in await record(other)
            assert (await record(other))["data"] == "once"
            assert await closed(bob) == 4001


async def refused():
    """What is no record, or too large, closes with the codes of docs/signal.md; a box that is none is no WebSocket."""
    for text, code in (("hello", 1008), ("[]", 1008), ('{"to":"bob","id":0,"data":""}', 1008), ("x" * 20000, 1009)):
        async with connect("/?box=eve&key=k") as eve:
            await eve.send(text)
            got = await closed(eve)
            assert got == code, (text[:40], got, code)
    try:
        async with connect("/?box=e/ve&key=k"):
            raise AssertionError("a mailbox of that name")
    except websockets.InvalidStatusCode as e:
        assert e.status_code == 400, e.status_code


async def full():
    """A mailbox that nobody reads keeps so much; its sender is told, and goes on."""
    async with connect("/?box=alice&key=k1") as alice:
        await record(alice)
        for n in range(1, 71):
            await say(alice, to="nobody", id=n, data="x")
        told, last = [], 0
        while last < 70:
            got = await record(alice)
            last = got.get("refused") or got["taken"]
            told += ["refused" in got]
        assert told.count(True) == 6, told
        await say(alice, to="alice", id=71, data="to myself")
        while "data" not in (got := await record(alice)):
            continue
        assert got["data"] == "to myself", got


async def crowd():
    """Many at once, each to its neighbour."""
    n = 100
    all_of_them = [connect("/?box=b%d&key=k" % i) for i in range(n)]
    them = await asyncio.gather(*[c.__aenter__() for c in all_of_them])
    for i, ws in enumerate(them):
        await say(ws, to="b%d" % ((i + 1) % n), id=1, data="from %d" % i)

    async def hears(i):
        while True:
            got = await record(them[i])
            if "data" in got:
                return got["data"]

    heard = await asyncio.gather(*[hears(i) for i in range(n)])
    assert heard == ["from %d" % ((i - 1) % n) for i in range(n)], heard
    await asyncio.gather(*[ws.close() for ws in them])


async def until_shutdown():
    """Says "ready" once it is there, and with which code it was closed when the server was told to end."""
    protocol = "icetank-relay" if "relay" in sys.argv else "icetank-signal"
    path = "/relay/%s/bob" % ROOM if protocol == "icetank-relay" else "/?box=bob&key=k2"
    async with connect(path, protocol) as bob:
        print("ready", flush=True)
        print("closed", await closed(bob), flush=True)


async def relay():
    path = "/relay/%s/" % ROOM
    async with connect(path + "alice", "icetank-relay") as alice:
        async with connect(path + "bob", "icetank-relay") as bob:
            for ws in (alice, bob):
                assert await asyncio.wait_for(ws.recv(), LONG) == b"\x01"  # HERE
            for n in range(200):
                await alice.send(b"\x00" + bytes([n]) * (n * 7 + 1))
                assert await asyncio.wait_for(bob.recv(), LONG) == b"\x00" + bytes([n]) * (n * 7 + 1)
            await bob.send(b"\x00back")
            assert await asyncio.wait_for(alice.recv(), LONG) == b"\x00back"
            try:
                async with connect(path + "carol", "icetank-relay"):
                    raise AssertionError("three in a room")
            except websockets.InvalidStatusCode as e:
                assert e.status_code == 409, e.status_code
            async with connect(path + "bob", "icetank-relay") as again:
                assert await closed(bob) == 4000
                assert await asyncio.wait_for(again.recv(), LONG) == b"\x01"
        while await asyncio.wait_for(alice.recv(), LONG) != b"\x02":  # GONE
            continue
        await alice.send(b"\x00" + b"x" * 1501)
        assert await closed(alice) in (1008, 1009)


def amf(*values):
    """Values of AMF0: text, numbers, None."""
    out = b""
    for v in values:
        if v is None:
            out += b"\x05"
        elif isinstance(v, str):
            out += struct.pack(">BH", 2, len(v)) + v.encode()
        else:
            out += struct.pack(">Bd", 0, v)
    return out


async def heard(ws, what):
    """The next message of RTWebSocket with |what| in it; pings are answered."""
    while True:
        m = await asyncio.wait_for(ws.recv(), LONG)
        if m[0] == 0x01:
            await ws.send(b"\x41" + m[1:])
        if what in m:
            return m


async def flash(ws):
    """A NetConnection over RTWebSocket, with flows 0 and 1: stream 1, over which it has to be said what to do."""
    command = b"\x14\0\0\0\0"
    await ws.send(b"\x10\x00TC\x04\x00")
    await ws.send(b"\x1d\x00" + command + amf("connect", 1) + b"\x03\0\x03app" + amf("app") + b"\0\0\x09")
    opened = await heard(ws, b"TC\x04\x00")
    assert opened[0] == 0x30 and opened[2] == 0, opened  # in return to flow 0
    await heard(ws, b"NetConnection.Connect.Success")
    await ws.send(b"\x1d\x00" + command + amf("createStream", 2, None))
    await heard(ws, b"_result" + amf(2))
    await ws.send(b"\x30\x01" + opened[1:2] + b"TC\x04\x01")
    return b"\x1d\x01" + command


async def rtmfp():
    async with connect("/app", None) as alice, connect("/", None) as bob:
        await bob.send(b"\x01there?")
        await heard(bob, b"\x41there?")
        await alice.send(await flash(alice) + amf("publish", 0, None, "voice"))
        await heard(alice, b"NetStream.Publish.Start")
        await bob.send(await flash(bob) + amf("play", 0, None, "voice"))
        await heard(bob, b"NetStream.Play.Start")
        await alice.send(b"\x30\x02\x01TC\x04\x01")
        await alice.send(b"\x3d\x02\x08\0\0\0\0sylla")
        await alice.send(b"\x1d\x02ble")
        assert (await heard(bob, b"syllable"))[0] == 0x1d
        await alice.send(b"\x1d\x77of no flow")
        assert await closed(alice) == 1002
        await heard(bob, b"NetStream.Play.UnpublishNotify")


asyncio.run({f.__name__: f for f in (messages, again, refused, full, crowd, until_shutdown, relay, rtmfp)}[CASE]())
