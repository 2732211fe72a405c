/* stack/signal/server.c: what it answers to requests, and clients that mean no good. */
#include "tests/stack/signal/net.h"

#include "stack/signal/mailbox.h"
#include "stack/ws/handshake.h"

#define FLOW IT_IO_ACCEPTED_FLOW

static it_alloc A;
static it_signal_server *S;
static uint8_t buf[IT_LAYER_MESSAGE];
static char said[1 << 20]; /* what came back, all flows together */
static size_t n_said;
static bool fin, rst;
static bool reads = true; /* the client takes what is written */

static void start(it_signal_server_cfg cfg)
{
    it_alloc_init(&A);
    cfg.alloc = &A;
    it_rng_init(&cfg.rng, 1, "server");
    S = it_signal_server_new(&cfg);
    ck_assert_ptr_nonnull(S);
    n_said = 0;
    fin = rst = false;
    reads = true;
}

static void setup(void)
{
    start((it_signal_server_cfg){0});
}

static void teardown(void)
{
    it_signal_server_ops.free(S);
    ck_assert_int_eq(A.live, 0);
}

static void drain(it_time now)
{
    it_io out;
    while (it_signal_server_ops.output(S, now, &out, buf, sizeof buf) == 1) {
        fin = fin || out.kind == IT_IO_FIN;
        rst = rst || out.kind == IT_IO_RST;
        ck_assert_uint_lt(n_said + out.data.n, sizeof said);
        if (out.data.n)
            memcpy(said + n_said, out.data.p, out.data.n);
        n_said += out.data.n;
        said[n_said] = 0;
        if (out.data.n && reads)
            ck_assert_int_ge(it_signal_server_ops.input(
                                 S, now, &(it_io){.kind = IT_IO_WRITABLE, .flow = out.flow, .data = {NULL, NET_ROOM}}),
                             0);
    }
}

static void opens(uint32_t k, it_time now)
{
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = FLOW + k, .data = {NULL, reads ? NET_ROOM : 2000}};
    ck_assert_int_ge(it_signal_server_ops.input(S, now, &in), 0);
    drain(now);
}

/* Returns the bytes that were taken. */
static size_t says_bytes(uint32_t k, it_time now, it_bytes data)
{
    size_t at = 0;
    for (int n = 1; n > 0 && at < data.n; at += (size_t)n) {
        it_io in = {.kind = IT_IO_DATA, .flow = FLOW + k, .data = it_bytes_of(data.p + at, data.n - at)};
        n = it_signal_server_ops.input(S, now, &in);
        ck_assert_int_ge(n, 0);
        ck_assert_uint_le((size_t)n, data.n - at);
        drain(now);
    }
    return at;
}

static void says(uint32_t k, it_time now, const char *text)
{
    (void)says_bytes(k, now, it_bytes_str(text));
}

#define WHO "?box=bob&key=k1"
#define GET(query) "GET /x" query " HTTP/1.1\r\nHost: a\r\n\r\n"
#define UPGRADE(query)                                                                                                 \
    "GET /x" query " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "      \
    "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

START_TEST(requests_that_are_none_are_refused)
{
    static const struct {
        const char *request, *status;
    } CASE[] = {
        {GET(""), "400"},
        {GET("?box=bob"), "400"},
        {GET("?box=b%20b&key=k"), "400"},
        {GET("?box=bob&key=k&seen=x"), "400"},
        {"PUT /" WHO " HTTP/1.1\r\nHost: a\r\n\r\n", "405"},
        {"garbage\r\n\r\n", "400"},
        {"GET /" WHO " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "400"},
        {"GET /" WHO " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
         "8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
         "426"},
        {"POST /" WHO " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{x}", "400"},
        {"POST /" WHO " HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", "413"},
    };
    opens(0, 0);
    says(0, 0, CASE[_i].request);
    if (strcmp(CASE[_i].status, "413") == 0) {
        static uint8_t body[99999];
        (void)says_bytes(0, 0, it_bytes_of(body, sizeof body));
    }
    ck_assert_msg(n_said > 12 && strncmp(said + 9, CASE[_i].status, 3) == 0, "%s", said);
    ck_assert(fin);
    if (strcmp(CASE[_i].status, "426") == 0) /* RFC 9110 section 7.8 */
        ck_assert(strstr(said, "Upgrade: websocket\r\n") && strstr(said, "Connection: upgrade\r\n"));
}
END_TEST

START_TEST(a_poll_is_held_and_answered)
{
    opens(0, 0);
    says(0, 0, GET(WHO "&hold=20"));
    ck_assert_uint_eq(n_said, 0);
    ck_assert_int_eq(it_signal_server_ops.next(S), 20 * IT_SEC);
    opens(1, IT_SEC);
    says(1, IT_SEC,
         "POST /?box=alice&key=k2 HTTP/1.1\r\nHost: a\r\nContent-Length: 32\r\n\r\n"
         "{\"to\":\"bob\",\"id\":1,\"data\":\"hi\"}\n");
    ck_assert_ptr_nonnull(strstr(said, "{\"seq\":1,\"from\":\"alice\",\"data\":\"hi\"}\n"));
    ck_assert_ptr_nonnull(strstr(said, "{\"taken\":1}\n"));
}
END_TEST

START_TEST(a_poll_is_never_held_for_longer_than_agreed)
{
    opens(0, 0);
    says(0, 0, GET(WHO "&hold=99999999"));
    ck_assert_int_eq(it_signal_server_ops.next(S), 25 * IT_SEC);
    ck_assert_int_eq(it_signal_server_ops.tick(S, 25 * IT_SEC), 0);
    drain(25 * IT_SEC);
    ck_assert_ptr_nonnull(strstr(said, "200 OK"));
}
END_TEST

START_TEST(a_held_poll_whose_client_left_is_forgotten)
{
    opens(0, 0);
    says(0, 0, GET(WHO "&hold=20"));
    (void)it_signal_server_ops.input(S, 1, &(it_io){.kind = IT_IO_FIN, .flow = FLOW});
    drain(1);
    opens(1, 2);
    says(1, 2,
         "POST /?box=alice&key=k2 HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\n"
         "{\"to\":\"bob\",\"id\":1,\"data\":\"hi\"}");
    ck_assert_ptr_null(strstr(said, "\"seq\""));
    opens(2, 3);
    says(2, 3, GET(WHO "&hold=20"));
    ck_assert_ptr_nonnull(strstr(said, "\"seq\":1"));
}
END_TEST

START_TEST(who_says_nothing_is_ended_in_order_at_first)
{
    opens(0, 0);
    ck_assert_int_eq(it_signal_server_ops.next(S), 60 * IT_SEC);
    ck_assert_int_eq(it_signal_server_ops.tick(S, 60 * IT_SEC), 0);
    drain(60 * IT_SEC);
    ck_assert(fin && !rst);
    ck_assert_int_eq(it_signal_server_ops.next(S), 65 * IT_SEC);
    ck_assert_int_eq(it_signal_server_ops.tick(S, 65 * IT_SEC), 0);
    drain(65 * IT_SEC);
    ck_assert(rst);
    ck_assert_uint_eq(it_signal_server_stat(S)->connections, 0);
}
END_TEST

/* Answers that are not read keep no stream: our FIN would wait behind them for ever. The last request that came was
 * not read either, and has its time. */
START_TEST(who_never_reads_its_answer_is_reset)
{
    teardown();
    start((it_signal_server_cfg){0});
    reads = false;
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = FLOW, .data = {NULL, 10}};
    ck_assert_int_ge(it_signal_server_ops.input(S, 0, &in), 0);
    while (says_bytes(0, 0, it_bytes_str(GET(WHO))) == sizeof GET(WHO) - 1)
        continue;
    ck_assert_uint_eq(n_said, 10);
    for (it_time now = 0; now <= 34 * IT_SEC; now += IT_SEC) {
        ck_assert_int_eq(it_signal_server_ops.tick(S, now), 0);
        drain(now);
    }
    ck_assert(!rst);
    says(0, 34 * IT_SEC, "G"); /* which is not waited for */
    ck_assert_int_eq(it_signal_server_ops.tick(S, 35 * IT_SEC), 0);
    drain(35 * IT_SEC);
    ck_assert(rst);
    ck_assert_uint_eq(it_signal_server_stat(S)->connections, 0);
}
END_TEST

