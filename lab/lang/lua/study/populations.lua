-- Populations: whom `tank.draw { pairs =, from = "NAME" }` draws. Each side of a pair draws a row of `nat`, of `firewall` and of `access`, each
-- independently; a population of others (`of`) draws one of these first. The pair draws a row of `fault`.
--
-- A row is { weight, name, fields, src = { { fact, source, confidence }, ... } }. Weights are relative to the others of their list. The name of a
-- nat or a firewall is that of its profile or chain ("none": no box); access is a link preset, and `spare` a second interface { behind, link }.
-- Confidence as in netsim/profiles.lua: D read in a document or a data set, M* and H from memory, L an archetype: nobody has published this
-- weight, and how much hangs on it is what the table of sensitivity is for.
local ARCHETYPE = { { "weight", "archetype", "L" } }

-- What breaks. The kinds are those of netsim/profiles.lua and of the discussion; no source says how often each comes.
local FAULTS = {
  { 25, "hole-5s", doc = "the path of one side swallows everything for 5 s", src = ARCHETYPE },
  { 10, "hole-60s", doc = "the same for 60 s", src = ARCHETYPE },
  { 20, "reboot", doc = "the box of one side reboots and loses its state", src = ARCHETYPE },
  { 15, "renumber", doc = "the network of one side gets another address", src = ARCHETYPE },
  { 20, "wire", doc = "one side loses its first interface, and sees it", src = { { "the cable that is pulled, with and without wireless", "Alvestrand, RTC-Web list, January 2011", "D" } } },
  { 10, "crash", doc = "the machine of one side stops without a word", src = ARCHETYPE },
}

local OPEN = { { 100, "none", src = { { "a private household filters no protocols", "archetype", "L" } } } }

return {
  {
    "homes-2005", doc = "homes as they were in 2005: 82 % of NATs let UDP hole punching through",
    source = "Ford, Srisuresh and Kegel, USENIX 2005",
    nat = {
      { 310, "port-cone", src = { { "310 of 380 NATs let UDP hole punching through", "Ford et al., USENIX 2005, abstract", "D" } } },
      { 70, "broken-symmetric-home", src = { { "the other 70 of 380", "Ford et al., USENIX 2005, abstract", "D" } } },
    },
    firewall = OPEN,
    access = { { 60, "dsl-bloat", src = ARCHETYPE }, { 25, "fiber", src = ARCHETYPE }, { 15, "wifi-bad", src = ARCHETYPE } },
    fault = FAULTS,
  },
  {
    "homes", doc = "homes of today: most routers are Linux's, some stand behind a carrier's NAT",
    source = "home gateways of IMC'10, carriers of IMC'16, kernel 6.18.44; shares between them are archetypes",
    nat = {
      { 45, "linux-masq", src = { { "27 of 34 gateways prefer to preserve ports", "Hätönen et al., IMC'10", "M*" } } },
      { 15, "linux-masq-reject", src = { { "OpenWrt's wan zone", "OpenWrt firewall4", "D" }, { "weight", "archetype", "L" } } },
      { 12, "fritzbox-like", src = ARCHETYPE },
      { 8, "zyxel-like", src = ARCHETYPE },
      { 10, "nat444-cgn-eif", src = ARCHETYPE },
      { 5, "nat444-cgn-apdf", src = ARCHETYPE },
      { 2, "nat444-cgn-sym", src = { { "11 % of fixed networks with a carrier's NAT map symmetrically", "Richter et al., IMC'16", "M*" } } },
      { 3, "broken-symmetric-home", src = ARCHETYPE },
    },
    firewall = { { 97, "none", src = ARCHETYPE }, { 2, "udp-blocked", src = ARCHETYPE }, { 1, "tcp-443-only", src = ARCHETYPE } },
    access = {
      { 35, "fiber", src = ARCHETYPE }, { 30, "wifi-good", src = ARCHETYPE }, { 15, "dsl-bloat", src = ARCHETYPE }, { 10, "wifi-bad", src = ARCHETYPE },
      { 10, "wifi-and-lte", link = "wifi-good", spare = { behind = "cgn-apdf", link = "lte" }, doc = "a phone at home", src = ARCHETYPE },
    },
    fault = FAULTS,
  },
  {
    "mobile", doc = "phones: nine in ten behind a carrier's NAT, of which four in ten are symmetric",
    source = "Richter et al., IMC'16",
    nat = {
      { 36, "cgn-symmetric-cell", src = { { "symmetric in about 40 % of cellular networks with a carrier's NAT", "Richter et al., IMC'16", "M*" } } },
      { 54, "cgn-apdf", src = { { "more than 90 % of cellular networks have a carrier's NAT", "Richter et al., IMC'16, quoted by sover-docs", "D" } } },
      { 10, "none", src = { { "the rest have public addresses", "Richter et al., IMC'16, quoted by sover-docs", "D" } } },
    },
    firewall = OPEN,
    access = { { 85, "lte", src = ARCHETYPE }, { 15, "starlink", src = ARCHETYPE } },
    fault = FAULTS,
  },
  {
    "office", doc = "companies: stateful boxes, and walls before some that let out the web alone",
    source = "22 % of conferences need a relay (callstats.io 2015-16); shares are archetypes",
    nat = {
      { 40, "cisco-asa", src = ARCHETYPE }, { 25, "fortigate", src = ARCHETYPE }, { 15, "openbsd-pf", src = ARCHETYPE },
      { 20, "symmetric", src = ARCHETYPE },
    },
    firewall = {
      { 70, "none", src = { { "22 % of conferences need a relay", "callstats.io 2015-16, quoted by sover-docs", "D" } } },
      { 12, "udp-blocked", src = ARCHETYPE }, { 8, "udp-443-only", src = ARCHETYPE }, { 7, "tcp-443-only", src = ARCHETYPE },
      { 3, "http-proxy-connect", src = ARCHETYPE },
    },
    access = { { 60, "lan", src = ARCHETYPE }, { 40, "wifi-good", src = ARCHETYPE } },
    fault = FAULTS,
  },
  {
    "strangers", doc = "two who happen to meet: at home, on the way, at work", source = "archetype of shares; the three as they stand above",
    of = { { 60, "homes", src = ARCHETYPE }, { 25, "mobile", src = ARCHETYPE }, { 15, "office", src = ARCHETYPE } },
    fault = FAULTS,
  },
  {
    "punched", doc = "peers that reach the hole-punching stage of DCUtR: behind a NAT that UDP and TCP leave, without a port mapping",
    source = "classes of NATs as counted before 2025 by others; the study of 2025 (arXiv 2510.27500) had no part in it",
    nat = {
      { 640, "port-cone", src = { { "64 % of peers are behind a NAT or firewall that can be punched", "Halkes and Pouwelse, PDS-2010-007", "D" },
        { "82 % of home NATs are", "Ford et al., USENIX 2005", "D" }, { "filtering of most: by address and port", "network namespaces", "M" } } },
      { 180, "addr-cone", src = { { "what 82 % have beyond 64 %: either count is right where the filter is by address", "the two counts", "L" } } },
      { 180, "symmetric", src = { { "18 % of NATs map by destination", "Ford et al., USENIX 2005", "D" } } },
    },
    firewall = { { 100, "none", src = { { "who cannot reach a relay never comes to this stage", "arXiv 2510.27500", "D" } } } },
    access = { { 70, "fiber", src = ARCHETYPE }, { 30, "wifi-good", src = ARCHETYPE } },
    fault = { { 100, "hole-5s", src = ARCHETYPE } },
  },
}
