/* Out of memory in the lab: loading profiles, planning a file, a whole case recorded by capture and trace. */
#include "lab/profile/profile.h"
#include "lab/lang/bind/script.h"
#include "stack/crypto/ossl.h"
#include "tests/oom/stairs.h"

#include <string.h>

static it_alloc outside;
static it_profiles *profiles;
static it_dtls_shared *shared;

static void once(void)
{
    char err[IT_PROFILE_ERR];
    it_alloc_init(&outside);
    ck_assert_int_eq(it_ossl_init(), 0);
    shared = it_dtls_shared_new(&outside);
    profiles = it_profiles_builtin(&outside, err);
    ck_assert(shared && profiles);
}

static void once_end(void)
{
    it_profiles_free(profiles);
    it_dtls_shared_free(shared);
    it_ossl_fini();
    ck_assert_int_eq(outside.live, 0);
}

/* --- profiles --- */

static const char SMALL[] = "nat { \"a\", udp = { mapping = \"APDM\", alloc = { range = { 1024, 2048 } } } }\n"
                            "nat { \"b\", inherit = \"a\", limits = { ports_per_host = 8 } }\n"
                            "firewall { \"f\", udp = \"block\" }\nchain { \"c\", \"b\", \"a\" }\n";

static int load_small(it_alloc *a)
{
    char err[IT_PROFILE_ERR] = "";
    it_profiles *ps = it_profiles_load(a, SMALL, strlen(SMALL), err);
    int r = 0;
    if (!ps) {
        ck_assert_msg(strstr(err, "out of memory"), "%s", err);
        r = IT_ERR_NOMEM;
    } else {
        ck_assert_uint_eq(it_profiles_count(ps, IT_PROFILE_NAT), 2);
    }
    it_profiles_free(ps);
    return r;
}

static int load_builtin(it_alloc *a)
{
    char err[IT_PROFILE_ERR] = "";
    it_profiles *ps = it_profiles_builtin(a, err);
    if (!ps)
        ck_assert_msg(strstr(err, "out of memory"), "%s", err);
    it_profiles_free(ps);
    return ps ? 0 : IT_ERR_NOMEM;
}

START_TEST(profiles_without_memory_are_refused)
{
    ck_assert_uint_gt(stairs_climb(load_small, _i, 2000, 1), 100);
}
END_TEST

START_TEST(the_builtin_profiles_too)
{
    ck_assert_uint_gt(stairs_climb(load_builtin, _i, 50, 97), 50);
}
END_TEST

/* --- scenarios --- */

static const char CALL[] =
    "local tank = require \"icetank\"\n"
    "return tank.scenario { \"t\", matrix = { near = { \"full-cone\", \"port-cone\" } }, seeds = 2,\n"
    "  run = function(t, c)\n"
    "    local a = t:host { \"alice\", behind = c.near }\n"
    "    local b = t:host { \"bob\", behind = { \"symmetric\", \"port-cone\" } }\n"
    "    local call = t:call { a, b, model = \"B\", media = \"voice\" }\n"
    "    call:await { \"open\", within = \"5s\" }\n"
    "    a.gateway:reboot { down = \"100ms\" }\n"
    "    t:spawn(function() t:sleep \"200ms\" end)\n"
    "    t:metric { \"m\", 7 }\n"
    "    t:check { \"c\", true }\n"
    "    t:log(\"x\")\n"
    "    t:sleep \"500ms\"\n"
    "  end }\n";

static it_script *script(it_alloc *a, it_capture *c, it_trace *t)
{
    return it_script_new(
        &(it_script_cfg){.alloc = a, .profiles = profiles, .shared = shared, .seed = 1, .capture = c, .trace = t});
}

static int plan(it_alloc *a)
{
    char err[512] = "";
    it_plan p;
    it_plan_init(&p, a);
    it_script *s = script(a, NULL, NULL);
    int r = s ? it_script_plan(s, &p, it_bytes_str(CALL), "f.lua", "f", err) : IT_ERR_NOMEM;
    if (r == 0)
        ck_assert_uint_eq(p.n, 4);
    else if (s)
        ck_assert_msg(*err, "no message");
    it_script_free(s);
    it_plan_fini(&p);
    return r;
}

START_TEST(planning_without_memory_says_so)
{
    ck_assert_uint_gt(stairs_climb(plan, _i, 60, 97), 60);
}
END_TEST

static const it_case CASE = {.id = (char *)"f/near=full-cone",
                             .file = (char *)"f.lua",
                             .key = (char *)"",
                             .index = (char *)"1",
                             .title = (char *)"t",
                             .cell = (char *)"{\"near\":\"full-cone\"}",
                             .k = 1};

static void heard(void *self, it_time now, const it_node *host, const char *app, int media, const it_model_event *ev)
{
    (void)app;
    (void)media;
    it_trace_event(self, now, &(it_trace_note){.node = host->name, .kind = it_model_event_name(ev->kind), .text = ""});
}

static void secret(void *self, it_bytes line)
{
    (void)self;
    (void)line;
}

/* One case, recorded. What the script itself could not get is the case's error, not the function's. */
static int run(it_alloc *a)
{
    it_str out;
    it_json j;
    char verdict[16] = "";
    int r = IT_ERR_NOMEM;
    it_str_init(&out, a);
    it_json_init(&j, &out);
    it_json_obj(&j, NULL);
    it_capture *c = it_capture_new(a, "test");
    it_trace *t = it_trace_new(a);
    it_script *s = c && t ? script(a, c, t) : NULL;
    if (s) {
        it_script_listen(s, (it_lab_listener){t, heard, secret});
        r = it_script_run(s, &CASE, it_bytes_str(CALL), &j, verdict);
    }
    it_json_end_obj(&j);
    if (r == 0 && !out.oom)
        ck_assert_msg(*verdict, "no verdict");
    if (r == 0 && strcmp(verdict, "error") == 0) {
        ck_assert_msg(out.oom || strstr(it_str_c(&out), "memory"), "%s", it_str_c(&out));
        r = IT_ERR_NOMEM;
    } else if (r == 0) {
        ck_assert_str_eq(verdict, "pass");
        (void)it_capture_bytes(c);
        if (it_capture_oom(c) || it_trace_oom(t) || out.oom)
            r = IT_ERR_NOMEM;
    }
    it_script_free(s);
    it_capture_free(c);
    it_trace_free(t);
    it_str_fini(&out);
    return r;
}

START_TEST(a_case_without_memory_ends_as_an_error)
{
    ck_assert_uint_gt(stairs_climb(run, _i, 60, 197), 60);
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("oom/lab");
    TCase *t = tcase_create("stairs");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, once, once_end);
    tcase_add_loop_test(t, profiles_without_memory_are_refused, 0, 2);
    tcase_add_loop_test(t, the_builtin_profiles_too, 0, 2);
    tcase_add_loop_test(t, planning_without_memory_says_so, 0, 2);
    tcase_add_loop_test(t, a_case_without_memory_ends_as_an_error, 0, 2);
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
