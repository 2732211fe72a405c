/* DNS messages, the name server and DNS64. */
#include "base/pref64.h"
#include "stack/dns/dns64.h"
#include "stack/dns/server.h"

#include <check.h>
#include <string.h>

static it_alloc Mem;

static it_ip I(const char *s)
{
    it_ip ip;
    ck_assert_int_eq(it_ip_parse(&ip, s), 0);
    return ip;
}

static it_addr Ad(const char *s)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, s), 0);
    return a;
}

/* --- messages --- */

START_TEST(a_query_reads_as_it_was_written)
{
    uint8_t buf[IT_DNS_SIZE];
    it_dns_out o;
    it_dns_msg m;
    it_dns_query(&o, buf, sizeof buf, 0x1234, "www.Example.org", IT_DNS_AAAA);
    it_bytes b = it_dns_end(&o);
    static const uint8_t want[] = {0x12, 0x34, 1,   0,   0,   1,   0,   0, 0,   0,   0,   0, 3, 'w', 'w', 'w', 7,
                                   'E',  'x',  'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0, 0, 28,  0,   1};
    ck_assert_uint_eq(b.n, sizeof want);
    ck_assert_mem_eq(b.p, want, sizeof want);
    ck_assert_int_eq(it_dns_parse(&m, b), 0);
    ck_assert_str_eq(m.name, "www.example.org");
    ck_assert(m.type == IT_DNS_AAAA && m.id == 0x1234 && m.rd && !m.response);
}
END_TEST

START_TEST(records_read_as_they_were_written)
{
    uint8_t q[IT_DNS_SIZE], a[IT_DNS_SIZE];
    it_dns_out o;
    it_dns_msg m, r;
    size_t pos = 0;
    it_dns_rr rr;
    it_dns_query(&o, q, sizeof q, 7, "a.test", IT_DNS_A);
    ck_assert_int_eq(it_dns_parse(&m, it_dns_end(&o)), 0);
    it_dns_answer(&o, a, sizeof a, &m, IT_DNS_OK, true);
    it_dns_put(&o, &(it_dns_rr){.name = "a.test", .type = IT_DNS_CNAME, .ttl = 5, .target = "b.test"});
    it_dns_put(&o, &(it_dns_rr){.name = "b.test", .type = IT_DNS_A, .ttl = 6, .ip = I("192.0.2.1")});
    it_dns_put(&o, &(it_dns_rr){.name = "b.test", .type = IT_DNS_AAAA, .ttl = 7, .ip = I("2001:db8::1")});
    it_dns_put(
        &o,
        &(it_dns_rr){
            .name = "test", .section = IT_DNS_AUTHORITY, .type = IT_DNS_SOA, .ttl = 8, .target = "test", .minimum = 9});
    it_dns_put(&o,
               &(it_dns_rr){.name = "c.test", .section = IT_DNS_ADDITIONAL, .type = 16, .data = it_bytes_str("\3abc")});
    it_dns_put_opt(&o, 1400);
    ck_assert_int_eq(it_dns_parse(&r, it_dns_end(&o)), 0);
    ck_assert(r.response && r.aa && r.id == 7 && r.edns && r.size == 1400);
    static const struct {
        const char *name;
        uint16_t type;
        uint32_t ttl;
    } want[] = {{"a.test", 5, 5}, {"b.test", 1, 6}, {"b.test", 28, 7}, {"test", 6, 8}, {"c.test", 16, 0}, {"", 41, 0}};
    for (int i = 0; i < 6; i++) {
        ck_assert(it_dns_next(&r, &pos, &rr));
        ck_assert_str_eq(rr.name, want[i].name);
        ck_assert_uint_eq(rr.type, want[i].type);
        ck_assert_uint_eq(rr.ttl, want[i].ttl);
        ck_assert_int_eq(rr.section, i < 3 ? 0 : i < 4 ? 1 : 2);
    }
    ck_assert(!it_dns_next(&r, &pos, &rr));
}
END_TEST

START_TEST(nonsense_is_refused)
{
    static const struct {
        size_t n;
        uint8_t b[48];
    } BAD[] = {
        {11, {0}},
        {12, {0}},                                                            /* no question */
        {17, {0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}},            /* two, of which one is there */
        {18, {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1}},     /* a pointer to itself */
        {18, {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 99, 0, 1, 0, 1}},     /* forwards */
        {19, {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5, 'a', 0, 0, 1, 0, 1}},    /* a label beyond the end */
        {19, {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, '"', 0, 0, 1, 0, 1}},    /* no letter */
        {19, {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x41, 'a', 0, 0, 1, 0, 1}}, /* an unknown kind of label */
        {20, {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1, 9}}, /* left over */
        {34, {0, 0, 0,    0,  0, 1, 0, 1, 0, 0, 0, 0, 1, 'a', 0, 0, 1,
              0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 3,   1, 2, 3}}, /* A of three bytes */
    };
    it_dns_msg m;
    ck_assert_int_eq(it_dns_parse(&m, it_bytes_of(BAD[_i].b, BAD[_i].n)), IT_ERR_PARSE);
}
END_TEST

START_TEST(random_bytes_do_no_harm)
{
    it_rng rng;
    it_rng_init(&rng, (uint64_t)_i, "dns");
    for (int k = 0; k < 20000; k++) {
        uint8_t b[80] = {0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 0, 1};
        size_t n = (size_t)it_rng_below(&rng, sizeof b), pos = 0;
        for (size_t i = it_rng_below(&rng, 4) ? 12 : 0; i < n; i++)
            b[i] = it_rng_below(&rng, 3) ? (uint8_t)it_rng_below(&rng, 4) : (uint8_t)it_rng_below(&rng, 256);
        it_dns_msg m;
        it_dns_rr rr;
        if (it_dns_parse(&m, it_bytes_of(b, n)) == 0)
            while (it_dns_next(&m, &pos, &rr))
                ck_assert(it_dns_name_ok(rr.name));
    }
}
END_TEST

START_TEST(names_have_limits)
{
    char label[80], name[300];
    memset(label, 'a', 63);
    label[63] = 0;
    ck_assert(it_dns_name_ok(label) && it_dns_name_ok("") && it_dns_name_ok("a-b._c.d"));
    strcat(label, "a");
    ck_assert(!it_dns_name_ok(label) && !it_dns_name_ok("a..b") && !it_dns_name_ok(".a") && !it_dns_name_ok("a.") &&
              !it_dns_name_ok("a b"));
    for (int i = 0; i < 253; i++)
        name[i] = i % 2 ? '.' : 'a';
    name[253] = 0;
    ck_assert(it_dns_name_ok(name));
    strcat(name, ".a");
    ck_assert(!it_dns_name_ok(name));
}
END_TEST

/* --- the server --- */

static it_dns_server *zone(void)
{
    it_dns_server *s = it_dns_server_new(&Mem, "test", 60);
    ck_assert_ptr_nonnull(s);
    ck_assert_int_eq(it_dns_server_add(s, "four.test", I("198.51.100.1"), 300), 0);
    ck_assert_int_eq(it_dns_server_add(s, "four.test", I("198.51.100.2"), 300), 0);
    ck_assert_int_eq(it_dns_server_add(s, "six.test", I("2001:db8::6"), 300), 0);
    ck_assert_int_eq(it_dns_server_add(s, "dual.test", I("198.51.100.3"), 300), 0);
    ck_assert_int_eq(it_dns_server_add(s, "dual.test", I("2001:db8::3"), 300), 0);
    ck_assert_int_eq(it_dns_server_alias(s, "alias.test", "four.test", 100), 0);
    ck_assert_int_eq(it_dns_server_add(s, "x.deep.test", I("198.51.100.9"), 300), 0);
    return s;
}

START_TEST(the_server_says_what_it_knows)
{
    static const struct {
        const char *name;
        uint16_t type;
        int rcode;
        unsigned answers, authority;
    } Q[] = {
        {"FOUR.test", IT_DNS_A, IT_DNS_OK, 2, 0},     {"four.test", IT_DNS_AAAA, IT_DNS_OK, 0, 1},
        {"six.test", IT_DNS_AAAA, IT_DNS_OK, 1, 0},   {"dual.test", IT_DNS_ANY, IT_DNS_OK, 2, 0},
        {"alias.test", IT_DNS_A, IT_DNS_OK, 3, 0},    {"alias.test", IT_DNS_AAAA, IT_DNS_OK, 1, 1},
        {"no.test", IT_DNS_A, IT_DNS_NXDOMAIN, 0, 1}, {"deep.test", IT_DNS_A, IT_DNS_OK, 0, 1},
        {"test", IT_DNS_A, IT_DNS_OK, 0, 1},          {"example.org", IT_DNS_A, IT_DNS_REFUSED, 0, 0},
        {"nottest", IT_DNS_A, IT_DNS_REFUSED, 0, 0},  {"alias.test", IT_DNS_CNAME, IT_DNS_OK, 1, 0},
    };
    uint8_t q[IT_DNS_SIZE], a[IT_DNS_SIZE];
    it_dns_server *s = zone();
    it_dns_out o;
    it_dns_msg m;
    it_dns_query(&o, q, sizeof q, 9, Q[_i].name, Q[_i].type);
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = 4,
                .local = Ad("192.0.2.53:53"),
                .remote = Ad("192.0.2.1:9999"),
                .data = it_dns_end(&o)},
          out;
    ck_assert_int_eq(it_dns_server_input(s, 0, &in), (int)in.data.n);
    ck_assert_int_eq(it_dns_server_output(s, 0, &out, a, sizeof a), 1);
    ck_assert(it_addr_eq(out.local, in.local) && it_addr_eq(out.remote, in.remote) && out.flow == 4);
    ck_assert_int_eq(it_dns_parse(&m, out.data), 0);
    ck_assert(m.response && m.id == 9);
    ck_assert_int_eq(m.rcode, Q[_i].rcode);
    ck_assert_uint_eq(m.count[0], Q[_i].answers);
    ck_assert_uint_eq(m.count[1], Q[_i].authority);
    ck_assert_int_eq(it_dns_server_output(s, 0, &out, a, sizeof a), 0);
    it_dns_server_free(s);
    ck_assert_int_eq(Mem.live, 0);
}
END_TEST

