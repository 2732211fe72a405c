/* NAT-PMP and PCP: messages, the server before a pretended box, the client before the server. */
#include "stack/portmap/client.h"
#include "stack/portmap/server.h"

#include <check.h>
#include <string.h>

static it_alloc Mem;
static it_portmap_server *S;
static it_portmap_client *C;
static uint8_t Deny;         /* what the box answers */
static it_portmap_want Last; /* what it was asked */
static int Asked;

static it_addr Ad(const char *s)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, s), 0);
    return a;
}

#define GW "10.0.0.1:5351"
#define ME "10.0.0.2:40000"

static void serve(bool natpmp, bool pcp)
{
    it_portmap_server_cfg cfg = {.alloc = &Mem, .natpmp = natpmp, .pcp = pcp, .external = Ad("203.0.113.1:0").ip};
    S = it_portmap_server_new(&cfg, 0);
    ck_assert_ptr_nonnull(S);
    Deny = 0;
    Asked = 0;
}

/* The box: gives the wanted port, or 7777. */
static void box(it_time now)
{
    while (it_portmap_server_want(S, &Last) == 1) {
        Asked++;
        it_addr ext = it_addr_of(Ad("203.0.113.1:0").ip, Last.external.port ? Last.external.port : 7777);
        it_portmap_server_done(S, now, &(it_portmap_done){Deny, ext, Last.lifetime});
    }
}

/* |m| from |from|; the answer in |*r|, false when none comes. */
static bool request(it_time now, const it_portmap_msg *m, const char *from, it_portmap_msg *r)
{
    uint8_t buf[IT_PORTMAP_MAX], out[IT_PORTMAP_MAX];
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = 1,
                .local = Ad(GW),
                .remote = Ad(from),
                .data = it_portmap_write(m, buf, sizeof buf)},
          o;
    ck_assert_int_eq(it_portmap_server_input(S, now, &in), (int)in.data.n);
    box(now);
    if (it_portmap_server_output(S, now, &o, out, sizeof out) != 1)
        return false;
    ck_assert(it_addr_eq(o.remote, Ad(from)) && it_addr_eq(o.local, Ad(GW)));
    ck_assert_int_ne(it_portmap_parse(r, o.data), IT_ERR_PARSE);
    return true;
}

static it_portmap_msg pcp_map(void)
{
    it_portmap_msg m = {.version = IT_PORTMAP_PCP,
                        .op = IT_PORTMAP_MAP,
                        .lifetime = 600,
                        .client = Ad(ME).ip,
                        .proto = 17,
                        .internal = 5000};
    memset(m.nonce, 7, sizeof m.nonce);
    m.external = it_addr_of(it_ip4(0), 6000);
    return m;
}

/* --- messages --- */

START_TEST(messages_have_the_bytes_of_the_rfcs)
{
    uint8_t buf[IT_PORTMAP_MAX];
    it_portmap_msg m = {.op = IT_PORTMAP_MAP, .proto = 6, .internal = 80, .external = {{0, 0}, 8080}, .lifetime = 7200};
    it_bytes b = it_portmap_write(&m, buf, sizeof buf);
    ck_assert_uint_eq(b.n, 12);
    ck_assert_mem_eq(b.p, "\0\2\0\0\0\x50\x1f\x90\0\0\x1c\x20", 12); /* RFC 6886 section 3.3 */
    m = (it_portmap_msg){.op = IT_PORTMAP_ANNOUNCE};
    ck_assert_uint_eq(it_portmap_write(&m, buf, sizeof buf).n, 2);
    m = pcp_map();
    b = it_portmap_write(&m, buf, sizeof buf);
    ck_assert_uint_eq(b.n, 60);
    static const uint8_t head[] = {2, 1, 0, 0, 0, 0, 2, 0x58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2};
    ck_assert_mem_eq(b.p, head, sizeof head); /* RFC 6887 section 7.1 */
    ck_assert_mem_eq(b.p + 36, "\x11\0\0\0\x13\x88\x17\x70", 8);
    ck_assert_uint_eq(it_portmap_write(&m, buf, 59).n, 0);
}
END_TEST

