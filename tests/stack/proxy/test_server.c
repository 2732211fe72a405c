/* The proxies as objects: what they say to a client, what passes through them, and what ends it. A driver of streams
 * without a network: the client is flow C, the server is what the proxy opens. */
#include "stack/proxy/server.h"
#include "stack/proxy/socks.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define C (IT_IO_ACCEPTED_FLOW + 1)
#define ROOM 1000000

static it_alloc mem;
static it_proxy *P;
static it_time now;
static char said[2][70000]; /* to the client, to the server */
static size_t n_said[2];
static bool fin[2], rst[2], ask[2];
static uint32_t server;
static it_addr opened;
static size_t piece; /* how many bytes an output takes */

static it_addr A(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static int in(uint32_t flow, enum it_io_kind kind, const void *data, size_t n)
{
    it_io io = {.kind = kind,
                .flow = flow,
                .local = A("198.51.100.1:443"),
                .remote = A("10.0.0.2:5000"),
                .data = it_bytes_of(data, n)};
    return it_proxy_input(P, now, &io);
}

static void drain(void)
{
    uint8_t buf[1400];
    it_io io;
    while (it_proxy_output(P, now, &io, buf, piece) == 1) {
        int i = io.flow != C;
        if (io.kind == IT_IO_OPEN) {
            server = io.flow;
            opened = io.remote;
        } else if (io.kind == IT_IO_DATA) {
            memcpy(said[i] + n_said[i], io.data.p, io.data.n);
            n_said[i] += io.data.n;
        }
        fin[i] |= io.kind == IT_IO_FIN;
        rst[i] |= io.kind == IT_IO_RST;
        ask[i] |= io.kind == IT_IO_WRITABLE;
    }
    for (int i = 0; i < 2; i++)
        said[i][n_said[i]] = 0;
}

static void start(const it_proxy_cfg *c)
{
    it_proxy_cfg cfg = *c;
    it_alloc_init(&mem);
    cfg.alloc = &mem;
    memset(n_said, 0, sizeof n_said);
    memset(fin, 0, sizeof fin);
    memset(rst, 0, sizeof rst);
    memset(ask, 0, sizeof ask);
    server = 0;
    now = 0;
    piece = 1400;
    P = it_proxy_new(&cfg);
    ck_assert_ptr_nonnull(P);
    ck_assert_int_eq(in(C, IT_IO_ACCEPTED, NULL, ROOM), 0);
}

static void stop(void)
{
    it_proxy_free(P);
    ck_assert_int_eq(mem.live, 0);
}

static void say(const void *data, size_t n)
{
    ck_assert_int_eq(in(C, IT_IO_DATA, data, n), (int)n);
    drain();
}

static void ask_for(const char *text)
{
    say(text, strlen(text));
}

#define HTTP ((it_proxy_cfg){.kind = IT_PROXY_HTTP, .allow = {443}, .n_allow = 1, .idle = 60 * IT_SEC})
#define HTTP_AUTH ((it_proxy_cfg){.kind = IT_PROXY_HTTP, .allow_all = true, .auth = "alice:secret"})
#define SOCKS ((it_proxy_cfg){.kind = IT_PROXY_SOCKS5, .allow_all = true})
#define SOCKS_AUTH ((it_proxy_cfg){.kind = IT_PROXY_SOCKS5, .allow_all = true, .auth = "alice:secret"})
#define INSPECT ((it_proxy_cfg){.kind = IT_PROXY_INSPECT, .allow_all = true})
#define CONNECT(to) "CONNECT " to " HTTP/1.1\r\nHost: " to "\r\n\r\n"

static void reach(void)
{
    ck_assert_uint_ne(server, 0);
    ck_assert_int_eq(in(server, IT_IO_OPENED, NULL, ROOM), 0);
    drain();
}

#define ck_says(side, text) ck_assert_msg(strncmp(said[side], text, strlen(text)) == 0, "\"%s\"", said[side])

/* --- CONNECT --- */

START_TEST(connect_opens_a_tunnel_however_its_head_is_cut)
{
    const char text[] = CONNECT("198.51.100.1:443") "early";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        start(&HTTP);
        say(text, cut);
        say(text + cut, sizeof text - 1 - cut);
        ck_assert(it_addr_eq(opened, A("198.51.100.1:443")));
        ck_assert_uint_eq(n_said[0], 0);
        reach();
        ck_says(0, "HTTP/1.1 200 ");
        ck_assert_ptr_null(strstr(said[0], "Content-Length")); /* RFC 9110 section 9.3.6 */
        ck_assert_str_eq(said[1], "early");
        ck_assert_int_eq(in(server, IT_IO_DATA, "back", 4), 4);
        drain();
        ck_assert_ptr_nonnull(strstr(said[0], "\r\n\r\nback"));
        ck_assert_uint_eq(it_proxy_stat(P)->connects, 1);
        stop();
    }
}
END_TEST

