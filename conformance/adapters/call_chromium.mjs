#!/usr/bin/env node
// The other end of a whole audio call: Chromium with a fake microphone, by the lines of JSON of conformance/call/main.c. It is driven by the
// DevTools protocol over descriptors 3 and 4, and serves itself a page, as a microphone needs a secure context (http://127.0.0.1).
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [, , ...words] = process.argv; // [sped] offer|answer
const offers = words.at(-1) === 'offer', sped = words[0] === 'sped';
const tell = (ev, members) => process.stdout.write(JSON.stringify({ ev, ...members }) + '\n');
const page = createServer((_, r) => r.end('<!doctype html><title>call</title>')).listen(0, '127.0.0.1');
await new Promise(r => page.once('listening', r));
const home = mkdtempSync(join(tmpdir(), 'it-call-'));
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream', '--disable-features=WebRtcHideLocalIpsWithMdns', `--user-data-dir=${home}`, '--remote-debugging-pipe', 'about:blank'];
if (sped) flags.unshift('--force-fieldtrials=WebRTC-IceHandshakeDtls/Enabled/');
const browser = spawn('chromium', flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });

const waiting = new Map();
let text = '', last = 0;
browser.stdio[4].on('data', d => {
  text += d;
  for (let i; (i = text.indexOf('\0')) >= 0; text = text.slice(i + 1)) {
    const m = JSON.parse(text.slice(0, i));
    if (m.id) waiting.get(m.id)?.(m);
    waiting.delete(m.id);
  }
});
const ask = (method, params, sessionId) => new Promise(r => {
  waiting.set(++last, r);
  browser.stdio[3].write(JSON.stringify({ id: last, method, params, sessionId }) + '\0');
});
const target = (await ask('Target.createTarget', { url: `http://127.0.0.1:${page.address().port}/` })).result.targetId;
const session = (await ask('Target.attachToTarget', { targetId: target, flatten: true })).result.sessionId;
async function evaluate(expression) {
  const r = (await ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, session)).result;
  if (r?.exceptionDetails) throw new Error(r.exceptionDetails.exception?.description ?? 'the page failed');
  return r?.result?.value;
}

async function stop() {
  browser.kill();
  page.close();
  await new Promise(r => browser.once('exit', r));
  rmSync(home, { recursive: true, force: true });
  tell('state', { state: 'closed' });
  process.exit(0);
}

for (let i = 0; i < 100 && !(await evaluate('location.protocol === "http:" && !!navigator.mediaDevices')); i++)
  await new Promise(r => setTimeout(r, 100)); // until the page is there
await evaluate(`(async () => {
  window.pc = new RTCPeerConnection();
  const mic = await navigator.mediaDevices.getUserMedia({ audio: true });
  mic.getTracks().forEach(t => pc.addTrack(t, mic));
  window.whole = () => new Promise(r => pc.iceGatheringState === 'complete' ? r() : pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && r()));
  pc.ontrack = e => { const a = new Audio(); a.srcObject = e.streams[0] ?? new MediaStream([e.track]); a.play(); };
  window.numbers = async () => {
    const o = { sent: 0, received: 0, lost: 0, decoded: 0, state: pc.connectionState };
    (await pc.getStats()).forEach(s => {
      if (s.type === 'inbound-rtp') Object.assign(o, { received: s.packetsReceived, lost: s.packetsLost, decoded: s.totalSamplesReceived - (s.concealedSamples ?? 0) });
      if (s.type === 'outbound-rtp') o.sent = s.packetsSent;
      if (s.type === 'transport') Object.assign(o, { srtp: s.srtpCipher, tls: s.tlsVersion, dtls: s.dtlsCipher });
    });
    return o;
  };
})()`);
const described = how => evaluate(`(async () => { await pc.setLocalDescription(await pc.${how}()); await whole(); return pc.localDescription.sdp })()`);
if (offers) tell('sdp', { sdp: await described('createOffer') });
let was = '';
setInterval(async () => {
  const o = await evaluate('numbers()');
  if (o.state !== was) tell('state', { state: o.state === 'connected' ? 'open' : o.state });
  was = o.state;
  tell('stats', o);
}, 1000);
for await (const line of createInterface({ input: process.stdin })) {
  const m = JSON.parse(line);
  if (m.op === 'close') break;
  if (m.op !== 'sdp') continue;
  try {
    await evaluate(`pc.setRemoteDescription({ type: ${JSON.stringify(offers ? 'answer' : 'offer')}, sdp: ${JSON.stringify(m.sdp)} })`);
    if (!offers) tell('sdp', { sdp: await described('createAnswer') });
  } catch (e) {
    tell('peer', { why: String(e) });
  }
}
await stop();