START_TEST(the_table_has_rules)
{
    it_dns_server *s = zone();
    ck_assert_int_eq(it_dns_server_add(s, "alias.test", I("192.0.2.1"), 1), IT_ERR_EXISTS);
    ck_assert_int_eq(it_dns_server_alias(s, "four.test", "six.test", 1), IT_ERR_EXISTS);
    ck_assert_int_eq(it_dns_server_add(s, "a.org", I("192.0.2.1"), 1), IT_ERR_RANGE);
    ck_assert_int_eq(it_dns_server_add(s, "a b.test", I("192.0.2.1"), 1), IT_ERR_RANGE);
    ck_assert_ptr_null(it_dns_server_new(&Mem, "a b", 1));
    it_dns_server_free(s);
}
END_TEST

START_TEST(what_does_not_fit_is_cut_off)
{
    /* RFC 2181 section 9; with EDNS more fits. */
    it_dns_server *s = it_dns_server_new(&Mem, "", 1);
    uint8_t q[IT_DNS_SIZE], a[IT_IO_DGRAM_MAX];
    it_dns_out o;
    it_dns_msg m;
    for (uint32_t i = 0; i < 40; i++)
        ck_assert_int_eq(it_dns_server_add(s, "many.test", it_ip4(0xc0000200u + i), 1), 0);
    it_dns_query(&o, q, sizeof q, 1, "many.test", IT_DNS_A);
    if (_i)
        it_dns_put_opt(&o, 1400);
    ck_assert_int_eq(it_dns_parse(&m, it_dns_end(&o)), 0);
    it_bytes b = it_dns_server_answer(s, &m, a, sizeof a);
    ck_assert_int_eq(it_dns_parse(&m, b), 0);
    ck_assert(m.tc == !_i);
    ck_assert_uint_eq(m.count[0], _i ? 40 : 0);
    it_dns_server_free(s);
}
END_TEST

