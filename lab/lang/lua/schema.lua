-- The shape of every call of the scenario language: what `check` compares arguments with, and what icetank.d.lua is made from (print/editor.lua).
-- A field is { type, doc }. Types are names of the table `types` below, "a|b" is either, "[]" at the end makes a list.
local vocab = ...
local schema = { vocab = vocab }

local link = {
  [1] = { "string", "a link preset" }, delay = { "Time", "one way" }, jitter = { "Time" }, rate = { "rate", '"unlimited" where a preset has one' }, queue = { "Size" }, mtu = { "Size" },
  loss = { "Share" }, burst = { "count|Time", "mean length of a loss burst: in packets of a stream of 50 a second, 20 ms each, or as a time" },
  ge = { "ge", "losses by the model of Gilbert and Elliott, instead of loss and burst" }, up = { "LinkDir" }, down = { "LinkDir" },
  mask = { "string", 'places of 20 ms, over and over: "0" passes, "1" is lost' }, reorder = { "Share", "packets that others may overtake" },
  duplicate = { "Share" }, corrupt = { "Share", "packets of which a bit flips" }, truncate = { "Share", "packets cut short" },
  silent = { "boolean", "what is too big for the MTU vanishes without ICMP" }, bucket = { "Size", "token bucket: so much at once" },
  aqm = { "aqm", "what the queue does" }, target = { "Time", "of codel; 5 ms" }, interval = { "Time", "of codel; 100 ms" },
  period = { "Time", "an outage in every one" }, gap = { "Time", "its length" }, period_loss = { "Share", "lost in it; all" },
  trace = { "table", "recorded: a list of { at =, delay =, loss = }" }, every = { "Time", "the trace begins anew" }, flap = { "flap" },
}
local direction = {} -- what one direction of a link may differ in
for k, field in pairs(link) do if k ~= "up" and k ~= "down" and k ~= "flap" then direction[k] = field end end
local iface = {
  link_local = { "boolean", "it has an IPv6 address of its own link too (RFC 4291 section 2.5.6); false" },
  [1] = { "name" }, behind = { "Behind" }, link = { "LinkSpec" }, addr = { "ips" }, family = { "family" },
  ipv6 = { "string|table", "policy for IPv6 of the NAT that behind makes, or one with changes; \"stateful\"" },
}
local want = { [1] = { "event" }, rest = { "event" }, within = { "Time" }, during = { "Time" }, times = { "count" }, stream = { "count", "of which stream of a call, from 1; else of the whole" }, open = true }

