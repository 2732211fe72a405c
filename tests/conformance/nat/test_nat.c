/* The NAT catalogue: measurements find what a profile says, requirements can fail, expectations are read strictly. */
#include "conformance/nat/table.h"
#include "lab/profile/profile.h"
#include "tests/conformance/nat/faults.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static it_alloc alloc;
static it_profiles *profiles;

static void set_up(void)
{
    char err[IT_PROFILE_ERR];
    it_alloc_init(&alloc);
    profiles = it_profiles_builtin(&alloc, err);
    ck_assert_ptr_nonnull(profiles);
}

static void tear_down(void)
{
    it_profiles_free(profiles);
    ck_assert_int_eq(alloc.live, 0);
}

static it_nat_profile profile(const char *name)
{
    const it_profile *p = it_profiles_box(profiles, name);
    ck_assert_ptr_nonnull(p);
    return p->u.nat;
}

static const it_req *req(const char *id)
{
    for (size_t i = 0; it_req_nth(i); i++)
        if (strcmp(it_req_nth(i)->id, id) == 0)
            return it_req_nth(i);
    ck_abort_msg("no requirement %s", id);
}

static enum it_req_verdict judge(const char *id, const it_nat_profile *p, char why[IT_REQ_WHY])
{
    it_measure_ctx c = {.alloc = &alloc, .p = p, .seed = 3};
    enum it_req_verdict v = req(id)->judge(&c, why);
    ck_assert_int_eq(c.err, 0);
    ck_assert(why[0] != '\0');
    return v;
}

/* --- every test of a requirement passes where it should and fails where it should --- */

typedef struct spoil {
    const char *id;
    void (*how)(it_nat_profile *p);
} spoil;

static void apdm(it_nat_profile *p)
{
    p->udp.mapping = p->tcp.mapping = IT_NAT_APD;
}
static void apdf(it_nat_profile *p)
{
    p->udp.filtering = p->tcp.filtering = IT_NAT_APD;
}
static void overload(it_nat_profile *p)
{
    p->udp.alloc.mode = IT_NAT_PRESERVE;
    p->udp.overload = p->udp.clash_edm = true;
}
static void one_range(it_nat_profile *p)
{
    p->udp.alloc.n_classes = 0;
    p->udp.alloc.range = (it_nat_range){1024, 65535};
}
static void no_parity(it_nat_profile *p)
{
    p->udp.alloc.parity = false;
}
static void short_udp(it_nat_profile *p)
{
    p->udp.timeout.replied = 119 * IT_SEC;
}
static void no_refresh(it_nat_profile *p)
{
    p->udp.refresh.out = false;
}
static void no_hairpin(it_nat_profile *p)
{
    p->hairpin = IT_NAT_HAIRPIN_NONE;
}
static void inner_hairpin(it_nat_profile *p)
{
    p->hairpin = IT_NAT_HAIRPIN_INT;
}
static void kills(it_nat_profile *p)
{
    p->icmp.kills = true;
}
static void no_errors(it_nat_profile *p)
{
    p->icmp.errors = false;
}
static void short_icmp(it_nat_profile *p)
{
    p->icmp.query_timeout = 59 * IT_SEC;
}
static void short_est(it_nat_profile *p)
{
    p->tcp.timeout.est = 7199 * IT_SEC; /* and 240 s more in a NAT64 */
}
static void short_syn(it_nat_profile *p)
{
    p->tcp.timeout.syn = 239 * IT_SEC;
}
static void short_close(it_nat_profile *p)
{
    p->tcp.timeout.close = 239 * IT_SEC;
}
static void syn_rst(it_nat_profile *p)
{
    p->tcp.syn_in = IT_NAT_SYN_RST;
}
static void counts_up(it_nat_profile *p)
{
    p->udp.alloc.mode = IT_NAT_SEQUENTIAL;
    p->udp.alloc.step = 2;
}