START_TEST(messages_read_as_they_were_written)
{
    uint8_t buf[IT_PORTMAP_MAX];
    it_portmap_msg m = pcp_map(), r;
    m.op = (uint8_t)_i;
    m.prefer_failure = _i == IT_PORTMAP_MAP;
    m.peer = _i == IT_PORTMAP_PEER ? Ad("198.51.100.1:9") : (it_addr){{0, 0}, 0};
    ck_assert_int_eq(it_portmap_parse(&r, it_portmap_write(&m, buf, sizeof buf)), 0);
    ck_assert(r.op == m.op && r.lifetime == 600 && it_ip_eq(r.client, m.client) &&
              r.prefer_failure == m.prefer_failure);
    if (_i)
        ck_assert(r.internal == 5000 && r.proto == 17 && it_addr_eq(r.external, m.external) &&
                  it_addr_eq(r.peer, m.peer));
}
END_TEST

START_TEST(random_bytes_do_no_harm)
{
    it_rng rng;
    it_rng_init(&rng, (uint64_t)_i, "portmap");
    serve(true, true);
    for (int k = 0; k < 20000; k++) {
        uint8_t b[100], out[IT_PORTMAP_MAX];
        size_t n = (size_t)it_rng_below(&rng, sizeof b);
        for (size_t i = 0; i < n; i++)
            b[i] = (uint8_t)(it_rng_below(&rng, 2) ? it_rng_below(&rng, 3) : it_rng_below(&rng, 256));
        it_io in = {.kind = IT_IO_DGRAM, .flow = 1, .local = Ad(GW), .remote = Ad(ME), .data = it_bytes_of(b, n)}, o;
        (void)it_portmap_server_input(S, 0, &in);
        box(0);
        while (it_portmap_server_output(S, 0, &o, out, sizeof out) == 1)
            ck_assert_uint_le(o.data.n, IT_PORTMAP_MAX);
    }
    it_portmap_server_free(S);
}
END_TEST

/* --- server --- */

START_TEST(pcp_maps)
{
    it_portmap_msg m = pcp_map(), r;
    serve(false, true);
    ck_assert(request(5 * IT_SEC, &m, ME, &r));
    ck_assert_int_eq(r.result, IT_PORTMAP_OK);
    ck_assert(r.lifetime == 600 && r.epoch == 5 && r.internal == 5000);
    ck_assert(it_addr_eq(r.external, Ad("203.0.113.1:6000")));
    ck_assert_mem_eq(r.nonce, m.nonce, 12);
    ck_assert(it_addr_eq(Last.internal, Ad("10.0.0.2:5000")) && it_ip_none(Last.external.ip) &&
              Last.external.port == 6000);
    it_portmap_server_free(S);
}
END_TEST

START_TEST(lifetimes_are_kept_within_limits)
{
    static const uint32_t L[][2] = {{1, 120}, {120, 120}, {600, 600}, {86400, 86400}, {4000000000u, 86400}, {0, 0}};
    it_portmap_msg m = pcp_map(), r;
    serve(false, true);
    m.lifetime = L[_i][0];
    ck_assert(request(0, &m, ME, &r));
    ck_assert_uint_eq(r.lifetime, L[_i][1]);
    ck_assert_uint_eq(Last.lifetime, L[_i][1]);
    it_portmap_server_free(S);
}
END_TEST

START_TEST(pcp_refuses_what_it_must)
{
    it_portmap_msg m = pcp_map(), r;
    const char *from = ME;
    uint8_t want[] = {IT_PORTMAP_ADDRESS_MISMATCH, IT_PORTMAP_MALFORMED /* PEER without a peer */,
                      IT_PORTMAP_UNSUPP_PROTOCOL,  IT_PORTMAP_UNSUPP_PROTOCOL,
                      IT_PORTMAP_MALFORMED,        IT_PORTMAP_NO_RESOURCES};
    serve(false, true);
    if (_i == 0)
        from = "10.0.0.3:40000"; /* section 8.2: there is a NAT between */
    m.op = _i == 1 ? IT_PORTMAP_PEER : IT_PORTMAP_MAP;
    m.proto = _i == 2 ? 132 : _i == 4 ? 0 : 17;
    m.internal = _i == 3 ? 0 : 5000;
    Deny = _i == 5 ? IT_PORTMAP_NO_RESOURCES : 0;
    ck_assert(request(0, &m, from, &r));
    ck_assert_int_eq(r.result, want[_i]);
    ck_assert_uint_eq(r.lifetime, _i == 5 ? 30 : 1800); /* section 7.4: how long the error stands */
    ck_assert_int_eq(Asked, _i == 5);
    it_portmap_server_free(S);
}
END_TEST

