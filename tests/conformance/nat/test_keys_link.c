/* Every key of a link profile, one after the other: changed alone, it changes what two edges see of the same traffic:
 * what arrives, when and how, what is dropped and why, and the MTU they believe in. The walk goes over the key table
 * itself, so a key without a row here, or without an effect, fails. What lab/lang/lua/links.lua does with a profile at
 * times of its own is shown by scenarios, and named here. */
#include "lab/profile/impl.h"
#include "tests/conformance/nat/keys.h"
#include "tests/netsim/edges.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct row {
    const char *key, *base, *changed; /* fields: what makes the key matter; the same with another value of it alone */
} row;

/* Of a direction: also under up and down. */
static const row DIR_ROWS[] = {
    {"delay", "", "delay = '20ms'"},
    {"jitter", "delay = '20ms'", "delay = '20ms', jitter = '5ms'"},
    {"rate", "", "rate = '1Mbps'"},
    {"queue", "rate = '1Mbps'", "rate = '1Mbps', queue = '4KiB'"},
    {"mtu", "", "mtu = '600B'"},
    {"loss", "", "loss = '10%'"},
    {"burst", "loss = '10%'", "loss = '10%', burst = 5"},
    {"reorder", "delay = '20ms', jitter = '10ms'", "delay = '20ms', jitter = '10ms', reorder = '30%'"},
    {"duplicate", "", "duplicate = '10%'"},
    {"corrupt", "", "corrupt = '10%'"},
    {"truncate", "", "truncate = '10%'"},
    {"silent", "mtu = '600B'", "mtu = '600B', silent = true"},
    {"bucket", "rate = '1Mbps'", "rate = '1Mbps', bucket = '20KiB'"},
    {"aqm", "rate = '1Mbps', queue = '256KiB'", "rate = '1Mbps', queue = '256KiB', aqm = 'codel'"},
    {"target", "rate = '1Mbps', queue = '256KiB', aqm = 'codel'",
     "rate = '1Mbps', queue = '256KiB', aqm = 'codel', target = '100ms'"},
    {"interval", "rate = '1Mbps', queue = '256KiB', aqm = 'codel'",
     "rate = '1Mbps', queue = '256KiB', aqm = 'codel', interval = '20ms'"},
};
#define N_DIR ((int)(sizeof DIR_ROWS / sizeof *DIR_ROWS))

#define GE(x) "ge = { " x " }"
static const row ROWS[] = {
    {"ge.p", GE("p = '2%', r = '20%', k = '100%', h = '50%'"), GE("p = '8%', r = '20%', k = '100%', h = '50%'")},
    {"ge.r", GE("p = '2%', r = '20%', k = '100%', h = '50%'"), GE("p = '2%', r = '5%', k = '100%', h = '50%'")},
    {"ge.k", GE("p = '2%', r = '20%', k = '100%', h = '50%'"), GE("p = '2%', r = '20%', k = '90%', h = '50%'")},
    {"ge.h", GE("p = '2%', r = '20%', k = '100%', h = '50%'"), GE("p = '2%', r = '20%', k = '100%', h = '0%'")},
    {"period", "period = '2s', gap = '500ms'", "period = '3s', gap = '500ms'"},
    {"gap", "period = '2s', gap = '500ms'", "period = '2s', gap = '900ms'"},
    {"period_loss", "period = '2s', gap = '500ms'", "period = '2s', gap = '500ms', period_loss = '50%'"},
    {"drop", "", "drop = 'all'"},
    {"oneway", "drop = 'all'", "drop = 'all', oneway = true"},
};
#define N_ROWS ((int)(sizeof ROWS / sizeof *ROWS))

/* Done by lab/lang/lua/links.lua; shown by scenarios/impair/path.lua. */
static const char *const ELSEWHERE[] = {"flap.down", "flap.up", "flap.n", "events", "detect", NULL};

static it_link_profile profile(const char *lua)
{
    char err[IT_PROFILE_ERR] = "";
    it_link_profile p;
    memset(&p, 0, sizeof p);
    lua_State *L = luaL_newstate();
    ck_assert_ptr_nonnull(L);
    lua_pushfstring(L, "return { %s }", lua);
    ck_assert_msg(luaL_dostring(L, lua_tostring(L, -1)) == LUA_OK, "%s", lua);
    ck_assert_msg(it_link_profile_set(&p, L, lua_gettop(L), "set", err) == 0, "%s: %s", lua, err);
    lua_close(L);
    return p;
}

