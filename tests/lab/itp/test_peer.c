/* The peer by its lines: two of them in one loop, on a network of the test's own. */
#include "tests/lab/loop/probe.h"

#include "lab/itp/peer.h"
#include "stack/crypto/ossl.h"
#include "stack/turn/server/server.h"

static it_dtls_shared *SHARED;
static it_itp_peer *P[2];
static char SAID[2][1 << 20]; /* all that they said */

static it_itp_peer *new_peer(void)
{
    it_itp_peer_cfg cfg = {.alloc = &PROBE_ALLOC, .loop = LOOP, .shared = SHARED};
    it_itp_peer *p = it_itp_peer_new(&cfg);
    ck_assert_ptr_nonnull(p);
    return p;
}

static void peers_begin(void)
{
    loop_begin();
    ck_assert_int_eq(it_ossl_init(), 0);
    ck_assert_int_eq(it_ossl_use_system(), 0);
    SHARED = it_dtls_shared_new(&PROBE_ALLOC);
    for (int i = 0; i < 2; i++) {
        P[i] = new_peer();
        SAID[i][0] = '\0';
    }
}

static void peers_end(void)
{
    for (int i = 0; i < 2; i++)
        it_itp_peer_free(P[i]);
    it_loop_free(LOOP);
    it_dtls_shared_free(SHARED);
    it_ossl_fini();
    ck_assert_int_eq(PROBE_ALLOC.live, 0);
}

/* Takes what peer |i| has said. */
static void listen_to(int i)
{
    it_bytes out = it_itp_peer_output(P[i]);
    size_t n = strlen(SAID[i]);
    ck_assert_uint_lt(n + out.n, sizeof SAID[i]);
    if (out.n)
        memcpy(SAID[i] + n, out.p, out.n);
    SAID[i][n + out.n] = '\0';
    it_itp_peer_written(P[i], out.n);
}

static void tell(int i, const char *line)
{
    ck_assert_int_eq(it_itp_peer_input(P[i], it_bytes_str(line)), 0);
    ck_assert_int_eq(it_itp_peer_input(P[i], it_bytes_str("\n")), 0);
    listen_to(i);
}

static int count(int i, const char *text)
{
    int n = 0;
    for (const char *s = SAID[i]; (s = strstr(s, text)) != NULL; s++)
        n++;
    return n;
}

static bool heard_by(int i, const char *text, int times, it_time wait)
{
    it_time until = it_loop_now(LOOP) + wait;
    while (count(i, text) < times && it_loop_now(LOOP) < until) {
        pass_time(IT_MS);
        listen_to(0);
        listen_to(1);
    }
    return count(i, text) >= times;
}

/* Copies the value of |key| in the |nth| line of peer |i| that has |ev|. */
static bool value(int i, const char *ev, int nth, const char *key, char to[512])
{
    char pattern[40];
    const char *s = SAID[i];
    snprintf(pattern, sizeof pattern, "\"ev\":\"%s\"", ev);
    for (; (s = strstr(s, pattern)) != NULL && nth-- > 0;)
        s++;
    snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *v = s ? strstr(s, pattern) : NULL;
    if (!v)
        return false;
    v += strlen(pattern);
    snprintf(to, 512, "%.*s", (int)strcspn(v, "\""), v);
    return true;
}

/* Tells the other one what peer |i| has said of itself since its |from|-th local. */
static void introduce(int i, int from)
{
    char line[2048], a[512], b[512];
    ck_assert(value(i, "local", from, "ufrag", a) && value(i, "local", from, "pwd", b));
    snprintf(line, sizeof line, "{\"op\":\"remote\",\"ufrag\":\"%s\",\"pwd\":\"%s\"}", a, b);
    tell(!i, line);
    for (int k = 0; value(i, "cand", k, "c", a); k++) {
        snprintf(line, sizeof line, "{\"op\":\"rcand\",\"c\":\"%s\"}", a);
        tell(!i, line);
    }
    tell(!i, "{\"op\":\"eoc\"}");
}

