-- RTMFP (RFC 7016, cryptography and messages of RFC 7425) for Wireshark: every packet named by its chunks, flows and messages with them.
-- Startup packets are readable by their well-known key. Those of sessions are where the preference rtmfp.capture names the capture of
-- icetank that they are in: keys stand there as lines "RTMFP ID KEY MAC SEQ" among the secrets. RTWebSocket, the same flows over WebSocket, is
-- named as well: a connection is one from its first flow of such messages on.
-- luacheck: globals Proto Field ProtoField ProtoExpert Pref ByteArray DissectorTable expert base bit
local bxor, band, lshift, rshift = bit.bxor, bit.band, bit.lshift, bit.rshift

-------------------------------------------------------------------------------- AES-128, decryption in CBC mode (FIPS 197)
local SBOX, INVERSE = {}, {}
local MUL = { [9] = {}, [11] = {}, [13] = {}, [14] = {} }

local function mul(a, b)
  local out = 0
  while b > 0 do
    if band(b, 1) == 1 then out = bxor(out, a) end
    a = lshift(a, 1)
    if a > 255 then a = bxor(a, 0x11b) end
    b = rshift(b, 1)
  end
  return out
end

local function make_tables()
  local p, q = 1, 1
  repeat
    p = mul(p, 3)
    q = mul(q, 0xf6) -- the inverse of 3
    local s = 0x63
    for k = 0, 4 do s = bxor(s, band(bxor(lshift(q, k), rshift(q, 8 - k)), 0xff)) end
    SBOX[p] = s
  until p == 1
  SBOX[0] = 0x63
  for i = 0, 255 do
    INVERSE[SBOX[i]] = i
    for k, t in pairs(MUL) do t[i] = mul(i, k) end
  end
end
make_tables()

-- The 176 bytes of the round keys of `key`, from index 0.
local function expand(key)
  local w, rcon = {}, 1
  for i = 0, 15 do w[i] = key:byte(i + 1) end
  for i = 16, 175, 4 do
    local a, b, c, d = w[i - 4], w[i - 3], w[i - 2], w[i - 1]
    if i % 16 == 0 then
      a, b, c, d = bxor(SBOX[b], rcon), SBOX[c], SBOX[d], SBOX[a]
      rcon = mul(rcon, 2)
    end
    w[i], w[i + 1], w[i + 2], w[i + 3] = bxor(w[i - 16], a), bxor(w[i - 15], b), bxor(w[i - 14], c), bxor(w[i - 13], d)
  end
  return w
end

local function unmix(s)
  local m9, m11, m13, m14 = MUL[9], MUL[11], MUL[13], MUL[14]
  for c = 0, 12, 4 do
    local a, b, d, e = s[c], s[c + 1], s[c + 2], s[c + 3]
    s[c] = bxor(m14[a], m11[b], m13[d], m9[e])
    s[c + 1] = bxor(m9[a], m14[b], m11[d], m13[e])
    s[c + 2] = bxor(m13[a], m9[b], m14[d], m11[e])
    s[c + 3] = bxor(m11[a], m13[b], m9[d], m14[e])
  end
end

-- Decrypts the 16 bytes of `text` at `at` (from 1) into a table from 0.
local function decrypt_block(w, text, at)
  local s = {}
  for i = 0, 15 do s[i] = bxor(text:byte(at + i), w[160 + i]) end
  for round = 9, 0, -1 do
    local t = {}
    for i = 0, 15 do t[(i + 4 * (i % 4)) % 16] = INVERSE[s[i]] end -- row r moves r columns to the right
    for i = 0, 15 do t[i] = bxor(t[i], w[16 * round + i]) end
    if round > 0 then unmix(t) end
    s = t
  end
  return s
end