-- name -> what the one table of the call may hold. `rest`: elements after the listed ones. `open`: other keys are event fields.
schema.tables = {
  LinkSpec = link,
  LinkDir = direction,
  IfaceSpec = iface,
  HostTcp = {
    control = { "control", "the congestion window; cubic" }, hystart = { "boolean", "cubic leaves slow start when round trips grow; true" },
    rack = { "boolean", "losses by time, RFC 8985; false: by count, RFC 6675; true" }, tlp = { "boolean", "tail loss probes, RFC 8985 section 7; true" },
    prr = { "boolean", "RFC 6937: the window comes down by what is delivered; false: at once; true" }, frto = { "boolean", "RFC 5682: time-outs in vain are found; true" },
    eifel = { "boolean", "RFC 3522: recoveries in vain are found by timestamps; true" }, dsack = { "boolean", "RFC 2883: duplicates are reported, and reports heeded; true" },
    abc = { "count", "RFC 3465: L, segments that an acknowledgment adds in slow start at most; 2" }, cwnd = { "count", "initial window in segments, RFC 6928; 10" },
    quickack = { "boolean", "acknowledgments by the rule of Linux; false: every second segment or after delack; true" }, delack = { "Time", "the least delay of an acknowledgment; 40 ms" },
    nagle = { "boolean", "where a socket does not say nodelay; true" }, sack = { "boolean", "RFC 2018; true" }, timestamps = { "boolean", "RFC 7323; true" },
    wscale = { "boolean", "window scaling, RFC 7323; true" }, pmtu = { "boolean", "heeds ICMP that says too big; true" },
    blackhole = { "boolean", "RFC 4821: smaller segments when large ones vanish, then larger again; false" }, mss = { "count", "bytes in a segment at most, both ways" },
    snd_buf = { "Size", "absent: it grows from 256 KiB to 4 MiB" }, rcv_buf = { "Size", "absent: it grows from 64 KiB to 6 MiB" },
    rto_init = { "Time", "1 s" }, rto_min = { "Time", "200 ms" }, rto_max = { "Time", "120 s" }, syn_retries = { "count", "6" }, synack_retries = { "count", "5" },
    user_timeout = { "Time", "RFC 5482: unacknowledged so long, a connection ends; 924.6 s" }, time_wait = { "Time", "60 s" },
    keep_idle = { "Time", "silence before keepalive probes; none are sent" }, keep_interval = { "Time", "75 s" }, keep_count = { "count", "9" },
  },
  internet = { servers = { "string[]", "which servers are up; signal and stun when absent" }, delay = { "Time", "one way across; 10 ms" }, turn = { "turnserver" },
    stun = { "stunserver", "by which transports it is up" }, ws = { "wsserver", "likewise" }, rtmfp = { "serve_rtmfp", "as serve_rtmfp takes it" },
    names = { "boolean", "the signal server is known by its name" } },
  stunserver = { udp = { "boolean", "on 3478; true" }, tcp = { "boolean", "likewise" } },
  wsserver = { tcp = { "table", "its port for ws; { 80 }; {}: none" }, tls = { "table", "for wss; { 443 }" }, udp = { "table", "for relay objects of model D by datagrams; none" } },
  turnserver = {
    users = { "table", 'name = "password", ...; tank = "tank"' }, udp = { "table", "ports; { 3478 }" }, tcp = { "table", "ports; { 3478 }" }, tls = { "table", "ports of TLS, with a certificate of the server's name; none" }, dtls = { "table", "the same of DTLS over UDP; none" }, family = { "family", "of relayed addresses; dual" },
    lifetime = { "Time", "of an allocation; 10min" }, max_lifetime = { "Time", "that one may ask for; 1h" }, nonce = { "Time", "how long one is good; 1h" },
    quota = { "count", "relayed addresses of a user; 0: any" }, allow = { "string[]", "peers, addresses or prefixes; else what is public" }, deny = { "string[]" },
    mobility = { "boolean", "RFC 8016: allocations move with their hosts" }, tcp_peers = { "boolean", "TCP allocations, RFC 6062" },
  },
  host = {
    [1] = { "name" }, rest = { "IfaceSpec" }, behind = { "Behind" }, link = { "LinkSpec" }, addr = { "ips" }, family = { "family" },
    ipv6 = { "string|table", "policy for IPv6 of the NAT that behind makes, or one with changes; \"stateful\"" }, stack = { "string" }, tcp = { "HostTcp", "switches of its TCP" }, behaviour = { "string|table", "how its ICE behaves: a stack that it imitates, its timers too, or one with changes" },
    timers = { "string|table", "changes of its timers, or the set of another stack with changes" }, like = { "table" },
    link_local = { "boolean", "each interface has an IPv6 address of its own link too (RFC 4291 section 2.5.6); false" },
    trusts_inspector = { "boolean", "inspectors' roots are installed on it, as a company does; false" },
  },
  nat = { [1] = { "name" }, [2] = { "string", "profile" }, behind = { "Behind" }, link = { "LinkSpec" }, addr = { "ips" }, set = { "table", "profile fields" },
    lan = { "string", 'the IPv4 net inside, "192.168.1.0/24"; one that no other t:nat has' },
    ipv6 = { "string|table", "a firewall policy: IPv6 is handed on through it; else the NAT knows IPv4 alone" } },
  firewall = { [1] = { "name" }, [2] = { "string", "policy" }, behind = { "Behind" }, link = { "LinkSpec" }, family = { "family", "that it polices; the other passes" }, set = { "table" } },
  router = { [1] = { "name" }, behind = { "Behind" }, link = { "LinkSpec" }, addr = { "ips" }, family = { "family" } },
  attacker = {
    [1] = { "name" }, on_path = { "boolean", "it sees the transaction ids of those it attacks" }, behind = { "Behind" }, link = { "LinkSpec" },
    addr = { "ips" }, family = { "family" },
  },
  shot = { [1] = { "string", "a shape" }, data = { "string", "or bytes" }, to = { "string" }, from = { "string", "a forged source; its own" } },
  attack = {
    [1] = { "string", "a shape" }, rest = { "string" }, on = { "any", "a call, a host or address with ports, an address with a port" },
    ports = { "table", "{ first, last }, in turn" }, from = { "string", '"peer" (a call\'s other end), "self", or an address' }, every = { "Time", "5ms" }, during = { "Time", "10s" },
  },
  call = {
    [1] = { "Host" }, [2] = { "Host" }, model = { "model" }, media = { "media" }, carrier = { "carrier" }, restart = { "boolean" }, policy = { "d_policy", "of D: sequential or race (lib.d)" }, try = { "Time", "of D: how long the peer object alone is given; 2s" }, turn = { "turn_by", "how the standard apps reach the TURN server, which serves that; by all that it serves" },
    streams = { "string[]", "several media streams, what each sends" }, components = { "count", "of each: 1, which RTP and RTCP share, or 2; 1" },
    bundle = { "boolean", "they share one transport (RFC 8843); true with one component" },
    ws = { "string|table", "how the standard apps reach the relay over WebSocket, which serves that: ws wss none, of D also udp; by all that it serves without a word; or of each host, by name" },
    server = { "Host", "C: instead of the server rtmfp" }, connect = { "Time", "C: for a stream from the peer to open, before the server's; 10 s" },
    via = { "stream_via", "C: server: the direct way is not tried; direct: the server's is not" }, parent_death = { "parent_death", "C: what becomes of the direct way when the connection is over: detach, or cascade" },
    ask = { "boolean", "C: the far end's play waits for accept or refuse" },
    transport = { "nc_transport", "C: how its server is reached: auto where that has a WebSocket, else udp" }, fallback = { "Time", "C: UDP alone is tried for so long, half of connect at most; 5 s" },
    tcp = { "string|table", "candidates by TCP of both: active passive so, a list of these, or all; or of each host, by name" },
  },
  check = { [1] = { "string" }, [2] = { "any" }, equals = { "any" }, at_least = { "any" }, at_most = { "any" }, between = { "pair" } },
  metric = { [1] = { "string" }, [2] = { "any" } },
  expect = want, await = want, forbid = want, next = want,
  carrier = { [1] = { "carrier" }, to = { "Host" } },
  map_port = {
    [1] = { "port", "port of this host" }, external = { "port0", "port wanted outside" }, proto = { "proto" }, lifetime = { "Time" }, within = { "Time" },
    by = { "map_by", "the protocol; else PCP or NAT-PMP where the box speaks them" },
    peer = { "address", "PCP: no mapping, the flow to this address and port is held" }, third_party = { "Host", "PCP: for that host" },
    exactly = { "boolean", "PCP: the port wanted or none" }, filter = { "string[]", "PCP: who is let in, addresses or prefixes, maybe with a port" },
  },
  stop = { silent = { "boolean", "no end in order: a crash" } },
  suspend = { clocks = { "clocks", "run: what is overdue happens at once when it resumes; frozen: they stand still" } },
  reboot = { down = { "Time" } },
  cut = { signal = { "boolean" } },
  blackhole = { from = { "Host|Box" } },
  step = { at = { "Time" }, delay = { "Time" }, loss = { "Share" } },
  ge = {
    p = { "Share", "good to bad, from one place of 20 ms to the next" }, r = { "Share", "bad to good" },
    k = { "Share", "of packets that pass in the good state; 100%" }, h = { "Share", "that pass in the bad one; 0%" },
  },
  flap = { down = { "Time" }, up = { "Time" }, n = { "count", "times" } },
  handover = {
    [1] = { "string", "a preset" }, from = { "name", "the interface that dies" }, to = { "name", "the one that comes" },
    gap = { "Time", "the old one dies so long before; the new one is down meanwhile" }, overlap = { "Time", "or after the new one is up" },
  },
  duplicate = { nth = { "count" }, from = { "Host|Box" }, label = { "label", "the beginning of what the trace calls it" } },
  corrupt = { nth = { "count" }, from = { "Host|Box" }, label = { "label", "the beginning of what the trace calls it" } },
  truncate = { nth = { "count" }, from = { "Host|Box" }, label = { "label", "the beginning of what the trace calls it" } },
  drop = { nth = { "count" }, from = { "Host|Box" }, label = { "label", "the beginning of what the trace calls it" } },
  delay = { nth = { "count" }, from = { "Host|Box" }, label = { "label", "the beginning of what the trace calls it" }, by = { "Time" } },
  B = { stun = { "string" }, turn = { "string|string[]", 'URIs of TURN servers, "turn:turn?transport=tcp" (RFC 7065), with username = and password = beside them' }, tcp = { "string|table", "candidates by TCP: active passive so, a list of these, or all" }, media = { "media" }, restart = { "boolean" },
    ws = { "string|string[]", 'ways to a relay over WebSocket, "ws://ws", "wss://ws:443", tried in turn; it is joined when nothing else works' },
    streams = { "string[]", "several media streams, what each sends" }, behaviour = { "string|table", "instead of the host's" }, components = { "count", "of each: 1 or 2" }, bundle = { "boolean", "they share one transport" } },
  d_relay = { [1] = { "string", '"ws://ws/ROOM#SECRET", "wss://ws:443/ROOM#SECRET": a room of 16 to 64 letters, digits, - or _, and what the two know and the relay does not' }, rest = { "string", "other ways to it, tried in turn" },
    id = { "name", "one of the two in the room; the host's" }, media = { "media", "voice or none" },
    ping = { "boolean", "false: the WebSocket of 2010, which asks nothing and tells of no silence; true" } },
  A = { [1] = { "string", '"icet://signal/bob?stun=stun:stun&turn=turn:turn&ws=ws://ws": whom to call, or how to be called (docs/rendezvous.md); hosts are addresses or hosts of the case' }, media = { "media" },
    direct_only = { "boolean", "neither TURN nor a relay over WebSocket, whatever the specifier names" }, behaviour = { "string|table", "instead of the host's" }, tcp = { "string|table", "candidates by TCP: active passive so, a list of these, or all" } },
  C = { server = { "Host", "a host that has called serve_rtmfp; the server rtmfp" }, uri = { "string", "what it asks for there, 255 bytes at most; rtmfp://NAME/app" }, media = { "media" },
    connect = { "Time", "for the connection, and for streams from the peer, to open within; 10 s (RFC 7016 section 3.5.1.1: 95 s)" },
    ask = { "boolean", "the far end's play waits for accept or refuse" }, parent_death = { "parent_death", "what becomes of the direct way when the connection is over: detach, or cascade" },
    transport = { "nc_transport", "auto where the server has a WebSocket, else udp" }, fallback = { "Time", "UDP alone is tried for so long, half of connect at most; 5 s" },
    tls = { "boolean|string", "false: ws instead of wss; a name: whose certificate it must be; the server's" }, via = { "string", "the proxy to its WebSocket, as for tcp; that of its network, if any" } },
  E = { expiry = { "expiry", "of a permission after its last success; 30 s, or what timers says" } },
  test = {
    from = { "address", "one of addrs()" }, priority = { "count" }, controlling = { "boolean", "the role it claims" },
    nominate = { "boolean", "with USE-CANDIDATE" }, tries = { "tries", "transmissions, 7" },
  },
  udp = { port = { "port0", "0 or absent: any free one" },
    fragments = { "boolean", "DF is clear, and what exceeds the MTU leaves in fragments, up to 65507 bytes; else it is lost" },
    via = { "string", '"socks5://user:password@10.9.9.9:1080": by its UDP ASSOCIATE; open when it relays' } },
  rtmfp = { server = { "Host", "who introduces: a host that has called serve_rtmfp" }, keepalive = { "Time", "silence after which a Ping is sent; 10 s" },
    death = { "Time", "how long Pings may stay unanswered; 20 s" }, window = { "Size", "that a flow of its peer's may have under way, 8 MiB at most; 64 KiB" } },
  netconnection = { server = { "Host", "a host that has called serve_rtmfp" }, uri = { "string", "what it asks for there, 255 bytes at most; rtmfp://NAME/app" },
    keepalive = { "Time", "silence after which a Ping is sent, unless the server says so (RFC 7425 section 5.3.4); 10 s" }, death = { "Time", "how long Pings may stay unanswered; 20 s" },
    connect = { "Time", "for it, and for streams from peers, to open within; 95 s (RFC 7016 section 3.5.1.1)" },
    ask = { "boolean", "subscribers wait for accept or refuse" }, parent_death = { "parent_death", "what becomes of streams with peers when it is over: detach, or cascade" },
    transport = { "nc_transport", "auto where the server has a WebSocket, else udp" }, fallback = { "Time", "UDP alone is tried for so long, half of connect at most; 5 s" },
    tls = { "boolean|string", "false: ws instead of wss; a name: whose certificate it must be; the server's" }, via = { "string", "the proxy to its WebSocket, as for tcp; that of its network, if any" } },
  rtmfp_web = { port = { "port", "of plain HTTP, 80" }, tls_port = { "port", "of TLS, 443" } },
  stream_from = { from = { "NetConnection", "whose direct stream is played" }, via = { "stream_via", "server: it relays; direct: to peers" } },
  stream_send = { type = { "stream_type", "each has an order of its own; data" }, lifetime = { "Time", "given up when it has not arrived by then; as reliable as the session" } },
  serve_rtmfp = { web = { "boolean|rtmfp_web", "RTWebSocket beside UDP; true: on TCP 80 and TLS on 443" }, lifetime = { "Time", "of audio and video that it relays; they are reliable" }, keepalive = { "Time", "what clients are told, about their Pings to it and to each other; nothing" }, redirect = { "boolean", "false: it does not tell where a peer is" }, forward = { "boolean", "false: it does not tell a peer who asks for it" } },
  serve = { [1] = { "string", "the name of an app, as echo4571: messages behind their length (RFC 4571) come back" }, port = { "port", "of every address" } },
  datagram = { df = { "boolean", "false: may be cut into fragments on its way; true: what exceeds the path's MTU is lost. As the socket was opened" },
    ttl = { "ttl", "hop limit, 64" }, tos = { "octet", "DSCP and ECN, 0" } },
  reach = { [1] = { "Host", "a server at the internet" }, [2] = { "port" }, proto = { "proto" }, within = { "Time", "10 s: what opens by then counts" } },
  connect = { [1] = { "string", "address and port; through a proxy also name and port" }, via = { "string", '"http://user:password@10.9.9.9:3128", "socks5://10.9.9.9:1080"' },
    from = { "port0", "the port that it leaves from; one that listens may be" },
    tls = { "boolean|string", "TLS 1.3 or 1.2 over it, to whoever has a certificate of that name; true: of the name or address that is connected to" },
    nodelay = { "boolean", "small segments leave at once; else one waits while another small one is unacknowledged, as on any host" } },
  listen = { [1] = { "port" }, echo = { "boolean", "sends back what comes" }, tls = { "boolean|string", "a server of TLS, with a certificate of that name; true: of the host's name and addresses" }, nodelay = { "boolean", "likewise, for what it sends" } },
  relay_serve = { port = { "port", "of plain HTTP, 80" }, tls_port = { "port", "of TLS, 443" } },
  relay_join = { [1] = { "Host", "where a relay serves" }, room = { "string", "16 to 64 letters, digits, - or _: who knows it is let in" },
    name = { "string", "one of the two in the room; the host's" }, port = { "port", "80, with tls 443" },
    via = { "string", '"http://user:password@10.9.9.9:3128", "socks5://10.9.9.9:1080"' },
    tls = { "boolean|string", "wss: to whoever has a certificate of that name; true: of the server's" } },
  probe = { from = { "address", "one of addrs()" }, tries = { "tries", "transmissions, 7" } },
  rawsend = { from = { "address" } },
  media = {
    fingerprint = { "fingerprint", "of the far side's certificate" }, client = { "boolean", "takes the active part in DTLS" },
    media = { "media", "what we stream" }, expects = { "media", "what the far side streams" }, from = { "address" },
    kind = { "candidate", "of the far address, for events" }, within = { "Time", "T_conn, or what is left of it" },
  },
  move = { from = { "address" }, kind = { "candidate" } },
  scenario = {
    [1] = { "string", "title, for people" }, run = { "function", "one case" }, matrix = { "table", "axis -> values" }, where = { "function" },
    seeds = { "seeds" }, limit = { "Time" }, allow = { "table", "standing rule -> why it may break here" },
    cost = { "boolean", "what hosts' coroutines call and are told is counted, into the result" },
  },
  hypothesis = {
    [1] = { "string", "title, for people" }, run = { "function", "one case" }, matrix = { "table", "axis -> values" }, where = { "function" },
    seeds = { "seeds" }, limit = { "Time" }, allow = { "table", "standing rule -> why it may break here" },
    claim = { "string", "who said what" }, predict = { "table", "predictions, fixed before the first run" },
    known = { "known", "the verdict once measured: a run fails when it changes" },
    tables = { "tables", "tables of all cases: a survey of a population, or detection against false alarms" },
  },
  predict = {
    [1] = { "string", "metric" }, of = { "table", "axis -> value: which cases" }, equals = { "any" }, below = { "any" }, above = { "any" },
    at_least = { "any" }, at_most = { "any" }, between = { "table" },
  },
  draw = { pairs = { "count" }, from = { "string|table", "a population by name, or { weight, fields of a host ... }, ..." } },
}

