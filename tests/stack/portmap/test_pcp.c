/* PCP beyond a plain mapping: options, PEER, result codes on the wire, quotas, who owns what; both ends of the
 * protocol. */
#include "stack/portmap/client.h"
#include "stack/portmap/server.h"

#include <check.h>
#include <string.h>

#define GW "10.0.0.1:5351"
#define ME "10.0.0.2:40000"
#define FAR "198.51.100.9:7000"

static it_alloc Mem;
static it_portmap_server *S;
static it_portmap_server_cfg Cfg;
static it_portmap_done Give; /* what the box answers; an external port of 0: the wanted one or 7777 */
static it_portmap_want Last;
static it_portmap_filter Filters[IT_PORTMAP_FILTERS]; /* of Last */
static int Asked;

static it_addr Ad(const char *s)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, s), 0);
    return a;
}

static void serve(void)
{
    Cfg.alloc = &Mem;
    Cfg.pcp = true;
    Cfg.external = Ad("203.0.113.1:0").ip;
    S = it_portmap_server_new(&Cfg, 0);
    ck_assert_ptr_nonnull(S);
    Give = (it_portmap_done){0};
    Asked = 0;
}

static void box(it_time now)
{
    while (it_portmap_server_want(S, &Last) == 1) {
        it_portmap_done d = Give;
        Asked++;
        memcpy(Filters, Last.filters, Last.n_filters * sizeof *Filters);
        if (!d.external.port)
            d.external = it_addr_of(Cfg.external, Last.external.port ? Last.external.port : 7777);
        if (!d.lifetime)
            d.lifetime = Last.lifetime;
        it_portmap_server_done(S, now, &d);
    }
}

/* Sends |raw| from ME; the answer's bytes in |out|. */
static it_bytes exchange(it_time now, it_bytes raw, uint8_t out[IT_PORTMAP_MAX])
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = 1, .local = Ad(GW), .remote = Ad(ME), .data = raw}, o;
    (void)it_portmap_server_input(S, now, &in);
    box(now);
    return it_portmap_server_output(S, now, &o, out, IT_PORTMAP_MAX) == 1 ? o.data : it_bytes_of(NULL, 0);
}

static it_portmap_msg Req(uint8_t op)
{
    it_portmap_msg m = {
        .version = IT_PORTMAP_PCP, .op = op, .lifetime = 600, .client = Ad(ME).ip, .proto = 17, .internal = 5000};
    memset(m.nonce, 7, sizeof m.nonce);
    m.external = it_addr_of(it_ip4(0), op == IT_PORTMAP_MAP ? 6000 : 0);
    m.peer = op == IT_PORTMAP_PEER ? Ad(FAR) : (it_addr){{0, 0}, 0};
    return m;
}

static it_portmap_msg ask(it_time now, const it_portmap_msg *m)
{
    uint8_t buf[IT_PORTMAP_MAX], out[IT_PORTMAP_MAX];
    it_portmap_msg r;
    it_bytes a = exchange(now, it_portmap_write(m, buf, sizeof buf), out);
    ck_assert_int_eq(it_portmap_parse(&r, a), 0);
    ck_assert(r.response && r.op == m->op);
    return r;
}

static void close_all(void)
{
    it_portmap_server_free(S);
    ck_assert_int_eq(Mem.live, 0);
    memset(&Cfg, 0, sizeof Cfg);
}

/* --- section 7.3, 8.2: requests byte by byte --- */

/* A request with op |op| and these options behind it. */
static it_bytes with_options(const it_portmap_msg *m, const void *options, size_t n, uint8_t buf[2000])
{
    it_bytes b = it_portmap_write(m, buf, 2000);
    memcpy(buf + b.n, options, n);
    return it_bytes_of(buf, b.n + n);
}

#define THIRD "\1\0\0\20\0\0\0\0\0\0\0\0\0\0\xff\xff\12\0\0\3"
#define ME_AS_THIRD "\1\0\0\20\0\0\0\0\0\0\0\0\0\0\xff\xff\12\0\0\2"
#define PREFER "\2\0\0\0"
#define FILTER(bits, port) "\3\0\0\24\0" bits port "\0\0\0\0\0\0\0\0\0\0\xff\xff\306\63\144\0"
#define B(s) s, sizeof s - 1