/* Both have been created with the further members |with|, have gathered and know of each other. */
static bool acquainted_with(const char *const with[2])
{
    char line[256];
    if (!own_network(65536))
        return false;
    lo_set(SIOCSIFADDR, "lo:1", 0xc0000202, 0, 0);
    peers_begin();
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "{\"op\":\"create\",\"role\":\"%s\"%s}", i ? "controlled" : "controlling", with[i]);
        tell(i, line);
    }
    for (int i = 0; i < 2; i++) {
        tell(i, "{\"op\":\"gather\"}");
        ck_assert(heard_by(i, "\"gathered\"", 1, 10 * IT_SEC));
    }
    introduce(0, 0);
    introduce(1, 0);
    return true;
}

static bool acquainted(void)
{
    static const char *const NOTHING[2] = {"", ""};
    return acquainted_with(NOTHING);
}

START_TEST(lines_may_come_in_any_pieces)
{
    static const char TEXT[] =
        "{\"op\":\"hello\",\"v\":1}\r\n\n{\"op\":\"xyzzy\",\"id\":\"\\u00e9\"}\nnonsense\n{\"op\":\"stats\"}\n";
    peers_begin();
    ck_assert_int_eq(it_itp_peer_input(P[0], it_bytes_str(TEXT)), 0);
    for (size_t i = 0; TEXT[i]; i++)
        ck_assert_int_eq(it_itp_peer_input(P[1], it_bytes_of(TEXT + i, 1)), 0);
    listen_to(0);
    listen_to(1);
    ck_assert_str_eq(SAID[0], SAID[1]);
    ck_assert_int_eq(count(0, "\n"), 4);
    ck_assert_int_eq(count(0, "{\"ev\":\"unsupported\",\"id\":\"\xc3\xa9\",\"op\":\"xyzzy\"}"), 1);
    peers_end();
}
END_TEST

START_TEST(there_are_64_sessions_and_closed_ones_make_room)
{
    char line[80];
    peers_begin();
    for (int i = 0; i < 65; i++) {
        snprintf(line, sizeof line, "{\"op\":\"create\",\"id\":\"s%d\",\"role\":\"controlled\"}", i);
        tell(0, line);
    }
    ck_assert_int_eq(count(0, "\"ev\":\"error\""), 1);
    ck_assert_int_eq(count(0, "there are 64 of them already"), 1);
    tell(0, "{\"op\":\"close\",\"id\":\"s7\"}");
    ck_assert_int_eq(count(0, "{\"ev\":\"closed\",\"id\":\"s7\"}"), 1);
    tell(0, line);
    ck_assert_int_eq(count(0, "\"ev\":\"error\""), 1);
    ck_assert_int_eq(it_itp_peer_eof(P[0]), 0);
    listen_to(0);
    ck_assert_int_eq(count(0, "\"ev\":\"closed\""), 65);
    peers_end();
}
END_TEST

START_TEST(checks_wait_for_start)
{
    if (!acquainted())
        return;
    pass_time(300 * IT_MS);
    listen_to(0);
    ck_assert_int_eq(count(0, "\"state\""), 0);
    tell(0, "{\"op\":\"pairs\"}");
    ck_assert_int_eq(count(0, "{\"ev\":\"pairs\",\"id\":1,\"n\":0}"), 1);
    tell(0, "{\"op\":\"start\"}");
    tell(1, "{\"op\":\"start\"}");
    ck_assert(heard_by(0, "\"s\":\"completed\"", 1, 20 * IT_SEC) && heard_by(1, "\"s\":\"completed\"", 1, 20 * IT_SEC));
    tell(0, "{\"op\":\"pairs\"}");
    ck_assert_int_eq(count(0, "\"st\":\"succeeded\""), 1);
    ck_assert_int_eq(count(0, "\"nom\":1"), 1);
    peers_end();
}
END_TEST

