/* lab/lang/bind/script.c: the limits on what a script may spend, and that one case never sees another. */
#include "lab/lang/bind/impl.h"
#include "netsim/host/host.h"
#include "netsim/tcp/impl.h"
#include "stack/crypto/ossl.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_profiles *profiles;
static it_dtls_shared *shared;

static void once(void)
{
    char err[IT_PROFILE_ERR];
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_ossl_init(), 0);
    shared = it_dtls_shared_new(&alloc);
    profiles = it_profiles_builtin(&alloc, err);
    ck_assert(shared && profiles);
}

static void once_end(void)
{
    it_profiles_free(profiles);
    it_dtls_shared_free(shared);
    it_ossl_fini();
    ck_assert_int_eq(alloc.live, 0);
}

static it_lab_listener listener; /* who is told what apps of the next run do */
static bool refused;             /* whether the last run's allocator said no for the limit */

/* A scenario whose run is |body|; its only case. |*instructions|: of Lua, what it took. Free the result. */
static char *run_counted(const char *body, it_script_cfg cfg, uint64_t *instructions)
{
    static const it_case CASE = {.id = (char *)"f",
                                 .file = (char *)"f.lua",
                                 .key = (char *)"",
                                 .index = (char *)"",
                                 .title = (char *)"t",
                                 .cell = (char *)"{}",
                                 .k = 1};
    char text[2048], verdict[16] = "";
    it_str out;
    it_json j;
    snprintf(text, sizeof text,
             "local tank = require \"icetank\"\nreturn tank.scenario { \"t\", run = function(t)\n%s\nend }\n", body);
    cfg.alloc = &alloc;
    cfg.profiles = profiles;
    cfg.shared = shared;
    it_script *s = it_script_new(&cfg);
    ck_assert_ptr_nonnull(s);
    it_script_listen(s, listener);
    it_str_init(&out, &alloc);
    it_json_init(&j, &out);
    it_json_obj(&j, NULL);
    ck_assert_int_eq(it_script_run(s, &CASE, it_bytes_str(text), &j, verdict), 0);
    it_json_hex64(&j, "fingerprint", it_script_fingerprint(s));
    it_json_end_obj(&j);
    char *copy = strdup(it_str_c(&out));
    *instructions = it_script_instructions(s);
    refused = s->refused;
    it_str_fini(&out);
    it_script_free(s);
    return copy;
}

static char *run(const char *body, it_script_cfg cfg)
{
    uint64_t n;
    return run_counted(body, cfg, &n);
}

static void says(const char *body, it_script_cfg cfg, const char *what)
{
    char *out = run(body, cfg);
    ck_assert_msg(strstr(out, what) != NULL, "%s", out);
    ck_assert_msg(strstr(out, "\"verdict\":\"error\"") != NULL, "%s", out);
    free(out);
}

static const it_script_cfg SMALL = {.seed = 1, .budget = 1000000, .budget_in_all = 10000000};

START_TEST(a_loop_without_a_yield_ends)
{
    says("while true do end", SMALL, "no yield for 1000000 instructions");
}
END_TEST

START_TEST(a_loop_that_yields_while_time_stands_ends)
{
    says("while true do t:sleep \"0s\" end", SMALL,
         "f.lua:3: time does not move: this coroutine was resumed 1001 times at 0s; an endless loop?");
}
END_TEST

START_TEST(a_loop_of_tiny_steps_in_time_ends)
{
    says("while true do t:sleep \"1ns\" end", SMALL, "more than 10000000 instructions in one case");
}
END_TEST

/* Coroutines that each wake once and do next to nothing count as well. */
START_TEST(an_endless_line_of_short_coroutines_ends)
{
    says("local function f() t:sleep \"0s\" t:spawn(f) end f() t:sleep \"1s\"", SMALL,
         "time does not move for 2000000 instructions");
}
END_TEST

START_TEST(a_case_that_lets_time_pass_may_spend_more_than_a_turn)
{
    char *out = run("for i = 1, 20 do for k = 1, 90000 do end t:sleep \"1s\" end t:check { \"c\", true }", SMALL);
    ck_assert_msg(strstr(out, "\"verdict\":\"pass\"") != NULL, "%s", out);
    free(out);
}
END_TEST