static const struct {
    const char *ask, *answer;
} REFUSED[] = {
    {CONNECT("198.51.100.1:25"), "HTTP/1.1 403 "},
    {CONNECT("somewhere.example:443"), "HTTP/1.1 502 "},
    {"GET http://198.51.100.1/ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 "},
    {"connect 198.51.100.1:443 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 "},
    {"CONNECT 198.51.100.1:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "}, /* RFC 9112 section 3.2 */
    {"CONNECT 198.51.100.1:443 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 "},
    {"CONNECT 198.51.100.1 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 "},
    {"\x16\x03\x01nonsense\r\n\r\n", "HTTP/1.1 400 "},
};

START_TEST(what_connect_refuses_gets_its_status_and_a_close)
{
    start(&HTTP);
    ask_for(REFUSED[_i].ask);
    ck_says(0, REFUSED[_i].answer);
    ck_assert(fin[0] && !rst[0] && server == 0);
    ck_assert_int_eq(in(C, IT_IO_DATA, "more", 4), 4); /* is swallowed */
    ck_assert_int_eq(in(C, IT_IO_FIN, NULL, 0), 0);
    drain();
    ck_assert_uint_eq(it_proxy_stat(P)->tunnels, 0);
    stop();
}
END_TEST

START_TEST(an_oversized_head_gets_431)
{
    static char x[9000];
    memset(x, 'x', sizeof x);
    start(&HTTP);
    ask_for("CONNECT 198.51.100.1:443 HTTP/1.1\r\nA: ");
    say(x, sizeof x);
    ck_says(0, "HTTP/1.1 431 ");
    ck_assert(fin[0]);
    stop();
}
END_TEST

START_TEST(a_name_that_is_known_is_reached_by_its_address)
{
    start(&HTTP);
    it_ip ip;
    ck_assert_int_eq(it_ip_parse(&ip, "198.51.100.7"), 0);
    ck_assert_int_eq(it_proxy_name(P, "bob", ip), 0);
    ask_for(CONNECT("Bob:443"));
    ck_assert(it_addr_eq(opened, A("198.51.100.7:443")));
    stop();
}
END_TEST

/* RFC 7617: 407 until the password is right, on the same connection. */
START_TEST(basic_authentication_is_asked_for_and_checked)
{
    start(&HTTP_AUTH);
    ask_for(CONNECT("198.51.100.1:22"));
    ck_says(0, "HTTP/1.1 407 ");
    ck_assert_ptr_nonnull(strstr(said[0], "Proxy-Authenticate: Basic "));
    ck_assert(!fin[0]);
    static const char *const wrong[] = {"Basic YWxpY2U6d3Jvbmc=", "Basic", "Basic !!!!", "Digest YWxpY2U6c2VjcmV0",
                                        "Basic YWxpY2U6c2VjcmV0eA=="};
    for (size_t i = 0; i < 5; i++) {
        char text[256];
        snprintf(text, sizeof text, "CONNECT 198.51.100.1:22 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: %s\r\n\r\n",
                 wrong[i]);
        n_said[0] = 0;
        ask_for(text);
        ck_says(0, "HTTP/1.1 407 ");
    }
    ck_assert_uint_eq(it_proxy_stat(P)->unauthorized, 6);
    ck_assert_uint_eq(server, 0);
    ask_for("CONNECT 198.51.100.1:22 HTTP/1.1\r\nHost: a\r\nproxy-authorization: bAsIc  YWxpY2U6c2VjcmV0\r\n\r\n");
    ck_assert_uint_ne(server, 0);
    stop();
}
END_TEST