static const struct option_case {
    uint8_t op;
    uint32_t lifetime;
    uint16_t suggested;
    const char *options;
    size_t n;
    int result;
} OPTIONS[] = {
    {IT_PORTMAP_MAP, 600, 6000, B(""), IT_PORTMAP_OK},
    {IT_PORTMAP_MAP, 600, 6000, B(THIRD), IT_PORTMAP_OK},
    {IT_PORTMAP_PEER, 600, 0, B(THIRD), IT_PORTMAP_OK},
    {IT_PORTMAP_MAP, 0, 0, B(THIRD), IT_PORTMAP_OK},
    {IT_PORTMAP_MAP, 600, 6000, B(THIRD THIRD), IT_PORTMAP_MALFORMED_OPTION}, /* 13.1: once */
    {IT_PORTMAP_MAP, 600, 6000, B(ME_AS_THIRD), IT_PORTMAP_MALFORMED},
    {IT_PORTMAP_MAP, 600, 6000, B("\1\0\0\4\0\0\0\0"), IT_PORTMAP_MALFORMED_OPTION},
    {IT_PORTMAP_ANNOUNCE, 0, 0, B(THIRD), IT_PORTMAP_MALFORMED_OPTION},
    {IT_PORTMAP_MAP, 600, 6000, B(PREFER), IT_PORTMAP_OK},
    {IT_PORTMAP_MAP, 600, 0, B(PREFER), IT_PORTMAP_MALFORMED_OPTION},  /* 13.2 */
    {IT_PORTMAP_MAP, 0, 6000, B(PREFER), IT_PORTMAP_MALFORMED_OPTION}, /* 11.3 */
    {IT_PORTMAP_MAP, 600, 6000, B(PREFER PREFER), IT_PORTMAP_MALFORMED_OPTION},
    {IT_PORTMAP_MAP, 600, 6000, B("\2\0\0\4\0\0\0\0"), IT_PORTMAP_MALFORMED_OPTION},
    {IT_PORTMAP_PEER, 600, 0, B(PREFER), IT_PORTMAP_MALFORMED}, /* 12.1 */
    {IT_PORTMAP_MAP, 600, 6000, B(FILTER("\170", "\0\0")), IT_PORTMAP_OK},
    {IT_PORTMAP_MAP, 600, 6000, B(FILTER("\0", "\0\0") FILTER("\200", "\0\7")), IT_PORTMAP_OK},
    {IT_PORTMAP_MAP, 600, 6000, B(FILTER("\137", "\0\0")), IT_PORTMAP_MALFORMED_OPTION}, /* 13.3: IPv4 has 96 to 128 */
    {IT_PORTMAP_MAP, 600, 6000, B(FILTER("\201", "\0\0")), IT_PORTMAP_MALFORMED_OPTION},
    {IT_PORTMAP_MAP, 0, 0, B(FILTER("\170", "\0\0")), IT_PORTMAP_MALFORMED_OPTION},
    {IT_PORTMAP_PEER, 600, 0, B(FILTER("\170", "\0\0")), IT_PORTMAP_MALFORMED_OPTION},
    {IT_PORTMAP_MAP, 600, 6000, B("\3\0\0\4\0\0\0\0"), IT_PORTMAP_MALFORMED_OPTION},
    {IT_PORTMAP_MAP, 600, 6000, B("\4\0\0\0"), IT_PORTMAP_UNSUPP_OPTION}, /* 7.3: mandatory to process */
    {IT_PORTMAP_ANNOUNCE, 0, 0, B("\177\0\0\0"), IT_PORTMAP_UNSUPP_OPTION},
    {IT_PORTMAP_MAP, 600, 6000, B("\200\0\0\1x\0\0\0"), IT_PORTMAP_OK}, /* optional, passed over */
    {IT_PORTMAP_MAP, 600, 6000, B("\200\0\0\4\0\0\0\0" PREFER), IT_PORTMAP_OK},
    {IT_PORTMAP_MAP, 600, 6000, B("\4\0\0\0\200\0\0\5\0\0\0\0"),
     IT_PORTMAP_MALFORMED_OPTION}, /* the structure comes first */
    {IT_PORTMAP_MAP, 600, 6000, B("\200\0\4\0"), IT_PORTMAP_MALFORMED_OPTION},
};