START_TEST(virtual_time_is_bounded_by_the_caller_too)
{
    it_script_cfg c = SMALL;
    c.limit = 2 * IT_SEC;
    says("t:sleep \"3s\"", c, "not finished after 2s");
}
END_TEST

/* Loops in C, where no instruction is counted. */
static const char *const IN_C[] = {
    "local x = (\"\"):rep(1 << 62)",
    "table.move({}, 1, math.maxinteger - 1, 2)",
    "table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, 1)",
    "table.remove(setmetatable({}, { __len = function() return 1 << 60 end }), 1)",
    "local x = table.concat(setmetatable({}, { __len = function() return 1 << 60 end, __index = function() return \"\" "
    "end }))",
};

START_TEST(what_loops_in_c_is_refused_before_it_begins)
{
    char *out = run(IN_C[_i], SMALL);
    ck_assert_msg(strstr(out, "\"verdict\":\"error\"") != NULL, "%s", out);
    free(out);
}
END_TEST

static const char CALL[] =
    "local a = t:host { \"alice\", behind = \"linux-masq\" }\nlocal b = t:host { \"bob\", behind = \"port-cone\" }\n"
    "t:call { a, b, model = \"B\", media = \"voice\" }:await { \"open\", within = \"5s\" }\nt:sleep \"1s\"";

START_TEST(a_case_after_a_hundred_others_is_as_alone)
{
    it_script_cfg c = {.seed = 1};
    char *alone = run(CALL, c);
    for (int i = 0; i < 100; i++)
        free(run(i & 1 ? "t:host \"x\" t:sleep \"1s\"" : "t:log(math.random(1, 6))", SMALL));
    char *other = run("t:host \"x\" error \"no\"", SMALL);
    char *later = run(CALL, c);
    ck_assert_str_eq(alone, later);
    ck_assert(strstr(alone, "\"verdict\":\"pass\"") != NULL);
    free(alone);
    free(other);
    free(later);
}
END_TEST

/* A state of its own code and one of shared code are the same. */
START_TEST(bytecode_of_another_state_changes_nothing)
{
    it_script_cfg c = {.seed = 1};
    it_code *code = it_code_new(&alloc);
    char *own = run(CALL, c);
    c.code = code;
    char *shared_code = run(CALL, c);
    ck_assert_str_eq(own, shared_code);
    free(own);
    free(shared_code);
    it_code_free(code);
}
END_TEST

/* --- memory --- */

static void passes(const char *body)
{
    char *out = run(body, (it_script_cfg){.seed = 1});
    ck_assert_msg(strstr(out, "\"verdict\":\"pass\"") != NULL, "%s", out);
    free(out);
}

/* Two sockets: the head of the bodies below. */
#define SOCKETS                                                                                                        \
    "local a, b = t:host \"a\", t:host \"b\"\nlocal near, far = a.udp:open(), b.udp:open { port = 6000 }\n"            \
    "local big = (\"x\"):rep(1000)\n"

/* 80 MB of messages, of which each is taken. */
START_TEST(a_socket_keeps_no_message_that_was_taken)
{
    passes("local a, b = t:host \"a\", t:host \"b\"\n"
           "local near, far = a:carrier { \"instant\", to = b }, b:carrier { \"instant\", to = a }\nlocal n = 0\n"
           "b:spawn(function() for ev in far:events \"message\" do n = n + 1 end end)\n"
           "for i = 1, 1000 do near:send(i .. (\"x\"):rep(80000)) t:sleep \"1ms\" end\nt:sleep \"1s\"\n"
           "t:check { \"all\", n, equals = 1000 }");
}
END_TEST

START_TEST(memory_kept_over_time_ends_a_case_that_says_nothing_of_the_moment)
{
    char *out = run(SOCKETS "local keep = {}\nfor i = 1, 1 << 40 do near:send(b:addr(6000), \"m\" .. i)\n"
                            "local ev = far:await { \"message\", within = \"1s\" }\n"
                            "for k = 1, 50 do keep[#keep + 1] = big .. i .. k end end",
                    (it_script_cfg){.seed = 1});
    ck_assert_msg(strstr(out, "\"error\":\"f.lua: the script needs more than 64 MB of memory\"") != NULL, "%s", out);
    ck_assert_msg(strstr(out, "\"checks\":[]") && strstr(out, "\"events\":[]"), "%s", out);
    ck_assert(!refused); /* while Lua makes an object */
    free(out);
}
END_TEST