START_TEST(data_counts_only_from_where_a_check_has_succeeded)
{
    probe *stranger = probe_new();
    char cand[512];
    unsigned port = 0;
    if (!acquainted())
        return;
    tell(0, "{\"op\":\"start\"}");
    tell(1, "{\"op\":\"start\"}");
    ck_assert(heard_by(1, "\"s\":\"completed\"", 1, 20 * IT_SEC));
    it_addr here = it_addr_of(it_ip4(0xc0000202), 0);
    int s = probe_add(stranger, here);
    ck_assert(value(1, "cand", 0, "c", cand) && sscanf(cand, "%*s %*s UDP %*s %*s %u", &port) == 1);
    it_io io = {.kind = IT_IO_DGRAM, .remote = it_addr_of(here.ip, (uint16_t)port), .data = it_bytes_str("stranger")};
    probe_put(s, stranger, io);
    tell(0, "{\"op\":\"send\",\"b64\":\"ZnJpZW5k\"}");
    ck_assert(heard_by(1, "\"b64\":\"ZnJpZW5k\"", 1, 10 * IT_SEC));
    pass_time(50 * IT_MS);
    listen_to(1);
    ck_assert_int_eq(count(1, "\"ev\":\"data\""), 1);
    peers_end();
    probe_done(stranger);
}
END_TEST

START_TEST(a_restart_of_the_far_side_is_ours_too)
{
    if (!acquainted())
        return;
    tell(0, "{\"op\":\"start\"}");
    tell(1, "{\"op\":\"start\"}");
    ck_assert(heard_by(0, "\"s\":\"completed\"", 1, 20 * IT_SEC) && heard_by(1, "\"s\":\"completed\"", 1, 20 * IT_SEC));
    tell(_i, "{\"op\":\"restart\"}");
    ck_assert(heard_by(_i, "\"gathered\"", 2, 10 * IT_SEC));
    ck_assert_int_eq(count(_i, "\"gen\":1"), 3);
    introduce(_i, 1);
    ck_assert(heard_by(!_i, "\"ev\":\"local\"", 2, 10 * IT_SEC) && heard_by(!_i, "\"gathered\"", 2, 10 * IT_SEC));
    introduce(!_i, 1);
    ck_assert(heard_by(0, "\"s\":\"completed\"", 2, 20 * IT_SEC) && heard_by(1, "\"s\":\"completed\"", 2, 20 * IT_SEC));
    peers_end();
}
END_TEST

START_TEST(dtls_wants_the_fingerprint_that_was_told)
{
    char line[1024], fp[2][512];
    if (!acquainted())
        return;
    ck_assert(value(0, "local", 0, "fp", fp[0]) && value(1, "local", 0, "fp", fp[1]));
    if (_i)
        fp[1][9] = fp[1][9] == 'A' ? 'B' : 'A';
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "{\"op\":\"dtls\",\"setup\":\"%s\",\"fp\":\"%s\"}", i ? "passive" : "active",
                 fp[!i]);
        tell(i, line);
        tell(i, "{\"op\":\"start\"}");
    }
    if (_i) {
        ck_assert(heard_by(0, "\"ev\":\"dtls\",\"id\":1,\"s\":\"failed\"", 1, 20 * IT_SEC));
        ck_assert_int_eq(count(0, "\"ev\":\"dtls\",\"id\":1,\"s\":\"connected\""), 0); /* the path may be */
    } else {
        ck_assert(heard_by(0, "\"ev\":\"dtls\",\"id\":1,\"s\":\"connected\"", 1, 20 * IT_SEC));
        ck_assert(heard_by(1, "\"ev\":\"dtls\",\"id\":1,\"s\":\"connected\"", 1, 20 * IT_SEC));
        tell(1, "{\"op\":\"send\",\"b64\":\"c2VjcmV0\"}");
        ck_assert(heard_by(0, "\"b64\":\"c2VjcmV0\"", 1, 10 * IT_SEC));
    }
    peers_end();
}
END_TEST

/* Lets peer 0 send so many datagrams of 900 bytes, and time pass with each few, until more than |most| wait at peer 1.
 */
static void flood(int n, size_t most)
{
    static char line[1300];
    snprintf(line, sizeof line, "{\"op\":\"send\",\"b64\":\"%01200d\"}", 0);
    for (int i = 0; i < n && it_itp_peer_output(P[1]).n <= most; i++) {
        tell(0, line);
        SAID[0][0] = '\0';
        if (i % 8 == 0)
            pass_time(IT_MS);
    }
}

