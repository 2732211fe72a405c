-- Every profile and every named set of the language, for `icetank profiles`: name, kind, one sentence, source.

-- Everything there is: { kind, name, doc, source }, the profiles first.
local function everything(L)
  local all, handovers, vocab = {}, {}, L.schema.vocab
  for _, p in ipairs(L.core.profiles()) do
    local to = p.kind == "handover" and handovers or all -- they stand among the links
    to[#to + 1] = p
  end
  table.move(handovers, 1, #handovers, #all + 1, all)
  L.study()
  for _, p in ipairs(L.populations_listed) do all[#all + 1] = { kind = "population", name = p[1], doc = p.doc, source = p.source } end
  for _, listed in ipairs(vocab.listed) do
    for _, e in ipairs(vocab.sets[listed[1]]) do all[#all + 1] = { kind = listed[2], name = e[1], doc = e[2], source = e[3] } end
  end
  for _, p in ipairs(all) do
    if p.doc == "" then p.doc = "as its name says" end
    if p.source == "" then p.source = "by definition" end
  end
  return all
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }
local function quoted(s) return '"' .. s:gsub('["\\\n\t]', ESCAPES) .. '"' end

local function as_json(list)
  local out = {}
  for i, p in ipairs(list) do
    out[i] = ('{"kind":%s,"name":%s,"sentence":%s,"source":%s}'):format(quoted(p.kind), quoted(p.name), quoted(p.doc), quoted(p.source))
  end
  return "[" .. table.concat(out, ",\n") .. "]\n"
end

-- What stands above kinds that their name does not tell apart.
local HEADINGS = { behaviour = "behaviour of ICE", trait = "trait of a behaviour", timers = "timer set", timer = "timer of a set" }

-- A line each, names in a column of their own for each kind; the source on the line below.
local function as_lines(list)
  local width = {}
  for _, p in ipairs(list) do width[p.kind] = math.max(width[p.kind] or 0, #p.name) end
  local out, kind = {}, nil
  for _, p in ipairs(list) do
    if p.kind ~= kind then
      if kind then out[#out + 1] = "" end
      kind = p.kind
      out[#out + 1] = HEADINGS[kind] or kind
    end
    local pad = (" "):rep(width[kind] - #p.name)
    out[#out + 1] = ("  %s%s  %s"):format(p.name, pad, p.doc)
    out[#out + 1] = ("  %s  source: %s"):format((" "):rep(width[kind]), p.source)
  end
  return table.concat(out, "\n") .. "\n"
end

-- The text for those that have `word` in them; an error when there is none.
return function(L, word, json)
  local list, names, low = {}, {}, word and word:lower()
  for _, p in ipairs(everything(L)) do
    names[#names + 1] = p.name
    local text = (p.kind .. "\n" .. p.name .. "\n" .. p.doc .. "\n" .. p.source):lower()
    if not low or text:find(low, 1, true) then list[#list + 1] = p end
  end
  if #list == 0 then L.unsupported('profiles: nothing has "%s" in it%s', word, L.nearest(word, names)) end
  return json and as_json(list) or as_lines(list)
end