/* --- DNS64 --- */

static it_dns64 *D;
static it_dns_server *Up;

static void open64(void)
{
    it_dns64_cfg cfg = {.alloc = &Mem, .upstream = Ad("192.0.2.53:53")};
    it_rng_init(&cfg.rng, 1, "dns64");
    ck_assert_int_eq(it_prefix_parse(&cfg.prefix, "64:ff9b::/96"), 0);
    D = it_dns64_new(&cfg);
    Up = zone();
    ck_assert_ptr_nonnull(D);
}

static void close64(void)
{
    it_dns64_free(D);
    it_dns_server_free(Up);
    ck_assert_int_eq(Mem.live, 0);
}

/* Carries everything between |D| and the upstream at |now| (unless |deaf|) until the client gets an answer in |buf|. */
static bool carry(it_time now, bool deaf, it_dns_msg *m, uint8_t *buf)
{
    uint8_t b[IT_IO_DGRAM_MAX], c[IT_IO_DGRAM_MAX];
    it_io out, back;
    (void)it_dns64_tick(D, now);
    while (it_dns64_output(D, now, &out, b, sizeof b) == 1) {
        if (!it_addr_eq(out.remote, Ad("192.0.2.53:53"))) {
            memcpy(buf, out.data.p, out.data.n);
            ck_assert(it_addr_eq(out.remote, Ad("[2001:db8::c]:777")));
            ck_assert_int_eq(it_dns_parse(m, it_bytes_of(buf, out.data.n)), 0);
            return true;
        }
        if (deaf)
            continue;
        it_io q = {.kind = IT_IO_DGRAM, .flow = 0, .local = out.remote, .remote = Ad("192.0.2.64:1"), .data = out.data};
        (void)it_dns_server_input(Up, now, &q);
        if (it_dns_server_output(Up, now, &back, c, sizeof c) != 1)
            continue;
        it_io a = {.kind = IT_IO_DGRAM,
                   .flow = 0,
                   .local = Ad("192.0.2.64:1"),
                   .remote = Ad("192.0.2.53:53"),
                   .data = back.data};
        (void)it_dns64_input(D, now, &a);
    }
    return false;
}