START_TEST(a_mapping_belongs_to_its_nonce)
{
    /* Section 11.3. */
    it_portmap_msg m = pcp_map(), r, other = pcp_map();
    other.nonce[3] ^= 1;
    serve(false, true);
    ck_assert(request(0, &m, ME, &r));
    other.lifetime = 0;
    ck_assert(request(IT_SEC, &other, ME, &r));
    ck_assert_int_eq(r.result, IT_PORTMAP_NOT_AUTHORIZED);
    ck_assert(request(IT_SEC, &m, ME, &r));
    ck_assert_int_eq(r.result, IT_PORTMAP_OK);
    other.lifetime = 600;
    ck_assert(request(601 * IT_SEC - 1, &other, ME, &r));
    ck_assert_int_eq(r.result, IT_PORTMAP_NOT_AUTHORIZED);
    ck_assert(request(601 * IT_SEC, &other, ME, &r)); /* it has ended */
    ck_assert_int_eq(r.result, IT_PORTMAP_OK);
    it_portmap_server_free(S);
}
END_TEST

START_TEST(natpmp_maps_and_tells_its_address)
{
    it_portmap_msg m = {.op = IT_PORTMAP_ANNOUNCE}, r;
    serve(true, false);
    ck_assert(request(3 * IT_SEC, &m, ME, &r));
    ck_assert(r.result == 0 && r.epoch == 3 && it_ip_eq(r.external.ip, Ad("203.0.113.1:0").ip));
    m = (it_portmap_msg){.op = IT_PORTMAP_MAP, .proto = 6, .internal = 80, .lifetime = 7200};
    ck_assert(request(0, &m, ME, &r));
    ck_assert(r.result == 0 && r.external.port == 7777 && r.lifetime == 7200 && r.proto == 6 && r.internal == 80);
    m.lifetime = 0;
    ck_assert(request(0, &m, ME, &r));
    ck_assert(r.result == 0 && r.external.port == 0 && r.lifetime == 0); /* RFC 6886 section 3.4 */
    Deny = IT_PORTMAP_QUOTA;
    m.lifetime = 7200;
    ck_assert(request(0, &m, ME, &r));
    ck_assert_int_eq(r.result, 4); /* out of resources, by its own code */
    it_portmap_server_free(S);
}
END_TEST

START_TEST(a_version_that_is_not_spoken_is_said_so)
{
    it_portmap_msg m = pcp_map(), r;
    serve(_i == 0, _i == 1);
    if (_i)
        m = (it_portmap_msg){.op = IT_PORTMAP_ANNOUNCE};
    ck_assert(request(0, &m, ME, &r));
    ck_assert_int_eq(r.version, _i ? IT_PORTMAP_PCP : IT_PORTMAP_NATPMP);
    ck_assert_int_eq(r.result, IT_PORTMAP_UNSUPP_VERSION);
    it_portmap_server_free(S);
}
END_TEST

/* --- client --- */

static void start(it_time give_up)
{
    it_portmap_client_cfg cfg = {.alloc = &Mem,
                                 .server = Ad(GW),
                                 .local = Ad(ME),
                                 .proto = 17,
                                 .internal = 5000,
                                 .external = 6000,
                                 .lifetime = 600,
                                 .give_up = give_up};
    it_rng_init(&cfg.rng, 5, "client");
    C = it_portmap_client_new(&cfg, 0);
    ck_assert_ptr_nonnull(C);
}

static int Sent;

/* Runs client and server (unless |deaf|) up to |until|; the first event on the way. */
static bool run(it_time *now, it_time until, bool deaf, it_portmap_event *ev)
{
    for (;;) {
        uint8_t b[IT_PORTMAP_MAX], a[IT_PORTMAP_MAX];
        it_io out, back;
        (void)it_portmap_client_tick(C, *now);
        while (it_portmap_client_output(C, *now, &out, b, sizeof b) == 1) {
            Sent++;
            if (deaf)
                continue;
            it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .local = out.remote, .remote = out.local, .data = out.data};
            (void)it_portmap_server_input(S, *now, &in);
            box(*now);
            while (it_portmap_server_output(S, *now, &back, a, sizeof a) == 1) {
                it_io r = {
                    .kind = IT_IO_DGRAM, .flow = 0, .local = back.remote, .remote = back.local, .data = back.data};
                (void)it_portmap_client_input(C, *now, &r);
            }
        }
        if (it_portmap_client_event(C, ev) == 1)
            return true;
        if (it_portmap_client_next(C) > until) {
            *now = until;
            return false;
        }
        *now = it_portmap_client_next(C);
    }
}