START_TEST(an_option_is_processed_refused_or_passed_over)
{
    const struct option_case *o = &OPTIONS[_i];
    uint8_t buf[2000], out[IT_PORTMAP_MAX];
    it_portmap_msg m = Req(o->op), r;
    Cfg.third_party = true;
    serve();
    m.lifetime = o->lifetime;
    m.external.port = o->suggested;
    it_bytes raw = with_options(&m, o->options, o->n, buf), a = exchange(0, raw, out);
    ck_assert_int_eq(it_portmap_parse(&r, a), 0);
    ck_assert_int_eq(r.result, o->result);
    ck_assert_int_eq(Asked, o->result == 0 && o->op != IT_PORTMAP_ANNOUNCE);
    if (o->result) {
        /* A copy of the request but for the header. */
        ck_assert_uint_eq(a.n, raw.n);
        ck_assert_mem_eq(a.p + 24, raw.p + 24, raw.n - 24);
        ck_assert_mem_eq(a.p + 12, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
        ck_assert_uint_eq(r.lifetime, 1800);
    } else {
        bool optional = o->n && (uint8_t)o->options[0] >= 128;
        size_t kept = optional ? (o->n == 12 ? 4 : 0) : o->n; /* what was processed is in the answer */
        ck_assert_uint_eq(a.n, raw.n - o->n + kept);
        if (kept)
            ck_assert_mem_eq(a.p + a.n - kept, o->options + o->n - kept, kept);
    }
    close_all();
}
END_TEST

START_TEST(options_reach_the_box)
{
    uint8_t buf[2000], out[IT_PORTMAP_MAX];
    it_portmap_msg m = Req(IT_PORTMAP_MAP);
    static const char MANY[] = FILTER("\170", "\0\7") FILTER("\0", "\0\0") FILTER("\200", "\0\11") THIRD PREFER;
    Cfg.third_party = true;
    serve();
    (void)exchange(0, with_options(&m, B(MANY), buf), out);
    ck_assert(Last.unfilter && Last.n_filters == 1 && Last.exactly &&
              Last.pcp); /* 13.3: the prefix of length 0 takes the one before away, too */
    ck_assert(Filters[0].who.bits == 128 && Filters[0].port == 9 &&
              it_ip_eq(Filters[0].who.ip, Ad("198.51.100.0:0").ip));
    ck_assert(it_addr_eq(Last.internal, Ad("10.0.0.3:5000")));
    m.external.port = 0;
    (void)exchange(0, with_options(&m, B(FILTER("\170", "\0\7")), buf), out);
    ck_assert(!Last.unfilter && Last.n_filters == 1 && !Last.exactly);
    close_all();
}
END_TEST

START_TEST(a_request_of_the_wrong_size_is_told_so)
{
    /* section 8.2: without a header silence; else MALFORMED_REQUEST, padded and at most 1100 bytes. */
    static const struct {
        size_t n, answer;
    } T[] = {{1, 0}, {2, 0}, {23, 0}, {24, 24}, {28, 28}, {58, 60}, {61, 64}, {1104, 1100}, {1101, 1100}};
    uint8_t buf[2000] = {0}, out[IT_PORTMAP_MAX];
    it_portmap_msg m = Req(IT_PORTMAP_MAP), r;
    serve();
    (void)it_portmap_write(&m, buf, sizeof buf);
    it_bytes a = exchange(0, it_bytes_of(buf, T[_i].n), out);
    ck_assert_uint_eq(a.n, T[_i].answer);
    if (a.n) {
        ck_assert(a.p[0] == 2 && a.p[1] == 0x81 && a.p[3] == IT_PORTMAP_MALFORMED && it_get32(a.p + 4) == 1800);
        ck_assert_int_eq(it_portmap_parse(&r, a),
                         a.n < 60 ? IT_ERR_PARSE : 0); /* a client ignores what is too short to tell what it answers */
    }
    ck_assert_int_eq(Asked, 0);
    close_all();
}
END_TEST

START_TEST(an_opcode_or_version_that_is_none_is_copied_back)
{
    uint8_t buf[2000], out[IT_PORTMAP_MAX];
    it_portmap_msg m = Req(IT_PORTMAP_MAP);
    serve();
    it_bytes raw = it_portmap_write(&m, buf, sizeof buf);
    buf[_i ? 0 : 1] = 99;
    it_bytes a = exchange(0, raw, out);
    ck_assert_uint_eq(a.n, raw.n);
    ck_assert(a.p[0] == 2 && a.p[1] == (_i ? 0x81 : 99 | 0x80));
    ck_assert_int_eq(a.p[3], _i ? IT_PORTMAP_UNSUPP_VERSION : IT_PORTMAP_UNSUPP_OPCODE);
    ck_assert_mem_eq(a.p + 24, raw.p + 24, raw.n - 24);
    a = exchange(0, it_bytes_of((const uint8_t *)"\0\0", 2), out); /* NAT-PMP to a server of PCP: appendix A */
    ck_assert(a.n == 24 && a.p[0] == 2 && a.p[1] == 0x80 && a.p[3] == IT_PORTMAP_UNSUPP_VERSION);
    close_all();
}
END_TEST

/* --- opcodes --- */

START_TEST(peer_tells_of_the_flow)
{
    it_portmap_msg m = Req(IT_PORTMAP_PEER), r;
    serve();
    Give.lifetime = 900; /* it lives longer than was asked for: 12.3 */
    r = ask(0, &m);
    ck_assert(r.result == 0 && r.lifetime == 900 && r.external.port == 7777 && it_addr_eq(r.peer, Ad(FAR)) &&
              r.internal == 5000);
    ck_assert(it_addr_eq(Last.peer, Ad(FAR)) && Last.exactly && Last.lifetime == 600);
    m.lifetime = 1; /* no least time: it may be a question */
    (void)ask(0, &m);
    ck_assert_uint_eq(Last.lifetime, 1);
    m.nonce[0]++;
    r = ask(IT_SEC, &m);
    ck_assert_int_eq(r.result, IT_PORTMAP_NOT_AUTHORIZED);
    ck_assert_uint_eq(r.lifetime, 899); /* as long as it is another's */
    m.peer.port++;
    ck_assert_int_eq(ask(IT_SEC, &m).result, IT_PORTMAP_OK); /* another flow */
    it_portmap_msg map = Req(IT_PORTMAP_MAP);
    map.nonce[0] = 99;
    ck_assert_int_eq(ask(IT_SEC, &map).result, IT_PORTMAP_OK); /* 11.3: a mapping is no flow */
    close_all();
}
END_TEST

static void p_proto(it_portmap_msg *m)
{
    m->proto = 0;
}
static void p_port(it_portmap_msg *m)
{
    m->internal = 0;
}
static void p_peer_port(it_portmap_msg *m)
{
    m->peer.port = 0;
}
static void p_peer(it_portmap_msg *m)
{
    m->peer.ip = (it_ip){0, 0};
}
static void p_family(it_portmap_msg *m)
{
    m->peer = Ad("[2001:db8::1]:7000");
}
static void p_sctp(it_portmap_msg *m)
{
    m->proto = 132;
}

START_TEST(peer_needs_a_whole_flow)
{
    static void (*const SPOIL[])(it_portmap_msg *) = {p_proto, p_port, p_peer_port, p_peer, p_family, p_sctp};
    it_portmap_msg m = Req(IT_PORTMAP_PEER);
    serve();
    SPOIL[_i](&m);
    ck_assert_int_eq(ask(0, &m).result, _i == 5 ? IT_PORTMAP_UNSUPP_PROTOCOL : IT_PORTMAP_MALFORMED);
    ck_assert_int_eq(Asked, 0);
    close_all();
}
END_TEST

START_TEST(what_the_box_says_is_told)
{
    /* section 7.4 and its lifetimes: what passes is short. */
    static const uint8_t CODES[][2] = {{IT_PORTMAP_NETWORK_FAILURE, 30}, {IT_PORTMAP_NO_RESOURCES, 30},
                                       {IT_PORTMAP_QUOTA, 30},           {IT_PORTMAP_CANNOT_EXTERNAL, 30},
                                       {IT_PORTMAP_REMOTE_PEERS, 0},     {IT_PORTMAP_NOT_AUTHORIZED, 0},
                                       {IT_PORTMAP_MALFORMED, 0}};
    it_portmap_msg m = Req(_i % 2 ? IT_PORTMAP_PEER : IT_PORTMAP_MAP), r;
    serve();
    Give.result = CODES[_i / 2][0];
    r = ask(0, &m);
    ck_assert_int_eq(r.result, CODES[_i / 2][0]);
    ck_assert_uint_eq(r.lifetime, CODES[_i / 2][1] ? 30 : 1800);
    ck_assert(it_addr_eq(r.external, m.external)); /* 11.1: the suggestion, copied */
    Give.result = 0;
    m.nonce[0]++;
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK); /* nothing was remembered */
    close_all();
}
END_TEST