-- The plain text of `text`, whole blocks, with an initialization vector of zeros (RFC 7425 section 4.7.1).
local function decrypt(w, text)
  local out, before = {}, ("\0"):rep(16)
  for at = 1, #text - 15, 16 do
    local s = decrypt_block(w, text, at)
    for i = 0, 15 do out[#out + 1] = string.char(bxor(s[i], before:byte(i + 1))) end
    before = text:sub(at, at + 15)
  end
  return table.concat(out)
end

-------------------------------------------------------------------------------- keys
local STARTUP = { w = expand "Adobe Systems 02", mac = 0, seq = false }
local keys = {} -- session ID -> { w, mac, seq }

-- Reads the lines among the secrets of the capture at `path`: blocks of type 10 of pcapng.
local function read_keys(path)
  keys = {}
  local f = path ~= "" and io.open(path, "rb")
  if not f then return end
  while true do
    local head = f:read(8)
    if not head or #head < 8 then break end
    local kind, size = head:byte(1) + 256 * head:byte(2), 0
    for i = 8, 5, -1 do size = size * 256 + head:byte(i) end
    if size < 12 then break end
    if kind == 10 then
      for id, key, mac, seq in (f:read(size - 8) or ""):gmatch "RTMFP (%x+) (%x+) (%d+) (%d)" do
        key = key:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)
        keys[tonumber(id, 16)] = { w = expand(key), mac = tonumber(mac), seq = seq == "1" }
      end
    else
      f:seek("cur", size - 8)
    end
  end
  f:close()
end

-------------------------------------------------------------------------------- fields
local rtmfp = Proto("rtmfp", "Secure Real-Time Media Flow Protocol")
local CHUNKS = {
  [0x30] = "IHello", [0x0f] = "FIHello", [0x70] = "RHello", [0x71] = "Redirect", [0x79] = "RHello Cookie Change", [0x38] = "IIKeying",
  [0x78] = "RIKeying", [0x01] = "Ping", [0x41] = "Ping Reply", [0x10] = "User Data", [0x11] = "Next User Data", [0x50] = "Ack (bitmap)",
  [0x51] = "Ack", [0x18] = "Buffer Probe", [0x5e] = "Flow Exception", [0x0c] = "Session Close Request", [0x4c] = "Session Close Ack",
  [0x7f] = "Fragment", [0x00] = "Padding", [0xff] = "Padding",
}
local MODES = { [0] = "forbidden", "initiator", "responder", "startup" }
local MESSAGES = {
  [4] = "user control", [8] = "audio", [9] = "video", [15] = "data (ext)", [17] = "command (ext)", [18] = "data", [20] = "command",
}
local fields = {
  id = ProtoField.uint32("rtmfp.session_id", "Session ID", base.HEX),
  seq = ProtoField.string("rtmfp.sequence", "Session sequence number"),
  mode = ProtoField.uint8("rtmfp.mode", "Mode", base.DEC, MODES, 0x03),
  tc = ProtoField.bool("rtmfp.time_critical", "Time critical", 8, nil, 0x80),
  tcr = ProtoField.bool("rtmfp.time_critical_reverse", "Time critical reverse", 8, nil, 0x40),
  ts = ProtoField.uint16("rtmfp.timestamp", "Timestamp (4 ms)"),
  tse = ProtoField.uint16("rtmfp.timestamp_echo", "Timestamp echo (4 ms)"),
  chunk = ProtoField.uint8("rtmfp.chunk", "Chunk", base.HEX, CHUNKS),
  flow = ProtoField.string("rtmfp.flow", "Flow"),
  number = ProtoField.string("rtmfp.seq", "Sequence number"),
  fsn = ProtoField.string("rtmfp.fsn_offset", "Forward sequence number offset"),
  window = ProtoField.string("rtmfp.window", "Receive window (blocks of 1024 bytes)"),
  ack = ProtoField.string("rtmfp.ack", "Cumulative acknowledgment"),
  code = ProtoField.string("rtmfp.exception", "Exception code"),
  meta = ProtoField.string("rtmfp.metadata", "Flow of stream"),
  returns = ProtoField.string("rtmfp.return_flow", "In return to flow"),
  message = ProtoField.uint8("rtmfp.message", "Message", base.DEC, MESSAGES),
  command = ProtoField.string("rtmfp.command", "Command"),
  data = ProtoField.bytes("rtmfp.data", "Data"),
}
rtmfp.fields = fields
rtmfp.prefs.capture = Pref.string("Capture with keys", "", "the capture of icetank that is read: keys of sessions are among its secrets")
local malformed = ProtoExpert.new("rtmfp.malformed", "Malformed chunk", expert.group.MALFORMED, expert.severity.ERROR)
rtmfp.experts = { malformed }