START_TEST(a_client_gets_its_mapping_by_what_the_server_speaks)
{
    it_portmap_event ev;
    it_time now = 0;
    serve(_i != 1, _i != 0);
    start(0);
    ck_assert(run(&now, 10 * IT_SEC, false, &ev));
    ck_assert_int_eq(ev.kind, IT_PORTMAP_EV_MAPPED);
    ck_assert_str_eq(ev.how, _i == 0 ? "natpmp" : "pcp");
    ck_assert(it_addr_eq(ev.external, Ad("203.0.113.1:6000")));
    ck_assert_uint_eq(ev.lifetime, 600);
    ck_assert_int_eq(now, 0);
    it_portmap_client_free(C);
    it_portmap_server_free(S);
    ck_assert_int_eq(Mem.live, 0);
}
END_TEST

START_TEST(a_mapping_is_renewed_until_it_is_released)
{
    it_portmap_event ev;
    it_time now = 0;
    serve(_i == 0, _i == 1);
    start(0);
    ck_assert(run(&now, IT_SEC, false, &ev));
    int asked = Asked;
    ck_assert(!run(&now, 3000 * IT_SEC, false, &ev));
    ck_assert_int_ge(Asked - asked, 8); /* every 300 to 375 s */
    ck_assert_int_le(Asked - asked, 10);
    it_portmap_client_release(C, now);
    ck_assert(!run(&now, now, false, &ev));
    ck_assert_uint_eq(Last.lifetime, 0);
    ck_assert_int_eq(it_portmap_client_next(C), IT_NEVER);
    it_portmap_client_free(C);
    it_portmap_server_free(S);
}
END_TEST

START_TEST(a_server_that_falls_silent_loses_the_mapping_at_its_end)
{
    it_portmap_event ev;
    it_time now = 0;
    serve(false, true);
    start(0);
    ck_assert(run(&now, IT_SEC, false, &ev));
    Sent = 0;
    ck_assert(run(&now, 1000 * IT_SEC, true, &ev));
    ck_assert_int_eq(ev.kind, IT_PORTMAP_EV_LOST);
    ck_assert_int_eq(now, 600 * IT_SEC);
    ck_assert_int_ge(Sent, 4); /* section 11.2.1: closer and closer together */
    it_portmap_client_free(C);
    it_portmap_server_free(S);
}
END_TEST

START_TEST(without_a_server_a_client_gives_up)
{
    it_portmap_event ev;
    it_time now = 0;
    Sent = 0;
    start(_i ? 5 * IT_SEC : 0);
    ck_assert(run(&now, 1000 * IT_SEC, true, &ev));
    ck_assert_int_eq(ev.kind, IT_PORTMAP_EV_FAILED);
    if (_i) {
        ck_assert(now >= 5 * IT_SEC && now < 12 * IT_SEC);
    } else {
        ck_assert_int_ge(Sent, 2 + 9); /* PCP for a while, then RFC 6886 section 3.1's nine */
        ck_assert(now > 128 * IT_SEC && now < 150 * IT_SEC);
    }
    it_portmap_client_free(C);
}
END_TEST

/* RFC 6886 section 3.2.1, RFC 6887 section 14.1.3 */
START_TEST(a_server_that_lost_its_state_says_so_ten_times)
{
    static const char *const FROM[] = {GW, "[fd00::1]:5351"};
    for (int v6 = 0; v6 < 2; v6++) {
        it_time now = 100 * IT_SEC, last = 0, wait = 0;
        int pmp = 0, pcp = 0;
        serve(true, true);
        it_portmap_server_reset(S, now, Ad("203.0.113.9:0").ip);
        it_portmap_server_announce(S, now, 7, Ad(FROM[v6]));
        for (;;) {
            uint8_t buf[IT_PORTMAP_MAX];
            it_io o;
            it_portmap_msg m;
            while (it_portmap_server_output(S, now, &o, buf, sizeof buf) == 1) {
                ck_assert_int_eq(it_portmap_parse(&m, o.data), 0);
                ck_assert(m.response && m.op == IT_PORTMAP_ANNOUNCE && m.result == 0 &&
                          m.epoch == (uint32_t)((now - 100 * IT_SEC) / IT_SEC));
                ck_assert(o.flow == 7 && it_addr_eq(o.local, Ad(FROM[v6])) &&
                          it_addr_eq(o.remote, Ad(v6 ? "[ff02::1]:5350" : "224.0.0.1:5350")));
                pmp += m.version == IT_PORTMAP_NATPMP;
                pcp += m.version == IT_PORTMAP_PCP;
                if (m.version == IT_PORTMAP_NATPMP)
                    ck_assert(it_ip_eq(m.external.ip, Ad("203.0.113.9:0").ip));
            }
            if (it_portmap_server_next(S) == IT_NEVER)
                break;
            last = now;
            now = it_portmap_server_next(S);
            ck_assert_int_eq(now - last, wait ? 2 * wait : 250 * IT_MS);
            wait = now - last;
            ck_assert_int_eq(it_portmap_server_tick(S, now), 0);
        }
        ck_assert_int_eq(pcp, 10);
        ck_assert_int_eq(pmp, v6 ? 0 : 10);
        it_portmap_server_free(S);
    }
}
END_TEST