static void arbitrary(it_nat_profile *p)
{
    p->pool.mode = IT_NAT_POOL_ARBITRARY;
}
static void generic_alg(it_nat_profile *p)
{
    p->alg = IT_NAT_ALG_GENERIC;
}
static void no_fragments(it_nat_profile *p)
{
    p->fragments = IT_NAT_FRAGMENTS_NONE;
}
static void little_memory(it_nat_profile *p)
{
    p->fragments = IT_NAT_FRAGMENTS_REASSEMBLE;
    p->reassembly.memory = 20000;
}
static void blind_inside(it_nat_profile *p)
{
    p->icmp.verify_inner = false;
}
static void silent(it_nat_profile *p)
{
    p->silent = true;
}
static void small_table(it_nat_profile *p)
{
    p->table.size = 3;
}
static void lets_go(it_nat_profile *p)
{
    p->table.size = 3;
    p->table.evict = true;
}
static void as_inside(it_nat_profile *p)
{
    p->udp.alloc.mode = IT_NAT_PRESERVE;
    p->block.size = 0;
}
static void gives_ports_away(it_nat_profile *p)
{
    p->port_reuse = 119 * IT_SEC;
}
static void no_portmap(it_nat_profile *p)
{
    p->portmap = 0;
}
static void all_short(it_nat_profile *p)
{
    p->udp.timeout.initial = p->udp.timeout.replied = p->udp.timeout.stream = 119 * IT_SEC;
}

static const spoil SPOILS[] = {
    {"RFC4787-REQ-1", apdm},
    {"RFC4787-REQ-3", overload},
    {"RFC4787-REQ-3a", one_range},
    {"RFC4787-REQ-4", no_parity},
    {"RFC4787-REQ-5", short_udp},
    {"RFC4787-REQ-5c", short_udp},
    {"RFC4787-REQ-6", no_refresh},
    {"RFC4787-REQ-8", apdf},
    {"RFC4787-REQ-9", no_hairpin},
    {"RFC4787-REQ-9a", inner_hairpin},
    {"RFC4787-REQ-11", overload},
    {"RFC4787-REQ-12", kills},
    {"RFC4787-REQ-12a", no_errors},
    {"RFC4787-REQ-12b", no_errors},
    {"RFC5382-REQ-1", apdm},
    {"RFC5382-REQ-3", apdf},
    {"RFC5382-REQ-4", syn_rst},
    {"RFC5382-REQ-5", short_est},
    {"RFC5382-REQ-5-trans", short_syn},
    {"RFC5382-REQ-7", overload},
    {"RFC5382-REQ-8", no_hairpin},
    {"RFC5382-REQ-8a", inner_hairpin},
    {"RFC5382-REQ-9", no_errors},
    {"RFC7857-2.2-kept", short_close},
    {"RFC5508-REQ-1a", apdm},
    {"RFC5508-REQ-2", short_icmp},
    {"RFC5508-REQ-4a", no_errors},
    {"RFC5508-REQ-10a", no_errors},
    {"RFC7857-9", counts_up},
};

START_TEST(a_requirement_is_met_by_the_best_box_and_broken_by_a_spoilt_one)
{
    const spoil *s = &SPOILS[_i];
    char why[IT_REQ_WHY] = "";
    it_nat_profile p = profile("rfc4787-best");
    ck_assert_msg(judge(s->id, &p, why) == IT_REQ_PASS, "%s: %s", s->id, why);
    s->how(&p);
    ck_assert_msg(judge(s->id, &p, why) == IT_REQ_FAIL, "%s: %s", s->id, why);
}
END_TEST