-- A variable-length integer of `t` at `at`: its value, where it ends; nil when it is cut (RFC 7016 section 2.1.2).
local function vlu(t, at)
  local v = 0
  while at < t:len() do
    local b = t(at, 1):uint()
    v = v * 128 + band(b, 0x7f)
    at = at + 1
    if b < 128 then return v, at end
  end
end

-- Adds the integer of `t` at `at` to `tree` as `field`: its value, where it ends.
local function add_vlu(tree, field, t, at)
  local v, stop = vlu(t, at)
  if v then tree:add(field, t(at, stop - at), ("%.0f"):format(v)) end
  return v, stop
end

-- What an RTMP message says (RFC 7425 section 5.1.2), for the column.
local function dissect_message(t, tree)
  if t:len() < 5 then return "message" end
  local kind = t(0, 1):uint()
  tree:add(fields.message, t(0, 1))
  local name = MESSAGES[kind] or ("message %d"):format(kind)
  local at = kind == 17 and 6 or 5
  if (kind == 17 or kind == 20) and t:len() > at + 3 and t(at, 1):uint() == 2 then
    local n = t(at + 1, 2):uint()
    if n <= t:len() - at - 3 then
      name = t(at + 3, n):string()
      tree:add(fields.command, t(at + 3, n), name)
    end
  end
  return name
end

-- The options of a flow that begins (RFC 7016 section 2.3.11.1), from `at` on: where they end.
local function dissect_options(t, at, tree)
  while true do
    local size, from = vlu(t, at)
    if not size or from + size > t:len() then return nil end
    if size == 0 then return from end
    local kind, value = vlu(t, from)
    local n = from + size - (value or 0)
    if kind == 0 and n >= 3 and t(value, 2):string() == "TC" then add_vlu(tree, fields.meta, t, value + 3) end
    if kind == 0x0a then add_vlu(tree, fields.returns, t, value) end
    at = from + size
  end
end

local FRAGMENTS = { [0] = "", " begin", " end", " middle" }

-- User Data, and the next one of its flow.
local function dissect_data(t, tree, kind, state)
  if t:len() < 1 then return nil end
  local flags, at = t(0, 1):uint(), 1
  if kind == 0x10 then
    local flow, seq
    flow, at = add_vlu(tree, fields.flow, t, at)
    if not flow then return nil end
    seq, at = add_vlu(tree, fields.number, t, at)
    if not seq then return nil end
    state.flow, state.seq = flow, seq
    seq, at = add_vlu(tree, fields.fsn, t, at)
    if not seq then return nil end
  else
    if not state.flow then return nil end
    state.seq = state.seq + 1
  end
  if band(flags, 0x80) ~= 0 then at = dissect_options(t, at, tree) end
  if not at then return nil end
  local fragment, text = band(rshift(flags, 4), 3), ""
  if at < t:len() then
    local rest = t(at):tvb()
    tree:add(fields.data, t(at))
    if fragment <= 1 then text = " " .. dissect_message(rest, tree) end
  end
  if band(flags, 2) ~= 0 then text = " abandoned" end
  if band(flags, 1) ~= 0 then text = text .. " FIN" end
  return ("Data %.0f:%.0f%s%s"):format(state.flow, state.seq, FRAGMENTS[fragment], text)
end

local function dissect_ack(t, tree)
  local flow, at = add_vlu(tree, fields.flow, t, 0)
  if not flow then return nil end
  local window, cum
  window, at = add_vlu(tree, fields.window, t, at)
  if not window then return nil end
  cum = add_vlu(tree, fields.ack, t, at)
  return cum and ("Ack %.0f:%.0f"):format(flow, cum)
end

local function dissect_exception(t, tree)
  local flow, at = add_vlu(tree, fields.flow, t, 0)
  if not flow then return nil end
  local code = add_vlu(tree, fields.code, t, at)
  return code and ("Flow Exception %.0f: %.0f"):format(flow, code)
end

-- Chunk -> how its payload is read: what the column says of it, nil when it is malformed.
local READS = {
  [0x10] = dissect_data, [0x11] = dissect_data, [0x50] = dissect_ack, [0x51] = dissect_ack, [0x5e] = dissect_exception,
  [0x18] = function(t, tree) return add_vlu(tree, fields.flow, t, 0) and "Buffer Probe" end,
}