static uint64_t Seen;

static void mix(uint64_t v)
{
    Seen = it_hash_mix(Seen, v);
}

static void take(rig *r, it_time until)
{
    int err;
    while ((err = it_world_run(r->w, until)) == 1) {
        it_node *e = it_world_ready(r->w);
        it_pkt *p = it_edge_take(e);
        if (!p)
            continue;
        mix((uint64_t)it_world_now(r->w));
        mix((uint64_t)p->len << 1 | (e == r->a));
        for (size_t i = 0; i < p->len; i++)
            mix(it_pkt_ip(p)[i]);
        it_pkt_free(it_world_pool(r->w), p);
    }
    ck_assert_int_eq(err, 0);
}

/* What is seen of 300 packets each way in 0.3 s and of one each way every 100 ms for 10 s more. */
static uint64_t observe(const char *lua)
{
    rig r;
    it_link_profile p = profile(lua);
    Seen = 1;
    rig_open(&r, 7, "wire", &p.dir[0], &p.dir[1]);
    mix(it_link_mtu(r.a, 0));
    mix(it_link_mtu(r.b, 0));
    for (int i = 0; i < 400; i++) {
        it_time t = i < 300 ? i * IT_MS : 300 * IT_MS + (i - 300) * 100 * IT_MS;
        take(&r, t);
        edge_put(&r, r.a, (size_t)(100 + i * 37 % 1300), 0);
        edge_put(&r, r.b, (size_t)(100 + i * 41 % 1300), 0);
    }
    take(&r, 30 * IT_SEC);
    for (size_t i = 0; i < r.log.n; i++)
        if (r.log.v[i].kind == IT_SEEN_DROP)
            mix((uint64_t)r.log.v[i].now * 64 + r.log.v[i].reason);
    rig_close(&r);
    return Seen;
}

static void changes(const char *key, const char *base, const char *changed)
{
    uint64_t was = observe(base), is = observe(changed);
    ck_assert_msg(was != is, "%s has no effect: { %s } and { %s }", key, base, changed);
    ck_assert_msg(observe(base) == was, "%s: not the same twice", key);
}

START_TEST(a_changed_value_of_a_direction_changes_what_is_seen)
{
    const row *w = &DIR_ROWS[_i];
    static const char *const FORMS[] = {"%s", "up = { %s }", "down = { %s }"};
    for (int f = 0; f < 3; f++) {
        char base[200], changed[200];
        snprintf(base, sizeof base, FORMS[f], w->base);
        snprintf(changed, sizeof changed, FORMS[f], w->changed);
        changes(w->key, base, changed);
    }
}
END_TEST

START_TEST(a_changed_value_changes_what_is_seen)
{
    changes(ROWS[_i].key, ROWS[_i].base, ROWS[_i].changed);
}
END_TEST

static bool is_shown(const char *path)
{
    const char *inner = strncmp(path, "up.", 3) == 0 ? path + 3 : strncmp(path, "down.", 5) == 0 ? path + 5 : path;
    for (int i = 0; i < N_DIR; i++)
        if (strcmp(DIR_ROWS[i].key, inner) == 0)
            return true;
    for (int i = 0; i < N_ROWS; i++)
        if (strcmp(ROWS[i].key, path) == 0)
            return true;
    for (int i = 0; ELSEWHERE[i]; i++)
        if (strcmp(ELSEWHERE[i], path) == 0)
            return true;
    return false;
}

static void has_row(const char *path)
{
    ck_assert_msg(is_shown(path), "nothing shows that link.%s has an effect", path);
}

START_TEST(every_key_of_a_link_has_its_row)
{
    ck_assert_int_eq(keys_walk(it_keys_link, "", has_row), 3 * N_DIR + N_ROWS + 5);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/profile_keys link");
    TCase *c = tcase_create("profile keys");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, every_key_of_a_link_has_its_row);
    tcase_add_loop_test(c, a_changed_value_of_a_direction_changes_what_is_seen, 0, N_DIR);
    tcase_add_loop_test(c, a_changed_value_changes_what_is_seen, 0, N_ROWS);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