static const struct {
    const char *body;
    bool refused;
} LARGE[] = {
    {"local s = big\nwhile true do s = s .. s end", true},
    {"local s\ns = big:rep(1 << 20)", true},
    {"local l = {} for i = 1, 40 do l[i] = big:rep(1000) end\nlocal s = table.concat(l, big:rep(1 << 15))", false},
    {"local s\ns = big:rep(100000) t:sleep \"1s\" t:log(#s)", false},
    {"local l = {}\nfor i = 1, 1 << 40 do l[i] = i end", false},
};

START_TEST(what_is_large_in_one_piece_ends_a_case_at_its_line)
{
    char body[512];
    snprintf(body, sizeof body, "local big = (\"x\"):rep(1000) %s", LARGE[_i].body);
    says(body, (it_script_cfg){.seed = 1}, "f.lua:4: the script needs more than 64 MB of memory");
    ck_assert(refused == LARGE[_i].refused);
}
END_TEST

START_TEST(garbage_does_not_count_for_the_limit)
{
    passes("local big = (\"x\"):rep(1000)\nfor i = 1, 300 do local s = big:rep(1000) .. i end\n"
           "for i = 1, 5 do local s = big:rep(50000) end t:check { \"done\", true }");
    ck_assert(!refused);
}
END_TEST

START_TEST(memory_taken_at_once_ends_a_case_at_its_line)
{
    says("local keep = {}\nwhile true do keep[#keep + 1] = (\"x\"):rep(1000) .. #keep end", (it_script_cfg){.seed = 1},
         "f.lua:4: the script needs more than 64 MB of memory");
}
END_TEST

/* --- who sees which event --- */

#define SEND "local function send(x) near:send(b:addr(6000), x) end\n"

static const char *const SEEN[] = {
    /* every coroutine sees every message once, the second also those that came before it began to read */
    SOCKETS SEND
    "local one, two = \"\", \"\"\nt:spawn(function() for ev in far:events \"message\" do one = one .. ev.data end "
    "end)\nt:spawn(function() t:sleep \"2s\" for ev in far:events \"message\" do two = two .. ev.data end end)\n"
    "send \"1\" t:sleep \"1s\" send \"2\" t:sleep \"3s\" send \"3\" t:sleep \"1s\"\n"
    "t:check { \"one\", one, equals = \"123\" } t:check { \"two\", two, equals = \"123\" }",
    /* one that has asked for a name holds its events until it has passed them, however many there are */
    SOCKETS SEND
    "local n = 0\nt:spawn(function() for ev in far:events \"message\" do end end)\n"
    "t:spawn(function() far:next { \"message\", within = \"1ms\" } t:sleep \"10s\"\n"
    "while far:next { \"message\", within = \"1s\" } do n = n + 1 end end)\n"
    "for i = 1, 500 do t:sleep \"2ms\" send(tostring(i)) end\nt:sleep \"20s\"\nt:check { \"n\", n, equals = 500 }",
    /* next skips what does not fit, for good */
    SOCKETS SEND "send \"1\" send \"2\" send \"3\"\n"
                 "t:check { \"2\", far:next { \"message\", data = \"2\", within = \"1s\" } ~= nil }\n"
                 "t:check { \"1\", far:next { \"message\", data = \"1\", within = \"1s\" } == nil }\n"
                 "t:check { \"3\", far:next { \"message\", within = \"1s\" }.data, equals = \"3\" }",
    /* an expectation counts from its line on, and takes nothing from next */
    SOCKETS SEND "send \"1\" t:sleep \"1s\"\nfar:expect { \"message\", times = 2, within = \"2s\" }\nfar:forbid { "
                 "\"message\", data = "
                 "\"1\", during = \"2s\" }\nsend \"2\" send \"3\" t:sleep \"3s\"\n"
                 "t:check { \"1\", far:next { \"message\", within = \"1s\" }.data, equals = \"1\" }",
    /* the earliest of several sources */
    SOCKETS SEND "local third = b.udp:open { port = 6001 }\nnear:send(b:addr(6001), \"1\") t:sleep \"1s\" send \"2\" "
                 "t:sleep \"1s\"\n"
                 "t:check { \"1\", t:next { far, third, \"message\" }.data, equals = \"1\" }\n"
                 "t:check { \"2\", t:next { far, third, \"message\" }.data, equals = \"2\" }",
};