-- The chunks of plain packet `t` from `at` on; what they are called.
local function dissect_chunks(t, at, tree)
  local names, state = {}, {}
  while t:len() - at >= 3 do
    local kind, size = t(at, 1):uint(), t(at + 1, 2):uint()
    if size > t:len() - at - 3 then break end -- padding
    local name = CHUNKS[kind] or ("chunk 0x%02x"):format(kind)
    local sub = tree:add(rtmfp, t(at, 3 + size), name)
    sub:add(fields.chunk, t(at, 1))
    local read = READS[kind]
    local said = name
    if read then
      said = size > 0 and read(t(at + 3, size):tvb(), sub, kind, state)
      if not said then
        sub:add_proto_expert_info(malformed)
        said = name .. " [malformed]"
      end
    end
    if name ~= "Padding" then names[#names + 1] = said end
    at = at + 3 + size
  end
  return names
end

-- A plain packet (RFC 7016 section 2.2.4).
local function dissect_packet(t, tree)
  local flags, at = t(0, 1):uint(), 1
  tree:add(fields.tc, t(0, 1))
  tree:add(fields.tcr, t(0, 1))
  tree:add(fields.mode, t(0, 1))
  for _, f in ipairs { { 8, fields.ts }, { 4, fields.tse } } do
    if band(flags, f[1]) ~= 0 and at + 2 <= t:len() then
      tree:add(f[2], t(at, 2))
      at = at + 2
    end
  end
  return dissect_chunks(t, at, tree)
end

-- The session that `tvb` is for (RFC 7016 section 2.2.2).
local function session_id(tvb)
  return bxor(bxor(tvb(0, 4):uint(), tvb(4, 4):uint()), tvb(8, 4):uint()) % 4294967296
end

-- The plain packet in `tvb`, by key `k`; nil: it is not by that key. A checksum proves it, or that it looks like one.
local function open(tvb, k)
  local n = tvb:len() - 4 - k.mac
  if n < 16 or n % 16 ~= 0 then return nil end
  local plain, at, seq = decrypt(k.w, tvb:raw(4, n)), 1, nil
  if k.seq then
    seq = 0
    repeat
      local b = plain:byte(at)
      seq = seq * 128 + band(b, 0x7f)
      at = at + 1
    until b < 128 or at > 10
  end
  if k.mac == 0 then at = at + 2 end
  return plain:sub(at), seq
end

-------------------------------------------------------------------------------- the protocol
local read_from
function rtmfp.init()
  read_from = nil
end

function rtmfp.dissector(tvb, pinfo, root)
  if tvb:len() < 20 then return 0 end
  if read_from ~= rtmfp.prefs.capture then
    read_from = rtmfp.prefs.capture
    read_keys(read_from)
  end
  local id = session_id(tvb)
  pinfo.cols.protocol = "RTMFP"
  local tree = root:add(rtmfp, tvb())
  tree:add(fields.id, tvb(0, 4), id)
  local k = keys[id] or STARTUP
  local plain, seq = open(tvb, k)
  -- RIKeying and Cookie Change are for a session, but by the well-known key
  local mode = plain and band(plain:byte(1), 3)
  if id ~= 0 and (not plain or k.mac > 0 and (mode == 0 or mode == 3) or k == STARTUP) then
    plain, seq = open(tvb, STARTUP)
    mode = plain and band(plain:byte(1), 3)
    if mode ~= 3 or not CHUNKS[plain:byte(4)] then plain = nil end
  end
  if not plain then
    pinfo.cols.info = ("Session 0x%08x, no key"):format(id)
    return tvb:len()
  end
  if seq then tree:add(fields.seq, tvb(4, 1), ("%.0f"):format(seq)) end
  local bytes = ByteArray.new((plain:gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
  local names = dissect_packet(bytes:tvb "RTMFP packet", tree)
  local text = #names > 0 and table.concat(names, ", ") or "nothing"
  pinfo.cols.info = text
  tree:append_text(": " .. text)
  return tvb:len()
end

DissectorTable.get("udp.port"):add(1935, rtmfp)

-------------------------------------------------------------------------------- RTWebSocket
local rtws = Proto("rtws", "RTWebSocket")
local TYPES = {
  [0x01] = "Ping", [0x41] = "Ping Reply", [0x0a] = "Ack Window", [0x10] = "Flow Open", [0x30] = "Flow Open", [0x3d] = "Data", [0x1d] = "Data", [0x1a] = "Abandon",
  [0x1c] = "Flow Close", [0x5a] = "Ack", [0x5c] = "Flow Close Ack", [0x5e] = "Flow Exception",
}
local ws = {
  kind = ProtoField.uint8("rtws.type", "Type", base.HEX, TYPES),
  flow = ProtoField.string("rtws.flow", "Flow"),
  returns = ProtoField.string("rtws.return_flow", "In return to flow"),
  count = ProtoField.string("rtws.count", "Count"),
  buffer = ProtoField.string("rtws.buffer", "Receive window (bytes)"),
  code = ProtoField.string("rtws.exception", "Exception code"),
  meta = ProtoField.string("rtws.metadata", "Flow of stream"),
  data = ProtoField.bytes("rtws.data", "Data"),
}
rtws.fields = ws
local tcp_stream = Field.new "tcp.stream"
-- Type -> the integers that it has; those behind "?" may be missing.
local HAS = {
  [0x0a] = { ws.count }, [0x10] = { ws.flow }, [0x30] = { ws.flow, ws.returns }, [0x3d] = { ws.flow }, [0x1d] = { ws.flow }, [0x1a] = { ws.flow, "?", ws.count },
  [0x1c] = { ws.flow }, [0x5a] = { ws.flow, ws.count, ws.buffer }, [0x5c] = { ws.flow }, [0x5e] = { ws.flow, "?", ws.code },
}
local streams = {} -- TCP streams that are such a session
local parts = {}   -- of a stream, direction and flow: whether a message goes on

-- Message `t` of RTWebSocket: what the column says of it; nil: it is cut.
local function dissect_rtws(t, tree, way)
  local kind, at, flow = t(0, 1):uint(), 1, nil
  tree:add(ws.kind, t(0, 1))
  for i, field in ipairs(HAS[kind] or {}) do
    if field == "?" then
      if at >= t:len() then break end
    else
      local v
      v, at = add_vlu(tree, field, t, at)
      if not v then return nil end
      if i == 1 and field == ws.flow then flow = v end
    end
  end
  local text = TYPES[kind] .. (flow and (" %.0f"):format(flow) or "")
  if at >= t:len() then return text end
  if kind == 0x10 or kind == 0x30 then
    if t:len() - at >= 4 and t(at, 2):string() == "TC" then add_vlu(tree, ws.meta, t, at + 3) end
  elseif kind == 0x3d or kind == 0x1d then
    tree:add(ws.data, t(at))
    local key = ("%s %.0f"):format(way, flow)
    text = text .. " " .. (parts[key] and "..." or dissect_message(t(at):tvb(), tree))
    parts[key] = kind == 0x3d
  end
  return text
end

-- Whether `t` is the first message of a session: a flow of the messages of RTMFP.
local function is_first(t)
  if t:len() < 6 or t(0, 1):uint() ~= 0x10 then return false end
  local flow, at = vlu(t, 1)
  return flow ~= nil and at + 4 <= t:len() and t(at, 2):string() == "TC"
end

function rtws.init()
  streams, parts = {}, {}
end

function rtws.dissector(tvb, pinfo, root)
  local stream = tcp_stream() and tcp_stream().value or -1
  if not streams[stream] and not is_first(tvb) then return false end
  if tvb:len() < 1 or not TYPES[tvb(0, 1):uint()] then return false end
  streams[stream] = true
  local tree = root:add(rtws, tvb())
  local said = dissect_rtws(tvb, tree, ("%d %d"):format(stream, pinfo.src_port))
  if not said then
    tree:add_proto_expert_info(malformed)
    said = TYPES[tvb(0, 1):uint()] .. " [malformed]"
  end
  pinfo.cols.protocol = "RTWS"
  pinfo.cols.info:append(" " .. said)
  pinfo.cols.info:fence() -- the next message in the packet does not clear it
  tree:append_text(": " .. said)
  return true
end
rtws:register_heuristic("ws", rtws.dissector)