/* Those that need another base, or a fault that no profile describes. */
static const struct {
    const char *id, *base;
    void (*how)(it_nat_profile *p);
    it_probe_fault fault;
} BROKEN[] = {
    {"RFC4787-REQ-2", "cgn-eif-pba", arbitrary, {0}},
    {"RFC4787-REQ-7", "rfc4787-best", NULL, {.takes_any = true}},
    {"RFC4787-REQ-10", "rfc4787-best", generic_alg, {0}},
    {"RFC4787-REQ-13", "rfc4787-best", NULL, {.out = fault_silent}},
    {"RFC4787-REQ-13a", "rfc4787-best", NULL, {.out = fault_cuts_nothing}},
    {"RFC4787-REQ-14", "rfc4787-best", no_fragments, {0}},
    {"RFC4787-REQ-14a", "rfc4787-best", little_memory, {0}},
    {"RFC5382-REQ-2", "rfc4787-best", NULL, {.out = fault_drops_all}},
    {"RFC5382-REQ-2a", "rfc4787-best", NULL, {.in = fault_no_syn_in}},
    {"RFC5382-REQ-4-open", "linux-masq", syn_rst, {0}},
    {"RFC5382-REQ-6", "rfc4787-best", NULL, {.out = fault_scrambles}},
    {"RFC5382-REQ-10", "rfc4787-best", kills, {0}},
    {"RFC7857-2.2", "rfc4787-best", NULL, {.in = fault_no_reset_in}},
    {"RFC7857-2.2-forged", "rfc4787-best", NULL, {.in = fault_any_reset}},
    {"RFC5508-REQ-1", "rfc4787-best", NULL, {.in = fault_no_echo}},
    {"RFC5508-REQ-3", "rfc4787-best", NULL, {.in = fault_blind_to_sums}},
    {"RFC5508-REQ-3a", "rfc4787-best", blind_inside, {0}},
    {"RFC5508-REQ-3b", "rfc4787-best", NULL, {.in = fault_no_options_inside}},
    {"RFC5508-REQ-3c", "rfc4787-best", NULL, {.in = fault_checks_inside}},
    {"RFC5508-REQ-4", "rfc4787-best", NULL, {.in = fault_near_enough}},
    {"RFC5508-REQ-4b", "rfc4787-best", NULL, {.in = fault_code0}},
    {"RFC5508-REQ-5", "rfc4787-best", no_errors, {0}},
    {"RFC5508-REQ-6", "rfc4787-best", kills, {0}},
    {"RFC5508-REQ-7", "rfc4787-best", no_errors, {0}},
    {"RFC6888-REQ-2", "cgn-eif-pba", arbitrary, {0}},
    {"RFC6888-REQ-3", "cgn-eif-pba", small_table, {0}},
    {"RFC6888-REQ-4", "cgn-eif-pba", lets_go, {0}},
    {"RFC6888-REQ-5", "cgn-eif-pba", lets_go, {0}},
    {"RFC6888-REQ-5b", "cgn-eif-pba", small_table, {0}},
    {"RFC6888-REQ-7", "cgn-eif-pba", apdf, {0}},
    {"RFC6888-REQ-8", "cgn-eif-pba", gives_ports_away, {0}},
    {"RFC6888-REQ-9", "cgn-eif-pba", no_portmap, {0}},
    {"RFC6888-REQ-11a", "cgn-eif-pba", lets_go, {0}},
    {"RFC6888-REQ-11b", "cgn-eif-pba", silent, {0}},
    {"RFC6888-REQ-11d", "cgn-eif-pba", lets_go, {0}},
    {"RFC6888-REQ-15", "cgn-eif-pba", as_inside, {0}},
    {"RFC7857-7", "linux-masq", NULL, {.in = fault_filters_late, .out = fault_drops_marked}},
    {"RFC7857-4", "cgn-eif-pba", lets_go, {0}},
    {"RFC6146-UDP_MIN", "nat64", all_short, {0}},
    {"RFC6146-UDP_DEFAULT", "nat64", all_short, {0}},
    {"RFC6146-TCP_EST", "nat64", short_est, {0}},
    {"RFC6146-TCP_TRANS", "nat64", short_close, {0}},
    {"RFC6146-TCP_INCOMING_SYN", "nat64", syn_rst, {0}},
    {"RFC6146-ICMP_DEFAULT", "nat64", short_icmp, {0}},
    {"RFC6146-mapping", "nat64", apdm, {0}},
    {"RFC6146-address", "nat64", NULL, {.out = fault_address_by_port}},
    {"RFC6146-loop", "nat64", NULL, {.in = fault_trusts_sources}},
};

START_TEST(a_judge_fails_the_box_that_breaks_its_requirement)
{
    char why[IT_REQ_WHY] = "";
    it_nat_profile p = profile(BROKEN[_i].base);
    const char *id = BROKEN[_i].id;
    ck_assert_msg(judge(id, &p, why) == IT_REQ_PASS, "%s: %s", id, why);
    if (BROKEN[_i].how)
        BROKEN[_i].how(&p);
    it_measure_ctx c = {.alloc = &alloc, .p = &p, .seed = 3, .fault = &BROKEN[_i].fault};
    ck_assert_msg(req(id)->judge(&c, why) == IT_REQ_FAIL, "%s: %s", id, why);
    ck_assert_int_eq(c.err, 0);
}
END_TEST

/* Every requirement has a box that breaks it, without exception. */
START_TEST(no_judge_is_unable_to_say_fail)
{
    const it_req *r;
    for (size_t i = 0; (r = it_req_nth(i)); i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof SPOILS / sizeof *SPOILS; k++)
            found |= !strcmp(SPOILS[k].id, r->id);
        for (size_t k = 0; k < sizeof BROKEN / sizeof *BROKEN; k++)
            found |= !strcmp(BROKEN[k].id, r->id);
        ck_assert_msg(found, "no box breaks %s", r->id);
    }
}
END_TEST

