#!/usr/bin/python3
"""The other end of a whole audio call: Firefox with a fake microphone, by the lines of JSON of conformance/call/main.c. It is driven by
Marionette on its own loopback, and is given a page from http://127.0.0.1, as a microphone needs a secure context.
Usage: call_firefox.py [offer|answer]; with "describe MEDIA..." (audio, video, data) it prints an offer of these and ends."""
import http.server
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

PREFS = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "network.proxy.type": 0,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage": "about:blank",
}
PAGE = """
window.pc = new RTCPeerConnection();
window.whole = () => new Promise(r => pc.iceGatheringState === 'complete' ? r() : pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && r()));
window.mic = async media => {
  if (media.includes('data')) pc.createDataChannel('data');
  const want = { audio: media.includes('audio'), video: media.includes('video') };
  if (!want.audio && !want.video) return;
  const s = await navigator.mediaDevices.getUserMedia(want);
  s.getTracks().forEach(t => pc.addTrack(t, s));
};
pc.ontrack = e => { const a = new Audio(); a.srcObject = new MediaStream([e.track]); a.play(); };
window.described = async how => { await pc.setLocalDescription(await pc[how]()); await whole(); return pc.localDescription.sdp; };
window.numbers = async () => {
  const o = { sent: 0, received: 0, lost: 0, decoded: 0, state: pc.connectionState };
  (await pc.getStats()).forEach(s => {
    if (s.type === 'inbound-rtp') Object.assign(o, { received: s.packetsReceived, lost: s.packetsLost, decoded: (s.totalSamplesReceived ?? s.packetsReceived) - (s.concealedSamples ?? 0) });
    if (s.type === 'outbound-rtp') o.sent = s.packetsSent;
  });
  return o;
};
"""


def tell(ev, **members):
    sys.stdout.write(json.dumps({"ev": ev, **members}) + "\n")
    sys.stdout.flush()


class Marionette:
    """Its wire: LENGTH:[type, id, command, parameters], and back [1, id, error, result]."""

    def __init__(self, port, within):
        until = time.monotonic() + within
        while True:
            try:
                self.s = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        self.text, self.last = b"", 0
        self.read()

    def read(self):
        while True:
            head, colon, rest = self.text.partition(b":")
            if colon and len(rest) >= int(head):
                self.text = rest[int(head):]
                return json.loads(rest[:int(head)])
            data = self.s.recv(65536)
            if not data:
                raise EOFError("Firefox has gone")
            self.text += data

    def ask(self, command, **params):
        self.last += 1
        body = json.dumps([0, self.last, command, params]).encode()
        self.s.sendall(str(len(body)).encode() + b":" + body)
        _, _, error, result = self.read()
        if error:
            raise RuntimeError(error["message"])
        return result

    def evaluate(self, expression):
        script = "const done = arguments[arguments.length - 1]; (async () => " + expression + ")().then(v => done([v]), e => done(['', String(e)]))"
        value = self.ask("WebDriver:ExecuteAsyncScript", script=script, args=[], scriptTimeout=60000, newSandbox=False, sandbox=None)["value"]
        if len(value) > 1:
            raise RuntimeError(value[1])
        return value[0]


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!doctype html><title>call</title><script>" + PAGE.encode() + b"</script>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Browser:
    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="it-call-")
        with open(os.path.join(self.home, "user.js"), "w", encoding="ascii") as f:
            for name, value in PREFS.items():
                f.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        self.page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=self.page.serve_forever, daemon=True).start()
        self.p = subprocess.Popen(["firefox-esr", "--headless", "--no-remote", "--marionette", "--profile", self.home], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": self.home, "MOZ_HEADLESS": "1"})
        m = Marionette(2828, 60)
        m.ask("WebDriver:NewSession", capabilities={})
        m.ask("WebDriver:SetTimeouts", script=60000)
        m.ask("WebDriver:Navigate", url=f"http://127.0.0.1:{self.page.server_port}/")
        return m

    def __exit__(self, *_):
        self.p.terminate()
        self.p.wait()
        self.page.shutdown()
        shutil.rmtree(self.home, ignore_errors=True)


def take(m, line, offers):
    """Obeys a line; False: it is the last."""
    op = json.loads(line)
    if op["op"] == "close":
        return False
    if op["op"] == "sdp":
        kind = "answer" if offers else "offer"
        try:
            m.evaluate(f"{{ await pc.setRemoteDescription({{ type: '{kind}', sdp: {json.dumps(op['sdp'])} }}) }}")
            if not offers:
                tell("sdp", sdp=m.evaluate("described('createAnswer')"))
        except RuntimeError as e:
            tell("peer", why=str(e))
    return True


def converse(m, offers):
    m.evaluate("mic(['audio'])")
    if offers:
        tell("sdp", sdp=m.evaluate("described('createOffer')"))
    text, was, next_at = b"", "", time.monotonic()
    while True:
        if select.select([0], [], [], max(0, next_at - time.monotonic()))[0]:
            data = os.read(0, 65536)
            if not data:
                return
            *lines, text = (text + data).split(b"\n")
            if not all(take(m, line, offers) for line in lines):
                return
        if time.monotonic() >= next_at:
            next_at += 1
            o = m.evaluate("numbers()")
            if o["state"] != was:
                tell("state", state="open" if o["state"] == "connected" else o["state"])
            was = o["state"]
            tell("stats", **o)


def main():
    with Browser() as m:
        if sys.argv[1:2] == ["describe"]:
            m.evaluate(f"mic({json.dumps(sys.argv[2:])})")
            sys.stdout.write(m.evaluate("described('createOffer')"))
            return
        converse(m, sys.argv[1:] == ["offer"])
    tell("state", state="closed")


main()