START_TEST(a_server_that_cannot_be_reached_is_502)
{
    start(&HTTP);
    ask_for(CONNECT("198.51.100.1:443"));
    ck_assert_int_eq(in(server, IT_IO_RST, NULL, 0), 0);
    drain();
    ck_says(0, "HTTP/1.1 502 ");
    ck_assert(fin[0]);
    stop();
}
END_TEST

START_TEST(a_client_that_was_told_no_and_stays_is_reset)
{
    start(&HTTP);
    ask_for(CONNECT("198.51.100.1:25"));
    ck_assert_int_eq(it_proxy_next(P), IT_PROXY_LINGER);
    now = IT_PROXY_LINGER;
    ck_assert_int_eq(it_proxy_tick(P, now), 0);
    drain();
    ck_assert(rst[0]);
    ck_assert_uint_eq(it_proxy_stat(P)->tunnels, 0);
    ck_assert_uint_eq(it_proxy_stat(P)->killed, 0);
    stop();
}
END_TEST

/* --- the relay --- */

static void tunnel(void)
{
    start(&HTTP);
    ask_for(CONNECT("198.51.100.1:443"));
    reach();
    n_said[0] = 0;
}

START_TEST(half_closes_pass_both_ways)
{
    tunnel();
    uint32_t first = _i ? server : C, second = _i ? C : server;
    ck_assert_int_eq(in(first, IT_IO_DATA, "last", 4), 4);
    ck_assert_int_eq(in(first, IT_IO_FIN, NULL, 0), 0);
    drain();
    ck_assert_str_eq(said[!_i], "last");
    ck_assert(fin[!_i] && !fin[_i]);
    ck_assert_int_eq(in(second, IT_IO_DATA, "answer", 6), 6); /* the other direction lives */
    drain();
    ck_assert_str_eq(said[_i], "answer");
    ck_assert_int_eq(in(second, IT_IO_FIN, NULL, 0), 0);
    drain();
    ck_assert(fin[0] && fin[1] && !rst[0] && !rst[1]);
    ck_assert_uint_eq(it_proxy_stat(P)->tunnels, 0);
    ck_assert_uint_eq(it_proxy_stat(P)->bytes_up + it_proxy_stat(P)->bytes_down, 10);
    stop();
}
END_TEST

START_TEST(a_half_close_before_the_server_answers_is_kept)
{
    start(&HTTP);
    ask_for(CONNECT("198.51.100.1:443"));
    if (_i)
        ask_for("all");
    ck_assert_int_eq(in(C, IT_IO_FIN, NULL, 0), 0);
    drain();
    ck_assert(!fin[1]);
    reach();
    ck_assert_str_eq(said[1], _i ? "all" : "");
    ck_assert(fin[1]);
    stop();
}
END_TEST

START_TEST(a_reset_passes_at_once)
{
    tunnel();
    ck_assert_int_eq(in(_i ? server : C, IT_IO_RST, NULL, 0), 0);
    drain();
    ck_assert(rst[!_i] && !rst[_i]);
    ck_assert_uint_eq(it_proxy_stat(P)->tunnels, 0);
    stop();
}
END_TEST

START_TEST(a_client_that_goes_while_the_server_is_awaited_takes_it_along)
{
    start(&HTTP);
    ask_for(CONNECT("198.51.100.1:443"));
    ck_assert_int_eq(in(C, IT_IO_RST, NULL, 0), 0);
    drain();
    ck_assert(rst[1]);
    stop();
}
END_TEST