-- Required keys.
schema.required = {
  d_relay = { 1 },
  A = { 1 }, reach = { 1, 2, "proto" }, rtmfp = { "server" }, netconnection = { "server" }, connect = { 1 }, listen = { 1 }, attacker = { 1 }, shot = { "to" }, attack = { 1, "on" }, host = { 1 }, nat = { 1, 2 }, firewall = { 1, 2 }, router = { 1 }, call = { 1, 2, "model" }, check = { 1 }, metric = { 1, 2 },
  expect = { 1, "within" }, await = { 1, "within" }, forbid = { 1, "during" }, next = { 1 }, carrier = { 1, "to" }, scenario = { 1, "run" },
  hypothesis = { 1, "run", "claim", "predict" }, predict = { 1 }, draw = { "pairs", "from" },
  drop = { "nth" }, delay = { "nth", "by" }, map_port = { 1 }, serve = { 1, "port" }, relay_join = { 1, "room" }, media = { "fingerprint" },
  duplicate = { "nth" }, corrupt = { "nth" }, truncate = { "nth" }, step = { "at" }, ge = { "p", "r" }, flap = { "down", "up", "n" },
}

-- Types whose values are a set of words. Labels are more: see vocab.label.
schema.enums = {}
for set in pairs(vocab.sets) do if set ~= "label" and set ~= "closed_by" and set ~= "tls" then schema.enums[set] = vocab.names(set) end end

