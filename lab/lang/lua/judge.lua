-- Verdicts: checks made by the scenario, the standing rules, the numbers of every call, and the case's result.
return function(L)
  local NET, LIST = L.NET, L.LIST
  local core = L.core
  L.checks, L.metrics = {}, {}

  -- Records one judged thing: { name, ok, where, expected, observed, at }.
  function L.judge(c)
    L.checks[#L.checks + 1] = c
  end

  -- What a reader of the result should know, once however often it is said: nothing that is judged.
  L.notes = {}
  function L.note(text, label)
    core.note("log", text, label)
    for _, n in ipairs(L.notes) do if n == text then return end end
    L.notes[#L.notes + 1] = text
  end

  ---------------------------------------------------------------------------------------------------------------- t:check
  -- The number behind a value: "20kB", "1%", a Duration, a plain number.
  local function is_duration(v) return type(v) == "table" and rawget(v, "ns") ~= nil end
  local function number(v)
    if is_duration(v) then return v.ns end
    if type(v) == "string" then
      for _, kind in ipairs { "Time", "Size", "Rate", "Share" } do
        local n = core.unit(kind, v)
        if n then return n end
      end
    end
    return v
  end
  -- A duration is compared with a duration or text with a unit of time: 5 is no time.
  local function same_kind(a, b, what)
    if is_duration(a) == is_duration(b) then return end
    local time, other = a, b
    if is_duration(b) then time, other = b, a end
    if other == nil or type(other) == "string" and core.unit("Time", other) then return end
    local _, why = core.unit("Time", other)
    L.fail("%s: %s is a duration: %s", what, L.show(time), why)
  end
  local function below(a, b)
    a, b = number(a), number(b)
    if math.type(a) ~= "integer" or math.type(b) ~= "integer" then L.fail("check: %s and %s cannot be compared", L.show(a), L.show(b)) end
    return a <= b
  end
  -- Ends the case where the bounds of a check contradict each other, or one says all that another does.
  local function check_bounds(s)
    local whole = s.equals ~= nil and "equals" or s.between and "between"
    for _, k in ipairs { "at_least", "at_most", "between" } do
      if whole and whole ~= k and s[k] ~= nil then L.fail("check: %s says it all; %s is too much", whole, k) end
    end
    if s.between and not below(s.between[1], s.between[2]) then L.fail("check.between: %s is above %s", L.show(s.between[1]), L.show(s.between[2])) end
    if s.at_least ~= nil and s.at_most ~= nil and not below(s.at_least, s.at_most) then
      L.fail("check: at_least %s is above at_most %s", L.show(s.at_least), L.show(s.at_most))
    end
  end
  function L.check_value(s)
    L.check("check", s)
    local v, ok, text = s[2], true, {}
    for _, k in ipairs { "equals", "at_least", "at_most" } do if s[k] ~= nil then same_kind(v, s[k], "check." .. k) end end
    for i, bound in ipairs(s.between or {}) do same_kind(v, bound, "check.between[" .. i .. "]") end
    check_bounds(s)
    local function one(word, want, good)
      ok = ok and good
      text[#text + 1] = word .. " " .. L.show(want)
    end
    if s.equals ~= nil then one("equals", s.equals, number(v) == number(s.equals)) end
    if s.at_least ~= nil then one("at least", s.at_least, v ~= nil and below(s.at_least, v)) end
    if s.at_most ~= nil then one("at most", s.at_most, v ~= nil and below(v, s.at_most)) end
    if s.between then
      one("between", L.show(s.between[1]) .. " and " .. L.show(s.between[2]), v ~= nil and below(s.between[1], v) and below(v, s.between[2]))
    end
    if #text == 0 then
      ok = v and true or false
      text[1] = "true"
    end
    L.judge { name = "check", ok = ok, where = L.where(), expected = s[1] .. ": " .. table.concat(text, ", "), observed = L.show(v), at = core.now() }
  end

  ---------------------------------------------------------------------------------------------------------------- the oracle
  -- Why a call may die although its boxes let it through, or nil: over the best of its ways all seven tries of a check are lost with a
  -- chance of more than one in a million (RFC 8489 section 6.2.1), taking every loss to be independent of the others.
  local function may_fail(near, far, transports)
    local pass = 0
    for _, a in ipairs(near) do for _, b in ipairs(far) do pass = math.max(pass, a.pass * b.pass // 1000000) end end
    local miss = 1000000 - pass
    local all = miss
    for _ = 2, 7 do all = all * miss // 1000000 end
    all = math.min(all * transports, 1000000) -- each must get through
    if all < 1 then return nil end
    return ("the links fail %d of 100 checks, all 7 tries of one with a chance of %d in a million (RFC 8489 section 6.2.1)"):format((miss + 5000) // 10000, all)
  end

  -- As may_fail, of a way that is too long for the timers `near` and `far`; `rtt`: there and back; `told`: what the carrier adds.
  --   a triggered check takes the place of one under way (RFC 8445 section 7.3.1.4), as often as the far side's is repeated
  --   consent is asked for every so often, a fifth more at most, and the answer takes a round trip (RFC 7675 section 5.1)
  --   signaling, a check, its nomination and DTLS take four round trips and a half; a question before the other end can answer, one or two
  local function may_be_late(near, far, rtt, told, transports)
    local least = math.min(near.connect, far.connect)
    if transports > 1 then told = told + 2 * transports * math.max(near.ta, far.ta) end -- their checks take turns
    for _, t in ipairs { near, far } do
      if rtt >= 16 * t.rto then
        return ("an answer takes %s, as long as a check that another one replaces is waited for: 16 RTO, %s (RFC 8489 section 6.2.1)"):format(
          L.show_time(rtt), L.show_time(16 * t.rto))
      end
      if t.consent + t.consent // 5 + rtt >= t.death then
        return ("consent may end before an answer renews it: it lasts %s, is asked for every %s and answered after %s"):format(L.show_time(t.death),
          L.show_time(t.consent), L.show_time(rtt))
      end
    end
    if 6 * rtt + told < least then return nil end
    return ("six round trips of %s and %s of signaling are no less than T_conn, %s"):format(L.show_time(rtt), L.show_time(told), L.show_time(least))
  end

  -- A link as the oracle has it, and the share of a packet's ways there and back that it passes, in ppm.
  local function wire_of(link)
    local up, more, lost, _, _, impaired = core.link_delay(link.id, 0)
    local down, yet, lost_too, _, _, impaired_too = core.link_delay(link.id, 1)
    return { up = up, down = down, slack = math.max(more, yet), lossy = (impaired or impaired_too) and 1 or 0 }, (1000000 - lost) * (1000000 - lost_too) // 1000000
  end
  L.wire_of = wire_of

  -- The boxes between `hosts` and the internet, each once, as a list with numbers; net number n is the inside of box n, 0 the internet.
  -- `till`: those up to this one, whose inside is the internet.
  local function world_of(till)
    local w = { list = {}, number = {}, at = {} }
    local function add(node, box, outer)
      local b = { node = node, outer = outer, only = rawget(box, "only") == "v6" and 6 or rawget(box, "only") == "v4" and 4 or 0 }
      w.list[#w.list + 1] = b
      return b, #w.list
    end
    -- The number of the net inside `box`. The IPv6 half of a NAT stands between it and its LAN.
    function w.inside(box)
      if not box or box == till then return 0 end
      if w.number[box] then return w.number[box] end
      local net = box[NET]
      local b, n = add(box.node, box, w.inside(net.parent.box))
      for k, v in next, (wire_of(box.wire)) do b[k] = v end
      b.own = rawget(box, "proxy") and 1 or 0
      local access = rawget(box, "access")
      b.hands_tls = access and not access.portal and (not access.intercepts or access.passes ~= "") and 1 or 0
      if box.kind == "nat" and net.gateway4 then b.inside, b.bits = net.gateway4, net.bits4 end
      local guard = rawget(box, "guard")
      if guard then n = select(2, add(guard.node, guard, n)) end
      w.number[box], w.at[n] = n, box
      return n
    end
    return w
  end

  -- The addresses of `host` for the oracle, best first; `only`: on that interface, `ip`: this one.
  local function side_of(host, w, how, only, only_ip)
    local out = { ta = math.max(host.timers.ta, how.ta), rto = host.timers.rto, lite = how.keeps and host.behaviour.lite and 1 or 0, as_told = how.script, checks_first = how.script, keepalive = how.keeps and host.timers.keepalive or 0,
      relays = how.keeps and not how.separate and 1 or 0, hasty = how.keeps and host.behaviour.nomination ~= "regular" and 1 or 0 }
    for _, iface in ipairs(only and { only } or host[LIST]) do
      local wire, pass = wire_of(iface.wire)
      local net = iface[NET]
      while net.box do
        local _, share = wire_of(net.box.wire)
        pass = pass * share // 1000000
        net = net.parent
      end
      for _, ip in ipairs(only_ip and { only_ip } or iface.ips) do
        out[#out + 1] = { net = w.inside(iface[NET].box), ip = ip, up = wire.up, down = wire.down, slack = wire.slack, lossy = wire.lossy, pass = pass }
      end
      local link_ip = how.links and not only_ip and rawget(iface, "link_ip")
      if link_ip then out[#out + 1] = { net = w.inside(iface[NET].box), ip = link_ip, up = wire.up, down = wire.down, slack = wire.slack, lossy = wire.lossy, pass = pass } end
    end
    return out
  end

  -- A server for the oracle: its addresses, the way to it from the internet's core and back. `host` nil: it is not up.
  local function server_of(host, port)
    if not host then return {} end
    local wire = wire_of(host[LIST][1].wire)
    local out = { port = port, rtt = wire.up + wire.down, slack = 2 * wire.slack }
    for _, ip in ipairs(host[LIST][1].ips) do out[ip:find(":", 1, true) and "six" or "four"] = ip end
    return out
  end

  -- The TURN servers that the ends of call `s` ask, for the oracle; `n` relayed addresses at most are asked for by each of them.
  local function turns_of(s, n)
    local out = {}
    if s.model == "E" then -- it cannot use TURN
      if L.servers.checkrelay then out[1] = server_of(L.servers.checkrelay, L.CHECK_RELAY) end
      out.checked = true
      return out
    end
    for _, k in ipairs(L.servers.turn and L.TURN_BY or {}) do
      for _, port in ipairs((s.turn == nil or s.turn == k) and L.turn_server[k] or {}) do
        out[#out + 1] = server_of(L.servers.turn, port)
        out[#out].tcp, out[#out].tls = k == "tcp" or k == "tls", k == "tls" or k == "dtls"
      end
    end
    local t = L.turn_server
    if t then
      -- All users of the world may be one.
      local most = 2 * n * #out * (#L.calls + 1)
      out.no4, out.no6, out.deny, out.limits = t.no4, t.no6, t.deny, (t.quota or 0) > 0 and t.quota < most
    end
    return out
  end

  -- Whether two ends of one role never agree, true, or perhaps not; and why. By tie-breakers one end has to give way (RFC 8445 section 7.3.1.1).
  local function roles_clash(near, far)
    if near.role == "agreed" and far.role == "agreed" or near.role ~= far.role and near.role ~= "agreed" and far.role ~= "agreed" then return false end
    local equal = near.tiebreaker and near.tiebreaker == far.tiebreaker
    local stubborn = near.conflict == "ignores" or far.conflict == "ignores"
    if equal and near.conflict == "keeps" and far.conflict == "keeps" then
      return true, "both ends give way at once, over and over: their tie-breakers are equal and stay so (RFC 5245 section 7.1.3.1)"
    end
    if not stubborn then return false end
    if near.conflict == far.conflict and near.role == far.role then return true, "both ends have one role, and both ignore that (RFC 8445 section 7.2.5.1)" end
    if near.role ~= far.role or not (near.tiebreaker and far.tiebreaker) then return false, "an end that ignores role conflicts may have to give way" end
    local one, other = near, far -- that ignores it
    if far.conflict == "ignores" then one, other = far, near end
    local yields = equal and one.role == "controlling" or not equal and (math.ult(one.tiebreaker, other.tiebreaker) == (one.role == "controlling"))
    if yields then return true, "the end that ignores role conflicts has to give way (RFC 8445 section 7.3.1.1)" end
    return false
  end
  -- Two lite ends send no checks: what they chose may not work.
  local function lite_doubt(near, far)
    local boxes = false
    for _, h in ipairs { near, far } do
      for _, iface in ipairs(h[LIST]) do boxes = boxes or iface[NET].box ~= nil end
    end
    return near.behaviour.lite and far.behaviour.lite and boxes and "two lite ends check nothing (RFC 8445 section 8.2)" or nil
  end
  -- Two verdicts of which either may be right, as one: what one of them allows.
  local function either_of(x, y)
    if x.outcome ~= "open" then x, y = y, x end
    if y.outcome ~= "open" then return x end
    for i, way in ipairs(x.ways) do
      local other = y.ways[i]
      for side = 1, 2 do
        local has = {}
        for _, pair in ipairs(way.kinds[side]) do has[pair] = true end
        for _, pair in ipairs(other.kinds[side]) do if not has[pair] then table.insert(way.kinds[side], pair) end end
      end
      if not way.families:find(other.families, 1, true) then way.families = other.families:find(way.families, 1, true) and other.families or "v4 v6" end
    end
    x.either = x.either or y.either
    return x
  end

  -- Works out anew what the ways of verdict `v` come to.
  local function conclude(v)
    local paths, open, either = {}, nil, false
    v.families = ""
    for _, way in ipairs(v.ways) do
      local may = way.outcome == "open" or way.outcome == "either"
      if may and not open then paths[way.path] = true end
      if may and not v.families:find(way.families, 1, true) then v.families = v.families == "" and way.families or "v4 v6" end
      if way.outcome == "open" then v.first, v.why = open and v.first or way.rung, open and v.why or way.why end
      if way.outcome == "open" and not way.overtaken then open = open or way end
      either = either or way.outcome == "either"
    end
    v.outcome, v.either = v.first and "open" or "death", not v.first and either
    local path = next(paths)
    v.path = v.first and path and not next(paths, path) and path or nil
    return v
  end
  -- The direct ways of verdict `v` are none because of `why`, or `perhaps` none; the others stand.
  function L.direct_out(v, why, perhaps)
    for _, way in ipairs(v.ways) do
      if way.path:find "^direct" and (way.outcome == "open" or not perhaps) then
        way.outcome, way.why = perhaps and "either" or "none", why
        if not perhaps then way.kinds, way.families = { {}, {} }, "" end
      end
    end
    v.first, v.why = nil, why
    return conclude(v)
  end

  -- What RFC 8445 leaves to each model. E's socket begins no more than one exchange in 50 ms, and its library asks the STUN server when there is
  -- nothing to check, checks in the order in which it was told, and keeps no mapping alive meanwhile.
  local AGENT = { ta = 0, keeps = true, links = true }
  local HOW = { A = AGENT, B = AGENT, D = { ta = 0, keeps = true, links = true, separate = true }, E = { ta = 50000000, script = 1 }, C = { ta = 0 } }
  -- Of model C (RFC 7016): no carrier, as the server introduces; its ladder's ways are judged from the boxes between each end and that server.
  local function predict_calls(near, far, s, w, a, b)
    local server = s.server or L.servers.rtmfp
    local patience = math.min(near.timers.connect, far.timers.connect)
    local stream = s.connect and L.time(s.connect, "call.connect") or 10000000000
    local fallback = math.min(s.fallback and L.time(s.fallback, "call.fallback") or 5000000000, stream // 2)
    if server then a.webs, b.webs = L.rtmfp_webs_of(near, w, s, server, server_of), L.rtmfp_webs_of(far, w, s, server, server_of) end
    local v = core.oracle("C", a, b, w.list, server_of(server, 1935), patience, 1, {}, {}, stream, nil, fallback, s.transport == "ws")
    for _, rung in ipairs(s.via == "direct" and { "relay_udp", "relay_ws" } or {}) do L.leave_way(v, rung, "the call never plays by the server") end
    if s.via == "server" then L.leave_way(v, "direct_udp", "the call plays by the server alone") end
    v.signaled = "yes"
    if v.outcome == "open" then v.may_fail = may_fail(a, b, 1) end
    return v
  end
  -- Lets the way of `rung` not be in verdict `v`, for `why`.
  function L.leave_way(v, rung, why)
    local either
    for _, way in ipairs(v.ways) do
      if way.rung == rung then way.outcome, way.kinds, way.families, way.why = "none", { {}, {} }, "", why end
      either = either or way.outcome == "either" and way or nil
    end
    v.first, v.why = nil, either and either.why or why
    return conclude(v)
  end
  function L.predict(near, far, s, only_near, only_far)
    local up_a, down_a = L.way(near)
    local up_b, down_b = L.way(far)
    local w = world_of()
    local how = HOW[s.model]
    local a, b = side_of(near, w, how, only_near), side_of(far, w, how, only_far)
    if s.model == "C" then return predict_calls(near, far, s, w, a, b) end
    a.tcp, b.tcp = L.tcp_wanted(s.tcp, near, "call"), L.tcp_wanted(s.tcp, far, "call")
    if how.keeps then a.webs, b.webs = L.webs_of(near, w, s, server_of), L.webs_of(far, w, s, server_of) end
    local ab, ba = (up_a or 0) + (down_b or 0), (up_b or 0) + (down_a or 0)
    local adds, doubt = L.signal_bounds(near, far, s, a, b, ab, ba)
    for _, side in ipairs { a, b } do side.stream_box = side.stream_at and w.number[side.stream_at] end
    if a.lite == 1 and b.lite == 1 then a.lite, b.lite = 0, 0 end -- where checks would have passed, data does
    local n = s.transports or L.transports(s)
    local turns, stun = how.separate and {} or turns_of(s, n * (#a + #b)), L.servers.stun
    local after = how.separate and (s.policy == "race" and 0 or L.time(s.try or "2s", "call.try")) or nil
    local function ask()
      return core.oracle(s.model, a, b, w.list, server_of(L.stun_by.udp and stun, 3478), math.max(near.timers.connect, far.timers.connect), n, turns,
        server_of(L.stun_by.tcp and stun, 3478), nil, after)
    end
    local v, crowded = ask()
    if crowded then -- signaling may be elsewhere, or later, or not
      a.streams, b.streams = 0, 0
      v = either_of(v, (ask()))
    end
    v.signaled = not adds and "no" or (doubt or crowded) and "perhaps" or "yes"
    if how.separate then -- the relay object needs no signaling
      local fails, why = roles_clash(near.behaviour, far.behaviour)
      if not adds or fails then return L.direct_out(v, not adds and "the call is not signaled: " .. doubt or why, false) end
      if doubt or why then L.direct_out(v, doubt or why, true) end
      doubt = nil
    end
    if not adds then return L.cannot_signal(v, doubt) end
    if how.keeps and not how.separate and v.outcome == "open" then
        local fails, why = roles_clash(near.behaviour, far.behaviour)
        if fails then return L.cannot_open(v, why) end
        doubt = doubt or why or lite_doubt(near, far)
    end
    if v.outcome == "open" then v.may_fail = doubt or crowded or may_fail(a, b, n) or may_be_late(near.timers, far.timers, ab + ba, adds, n) end
    return v
  end

  -- Whether `host` reaches `port` of `server`, a host at the internet, by TCP or UDP, within `patience` ns from now on; from its address `ip`
  -- of `iface` where these are given.
  local function reach(side, w, server, tcp, patience)
    local v = core.reach(side, w.list, server, tcp, patience)
    v.since = v.since > 0 and L.duration(v.since) or nil
    if v.outcome ~= "cut" then v.bytes = nil end
    local caught = v.box
    v.box = nil
    return v, caught > 0 and w.at[caught] or nil -- the box that answers in the server's place
  end
  function L.predict_reach(host, server, port, tcp, patience, iface, ip)
    local w = world_of()
    return reach(side_of(host, w, { ta = 0 }, iface, ip), w, server_of(server, port), tcp, patience)
  end
  -- Likewise whether it reaches `port` of the own host of `box`, one of the boxes that it is behind.
  function L.predict_reach_own(host, box, port, patience, iface, ip)
    local w, access = world_of(box), rawget(box, "access")
    return reach(side_of(host, w, { ta = 0 }, iface, ip), w, { four = access.own, six = access.own6, port = port }, true, patience)
  end
  -- Likewise whether the own host of `box` reaches `port` of `server`.
  function L.predict_own_reach(box, server, port, tcp, patience)
    local w, out = world_of(), rawget(box, "own_out")
    local wire, side = wire_of(out.wire), { ta = 0 }
    for i, ip in ipairs(out.ips) do
      side[i] = { net = w.inside(out.net.box), ip = ip, up = wire.up, down = wire.down, slack = wire.slack, lossy = wire.lossy }
    end
    return reach(side, w, server_of(server, port), tcp, patience)
  end
  -- Why no other interface of end `e` took over when its own went, as far as interfaces and boxes tell; nil where they would have let it.
  function L.untaken(call, e)
    local out, own = {}, nil -- own: the one that carried it
    for _, ev in ipairs(e.log) do own = rawget(ev, "iface") or own end
    for _, iface in ipairs(#e.host[LIST] > 1 and e.host[LIST] or {}) do
      if core.iface_usable(e.host.node, iface.i) then
        local near = e.host == call.near
        local v = L.predict(call.near, call.far, { model = call.model, carrier = call.carrier, transports = call.transports, tcp = call.tcp, turn = call.turn, ws = call.ws, server = call.server, connect = call.connect, via = call.via, transport = call.transport, fallback = call.fallback, policy = call.policy, try = call.try }, near and iface or nil, not near and iface or nil)
        if v.outcome == "death" then out[#out + 1] = ("%s could not take over: %s"):format(iface.label, v.why) end
      elseif iface ~= e.host.ifaces[own] then
        out[#out + 1] = iface.label .. " was down"
      end
    end
    return #out > 0 and table.concat(out, "; ") or nil
  end

  local function first(log, ...)
    for _, ev in ipairs(log) do for _, name in ipairs { ... } do if ev.name == name then return ev end end end
  end

  -- Opened or dead: what the oracle speaks of.
  local function outcome(e)
    local ev = first(e.log, "open", "death", "closed")
    return ev and ev.name, ev
  end

  -- True when every call has come to its outcome on both ends.
  local n_settled = 0
  function L.settled()
    while L.calls[n_settled + 1] do
      for _, e in ipairs(L.calls[n_settled + 1].ends) do
        -- What is lost with its host, or stands still with it when the scenario is over, says nothing any more.
        if not outcome(e) and not rawget(e, "gone") and not rawget(e.host, "off") then return false end
      end
      n_settled = n_settled + 1
    end
    return true
  end

  -- The end that the scenario closed before it opened, if any; what becomes of the other is then no matter of boxes.
  local function closed_early(call)
    for _, e in ipairs(call.ends) do
      local name, ev = outcome(e)
      if name == "closed" and ev.by == "local" then return e, ev end
    end
  end

  -- The kinds and families that verdict `v` allows end `i` (1 near, 2 far) on `path`: those of its rungs that may open, up to the first that
  -- must and that no other overtakes. nil when no such rung has that path.
  local function allowed(v, path, i)
    local kinds, families = nil, ""
    for _, way in ipairs(v.ways) do
      if way.path == path and (way.outcome == "open" or way.outcome == "either") then
        kinds = kinds or {}
        for _, pair in ipairs(way.kinds[i]) do kinds[pair] = true end
        families = families .. way.families
      end
      -- A relay of the far side that nobody has told of yet is a peer-reflexive address like any other (RFC 8445 section 7.3.1.3).
      if path == "direct_udp" and way.rung == "relay_udp" and (way.outcome == "open" or way.outcome == "either") then
        for _, pair in ipairs(way.kinds[i]) do
          local near = pair:match "^(%l+)/relay$"
          if near and near ~= "relay" then
            kinds = kinds or {}
            kinds[near .. "/prflx"] = true
            families = families .. way.families
          end
        end
      end
      if way.outcome == "open" and not way.overtaken then break end
    end
    return kinds, families
  end

  -- The time after `start`, when its call began, before which no path of verdict `v` can have opened as event `ev` tells; nil: it may have.
  local function too_early(v, ev, start)
    local since, least = ev.at.ns - start, nil
    for _, way in ipairs(v.ways) do
      if way.path == ev.path and #way.kinds[1] + #way.kinds[2] > 0 then least = math.min(least or way.least, way.least) end
    end
    return least and since < least and least or nil
  end

  -- The time after `start` by which the only way of verdict `v` must have opened; nil: event `ev` came by then, or no such time is known.
  local function too_late(v, ev, start)
    local latest
    for _, way in ipairs(v.ways) do
      if way.outcome == "open" or way.outcome == "either" then
        if latest or not way.latest then return nil end
        latest = way.latest
      end
    end
    return not (v.either or v.may_fail) and latest and ev.at.ns - start > latest and latest or nil
  end

  local rules = {}
  -- The outcome of `e`, end `i` (1 near, 2 far) of `call` or one of its streams, beside the verdict: adds whether it is allowed.
  local function judge_outcome(add, want, e, i, name, ev, start)
    local kinds, families = nil, nil
    if name == "open" then kinds, families = allowed(want, ev.path, i) end
    local open_either = want.either and kinds or want.may_fail and name == "death"
    if want.either then L.used["oracle:either"] = true end -- the run counts the cases in which a judge lets both pass
    local ok = kinds or name ~= "open" and (open_either or name == want.outcome)
    local latest = rawget(e, "latest")
    local seen = name == "open" and "open " .. ev.path or name == "death" and ("death %s: %s"):format(ev.reason, ev.why) or name
      or "neither open nor dead; " .. (latest and "last: " .. L.event_text(latest) or "nothing else either")
    local over = ""
    if kinds then
      local l, r = ev.localkind, ev.remotekind
      ok = kinds[l .. "/" .. r] == true and (open_either or families:find(ev.family, 1, true) ~= nil)
      seen = seen .. (" (%s/%s%s)"):format(l, r, ev.family == "v6" and " over IPv6" or "")
      over = " over " .. table.concat(L.keys(kinds), " or ")
    end
    local early = ok and name == "open" and too_early(want, ev, start)
    if early then ok, over = false, ", not before " .. L.show_time(early) end
    local late = ok and name == "open" and too_late(want, ev, start)
    if late then ok, over = false, ", by " .. L.show_time(late) end
    local why = want.may_fail and want.why .. "; or death: " .. want.may_fail or want.why
    add(ok, (want.either and "either" or want.outcome .. (want.path and " " .. want.path or "") .. (ok and "" or over)) .. ": " .. why, ("%s: %s"):format(tostring(e), seen))
  end

  function rules.oracle(add)
    for _, call in ipairs(L.calls) do
      for i, e in ipairs(call.ends) do
        local name, ev = outcome(e)
        local fault = L.faults[1]
        local closer, closing = closed_early(call)
        if closer and (not ev or ev == closing or closing.at.ns <= ev.at.ns) then
          add(nil, "what the oracle says", ("not judged: the scenario closed %s at %s"):format(tostring(closer), tostring(closing.at)))
        elseif fault and (not ev or fault.at <= ev.at.ns) then
          add(nil, "what the oracle says", ("not judged: %s at %s"):format(fault.text, L.show_time(fault.at)), fault.where)
        else
          judge_outcome(add, call.verdict, e, i, name, ev, call.start)
          -- Each stream that has opened has a path that the boxes allow; a whole that dies may have streams that had one.
          for _, part in ipairs(rawget(e, "parts") or {}) do
            local told, its = outcome(part)
            if told == "open" then judge_outcome(add, call.verdict, part, i, name == "open" and told or name, name == "open" and its or ev, call.start) end
          end
        end
      end
    end
  end
  rules["silent-freeze"] = function(add)
    for _, call in ipairs(L.calls) do
      for _, whole in ipairs(call.ends) do
        for _, e in ipairs(L.parts(whole)) do
          if rawget(e, "app") then
            local s = L.stats_of(e)
            local frozen = s.freeze_silent
            -- The time of five questions, where that is longer; nobody tells anything in his sleep.
            local most = math.max(e.timers.stall, s.patience) + 500000000 + (rawget(e.host, "slept") or 0)
            add(frozen <= most, "no unannounced silence beyond " .. L.show_time(most), ("%s: %s"):format(tostring(e), L.show_time(frozen)))
          end
        end
      end
    end
  end
  -- What counts is worked out when the alarm comes (trouble.lua).
  rules["false-alarms"] = function(add)
    for _, call in ipairs(L.calls) do
      local list = rawget(call, "false_alarms") or {}
      local ev = list[1]
      add(#list == 0, "no alarm while the world is whole", ev and ("%s: %s at %s%s"):format(tostring(ev.from), ev.name, tostring(ev.at),
        #list > 1 and (", and %d more"):format(#list - 1) or "") or "none")
    end
  end
  rules["death-once"] = function(add)
    local all = L.merge(L.apps, L.gone)
    for _, to in L.pairs(all) do
      local list = { to.main }
      for _, m in L.pairs(to.media) do list[#list + 1] = m end
      for _, s in ipairs(list) do
        local late = rawget(s, "late")
        add(not late, "one death at most and nothing after it", late and ("%s: %s at %s"):format(tostring(s), late.name, tostring(late.at)) or tostring(s))
      end
    end
  end

  -- From the wire alone (lab/judge/watch.c): the code that enforces it has no say here.
  function rules.whitelist(add)
    local packets, violations, what = core.watch()
    if not packets then return end
    add(violations == 0, "towards an address that has not succeeded nothing leaves but STUN checks and responses",
      violations == 0 and packets .. " packets of E sockets judged" or ("%d of %d packets; %s"):format(violations, packets, what))
  end

  -- A stream of a plain socket or a proxy that has bytes to send, nothing under way and a peer with room goes on.
  rules["stream-freeze"] = function(add)
    local n, who, still, bound, holder, held = core.streams()
    if n == 0 then return end
    add(still <= bound and not holder, "a stream with bytes to send and room at its peer stands still for no longer than " .. L.show_time(bound),
      holder and ("%s holds %d B though everything before them has arrived"):format(holder, held) or ("%s: %s"):format(who or "a stream", L.show_time(still)))
  end

  local STRANGER = "whatever attackers send, honest ends say and send the same"
  -- By twin runs: with the attackers silent, the honest ends say and send the same (lab/judge/twin.c).
  function rules.stranger(add)
    local compared, ok, why = core.twin()
    if not compared then return end
    if L.twin_unfit then return add(nil, STRANGER, "not judged: " .. L.twin_unfit .. " makes what becomes of a packet hang on others") end
    add(ok, STRANGER, ok and compared .. " datagrams and events compared" or why)
  end

  local ORDER = { "oracle", "silent-freeze", "false-alarms", "death-once", "stream-freeze", "whitelist", "stranger" }
  L.standing_rules = ORDER
  -- A rule adds what it finds of each end: ok or not, nil where it could not judge. What is said of it is the first that did not hold, else
  -- the first that was judged.
  local function standing()
    local allow = L.spec.allow or {}
    for _, name in ipairs(ORDER) do
      local broken, held, unjudged = nil, nil, nil
      rules[name](function(ok, expected, observed, where)
        if ok == nil then
          unjudged = unjudged or { expected, observed, where }
        elseif ok then
          held = held or { expected, observed }
        elseif not broken then
          broken = { name = name, ok = false, where = where or L.file, expected = expected, observed = observed, at = core.now() }
        end
      end)
      if allow[name] and broken then
        broken.ok, broken.allowed = true, allow[name]
        L.used["allow:" .. name] = true -- an allowance that no case of a run needs is stale: the runner says so
      end
      if broken then L.judge(broken)
      elseif held then L.judge { name = name, ok = true, where = L.file, expected = held[1], observed = held[2], at = core.now() }
      elseif unjudged then
        L.judge { name = name, ok = true, judged = false, where = unjudged[3] or L.file, expected = unjudged[1], observed = unjudged[2], at = core.now() }
      end
    end
  end

  ---------------------------------------------------------------------------------------------------------------- numbers
  local HEADLINE = {}
  for _, k in ipairs(L.schema.vocab.names "metric") do HEADLINE[k] = true end
  -- True when `name` is that of a number of a call, the first one's or another's: "t_conn", "t_conn_2".
  function L.is_headline(name) return HEADLINE[name] or HEADLINE[name:match "^(.-)_%d+$" or ""] or false end
  local function most(a, b)
    if a == nil or b == nil then return a or b end
    return math.max(a, b)
  end
  local ON_ITS_WAY, PACED = 500000000, 20000000 -- what left so shortly before may still come; voice is so far apart

  -- Packets of voice for end `e` that were due before now and of which no later one came: no hole tells of them.
  local function tail_of(e)
    local other = rawget(e, "other")
    if not other or not rawget(e, "app") or not rawget(other, "app") or not first(e.log, "open") then return 0 end
    local own, far = L.stats_of(e), L.stats_of(other)
    local young = far.voice_due_at - (core.now() - ON_ITS_WAY)
    local due = far.voice_due - (young > 0 and young // PACED + 1 or 0)
    return math.max(0, due - own.voice_next)
  end
  -- Notes it as the end of `e` comes: nobody misses what is sent to it later.
  function L.note_tail(e)
    if rawget(e, "tail") == nil then rawset(e, "tail", tail_of(e)) end
  end
  -- Adds the numbers of `e`, an end or one of its streams, to those of `out`, which began at `start`.
  local function add_numbers(out, e, start)
    if not rawget(e, "app") then return end
    local s = L.stats_of(e)
    L.note_tail(e)
    out.lost, out.late = out.lost + s.lost + e.tail, out.late + s.late
    out.freeze_silent = most(out.freeze_silent, s.freeze_silent)
    for _, k in ipairs { "jitter", "longest_freeze" } do out[k] = most(out[k], s[k]) end
    if s.freezes then out.freezes = (out.freezes or 0) + s.freezes end
    if s.t_first_media then out.t_first_media = most(out.t_first_media, s.t_first_media - start) end
  end

  -- The trips from host to host that had to pass, one after the other, before the first packet of media came to the end of `call` that had it
  -- later; the last is that packet's. Nil where none came, or not to both ends.
  local function first_media(call)
    local at, other, last
    for _, e in ipairs(call.ends) do
      local came
      for _, part in ipairs(L.parts(e)) do
        local t = rawget(part, "app") and L.stats_of(part).t_first_media
        if t then came = math.min(came or t, t) end
      end
      if not came then return nil end
      if not last or came > last then at, other, last = e.host, e.other.host, came end
    end
    local trips = core.trips_row(at.node, other.node, last, call.start)
    return #trips > 0 and trips or nil
  end

  local function measure(call, of, deciding)
    -- The server does not know calls: what it has relayed is of the only one.
    local relays = #L.calls == 1 and L.servers.turn and not L.servers.turn.off and rawget(L.servers.turn, "relays")
    local out = { lost = 0, late = 0, connected = 1, direct = 1, relay_bytes = relays and core.turn_stats(relays).relayed_bytes or 0, false_alarms = #(rawget(call, "false_alarms") or {}) }
    for _, e in ipairs(call.ends) do
      local name, ev = outcome(e)
      if name ~= "open" then
        out.connected, out.direct = 0, 0
      else
        out.t_conn = most(out.t_conn, ev.at.ns - call.start)
        if not ev.path:match "^direct" then out.direct = 0 end
      end
      for _, part in ipairs(L.parts(e)) do add_numbers(out, part, call.start) end
      local own, from, fault = L.from_faults(e)
      for told, f in next, from do of[told] = f end
      deciding[e] = fault
      for _, k in ipairs { "t_detect", "t_death", "t_recover" } do out[k] = most(out[k], own[k]) end
    end
    local trips = call == L.calls[1] and first_media(call) or nil
    out.round_trips = trips and #trips // 2 -- those before the packet of media leaves; half a one counts as one
    return out, trips
  end

  -- The numbers of each stream of `call`, of both its ends; nil where it has but one without a name.
  local function streams_of(call)
    local near, far, out = rawget(call.ends[1], "parts"), rawget(call.ends[2], "parts"), {}
    for i, a in ipairs(near or {}) do
      local m = { stream = i, lost = 0, late = 0, connected = 1 }
      for _, e in ipairs { a, far[i] } do
        local name, ev = outcome(e)
        if name == "open" then
          m.t_conn, m.path = most(m.t_conn, ev.at.ns - call.start), m.path or ev.path
        else
          m.connected = 0
        end
        add_numbers(m, e, call.start)
        local own = L.from_faults(e)
        for _, k in ipairs { "t_detect", "t_death", "t_recover" } do m[k] = most(m[k], own[k]) end
      end
      out[i] = m
    end
    return near and out
  end

  -- What each end saw, for the page of the case: name, time and the fields worth reading; `of`: event -> the fault that it counts from.
  local function seen_by(call, of)
    local out, place = {}, {}
    for i, f in ipairs(L.faults) do place[f] = i - 1 end
    for _, e in ipairs(call.ends) do
      for _, ev in ipairs(e.log) do
        if ev.name ~= "signal" and ev.name ~= "message" then
          out[#out + 1] = { end_ = e.host.label, t = ev.at.ns, name = ev.name, path = rawget(ev, "path"), iface = rawget(ev, "iface"), reason = rawget(ev, "reason"),
            why = L.untaken_why[ev] or rawget(ev, "why"), serial = ev.serial, fault = place[of[ev]], since = rawget(ev, "since") and ev.since.ns or nil,
            kinds = rawget(ev, "localkind") and ev.localkind .. "/" .. ev.remotekind or nil }
        end
      end
    end
    table.sort(out, function(a, b) return a.serial < b.serial end)
    return out
  end

  -- The ways of verdict `v` for the result: what is empty is left out, and a rung that is called as its path.
  local function ways_of(v)
    local out = {}
    for i, w in ipairs(v.ways) do
      local kinds = #w.kinds[1] + #w.kinds[2] > 0 and w.kinds or nil
      out[i] = { rung = w.rung ~= w.path and w.rung or nil, path = w.path, outcome = w.outcome, why = w.why, kinds = kinds, families = kinds and w.families, overtaken = w.overtaken or nil, latest = w.outcome == "open" and rawget(w, "latest") or nil }
    end
    return out
  end

  -- The result of the case as a table, after the loop ended (err: what ended it early, or nil).
  function L.result(err)
    local r = { checks = {}, metrics = {}, events = {}, faults = {} }
    err = err or L.never_came() or L.edge_lateness()
    if err and err.kind ~= "ended" then
      r.verdict, r.error = err.kind, (err.where and err.where .. ": " or "") .. err.text
    else
      standing()
      r.verdict = "pass"
    end
    for i, c in ipairs(L.checks) do
      r.checks[i] = { name = c.name, ok = c.ok, judged = c.judged, where = c.where, expected = c.expected, observed = c.observed, t = c.at, allowed = c.allowed }
      if not c.ok and r.verdict == "pass" then r.verdict = "fail" end
    end
    local measured = L.spec.predict and next(L.metrics) -- judged with all cases of the hypothesis
    if #L.checks == 0 and not measured and r.verdict == "pass" then r.verdict, r.error = "error", "nothing was judged" end
    for i, call in ipairs(L.calls) do
      if call.ends then
        local of, deciding = {}, {}
        local m, trips = measure(call, of, deciding)
        for _, k in ipairs(L.keys(m)) do
          assert(HEADLINE[k], k)
          r.metrics[k .. (i > 1 and "_" .. i or "")] = m[k]
        end
        if i == 1 then
          local _, ev = outcome(call.ends[1])
          r.outcome = ev and ev.name or "none"
          if ev and ev.name == "death" then r.outcome = "death" end
          r.path = ev and rawget(ev, "path") or nil
          local o = call.verdict
          r.oracle = { outcome = o.outcome, path = o.path, first = o.first, why = o.why, either = o.either or nil, ways = ways_of(o) }
          r.events = seen_by(call, of)
          r.ends = { call.near.label, call.far.label }
          r.streams = streams_of(call)
          r.trips = trips
          r.outages = {}
          for _, e in ipairs(call.ends) do for _, out in ipairs(L.outages(e.host, e.other.host)) do r.outages[#r.outages + 1] = out end end
          L.say_counts(call, deciding)
        end
      end
    end
    for k, v in next, L.metrics do r.metrics[k] = v end
    for i, f in ipairs(L.faults) do
      r.faults[i] = { t = f.at, what = f.what, text = f.text, where = f.where, on = f.on, lasts = f.lasts, heals = f.heals or nil, takes = f.takes,
        counts = f.counts, ["until"] = f.till > f.at and f.till < math.maxinteger and f.till or nil }
    end
    r.links = {}
    for _, link in ipairs(L.links) do
      if rawget(link, "said") and not L.servers[link.label:match "^[^.]+"] then r.links[#r.links + 1] = { link = link.label, text = link.said } end
    end
    if #L.notes > 0 then r.notes = L.notes end
    r.t_end = core.now()
    return r
  end
end