START_TEST(a_quota_counts_mappings_and_flows_of_a_host)
{
    it_portmap_msg m = Req(IT_PORTMAP_MAP), p = Req(IT_PORTMAP_PEER);
    Cfg.quota = 2;
    Cfg.third_party = true;
    serve();
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK);
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK); /* the same one */
    ck_assert_int_eq(ask(0, &p).result, IT_PORTMAP_OK);
    m.internal = 5001;
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_QUOTA);
    p.internal = 5001;
    ck_assert_int_eq(ask(0, &p).result, IT_PORTMAP_QUOTA);
    m.third_party = true;
    m.third = Ad("10.0.0.3:0").ip;
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK); /* it is that host's */
    m.third_party = false;
    m.lifetime = 0;
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK); /* deleting what is not there */
    m.internal = 5000;
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK);
    m.internal = 5001;
    m.lifetime = 600;
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK); /* one has been given back */
    p.internal = 5002;
    ck_assert_int_eq(ask(600 * IT_SEC - 1, &p).result, IT_PORTMAP_QUOTA);
    ck_assert_int_eq(ask(600 * IT_SEC, &p).result, IT_PORTMAP_OK); /* they have ended */
    close_all();
}
END_TEST

START_TEST(a_server_has_room_for_so_many)
{
    it_portmap_msg m = Req(IT_PORTMAP_MAP);
    serve();
    for (int i = 0; i < 1024; i++) {
        m.internal = (uint16_t)(1 + i);
        ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK);
    }
    m.internal = 2000;
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_NO_RESOURCES);
    m.internal = 7;
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK);
    close_all();
}
END_TEST