/* Time passes in steps, as an owner lets it. */
static void ticks(it_time now)
{
    if (it_signal_server_ops.next(S) <= now)
        ck_assert_int_eq(it_signal_server_ops.tick(S, now), 0);
    drain(now);
}

START_TEST(a_request_that_drips_in_is_ended_and_so_is_who_drips_on)
{
    opens(0, 0);
    says(0, 7 * IT_SEC, "G");
    for (it_time at = 8 * IT_SEC; at <= 36 * IT_SEC; at += IT_SEC) {
        ticks(at);
        says(0, at, "x");
    }
    ck_assert(!fin && !rst);
    for (it_time at = 37 * IT_SEC; at <= 42 * IT_SEC; at += IT_SEC) {
        ticks(at);
        ck_assert(fin);
        says(0, at, "x");
    }
    ck_assert(rst);
    ck_assert_uint_eq(it_signal_server_stat(S)->connections, 0);
}
END_TEST

START_TEST(a_request_has_its_time_from_its_own_first_byte)
{
    opens(0, 0);
    for (int i = 0; i < 4; i++) {
        says(0, i * 50 * IT_SEC, "GET /" WHO);
        ticks(i * 50 * IT_SEC + 29 * IT_SEC);
        says(0, i * 50 * IT_SEC + 29 * IT_SEC, " HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    ck_assert(!fin && !rst);
}
END_TEST

START_TEST(connections_and_mailboxes_are_bounded)
{
    teardown();
    start((it_signal_server_cfg){.connections = 2, .mailboxes = 1});
    opens(0, 0);
    opens(1, 0);
    ck_assert(!rst);
    opens(2, 0);
    ck_assert(rst);
    says(0, 0, GET(WHO "&hold=0"));
    ck_assert_ptr_nonnull(strstr(said, "200 OK"));
    says(1, 0, GET("?box=carol&key=k3"));
    ck_assert_ptr_nonnull(strstr(said, "503"));
}
END_TEST

START_TEST(a_mailbox_that_nobody_has_open_is_forgotten)
{
    opens(0, 0);
    says(0, 0, GET(WHO "&hold=0"));
    for (it_time t = 0; t <= 400 * IT_SEC; t += 20 * IT_SEC) {
        ck_assert_int_eq(it_signal_server_ops.tick(S, t), 0);
        drain(t);
    }
    ck_assert_uint_eq(it_signal_server_stat(S)->mailboxes, 0);
    ck_assert_int_eq(it_signal_server_ops.next(S), IT_NEVER);
}
END_TEST

/* A masked frame of a client with key 0: bytes as they are. */
static size_t frame(uint8_t *out, uint8_t first, const char *text)
{
    size_t n = strlen(text), head = n < 126 ? 2 : 4;
    out[0] = first;
    out[1] = (uint8_t)(0x80 | (n < 126 ? n : 126));
    if (head == 4)
        it_put16(out + 2, (uint16_t)n);
    memset(out + head, 0, 4);
    memcpy(out + head + 4, text, n);
    return head + 4 + n;
}

START_TEST(frames_that_are_no_records_close_with_1008)
{
    uint8_t f[64];
    opens(0, 0);
    says(0, 0, UPGRADE(WHO));
    ck_assert_ptr_nonnull(strstr(said, "101 Switching"));
    ck_assert_ptr_nonnull(strstr(said, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    (void)says_bytes(0, 0, it_bytes_of(f, frame(f, 0x81, "{\"to\":1}")));
    ck_assert(n_said > 4 && memcmp(said + n_said - 4, "\x88\x02\x03\xf0", 4) == 0);
}
END_TEST

START_TEST(unmasked_and_reserved_frames_close_with_1002)
{
    static const char *const FRAME[] = {"\x81\x02{}", "\xc1\x80\0\0\0\0", "\x83\x80\0\0\0\0"};
    static const size_t SIZE[] = {4, 6, 6};
    opens(0, 0);
    says(0, 0, UPGRADE(WHO));
    (void)says_bytes(0, 0, it_bytes_of(FRAME[_i], SIZE[_i]));
    ck_assert(n_said > 4 && memcmp(said + n_said - 4, "\x88\x02\x03\xea", 4) == 0);
    ck_assert(fin);
}
END_TEST

START_TEST(a_message_that_is_too_large_closes_with_1009)
{
    static const char HUGE_FRAME[] = "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x";
    opens(0, 0);
    says(0, 0, UPGRADE(WHO));
    (void)says_bytes(0, 0, it_bytes_of(HUGE_FRAME, sizeof HUGE_FRAME - 1));
    ck_assert(n_said > 4 && memcmp(said + n_said - 4, "\x88\x02\x03\xf1", 4) == 0);
    ck_assert(fin);
}
END_TEST

/* A fragment of a byte is a block of memory: of many of them no message is made. */
START_TEST(a_message_in_too_many_fragments_closes_with_1009)
{
    uint8_t f[8];
    opens(0, 0);
    says(0, 0, UPGRADE(WHO));
    (void)says_bytes(0, 0, it_bytes_of(f, frame(f, 0x01, "{")));
    int64_t blocks = A.live;
    for (int k = 0; k < 2000; k++)
        (void)says_bytes(0, 0, it_bytes_of(f, frame(f, 0x00, " ")));
    ck_assert_ptr_nonnull(memmem(said, n_said, "\x88\x02\x03\xf1", 4));
    ck_assert(fin);
    ck_assert_int_le(A.live, blocks);
}
END_TEST

/* Who writes and never reads is not heard any more once what waits for it has no room; nothing grows. */
START_TEST(a_client_that_never_reads_fills_nothing)
{
    uint8_t f[64];
    size_t taken = 0, n = 0;
    int64_t blocks = 0;
    reads = false;
    opens(0, 0);
    says(0, 0, UPGRADE(WHO));
    for (int k = 1; k < 20000; k++) {
        char text[48];
        snprintf(text, sizeof text, _i ? "x" : "{\"to\":\"bob\",\"id\":%d,\"data\":\"\"}", k);
        size_t size = frame(f, _i ? 0x89 : 0x81, text);
        n = says_bytes(0, 0, it_bytes_of(f, size));
        taken += n;
        if (n < size)
            break;
        blocks = A.live;
    }
    ck_assert_int_lt(blocks, 700);
    if (_i) {
        ck_assert_uint_lt(taken, 200000);
        return;
    }
    /* What it is not told of is not taken: it is closed, and gone soon. */
    ck_assert_uint_eq(it_signal_server_stat(S)->refused, IT_MAILBOX_REFUSALS);
    ticks(5 * IT_SEC);
    ck_assert(rst);
}
END_TEST

/* What it writes is no more than what clients have written, and a bounded answer to each request. */
START_TEST(nothing_is_amplified)
{
    static char request[16384], body[12000];
    size_t n = 0;
    for (int k = 1; n < sizeof body - 64; k++)
        n += (size_t)snprintf(body + n, sizeof body - n, "{\"to\":\"c%d\",\"id\":%d,\"data\":\"\"}\n", k, k);
    int all = snprintf(request, sizeof request, "POST /" WHO " HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s", n,
                       body);
    opens(0, 0);
    says(0, 0, request);
    ck_assert_ptr_nonnull(strstr(said, "200 OK"));
    ck_assert_uint_lt(n_said, (size_t)all);
}
END_TEST

START_TEST(what_was_acknowledged_does_not_come_again)
{
    opens(0, 0);
    says(0, 0,
         "POST /?box=alice&key=k2 HTTP/1.1\r\nHost: a\r\nContent-Length: 63\r\n\r\n"
         "{\"to\":\"bob\",\"id\":1,\"data\":\"hi\"}\n{\"to\":\"bob\",\"id\":2,\"data\":\"ho\"}");
    opens(1, 0);
    says(1, 0, GET(WHO "&hold=20"));
    char *hello = strstr(said + 100, "\"hello\":\""), run[17] = "", query[128];
    ck_assert_ptr_nonnull(hello);
    memcpy(run, hello + 9, 16);
    snprintf(query, sizeof query, "GET /" WHO "&hold=20&seen=1&run=%s HTTP/1.1\r\nHost: a\r\n\r\n", run);
    n_said = 0;
    says(1, 0, query);
    ck_assert_ptr_null(strstr(said, "\"seq\":1"));
    ck_assert_ptr_nonnull(strstr(said, "\"seq\":2"));
}
END_TEST

/* POSTs |lines| by connection |k| for mailbox and key |who|. */
static void posts(uint32_t k, it_time now, const char *who, const char *lines)
{
    static char all[20000];
    snprintf(all, sizeof all, "POST /?%s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s", who, strlen(lines),
             lines);
    n_said = 0;
    says(k, now, all);
}

static void gets(uint32_t k, it_time now, const char *who)
{
    char all[300];
    snprintf(all, sizeof all, "GET /?%s HTTP/1.1\r\nHost: a\r\n\r\n", who);
    n_said = 0;
    says(k, now, all);
}

/* Time passes up to |now|: who is silent is ended. */
static void passes(it_time from, it_time now)
{
    for (it_time t = from; t <= now; t += IT_SEC) {
        ck_assert_int_eq(it_signal_server_ops.tick(S, t), 0);
        drain(t);
    }
}

/* The record of its sender has room; what its receiver would be sent, with a longer name in it, has not. */
START_TEST(a_message_that_cannot_be_handed_on_is_refused)
{
    static char line[IT_SIGNAL_RECORD + 200];
    char who[100] = "key=k&box=";
    memset(who + strlen(who), 'a', IT_SIGNAL_NAME);
    int n = snprintf(line, sizeof line, "{\"to\":\"b\",\"id\":1,\"data\":\"");
    for (; n + 6 < IT_SIGNAL_RECORD - 2; n += 6)
        memcpy(line + n, "\\u0041", 6); /* fewer bytes than characters */
    memcpy(line + n, "\"}", 3);
    opens(0, 0);
    posts(0, 0, who, line);
    ck_assert_ptr_nonnull(strstr(said, "{\"refused\":1,\"why\":\"large\"}"));
    posts(0, 0, who, "{\"to\":\"b\",\"id\":2,\"data\":\"small\"}");
    opens(1, 0);
    n_said = 0;
    says(1, 0, UPGRADE("?box=b&key=k1"));
    ck_assert_ptr_nonnull(memmem(said, n_said, "small", 5));
}
END_TEST

/* A mailbox is emptied after a while; what is numbered afterwards is new for whoever has seen what was before. */
START_TEST(numbers_never_begin_again)
{
    char run[17] = "", query[128];
    opens(0, 0);
    posts(0, 0, "box=alice&key=k2", "{\"to\":\"bob\",\"id\":1,\"data\":\"one\"}");
    opens(1, 0);
    gets(1, 0, "box=bob&key=k1&hold=0");
    ck_assert_ptr_nonnull(strstr(said, "{\"seq\":1,"));
    memcpy(run, strstr(said, "\"hello\":\"") + 9, 16);
    passes(0, 400 * IT_SEC);
    ck_assert_uint_eq(it_signal_server_stat(S)->mailboxes, 0);
    opens(2, 400 * IT_SEC);
    posts(2, 400 * IT_SEC, "box=alice&key=k2", "{\"to\":\"bob\",\"id\":2,\"data\":\"two\"}");
    opens(3, 400 * IT_SEC);
    snprintf(query, sizeof query, "box=bob&key=k1&hold=0&seen=1&run=%s", run);
    gets(3, 400 * IT_SEC, query);
    ck_assert_ptr_nonnull(strstr(said, "\"data\":\"two\""));
}
END_TEST

/* Its sender may have been away for long: the answer was lost, the mailbox emptied. */
START_TEST(what_was_taken_is_not_taken_again)
{
    static const char LINE[] = "{\"to\":\"bob\",\"id\":1,\"data\":\"one\"}";
    opens(0, 0);
    posts(0, 0, "box=alice&key=k2", LINE);
    passes(0, 400 * IT_SEC);
    ck_assert_uint_eq(it_signal_server_stat(S)->mailboxes, 0);
    opens(1, 400 * IT_SEC);
    posts(1, 400 * IT_SEC, "box=alice&key=k2", LINE);
    ck_assert_ptr_nonnull(strstr(said, "{\"taken\":1}"));
    ck_assert_uint_eq(it_signal_server_stat(S)->messages, 1);
}
END_TEST

START_TEST(places_of_mailboxes_that_were_left_are_used_again)
{
    teardown();
    start((it_signal_server_cfg){.mailboxes = 2});
    for (uint32_t k = 0; k < 6; k++) {
        char who[32];
        snprintf(who, sizeof who, "box=b%u&key=k", k);
        it_time now = (it_time)k * 200 * IT_SEC;
        opens(k, now);
        gets(k, now, who);
        ck_assert_ptr_nonnull(strstr(said, "200 OK"));
        passes(now, now + 199 * IT_SEC);
    }
}
END_TEST

START_TEST(of_two_sessions_that_poll_the_first_is_told_to_go)
{
    opens(0, 0);
    opens(1, 0);
    gets(0, 0, "box=bob&key=k1&hold=20");
    gets(1, 0, "box=bob&key=k9&hold=20");
    ck_assert_msg(strncmp(said, "HTTP/1.1 409", 12) == 0, "%s", said);
    opens(2, 0);
    gets(2, 0, "box=bob&key=k1&hold=20");
    ck_assert_msg(strncmp(said, "HTTP/1.1 409", 12) == 0, "%s", said);
    opens(3, 0);
    posts(3, 0, "box=bob&key=k1", "{\"to\":\"c\",\"id\":1,\"data\":\"x\"}");
    ck_assert_msg(strncmp(said, "HTTP/1.1 409", 12) == 0, "%s", said);
    opens(4, 0);
    posts(4, 0, "box=alice&key=k2", "{\"to\":\"bob\",\"id\":1,\"data\":\"hi\"}");
    ck_assert_ptr_nonnull(strstr(said, "\"data\":\"hi\"")); /* the second one's poll is still held */
}
END_TEST

/* The answer that said so may have been lost: it is said until the sender knows. */
START_TEST(a_refusal_is_said_until_it_is_known)
{
    teardown();
    start((it_signal_server_cfg){.messages = 1});
    opens(0, 0);
    posts(0, 0, "box=alice&key=k",
          "{\"to\":\"b\",\"id\":1,\"data\":\"\"}\n{\"to\":\"b\",\"id\":2,\"data\":\"\"}\n"
          "{\"to\":\"c\",\"id\":3,\"data\":\"\"}");
    gets(0, 0, "box=alice&key=k&hold=0");
    ck_assert_ptr_nonnull(strstr(said, ",\"taken\":1}\n{\"refused\":2,\"why\":\"full\"}\n{\"taken\":3}\n"));
    posts(0, 0, "box=alice&key=k&known=1", "{\"to\":\"b\",\"id\":2,\"data\":\"\"}");
    ck_assert_ptr_nonnull(strstr(strstr(said, "{\"taken\":3}"), "{\"refused\":2,\"why\":\"full\"}"));
    gets(0, 0, "box=alice&key=k&hold=0&known=3");
    ck_assert_ptr_null(strstr(said, "refused"));
    ck_assert_ptr_nonnull(strstr(said, ",\"taken\":3}"));
}
END_TEST

/* The next tale is of |kind|; it. */
static it_signal_tale tale_of(enum it_signal_tale_kind kind)
{
    it_signal_tale t;
    ck_assert_int_eq(it_signal_server_tale(S, &t), 1);
    ck_assert_int_eq(t.kind, kind);
    return t;
}

START_TEST(it_tells_who_has_a_mailbox_and_who_was_refused)
{
    it_signal_tale t;
    start((it_signal_server_cfg){.connections = 3});
    opens(0, 0);
    says(0, 0, GET(WHO));
    t = tale_of(IT_SIGNAL_TALE_OPENED);
    ck_assert(strcmp(t.box, "bob") == 0 && !t.ws);
    says(0, 0, GET(WHO)); /* the same session again is no news */
    ck_assert_int_eq(it_signal_server_tale(S, &t), 0);
    opens(1, 0);
    says(1, 0, UPGRADE("?box=bob&key=k2"));
    ck_assert(tale_of(IT_SIGNAL_TALE_OPENED).ws);
    says(0, 0, GET(WHO)); /* who was replaced stays away */
    ck_assert_int_eq(tale_of(IT_SIGNAL_TALE_REFUSED).status, 409);
    opens(2, 0);
    says(2, 0, GET("?box=b/b&key=k"));
    ck_assert_int_eq(tale_of(IT_SIGNAL_TALE_REFUSED).status, 400);
    teardown();
    start((it_signal_server_cfg){.connections = 1});
    opens(0, 0);
    opens(1, 0);
    (void)tale_of(IT_SIGNAL_TALE_RESET);
    teardown();
}
END_TEST

START_TEST(of_more_tales_than_are_kept_the_latest_are_told)
{
    it_signal_tale t;
    char line[80];
    int n = 0;
    setup();
    opens(0, 0);
    for (int i = 0; i < IT_SIGNAL_TALES + 5; i++) {
        snprintf(line, sizeof line, "GET /x?box=b%d&key=k HTTP/1.1\r\nHost: a\r\n\r\n", i);
        says(0, 0, line);
    }
    for (; it_signal_server_tale(S, &t); n++) {
        snprintf(line, sizeof line, "b%d", n + 5);
        ck_assert_str_eq(t.box, line);
    }
    ck_assert_int_eq(n, IT_SIGNAL_TALES);
    teardown();
}
END_TEST

START_TEST(when_it_ends_polls_are_answered_and_websockets_closed)
{
    setup();
    opens(0, 0);
    says(0, 0, GET("?box=a&key=k&hold=20"));
    opens(1, 0);
    says(1, 0, UPGRADE("?box=b&key=k"));
    opens(2, 0); /* which asks for nothing */
    n_said = 0;
    ck_assert_int_eq(it_signal_server_stop(S, IT_SEC), 0);
    drain(IT_SEC);
    ck_assert_ptr_nonnull(strstr(said, "HTTP/1.1 200 OK"));
    ck_assert_ptr_nonnull(memmem(said, n_said, "\x88\x02\x03\xe9", 4)); /* close, 1001 */
    ck_assert(!rst);
    teardown();
}
END_TEST

/* --- what is taken, and what is not --- */

/* Writes |n| messages from id |first| to mailbox |to|, a line each, behind |text|. */
static void write_lines(char *text, const char *to, int first, int n)
{
    for (int id = first; id < first + n; id++)
        sprintf(text + strlen(text), "{\"to\":\"%s\",\"id\":%d,\"data\":\"\"}\n", to, id);
}

/* Whether |word| is said of message |id|. */
static bool says_of(const char *word, int id)
{
    char text[64];
    snprintf(text, sizeof text, "{\"%s\":%d%s", word, id, strcmp(word, "taken") == 0 ? "}" : ",");
    return strstr(strstr(said, "\"hello\""), text) != NULL;
}

/* A message behind more refusals than can be kept is neither refused nor taken, and comes again. */
START_TEST(no_refusal_is_ever_counted_as_taken)
{
    static char text[20000];
    teardown();
    start((it_signal_server_cfg){.messages = 1});
    opens(0, 0);
    posts(0, 0, "box=alice&key=k", "{\"to\":\"b\",\"id\":1,\"data\":\"\"}");
    text[0] = '\0';
    write_lines(text, "b", 2, IT_MAILBOX_REFUSALS);
    write_lines(text, "c", 2 + IT_MAILBOX_REFUSALS, 1);
    write_lines(text, "b", 3 + IT_MAILBOX_REFUSALS, 30);
    posts(0, 0, "box=alice&key=k", text);
    ck_assert(says_of("refused", 2) && says_of("refused", 1 + IT_MAILBOX_REFUSALS));
    ck_assert(says_of("taken", 2 + IT_MAILBOX_REFUSALS));
    ck_assert(!says_of("refused", 3 + IT_MAILBOX_REFUSALS) && !says_of("taken", 3 + IT_MAILBOX_REFUSALS));
    gets(0, 0, "box=alice&key=k&hold=0");
    ck_assert(says_of("refused", 2) && says_of("taken", 2 + IT_MAILBOX_REFUSALS));
    text[0] = '\0';
    write_lines(text, "b", 3 + IT_MAILBOX_REFUSALS, 30);
    posts(0, 0, "box=alice&key=k&known=258", text);
    ck_assert(!says_of("refused", 2) && says_of("refused", 32 + IT_MAILBOX_REFUSALS));
}
END_TEST

START_TEST(a_websocket_says_what_it_knows_of_or_is_closed_to_come_back)
{
    uint8_t f[100];
    char text[80];
    teardown();
    start((it_signal_server_cfg){.messages = 1});
    opens(0, 0);
    says(0, 0, UPGRADE("?box=alice&key=k"));
    for (int id = 1; id <= 2 * IT_MAILBOX_REFUSALS; id++) {
        snprintf(text, sizeof text, "{\"to\":\"b\",\"id\":%d,\"data\":\"\"}", id);
        (void)says_bytes(0, 0, it_bytes_of(f, frame(f, 0x81, text)));
        snprintf(text, sizeof text, "{\"ack\":0,\"known\":%d}", id);
        if (_i)
            (void)says_bytes(0, 0, it_bytes_of(f, frame(f, 0x81, text)));
    }
    ck_assert_int_eq(memmem(said, n_said, "\x88\x02\x03\xf5", 4) == NULL, _i); /* close, 1013 */
    /* What comes behind that is not taken: it would count for what was not. */
    (void)says_bytes(0, 0, it_bytes_of(f, frame(f, 0x81, "{\"to\":\"c\",\"id\":1000,\"data\":\"\"}")));
    ck_assert_uint_eq(it_signal_server_stat(S)->messages, _i ? 2 : 1);
    ck_assert_uint_eq(it_signal_server_stat(S)->refused, _i ? 2 * IT_MAILBOX_REFUSALS - 1 : IT_MAILBOX_REFUSALS);
}
END_TEST

/* However good and bad lines follow each other, the answer says how far it was taken. */
START_TEST(a_post_that_is_half_good_says_what_was_taken)
{
    static const struct {
        const char *lines, *bad;
        int taken;
    } CASE[] = {
        {"{\"to\":\"b\",\"id\":1,\"data\":\"\"}\n{x}\n{\"to\":\"b\",\"id\":2,\"data\":\"\"}\n", "{\"bad\":2}", 1},
        {"{\"to\":\"b\",\"id\":1,\"data\":\"\"}\n{\"to\":\"b\",\"id\":2,\"data\":\"\"}\n{\"to\":\"b\"}", "{\"bad\":3}",
         2},
        {"nothing\n{\"to\":\"b\",\"id\":1,\"data\":\"\"}\n", "{\"bad\":1}", 0},
        {"{\"to\":\"b\",\"id\":1,\"data\":\"\\q\"}", "{\"bad\":1}", 0},
    };
    opens(0, 0);
    posts(0, 0, "box=alice&key=k", CASE[_i].lines);
    ck_assert(strncmp(said, "HTTP/1.1 400", 12) == 0 && fin);
    ck_assert_ptr_nonnull(strstr(said, CASE[_i].bad));
    ck_assert(says_of("taken", CASE[_i].taken) || strstr(said, "\"taken\":0}"));
    ck_assert(!says_of("taken", CASE[_i].taken + 1));
    ck_assert_uint_eq(it_signal_server_stat(S)->messages, (unsigned)CASE[_i].taken);
}
END_TEST

/* --- sessions --- */

START_TEST(a_session_that_was_replaced_stays_away_whoever_came_since)
{
    char run[17] = "", who[80];
    opens(0, 0);
    gets(0, 0, "box=bob&key=first&hold=0");
    memcpy(run, strstr(said, "\"hello\":\"") + 9, 16);
    for (int k = 0; k < 3 * IT_MAILBOX_KEYS; k++) {
        snprintf(who, sizeof who, "box=bob&key=k%d&hold=0", k);
        gets(0, 0, who);
        ck_assert_msg(strncmp(said, "HTTP/1.1 200", 12) == 0, "%s", said);
    }
    snprintf(who, sizeof who, "box=bob&key=first&run=%s&hold=0", run);
    gets(0, 0, who);
    ck_assert_msg(strncmp(said, "HTTP/1.1 409", 12) == 0, "%s", said);
    opens(1, 0);
    snprintf(who, sizeof who, "box=bob&key=k%d&hold=0", 3 * IT_MAILBOX_KEYS - 20); /* that heard nothing of the run */
    gets(1, 0, who);
    ck_assert_msg(strncmp(said, "HTTP/1.1 409", 12) == 0, "%s", said);
    opens(2, 0);
    snprintf(who, sizeof who, "box=bob&key=k%d&run=%s&hold=0", 3 * IT_MAILBOX_KEYS - 1, run); /* that has it */
    gets(2, 0, who);
    ck_assert_msg(strncmp(said, "HTTP/1.1 200", 12) == 0, "%s", said);
}
END_TEST

/* --- ends --- */

START_TEST(who_holds_a_poll_and_closes_its_half_is_answered)
{
    opens(0, 0);
    says(0, 0, GET(WHO "&hold=20"));
    ck_assert_uint_eq(n_said, 0);
    (void)it_signal_server_ops.input(S, 1, &(it_io){.kind = IT_IO_FIN, .flow = FLOW});
    drain(1);
    ck_assert_msg(strncmp(said, "HTTP/1.1 200", 12) == 0, "%s", said);
    ck_assert(strstr(said, "\"hello\"") && strstr(said, "Connection: close") && fin && !rst);
    ck_assert_uint_eq(it_signal_server_stat(S)->connections, 0);
}
END_TEST

/* RFC 6455 section 7.1.7: after the close frame nothing more is heard, and the stream goes. */
START_TEST(after_a_protocol_error_the_stream_is_gone_in_5_s)
{
    static const char *const WRONG[] = {"\x81\x02{}", "\x81\x83\0\0\0\0{x}"};
    static const size_t SIZE[] = {4, 9};
    reads = _i < 2;
    opens(0, 0);
    says(0, 0, UPGRADE(WHO));
    (void)says_bytes(0, 0, it_bytes_of(WRONG[_i % 2], SIZE[_i % 2]));
    for (it_time at = IT_SEC; at <= 5 * IT_SEC; at += IT_SEC) {
        ck_assert(!rst);
        says(0, at, "\x89\x80\0\0\0\0");
        ticks(at);
    }
    ck_assert(rst);
    ck_assert_uint_eq(it_signal_server_stat(S)->connections, 0);
}
END_TEST

START_TEST(after_a_refusal_that_closes_the_stream_is_gone_in_5_s)
{
    opens(0, 0);
    says(0, 0, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert(fin && !rst);
    for (it_time at = IT_SEC; at <= 5 * IT_SEC; at += IT_SEC) {
        says(0, at, "more");
        ticks(at);
    }
    ck_assert(rst);
}
END_TEST

/* --- one source and the others --- */

/* As opens, from address |ip|. */
static void opens_from(uint32_t k, it_time now, const char *ip)
{
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = FLOW + k, .data = {NULL, NET_ROOM}};
    ck_assert_int_eq(it_addr_parse(&in.remote, ip), 0);
    ck_assert_int_ge(it_signal_server_ops.input(S, now, &in), 0);
    drain(now);
}

static bool is_status(const char *status)
{
    return n_said > 12 && strncmp(said + 9, status, 3) == 0;
}

/* Names are written to, and names are opened; the server's own mailbox is there all the same. */
START_TEST(one_source_has_its_share_of_the_mailboxes_and_no_more)
{
    static char text[4000];
    teardown();
    start((it_signal_server_cfg){.mailboxes = 8, .each = 4, .own = "rendezvous"});
    opens_from(0, 0, "[2001:db8::1]:1000");
    text[0] = '\0';
    for (int k = 1; k <= 8; k++)
        sprintf(text + strlen(text), "{\"to\":\"n%d\",\"id\":%d,\"data\":\"\"}\n", k, k);
    posts(0, 0, "box=mallory&key=k", text);
    ck_assert(says_of("taken", 3) && strstr(said, "{\"refused\":4,\"why\":\"limit\"}"));
    opens_from(1, 0, "[2001:db8::2]:1000"); /* of the same /64 */
    gets(1, 0, "box=other&key=k");
    ck_assert_msg(is_status("429"), "%s", said);
    opens_from(2, 0, "192.0.2.1:1000");
    posts(2, 0, "box=bob&key=k", "{\"to\":\"rendezvous\",\"id\":1,\"data\":\"hi\"}");
    ck_assert(is_status("200") && says_of("taken", 1));
    ck_assert_uint_eq(it_signal_server_stat(S)->mailboxes, 5);
    /* A mailbox that somebody else has written to is whoever's who opens it. */
    gets(2, 0, "box=n1&key=k&hold=0");
    ck_assert(is_status("200"));
    opens_from(3, 0, "[2001:db8::2]:1001");
    gets(3, 0, "box=other&key=k");
    ck_assert_msg(is_status("200"), "%s", said);
}
END_TEST

/* What is remembered of mailboxes that nobody has is remembered of each source, and is not others' to lose. */
START_TEST(places_are_a_sources_own)
{
    char who[40];
    teardown();
    start((it_signal_server_cfg){.mailboxes = 8, .each = 2});
    opens_from(0, 0, "192.0.2.1:1000");
    posts(0, 0, "box=bob&key=k", "{\"to\":\"bob\",\"id\":1,\"data\":\"\"}");
    it_time now = 400 * IT_SEC;
    passes(0, now);
    for (uint32_t k = 1; k < 30; k++) {
        opens_from(k, now, "192.0.2.2:1000");
        snprintf(who, sizeof who, "box=m%u&key=k", k);
        gets(k, now, who);
        ck_assert(is_status("200"));
        passes(now, now + 200 * IT_SEC);
        now += 200 * IT_SEC;
    }
    opens_from(40, now, "192.0.2.1:1001");
    posts(40, now, "box=bob&key=k", "{\"to\":\"bob\",\"id\":1,\"data\":\"\"}");
    ck_assert(says_of("taken", 1));
    ck_assert_uint_eq(it_signal_server_stat(S)->messages, 1); /* it was known */
}
END_TEST

START_TEST(one_source_cannot_fill_anothers_mailbox)
{
    static char text[8000];
    teardown();
    start((it_signal_server_cfg){.messages = 8, .each = 4});
    opens_from(0, 0, "192.0.2.1:1000");
    write_lines(strcpy(text, ""), "bob", 1, 10);
    posts(0, 0, "box=mallory&key=k", text);
    ck_assert(says_of("taken", 6) && strstr(said, "{\"refused\":7,\"why\":\"limit\"}"));
    opens_from(1, 0, "192.0.2.2:1000");
    posts(1, 0, "box=alice&key=k", "{\"to\":\"bob\",\"id\":1,\"data\":\"\"}");
    ck_assert(says_of("taken", 1));
}
END_TEST

/* Whatever mailboxes it writes to, what waits of it is bounded, and comes free when it was read. */
START_TEST(what_waits_of_one_source_is_bounded)
{
    static char line[9000], data[8001];
    char who[40], run[17] = "";
    teardown();
    start((it_signal_server_cfg){.each = 100});
    memset(data, 'x', sizeof data - 1);
    opens_from(0, 0, "192.0.2.1:1000");
    for (int box = 0, id = 1; box < 90; box++)
        for (int k = 0; k < 20; k++, id++) {
            snprintf(line, sizeof line, "{\"to\":\"b%d\",\"id\":%d,\"data\":\"%s\"}", box, id, data);
            snprintf(who, sizeof who, "box=mallory&key=k&known=%d", id - 1);
            posts(0, 0, who, line);
        }
    ck_assert_ptr_nonnull(strstr(said, "\"why\":\"limit\""));
    ck_assert_uint_le(it_signal_server_stat(S)->messages * sizeof data, IT_MAILBOX_SOURCE);
    ck_assert_uint_ge(it_signal_server_stat(S)->messages, 1000);
    opens_from(1, 0, "192.0.2.2:1000");
    gets(1, 0, "box=b0&key=k");
    memcpy(run, strstr(said, "\"hello\":\"") + 9, 16);
    snprintf(line, sizeof line, "box=b0&key=k&run=%s&seen=20&hold=0", run);
    gets(1, 0, line);
    posts(0, 0, "box=mallory&key=k&known=1800", "{\"to\":\"b0\",\"id\":1801,\"data\":\"\"}");
    ck_assert(says_of("taken", 1801));
}
END_TEST

START_TEST(requests_of_one_source_are_limited_and_others_are_heard)
{
    teardown();
    start((it_signal_server_cfg){.rate = 5});
    opens_from(0, 0, "192.0.2.1:1000");
    for (int k = 0; k < 5; k++) {
        gets(0, 0, "box=mallory&key=k");
        ck_assert(is_status("200"));
    }
    gets(0, 0, "box=mallory&key=k");
    ck_assert_msg(is_status("429"), "%s", said);
    ck_assert_ptr_nonnull(strstr(said, "Retry-After: 1\r\n"));
    opens_from(1, 0, "192.0.2.2:1000");
    gets(1, 0, "box=bob&key=k");
    ck_assert(is_status("200"));
    opens_from(2, 200 * IT_MS, "192.0.2.1:1001");
    gets(2, 200 * IT_MS, "box=mallory&key=k");
    ck_assert(is_status("200"));
    ck_assert_uint_eq(it_signal_server_stat(S)->limited, 1);
}
END_TEST

/* A WebSocket that says more is read later; nothing of it is lost. */
START_TEST(records_of_one_source_are_read_at_its_rate)
{
    uint8_t all[4000];
    size_t n = 0, at = 0;
    char text[80];
    teardown();
    start((it_signal_server_cfg){.records = 5});
    opens_from(0, 0, "192.0.2.1:1000");
    says(0, 0, UPGRADE("?box=mallory&key=k"));
    for (int id = 1; id <= 40; id++) {
        snprintf(text, sizeof text, "{\"to\":\"b\",\"id\":%d,\"data\":\"\"}", id);
        n += frame(all + n, 0x81, text);
    }
    at = says_bytes(0, 0, it_bytes_of(all, n));
    ck_assert_uint_eq(it_signal_server_stat(S)->messages, 5);
    ck_assert_int_eq(it_signal_server_ops.next(S), 200 * IT_MS);
    for (it_time now = 0; now <= 2 * IT_SEC; now += 100 * IT_MS) {
        ticks(now);
        at += says_bytes(0, now, it_bytes_of(all + at, n - at));
    }
    ck_assert_uint_eq(it_signal_server_stat(S)->messages, 15);
    for (it_time now = 2 * IT_SEC; now <= 10 * IT_SEC; now += 100 * IT_MS) {
        ticks(now);
        at += says_bytes(0, now, it_bytes_of(all + at, n - at));
    }
    ck_assert_uint_eq(it_signal_server_stat(S)->messages, 40);
}
END_TEST

/* A client by WebSocket and what it wants to say, of which |at| bytes were taken. */
typedef struct talker {
    char text[400];
    uint8_t all[8000];
    size_t n, at;
} talker;

/* |records| messages from number 1000 |k| + 1 on. */
static void talks(talker *t, uint32_t k, const char *box, int records)
{
    char text[80];
    t->n = t->at = 0;
    opens_from(k, 0, "192.0.2.1:1000");
    snprintf(t->text, sizeof t->text, UPGRADE("?box=%s&key=k"), box);
    says(k, 0, t->text);
    for (int id = 1; id <= records; id++) {
        snprintf(text, sizeof text, "{\"to\":\"b\",\"id\":%d,\"data\":\"\"}", 1000 * (int)k + id);
        t->n += frame(t->all + t->n, 0x81, text);
    }
}

/* Lets those of |t| say what they can, in the order of their flows, until |until|. */
static void let_talk(talker *t, uint32_t n, it_time from, it_time until)
{
    for (it_time now = from; now < until; now += 100 * IT_MS) {
        ticks(now);
        for (uint32_t k = 0; k < n; k++)
            t[k].at += says_bytes(k, now, it_bytes_of(t[k].all + t[k].at, t[k].n - t[k].at));
    }
}

/* Who says much is not heard in the place of the others of its address: each has its turn. */
START_TEST(of_one_source_each_websocket_is_read_in_its_turn)
{
    static talker t[4];
    teardown();
    start((it_signal_server_cfg){.records = 5});
    talks(&t[0], 0, "mallory", 150);
    talks(&t[1], 1, "carol", 2);
    talks(&t[2], 2, "dave", 2);
    talks(&t[3], 3, "erin", 2);
    let_talk(t, 1, 0, 2 * IT_SEC);
    let_talk(t, 4, 2 * IT_SEC, 4 * IT_SEC);
    ck_assert_ptr_nonnull(memmem(said, n_said, "\"taken\":1002", 12));
    ck_assert_ptr_nonnull(memmem(said, n_said, "\"taken\":2002", 12));
    ck_assert_ptr_nonnull(memmem(said, n_said, "\"taken\":3002", 12));
    ck_assert_uint_eq(it_signal_server_stat(S)->messages, 5 + 19);
    let_talk(t, 4, 4 * IT_SEC, 40 * IT_SEC);
    ck_assert_uint_eq(it_signal_server_stat(S)->messages + it_signal_server_stat(S)->refused, 156);
}
END_TEST

/* Nor does one of them that waits and is gone, or says nothing more, keep the others waiting. */
START_TEST(a_turn_that_nobody_takes_is_the_next_ones)
{
    static talker t[3];
    teardown();
    start((it_signal_server_cfg){.records = 5});
    for (uint32_t k = 0; k < 3; k++)
        talks(&t[k], k, (const char *[]){"mallory", "carol", "dave"}[k], 20);
    let_talk(t, 3, 0, 2 * IT_SEC);
    it_io gone = {.kind = IT_IO_RST, .flow = FLOW};
    ck_assert_int_ge(it_signal_server_ops.input(S, 2 * IT_SEC, &gone), 0);
    drain(2 * IT_SEC);
    ck_assert_uint_eq(it_signal_server_stat(S)->connections, 2);
    uint64_t before = it_signal_server_stat(S)->messages;
    t[0].at = t[0].n;
    let_talk(t, 3, 2 * IT_SEC, 4 * IT_SEC);
    ck_assert_uint_ge(it_signal_server_stat(S)->messages - before, 9);
}
END_TEST

/* What comes by a WebSocket that the server is closing costs its source nothing. */
START_TEST(what_is_behind_a_close_is_not_paid_for)
{
    static talker t[2];
    teardown();
    start((it_signal_server_cfg){.records = 5});
    talks(&t[0], 0, "mallory", 0);
    talks(&t[1], 1, "carol", 5);
    t[0].n = frame(t[0].all, 0x81, "no record");
    for (int i = 0; i < 100; i++)
        t[0].n += frame(t[0].all + t[0].n, 0x81, "{\"ack\":0}");
    let_talk(t, 2, 0, 200 * IT_MS);
    ck_assert_uint_ge(it_signal_server_stat(S)->messages, 4);
}
END_TEST

/* A client takes another mailbox each time it starts: of those that are empty and left the first gives way. */
START_TEST(an_empty_mailbox_that_was_left_gives_way_to_another_of_its_source)
{
    char who[40];
    teardown();
    start((it_signal_server_cfg){.each = 3});
    for (uint32_t k = 0; k < 3; k++) {
        snprintf(who, sizeof who, "box=m%u&key=k", k);
        opens_from(k, k * IT_SEC, "192.0.2.1:1000");
        gets(k, k * IT_SEC, who);
        ck_assert(is_status("200"));
    }
    opens_from(3, 10 * IT_SEC, "192.0.2.1:1000");
    gets(3, 10 * IT_SEC, "box=m3&key=k");
    ck_assert(is_status("429"));
    ck_assert_ptr_nonnull(strstr(said, "Retry-After: 20\r\n"));
    passes(10 * IT_SEC, 30 * IT_SEC);
    opens_from(4, 30 * IT_SEC, "192.0.2.1:1000");
    posts(4, 30 * IT_SEC, "box=m3&key=k", "{\"to\":\"m1\",\"id\":1,\"data\":\"\"}");
    ck_assert(is_status("200") && says_of("taken", 1));
    passes(30 * IT_SEC, 33 * IT_SEC);
    opens_from(5, 33 * IT_SEC, "192.0.2.1:1000");
    gets(5, 33 * IT_SEC, "box=m4&key=k"); /* in the place of m2: a letter waits in m1 */
    ck_assert(is_status("200"));
    gets(5, 33 * IT_SEC, "box=m5&key=k");
    ck_assert(is_status("429"));
    ck_assert_uint_eq(it_signal_server_stat(S)->mailboxes, 3);
    opens_from(6, 34 * IT_SEC, "192.0.2.1:1000");
    gets(6, 34 * IT_SEC, "box=m1&key=k");
    ck_assert(is_status("200") && strstr(said, "\"from\":\"m3\""));
}
END_TEST

/* Refusals of which nothing is known leave room for a letter: a poll is never answered without one that waits. */
START_TEST(refusals_leave_room_for_a_letter)
{
    static char text[20000], data[8193];
    teardown();
    start((it_signal_server_cfg){.messages = 1});
    opens(0, 0);
    posts(0, 0, "box=alice&key=k", "{\"to\":\"b\",\"id\":1,\"data\":\"\"}");
    text[0] = '\0';
    for (int k = 0; k < IT_MAILBOX_REFUSALS; k++)
        sprintf(text + strlen(text), "{\"to\":\"b\",\"id\":%d000000000000,\"data\":\"\"}\n", 1000 + k);
    posts(0, 0, "box=alice&key=k", text);
    ck_assert_ptr_nonnull(strstr(said, "{\"refused\":1255000000000000,"));
    memset(data, 'x', sizeof data - 1);
    snprintf(text, sizeof text, "{\"to\":\"alice\",\"id\":1,\"data\":\"%s\"}", data);
    opens(1, 0);
    posts(1, 0, "box=carol&key=k", text);
    ck_assert(says_of("taken", 1));
    gets(0, 0, "box=alice&key=k&hold=20");
    ck_assert_ptr_nonnull(strstr(said, "\"from\":\"carol\""));
    const char *taken = strstr(strstr(said, "\"refused\""), "{\"taken\":");
    ck_assert_ptr_nonnull(taken);
    uint64_t known = strtoull(taken + 9, NULL, 10);
    snprintf(text, sizeof text, "{\"refused\":%llu,", (unsigned long long)known + 1);
    ck_assert_msg(known < 1255000000000000 && !strstr(said, text), "%llu", (unsigned long long)known);
    snprintf(text, sizeof text, "box=alice&key=k&known=%llu&hold=0", (unsigned long long)known);
    gets(0, 0, text); /* the next of them, and the letter again */
    snprintf(text, sizeof text, "{\"refused\":%llu,", (unsigned long long)known + 1);
    ck_assert(strstr(said, text) && strstr(said, "\"from\":\"carol\""));
}
END_TEST

/* It may ask for as long as it likes: it does not keep what is another session's. */
START_TEST(a_session_that_was_replaced_takes_no_place)
{
    opens(0, 0);
    gets(0, 0, "box=bob&key=first");
    gets(0, 0, "box=bob&key=second");
    passes(0, 400 * IT_SEC);
    ck_assert_uint_eq(it_signal_server_stat(S)->mailboxes, 0);
    opens(1, 400 * IT_SEC);
    gets(1, 400 * IT_SEC, "box=bob&key=first");
    ck_assert(is_status("409"));
    ck_assert_uint_eq(it_signal_server_stat(S)->mailboxes, 0);
}
END_TEST

/* --- what it tells --- */

START_TEST(every_refusal_is_told_with_its_reason)
{
    static const struct {
        const char *text;
        size_t n;
        int status;
        const char *why;
    } CASE[] = {
        {GET("?box=b/b&key=k"), 0, 400, "query"},
        {"POST /" WHO " HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", 0, 413, "larger"},
        {"garbage\r\n\r\n", 0, 400, "head"},
        {"POST /" WHO " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{x}", 0, 400, "record"},
        {UPGRADE(WHO) "\x81\x83\0\0\0\0{x}", sizeof UPGRADE(WHO) + 8, 1008, "record"},
        {UPGRADE(WHO) "\x81\x02{}", sizeof UPGRADE(WHO) + 3, 1002, "WebSocket"},
    };
    it_signal_tale t = {.kind = IT_SIGNAL_TALE_OPENED};
    size_t n = CASE[_i].n ? CASE[_i].n : strlen(CASE[_i].text);
    opens(0, 0);
    (void)says_bytes(0, 0, it_bytes_of(CASE[_i].text, n));
    while (t.kind != IT_SIGNAL_TALE_REFUSED)
        ck_assert_int_eq(it_signal_server_tale(S, &t), 1);
    ck_assert_int_eq(t.status, CASE[_i].status);
    ck_assert_msg(strstr(t.why, CASE[_i].why) != NULL, "%s", t.why);
    ticks(5 * IT_SEC);
    ticks(10 * IT_SEC);
    ck_assert_uint_eq(it_signal_server_stat(S)->connections, 0);
    ck_assert_int_eq(it_signal_server_tale(S, &t), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("signal_server");
    TCase *t = tcase_create("server");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, requests_that_are_none_are_refused, 0, 10);
    tcase_add_test(t, a_poll_is_held_and_answered);
    tcase_add_test(t, a_poll_is_never_held_for_longer_than_agreed);
    tcase_add_test(t, a_held_poll_whose_client_left_is_forgotten);
    tcase_add_test(t, who_says_nothing_is_ended_in_order_at_first);
    tcase_add_test(t, who_never_reads_its_answer_is_reset);
    tcase_add_test(t, a_request_that_drips_in_is_ended_and_so_is_who_drips_on);
    tcase_add_test(t, a_request_has_its_time_from_its_own_first_byte);
    tcase_add_test(t, connections_and_mailboxes_are_bounded);
    tcase_add_test(t, a_mailbox_that_nobody_has_open_is_forgotten);
    tcase_add_test(t, frames_that_are_no_records_close_with_1008);
    tcase_add_loop_test(t, unmasked_and_reserved_frames_close_with_1002, 0, 3);
    tcase_add_test(t, a_message_that_is_too_large_closes_with_1009);
    tcase_add_test(t, a_message_in_too_many_fragments_closes_with_1009);
    tcase_add_loop_test(t, a_client_that_never_reads_fills_nothing, 0, 2);
    tcase_add_test(t, nothing_is_amplified);
    tcase_add_test(t, what_was_acknowledged_does_not_come_again);
    tcase_add_test(t, a_message_that_cannot_be_handed_on_is_refused);
    tcase_add_test(t, numbers_never_begin_again);
    tcase_add_test(t, what_was_taken_is_not_taken_again);
    tcase_add_test(t, places_of_mailboxes_that_were_left_are_used_again);
    tcase_add_test(t, of_two_sessions_that_poll_the_first_is_told_to_go);
    tcase_add_test(t, a_refusal_is_said_until_it_is_known);
    TCase *told = tcase_create("what it tells, and its end");
    tcase_add_test(told, it_tells_who_has_a_mailbox_and_who_was_refused);
    tcase_add_test(told, of_more_tales_than_are_kept_the_latest_are_told);
    tcase_add_test(told, when_it_ends_polls_are_answered_and_websockets_closed);
    suite_add_tcase(s, told);
    TCase *taken = tcase_create("what is taken, sessions, ends");
    tcase_add_checked_fixture(taken, setup, teardown);
    tcase_add_test(taken, no_refusal_is_ever_counted_as_taken);
    tcase_add_loop_test(taken, a_websocket_says_what_it_knows_of_or_is_closed_to_come_back, 0, 2);
    tcase_add_loop_test(taken, a_post_that_is_half_good_says_what_was_taken, 0, 4);
    tcase_add_test(taken, a_session_that_was_replaced_stays_away_whoever_came_since);
    tcase_add_test(taken, who_holds_a_poll_and_closes_its_half_is_answered);
    tcase_add_loop_test(taken, after_a_protocol_error_the_stream_is_gone_in_5_s, 0, 4);
    tcase_add_test(taken, after_a_refusal_that_closes_the_stream_is_gone_in_5_s);
    tcase_add_loop_test(taken, every_refusal_is_told_with_its_reason, 0, 6);
    suite_add_tcase(s, taken);
    TCase *sources = tcase_create("one source and the others");
    tcase_add_checked_fixture(sources, setup, teardown);
    tcase_add_test(sources, one_source_has_its_share_of_the_mailboxes_and_no_more);
    tcase_add_test(sources, places_are_a_sources_own);
    tcase_add_test(sources, one_source_cannot_fill_anothers_mailbox);
    tcase_add_test(sources, what_waits_of_one_source_is_bounded);
    tcase_add_test(sources, requests_of_one_source_are_limited_and_others_are_heard);
    tcase_add_test(sources, records_of_one_source_are_read_at_its_rate);
    tcase_add_test(sources, of_one_source_each_websocket_is_read_in_its_turn);
    tcase_add_test(sources, a_turn_that_nobody_takes_is_the_next_ones);
    tcase_add_test(sources, what_is_behind_a_close_is_not_paid_for);
    tcase_add_test(sources, an_empty_mailbox_that_was_left_gives_way_to_another_of_its_source);
    tcase_add_test(taken, refusals_leave_room_for_a_letter);
    tcase_add_test(taken, a_session_that_was_replaced_takes_no_place);
    suite_add_tcase(s, sources);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
