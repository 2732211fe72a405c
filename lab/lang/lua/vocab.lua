-- The words of the language that are no profiles: what each means and where it comes from. Checks, editors (icetank.d.lua) and
-- `icetank profiles` read them here; a test holds them against the tables in C that make them.
local vocab = {}

-- set -> { { name, sentence, source }, ... }
vocab.sets = {
  model = {
    { "A", "one object that does everything, signaling by a rendezvous server included", "RFC 8445, 8838, 8863, 7675" },
    { "B", "an ICE agent and opaque blobs that the application carries", "RFC 8445, 8838, 8863, 7675" },
    { "C", "a NetConnection, and streams from the peer or by its server; which of them is the script's", "RFC 7016, 7425" },
    { "D", "two objects, direct and over a relay; which of them carries is the script's", "RFC 8445, 7675, 6455" },
    { "E", "a socket that sends only where a check has succeeded; ICE is the script's", "RFC 8489, 7675" },
  },
  media = {
    { "voice", "a datagram each 20 ms, both ways, inside DTLS", "" },
    { "audio", "voice as RTP by SRTP: 50 packets a second, both ways; B", "RFC 3550, 3711, 5764" },
    { "video", "frames as RTP by SRTP, 30 a second, both ways; B", "RFC 3550, 3711, 5764" },
    { "none", "nothing is streamed", "" },
  },
  clocks = {
    { "run", "what is overdue happens at once when the host resumes", "" },
    { "frozen", "they stand still while the host does", "" },
  },
  carrier = {
    { "websocket", "packets: WebSocket to the signal server", "RFC 6455" },
    { "http-poll", "packets: HTTP requests to the signal server, held until there is something to tell", "RFC 9112" },
    { "wss", "packets: WebSocket to the signal server, by TLS on 443", "RFC 6455, 8446" },
    { "https-poll", "packets: the same requests by TLS on 443", "RFC 9112, 8446" },
    { "mail", "no packets: takes 0.5 to 5 s, in any order, one in ten twice", "" },
    { "instant", "no packets: the delays of the ways and nothing else; no box sees it", "" },
    { "ws", "websocket", "" },
    { "long-poll", "http-poll", "" },
  },
  family = {
    { "v4", "IPv4 alone", "" },
    { "v6", "IPv6 alone", "" },
    { "dual", "both", "" },
  },
  -- Of one connection: no "dual".
  ["open.family"] = { { "v4", "over IPv4", "" }, { "v6", "over IPv6", "" } },
  proto = { { "udp", "", "" }, { "tcp", "", "" } },
  map_by = {
    { "pcp", "PCP, or NAT-PMP where the box speaks that alone", "RFC 6887, 6886" },
    { "upnp", "UPnP IGD", "UPnP WANIPConnection:2" },
  },
  known = {
    { "supported", "the interval lies on the predicted side", "" },
    { "refuted", "it lies on the other side", "" },
    { "mixed", "it reaches over the bound", "" },
  },
  control = { { "cubic", "CUBIC, as Linux has it", "RFC 9438" }, { "reno", "Reno", "RFC 5681" } },
  aqm = { { "fifo", "drops at the tail", "" }, { "codel", "controlled delay", "RFC 8289" } },
  path = {
    { "direct_udp", "from host to host over UDP", "RFC 8445" },
    { "relay_udp", "over a relay by UDP", "RFC 8656" },
    { "direct_tcp", "from host to host over TCP", "RFC 6544" },
    { "relay_tcp", "over a relay by TCP", "RFC 8656" },
  },
  reason = {
    { "connect_failed", "never opened within the connect timer", "" },
    { "consent_expired", "no answer to consent checks for the death timer", "RFC 7675 section 5.1" },
    { "keepalive_timeout", "nothing at all was heard for the death timer", "" },
    { "link_down_no_alternative", "the interface went down and no other took over in time", "" },
    { "transport_reset", "the transport said no", "" },
    { "peer_closed", "the far side said goodbye", "" },
    { "server_lost", "the server that the connection needs went away", "" },
    { "security", "the far side is not who it should be", "" },
  },
  candidate = {
    { "host", "an address of the host itself", "RFC 8445 section 5.1.1.1" },
    { "srflx", "server reflexive: as the STUN server sees it", "RFC 8445 section 5.1.1.2" },
    { "prflx", "peer reflexive: as the far side sees it", "RFC 8445 section 7.2.5.3.1" },
    { "relay", "an address on a relay", "RFC 8656" },
  },
  tables = {
    { "survey", "of drawn pairs: connected by path, times, price, and how much hangs on the weights of the population", "" },
    { "curves", "of sets of timers: how long a death takes to be noticed, and how often one is told that was none", "" },
  },
  parent_death = { { "detach", "streams with peers go on", "RFC 7016: sessions know nothing of each other" }, { "cascade", "they end with it", "as Flash's objects do" } },
  nc_transport = {
    { "auto", "over UDP, and by WebSocket where that does not open in time", "" }, { "udp", "RTMFP alone", "RFC 7016" },
    { "ws", "RTWebSocket alone: the same messages over TCP", "RFC 6455" },
  },
  stream_via = { { "server", "the server relays it", "RFC 7425 section 5.3.5" }, { "direct", "peers play it from here", "RFC 7425 section 5.4" } },
  stream_type = { { "audio", "", "" }, { "video", "", "" }, { "data", "and commands", "" } },
  status = {
    { "NetConnection.Connect.Success", "the server has taken it", "RFC 7425 section 5.3.2" },
    { "NetConnection.Connect.Failed", "no answer within its time", "" },
    { "NetConnection.Connect.Rejected", "the server said no", "RFC 7425 section 5.3.2" },
    { "NetConnection.Connect.Closed", "it is gone", "" },
    { "NetConnection.Connect.NetworkChange", "an interface has come or gone", "" },
    { "NetStream.Connect.Success", "the session with the peer is open", "" },
    { "NetStream.Connect.Failed", "it did not open within its time", "" },
    { "NetStream.Connect.Rejected", "the publisher refused", "RFC 7425 section 5.4" },
    { "NetStream.Connect.Closed", "the far end has gone", "" },
    { "NetStream.Play.Reset", "what was played before is over", "" },
    { "NetStream.Play.Start", "it will come here", "" },
    { "NetStream.Play.Stop", "nothing more comes", "" },
    { "NetStream.Play.PublishNotify", "somebody publishes now what is played", "" },
    { "NetStream.Play.UnpublishNotify", "not any more", "" },
    { "NetStream.Play.Failed", "the server cannot", "" },
    { "NetStream.Publish.Start", "it is published", "" },
    { "NetStream.Publish.BadName", "another publishes under that name", "" },
    { "NetStream.Unpublish.Success", "it is not any more", "" },
  },
  server = {
    { "signal", "carries blobs between hosts, and more", "" },
    { "stun", "answers Binding requests", "RFC 8489" },
    { "turn", "lends addresses that what is sent to reaches a host over its way to the server", "RFC 8656" },
    { "rtmfp", "introduces ends of model C to each other and relays their streams; up with the first call where no servers are named", "RFC 7016, 7425" },
    { "ws", "relays datagrams between two who know the name of a room, over WebSocket", "RFC 6455" },
  },
  d_policy = {
    { "sequential", "the peer object, and the relay object when that has failed or had its time", "" },
    { "race", "both at once", "" },
  },
  ws_by = {
    { "ws", "on its port for HTTP", "RFC 6455 section 3" },
    { "wss", "by TLS", "RFC 6455 section 3" },
    { "udp", "by datagrams; D's relay object, where the relay serves that", "" },
    { "none", "not at all", "" },
  },
  turn_by = {
    { "udp", "over UDP", "RFC 8656" },
    { "tcp", "over TCP", "RFC 8656 section 3.1" },
    { "tls", "over TLS, where it serves that", "RFC 8656 section 3.1" },
    { "dtls", "over DTLS, where it serves that", "RFC 7350" },
    { "none", "not at all", "" },
  },
  timer = {
    { "stall", "silence until the application is told", "" },
    { "death", "silence until the connection is dead", "RFC 7675 section 5.1" },
    { "connect", "until an attempt is given up", "" },
    { "linkdown", "an interface that is down until the connection is dead without another", "" },
    { "consent", "between two consent checks", "RFC 7675 section 5.1" },
    { "keepalive", "between two keepalives", "RFC 8445 section 11" },
    { "rto", "first retransmission time-out of a check", "RFC 8445 section 14.3" },
    { "ta", "between two checks of an agent", "RFC 8445 section 14.2" },
  },
  timers = {
    { "rfc", "the values that the RFCs name", "RFC 7675 section 5.1, RFC 8445 sections 11, 14.2" },
    { "libwebrtc", "as libwebrtc", "p2p_constants.cc, port.cc" },
    { "firefox", "as Firefox's nICEr", "nICEr ice_component.c" },
    { "pion", "as pion/ice", "pion agent_config.go" },
    { "libnice", "as libnice with consent freshness", "libnice agent-priv.h" },
    { "libjuice", "as libjuice", "libjuice agent.h" },
    { "rtmfp", "a Ping after 10 s of silence, dead where it stays unanswered for 20 s; 95 s to open", "RFC 7016 sections 3.5.1.1.1, 3.5.4.1; rtmfp-cpp echoserver, measured at 36.9 s" },
  },
  behaviour = {
    { "rfc", "nominates once, what works; consent every 4 to 6 s", "RFC 8445 sections 7.2.5.1, 8.1.1; RFC 7675 section 5.1" },
    { "libwebrtc", "USE-CANDIDATE in every check of the best pair, consent every 2.656 s, leaves silent pairs", "Chromium 156, measured; basic_ice_controller.cc, p2p_transport_channel.cc; RTCConfiguration: GATHER_ONCE, no renomination by default; assumed: fresh sockets" },
    { "firefox", "aggressive nomination, consent without USE-CANDIDATE", "nricectx.cpp NrIceCtx::Initialize; Mozilla bug 2037009; assumed: conflict, fresh sockets" },
    { "pion", "ignores role conflicts", "pion ice 2.3.1, measured; agent.go handleInbound, checkKeepalive, Restart; selection.go" },
    { "libnice", "aggressive nomination, USE-CANDIDATE in consent checks", "libnice conncheck.c, agent.h; assumed: conflict, USE-CANDIDATE in consent checks" },
    { "libjuice", "USE-CANDIDATE in consent checks", "libjuice agent.c, nomination_requested; assumed: a new tie-breaker after 487" },
  },
  trait = {
    { "nomination", "which checks of the controlling side carry USE-CANDIDATE", "RFC 8445 section 8.1.1" },
    { "conflict", "what comes of two sides of one role", "RFC 8445 section 7.2.5.1" },
    { "role", "the role that it takes", "RFC 8445 section 6.1.1" },
    { "tiebreaker", "its first tie-breaker; else by chance", "RFC 8445 section 16.1" },
    { "lite", "answers checks and sends none", "RFC 8445 section 2.5" },
    { "consent_nominates", "consent checks of the controlling side carry USE-CANDIDATE", "" },
    { "consent_fixed", "they leave at equal intervals", "RFC 7675 section 5.1 wants chance" },
    { "consent_needs_use", "those that come without USE-CANDIDATE get no answer", "" },
    { "renominates", "another pair may be nominated at any time, by a number, where both sides do this", "draft-thatcher-ice-renomination" },
    { "switches", "another pair may be nominated at any time, by USE-CANDIDATE alone, whatever the other side does", "libwebrtc, basic_ice_controller.cc ShouldSwitchConnection" },
    { "continual", "interfaces that come are gathered on at any time, those that go are taken back, without a restart", "libwebrtc, RTCConfiguration.continual_gathering_policy" },
    { "fresh", "a restart gathers on new sockets; the old ones stay until the new generation has its pair", "RFC 8445 section 9" },
    { "shared_creds", "streams that are not bundled have one pair of credentials, told for the session", "RFC 8839 section 5.4" },
    { "sped", "checks carry the DTLS handshake, where both sides do this", "draft-hancke-webrtc-sped-00; libwebrtc's WebRTC-IceHandshakeDtls" },
  },
  ["behaviour.nomination"] = {
    { "regular", "the check that repeats the chosen pair's", "RFC 8445 section 8.1.1" },
    { "semi-aggressive", "checks of the selected pair and of better ones, all while none is selected", "libwebrtc" },
    { "aggressive", "every check", "RFC 5245 section 8.1.1.2" },
  },
  ["behaviour.conflict"] = {
    { "redraws", "who is told by 487 gives way and draws a new tie-breaker", "RFC 8445 section 7.2.5.1" },
    { "keeps", "likewise, with its tie-breaker", "RFC 5245 section 7.1.3.1" },
    { "ignores", "never gives way", "" },
  },
  ["behaviour.role"] = {
    { "agreed", "as signaling and tie-breakers have it", "RFC 8445 section 6.1.1" },
    { "controlling", "", "" },
    { "controlled", "", "" },
  },
  -- What datagrams carry, as traces call it. A label in a scenario is the beginning of one of these, whole words, in any case.
  label = {
    { "Binding request", "to a STUN server", "RFC 8489" },
    { "Binding indication", "a keepalive", "RFC 8445 section 11" },
    { "Binding success", "from a STUN server", "RFC 8489" },
    { "Binding error", "likewise, with its code behind it", "RFC 8489" },
    { "check", "a connectivity check", "RFC 8445 section 7.2" },
    { "check USE-CANDIDATE", "one that nominates", "RFC 8445 section 8.1.1" },
    { "check success", "the answer to a check", "RFC 8445 section 7.3" },
    { "check error", "likewise, with its code behind it", "RFC 8445 section 7.3" },
    { "DTLS ClientHello", "", "RFC 5246 section 7.4.1.2" },
    { "DTLS ServerHello", "", "RFC 5246 section 7.4.1.3" },
    { "DTLS HelloVerifyRequest", "", "RFC 6347 section 4.2.1" },
    { "DTLS Certificate", "", "RFC 5246 section 7.4.2" },
    { "DTLS ServerKeyExchange", "", "RFC 5246 section 7.4.3" },
    { "DTLS CertificateRequest", "", "RFC 5246 section 7.4.4" },
    { "DTLS ServerHelloDone", "", "RFC 5246 section 7.4.5" },
    { "DTLS CertificateVerify", "", "RFC 5246 section 7.4.8" },
    { "DTLS ClientKeyExchange", "", "RFC 5246 section 7.4.7" },
    { "DTLS ChangeCipherSpec", "", "RFC 5246 section 7.1" },
    { "DTLS Finished", "", "RFC 5246 section 7.4.9" },
    { "DTLS alert", "", "RFC 5246 section 7.2" },
    { "DTLS data", "application data that is no voice", "RFC 5246 section 10" },
    { "DTLS handshake", "any other handshake message", "RFC 5246 section 7.4" },
    { "DTLS record", "a record of no known type", "RFC 6347 section 4.1" },
    { "voice", "a datagram of the paced stream", "" },
    { "SRTP", "audio and video", "RFC 3711, RFC 7983" },
    { "SRTCP", "reports about them", "RFC 3711, RFC 5761 section 4" },
    { "data", "everything else over UDP", "" },
    { "Allocate request", "", "RFC 8656 section 7" },
    { "Allocate success", "", "RFC 8656 section 7" },
    { "Allocate error", "", "RFC 8656 section 7" },
    { "Refresh request", "", "RFC 8656 section 8" },
    { "Refresh success", "", "RFC 8656 section 8" },
    { "Refresh error", "", "RFC 8656 section 8" },
    { "CreatePermission request", "", "RFC 8656 section 10" },
    { "CreatePermission success", "", "RFC 8656 section 10" },
    { "CreatePermission error", "", "RFC 8656 section 10" },
    { "ChannelBind request", "", "RFC 8656 section 12" },
    { "ChannelBind success", "", "RFC 8656 section 12" },
    { "ChannelBind error", "", "RFC 8656 section 12" },
    { "Send check", "to a TURN server, what a peer is to get", "RFC 8656 section 11" },
    { "Send DTLS", "to a TURN server, what a peer is to get", "RFC 8656 section 11" },
    { "Send voice", "to a TURN server, what a peer is to get", "RFC 8656 section 11" },
    { "Send data", "to a TURN server, what a peer is to get", "RFC 8656 section 11" },
    { "Data check", "from it, what a peer sent", "RFC 8656 section 11" },
    { "Data DTLS", "from it, what a peer sent", "RFC 8656 section 11" },
    { "Data voice", "from it, what a peer sent", "RFC 8656 section 11" },
    { "Data data", "from it, what a peer sent", "RFC 8656 section 11" },
    { "Channel check", "either, on a channel", "RFC 8656 section 12" },
    { "Channel DTLS", "either, on a channel", "RFC 8656 section 12" },
    { "Channel voice", "either, on a channel", "RFC 8656 section 12" },
    { "Channel data", "either, on a channel", "RFC 8656 section 12" },
    { "TCP SYN", "", "RFC 9293 section 3.5" },
    { "TCP SYN ACK", "", "RFC 9293 section 3.5" },
    { "TCP FIN", "", "RFC 9293 section 3.6" },
    { "TCP RST", "", "RFC 9293 section 3.5.3" },
    { "TCP ACK", "a segment without data", "RFC 9293" },
    { "TCP data", "a segment with data", "RFC 9293" },
  },
  -- Numbers that every call has in results.jsonl; those of the n-th call end in "_n". No t:metric has such a name.
  metric = {
    { "t_conn", "from t:call to open", "" },
    { "t_first_media", "from t:call to the first packet of voice", "" },
    { "round_trips", "that had to pass before the first packet of media could leave", "" },
    { "t_detect", "from the fault that counts to the first event that tells of it", "" },
    { "t_death", "from the fault that counts to death", "" },
    { "t_recover", "from the fault that counts to the end of its trouble", "" },
    { "freeze_silent", "the longest silence that was due and not announced", "" },
    { "false_alarms", "alarms while the world was whole", "" },
    { "lost", "packets of voice, audio and video that did not come", "" },
    { "late", "that came more than 150 ms behind the fastest", "" },
    { "jitter", "of audio and video, at the end", "RFC 3550 section 6.4.1" },
    { "freezes", "of audio and video: intervals in which nothing could be shown", "" },
    { "longest_freeze", "the longest of them", "" },
    { "connected", "1 when both ends opened", "" },
    { "direct", "1 when they did so without a relay", "" },
    { "relay_bytes", "payload that the TURN server has relayed, both ways; of a case with one call", "" },
  },
  -- Why a session with the signal server is down (docs/signal.md), and why a message does not arrive.
  ["carrier.why"] = {
    { "refused", "nobody accepts the stream", "RFC 9293 section 3.10.7.3" },
    { "timeout", "it was not opened, or not answered, in time", "" },
    { "reset", "the stream was", "RFC 9293 section 3.5.2" },
    { "unreachable", "an ICMP error, or no route", "RFC 1122 section 4.2.3.9" },
    { "local", "the host's own doing", "" },
    { "closed", "the server closed in order", "" },
    { "http", "somebody answered with another status", "RFC 9110 section 15" },
    { "proxy", "the proxy refused", "RFC 9110 section 9.3.6, RFC 1928 section 6" },
    { "ping", "the server is silent", "RFC 6455 section 5.5.2" },
    { "broken", "what came is no signaling", "" },
    { "name", "nobody knows the server's name", "RFC 1035" },
    { "tls", "no TLS came to be, or it broke", "RFC 8446" },
    { "replaced", "another client has the mailbox", "" },
  },
  ["unsent.why"] = {
    { "full", "the mailbox has no room, or there are too many", "" }, { "large", "its record is too long", "" },
    { "refused", "the server gives no reason that is known here", "" },
  },
  -- Why a client of a relay over WebSocket is down, as far as it is a word alone; "http", "proxy" and "closed" have a number behind them.
  relay_down = {
    { "peer", "the other one has left the room", "" },
    { "refused", "nobody accepts the stream", "RFC 9293 section 3.10.7.3" },
    { "timeout", "a stage of opening took too long", "" },
    { "reset", "the stream was", "RFC 9293 section 3.5.2" },
    { "unreachable", "an ICMP error, or no route", "RFC 1122 section 4.2.3.9" },
    { "local", "the host's own doing", "" },
    { "ping", "the relay is silent", "RFC 6455 section 5.5.2" },
    { "broken", "what came is none of a relay", "" },
  },
  -- Why an allocation of the TURN server is not, or not any more.
  ["turn.why"] = {
    { "ended", "its time is over, or its client has deleted it", "RFC 8656 section 7" },
    { "Try Alternate", "300", "RFC 8489 section 14.8" }, { "Bad Request", "400", "RFC 8489 section 14.8" }, { "Unauthenticated", "401", "RFC 8489 section 14.8" },
    { "Forbidden", "403", "RFC 8656 section 19" }, { "Mobility Forbidden", "405", "RFC 8016 section 3.6" }, { "Unknown Attribute", "420", "RFC 8489 section 14.8" },
    { "Allocation Mismatch", "437", "RFC 8656 section 19" }, { "Stale Nonce", "438", "RFC 8489 section 14.8" },
    { "Address Family not Supported", "440", "RFC 8656 section 19" }, { "Wrong Credentials", "441", "RFC 8656 section 19" },
    { "Unsupported Transport Protocol", "442", "RFC 8656 section 19" }, { "Peer Address Family Mismatch", "443", "RFC 8656 section 19" },
    { "Connection Already Exists", "446", "RFC 6062 section 6.3" }, { "Connection Timeout or Failure", "447", "RFC 6062 section 6.3" },
    { "Allocation Quota Reached", "486", "RFC 8656 section 19" }, { "Server Error", "500", "RFC 8489 section 14.8" }, { "Insufficient Capacity", "508", "RFC 8656 section 19" },
  },
  -- How an end of a connection closes: nobody else does.
  ["connection.by"] = { { "local", "this end closed", "" }, { "remote", "the far end closed", "" } },
  ["session.by"] = { { "local", "this end closed", "" }, { "remote", "the far end closed", "" }, { "reset", "its session failed", "RFC 7016" } },
  tls = {
    { "truncated", "the stream ended without close_notify", "RFC 8446 section 6.1" },
    { "no-tls", "what came is no TLS", "RFC 8446 section 5.1" },
    { "overflow", "a record is too long", "RFC 8446 section 5.2" },
    { "unknown-ca", "no trusted root has signed the certificate", "RFC 5280 section 6" },
    { "name", "the certificate is somebody else's", "RFC 9525 section 6" },
    { "expired", "it is over", "RFC 5280 section 4.1.2.5" },
    { "not-yet", "it has not begun", "RFC 5280 section 4.1.2.5" },
    { "cert", "its chain is not valid in another way", "RFC 5280 section 6" },
    { "protocol", "our own fatal alert, for another reason", "RFC 8446 section 6.2" },
    { "library", "OpenSSL has failed", "" },
  },
  closed_by = {
    { "local", "this end closed", "" },
    { "remote", "the far end closed", "" },
    { "reset", "a reset came", "" },
    { "refused", "a reset answered the attempt to connect", "RFC 9293 section 3.10.7.3" },
    { "timeout", "nobody answered for too long", "RFC 9293 section 3.8.3" },
    { "unreachable", "no route, or an ICMP error that counts while connecting", "RFC 1122 section 4.2.3.9" },
  },
}