/* Back-pressure: a server that takes little makes the input short; nothing is lost or doubled. */
START_TEST(a_slow_server_slows_the_client)
{
    static uint8_t data[60000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31 >> 3);
    start(&HTTP);
    ask_for(CONNECT("198.51.100.1:443"));
    ck_assert_int_eq(in(server, IT_IO_OPENED, NULL, 0), 0); /* no room at all */
    drain();
    size_t at = 0;
    int n = in(C, IT_IO_DATA, data, sizeof data);
    ck_assert_int_gt(n, 0);
    ck_assert_int_lt(n, 30000);
    at = (size_t)n;
    drain();
    ck_assert_uint_eq(n_said[1], 0);
    piece = 777;
    for (int i = 0; i < 200 && n_said[1] < sizeof data; i++) {
        ask[0] = false;
        ck_assert_int_eq(in(server, IT_IO_WRITABLE, NULL, 5000), 0);
        drain();
        if (!ask[0] || at == sizeof data)
            continue;
        n = in(C, IT_IO_DATA, data + at, sizeof data - at);
        ck_assert_int_gt(n, 0);
        at += (size_t)n;
    }
    ck_assert_uint_eq(n_said[1], sizeof data);
    ck_assert_int_eq(memcmp(said[1], data, sizeof data), 0);
    stop();
}
END_TEST

START_TEST(an_idle_tunnel_is_reset_on_both_sides)
{
    tunnel();
    now = 50 * IT_SEC;
    ck_assert_int_eq(in(server, IT_IO_DATA, "x", 1), 1);
    drain();
    ck_assert_int_eq(it_proxy_next(P), 110 * IT_SEC);
    now = 110 * IT_SEC;
    ck_assert_int_eq(it_proxy_tick(P, now), 0);
    ck_assert_int_gt(it_proxy_next(P), now);
    drain();
    ck_assert(rst[0] && rst[1]);
    ck_assert_uint_eq(it_proxy_stat(P)->killed, 1);
    stop();
}
END_TEST

START_TEST(connections_beyond_the_limit_are_reset)
{
    start(&HTTP);
    for (uint32_t i = 1; i < IT_PROXY_TUNNELS; i++)
        ck_assert_int_eq(in(C + i, IT_IO_ACCEPTED, NULL, ROOM), 0);
    drain();
    ck_assert(!rst[0] && !rst[1]);
    ck_assert_int_eq(in(C + IT_PROXY_TUNNELS, IT_IO_ACCEPTED, NULL, ROOM), 0);
    drain();
    ck_assert(rst[1]);
    stop();
}
END_TEST

/* --- SOCKS5 --- */

#define GREETING "\x05\x02\x00\x02"
#define TO "\x05\x01\x00\x01\xc6\x33\x64\x01\x01\xbb" /* 198.51.100.1:443 */

START_TEST(socks_connects_however_its_bytes_are_cut)
{
    const char text[] = GREETING TO "early";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        start(&SOCKS);
        say(text, cut);
        say(text + cut, sizeof text - 1 - cut);
        ck_assert(it_addr_eq(opened, A("198.51.100.1:443")));
        reach();
        ck_assert_int_eq(memcmp(said[0], "\x05\x00\x05\x00\x00\x01", 6), 0);
        ck_assert_str_eq(said[1], "early");
        stop();
    }
}
END_TEST

START_TEST(socks_with_a_password_wants_it_right)
{
    static const char *const pass[] = {"\x01\x05"
                                       "alice\x06"
                                       "secret",
                                       "\x01\x05"
                                       "alice\x06"
                                       "secreT",
                                       "\x01\x05"
                                       "malic\x06"
                                       "secret",
                                       "\x01\x05"
                                       "alice\x01"
                                       "s"};
    for (size_t i = 0; i < 4; i++) {
        start(&SOCKS_AUTH);
        say(GREETING, 4);
        ck_assert_int_eq(memcmp(said[0], "\x05\x02", 2), 0);
        for (size_t k = 0; k < strlen(pass[i]); k++)
            say(pass[i] + k, 1);
        ck_assert_int_eq(said[0][2], 1);
        ck_assert_int_eq(said[0][3], i != 0);
        ck_assert_int_eq(fin[0], i != 0);
        ck_assert_uint_eq(it_proxy_stat(P)->unauthorized, i != 0);
        stop();
    }
}
END_TEST

