-- icetank.d.lua, for editors that know LuaLS: the calls as the schema has them, and the classes that only scripts meet.
local schema = ...
local vocab = schema.vocab

local ALIASES = {
  { "Time", 'string|Duration', '"250us" "20ms" "1.5s" "2min" "1h"' },
  { "Rate", "string", '"64kbps" "2Mbps" "1Gbps"' },
  { "Share", "string", '"1%" "0.1%" "50ppm"' },
  { "Size", "string", '"1200B" "20kB" "256KiB" "1MB"' },
  { "Behind", "NatProfile|FirewallPolicy|Chain|Box|(NatProfile|FirewallPolicy|Chain|Box)[]", "NAT profile, firewall policy or chain by name, or a box; a list goes from the host outwards" },
}

-- Classes of the objects a scenario meets: class -> { method or field, type, doc }, in order of the page.
local CLASSES = {
  { "icetank", "what require \"icetank\" returns", {
    { "scenario", "fun(s: scenario): Scenario" }, { "hypothesis", "fun(s: hypothesis): Scenario" },
    { "draw", "fun(s: draw): table[]", 'an axis of { "001", a = host fields, b = host fields }' }, { "time", "fun(s: Time): Duration", "for arithmetic: + - * // < ==" },
    { "models", "string[]", '"A" to "E"' }, { "nats", "string[]", "every NAT44 profile" }, { "policies", "string[]", "every firewall policy" }, { "classes", "string[]", "the nine of mapping x filtering" } } },
  { "Runner", "t and every host: where coroutines live", {
    { "now", "fun(self: Runner): Duration" }, { "sleep", "fun(self: Runner, d: Time)" },
    { "at", "fun(self: Runner, when: Time)", "sleep until; an error if that has passed" },
    { "next", "fun(self: Runner, w: Want): Event?", "first match among several sources; nil after within" },
    { "spawn", "fun(self: Runner, f: fun(me: any, ...: any), ...: any)", "in the background; ends with the case" },
    { "log", "fun(self: Runner, text: string)" } } },
  { "Tank: Runner", "the first argument of run", {
    { "internet", "fun(self: Tank, s: internet)", "optional, comes first" }, { "host", "fun(self: Tank, s: host): Host" },
    { "renumber", "fun(self: Tank, list?: (Box|Host)[])", "new addresses for all of them at once; every NAT" },
    { "nat", "fun(self: Tank, s: nat): Box" }, { "firewall", "fun(self: Tank, s: firewall): Box" }, { "router", "fun(self: Tank, s: router): Box" },
    { "call", "fun(self: Tank, s: call): Call", "the model's standard app on both hosts" },
    { "attacker", "fun(self: Tank, s: attacker): Attacker", "a hostile host; the case is run twice and judged by the rule \"stranger\"" },
    { "check", "fun(self: Tank, s: check)", "judge a value now" }, { "metric", "fun(self: Tank, s: metric)" },
    { "server", "table<Server, Host>", "those that are up" } } },
  { "Host: Runner", "", {
    { "handover", "fun(self: Host, s: string|handover)", "from one interface to another" },
    { "iface", "table<string, Iface>" }, { "link", "Link", "of the only interface, as is gateway" }, { "gateway", "Box", "the next box outwards" },
    { "stats", "table<string, integer>", "rx_bytes rx_packets rx_stun_bytes tx_bytes tx_packets; of the TURN server also allocations permissions channels requests refused relayed relayed_bytes denied; of the relay over WebSocket bytes connections dropped joined refused relayed replaced rooms silent; of the signal server also messages, and once a carrier is packets connections mailboxes redelivered refused" }, { "addr", "fun(self: Host, port?: integer): string" },
    { "carrier", "fun(self: Host, s: carrier): Carrier" }, { "stop", "fun(self: Host, s?: stop)", "connections are closed, then nothing runs; its ports answer ICMP" },
    { "crash", "fun(self: Host)", "the power is gone, and all that ran" }, { "start", "fun(self: Host)", "after stop or crash: an empty machine, servers anew" },
    { "suspend", "fun(self: Host, s?: suspend)", "all stands still, off the network" }, { "resume", "fun(self: Host)" },
    { "map_port", "fun(self: Host, s: map_port): Mapping?, string?", "asks the next box by PCP, NAT-PMP or UPnP and keeps the mapping" },
    { "reach", "fun(self: Host, s: reach): Reach", "what the oracle says: whether a server answers through the boxes, by UDP or TCP; runs nothing" },
    { "serve", "fun(self: Host, s: serve): App", "starts an app by its name; it tells open once it serves, closed when it cannot" },
    { "resolve", "fun(self: Host, name: string): string[]?, string?", "addresses of a host at the internet, of the families this one has, IPv6 first; of DNS64 behind a NAT64" }, { "A", "{dial: fun(self: any, s: A): DialA, listen: fun(self: any, s: A): ListenA}" }, { "B", "{new: fun(self: any, s?: B): PeerB}" }, { "C", "{open: fun(self: any, s?: C): PeerC}" }, { "E", "{open: fun(self: any, ufrag: string, pwd: string, how?: E): SocketE}" },
    { "D", "{relay: fun(self: any, s: d_relay): RelayD, dial: fun(self: any, s: A): DialA, listen: fun(self: any, s: A): ListenA}", "separate objects, dial and listen as A's and direct only; lib.d makes one connection of them" },
    { "relay", "{serve: fun(self: any, s?: relay_serve): RelayServer, join: fun(self: any, s: relay_join): RelayClient}", "datagrams over WebSocket" },
    { "udp", "{open: fun(self: any, s?: udp): Udp}", "a plain socket, of no model: it probes networks" },
    { "rtmfp", "{open: fun(self: any, s: rtmfp): Rtmfp}", "an end of RTMFP (RFC 7016)" },
    { "netconnection", "{open: fun(self: any, s: netconnection): NetConnection}", "to a server of RTMFP, as Flash has it: streams are under it" },
    { "serve_rtmfp", "fun(self: Host, s?: serve_rtmfp): Introducer", "introduces ends of RTMFP to each other, on UDP 1935, and relays their streams" },
    { "tcp", "{connect: fun(self: any, s: connect): Tcp, listen: fun(self: any, s: listen): Tcp}", "likewise" } } },
  { "Attacker", "writes what it likes from any source address", {
    { "send", "fun(self: Attacker, s: shot)", "one datagram" },
    { "attack", "fun(self: Attacker, s: attack)", "many, in the background: alert close junk data big epoch short hello hello_junk handshake fragment ccs, binding check signed response bare error indication, noise" },
    { "addr", "string", "its own address" }, { "host", "Host" } } },
  { "Tcp: Source", "open message closed(by: local remote reset refused timeout unreachable, or a proxy's no: \"http 407\", \"socks 2\", or TLS: \"tls unknown-ca\", \"tls alert unknown_ca\")", {
    { "send", "fun(self: Tcp, data: string): boolean?, string?", "to the latest stream of a listener" },
    { "finish", "fun(self: Tcp): boolean?, string?", "half a close: FIN behind what was sent; what comes is still read, until closed" },
    { "close", "fun(self: Tcp)", "FIN behind what was sent; closed at once" }, { "abort", "fun(self: Tcp)", "RST" } } },
  { "Mapping", "", { { "addr", "string", "outside" }, { "how", "string", "pcp natpmp upnp" }, { "lifetime", "Duration" }, { "alive", "boolean" }, { "release", "fun(self: Mapping)" },
    { "filter", "fun(self: Mapping, list: string[]): boolean?, string?", "PCP: lets in these from now on; {} is everybody" },
    { "ask", "fun(self: Mapping)", "asks the box whether it has lost its state" } } },
  { "Iface", "", { { "link", "Link" }, { "gateway", "Box" }, { "down", "fun(self: Iface)", "as an operating system does it" }, { "up", "fun(self: Iface)" },
    { "renumber", "fun(self: Iface)" } } },
  { "Box", "", { { "link", "Link" }, { "gateway", "Box" }, { "stats", "table<string, integer>" }, { "address", "string", "a NAT's first outside address" },
    { "reboot", "fun(self: Box, s?: reboot)", "silent for down, then without state; its wires stay lit" },
    { "login", "fun(self: Box, host: Host)", "the host logs in at its portal, as by posting to its page" }, { "renumber", "fun(self: Box)" },
    { "set", "fun(self: Box, s: table)", "fields of a NAT's profile or a firewall's policy, from now on" }, { "ipv6", "Box", "the firewall for IPv6 of a NAT" },
    { "flush", "fun(self: Box)", "forgets its state at once" } } },
  { "Link", "", { { "cut", "fun(self: Link, s?: cut)", "hosts at its ends see it unless signal = false" },
    { "blackhole", "fun(self: Link, s?: blackhole)", "silent, one way if from is given" }, { "restore", "fun(self: Link)" },
    { "set", "fun(self: Link, s: string|LinkSpec)", "field by field over what it is; a preset starts anew" }, { "drop", "fun(self: Link, s: drop)" }, { "delay", "fun(self: Link, s: delay)" },
    { "duplicate", "fun(self: Link, s: duplicate)" }, { "corrupt", "fun(self: Link, s: corrupt)" }, { "truncate", "fun(self: Link, s: truncate)" },
    { "stats", "table<string, integer>", "packets bytes lost dropped duplicated damaged late, of both directions" } } },
  { "Source", "", { { "expect", "fun(self: Source, w: Want)", "needs within" }, { "await", "fun(self: Source, w: Want): Event", "needs within" },
    { "forbid", "fun(self: Source, w: Want)", "needs during" }, { "next", "fun(self: Source, w: Want): Event?" },
    { "events", "fun(self: Source, names?: string|string[]): fun(): Event?", "until the source ends" } } },
  { "Call: Source", "judged on both ends; call[host] is one end", { { "[Host]", "Conn" }, { "oracle", "Oracle" }, { "streams", "Call[]", "of several: each judged on both ends" } } },
  { "Oracle", "what the boxes alone predict of a call; cannot be written", {
    { "outcome", '"open"|"death"' }, { "path", "Path?", "that must be told, where no other may" }, { "first", "string?", "the first rung that must open" },
    { "either", "boolean", "both outcomes are right" }, { "may_fail", "string?", "why losses may make it a death" }, { "families", "string", '"v4" "v6" "v4 v6"' },
    { "signaled", '"yes"|"no"|"perhaps"', "whether what its carrier is given arrives" },
    { "why", "string" }, { "ways", "Way[]", "the model's ladder, the way that it prefers first" } } },
  { "Way", "what the oracle says of one rung", {
    { "rung", "string", "direct_udp direct_tcp relay_udp relay_tcp relay_dgram relay_ws" }, { "path", "Path", "what a connection by it tells" },
    { "outcome", '"open"|"either"|"none"|"not built"', '"not built" says nothing of the network' },
    { "kinds", "string[][]", '"local/remote" candidate kinds that may be selected, of the near end and of the far end' }, { "families", "string" }, { "why", "string" },
    { "latest", "integer?", "ns since the call began, by when it is open if nothing else is; of relay_ws, where it is known" },
    { "overtaken", "boolean", "it must open, and a later way that may open may be selected before it does" } } },
  { "Reach", "whether a server is reached; cannot be written", {
    { "outcome", '"open"|"cut"|"either"|"caught"|"none"', "cut: reset after bytes; caught: a box answers in its place" }, { "families", "string", '"v4" "v6" "v4 v6"' },
    { "since", "Duration?", "after a login only" }, { "bytes", "integer?", "of cut" }, { "why", "string" } } },
  { "Conn: Source", "open message failover stalled resumed rate_up rate_down network death closed", { { "path", "string?" },
    { "stats", "table<string, integer|Duration>", "sent received lost late longest_gap refused; of audio and video also jitter freezes frozen longest_freeze shown reordered rtt profile" }, { "streams", "Conn[]", "of several: this end of each" }, { "send", "fun(self: Conn, data: string)" }, { "close", "fun(self: Conn)" } } },
  { "PeerB: Conn", "and signal(blob)", { { "start", "fun(self: PeerB)" }, { "signal", "fun(self: PeerB, blob: string)" }, { "restart", "fun(self: PeerB)" } } },
  { "DialA: Conn", "and up down(why) of its session with the rendezvous server", { { "phase", "string", "new rendezvous checking securing open stalled restarting dead closed" } } },
  { "CallA: Conn", "a call that a listener has taken", { { "phase", "string" } } },
  { "ListenA: Source", "up, once it listens, and down(why) of its session with the rendezvous server; call(call), with the CallA, for each that comes; death closed", { { "phase", "string" },
    { "close", "fun(self: ListenA)", "hangs up all calls, and listens no more" } } },
  { "PeerC: Conn", "and status(code), of NetConnection and NetStream; subscriber(peer)", {
    { "peer_id", "string", "hexadecimal" }, { "transport", "string?", "udp or ws: how its server is reached, or about to be" }, { "call", "fun(self: PeerC, far: PeerC): boolean?, string?", "both ends do; open or death follows" },
    { "connect", "fun(self: PeerC): boolean?, string?", "to the server, again, after Failed or Closed" },
    { "publish", "fun(self: PeerC, via: string): boolean?, string?", "direct: to the far end; server: there" },
    { "play", "fun(self: PeerC, via: string): boolean?, string?", "the far end's, by either way" },
    { "accept", "fun(self: PeerC): boolean?, string?", "the far end's play, where it asks" }, { "refuse", "fun(self: PeerC): boolean?, string?" } } },
  { "ConnE: Conn", "a media session of E", { { "move", "fun(self: ConnE, addr: string, how?: move): boolean?, string?", "to another address that has succeeded" } } },
  { "CallD: Conn", "an end of a call of D: what lib.d makes of its objects", { { "switches", "integer" }, { "repeated", "integer", "messages, after a switch or without an answer" }, { "duplicates", "integer", "that came twice and were told once" } } },
  { "RelayD: Conn", "a client-server object over a relay", { { "stream", "fun(self: RelayD, on: boolean)", "voice, from now on or no more" } } },
  { "SocketE: Source", "test success reflexive network message", {
    { "test", "fun(self: SocketE, addr: string, ufrag: string, pwd: string, how?: test): boolean?, string?", "one check; RATE_LIMITED beyond the limits" },
    { "probe_stun", "fun(self: SocketE, server: string, how?: probe): boolean?, string?", "permits nothing" },
    { "restart", "fun(self: SocketE, ufrag: string, pwd: string): boolean", "new credentials for a new generation (RFC 8445 section 9); the earlier ones are answered for a while" },
    { "open_media", "fun(self: SocketE, addr: string, how: media): ConnE?, string?", "NOT_PERMITTED at once where no check has succeeded" },
    { "send", "fun(self: SocketE, addr: string, data: string, how?: rawsend): boolean?, string?" }, { "addrs", "fun(self: SocketE): string[]", "its own addresses" },
    { "fingerprint", "string", "of our certificate, hexadecimal" }, { "host", "Host" },
    { "timers", "table<string, Duration>", "what its host goes by: consent, death, rto, ta, ..." }, { "ufrag", "string" }, { "pwd", "string" } } },
  { "Udp: Source", "message(data, addr, df, ttl, tos)", { { "addr", "string", "what it is bound to" },
    { "send", "fun(self: Udp, addr: string, data: string, how?: datagram): boolean?, string?", "nil and a word when it could not" },
    { "probe_stun", "fun(self: Udp, server?: string, within?: Time): string?", "its address as the STUN server sees it; blocks" } } },
  { "Rtmfp: Source", "up down of the session with its server; open message failover death closed of that with a peer", {
    { "peer_id", "string", "hexadecimal" }, { "call", "fun(self: Rtmfp, far: Rtmfp): boolean?, string?", "open or death follows, at both ends" },
    { "send", "fun(self: Rtmfp, data: string): boolean?, string?", "in order, and as reliable as the session" }, { "close", "fun(self: Rtmfp): boolean?, string?" } } },
  { "NetConnection: Source", "status(code), of NetConnection.Connect: Success Failed Rejected Closed NetworkChange", {
    { "peer_id", "string", "hexadecimal" }, { "transport", "NcTransport?", "by which way it is connected, or about to be: udp, ws; nil: it is not" }, { "connect", "fun(self: NetConnection): boolean?, string?", "again, after Failed, Rejected or Closed" },
    { "stream", "fun(self: NetConnection, s: stream_from): NetStream?, string?" }, { "close", "fun(self: NetConnection)", "with all its streams" } } },
  { "NetStream: Source", "status(code), of NetStream: Connect Play Publish Unpublish; message(data) of one that plays; subscriber(stream, peer) of one that publishes to peers", {
    { "publish", "fun(self: NetStream, name: string): boolean?, string?" }, { "play", "fun(self: NetStream, name: string): boolean?, string?" },
    { "send", "fun(self: NetStream, data: string, s?: stream_send): boolean?, string?", "to all who play it" },
    { "accept", "fun(self: NetStream): boolean?, string?", "a subscriber, where the connection asks" }, { "refuse", "fun(self: NetStream): boolean?, string?" },
    { "path", "string", "direct_udp or relay_udp; nil: none yet" }, { "far", "string", "the address that its session leads to" },
    { "close", "fun(self: NetStream): boolean?, string?" } } },
  { "Introducer", "", { { "stats", "table<string, integer>", "sessions opened closed introduced absent limited connected published played relayed dropped" } } },
  { "App: Source", "open closed; of turn also up down(why), of an allocation", {} },
  { "RelayServer", "", { { "stats", "table<string, integer>", "bytes connections dropped joined refused relayed replaced rooms silent" } } },
  { "RelayClient: Source", "up down(why) message(data)", { { "send", "fun(self: RelayClient, data: string): boolean?, string?", "a datagram, of up to 1500 bytes" },
    { "close", "fun(self: RelayClient)", "leaves the room" }, { "stats", "table<string, integer>", "dropped lost received sent" } } },
  { "Carrier: Source", "message(data) up down(why) unsent(data, why)", { { "up", "boolean", "its session with the signal server stands" }, { "send", "fun(self: Carrier, data: string): boolean?, string?", "nil and TOO_MANY or TOO_BIG when it could not" } } },
}