-- The statuses of one kind of object: NetConnection tells none of a NetStream, and the other way round.
for _, of in ipairs { "NetConnection", "NetStream" } do
  local list = {}
  for _, e in ipairs(vocab.sets.status) do if e[1]:find(of .. ".", 1, true) == 1 then list[#list + 1] = e end end
  vocab.sets[of .. ".status"] = list
end

-- Sets that `icetank profiles` lists, and what it calls their members.
vocab.listed = {
  { "behaviour", "behaviour" }, { "trait", "trait" }, { "timers", "timers" }, { "timer", "timer" }, { "carrier", "carrier" }, { "label", "label" }, { "model", "model" }, { "server", "server" },
  { "reason", "reason" }, { "path", "path" }, { "candidate", "candidate" }, { "parent_death", "parent_death" }, { "status", "status" },
}

function vocab.names(set)
  local out = {}
  for i, e in ipairs(vocab.sets[set]) do out[i] = e[1] end
  return out
end

-- The label that text `v` begins, spelt as traces spell it: whole words, in any case. nil when there is none.
function vocab.label(v)
  local low = v:lower()
  local code = low:match "^%a+ error %d%d%d$"
  for _, e in ipairs(vocab.sets.label) do
    local name = e[1]
    if code and name:lower() == low:sub(1, -5) then return name .. v:sub(-4) end
    local rest = name:sub(#v + 1, #v + 1)
    if #v > 0 and name:sub(1, #v):lower() == low and (rest == "" or rest == " ") then return name:sub(1, #v) end
  end
end

return vocab
