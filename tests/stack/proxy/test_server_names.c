/* stack/proxy/server_names.c: servers by name, asked for at a name server, and their addresses tried one after the
 * other. */
#include "stack/dns/server.h"
#include "stack/dns/stub.h"
#include "stack/proxy/server.h"
#include "stack/proxy/socks.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define C (IT_IO_ACCEPTED_FLOW + 1)
#define SERVER "192.0.2.53:53"
#define OUT4 "203.0.113.7:3128"
#define OUT6 "[2001:db8:7::7]:3128"

static it_alloc mem;
static it_proxy *P;
static it_dns_server *Far; /* NULL: nobody answers */
static it_time now;
static uint8_t said[4096]; /* to the client */
static size_t n_said;
static bool fin;
static it_addr opened[8];
static uint32_t flow, reset[8];
static size_t n_opened, n_reset, n_queries, n_sent;
static it_addr sent_to;

static it_addr A(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static int in(uint32_t f, enum it_io_kind kind, const void *data, size_t n)
{
    it_io io = {.kind = kind,
                .flow = f,
                .local = A("10.9.9.9:3128"),
                .remote = A("10.0.0.2:5000"),
                .data = it_bytes_of(data, n)};
    return it_proxy_input(P, now, &io);
}

/* A query goes to the server and its answer back to where it came from. */
static int answer(const it_io *query)
{
    uint8_t out[600];
    it_dns_msg m;
    n_queries++;
    ck_assert(it_addr_eq(query->local, A(OUT4)) && query->flow == 1);
    ck_assert_int_eq(it_dns_parse(&m, query->data), 0);
    if (!Far)
        return 0;
    it_bytes a = it_dns_server_answer(Far, &m, out, sizeof out);
    it_io io = {.kind = IT_IO_DGRAM, .flow = query->flow, .local = query->local, .remote = query->remote, .data = a};
    return it_proxy_input(P, now, &io);
}

/* Returns 0, or what a failed allocation ends it with. */
static int drain(void)
{
    uint8_t buf[1400];
    it_io io;
    int err = 0;
    while (err >= 0 && it_proxy_output(P, now, &io, buf, sizeof buf) == 1) {
        if (io.kind == IT_IO_OPEN) {
            flow = io.flow;
            opened[n_opened++ % 8] = io.remote;
        } else if (io.kind == IT_IO_DATA && io.flow == C) {
            memcpy(said + n_said, io.data.p, io.data.n);
            n_said += io.data.n;
        } else if (io.kind == IT_IO_RST && io.flow != C) {
            reset[n_reset++ % 8] = io.flow;
        } else if (io.kind == IT_IO_BIND) {
            io.kind = IT_IO_BOUND;
            io.local.port = (uint16_t)(40000 + io.flow - IT_IO_BOUND_FLOW);
            err = it_proxy_input(P, now, &io);
        } else if (io.kind == IT_IO_DGRAM && it_addr_eq(io.remote, A(SERVER))) {
            err = answer(&io);
        } else if (io.kind == IT_IO_DGRAM) {
            n_sent++;
            sent_to = io.remote;
        }
        fin |= io.kind == IT_IO_FIN && io.flow == C;
    }
    said[n_said] = 0;
    return err < 0 ? err : 0;
}

static void name(const char *n, const char *ip)
{
    ck_assert_int_eq(it_dns_server_add(Far, n, A(ip).ip, 60), 0);
}

/* Base |flow| of the owner. */
static int base(uint32_t number, it_addr addr)
{
    it_io io = {.kind = IT_IO_BOUND, .flow = number, .local = addr};
    return it_proxy_input(P, 0, &io);
}

/* A proxy with IPv4 and maybe |six| outside, and a name server that knows a few. */
static int begin(it_alloc *a, enum it_proxy_kind kind, bool six)
{
    it_rng rng;
    n_said = n_opened = n_reset = n_queries = n_sent = 0;
    fin = false;
    flow = 0;
    now = 0;
    P = it_proxy_new(&(it_proxy_cfg){.alloc = a, .kind = kind, .allow_all = true, .udp = true});
    if (!P)
        return IT_ERR_NOMEM;
    it_rng_init(&rng, 1, "proxy");
    int err = base(1, A(OUT4));
    if (err >= 0 && six)
        err = base(2, A(OUT6));
    if (err >= 0)
        err = base(3, A("10.9.9.9:3128"));
    if (err >= 0)
        err = it_proxy_resolver(P, A(SERVER), rng);
    if (err >= 0)
        err = in(C, IT_IO_ACCEPTED, NULL, 100000);
    return err;
}

static it_alloc far_mem;

static void open_far(void)
{
    it_alloc_init(&far_mem);
    Far = it_dns_server_new(&far_mem, "", 60);
    ck_assert_ptr_nonnull(Far);
    name("both.tank", "198.51.100.4:1");
    name("both.tank", "[2001:db8::6]:1");
    name("six.tank", "[2001:db8::6]:1");
    name("four.tank", "198.51.100.4:1");
}

static void start(enum it_proxy_kind kind, bool six)
{
    open_far();
    it_alloc_init(&mem);
    ck_assert_int_ge(begin(&mem, kind, six), 0);
}

static void stop(void)
{
    it_proxy_free(P);
    ck_assert_int_eq(mem.live, 0);
    it_dns_server_free(Far);
    Far = NULL;
}

/* Asks for port 443 of |host| as |kind| does. */
static int ask(enum it_proxy_kind kind, const char *host)
{
    uint8_t b[600];
    size_t n;
    if (kind == IT_PROXY_HTTP) {
        n = (size_t)snprintf((char *)b, sizeof b, "CONNECT %s:443 HTTP/1.1\r\nHost: x\r\n\r\n", host);
    } else {
        memcpy(b, "\x05\x01\x00", 3);
        n = 3 + it_socks_name_write(b + 3, IT_SOCKS_CONNECT, it_bytes_str(host), 443);
    }
    int err = in(C, IT_IO_DATA, b, n);
    return err < 0 ? err : drain();
}

/* What was said last: HTTP's status or the reply of SOCKS. */
static int verdict(enum it_proxy_kind kind)
{
    int status = 0;
    if (kind == IT_PROXY_HTTP)
        return sscanf((const char *)said, "HTTP/1.1 %d", &status) == 1 ? status : 0;
    return n_said > 3 ? said[3] : -1;
}

static void at(it_time t)
{
    now = t;
    ck_assert_int_eq(it_proxy_tick(P, now), 0);
    ck_assert_int_eq(drain(), 0);
}

START_TEST(a_name_is_asked_for_and_its_address_reached)
{
    static const struct {
        const char *host, *to;
        bool six;
        size_t queries;
    } CASES[] = {
        {"both.tank", "[2001:db8::6]:443", true, 2}, {"both.tank", "198.51.100.4:443", false, 1},
        {"six.tank", "[2001:db8::6]:443", true, 2},  {"Four.Tank.", "198.51.100.4:443", true, 2},
        {"four.tank", "198.51.100.4:443", false, 1},
    };
    enum it_proxy_kind kind = (enum it_proxy_kind)(_i % 2);
    start(kind, CASES[_i / 2].six);
    ck_assert_int_eq(ask(kind, CASES[_i / 2].host), 0);
    ck_assert(n_opened == 1 && it_addr_eq(opened[0], A(CASES[_i / 2].to)));
    ck_assert_uint_eq(n_queries, CASES[_i / 2].queries);
    ck_assert_int_eq(in(C, IT_IO_DATA, "early", 5), 5);
    ck_assert_int_eq(in(flow, IT_IO_OPENED, NULL, 1000), 0);
    ck_assert_int_eq(drain(), 0);
    ck_assert_int_eq(verdict(kind), kind == IT_PROXY_HTTP ? 200 : 0);
    ck_assert(it_proxy_stat(P)->asked == 1 && it_proxy_stat(P)->connects == 1);
    stop();
}
END_TEST

/* RFC 9110 sections 15.6.3, 15.6.5; RFC 1928 section 6. */
START_TEST(no_name_no_answer_no_route_and_no_reach_are_told_apart)
{
    enum it_proxy_kind kind = (enum it_proxy_kind)_i;
    bool http = kind == IT_PROXY_HTTP;
    start(kind, true);
    ck_assert_int_eq(ask(kind, "nobody.tank"), 0); /* NXDOMAIN */
    ck_assert_int_eq(verdict(kind), http ? 502 : 4);
    ck_assert(fin && n_opened == 0);
    stop();
    start(kind, true);
    ck_assert_int_eq(ask(kind, "no_such name"), 0); /* that is no name at all */
    ck_assert_int_eq(verdict(kind), http ? 400 : 4);
    stop();
    start(kind, false);
    ck_assert_int_eq(ask(kind, "six.tank"), 0); /* a name without an address that could be reached */
    ck_assert_int_eq(verdict(kind), http ? 502 : 4);
    stop();
    start(kind, true);
    it_dns_server *far = Far;
    Far = NULL;
    ck_assert_int_eq(ask(kind, "both.tank"), 0);
    for (int i = 1; i <= IT_DNS_STUB_TRIES; i++) {
        ck_assert_uint_eq(n_queries, (size_t)i * 2);
        ck_assert_int_eq(it_proxy_next(P), now + IT_DNS_STUB_WAIT);
        at(i * IT_DNS_STUB_WAIT);
    }
    ck_assert_int_eq(verdict(kind), http ? 504 : 4);
    Far = far;
    stop();
    start(kind, true);
    ck_assert_int_eq(ask(kind, "four.tank"), 0);
    ck_assert_int_eq(in(flow, IT_IO_RST, NULL, 0), 0);
    ck_assert_int_eq(drain(), 0);
    ck_assert_int_eq(verdict(kind), http ? 502 : 5);
    ck_assert_uint_eq(it_proxy_stat(P)->failed, 1);
    stop();
}
END_TEST

START_TEST(an_address_of_a_family_that_the_proxy_lacks_is_no_way)
{
    enum it_proxy_kind kind = (enum it_proxy_kind)_i;
    start(kind, false);
    if (kind == IT_PROXY_HTTP)
        ck_assert_int_eq(ask(kind, "[2001:db8::6]"), 0);
    else
        ck_assert_int_eq(
            in(C, IT_IO_DATA, "\x05\x01\x00\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x06\x01\xbb", 25),
            25);
    ck_assert_int_eq(drain(), 0);
    ck_assert_int_eq(verdict(kind), kind == IT_PROXY_HTTP ? 502 : 3);
    ck_assert_uint_eq(n_opened + n_queries, 0);
    stop();
}
END_TEST

START_TEST(addresses_are_tried_in_turn_after_a_refusal_and_after_silence)
{
    enum it_proxy_kind kind = (enum it_proxy_kind)(_i % 2);
    bool silent = _i / 2;
    start(kind, true);
    ck_assert_int_eq(ask(kind, "both.tank"), 0);
    ck_assert_int_eq(in(C, IT_IO_DATA, "early", 5), 5);
    uint32_t first = flow;
    if (silent) {
        ck_assert_int_eq(it_proxy_next(P), IT_PROXY_PATIENCE);
        at(IT_PROXY_PATIENCE - 1);
        ck_assert_uint_eq(n_opened, 1);
        at(IT_PROXY_PATIENCE);
        ck_assert(n_reset == 1 && reset[0] == first); /* it is not to come late */
    } else {
        ck_assert_int_eq(in(flow, IT_IO_RST, NULL, 0), 0);
        ck_assert_int_eq(drain(), 0);
    }
    ck_assert(n_opened == 2 && it_addr_eq(opened[1], A("198.51.100.4:443")) && flow != first);
    ck_assert_int_eq(verdict(kind), kind == IT_PROXY_HTTP ? 0 : -1);
    if (silent) {
        at(2 * IT_PROXY_PATIENCE);
        ck_assert_int_eq(verdict(kind), kind == IT_PROXY_HTTP ? 504 : 4);
        ck_assert(fin && n_reset == 2);
        at(2 * IT_PROXY_PATIENCE + IT_PROXY_LINGER - 1);
        ck_assert_uint_eq(it_proxy_stat(P)->tunnels, 1); /* it may read what it was told */
    } else {
        ck_assert_int_eq(in(flow, IT_IO_OPENED, NULL, 1000), 0);
        ck_assert_int_eq(drain(), 0);
        ck_assert_int_eq(verdict(kind), kind == IT_PROXY_HTTP ? 200 : 0);
    }
    stop();
}
END_TEST

START_TEST(a_client_that_goes_before_the_answer_opens_nothing)
{
    start(IT_PROXY_HTTP, true);
    const char *text = "CONNECT both.tank:443 HTTP/1.1\r\nHost: x\r\n\r\n";
    ck_assert_int_eq(in(C, IT_IO_DATA, text, strlen(text)), (int)strlen(text));
    ck_assert_int_eq(in(C, IT_IO_RST, NULL, 0), 0);
    ck_assert_int_eq(drain(), 0);
    ck_assert(n_queries == 2 && n_opened == 0 && it_proxy_stat(P)->tunnels == 0);
    stop();
}
END_TEST

/* RFC 1928 section 7: what cannot be relayed is dropped silently; the name is known to what comes later, as long as its
 * TTL. */
START_TEST(datagrams_to_a_name_go_once_it_is_known)
{
    uint8_t d[64] = {0, 0, 0, 3, 9};
    size_t n = 5 + 9 + 2 + 4;
    memcpy(d + 5, "both.tank", 9);
    it_put16(d + 14, 3478);
    memcpy(d + 16, "ping", 4);
    it_io io = {.kind = IT_IO_DGRAM,
                .flow = IT_IO_BOUND_FLOW, /* the association's first socket */
                .local = A("10.9.9.9:40000"),
                .remote = A("10.0.0.2:7000"),
                .data = it_bytes_of(d, n)};
    start(IT_PROXY_SOCKS5, true);
    ck_assert_int_eq(in(C, IT_IO_DATA, "\x05\x01\x00\x05\x03\x00\x01\0\0\0\0\0\0", 13), 13);
    ck_assert_int_eq(drain(), 0);
    ck_assert_int_eq(it_proxy_input(P, now, &io), (int)n);
    ck_assert_int_eq(it_proxy_input(P, now, &io), (int)n);
    ck_assert_int_eq(drain(), 0);
    ck_assert(n_queries == 2 && n_sent == 0); /* the second is no second question */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_proxy_input(P, now, &io), (int)n);
        ck_assert_int_eq(drain(), 0);
    }
    ck_assert(n_queries == 2 && n_sent == 2 && it_addr_eq(sent_to, A("[2001:db8::6]:3478")));
    now = 60 * IT_SEC;
    ck_assert_int_eq(it_proxy_input(P, now, &io), (int)n);
    ck_assert_int_eq(drain(), 0);
    ck_assert(n_queries == 4 && n_sent == 2);
    stop();
}
END_TEST