START_TEST(socks_without_a_common_method_says_ff_and_closes)
{
    start(_i ? &SOCKS_AUTH : &SOCKS);
    say(_i ? "\x05\x01\x00" : "\x05\x01\x02", 3);
    ck_assert_int_eq(memcmp(said[0], "\x05\xff", 2), 0);
    ck_assert(fin[0]);
    stop();
}
END_TEST

static const struct {
    const char *bytes;
    size_t n;
    uint8_t reply;
} SOCKS_REFUSED[] = {
    {"\x05\x02\x00\x01\x01\x02\x03\x04\x00\x50", 10, 7}, /* BIND */
    {"\x05\x03\x00\x01\x01\x02\x03\x04\x00\x50", 10, 7}, /* UDP ASSOCIATE */
    {"\x05\x01\x00\x09", 4, 8},                          /* an unknown type of address */
    {"\x05\x01\x00\x03\x04"
     "name\x00\x50",
     11, 4}, /* a name nobody knows */
};

START_TEST(what_socks_cannot_do_gets_its_reply)
{
    start(&SOCKS);
    say(GREETING, 4);
    say(SOCKS_REFUSED[_i].bytes, SOCKS_REFUSED[_i].n);
    ck_assert_int_eq(said[0][3], SOCKS_REFUSED[_i].reply);
    ck_assert(fin[0] && server == 0);
    stop();
}
END_TEST

START_TEST(socks_by_port_and_by_reach)
{
    it_proxy_cfg c = SOCKS;
    c.allow_all = false;
    c.allow[0] = 80;
    c.n_allow = 1;
    start(&c);
    say(GREETING TO, 14);
    ck_assert_int_eq(said[0][3], 2);
    stop();
    start(&SOCKS);
    say(GREETING TO, 14);
    ck_assert_int_eq(in(server, IT_IO_RST, NULL, 0), 0);
    drain();
    ck_assert_int_eq(said[0][3], 5); /* refused: RFC 1928 section 6 */
    ck_assert(fin[0]);
    stop();
}
END_TEST

START_TEST(what_is_no_socks_is_reset)
{
    start(&SOCKS);
    ask_for("GET / HTTP/1.1\r\n");
    ck_assert(rst[0]);
    stop();
}
END_TEST

/* --- portal and inspector --- */

/* By a page of its own, in both families: whoever posts to /login there has logged in, once. */
START_TEST(the_portal_tells_who_has_logged_in)
{
    it_proxy_cfg c = {.kind = IT_PROXY_PORTAL};
    it_object_event ev;
    ck_assert_int_eq(it_ip_parse(&c.portal[0], "10.9.9.1"), 0);
    ck_assert_int_eq(it_ip_parse(&c.portal[1], "fd00:9::1"), 0);
    static const char *const NONE[] = {
        "GET /login HTTP/1.1\r\nHost: 10.9.9.1\r\n\r\n", "POST / HTTP/1.1\r\nHost: 10.9.9.1\r\n\r\n",
        "POST /login HTTP/1.1\r\nHost: bob\r\n\r\n", "post /login HTTP/1.1\r\nHost: 10.9.9.1\r\n\r\n"};
    for (size_t i = 0; i < 4; i++) {
        start(&c);
        ask_for(NONE[i]);
        ck_assert(!it_proxy_event(P, &ev) && fin[0]);
        stop();
    }
    start(&c);
    ask_for("POST /login HTTP/1.1\r\nHost: 10.9.9.1\r\nContent-Length: 4\r\n\r\nroom");
    ck_says(0, "HTTP/1.1 200 ");
    ck_assert(it_proxy_event(P, &ev) == 1 && ev.kind == IT_TELLS_SERVICE && ev.u.service.kind == IT_SERVICE_LOGIN);
    ck_assert(it_ip_eq(ev.u.service.addr.ip, A("10.0.0.2:1").ip) && it_proxy_event(P, &ev) == 0);
    ck_assert_uint_eq(it_proxy_stat(P)->logins, 1);
    stop();
    start(&c);
    it_io io = {.kind = IT_IO_ACCEPTED,
                .flow = C + 1,
                .local = A("[fd00:9::1]:80"),
                .remote = A("[2001:db8::2]:5000"),
                .data = {NULL, ROOM}};
    ck_assert_int_eq(it_proxy_input(P, 0, &io), 0);
    const char *six = "GET / HTTP/1.1\r\nHost: bob\r\n\r\n";
    ck_assert_int_eq(in(C + 1, IT_IO_DATA, six, strlen(six)), (int)strlen(six));
    drain();
    ck_assert_ptr_nonnull(strstr(said[1], "Location: http://[fd00:9::1]/login\r\n"));
    stop();
}
END_TEST