-- Events and their fields: what a want may name.
schema.events = {
  open = { path = "path", localkind = "candidate", remotekind = "candidate", family = "open.family", iface = "string" },
  message = { data = "string", addr = "address", df = "boolean", ttl = "ttl", tos = "octet" }, signal = { blob = "string" },
  failover = { path = "path", old = "path", localkind = "candidate", remotekind = "candidate", family = "open.family", iface = "string" },
  stalled = { since = "Duration" }, resumed = {}, rate_up = {}, rate_down = {},
  network = { up = "boolean", base = "address" }, death = { reason = "reason", why = "string", since = "Duration" }, closed = { by = "closed_by" },
  test = { addr = "address", user = "string", base = "address", priority = "count", controlling = "boolean", nominate = "boolean" },
  success = { addr = "address", reflexive = "address", user = "string", base = "address", nominate = "boolean" },
  reflexive = { addr = "address", base = "address" }, status = { code = "status" }, subscriber = { peer = "string" }, call = {}, up = {}, down = { why = "string" },
  unsent = { data = "string", why = "string" },
}

-- Class of source -> the events it tells; those of its parent class come on top.
schema.tells = {
  Carrier = { "message", "up", "down", "unsent" }, App = { "open", "closed", "up", "down" }, RelayClient = { "up", "down", "message" }, Udp = { "message", "open", "closed" }, Tcp = { "open", "message", "closed" },
  SocketE = { "test", "success", "reflexive", "network", "message" }, PeerB = { "signal" }, DialA = { "up", "down" }, PeerC = { "status", "subscriber" }, ListenA = { "call", "up", "down", "death", "closed" },
  NetConnection = { "status" }, NetStream = { "status", "message", "subscriber" },
  Rtmfp = { "up", "down", "open", "message", "failover", "death", "closed" },
  Conn = { "open", "message", "failover", "stalled", "resumed", "rate_up", "rate_down", "network", "death", "closed" },
  Call = { "open", "message", "failover", "stalled", "resumed", "rate_up", "rate_down", "network", "death", "closed", "signal" },
}

-- Class of source -> event -> field -> its type, where it is not as above: a set that is closed for such sources.
local signal_down, conn_by = { down = { why = "carrier.why" } }, { closed = { by = "connection.by" } }
schema.told_as = {
  Carrier = { down = { why = "carrier.why" }, unsent = { why = "unsent.why" } }, DialA = signal_down, ListenA = { down = { why = "carrier.why" }, closed = { by = "connection.by" } },
  RelayClient = { down = { why = "relay_why" } }, App = { down = { why = "turn.why" } },
  NetConnection = { status = { code = "NetConnection.status" } }, NetStream = { status = { code = "NetStream.status" } },
  Conn = conn_by, Call = conn_by, Rtmfp = { closed = { by = "session.by" } },
}

return schema