START_TEST(opcodes_and_third_parties_may_be_switched_off)
{
    it_portmap_msg m = Req(_i == 1 ? IT_PORTMAP_PEER : IT_PORTMAP_MAP);
    Cfg.no_map = _i == 0;
    Cfg.no_peer = _i == 1;
    m.third_party = _i == 2;
    m.third = Ad("10.0.0.3:0").ip;
    serve();
    ck_assert_int_eq(ask(0, &m).result, _i == 2 ? IT_PORTMAP_UNSUPP_OPTION : IT_PORTMAP_NOT_AUTHORIZED);
    ck_assert_int_eq(Asked, 0);
    m = Req(_i == 1 ? IT_PORTMAP_MAP : IT_PORTMAP_PEER);
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK);
    close_all();
}
END_TEST

START_TEST(deleting_what_cannot_be_there_succeeds)
{
    /* section 15.1: protocol, internal port, result, whether the box is asked. */
    static const int T[][4] = {{17, 5000, IT_PORTMAP_OK, 1},
                               {17, 0, IT_PORTMAP_OK, 0},
                               {0, 0, IT_PORTMAP_OK, 0},
                               {132, 9, IT_PORTMAP_OK, 0},
                               {0, 9, IT_PORTMAP_MALFORMED, 0}};
    it_portmap_msg m = Req(IT_PORTMAP_MAP), r;
    serve();
    m.lifetime = 0;
    m.proto = (uint8_t)T[_i][0];
    m.internal = (uint16_t)T[_i][1];
    r = ask(0, &m);
    ck_assert_int_eq(r.result, T[_i][2]);
    ck_assert_int_eq(Asked, T[_i][3]);
    ck_assert(r.result || (r.lifetime == 0 && it_addr_eq(r.external, m.external)));
    close_all();
}
END_TEST

START_TEST(a_mapping_that_goes_on_stays_its_owners)
{
    it_portmap_msg m = Req(IT_PORTMAP_MAP), r;
    serve();
    (void)ask(0, &m);
    m.lifetime = 0;
    Give.lifetime = 90; /* section 15: it is in use */
    r = ask(0, &m);
    ck_assert(r.result == 0 && r.lifetime == 90);
    m.nonce[0]++;
    ck_assert_int_eq(ask(89 * IT_SEC, &m).result, IT_PORTMAP_NOT_AUTHORIZED);
    ck_assert_int_eq(ask(90 * IT_SEC, &m).result, IT_PORTMAP_OK);
    close_all();
}
END_TEST