static void ask(const char *name, uint16_t type, bool cd_do)
{
    uint8_t q[IT_DNS_SIZE];
    it_dns_out o;
    it_dns_query(&o, q, sizeof q, 0x4242, name, type);
    if (cd_do)
        it_dns_put_opt(&o, 1232);
    it_bytes b = it_dns_end(&o);
    if (cd_do) {
        q[3] |= 0x10;
        q[b.n - 4] |= 0x80;
    }
    it_io in = {
        .kind = IT_IO_DGRAM, .flow = 3, .local = Ad("[2001:db8::1]:53"), .remote = Ad("[2001:db8::c]:777"), .data = b};
    (void)it_dns64_input(D, 0, &in);
}

START_TEST(addresses_are_made_where_there_are_none)
{
    static const struct {
        const char *name;
        uint16_t type;
        int rcode;
        unsigned answers;
        const char *last;
        uint32_t ttl;
    } Q[] = {
        {"four.test", IT_DNS_AAAA, IT_DNS_OK, 2, "64:ff9b::c633:6402", 60}, /* the SOA's 60 s, not the A's 300 */
        {"dual.test", IT_DNS_AAAA, IT_DNS_OK, 1, "2001:db8::3", 300},       /* nothing is made where something is */
        {"six.test", IT_DNS_AAAA, IT_DNS_OK, 1, "2001:db8::6", 300},
        {"alias.test", IT_DNS_AAAA, IT_DNS_OK, 3, "64:ff9b::c633:6402", 60},
        {"no.test", IT_DNS_AAAA, IT_DNS_NXDOMAIN, 0, NULL, 0},
        {"four.test", IT_DNS_A, IT_DNS_OK, 2, "198.51.100.2", 300},
        {"deep.test", IT_DNS_AAAA, IT_DNS_OK, 0, NULL, 0},
    };
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_dns_msg m;
    it_dns_rr rr = {.ttl = 0}, r;
    size_t pos = 0;
    open64();
    ask(Q[_i].name, Q[_i].type, false);
    ck_assert(carry(0, false, &m, buf));
    ck_assert_uint_eq(m.id, 0x4242);
    ck_assert_int_eq(m.rcode, Q[_i].rcode);
    ck_assert_uint_eq(m.count[0], Q[_i].answers);
    while (it_dns_next(&m, &pos, &r))
        if (r.section == IT_DNS_ANSWER)
            rr = r;
    if (Q[_i].last) {
        ck_assert(it_ip_eq(rr.ip, I(Q[_i].last)));
        ck_assert_uint_eq(rr.ttl, Q[_i].ttl);
    }
    ck_assert_int_eq(it_dns64_next(D), IT_NEVER);
    close64();
}
END_TEST

START_TEST(who_validates_himself_gets_nothing_made)
{
    /* Section 5.5. */
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_dns_msg m;
    open64();
    ask("four.test", IT_DNS_AAAA, true);
    ck_assert(carry(0, false, &m, buf));
    ck_assert_uint_eq(m.count[0], 0);
    close64();
}
END_TEST