START_TEST(a_reader_that_rests_is_told_of_datagrams_only_so_far)
{
    if (!acquainted())
        return;
    tell(0, "{\"op\":\"start\"}");
    tell(1, "{\"op\":\"start\"}");
    ck_assert(heard_by(1, "\"s\":\"completed\"", 1, 20 * IT_SEC));
    ck_assert(heard_by(0, "\"s\":\"completed\"", 1, 20 * IT_SEC));
    flood(50000, IT_ITP_BEHIND);
    ck_assert_uint_gt(it_itp_peer_output(P[1]).n, IT_ITP_BEHIND);
    flood(1000, SIZE_MAX);
    it_bytes out = it_itp_peer_output(P[1]);
    ck_assert_uint_lt(out.n, IT_ITP_BEHIND + 4096);
    ck_assert(!it_itp_peer_hears(P[1]));
    ck_assert_ptr_nonnull(strstr((const char *)out.p + out.n - 400, "the reader is behind"));
    /* Taken in small pieces it never stands still, and what was taken is given back. */
    while (it_itp_peer_output(P[1]).n > 1000) {
        size_t before = it_itp_peer_output(P[1]).n;
        it_itp_peer_written(P[1], 1000);
        ck_assert_uint_eq(it_itp_peer_output(P[1]).n, before - 1000);
    }
    ck_assert(it_itp_peer_hears(P[1]));
    flood(16, SIZE_MAX);
    pass_time(10 * IT_MS);
    ck_assert_uint_gt(it_itp_peer_output(P[1]).n, 1200);
    peers_end();
}
END_TEST

START_TEST(no_certificate_is_like_another)
{
    char a[512], b[512];
    peers_begin();
    for (int i = 0; i < 2; i++) {
        tell(i, "{\"op\":\"create\",\"role\":\"controlled\"}");
        tell(i, "{\"op\":\"gather\"}");
    }
    ck_assert(value(0, "local", 0, "fp", a) && value(1, "local", 0, "fp", b));
    ck_assert_str_ne(a, b);
    ck_assert_uint_eq(strlen(a), 8 + 32 * 3 - 1);
    peers_end();
}
END_TEST

/* --- relays --- */

/* A TURN server on this loop, over UDP and TCP; its address. */
static it_turn_server *relay_begin(it_addr *at)
{
    it_turn_server_cfg cfg = {.alloc = &PROBE_ALLOC, .relayed_peers = true};
    it_addr local = it_addr_of(it_ip4(0xc0000202), 3478);
    it_loop_app_cfg app = {.bases = &local, .n_bases = 1};
    it_rng_init(&cfg.rng, 1, "server");
    it_turn_server *s = it_turn_server_new(&cfg);
    int i = it_loop_add(LOOP, &it_turn_server_ops, s, &app, NULL);
    ck_assert_int_ge(i, 0);
    ck_assert_int_eq(it_loop_listen(LOOP, i, local), 0);
    *at = local;
    return s;
}

START_TEST(relays_are_asked_for_and_given_back)
{
    static const char *const TRANSPORTS[] = {"udp", "tcp"};
    char line[256];
    it_addr at;
    if (!own_network(65536))
        return;
    lo_set(SIOCSIFADDR, "lo:1", 0xc0000202, 0, 0);
    peers_begin();
    const it_turn_server *s = relay_begin(&at);
    snprintf(line, sizeof line,
             "{\"op\":\"create\",\"role\":\"controlling\",\"turn\":\"turn:192.0.2.2:3478?transport=%s,me,secret\"}",
             TRANSPORTS[_i]);
    tell(0, line);
    tell(0, "{\"op\":\"gather\"}");
    ck_assert(heard_by(0, "\"gathered\"", 1, 10 * IT_SEC));
    ck_assert_int_eq(count(0, "typ relay"), 1);
    ck_assert_uint_eq(it_turn_server_allocations(s), 1);
    tell(0, "{\"op\":\"close\"}");
    for (it_time until = it_loop_now(LOOP) + 10 * IT_SEC; it_turn_server_allocations(s) && it_loop_now(LOOP) < until;)
        pass_time(IT_MS);
    ck_assert_uint_eq(it_turn_server_allocations(s), 0);
    peers_end();
}
END_TEST

