/* lab/profile/profile.c and its keys: what is wrong in a profile file is an error with line and path, and nothing is
 * loaded. */
#include "lab/profile/profile.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* A file and the message about it; NULL: none, it loads. */
typedef struct wrong {
    const char *text, *message;
} wrong;

static const wrong FILES[] = {
    /* Lua */
    {"nat { 'a'", "profiles.lua:1: '}' expected near <eof>"},
    {"\n\nx()", "profiles.lua:3: attempt to call a nil value (global 'x')"},
    {"os.exit(0)", "profiles.lua:1: attempt to index a nil value (global 'os')"},
    {"\nwhile true do end", "profiles.lua:2: more than 10000000 instructions"},
    {"local function f()\nwhile true do end end\nf()", "profiles.lua:2: more than 10000000 instructions"},
    {"local t = {} for i = 1, 1 << 40 do t[i] = ('x'):rep(9999) .. i end", "profiles.lua: out of memory"},
    {"error {}", "profiles.lua: an error without text"},
    {"\x1bLua", "profiles.lua: attempt to load a binary chunk (mode is 't')"},
    /* names */
    {"nat 'a'", "profiles.lua:1: nat: takes one table whose first element is the name"},
    {"nat {}", "profiles.lua:1: nat: takes one table whose first element is the name"},
    {"nat { 'a' }\nnat { 'a' }", "profiles.lua:2: nat.a: the name is used twice"},
    {"nat { 'a' }\nfirewall { 'a' }", "profiles.lua:2: firewall.a: the name is used twice"},
    {"nat { 'a' }\nlink { 'a' }", NULL},
    {"nat { 'A b' }", "profiles.lua:1: nat: \"A b\" is no name; names are of a-z, 0-9 and -"},
    {"link { '' }", "profiles.lua:1: link: \"\" is no name; names are of a-z, 0-9 and -"},
    /* parents */
    {"nat { 'a', inherit = 'b' }\nnat { 'b' }", "profiles.lua:1: nat.a: no parent \"b\" above this line"},
    {"nat { 'parent' }\nnat { 'a', inherit = 'partne' }",
     "profiles.lua:2: nat.a: no parent \"partne\" above this line; did you mean \"parent\"?"},
    {"nat { 'a', inherit = 3 }", "profiles.lua:1: nat.a: inherit is a text"},
    {"firewall { 'f' }\nnat { 'a', inherit = 'f' }", "profiles.lua:2: nat.a: no parent \"f\" above this line"},
    /* fields */
    {"\nnat { 'a',\n  udp = { mappin = 'EIM' } }",
     "profiles.lua:2: nat.a.udp: no field \"mappin\"; did you mean \"mapping\"?"},
    {"nat { 'a', xyzzy = 1 }", "profiles.lua:1: nat.a: no field \"xyzzy\""},
    {"nat { 'a', 'b' }", "profiles.lua:1: nat.a: a value without a name"},
    {"nat { 'a', udp = 3 }", "profiles.lua:1: nat.a.udp: 3 where a table belongs"},
    {"nat { 'a', udp = { timeout = { initial = 30 } } }",
     "profiles.lua:1: nat.a.udp.timeout.initial: 30 has no unit; write \"30ms\" or \"30s\""},
    {"nat { 'a', udp = { timeout = { initial = '30 s' } } }",
     "profiles.lua:1: nat.a.udp.timeout.initial: \"30 s\": no unit \" s\" for a time; one of ns, us, ms, s, min or h, "
     "without a space"},
    {"nat { 'a', udp = { mapping = 'none' } }",
     "profiles.lua:1: nat.a.udp.mapping: \"none\" where \"EIM\", \"ADM\" or \"APDM\" belongs"},
    {"link { 'l', delay = '20' }", "profiles.lua:1: link.l.delay: 20 has no unit; write \"20ms\" or \"20s\""},
    {"link { 'l', loss = '101%' }", "profiles.lua:1: link.l.loss: \"101%\" is more than 100%"},
    {"link { 'l', mtu = '10B' }", "profiles.lua:1: link.l.mtu: an MTU is from 68B to 1500B"},
    {"nat { 'a', doc = {} }", "profiles.lua:1: nat.a: doc is a text"},
    /* access policies */
    {"firewall { 'f', proxy = { type = 'socks5' } }",
     "profiles.lua:1: firewall.f: proxy.addr is missing, or no IPv4 address and port"},
    {"firewall { 'f', proxy = { addr = '10.9.9.9:1' } }", "profiles.lua:1: firewall.f: proxy.type is missing"},
    {"firewall { 'f', proxy = { type = 'socks5', addr = '10.9.9.9' } }",
     "profiles.lua:1: firewall.f.proxy.addr: \"10.9.9.9\" where an address and port belongs"},
    {"firewall { 'f', proxy = { type = 'http-connect', addr = '10.9.9.9:1', auth = 'alice' } }",
     "profiles.lua:1: firewall.f: proxy.auth is \"user:password\""},
    {"firewall { 'f', http_redirect = '10.9.9.1' }",
     "profiles.lua:1: firewall.f: http_redirect (IPv4) and until_login need each other"},
    {"firewall { 'f', tls_mitm = true, proxy = { type = 'socks5', addr = '10.9.9.9:1' } }",
     "profiles.lua:1: firewall.f: a box has one own host: a proxy, a portal or inspection"},
    {"firewall { 'f', tunnel = { extra_rtt = '1ms' } }", "profiles.lua:1: firewall.f: tunnel.mtu is missing"},
    {"firewall { 'f', tcp = { kill = 'rst' } }", "profiles.lua:1: firewall.f: kill needs idle or max_flow_age"},
    {"firewall { 'f', tcp = 'blok' }",
     "profiles.lua:1: firewall.f.tcp: \"blok\" where \"any\", \"block\" or a table belongs"},
    {"firewall { 'f', police = { up = { burst = 3 } } }", "profiles.lua:1: firewall.f: police: burst needs pps"},
    {"firewall { 'f', tcp_in = { 'x' } }", "profiles.lua:1: firewall.f.tcp_in: \"x\" where a port or \"*\" belongs"},
    {"firewall { 'f', tcp = { filtering = 'APDF', timeout = { est = '1h' } }, udp_in = { 1 }, police = { down = { rate "
     "= '1Mbps' } }, ipsec = true }",
     NULL},
    /* sources */
    {"nat { 'a', src = {} }", "profiles.lua:1: nat.a: src is a list of { fact, source, confidence }"},
    {"nat { 'a', src = { { 'x', 'y' } } }", "profiles.lua:1: nat.a: a source is { fact, source, confidence }"},
    {"nat { 'a', src = { { 'x', 'y', 'Q' } } }",
     "profiles.lua:1: nat.a: \"Q\" is no confidence; one of M, R, D, H, M*, L"},
    /* chains */
    {"chain { 'c' }", "profiles.lua:1: chain.c: a chain has 1 to 8 boxes behind its name, host outwards"},
    {"chain { 'c', 'n' }", "profiles.lua:1: chain.c: no box \"n\" above this line"},
    {"nat { 'n' }\nchain { 'c', 'n' }\nchain { 'd', 'c' }", "profiles.lua:3: chain.d: no box \"c\" above this line"},
    {"nat { 'n' }\nchain { 'c', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n' }",
     "profiles.lua:2: chain.c: a chain has 1 to 8 boxes behind its name, host outwards"},
    {"nat { 'n' }\nchain { 'c', 'n', far = true }", "profiles.lua:2: chain.c: no field \"far\""},
};
#define N_FILES ((int)(sizeof FILES / sizeof *FILES))