/* RFC 6887 sections 8.5 and 14.1.3, RFC 6886 section 3.7: an epoch that does not fit makes the client ask anew within 5
 * s. */
START_TEST(an_epoch_says_whether_state_was_lost)
{
    static const struct {
        uint32_t epoch; /* told 100 s after the last one, which was 1000 */
        bool lost;
    } T[] = {{1100, false}, {1099, false}, {1107, false}, {1092, false}, {0, true},
             {998, true},   {1080, true},  {1120, true},  {5000, true}};
    for (uint8_t version = 0; version <= 2; version += 2) {
        uint8_t buf[IT_PORTMAP_MAX];
        it_portmap_event ev;
        it_time now = 0;
        serve(version == 0, version == 2);
        it_portmap_server_free(S);
        it_portmap_server_cfg cfg = {
            .alloc = &Mem, .natpmp = version == 0, .pcp = version == 2, .external = Ad("203.0.113.1:0").ip};
        S = it_portmap_server_new(&cfg, -1000 * IT_SEC);
        start(0);
        ck_assert(run(&now, 10 * IT_SEC, false, &ev) && now == 0);
        int asked = Asked;
        now = 100 * IT_SEC;
        it_portmap_msg m = {.version = version,
                            .response = true,
                            .op = IT_PORTMAP_ANNOUNCE,
                            .epoch = T[_i].epoch,
                            .external = Ad("203.0.113.1:0")};
        it_io in = {.kind = IT_IO_DGRAM,
                    .flow = 0,
                    .local = Ad("224.0.0.1:5350"),
                    .remote = Ad("10.0.0.66:5351"),
                    .data = it_portmap_write(&m, buf, sizeof buf)};
        (void)it_portmap_client_input(C, now, &in); /* of somebody else: passed over */
        ck_assert(!run(&now, 106 * IT_SEC, false, &ev) && Asked == asked);
        now = 100 * IT_SEC;
        in.remote = Ad(GW);
        (void)it_portmap_client_input(C, now, &in);
        ck_assert_int_eq(it_portmap_client_next(C) <= 105 * IT_SEC, T[_i].lost);
        it_io none;
        ck_assert_int_eq(it_portmap_client_output(C, now, &none, buf, sizeof buf),
                         0); /* at a random moment, not all hosts at once */
        (void)run(&now, 106 * IT_SEC, false, &ev);
        ck_assert_int_eq(Asked - asked, T[_i].lost);
        it_portmap_client_free(C);
        it_portmap_server_free(S);
        ck_assert_int_eq(Mem.live, 0);
    }
}
END_TEST

/* RFC 6887 section 8.5: an epoch that goes back by more than a second, whatever the time since. */
START_TEST(an_epoch_that_goes_back_at_once_says_so)
{
    uint8_t buf[IT_PORTMAP_MAX];
    it_portmap_event ev;
    it_time now = 0;
    it_portmap_server_cfg cfg = {.alloc = &Mem, .pcp = true, .external = Ad("203.0.113.1:0").ip};
    serve(false, true);
    it_portmap_server_free(S);
    S = it_portmap_server_new(&cfg, -1000 * IT_SEC);
    start(0);
    ck_assert(run(&now, IT_SEC, false, &ev) && now == 0);
    it_portmap_msg m = {
        .version = IT_PORTMAP_PCP, .response = true, .op = IT_PORTMAP_ANNOUNCE, .epoch = (uint32_t)(999 - _i)};
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = 0,
                .local = Ad("224.0.0.1:5350"),
                .remote = Ad(GW),
                .data = it_portmap_write(&m, buf, sizeof buf)};
    (void)it_portmap_client_input(C, 0, &in);
    ck_assert_int_eq(it_portmap_client_next(C) <= 5 * IT_SEC, _i);
    it_portmap_client_free(C);
    it_portmap_server_free(S);
}
END_TEST

