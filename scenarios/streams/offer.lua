-- The offer of another stack, as Chromium makes it: what is none of our streams is rejected line by line (RFC 3264 section 6).
local tank = require "icetank"

local PRINT = ("AB:"):rep(31) .. "AB"
local function section(kind, protocol, formats, mid, more)
  return ("m=%s 9 %s %s\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:Mq4u\r\na=ice-pwd:5PfpAtXiTvU64tlFE9Ob4zYK\r\na=ice-options:trickle\r\n" ..
    "a=fingerprint:sha-256 %s\r\na=setup:actpass\r\na=mid:%d\r\n%s"):format(kind, protocol, formats, PRINT, mid, more)
end
local OFFER = "v=0\r\no=- 238237970813906452 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\na=extmap-allow-mixed\r\n"
  .. section("audio", "UDP/TLS/RTP/SAVPF", "63 111 0", 0, "a=sendrecv\r\na=rtcp-mux\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:111 opus/48000/2\r\n")
  .. section("video", "UDP/TLS/RTP/SAVPF", "96", 1, "a=sendrecv\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n")
  .. section("application", "UDP/DTLS/SCTP", "webrtc-datachannel", 2, "a=sctp-port:5000\r\na=made-up:1\r\n")

return tank.scenario { "a browser's offer of audio, video and data is answered with what we have",
  matrix = { media = { "audio", "video" } },
  run = function(t, cell)
    local alice = t:host "alice"
    local pc = alice.B:new { media = cell.media }
    pc:start()
    pc:signal(OFFER)
    local answer
    for ev in pc:events "signal" do
      answer = ev.blob
      if answer:find("a=setup:active", 1, true) then break end
    end
    local audio = cell.media == "audio"
    t:check { "the group has what is accepted", answer:match "a=group:BUNDLE ([^\r]*)", equals = audio and "0" or "1" }
    t:check { "audio", answer:match "m=audio ([^\r]*)", equals = audio and "9 UDP/TLS/RTP/SAVPF 111" or "0 UDP/TLS/RTP/SAVPF 63 111 0" }
    t:check { "video", answer:match "m=video ([^\r]*)", equals = audio and "0 UDP/TLS/RTP/SAVPF 96" or "9 UDP/TLS/RTP/SAVPF 96" }
    t:check { "data", answer:match "m=application ([^\r]*)", equals = "0 UDP/DTLS/SCTP webrtc-datachannel" }
  end,
}
