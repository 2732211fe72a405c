/* A wrong key, a wrong type and a value outside its set in every field of every call, made from the schema itself: each
 * is an error that names the field. */
#include "lab/lang/bind/script.h"
#include "stack/crypto/ossl.h"
#include "stack/signal/client.h"
#include "stack/stun/msg.h"
#include "stack/wsrelay/client.h"

#include <check.h>
#include <lua5.4/lauxlib.h>
#include <lua5.4/lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_profiles *profiles;
static it_dtls_shared *shared;
static it_code *code;

/* Called with the schema: a list of { body of run, what the error says ... }. How each call is written: its text, with
 * the field in the place of "%s", and what it needs besides. */
static const char MAKE[] =
    "local schema = ...\n"
    "local BOX = 'local a, b = t:host { \"a\", behind = \"linux-masq\" }, t:host \"b\"\\nlocal s = a.udp:open()\\n'\n"
    "local E = BOX .. 'local e = a.E:open(\"abcd\", (\"p\"):rep(22))\\n'\n"
    "local M = BOX .. 'local m = t:attacker { \"m\" }\\n'\n"
    "local NTH = { nth = '1' }\n"
    "local CALLS = {\n"
    "  internet = { 't:internet { %s }', {}, '' }, host = { 't:host { \"x\", %s }', {} },\n"
    "  HostTcp = { 't:host { \"x\", tcp = { %s } }', {} },\n"
    "  IfaceSpec = { 't:host { \"x\", { \"w\", %s }, { \"y\" } }', {} },\n"
    "  LinkDir = { 't:host { \"x\", link = { \"lan\", up = { %s } } }', {} },\n"
    "  LinkSpec = { 't:host { \"x\", link = { \"lan\", %s } }', {} }, nat = { 't:nat { \"n\", \"linux-masq\", %s }', "
    "{} },\n"
    "  firewall = { 't:firewall { \"f\", \"stateful\", %s }', {} }, router = { 't:router { \"r\", %s }', {} },\n"
    "  call = { 't:call { a, b, %s }', { model = '\"B\"' } }, check = { 't:check { \"c\", 1, %s }', {} },\n"
    "  metric = { 't:metric { \"m\", 1, %s }', {} }, expect = { 's:expect { \"message\", %s }', { within = '\"1s\"' } "
    "},\n"
    "  await = { 's:await { \"message\", %s }', { within = '\"1s\"' } }, next = { 's:next { \"message\", %s }', {} },\n"
    "  forbid = { 's:forbid { \"message\", %s }', { during = '\"1s\"' } },\n"
    "  carrier = { 'a:carrier { \"mail\", %s }', { to = 'b' } }, map_port = { 'a:map_port { 5000, %s }', {} },\n"
    "  attacker = { 't:attacker { \"x\", %s }', {} }, shot = { 'm:send { \"alert\", %s }', { to = '\"192.0.2.9:5\"' }, "
    "M },\n"
    "  attack = { 'm:attack { \"alert\", %s }', { on = '\"192.0.2.9:5\"' }, M }, suspend = { 'a:suspend { %s }', {} "
    "},\n"
    "  ge = { 't:host { \"x\", link = { ge = { %s } } }', { p = '\"1%\"', r = '\"1%\"' } },\n"
    "  stop = { 'a:stop { %s }', {} }, reboot = { 'a.gateway:reboot { %s }', {} }, cut = { 'a.link:cut { %s }', {} },\n"
    "  blackhole = { 'a.link:blackhole { %s }', {} }, drop = { 'a.link:drop { %s }', NTH },\n"
    "  duplicate = { 'a.link:duplicate { %s }', NTH }, corrupt = { 'a.link:corrupt { %s }', NTH },\n"
    "  truncate = { 'a.link:truncate { %s }', NTH }, delay = { 'a.link:delay { %s }', { nth = '1', by = '\"1ms\"' } "
    "},\n"
    "  step = { 't:host { \"x\", link = { trace = { { %s } } } }', { at = '\"1s\"' } },\n"
    "  flap = { 't:host { \"x\", link = { flap = { %s } } }', { down = '\"1s\"', up = '\"1s\"', n = '2' } },\n"
    "  handover = { 'a:handover { %s }', { from = '\"eth\"', to = '\"eth\"' } }, B = { 'a.B:new { %s }', {} },\n"
    "  A = { 'a.A:dial { \"icet://signal/x\", %s }', {} },\n"
    "  E = { 'a.E:open(\"abcd\", (\"p\"):rep(22), { %s })', {} },\n"
    "  test = { 'e:test(\"192.0.2.9:5\", \"abcd\", \"p\", { %s })', {}, E },\n"
    "  probe = { 'e:probe_stun(\"192.0.2.9:5\", { %s })', {}, E }, rawsend = { 'e:send(\"192.0.2.9:5\", \"x\", { %s "
    "})', {}, E },\n"
    "  media = { 'e:open_media(\"192.0.2.9:5\", { %s })', { fingerprint = '(\"a\"):rep(64)' }, E },\n"
    "  move = { 't:call { a, b, model = \"E\" }[a]:move(\"192.0.2.9:5\", { %s })', {} },\n"
    "  udp = { 'a.udp:open { %s }', {} }, connect = { 'a.tcp:connect { \"192.0.2.9:5\", %s }', {} },\n"
    "  wsserver = { 't:internet { ws = { %s } }', {}, '' }, stunserver = { 't:internet { stun = { %s } }', {}, '' },\n"
    "  turnserver = { 't:internet { turn = { %s } }', {}, '' }, HostTcp = { 't:host { \"x\", tcp = { %s } }', {} },\n"
    "  rtmfp = { 'b:serve_rtmfp() a.rtmfp:open { %s }', { server = 'b' } }, serve_rtmfp = { 'b:serve_rtmfp { %s }', "
    "{} },\n"
    "  netconnection = { 'b:serve_rtmfp { web = true } a.netconnection:open { %s }', { server = 'b' } },\n"
    "  rtmfp_web = { 'b:serve_rtmfp { web = { %s } }', {} },\n"
    "  C = { 'b:serve_rtmfp() a.C:open { %s }', { server = 'b' } },\n"
    "  stream_from = { 'b:serve_rtmfp() local n = a.netconnection:open { server = b } n:stream { %s }', {} },\n"
    "  stream_send = { 'b:serve_rtmfp() local n = a.netconnection:open { server = b } n:stream({ via = \"direct\" "
    "}):send(\"x\", { %s })', {} },\n"
    "  relay_serve = { 'b.relay:serve { %s }', {} }, relay_join = { 'a.relay:join { b, %s }', { room = "
    "'\"0123456789abcdef\"' } },\n"
    "  d_relay = { 't:internet { servers = { \"ws\" } } ' .. BOX .. 'a.D:relay { \"ws://ws/0123456789abcdef\", %s }', "
    "{}, "
    "'' },\n"
    "  serve = { 'a:serve { \"echo4571\", %s }', { port = '7' } },\n"
    "  datagram = { 's:send(\"192.0.2.9:5\", \"x\", { %s })', {} },\n"
    "  listen = { 'a.tcp:listen { 443, %s }', {} }, reach = { 'a:reach { b, 80, %s }', { proto = '\"tcp\"' } },\n"
    "  scenario = { 'tank.scenario { \"x\", %s }', { run = 'function() end' }, '' },\n"
    "  hypothesis = { 'tank.hypothesis { \"x\", %s }', { run = 'function() end', claim = '\"c\"', predict = '{ { "
    "\"m\", equals = 0 } }' }, '' },\n"
    "  predict = { 'tank.hypothesis { \"x\", run = function() end, claim = \"c\", predict = { { \"m\", %s } } }', {}, "
    "'' },\n"
    "  draw = { 'tank.draw { %s }', { pairs = '1', from = '{ { 1 } }' }, '' },\n"
    "}\n"
    "local out = {}\n"
    "local function body(verb, key, value)\n"
    "  local c = CALLS[verb]\n"
    "  local words = { key .. ' = ' .. value }\n"
    "  for k, v in pairs(c[2]) do if k ~= key then words[#words + 1] = k .. ' = ' .. v end end\n"
    "  return (c[3] or BOX) .. c[1]:gsub('%%s', (table.concat(words, ', '):gsub('%%', '%%%%')))\n"
    "end\n"
    "for verb, fields in pairs(schema.tables) do\n"
    "  assert(CALLS[verb], verb .. ': how is it called?')\n"
    "  for key, f in pairs(fields) do\n"
    "    if type(key) == 'string' and key ~= 'rest' and key ~= 'open' and f ~= true then\n"
    "      local wrong = #key > 2 and key:sub(1, -3) .. key:sub(-1) .. key:sub(-2, -2) or key .. 'x'\n"
    "      if wrong == key then wrong = key .. 'x' end\n"
    "      if fields[wrong] then wrong = key .. 'zzzzz' end\n"
    "      out[#out + 1] = { body(verb, wrong, '1'), 'no field \\\\\"' .. wrong .. '\\\\\"', verb .. '.' .. key }\n"
    "      if f[1] ~= 'any' and f[1] ~= 'function' then\n"
    "        out[#out + 1] = { body(verb, key, 'function() end'), key, verb .. '.' .. key .. ': a function' }\n"
    "      end\n"
    "      if schema.enums[f[1]] or f[1] == 'label' then\n"
    "        out[#out + 1] = { body(verb, key, '\"zzz\"'), 'zzz', verb .. '.' .. key .. ': zzz' }\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "for name, fields in pairs(schema.events) do\n"
    "  for key, ty in pairs(fields) do\n"
    "    if (schema.enums[ty] or ty == 'closed_by') and name ~= 'status' then\n"
    "      out[#out + 1] = { BOX .. 't:call { a, b, model = \"B\" }:forbid { \"' .. name .. '\", ' .. key .. ' = "
    "\"zzz\", during = \"1s\" }',\n"
    "        'forbid.' .. key, name .. '.' .. key }\n"
    "    end\n"
    "  end\n"
    "end\n"
    "local FAR = 'b.relay:serve() b:serve_rtmfp() local s = '\n"
    "local MAKE = { Carrier = 'a:carrier { \"websocket\", to = b }', Call = 't:call { a, b, model = \"E\" }', Conn = "
    "'a.B:new {}',\n"
    "  RelayClient = 'a.relay:join { b, room = \"0123456789abcdef\" }', App = 'b:serve { \"turn\", port = 3478 }',\n"
    "  NetConnection = 'a.netconnection:open { server = b }', NetStream = 'a.netconnection:open { server = b }"
    ":stream { via = \"direct\" }',\n"
    "  Rtmfp = 'a.rtmfp:open { server = b }', DialA = 'a.A:dial { \"icet://signal/b\" }', ListenA = 'a.A:listen { "
    "\"icet://signal/a\" }' }\n"
    "for class, events in pairs(schema.told_as) do\n"
    "  for name, fields in pairs(events) do\n"
    "    for key in pairs(fields) do\n"
    "      out[#out + 1] = { BOX .. FAR .. MAKE[class] .. ' s:forbid { \"' .. name .. '\", ' .. key .. ' = \"zzz\", "
    "during = \"1s\" }',\n"
    "        'forbid.' .. key, class .. '.' .. name .. '.' .. key }\n"
    "    end\n"
    "  end\n"
    "end\n"
    "for _, call in ipairs { 'a.gateway:flush', 'a.gateway:renumber', 'a.link:restore', 'a.iface.eth:down', "
    "'a.iface.eth:up', 'a:start' } do\n"
    "  out[#out + 1] = { BOX .. call .. ' { afterr = \"2s\" }', 'no field \\\\\"afterr\\\\\"', call }\n"
    "  out[#out + 1] = { BOX .. call .. ' \"now\"', 'takes nothing, not \\\\\"now\\\\\"', call }\n"
    "end\n"
    "return out\n";