START_TEST(every_failed_allocation_is_said_and_leaves_nothing)
{
    enum it_proxy_kind kind = (enum it_proxy_kind)_i;
    open_far();
    for (uint64_t n = 0;; n++) {
        ck_assert_uint_lt(n, 100);
        it_alloc_init_countdown(&mem, n);
        int err = begin(&mem, kind, true);
        if (err >= 0)
            err = ask(kind, "both.tank");
        it_proxy_free(P);
        ck_assert_int_eq(mem.live, 0);
        if (err >= 0)
            break;
        ck_assert_int_eq(err, IT_ERR_NOMEM);
    }
    ck_assert_uint_eq(n_opened, 1);
    it_dns_server_free(Far);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proxy/server_names");
    TCase *t = tcase_create("names");
    tcase_add_loop_test(t, a_name_is_asked_for_and_its_address_reached, 0, 10);
    tcase_add_loop_test(t, no_name_no_answer_no_route_and_no_reach_are_told_apart, 0, 2);
    tcase_add_loop_test(t, an_address_of_a_family_that_the_proxy_lacks_is_no_way, 0, 2);
    tcase_add_loop_test(t, addresses_are_tried_in_turn_after_a_refusal_and_after_silence, 0, 4);
    tcase_add_test(t, a_client_that_goes_before_the_answer_opens_nothing);
    tcase_add_test(t, datagrams_to_a_name_go_once_it_is_known);
    tcase_add_loop_test(t, every_failed_allocation_is_said_and_leaves_nothing, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