START_TEST(a_static_mapping_is_nobodys)
{
    it_portmap_msg m = Req(IT_PORTMAP_MAP);
    serve();
    Give.lifetime = UINT32_MAX; /* section 11.3: told, and no nonce recorded */
    ck_assert_uint_eq(ask(0, &m).lifetime, UINT32_MAX);
    m.nonce[0]++;
    ck_assert_int_eq(ask(0, &m).result, IT_PORTMAP_OK);
    close_all();
}
END_TEST

/* --- the client --- */

static it_portmap_client *C;
static it_portmap_msg Sent[8];
static int N_sent;

static it_portmap_client_cfg client(void)
{
    it_portmap_client_cfg cfg = {
        .alloc = &Mem, .server = Ad(GW), .local = Ad(ME), .proto = 17, .internal = 5000, .lifetime = 600};
    it_rng_init(&cfg.rng, 5, "client");
    return cfg;
}

/* Passes what the client has to say to the server and back; true when it tells something. */
static bool pass(it_time now, it_portmap_event *ev)
{
    uint8_t buf[IT_PORTMAP_MAX], out[IT_PORTMAP_MAX];
    it_io o;
    N_sent = 0;
    (void)it_portmap_client_tick(C, now);
    while (it_portmap_client_output(C, now, &o, buf, sizeof buf) == 1) {
        (void)!it_portmap_parse(&Sent[N_sent++ & 7], o.data);
        it_io back = {
            .kind = IT_IO_DGRAM, .flow = 0, .local = Ad(ME), .remote = Ad(GW), .data = exchange(now, o.data, out)};
        if (back.data.n)
            (void)it_portmap_client_input(C, now, &back);
    }
    return it_portmap_client_event(C, ev) == 1;
}

START_TEST(a_client_holds_a_flow_and_lets_it_go)
{
    it_portmap_client_cfg cfg = client();
    it_portmap_event ev;
    cfg.peer = Ad(FAR);
    serve();
    C = it_portmap_client_new(&cfg, 0);
    ck_assert(pass(0, &ev) && ev.kind == IT_PORTMAP_EV_MAPPED && ev.external.port == 7777 && ev.lifetime == 600);
    ck_assert(Sent[0].op == IT_PORTMAP_PEER && it_addr_eq(Sent[0].peer, Ad(FAR)) && Sent[0].external.port == 0);
    it_time at = it_portmap_client_next(C);
    ck_assert(at >= 300 * IT_SEC && at <= 375 * IT_SEC);
    (void)pass(at, &ev);
    ck_assert(N_sent == 1 && Sent[0].external.port == 7777); /* 12.1: as it was, should it have been lost */
    it_portmap_client_release(C, at);
    (void)pass(at + IT_SEC, &ev);
    ck_assert(N_sent == 0 && it_portmap_client_next(C) == IT_NEVER); /* 12.1: PEER does not delete */
    it_portmap_client_free(C);
    close_all();
}
END_TEST

START_TEST(a_client_changes_its_filters)
{
    it_portmap_client_cfg cfg = client();
    it_portmap_event ev;
    it_portmap_filter f = {{Ad("198.51.100.0:0").ip, 120}, 7}, g = {{Ad("203.0.113.0:0").ip, 128}, 0};
    cfg.filters[0] = f;
    cfg.n_filters = 1;
    serve();
    C = it_portmap_client_new(&cfg, 0);
    ck_assert(pass(0, &ev) && ev.kind == IT_PORTMAP_EV_MAPPED);
    ck_assert(!Last.unfilter && Last.n_filters == 1 && Filters[0].port == 7 && Filters[0].who.bits == 120);
    ck_assert_int_eq(it_portmap_client_filter(C, IT_SEC, &g, 1), 0);
    ck_assert(pass(IT_SEC, &ev) && ev.kind == IT_PORTMAP_EV_MAPPED);
    ck_assert(Last.unfilter && Last.n_filters == 1 && it_ip_eq(Filters[0].who.ip, g.who.ip)); /* 13.3: first all away */
    ck_assert_int_eq(it_portmap_client_filter(C, IT_SEC, NULL, 0), 0);
    ck_assert(pass(2 * IT_SEC, &ev) && Last.unfilter && Last.n_filters == 0);
    Give.result = IT_PORTMAP_REMOTE_PEERS;
    ck_assert_int_eq(it_portmap_client_filter(C, 2 * IT_SEC, &f, 1), 0);
    ck_assert(pass(2 * IT_SEC, &ev) && ev.kind == IT_PORTMAP_EV_FAILED && ev.result == IT_PORTMAP_REMOTE_PEERS &&
              ev.lifetime == 1800);
    ck_assert_int_eq(it_portmap_client_filter(C, 2 * IT_SEC, &f, 1), IT_ERR_STATE);
    it_portmap_client_free(C);
    close_all();
}
END_TEST