static char *run(const char *body)
{
    static const it_case CASE = {.id = (char *)"f",
                                 .file = (char *)"f.lua",
                                 .key = (char *)"",
                                 .index = (char *)"",
                                 .title = (char *)"t",
                                 .cell = (char *)"{}",
                                 .k = 1};
    char verdict[16] = "";
    it_str text, out;
    it_json j;
    it_str_init(&text, &alloc);
    it_str_init(&out, &alloc);
    it_str_printf(&text,
                  "local tank = require \"icetank\"\nreturn tank.scenario { \"t\", run = function(t)\n"
                  "t:check { \"c\", true }\n%s\nend }\n",
                  body);
    it_twin *twin = it_twin_new(&alloc); /* an attacker needs one */
    it_script *s = it_script_new(&(it_script_cfg){
        .alloc = &alloc, .profiles = profiles, .shared = shared, .code = code, .seed = 1, .twin = twin});
    ck_assert_ptr_nonnull(s);
    it_json_init(&j, &out);
    it_json_obj(&j, NULL);
    ck_assert_int_eq(it_script_run(s, &CASE, it_bytes_of(text.p, text.n), &j, verdict), 0);
    it_json_end_obj(&j);
    char *copy = strdup(it_str_c(&out));
    it_script_free(s);
    it_twin_free(twin);
    it_str_fini(&text);
    it_str_fini(&out);
    return copy;
}

