-- Media streams of a call: what a scenario asks for, the ends of each stream, and what they come to where a script makes them.
--
-- A call of one stream has none of this: its ends tell everything. With several, `parts` of an end are its streams, sources like others;
-- the end itself tells of the whole, as stack/model/model.h says. Model B does that itself, for E it is done here.
return function(L)
  local core = L.core
  local MOST = 8 -- IT_B_STREAMS
  local composed = {} -- whole -> { state }
  L.tells_of = {}     -- part -> what is to hear of its events

  -- Whether any of `list` is RTP, which all of a connection then are that are not "none".
  local RTP = { audio = true, video = true }
  function L.wants_rtp(list, verb)
    local rtp = false
    for _, media in ipairs(list) do rtp = rtp or RTP[media] or false end
    for _, media in ipairs(list) do
      if rtp and media == "voice" then L.fail('%s: "voice" is inside DTLS, "audio" and "video" are RTP beside it; one connection has one of the two', verb) end
    end
    return rtp
  end

  -- What call `s` asks for: { { voice = boolean }..., components =, bundle = }; nil: one stream without a name.
  function L.streams_wanted(s, verb)
    if not s.streams then
      for _, k in ipairs { "components", "bundle" } do
        if s[k] ~= nil then L.fail('%s.%s: of streams = { "voice", ... } only', verb, k) end
      end
      return nil
    end
    if s.media then L.fail('%s.media: streams = { "%s", ... } says it already', verb, s.streams[1] or "voice") end
    local n = #s.streams
    if n == 0 or n > MOST or L.keys(s.streams)[1] then L.fail("%s.streams: a list of 1 to %d media", verb, MOST) end
    local out = { components = s.components or 1, bundle = s.bundle, rtp = L.wants_rtp(s.streams, verb .. ".streams") }
    if out.components < 1 or out.components > 2 then L.fail("%s.components: 1, which RTP and RTCP share, or 2", verb) end
    if s.model == "E" and out.rtp then L.unsupported("call.streams: model E streams voice, not RTP") end
    if out.rtp and out.components == 2 then L.fail("%s.components: RTP and RTCP share one (RFC 8834 section 4.5); 1", verb) end
    if s.model == "E" and out.bundle then L.unsupported("call.bundle: a session of model E is one media stream") end
    if out.bundle == nil then out.bundle = out.components == 1 and s.model ~= "E" end
    if out.bundle and out.components == 2 then
      L.fail("%s.components: what is bundled has RTP and RTCP on one (RFC 8843 section 9.3); write bundle = false", verb)
    end
    for i, media in ipairs(s.streams) do
      L.check_type("media", media, ("%s.streams[%d]"):format(verb, i))
      out[i] = { voice = media ~= "none", video = media == "video", components = out.components }
    end
    return out
  end

  -- How many transports, each with a port of its own, an end of such a call has.
  function L.transports(s)
    local want = L.streams_wanted(s, "call")
    return want and not want.bundle and #want * want.components or 1
  end

  -- The parts of end `e` that have numbers of their own: its streams, else itself.
  function L.parts(e) return rawget(e, "parts") or { e } end

  -- The connections below `o`, as far as objects have them: of one that is composed, those of its parts.
  local made_of = {}
  function L.leaves(o)
    local out = {}
    for _, p in ipairs(made_of[o] or {}) do for _, leaf in ipairs(L.leaves(p)) do out[#out + 1] = leaf end end
    if not made_of[o] then out[1] = o end
    return out
  end

  -- Source `s` narrowed to stream `k` of it.
  function L.stream_of(s, k, verb)
    local parts = L.is(s, "Call") and L.record(s).streams or not L.is(s, "Call") and rawget(s, "parts") or nil
    if not parts then L.fail("%s.stream: %s has no streams; its events are of the whole", verb, tostring(s)) end
    return parts[k] or L.fail("%s.stream: %s has the streams 1 to %d, not %s", verb, tostring(s), #parts, tostring(k))
  end

  ---------------------------------------------------------------------------------------------------------------- what parts come to
  -- Of a list of "connecting", "open", "stalled", "dead", "closed", as it_state_of_all has it.
  local function state_of(parts)
    local over, connecting, stalled = 0, false, false
    for _, p in ipairs(parts) do
      local s = p.state
      over = over + ((s == "dead" or s == "closed") and 1 or 0)
      connecting, stalled = connecting or s == "connecting", stalled or s == "stalled"
    end
    if over == #parts then return parts[#parts].state end
    return connecting and "connecting" or stalled and "stalled" or "open"
  end
  local BECOMES = { open = "open", resumed = "open", stalled = "stalled", death = "dead", closed = "closed" }
  local FINAL = { dead = true, closed = true }
  local function copy(ev)
    local out = {}
    for k, v in next, ev do if k ~= "from" and k ~= "view" and k ~= "serial" and k ~= "name" and k ~= "at" then out[k] = v end end
    return out
  end

  -- What `whole` tells when one of its parts, { source, state }, has told event `ev`. `strict`: it is over with any of them (RTP and RTCP);
  -- else with the last, or with the first that dies before it is open.
  local function take(whole, parts, ev, strict)
    local rec = composed[whole]
    if FINAL[rec.state] then return end
    local old, state = rec.state, state_of(parts)
    if FINAL[BECOMES[ev.name]] and (strict or ev.name == "death" and old == "connecting") then state = BECOMES[ev.name] end
    rec.state = state
    if FINAL[state] then
      for _, p in ipairs(parts) do -- what is left of it goes along
        for _, leaf in ipairs(p.source ~= ev.from and not FINAL[p.state] and L.leaves(p.source) or {}) do
          if rawget(leaf, "app") then core.close(leaf.app, leaf.media) end
        end
      end
      return L.push(whole, ev.name, copy(ev))
    end
    if ev.name == "failover" and old ~= "connecting" then return L.push(whole, "failover", copy(ev)) end
    if old == "connecting" and state ~= "connecting" then
      local first = parts[1].opened or ev
      L.push(whole, "open", copy(first))
      if state == "stalled" then L.push(whole, "stalled", {}) end
    elseif old == "open" and state == "stalled" then
      L.push(whole, "stalled", copy(ev))
    elseif old == "stalled" and state == "open" then
      L.push(whole, "resumed", {})
    end
  end

  local TCP = { active = 1, passive = 2, so = 4, all = 7 }
  -- The candidates by TCP that `host` has where `spec`, a word, a list of words, or one of these for each host by name, says so: a sum of bits.
  function L.tcp_wanted(spec, host, what)
    if type(spec) == "table" and #spec == 0 then
      for _, k in ipairs(L.keys(spec)) do
        if not L.hosts[k] then L.fail('%s.tcp: no host "%s"%s', what, k, L.nearest(k, L.keys(L.hosts))) end
      end
      spec = spec[host.label]
    end
    local bits = 0
    for _, word in ipairs(type(spec) == "table" and spec or { spec }) do
      local bit = TCP[word] or L.fail('%s.tcp: no "%s"%s', what, tostring(word), L.nearest(tostring(word), L.keys(TCP)))
      bits = bits | bit
    end
    return bits
  end

  -- Lets source `whole` tell what `sources` come to.
  function L.compose(whole, sources, strict)
    local parts = {}
    for i, s in ipairs(sources) do
      parts[i] = { source = s, state = "connecting" }
      L.tells_of[s] = function(ev)
        local p = parts[i]
        if FINAL[p.state] then return end
        p.state = BECOMES[ev.name] or p.state
        if ev.name == "open" then p.opened = ev end
        if ev.name == "message" then return i == 1 and L.push(whole, "message", copy(ev)) end
        if BECOMES[ev.name] or ev.name == "failover" then take(whole, parts, ev, strict) end
      end
    end
    composed[whole], made_of[whole] = { state = "connecting" }, sources
    return whole
  end
end