START_TEST(the_portal_redirects_and_answers_names_with_itself)
{
    it_proxy_cfg c = {.kind = IT_PROXY_PORTAL};
    ck_assert_int_eq(it_ip_parse(&c.portal[0], "10.9.9.1"), 0);
    start(&c);
    ask_for("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    ck_says(0, "HTTP/1.1 302 ");
    ck_assert_ptr_nonnull(strstr(said[0], "Location: http://10.9.9.1/login\r\n"));
    ck_assert(fin[0]);
    uint8_t q[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 2, 'b', 'c', 0, 0, 1, 0, 1};
    for (size_t n = 0; n < sizeof q; n++) { /* what is cut off is not answered */
        ck_assert_int_eq(in(7, IT_IO_DGRAM, q, n), (int)n);
        ck_assert_uint_eq(it_proxy_stat(P)->queries, 0);
    }
    ck_assert_int_eq(in(7, IT_IO_DGRAM, q, sizeof q), (int)sizeof q);
    uint8_t buf[600];
    it_io io;
    ck_assert_int_eq(it_proxy_output(P, 0, &io, buf, sizeof buf), 1);
    ck_assert(io.kind == IT_IO_DGRAM && io.flow == 7 && io.data.n == sizeof q + 16);
    ck_assert_int_eq(memcmp(io.data.p, "\x12\x34\x85\x80\x00\x01\x00\x01", 8), 0);
    ck_assert_int_eq(memcmp(io.data.p + io.data.n - 4, "\x0a\x09\x09\x01", 4), 0);
    q[19] = 28; /* AAAA: no address, and no error */
    ck_assert_int_eq(in(7, IT_IO_DGRAM, q, sizeof q), (int)sizeof q);
    ck_assert_int_eq(it_proxy_output(P, 0, &io, buf, sizeof buf), 1);
    ck_assert_uint_eq(io.data.n, sizeof q);
    stop();
    ck_assert_int_eq(it_ip_parse(&c.portal[1], "fd00:9::1"), 0); /* and with one where it has IPv6 */
    start(&c);
    ck_assert_int_eq(in(7, IT_IO_DGRAM, q, sizeof q), (int)sizeof q);
    ck_assert_int_eq(it_proxy_output(P, 0, &io, buf, sizeof buf), 1);
    ck_assert(io.data.n == sizeof q + 28 && io.data.p[7] == 1 &&
              memcmp(io.data.p + sizeof q + 10, "\0\x10\xfd\0\0\x09", 6) == 0);
    stop();
}
END_TEST

/* A ClientHello in one record, offering |alpn| (NULL: nothing). */
static size_t hello(uint8_t *b, const char *alpn)
{
    size_t n = alpn ? strlen(alpn) : 0, ext = alpn ? 4 + 2 + 1 + n : 0, body = 2 + 32 + 1 + 4 + 2 + 2 + ext;
    memset(b, 0, 5 + 4 + body);
    b[0] = 22, b[1] = 3, b[2] = 1;
    it_put16(b + 3, (uint16_t)(4 + body));
    b[5] = 1;
    it_put16(b + 7, (uint16_t)body);
    uint8_t *p = b + 9 + 34 + 1;
    it_put16(p, 2);
    p += 4;
    p[0] = 1;
    it_put16(p + 2, (uint16_t)ext);
    p += 4;
    if (alpn) {
        it_put16(p, 16);
        it_put16(p + 2, (uint16_t)(3 + n));
        it_put16(p + 4, (uint16_t)(1 + n));
        p[6] = (uint8_t)n;
        memcpy(p + 7, alpn, n);
    }
    return 9 + body;
}

START_TEST(inspection_lets_http_in_tls_pass_and_nothing_else)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL, "stun.turn"};
    uint8_t b[200];
    size_t n = hello(b, alpn[_i]);
    start(&INSPECT);
    say(b, n / 2);
    ck_assert_uint_eq(server, 0);
    say(b + n / 2, n - n / 2);
    if (_i == 3) {
        ck_assert_int_eq(memcmp(said[0], "\x15\x03\x03\x00\x02\x02\x78", 7), 0); /* RFC 7301 section 3.2 */
        ck_assert(fin[0] && server == 0);
        ck_assert_uint_eq(it_proxy_stat(P)->broken, 1);
    } else {
        ck_assert(it_addr_eq(opened, A("198.51.100.1:443")));
        reach();
        ck_assert(n_said[1] == n && memcmp(said[1], b, n) == 0 && n_said[0] == 0);
    }
    stop();
}
END_TEST