START_TEST(events_are_seen_once_by_each_coroutine)
{
    passes(SEEN[_i]);
}
END_TEST

START_TEST(a_loop_of_two_coroutines_at_one_instant_names_its_line)
{
    says("t:spawn(function() while true do t:sleep \"0s\" end end)\nwhile true do t:sleep \"0s\" end",
         (it_script_cfg){.seed = 1}, "f.lua:4: time does not move: this coroutine was resumed 1001 times at 0s");
}
END_TEST

/* 4,000 messages under one forbid: about 1,000 instructions of Lua each. */
START_TEST(a_message_costs_the_same_however_many_there_were)
{
    it_script_cfg c = {.seed = 1, .budget_in_all = 8000000};
    char *out =
        run(SOCKETS SEND "far:forbid { \"message\", data = \"no\", during = \"60s\" }\n"
                         "local n = 0\nt:spawn(function() for _ in far:events \"message\" do n = n + 1 end end)\n"
                         "for i = 1, 4000 do send(tostring(i)) t:sleep \"10ms\" end\nt:sleep \"1s\"\n"
                         "t:check { \"n\", n, equals = 4000 }",
            c);
    ck_assert_msg(strstr(out, "\"verdict\":\"pass\"") != NULL, "%s", out);
    free(out);
}
END_TEST

/* A driver that forgets to push: bytes are queued on the socket that opened, and nobody tells TCP. */
static void forget_a_push(void *self, it_time now, const it_node *node, const char *app, int media,
                          const it_model_event *ev)
{
    static uint8_t bytes[1000];
    it_tcp_info info;
    int *forgotten = self;
    (void)now;
    (void)app;
    (void)media;
    if (ev->kind != IT_EV_OPEN || *forgotten)
        return;
    it_host *h = it_host_of((it_node *)(uintptr_t)node);
    for (uint32_t i = 0; i < h->tcp->n_conns; i++) {
        int socket = h->tcp->conns[i] ? h->tcp->conns[i]->socket : -1;
        if (it_host_tcp_info(h, socket, &info) && info.state == IT_TCP_ESTABLISHED)
            *forgotten += it_host_tcp_append(h, socket, it_bytes_of(bytes, sizeof bytes));
    }
}

/* The standing rule "stream-freeze" ends a case in which a stream stands still, and no other. */
START_TEST(a_stream_that_stands_still_fails_its_case)
{
    static const char BODY[] = "local a, b = t:host \"a\", t:host \"b\"\nb.tcp:listen { 443 }\n"
                               "a.tcp:connect { b:addr(443) }:await { \"open\", within = \"5s\" }\n"
                               "t:sleep \"%dms\"";
    static const struct {
        int ms;
        const char *verdict;
    } FOR[] = {{900, "pass"}, {1100, "fail"}, {7000, "fail"}};
    char body[512];
    int forgotten = 0;
    snprintf(body, sizeof body, BODY, FOR[_i].ms);
    listener = (it_lab_listener){.self = &forgotten, .event = forget_a_push};
    char *out = run(body, (it_script_cfg){.seed = 1});
    listener = (it_lab_listener){0};
    ck_assert_int_eq(forgotten, 1000);
    char want[64];
    snprintf(want, sizeof want, "\"verdict\":\"%s\"", FOR[_i].verdict);
    ck_assert_msg(strstr(out, want) != NULL, "%s", out);
    ck_assert_msg(strstr(out, "\"stream-freeze\"") != NULL, "%s", out);
    if (_i == 2)
        ck_assert_msg(strstr(out, "a/tcp1: 7s") != NULL, "%s", out);
    free(out);
}
END_TEST