-- The editor's name of the table that a verb takes: host -> HostSpec. A scenario and a hypothesis are what they are called.
local NAMES = { scenario = "Scenario", hypothesis = "Hypothesis", predict = "Predict" }
for name in pairs(schema.tables) do
  if not NAMES[name] and name:match "^%l" then NAMES[name] = name:gsub("^%l", string.upper):gsub("_(%l)", string.upper) .. "Spec" end
end
-- A type with those names in it: they stand behind a colon or a bar, or alone.
local function typed(s)
  local function one(lead, word) return NAMES[word] and lead .. NAMES[word] or nil end
  return NAMES[s] or (s:gsub("([:|] ?)(%l[%w_]*)", one))
end

-- Types of the schema as an editor writes them, where they are called otherwise there.
local EDITOR = {
  closed_by = "string", rate = '"unlimited"|Rate',
  count = "integer", seeds = "integer", port = "integer", port0 = "integer", ttl = "integer", octet = "integer", tries = "integer", name = "string", event = "EventName|Source",
  address = "string", fingerprint = "string", pair = "any[]", ips = "string|string[]", label = "PacketLabel", expiry = "Time", flap = "FlapSpec",
}
-- What is a name of a profile or of a set: verb -> field -> its union.
local NAMED = {
  nat = { [2] = "NatProfile" }, firewall = { [2] = "FirewallPolicy" }, LinkSpec = { [1] = "LinkPreset" }, LinkDir = { [1] = "LinkPreset" }, handover = { [1] = "Handover" },
  host = { timers = "TimerSet|table<Timer, Time>", behaviour = "Behaviour|table<Trait, any>", ipv6 = "FirewallPolicy|table" }, IfaceSpec = { ipv6 = "FirewallPolicy|table" },
  B = { stun = "Server", behaviour = "Behaviour|table<Trait, any>" }, internet = { servers = "Server[]" },
}
local UNIONS = {
  nat = "NatProfile", firewall = "FirewallPolicy", chain = "Chain", link = "LinkPreset", handover = "Handover", timers = "TimerSet", timer = "Timer", behaviour = "Behaviour", trait = "Trait",
  carrier = "CarrierKind", label = "PacketLabel", model = "Model", server = "Server", reason = "DeathReason", path = "Path", candidate = "CandidateKind", parent_death = "ParentDeath", status = "StatusCode",
}