START_TEST(what_is_no_tls_on_443_is_reset)
{
    static const char *const other[] = {"GET / HTTP/1.1\r\n", "\x16\x02\x00", "\x16\x03\x01\xff\xff",
                                        "\x00\x14\x21\x12\xa4\x42", "\x16\x03\x01\x00\x10\x02"};
    static const size_t len[] = {16, 3, 5, 6, 6};
    start(&INSPECT);
    say(other[_i], len[_i]);
    ck_assert(rst[0]);
    ck_assert_uint_eq(it_proxy_stat(P)->broken, 1);
    stop();
}
END_TEST

static void accept_80(void)
{
    it_alloc_init(&mem);
    P = it_proxy_new(&(it_proxy_cfg){.alloc = &mem, .kind = IT_PROXY_INSPECT, .allow_all = true});
    it_io io = {.kind = IT_IO_ACCEPTED, .flow = C, .local = A("198.51.100.1:80"), .data = {NULL, ROOM}};
    ck_assert_int_eq(it_proxy_input(P, 0, &io), 0);
}

START_TEST(an_upgrade_on_80_is_taken_off)
{
    start(&INSPECT);
    stop();
    accept_80();
    ask_for("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nAccept: x\r\nConnection: keep-alive, "
            "Upgrade\r\nSec-WebSocket-Key: k\r\nB: c\r\n\r\n");
    ck_assert(it_addr_eq(opened, A("198.51.100.1:80")));
    reach();
    ck_assert_str_eq(said[1], "GET /ws HTTP/1.1\r\nHost: a\r\nAccept: x\r\nB: c\r\n\r\n");
    ck_assert_uint_eq(it_proxy_stat(P)->stripped, 1);
    stop();
}
END_TEST

START_TEST(a_request_without_upgrade_passes_unchanged)
{
    start(&INSPECT);
    stop();
    accept_80();
    ask_for("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nbody");
    reach();
    ck_assert_str_eq(said[1], "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nbody");
    ck_assert_uint_eq(it_proxy_stat(P)->stripped, 0);
    stop();
}
END_TEST

/* --- out of memory --- */