/* What |n| calls in one world take of Lua: a scenario's own coroutines, expectations, and all that calls need. */
static uint64_t cost_of_calls(const char *model, int n)
{
    char body[1024];
    uint64_t cost;
    snprintf(
        body, sizeof body,
        "local calls = {}\nfor i = 1, %d do\n"
        "local a, b = t:host { \"a\" .. i, behind = \"linux-masq\" }, t:host { \"b\" .. i, behind = \"full-cone\" }\n"
        "calls[i] = t:call { a, b, model = \"%s\", media = \"voice\" }\n"
        "t:spawn(function() while true do t:sleep \"500ms\" end end)\nend\n"
        "for _, c in ipairs(calls) do c:await { \"open\", within = \"10s\" } "
        "c:forbid { \"death\", during = \"5s\" } end\nt:sleep \"5s\"",
        n, model);
    char *out = run_counted(body, (it_script_cfg){.seed = 1}, &cost);
    ck_assert_msg(strstr(out, "\"verdict\":\"pass\"") != NULL, "%d of %s: %s", n, model, out);
    free(out);
    return cost;
}

/* Every doubling of the calls doubles what Lua does, and little more: heaps. */
START_TEST(eighty_calls_in_a_world_cost_nine_times_ten_at_most)
{
    static const char *const MODEL[] = {"B", "E"};
    uint64_t ten = cost_of_calls(MODEL[_i], 10), before = ten;
    for (int n = 20; n <= 80; n *= 2) {
        uint64_t cost = cost_of_calls(MODEL[_i], n);
        ck_assert_msg(cost * 10 <= before * 21, "%d calls: %" PRIu64 ", half as many: %" PRIu64, n, cost, before);
        before = cost;
    }
    ck_assert_msg(before <= 9 * ten, "80 calls: %" PRIu64 ", 10: %" PRIu64, before, ten);
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("lab/script");
    TCase *t = tcase_create("limits");
    tcase_set_timeout(t, 30);
    tcase_add_unchecked_fixture(t, once, once_end);
    tcase_add_test(t, a_loop_without_a_yield_ends);
    tcase_add_test(t, a_loop_that_yields_while_time_stands_ends);
    tcase_add_test(t, a_loop_of_tiny_steps_in_time_ends);
    tcase_add_test(t, an_endless_line_of_short_coroutines_ends);
    tcase_add_test(t, a_case_that_lets_time_pass_may_spend_more_than_a_turn);
    tcase_add_test(t, virtual_time_is_bounded_by_the_caller_too);
    tcase_add_loop_test(t, what_loops_in_c_is_refused_before_it_begins, 0, (int)(sizeof IN_C / sizeof *IN_C));
    suite_add_tcase(s, t);
    t = tcase_create("architecture section 4");
    tcase_set_timeout(t, 30);
    tcase_add_unchecked_fixture(t, once, once_end);
    tcase_add_test(t, a_case_after_a_hundred_others_is_as_alone);
    tcase_add_test(t, bytecode_of_another_state_changes_nothing);
    suite_add_tcase(s, t);
    t = tcase_create("memory and events");
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, once, once_end);
    tcase_add_test(t, a_socket_keeps_no_message_that_was_taken);
    tcase_add_test(t, memory_kept_over_time_ends_a_case_that_says_nothing_of_the_moment);
    tcase_add_test(t, memory_taken_at_once_ends_a_case_at_its_line);
    tcase_add_loop_test(t, what_is_large_in_one_piece_ends_a_case_at_its_line, 0, sizeof LARGE / sizeof *LARGE);
    tcase_add_test(t, garbage_does_not_count_for_the_limit);
    tcase_add_loop_test(t, events_are_seen_once_by_each_coroutine, 0, (int)(sizeof SEEN / sizeof *SEEN));
    tcase_add_test(t, a_loop_of_two_coroutines_at_one_instant_names_its_line);
    tcase_add_test(t, a_message_costs_the_same_however_many_there_were);
    tcase_add_loop_test(t, a_stream_that_stands_still_fails_its_case, 0, 3);
    tcase_add_loop_test(t, eighty_calls_in_a_world_cost_nine_times_ten_at_most, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