START_TEST(what_a_carrier_must_do_is_not_asked_of_a_home_router)
{
    char why[IT_REQ_WHY] = "";
    it_nat_profile home = profile("linux-masq"), carrier = profile("cgn-eif-pba");
    ck_assert_int_eq(judge("RFC6888-REQ-11d", &home, why), IT_REQ_NA);
    ck_assert_int_eq(judge("RFC6888-REQ-11d", &carrier, why), IT_REQ_PASS);
    ck_assert_int_eq(judge("RFC6888-REQ-8", &carrier, why), IT_REQ_PASS);
}
END_TEST

START_TEST(hosts_of_a_carrier_really_ask_for_a_mapping)
{
    /* What the box answers counts, not what its profile says it speaks: RFC 6888 REQ-9. */
    static const char *const WHY[] = {"let in", "nobody answers", "refused with 1", "refused with 2"};
    char why[IT_REQ_WHY] = "";
    it_nat_profile p = profile("cgn-eif-pba");
    p.portmap = _i == 1 ? 0 : _i == 2 ? IT_NAT_NATPMP : p.portmap;
    p.pcp.map = _i != 3;
    enum it_req_verdict v = judge("RFC6888-REQ-9", &p, why);
    ck_assert_msg(v == (_i ? IT_REQ_FAIL : IT_REQ_PASS) && strstr(why, WHY[_i]), "%d %s", v, why);
}
END_TEST

/* --- measurements --- */

START_TEST(odd_values_are_measured_to_the_nanosecond)
{
    it_nat_profile p = profile("port-cone");
    p.udp.timeout.initial = 37 * IT_SEC + 1;
    p.udp.timeout.replied = 41 * IT_SEC - 1;
    p.udp.timeout.stream = 97 * IT_SEC + 12345;
    p.udp.timeout.stream_after = 3 * IT_SEC + 7;
    p.icmp.query_timeout = 43 * IT_SEC + 3;
    p.tcp.timeout.est = 1234 * IT_SEC + 5;
    p.tcp.timeout.close = 11 * IT_SEC + 13;
    it_measure_ctx c = {.alloc = &alloc, .p = &p, .seed = 3};
    const it_measure_field *f;
    for (size_t i = 0; (f = it_measure_nth(i)); i++)
        ck_assert_msg(it_measure_get(&c, f->key) == f->declared(&p), "%s: measured %lld, declared %lld", f->key,
                      (long long)it_measure_get(&c, f->key), (long long)f->declared(&p));
}
END_TEST

START_TEST(values_read_as_in_the_profile_file)
{
    char t[IT_MEASURE_TEXT];
    const it_measure_field *f;
    for (size_t i = 0; (f = it_measure_nth(i)); i++) {
        ck_assert_str_eq(it_measure_text(f, IT_MEASURE_NONE, t), "-");
        if (strcmp(f->key, "udp.mapping") == 0)
            ck_assert_str_eq(it_measure_text(f, IT_NAT_APD, t), "APDM");
        if (strcmp(f->key, "udp.timeout.initial") == 0)
            ck_assert_str_eq(it_measure_text(f, 1500 * IT_MS, t), "1500ms");
        if (strcmp(f->key, "udp.alloc.range") == 0)
            ck_assert_str_eq(it_measure_text(f, (int64_t)1024 << 16 | 65535, t), "1024-65535");
    }
}
END_TEST

/* --- expectations --- */

static bool known(void *self, const char *name)
{
    return it_profiles_box(self, name) != NULL;
}

static int load(it_expect *e, const char *text, char why[IT_REQ_WHY])
{
    return it_expect_load(e, it_bytes_str(text), known, profiles, why);
}

START_TEST(the_file_that_is_built_in_names_what_exists)
{
    it_expect e;
    char why[IT_REQ_WHY] = "";
    ck_assert_msg(it_expect_load(&e, it_expect_builtin(), known, profiles, why) == 0, "%s", why);
    ck_assert_int_eq(it_expect_verdict(&e, "RFC4787-REQ-11", "linux-masq"), IT_REQ_FAIL);
    ck_assert_int_eq(it_expect_verdict(&e, "RFC4787-REQ-11", "port-cone"), IT_REQ_PASS);
}
END_TEST