-- The unions of names: { alias, names }, in order of the alias.
local function unions(core)
  local by, out = {}, {}
  local function add(kind, name)
    local alias = UNIONS[kind]
    if not by[alias] then
      by[alias] = {}
      out[#out + 1] = { alias, by[alias] }
    end
    table.insert(by[alias], name)
  end
  for _, p in ipairs(core.profiles()) do add(p.kind, p.name) end
  for _, listed in ipairs(vocab.listed) do for _, name in ipairs(vocab.names(listed[1])) do add(listed[2], name) end end
  local events = {}
  for name in pairs(schema.events) do events[#events + 1] = name end
  table.sort(events)
  out[#out + 1] = { "EventName", events }
  table.sort(out, function(a, b) return a[1] < b[1] end)
  return out
end

-- The editor's type of field `k` of `verb`.
local function editor_type(verb, k, ty)
  if NAMED[verb] and NAMED[verb][k] then return NAMED[verb][k] end
  if UNIONS[ty] and vocab.sets[ty] then return UNIONS[ty] end
  if schema.enums[ty] then return '"' .. table.concat(schema.enums[ty], '"|"') .. '"' end
  return EDITOR[ty] or typed(ty)
end

-- icetank.d.lua as text. `core` knows the profiles.
return function(core)
  local out = { "---@meta icetank", "-- Made by `icetank lua-api` from the table that checks the calls. Do not edit." }
  local function put(...) out[#out + 1] = table.concat({ ... }) end
  for _, a in ipairs(ALIASES) do put("---@alias ", a[1], " ", a[2], "   # ", a[3]) end
  for _, u in ipairs(unions(core)) do put("---@alias ", u[1], ' "', table.concat(u[2], '"|"'), '"') end
  local names = {}
  for name in pairs(schema.tables) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local keys, need = {}, {}
    for _, k in ipairs(schema.required[name] or {}) do need[k] = true end
    for k in pairs(schema.tables[name]) do keys[#keys + 1] = k end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    put("---@class ", NAMES[name] or name)
    for _, k in ipairs(keys) do
      local f = schema.tables[name][k]
      if type(f) == "table" and f[1] ~= "later" then
        local key = k == "rest" and "[integer]" or type(k) == "number" and "[" .. k .. "]" or k
        local ty = editor_type(name, k, f[1])
        put("---@field ", key, (need[k] or k == "rest") and " " or "? ", ty, f[2] and "   # " .. f[2] or "")
      end
    end
  end
  local fields = {}
  for _, event in pairs(schema.events) do for k, ty in pairs(event) do fields[k] = ty end end
  local keys = {}
  for k in pairs(fields) do keys[#keys + 1] = k end
  table.sort(keys)
  local function event_fields()
    for _, k in ipairs(keys) do put("---@field ", k, "? ", editor_type("", k, fields[k])) end
  end
  put("---@class ExpectSpec")
  event_fields()
  put("---@alias Want EventName|ExpectSpec   # event names, any of them; other keys match event fields")
  put("---@alias Duration integer")
  put("---@class Event")
  put("---@field name string")
  put("---@field at Duration")
  put("---@field from Source")
  event_fields()
  put("---@field [string] any")
  for _, c in ipairs(CLASSES) do
    put("---@class ", c[1], c[2] ~= "" and "   # " .. c[2] or "")
    for _, f in ipairs(c[3]) do put("---@field ", f[1], " ", typed(f[2]), f[3] and "   # " .. f[3] or "") end
  end
  return table.concat(out, "\n") .. "\n"
end