static int scene(it_alloc *a, enum it_proxy_kind kind)
{
    it_proxy_cfg c = {.alloc = a, .kind = kind, .allow_all = true};
    int err = 0;
    P = it_proxy_new(&c);
    if (!P)
        return IT_ERR_NOMEM;
    uint8_t q[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};
    const char *text = kind == IT_PROXY_SOCKS5 ? GREETING TO : CONNECT("198.51.100.1:443");
    size_t n = kind == IT_PROXY_SOCKS5 ? 14 : strlen(text);
    err = it_proxy_name(P, "bob", (it_ip){0, 1});
    for (uint32_t i = 0; i < 12 && err >= 0; i++)
        err = in(C + i, IT_IO_ACCEPTED, NULL, ROOM);
    if (err >= 0)
        err = in(C, IT_IO_DATA, text, n);
    if (err >= 0)
        err = in(7, IT_IO_DGRAM, q, sizeof q);
    if (err >= 0)
        drain();
    it_proxy_free(P);
    return err < 0 ? err : 0;
}

START_TEST(every_failed_allocation_is_said_and_leaves_nothing)
{
    n_said[0] = n_said[1] = 0;
    piece = 1400;
    for (uint64_t n = 0;; n++) {
        ck_assert_uint_lt(n, 100);
        it_alloc_init_countdown(&mem, n);
        int err = scene(&mem, (enum it_proxy_kind)_i);
        ck_assert_int_eq(mem.live, 0);
        if (err == 0)
            break;
        ck_assert_int_eq(err, IT_ERR_NOMEM);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proxy/server");
    TCase *t = tcase_create("RFC 9110 section 9.3.6");
    tcase_add_test(t, connect_opens_a_tunnel_however_its_head_is_cut);
    tcase_add_loop_test(t, what_connect_refuses_gets_its_status_and_a_close, 0,
                        (int)(sizeof REFUSED / sizeof *REFUSED));
    tcase_add_test(t, an_oversized_head_gets_431);
    tcase_add_test(t, a_name_that_is_known_is_reached_by_its_address);
    tcase_add_test(t, basic_authentication_is_asked_for_and_checked);
    tcase_add_test(t, a_server_that_cannot_be_reached_is_502);
    tcase_add_test(t, a_client_that_was_told_no_and_stays_is_reset);
    suite_add_tcase(s, t);
    t = tcase_create("relay");
    tcase_add_loop_test(t, half_closes_pass_both_ways, 0, 2);
    tcase_add_loop_test(t, a_half_close_before_the_server_answers_is_kept, 0, 2);
    tcase_add_loop_test(t, a_reset_passes_at_once, 0, 2);
    tcase_add_test(t, a_client_that_goes_while_the_server_is_awaited_takes_it_along);
    tcase_add_test(t, a_slow_server_slows_the_client);
    tcase_add_test(t, an_idle_tunnel_is_reset_on_both_sides);
    tcase_add_test(t, connections_beyond_the_limit_are_reset);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 1928, RFC 1929");
    tcase_add_test(t, socks_connects_however_its_bytes_are_cut);
    tcase_add_test(t, socks_with_a_password_wants_it_right);
    tcase_add_loop_test(t, socks_without_a_common_method_says_ff_and_closes, 0, 2);
    tcase_add_loop_test(t, what_socks_cannot_do_gets_its_reply, 0, (int)(sizeof SOCKS_REFUSED / sizeof *SOCKS_REFUSED));
    tcase_add_test(t, socks_by_port_and_by_reach);
    tcase_add_test(t, what_is_no_socks_is_reset);
    suite_add_tcase(s, t);
    t = tcase_create("portal and inspector");
    tcase_add_test(t, the_portal_redirects_and_answers_names_with_itself);
    tcase_add_test(t, the_portal_tells_who_has_logged_in);
    tcase_add_loop_test(t, inspection_lets_http_in_tls_pass_and_nothing_else, 0, 4);
    tcase_add_loop_test(t, what_is_no_tls_on_443_is_reset, 0, 5);
    tcase_add_test(t, an_upgrade_on_80_is_taken_off);
    tcase_add_test(t, a_request_without_upgrade_passes_unchanged);
    suite_add_tcase(s, t);
    t = tcase_create("out of memory");
    tcase_add_loop_test(t, every_failed_allocation_is_said_and_leaves_nothing, 0, 4);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