START_TEST(a_star_takes_many_and_a_bang_leaves_one_out)
{
    it_expect e;
    char why[IT_REQ_WHY] = "";
    ck_assert_int_eq(
        load(&e, "# why\n\nRFC4787-REQ-1 fail linux-* !linux-masq  # more\nRFC4787-REQ-1 na linux-masq", why), 0);
    ck_assert_int_eq(it_expect_verdict(&e, "RFC4787-REQ-1", "linux-masq-random"), IT_REQ_FAIL);
    ck_assert_int_eq(it_expect_verdict(&e, "RFC4787-REQ-1", "linux-masq"), IT_REQ_NA);
    ck_assert_int_eq(it_expect_verdict(&e, "RFC4787-REQ-1", "slirp"), IT_REQ_PASS);
    ck_assert_int_eq(it_expect_verdict(&e, "RFC4787-REQ-11", "linux-masq-random"), IT_REQ_PASS);
}
END_TEST

static const struct {
    const char *text, *message;
} FAULTS[] = {
    {"\nRFC4787-REQ-99 fail slirp\n", "expected.txt:2: \"RFC4787-REQ-99\": no such requirement"},
    {"RFC4787-REQ-1 maybe slirp\n", "expected.txt:1: \"maybe\": not a verdict, fail or na"},
    {"RFC4787-REQ-1 fail slurp\n", "expected.txt:1: \"slurp\": no such profile"},
    {"RFC4787-REQ-1\n", "expected.txt:1: \"RFC4787-REQ-1\": a verdict is missing"},
};

START_TEST(a_line_that_says_nothing_is_an_error_with_its_number)
{
    it_expect e;
    char why[IT_REQ_WHY] = "";
    ck_assert_int_eq(load(&e, FAULTS[_i].text, why), IT_ERR_PARSE);
    ck_assert_str_eq(why, FAULTS[_i].message);
}
END_TEST

START_TEST(the_result_of_a_profile_is_told_in_text_and_json)
{
    it_expect e;
    char why[IT_REQ_WHY] = "";
    it_str out;
    it_nat_result *r = malloc(sizeof *r);
    it_nat_profile p = profile("port-cone");
    it_str_init(&out, &alloc);
    ck_assert_int_eq(load(&e, "", why), 0);
    ck_assert_int_eq(it_nat_examine(r, &alloc, "port-cone", &p, &e, 1), 0);
    ck_assert_int_eq(r->differs, 0);
    ck_assert_int_gt(r->unexpected, 0);
    it_nat_json(&out, r);
    ck_assert_ptr_nonnull(strstr(it_str_c(&out), "{\"profile\":\"port-cone\",\"declared\":{\"udp.mapping\":\"EIM\""));
    ck_assert_ptr_nonnull(strstr(it_str_c(&out), "\"verdict\":\"unexpected\"}"));
    it_str_clear(&out);
    it_nat_surprises(&out, r);
    ck_assert_ptr_nonnull(strstr(it_str_c(&out), "<-- expected pass"));
    it_str_fini(&out);
    free(r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conformance/nat");
    TCase *t = tcase_create("requirements");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_requirement_is_met_by_the_best_box_and_broken_by_a_spoilt_one, 0,
                        sizeof SPOILS / sizeof *SPOILS);
    tcase_add_loop_test(t, a_judge_fails_the_box_that_breaks_its_requirement, 0, sizeof BROKEN / sizeof *BROKEN);
    tcase_add_test(t, no_judge_is_unable_to_say_fail);
    tcase_add_test(t, what_a_carrier_must_do_is_not_asked_of_a_home_router);
    tcase_add_loop_test(t, hosts_of_a_carrier_really_ask_for_a_mapping, 0, 4);
    suite_add_tcase(s, t);
    t = tcase_create("measurements");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, odd_values_are_measured_to_the_nanosecond);
    tcase_add_test(t, values_read_as_in_the_profile_file);
    suite_add_tcase(s, t);
    t = tcase_create("expectations");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, the_file_that_is_built_in_names_what_exists);
    tcase_add_test(t, a_star_takes_many_and_a_bang_leaves_one_out);
    tcase_add_loop_test(t, a_line_that_says_nothing_is_an_error_with_its_number, 0, sizeof FAULTS / sizeof *FAULTS);
    tcase_add_test(t, the_result_of_a_profile_is_told_in_text_and_json);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