static const char *field(lua_State *L, int i)
{
    lua_geti(L, -1, i);
    const char *v = lua_tostring(L, -1);
    lua_pop(L, 1);
    return v;
}

/* The list that MAKE makes, on the stack of a state of its own. */
static lua_State *cases(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    ck_assert_int_eq(luaL_loadstring(L, MAKE), LUA_OK);
    for (int i = 0, at = 0; i < IT_CODE_PARTS; i++)
        for (int k = 0; k < 2 && at < 2; k++) {
            static const char *const PARTS[] = {"schema", "vocab"};
            if (strcmp(it_code_part_name(i), PARTS[k]) != 0)
                continue;
            it_bytes b = it_code_part(code, i);
            ck_assert_int_eq(luaL_loadbufferx(L, (const char *)b.p, b.n, PARTS[k], "b"), LUA_OK);
            at++;
        }
    lua_insert(L, -2); /* the schema, then vocab, which stands before it */
    lua_call(L, 0, 1);
    lua_call(L, 1, 1);
    ck_assert_msg(lua_pcall(L, 1, 1, 0) == LUA_OK, "%s", lua_tostring(L, -1));
    return L;
}

START_TEST(a_wrong_key_type_or_value_in_every_call_is_an_error_that_names_it)
{
    lua_State *L = cases();
    int n = (int)luaL_len(L, -1), bad = 0;
    ck_assert_int_gt(n, 300);
    for (int i = 1; i <= n; i++) {
        lua_geti(L, -1, i);
        char *out = run(field(L, 1));
        const char *error = strstr(out, "\"error\":\"");
        if (!error || !strstr(error, field(L, 2)) || !strstr(error, "f.lua:")) {
            fprintf(stderr, "%s: not \"%s\": %.300s\n%s\n", field(L, 3), field(L, 2), error ? error : out, field(L, 1));
            bad++;
        }
        free(out);
        lua_pop(L, 1);
    }
    lua_close(L);
    ck_assert_int_eq(bad, 0);
}
END_TEST