START_TEST(a_silent_upstream_counts_as_empty_then_fails)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_dns_msg m;
    open64();
    ask("four.test", IT_DNS_AAAA, false);
    ck_assert(!carry(0, true, &m, buf));
    ck_assert_int_eq(it_dns64_next(D), 2 * IT_SEC);
    ck_assert(!carry(2 * IT_SEC, true, &m, buf));
    if (_i) { /* it wakes up for the A question */
        ck_assert(carry(4 * IT_SEC, false, &m, buf));
        ck_assert_uint_eq(m.count[0], 2);
    } else {
        ck_assert(!carry(4 * IT_SEC, true, &m, buf));
        ck_assert(!carry(6 * IT_SEC, true, &m, buf));
        ck_assert(carry(8 * IT_SEC, true, &m, buf));
        ck_assert_int_eq(m.rcode, IT_DNS_SERVFAIL);
    }
    close64();
}
END_TEST

START_TEST(a_forged_answer_is_not_taken)
{
    /* RFC 5452 section 9.1: identifier and question must be those asked. */
    uint8_t buf[IT_IO_DGRAM_MAX], b[IT_IO_DGRAM_MAX];
    it_dns_msg m, q;
    it_io out;
    it_dns_out o;
    open64();
    ask("four.test", IT_DNS_AAAA, false);
    ck_assert_int_eq(it_dns64_output(D, 0, &out, b, sizeof b), 1);
    ck_assert_int_eq(it_dns_parse(&q, out.data), 0);
    q.id ^= 1;
    it_dns_answer(&o, buf, sizeof buf, &q, IT_DNS_NXDOMAIN, true);
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = 0,
                .local = Ad("192.0.2.64:1"),
                .remote = Ad("192.0.2.53:53"),
                .data = it_dns_end(&o)};
    (void)it_dns64_input(D, 0, &in);
    ck_assert_int_eq(it_dns64_output(D, 0, &out, b, sizeof b), 0);
    ck_assert(carry(2 * IT_SEC, false, &m, buf));
    ck_assert_int_eq(m.rcode, IT_DNS_OK);
    close64();
}
END_TEST

START_TEST(a_flood_of_questions_is_bounded)
{
    open64();
    uint8_t b[IT_IO_DGRAM_MAX];
    it_io out;
    int n = 0;
    for (int i = 0; i < 500; i++)
        ask("four.test", IT_DNS_AAAA, false);
    while (it_dns64_output(D, 0, &out, b, sizeof b) == 1)
        n++;
    ck_assert_int_eq(n, 64);
    close64();
}
END_TEST

START_TEST(memory_may_run_out)
{
    it_alloc a;
    for (uint64_t n = 0; n < 3; n++) {
        it_alloc_init_countdown(&a, n);
        it_dns_server *s = it_dns_server_new(&a, "test", 1);
        if (s)
            ck_assert_int_eq(it_dns_server_add(s, "a.test", I("192.0.2.1"), 1), IT_ERR_NOMEM);
        it_dns_server_free(s);
        ck_assert_int_eq(a.live, 0);
        it_alloc_init_countdown(&a, n);
        it_dns64_cfg cfg = {.alloc = &a};
        ck_assert_int_eq(it_prefix_parse(&cfg.prefix, "64:ff9b::/96"), 0);
        it_dns64 *d = it_dns64_new(&cfg);
        ck_assert((d != NULL) == (n >= 2));
        it_dns64_free(d);
        ck_assert_int_eq(a.live, 0);
    }
}
END_TEST

static Suite *suite(void)
{
    it_alloc_init(&Mem);
    Suite *s = suite_create("dns");
    TCase *t = tcase_create("RFC 1035 4 messages");
    tcase_add_test(t, a_query_reads_as_it_was_written);
    tcase_add_test(t, records_read_as_they_were_written);
    tcase_add_loop_test(t, nonsense_is_refused, 0, 10);
    tcase_add_loop_test(t, random_bytes_do_no_harm, 0, 4);
    tcase_add_test(t, names_have_limits);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 1034 4.3.2 server");
    tcase_add_loop_test(t, the_server_says_what_it_knows, 0, 12);
    tcase_add_test(t, the_table_has_rules);
    tcase_add_loop_test(t, what_does_not_fit_is_cut_off, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6147 5 DNS64");
    tcase_add_loop_test(t, addresses_are_made_where_there_are_none, 0, 7);
    tcase_add_test(t, who_validates_himself_gets_nothing_made);
    tcase_add_loop_test(t, a_silent_upstream_counts_as_empty_then_fails, 0, 2);
    tcase_add_test(t, a_forged_answer_is_not_taken);
    tcase_add_test(t, a_flood_of_questions_is_bounded);
    suite_add_tcase(s, t);
    t = tcase_create("memory");
    tcase_add_test(t, memory_may_run_out);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
