-- Model D in scenarios: a client-server object over a relay and an object for direct connections, which know nothing of each other. What
-- makes one connection of the two is a script's business; lib.d is one, and the standard app of t:call { model = "D" } uses it.
return function(L)
  local core, LIST = L.core, L.LIST
  local Conn = L.classes.Conn

  ---------------------------------------------------------------------------------------------------------------- the relay object
  local RelayD = L.class("RelayD", Conn)
  -- The URLs of `s`, of one relay, one room and one secret: "ws://ws/ROOM#SECRET". What is behind "#" never leaves the host (RFC 3986 section
  -- 3.5). Returns those without room and secret, and these two.
  local function urls_of(s)
    local out, room, secret = {}, nil, nil
    for i, url in ipairs(s) do
      local to, its, behind = url:match "^(%l+://[^/#]+)/([^#]*)#?(.*)$"
      if not to then L.fail('relay: "%s" is no room of a relay; write "ws://ws/ROOM#SECRET"', url) end
      if #its < 16 or #its > 64 or its:find "[^%w_-]" then L.fail('relay: "%s": a room has 16 to 64 letters, digits, "-" or "_"', url) end
      if #behind > 128 then L.fail('relay: "%s": a secret has 128 bytes at most', url) end
      if room and (room ~= its or secret ~= behind) then L.fail("relay: all URLs are of one room and one secret") end
      out[i], room, secret = to, its, behind
    end
    if not room then L.fail 'relay: a URL, "ws://ws/ROOM#SECRET"' end
    return out, room, secret ~= "" and secret or nil
  end
  local function open_relay(host, s)
    L.check("d_relay", s)
    local urls, room, secret = urls_of(s)
    local id = s.id or host.label
    if #id > 32 or id:find "[^%w_-]" or id == "" then L.fail('relay.id: "%s": 1 to 32 letters, digits, "-" or "_"', id) end
    local ways = L.web_ways(urls, host, "relay") or L.fail("relay: %s and the relay have no family in common", host.label)
    local label = L.app_name(host, "D")
    local app = core.d_relay(host.node, label, {
      web = ways, room = room, id = id, secret = secret, timers = host.timers, voice = s.media == "voice", ping = s.ping ~= false, alternatives = #host[LIST] > 1,
    })
    local w = L.source(RelayD, { host = host, label = label, app = app, timers = host.timers })
    L.register(app, w)
    core.start(app)
    return w
  end
  L.method(RelayD, "stream", function(self, on)
    if type(on) ~= "boolean" then L.fail("stream: true or false, not %s", L.show(on)) end
    core.d_stream(L.app_of(self), on)
  end)

  function L.separate_methods(Host)
    local verbs = { relay = open_relay }
    Host.getters.D = function(o)
      local m, view = {}, nil
      for verb, make in next, verbs do
        local takes = L.arity("D." .. verb, make)
        m[verb] = function(self, ...)
          if self ~= view then L.fail("D.%s: write a colon: host.D:%s { ... }", verb, verb) end
          takes(...)
          return make(o, ...)
        end
      end
      view = L.readonly(m, "D", {}, "")
      return view
    end
  end
end