START_TEST(a_relay_that_is_none_is_an_error)
{
    static const char *const WRONG[] = {"192.0.2.2:3478",
                                        "turn:192.0.2.2",
                                        "turn:192.0.2.2,me",
                                        "stun:192.0.2.2,me,secret",
                                        "turns:192.0.2.2,me,secret",
                                        "turn:a.name,me,secret"};
    char line[256];
    if (!own_network(65536))
        return;
    peers_begin();
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        snprintf(line, sizeof line, "{\"op\":\"create\",\"role\":\"controlling\",\"turn\":\"%s\"}", WRONG[i]);
        tell(0, line);
        ck_assert_int_eq(count(0, "turn is turn:ADDRESS:PORT?transport=udp"), (int)i + 1);
    }
    peers_end();
}
END_TEST

START_TEST(candidates_by_tcp_carry_data_and_end_with_the_session)
{
    static const char *const WITH[][2] = {{",\"tcp\":\"active\",\"udp\":0", ",\"tcp\":\"passive\",\"udp\":0"},
                                          {",\"tcp\":\"passive\",\"udp\":0", ",\"tcp\":\"active\",\"udp\":0"},
                                          {",\"tcp\":\"so\",\"udp\":0", ",\"tcp\":\"so\",\"udp\":0"}};
    if (!acquainted_with(WITH[_i]))
        return;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(count(i, " UDP "), 0);
        tell(i, "{\"op\":\"start\"}");
    }
    ck_assert(heard_by(0, "\"s\":\"completed\"", 1, 20 * IT_SEC) && heard_by(1, "\"s\":\"completed\"", 1, 20 * IT_SEC));
    tell(0, "{\"op\":\"send\",\"b64\":\"ZnJpZW5k\"}");
    tell(1, "{\"op\":\"send\",\"b64\":\"YW1pZ28=\"}");
    ck_assert(heard_by(1, "\"b64\":\"ZnJpZW5k\"", 1, 10 * IT_SEC) &&
              heard_by(0, "\"b64\":\"YW1pZ28=\"", 1, 10 * IT_SEC));
    tell(0, "{\"op\":\"close\"}");
    ck_assert(heard_by(1, "the far side closed the connection", 1, 10 * IT_SEC)); /* RFC 6544 section 11.1 */
    peers_end();
}
END_TEST

START_TEST(transports_that_are_none_are_errors)
{
    static const char *const WRONG[] = {"\"tcp\":\"open\"", "\"tcp\":\"active passive\"",
                                        "\"tcp\":\"active\",\"udp\":2", "\"udp\":0"};
    char line[256];
    if (!own_network(65536))
        return;
    peers_begin();
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        snprintf(line, sizeof line, "{\"op\":\"create\",\"role\":\"controlling\",%s}", WRONG[i]);
        tell(0, line);
        ck_assert_int_eq(count(0, "\"ev\":\"error\""), (int)i + 1);
    }
    ck_assert_int_eq(count(0, "tcp is active, passive, so or"), 2);
    ck_assert_int_eq(count(0, "udp is 0 or 1"), 2);
    peers_end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/itp/peer");
    TCase *t = tcase_create("itp/1");
    tcase_set_timeout(t, 90);
    tcase_add_test(t, lines_may_come_in_any_pieces);
    tcase_add_test(t, there_are_64_sessions_and_closed_ones_make_room);
    tcase_add_test(t, checks_wait_for_start);
    tcase_add_test(t, data_counts_only_from_where_a_check_has_succeeded);
    tcase_add_loop_test(t, a_restart_of_the_far_side_is_ours_too, 0, 2);
    tcase_add_loop_test(t, dtls_wants_the_fingerprint_that_was_told, 0, 2);
    tcase_add_test(t, a_reader_that_rests_is_told_of_datagrams_only_so_far);
    tcase_add_test(t, no_certificate_is_like_another);
    tcase_add_loop_test(t, relays_are_asked_for_and_given_back, 0, 2);
    tcase_add_test(t, a_relay_that_is_none_is_an_error);
    tcase_add_loop_test(t, candidates_by_tcp_carry_data_and_end_with_the_session, 0, 3);
    tcase_add_test(t, transports_that_are_none_are_errors);
    suite_add_tcase(s, t);
    return probe_main(s);
}
