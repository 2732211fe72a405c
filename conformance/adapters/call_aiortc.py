#!/usr/bin/python3
"""The other end of a whole audio call: aiortc's RTCPeerConnection, by the lines of JSON of conformance/call/main.c."""
import asyncio
import json
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

OFFERS = sys.argv[1:] == ["offer"]


def tell(ev, **members):
    sys.stdout.write(json.dumps({"ev": ev, **members}) + "\n")
    sys.stdout.flush()




async def numbers(pc):
    out = {"sent": 0, "received": 0, "lost": 0}
    for s in (await pc.getStats()).values():
        if s.type == "inbound-rtp":
            out["received"], out["lost"] = s.packetsReceived, s.packetsLost
        elif s.type == "outbound-rtp":
            out["sent"] = s.packetsSent
    return out


async def count(track, frames):
    while True:
        frame = await track.recv()
        frames[0] += 1 if frame.samples else 0


async def main():
    pc, frames, tasks = RTCPeerConnection(RTCConfiguration([])), [0], []
    pc.addTrack(AudioStreamTrack())
    pc.on("track", lambda track: tasks.append(asyncio.ensure_future(count(track, frames))))
    pc.on("connectionstatechange", lambda: tell("state", state={"connected": "open"}.get(pc.connectionState, pc.connectionState)))

    async def report():
        while True:
            await asyncio.sleep(1)
            tell("stats", decoded=frames[0], **await numbers(pc))

    tasks.append(asyncio.ensure_future(report()))
    if OFFERS:
        await pc.setLocalDescription(await pc.createOffer())
        tell("sdp", sdp=pc.localDescription.sdp)
    lines = asyncio.StreamReader(limit=1 << 18)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        m = json.loads(line)
        if m["op"] == "close":
            break
        if m["op"] != "sdp":
            continue
        try:
            await pc.setRemoteDescription(RTCSessionDescription(m["sdp"], "answer" if OFFERS else "offer"))
            if not OFFERS:
                await pc.setLocalDescription(await pc.createAnswer())
                tell("sdp", sdp=pc.localDescription.sdp)
        except Exception as e:  # whatever a library throws is an answer
            tell("peer", why=repr(e))
    for t in tasks:
        t.cancel()
    await pc.close()
    tell("state", state="closed")


asyncio.run(main())