START_TEST(a_wrong_file_is_refused_with_line_and_path)
{
    const wrong *w = &FILES[_i];
    char err[IT_PROFILE_ERR] = "untouched";
    it_alloc a;
    it_alloc_init(&a);
    it_profiles *ps = it_profiles_load(&a, w->text, strlen(w->text), err);
    ck_assert_str_eq(err, w->message ? w->message : "");
    ck_assert_int_eq(ps != NULL, w->message == NULL);
    it_profiles_free(ps);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(children_keep_what_they_do_not_override)
{
    static const char TEXT[] = "nat { 'parent', udp = { mapping = 'APDM', filtering = 'ADF' } }\n"
                               "nat { 'child', inherit = 'parent', udp = { filtering = 'EIF' } }";
    char err[IT_PROFILE_ERR];
    it_alloc a;
    it_alloc_init(&a);
    it_profiles *ps = it_profiles_load(&a, TEXT, sizeof TEXT - 1, err);
    ck_assert_msg(ps != NULL, "%s", err);
    const it_profile *p = it_profiles_box(ps, "child");
    ck_assert_ptr_nonnull(p);
    ck_assert_str_eq(p->parent, "parent");
    ck_assert_int_eq(p->line, 2);
    ck_assert_int_eq(p->u.nat.udp.mapping, IT_NAT_APD);
    ck_assert_int_eq(p->u.nat.udp.filtering, IT_NAT_EI);
    ck_assert_int_eq(it_profiles_box(ps, "parent")->u.nat.udp.filtering, IT_NAT_AD);
    it_profiles_free(ps);
}
END_TEST

/* An ALG that would rewrite nothing must not look as if it did: the profile is read, its box is refused with a
 * sentence. */
START_TEST(a_profile_with_an_alg_is_unsupported)
{
    static const char TEXT[] =
        "nat { 'ftp', alg = { 'ftp' } }\nnat { 'child', inherit = 'ftp' }\nnat { 'none', inherit = 'ftp', alg = {} }";
    char err[IT_PROFILE_ERR];
    it_alloc a;
    it_alloc_init(&a);
    it_profiles *ps = it_profiles_load(&a, TEXT, sizeof TEXT - 1, err);
    ck_assert_msg(ps != NULL, "%s", err);
    for (int i = 0; i < 2; i++) {
        const it_profile *p = it_profiles_box(ps, i ? "child" : "ftp");
        ck_assert(p->unsupported && strncmp(p->unsupported, "alg: ", 5) == 0);
        ck_assert_ptr_eq(p->unsupported, it_nat_profile_fault(&p->u.nat));
    }
    ck_assert_ptr_null(it_profiles_box(ps, "none")->unsupported);
    it_profiles_free(ps);
}
END_TEST

START_TEST(the_file_in_the_program_loads_whole)
{
    char err[IT_PROFILE_ERR];
    it_alloc a;
    it_alloc_init(&a);
    it_profiles *ps = it_profiles_builtin(&a, err);
    ck_assert_msg(ps != NULL, "%s", err);
    ck_assert_uint_gt(it_profiles_count(ps, IT_PROFILE_NAT), 30);
    ck_assert_ptr_nonnull(it_profiles_link(ps, "fiber"));
    ck_assert_str_eq(it_profiles_near(ps, "linux-msaq", 1u << IT_PROFILE_NAT)->name, "linux-masq");
    ck_assert_ptr_null(it_profiles_near(ps, "something else", ~0u));
    it_profiles_free(ps);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(every_access_policy_is_built_and_fits_a_box)
{
    it_alloc a;
    char err[IT_PROFILE_ERR];
    it_alloc_init(&a);
    it_profiles *ps = it_profiles_builtin(&a, err);
    ck_assert_ptr_nonnull(ps);
    const it_profile *p;
    size_t n = 0;
    for (; (p = it_profiles_nth(ps, IT_PROFILE_FIREWALL, n)); n++) {
        ck_assert_msg(!p->unsupported, "%s: %s", p->name, p->unsupported);
        ck_assert_ptr_null(it_fw_profile_fault(&p->u.fw.fw));
    }
    ck_assert_uint_eq(n, 26);
    p = it_profiles_box(ps, "http-proxy-auth"); /* a child of the one without */
    ck_assert(p && p->u.fw.proxy.kind == IT_OWN_HTTP && p->u.fw.proxy.addr.port == 3128 &&
              strcmp(p->u.fw.proxy.auth, "alice:secret") == 0);
    ck_assert(p->u.fw.proxy.idle == 60 * IT_SEC && p->u.fw.fw.tcp_out.set && p->u.fw.fw.udp.block);
    p = it_profiles_box(ps, "tcp-idle-reset");
    ck_assert(p && p->u.fw.fw.tcp.idle == 240 * IT_SEC && p->u.fw.fw.tcp.kill == IT_FW_KILL_RST &&
              p->u.fw.fw.tcp.stateful);
    it_profiles_free(ps);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

/* Whatever a policy lets out by port, and the port beside it that it does not. */
START_TEST(a_policy_lets_out_the_ports_that_it_names)
{
    static const struct {
        const char *name;
        bool udp;
        uint16_t port, beside;
    } WANT[] = {
        {"udp-dns-only", true, 53, 443},  {"udp-dns-only", false, 80, 53},    {"udp-dns-only", false, 443, 8080},
        {"udp-443-only", true, 443, 80},  {"udp-443-only", true, 53, 3478},   {"udp-443-only", false, 80, 53},
        {"udp-443-only", false, 443, 22}, {"tcp-443-only", false, 80, 1},     {"tcp-443-only", false, 443, 3478},
        {"captive-portal", false, 80, 1}, {"captive-portal", false, 443, 53},
    };
    it_alloc a;
    char err[IT_PROFILE_ERR];
    it_alloc_init(&a);
    it_profiles *ps = it_profiles_builtin(&a, err);
    ck_assert_ptr_nonnull(ps);
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++) {
        const it_profile *p = it_profiles_box(ps, WANT[i].name);
        ck_assert_ptr_nonnull(p);
        const it_fw_ports *ports = WANT[i].udp ? &p->u.fw.fw.udp_out : &p->u.fw.fw.tcp_out;
        ck_assert_msg(it_fw_ports_allow(ports, WANT[i].port), "%s %u", WANT[i].name, WANT[i].port);
        ck_assert_msg(!it_fw_ports_allow(ports, WANT[i].beside), "%s %u", WANT[i].name, WANT[i].beside);
    }
    it_profiles_free(ps);
}
END_TEST

START_TEST(a_name_belongs_to_one_space)
{
    char err[IT_PROFILE_ERR];
    it_alloc a;
    it_alloc_init(&a);
    it_profiles *ps = it_profiles_builtin(&a, err);
    for (int k = 0; k < 3; k++) {
        const it_profile *p;
        for (size_t i = 0; (p = it_profiles_nth(ps, (enum it_profile_kind)k, i)); i++)
            ck_assert_ptr_eq(it_profiles_box(ps, p->name), p);
    }
    it_profiles_free(ps);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/profile");
    TCase *c = tcase_create("scenarios.md, errors");
    tcase_add_loop_test(c, a_wrong_file_is_refused_with_line_and_path, 0, N_FILES);
    suite_add_tcase(s, c);
    c = tcase_create("profiles");
    tcase_add_test(c, children_keep_what_they_do_not_override);
    tcase_add_test(c, a_profile_with_an_alg_is_unsupported);
    tcase_add_test(c, the_file_in_the_program_loads_whole);
    tcase_add_test(c, every_access_policy_is_built_and_fits_a_box);
    tcase_add_test(c, a_policy_lets_out_the_ports_that_it_names);
    tcase_add_test(c, a_name_belongs_to_one_space);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