START_TEST(deleting_a_mapping_suggests_nothing)
{
    it_portmap_client_cfg cfg = client();
    it_portmap_event ev;
    cfg.external = 6000;
    cfg.prefer_failure = true;
    cfg.n_filters = 1;
    cfg.filters[0] = (it_portmap_filter){{Ad("198.51.100.0:0").ip, 120}, 0};
    cfg.third = Ad("10.0.0.3:0").ip;
    Cfg.third_party = true;
    serve();
    C = it_portmap_client_new(&cfg, 0);
    ck_assert(pass(0, &ev) && ev.kind == IT_PORTMAP_EV_MAPPED);
    it_portmap_client_release(C, IT_SEC);
    (void)pass(IT_SEC, &ev);
    ck_assert(Asked == 2 && Last.lifetime == 0 && Last.n_filters == 0 && !Last.exactly); /* 15.1, 11.3 */
    ck_assert(Sent[0].external.port == 0 && it_addr_eq(Last.internal, Ad("10.0.0.3:5000")));
    it_portmap_client_free(C);
    close_all();
}
END_TEST

START_TEST(an_answer_to_another_request_is_none)
{
    /* sections 11.4, 12.4, 13.1, 13.2: what tells them apart. */
    it_portmap_client_cfg cfg = client();
    it_portmap_event ev;
    uint8_t buf[IT_PORTMAP_MAX];
    it_io o;
    cfg.peer = _i < 3 ? Ad(FAR) : cfg.peer;
    cfg.third = _i == 4 ? Ad("10.0.0.3:0").ip : cfg.third;
    cfg.external = 6000;
    cfg.prefer_failure = _i == 5;
    C = it_portmap_client_new(&cfg, 0);
    ck_assert_int_eq(it_portmap_client_output(C, 0, &o, buf, sizeof buf), 1);
    it_portmap_msg good, m;
    ck_assert_int_eq(it_portmap_parse(&good, o.data), 0);
    good.response = true;
    good.external = Ad("203.0.113.1:6000");
    m = good;
    m.op = _i == 0 ? IT_PORTMAP_MAP : m.op;
    m.peer.port = (uint16_t)(m.peer.port + (_i == 1));
    m.nonce[11] ^= _i == 2;
    m.third_party = _i == 3 || _i == 4;
    m.third = _i == 3 ? Ad("10.0.0.3:0").ip : Ad("10.0.0.4:0").ip;
    m.external.port = _i == 5 ? 6001 : 6000;
    m.epoch = 1000;
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = 0,
                .local = Ad(ME),
                .remote = Ad(GW),
                .data = it_portmap_write(&m, buf, sizeof buf)};
    (void)it_portmap_client_input(C, 0, &in);
    ck_assert_int_eq(it_portmap_client_event(C, &ev), 0);
    in.data = it_portmap_write(&good, buf, sizeof buf);
    (void)it_portmap_client_input(C, 0, &in);
    ck_assert(it_portmap_client_event(C, &ev) == 1 && ev.kind == IT_PORTMAP_EV_MAPPED);
    it_portmap_client_free(C);
    ck_assert_int_eq(Mem.live, 0);
}
END_TEST

START_TEST(what_only_pcp_can_do_is_not_asked_by_natpmp)
{
    it_portmap_client_cfg cfg = client();
    it_portmap_event ev;
    cfg.peer = Ad(FAR);
    Cfg.natpmp = true;
    serve();
    Cfg.pcp = false;
    it_portmap_server_free(S);
    S = it_portmap_server_new(&Cfg, 0);
    C = it_portmap_client_new(&cfg, 0);
    ck_assert(pass(0, &ev) && ev.kind == IT_PORTMAP_EV_FAILED && ev.result == IT_PORTMAP_UNSUPP_VERSION);
    it_portmap_client_free(C);
    close_all();
}
END_TEST