/* The names of set |set| of vocab, on the stack. */
static void set_names(lua_State *L, const char *set)
{
    for (int i = 0; i < IT_CODE_PARTS; i++)
        if (strcmp(it_code_part_name(i), "vocab") == 0) {
            it_bytes b = it_code_part(code, i);
            ck_assert_int_eq(luaL_loadbufferx(L, (const char *)b.p, b.n, "vocab", "b"), LUA_OK);
        }
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "names");
    lua_pushstring(L, set);
    lua_call(L, 1, 1);
}

static void has_name(lua_State *L, int i, const char *name)
{
    lua_geti(L, -1, i);
    ck_assert_str_eq(lua_tostring(L, -1), name);
    lua_pop(L, 1);
}

START_TEST(the_words_of_the_language_are_those_of_the_program)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    set_names(L, "reason");
    for (int i = IT_REASON_NONE + 1; i <= (int)luaL_len(L, -1); i++)
        has_name(L, i, it_reason_name((enum it_reason)i));
    ck_assert_int_eq(luaL_len(L, -1), IT_REASON_SECURITY);
    set_names(L, "path");
    for (int i = IT_PATH_NONE + 1; i <= (int)luaL_len(L, -1); i++)
        has_name(L, i, it_path_name((enum it_path)i));
    set_names(L, "candidate");
    for (int i = 0; i < (int)luaL_len(L, -1); i++)
        has_name(L, i + 1, it_ice_kind_name((enum it_ice_kind)i));
    set_names(L, "timers");
    for (int i = 0; i < (int)luaL_len(L, -1); i++)
        has_name(L, i + 1, it_timers_name(i));
    ck_assert_ptr_null(it_timers_name((int)luaL_len(L, -1)));
    set_names(L, "carrier.why");
    ck_assert_int_eq(luaL_len(L, -1), IT_SIGNAL_TAKEN_OVER + 1);
    for (int i = 0; i <= IT_SIGNAL_TAKEN_OVER; i++)
        has_name(L, i + 1, it_signal_why_word((enum it_signal_why)i));
    set_names(L, "turn.why");
    has_name(L, 1, "ended");
    for (int no = 300, i = 2; no < 700; no++)
        if (strcmp(it_stun_reason(no), it_stun_reason(699)) != 0 && no != 487) /* which is ICE's */
            has_name(L, i++, it_stun_reason(no));
    set_names(L, "relay_down");
    for (int k = IT_WSRELAY_PEER, i = 1; k <= IT_WSRELAY_CLOSED; k++)
        if (k != IT_WSRELAY_PROXY && k != IT_WSRELAY_TLS && k != IT_WSRELAY_HTTP && k != IT_WSRELAY_CLOSED)
            has_name(L, i++, it_wsrelay_why_name((enum it_wsrelay_why)k));
    lua_close(L);
}
END_TEST

int main(void)
{
    char err[IT_PROFILE_ERR];
    it_alloc_init(&alloc);
    if (it_ossl_init() < 0 || !(shared = it_dtls_shared_new(&alloc)) ||
        !(profiles = it_profiles_builtin(&alloc, err)) || !(code = it_code_new(&alloc)))
        return EXIT_FAILURE;
    Suite *s = suite_create("lab/keys");
    TCase *t = tcase_create("schema");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, the_words_of_the_language_are_those_of_the_program);
    tcase_add_test(t, a_wrong_key_type_or_value_in_every_call_is_an_error_that_names_it);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    it_code_free(code);
    it_profiles_free(profiles);
    it_dtls_shared_free(shared);
    it_ossl_fini();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