START_TEST(an_error_ends_the_asking)
{
    it_portmap_event ev;
    it_time now = 0;
    serve(true, true);
    Deny = IT_PORTMAP_QUOTA;
    start(0);
    ck_assert(run(&now, 10 * IT_SEC, false, &ev));
    ck_assert(ev.kind == IT_PORTMAP_EV_FAILED && ev.result == IT_PORTMAP_QUOTA);
    it_portmap_client_free(C);
    start(0);
    it_portmap_client_refused(C, 0);
    ck_assert(it_portmap_client_event(C, &ev) == 1 && ev.kind == IT_PORTMAP_EV_FAILED);
    it_portmap_client_free(C);
    it_portmap_server_free(S);
}
END_TEST

START_TEST(answers_of_others_are_not_taken)
{
    it_portmap_event ev;
    uint8_t buf[IT_PORTMAP_MAX];
    start(0);
    it_portmap_msg m = pcp_map(); /* another nonce */
    m.response = true;
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = 0,
                .local = Ad(ME),
                .remote = Ad(GW),
                .data = it_portmap_write(&m, buf, sizeof buf)};
    (void)it_portmap_client_input(C, 0, &in);
    ck_assert_int_eq(it_portmap_client_event(C, &ev), 0);
    it_portmap_client_free(C);
}
END_TEST

START_TEST(memory_may_run_out)
{
    it_alloc a;
    it_alloc_init_countdown(&a, 0);
    it_portmap_server_cfg s = {.alloc = &a, .pcp = true};
    it_portmap_client_cfg c = {.alloc = &a};
    ck_assert_ptr_null(it_portmap_server_new(&s, 0));
    ck_assert_ptr_null(it_portmap_client_new(&c, 0));
    it_alloc_init_countdown(&a,
                            1); /* the owners' table does not fit: a mapping that anybody could take away is not made */
    S = it_portmap_server_new(&s, 0);
    it_portmap_msg m = pcp_map(), r;
    Deny = 0;
    ck_assert(request(0, &m, ME, &r));
    ck_assert_int_eq(r.result, IT_PORTMAP_NO_RESOURCES);
    it_portmap_server_free(S);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

static Suite *suite(void)
{
    it_alloc_init(&Mem);
    Suite *s = suite_create("portmap");
    TCase *t = tcase_create("RFC 6886 3, RFC 6887 7 messages");
    tcase_add_test(t, messages_have_the_bytes_of_the_rfcs);
    tcase_add_loop_test(t, messages_read_as_they_were_written, 0, 3);
    tcase_add_loop_test(t, random_bytes_do_no_harm, 0, 4);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6887 8, 11 server");
    tcase_add_test(t, pcp_maps);
    tcase_add_loop_test(t, lifetimes_are_kept_within_limits, 0, 6);
    tcase_add_loop_test(t, pcp_refuses_what_it_must, 0, 6);
    tcase_add_test(t, a_mapping_belongs_to_its_nonce);
    tcase_add_test(t, natpmp_maps_and_tells_its_address);
    tcase_add_test(t, a_server_that_lost_its_state_says_so_ten_times);
    tcase_add_loop_test(t, a_version_that_is_not_spoken_is_said_so, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("client");
    tcase_add_loop_test(t, a_client_gets_its_mapping_by_what_the_server_speaks, 0, 3);
    tcase_add_loop_test(t, a_mapping_is_renewed_until_it_is_released, 0, 2);
    tcase_add_test(t, a_server_that_falls_silent_loses_the_mapping_at_its_end);
    tcase_add_loop_test(t, without_a_server_a_client_gives_up, 0, 2);
    tcase_add_loop_test(t, an_epoch_says_whether_state_was_lost, 0, 9);
    tcase_add_loop_test(t, an_epoch_that_goes_back_at_once_says_so, 0, 2);
    tcase_add_test(t, an_error_ends_the_asking);
    tcase_add_test(t, answers_of_others_are_not_taken);
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