START_TEST(a_client_asks_for_the_epoch)
{
    it_portmap_client_cfg cfg = client();
    it_portmap_event ev;
    Cfg.natpmp = _i == 1;
    serve();
    if (_i) {
        it_portmap_server_free(S);
        Cfg.pcp = false;
        S = it_portmap_server_new(&Cfg, 0);
    }
    C = it_portmap_client_new(&cfg, 0);
    (void)pass(0, &ev);
    int asked = Asked;
    it_portmap_client_ask(C, 100 * IT_SEC);
    (void)pass(100 * IT_SEC, &ev);
    ck_assert(N_sent == 1 && Sent[0].op == IT_PORTMAP_ANNOUNCE && Sent[0].lifetime == 0 && Asked == asked);
    ck_assert(it_portmap_client_next(C) > 110 * IT_SEC); /* nothing was lost */
    it_portmap_server_reset(S, 150 * IT_SEC, Cfg.external);
    it_portmap_client_ask(C, 200 * IT_SEC);
    (void)pass(200 * IT_SEC, &ev);
    it_time at = it_portmap_client_next(C);
    ck_assert(at <= 205 * IT_SEC); /* 14.1.3: within 5 s */
    (void)pass(at, &ev);
    ck_assert_int_eq(Asked, asked + 1);
    it_portmap_client_free(C);
    close_all();
}
END_TEST

START_TEST(a_lifetime_beyond_belief_is_a_day)
{
    it_portmap_client_cfg cfg = client();
    it_portmap_event ev;
    serve();
    Give.lifetime = UINT32_MAX; /* section 15 */
    C = it_portmap_client_new(&cfg, 0);
    ck_assert(pass(0, &ev) && ev.lifetime == 86400);
    ck_assert(it_portmap_client_next(C) <= 86400 * IT_SEC);
    it_portmap_client_free(C);
    close_all();
}
END_TEST

static Suite *suite(void)
{
    it_alloc_init(&Mem);
    Suite *s = suite_create("portmap/pcp");
    TCase *o = tcase_create("RFC 6887 7.3, 8.2, 13");
    tcase_add_loop_test(o, an_option_is_processed_refused_or_passed_over, 0, (int)(sizeof OPTIONS / sizeof *OPTIONS));
    tcase_add_test(o, options_reach_the_box);
    tcase_add_loop_test(o, a_request_of_the_wrong_size_is_told_so, 0, 9);
    tcase_add_loop_test(o, an_opcode_or_version_that_is_none_is_copied_back, 0, 2);
    suite_add_tcase(s, o);
    TCase *m = tcase_create("RFC 6887 11, 12, 15 server");
    tcase_add_test(m, peer_tells_of_the_flow);
    tcase_add_loop_test(m, peer_needs_a_whole_flow, 0, 6);
    tcase_add_loop_test(m, what_the_box_says_is_told, 0, 14);
    tcase_add_test(m, a_quota_counts_mappings_and_flows_of_a_host);
    tcase_add_test(m, a_server_has_room_for_so_many);
    tcase_add_loop_test(m, opcodes_and_third_parties_may_be_switched_off, 0, 3);
    tcase_add_loop_test(m, deleting_what_cannot_be_there_succeeds, 0, 5);
    tcase_add_test(m, a_mapping_that_goes_on_stays_its_owners);
    tcase_add_test(m, a_static_mapping_is_nobodys);
    suite_add_tcase(s, m);
    TCase *c = tcase_create("RFC 6887 8.3, 12, 13, 14 client");
    tcase_add_test(c, a_client_holds_a_flow_and_lets_it_go);
    tcase_add_test(c, a_client_changes_its_filters);
    tcase_add_test(c, deleting_a_mapping_suggests_nothing);
    tcase_add_loop_test(c, an_answer_to_another_request_is_none, 0, 6);
    tcase_add_test(c, what_only_pcp_can_do_is_not_asked_by_natpmp);
    tcase_add_loop_test(c, a_client_asks_for_the_epoch, 0, 2);
    tcase_add_test(c, a_lifetime_beyond_belief_is_a_day);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
