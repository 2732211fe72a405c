/* stack/b/stream.c, socket.c: what several media streams of one connection show, each and together. */
#include "tests/stack/b/pair.h"

enum { STREAMS = 3 };

static pair *P;
static int n_streams, components;
static bool bundle;
static bool shared[2]; /* by end: one pair of credentials for all streams */

static void several(it_b_cfg *cfg, int i)
{
    cfg->behaviour.shared_creds = shared[i];
    cfg->n_streams = n_streams;
    cfg->bundle = bundle;
    for (int k = 0; k < n_streams; k++)
        cfg->stream[k] = (it_b_stream_cfg){.voice = true, .components = components};
}

static void begin(int streams, int comps, bool bundled)
{
    n_streams = streams;
    components = comps;
    bundle = bundled;
    P = pair_new(7, several, NULL);
    pair_start(P);
}

static void teardown(void)
{
    if (P)
        pair_free(P);
    P = NULL;
}

static void once_end(void)
{
    pair_once_end();
}

/* How it may be built. */
static const struct {
    int streams, components;
    bool bundle;
    int sockets; /* of an end, beside its base */
} SHAPES[] = {{2, 1, false, 1}, {3, 2, false, 5}, {2, 1, true, 0},
              {8, 1, true, 0},  {1, 2, false, 1}, {8, 2, false, 15}};
enum { N_SHAPES = sizeof SHAPES / sizeof *SHAPES };

/* How often |what| stands in the latest blob of end |i|, each time with other text behind it when |differ|. */
static int told(int i, const char *what, bool differ)
{
    int n = 0;
    char text[IT_BLOB_MAX + 1], last[64] = "";
    memcpy(text, P->latest[i], P->n_latest[i]);
    text[P->n_latest[i]] = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what), n++) {
        char value[64];
        (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
        ck_assert(!differ || strcmp(value, last) != 0);
        memcpy(last, value, sizeof last);
    }
    return n;
}

START_TEST(credentials_are_each_streams_or_the_sessions_and_either_end_takes_both)
{
    shared[0] = _i & 1;
    shared[1] = _i & 2;
    begin(3, 1, false);
    pair_run(P, 5 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(told(i, "a=ice-ufrag:", true), shared[i] ? 1 : 3);
        ck_assert_int_eq(told(i, "a=ice-pwd:", true), shared[i] ? 1 : 3);
        for (int k = 0; k < 3; k++)
            ck_assert_int_eq(it_b_stream_state(P->e[i].b, k), IT_STATE_OPEN);
    }
    it_b_restart(P->e[0].b, P->now);
    pair_run(P, 30 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(it_ice_generation(it_b_ice(P->e[i].b)), 1);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(pair_count(P, i, IT_EV_PEER), 0);
        shared[i] = false;
    }
}
END_TEST

START_TEST(each_stream_opens_once_and_the_whole_with_the_last)
{
    begin(SHAPES[_i].streams, SHAPES[_i].components, SHAPES[_i].bundle);
    pair_run(P, 10 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        it_time last = 0;
        for (int k = 0; k < n_streams; k++) {
            const pair_event *open = pair_find_of(P, i, k, IT_EV_OPEN);
            ck_assert_int_eq(pair_count_of(P, i, k, IT_EV_OPEN), 1);
            ck_assert_int_eq(it_b_stream_state(P->e[i].b, k), IT_STATE_OPEN);
            ck_assert_int_eq(it_b_stream_path(P->e[i].b, k), IT_PATH_DIRECT_UDP);
            last = open->at > last ? open->at : last;
        }
        ck_assert_int_eq(pair_count_of(P, i, -1, IT_EV_OPEN), 1);
        ck_assert_int_eq(pair_find_of(P, i, -1, IT_EV_OPEN)->at, last);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(P->e[i].n_bound, SHAPES[_i].sockets);
        ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED) + pair_count(P, i, IT_EV_PEER), 0);
    }
}
END_TEST

START_TEST(each_stream_has_its_voice_and_its_numbers)
{
    begin(SHAPES[_i].streams, SHAPES[_i].components, SHAPES[_i].bundle);
    pair_run(P, 10 * IT_SEC);
    it_conn_stats whole, s;
    uint64_t sum = 0;
    for (int k = 0; k < n_streams; k++) {
        ck_assert(it_b_stream_stats(P->e[0].b, k, &s));
        ck_assert_uint_gt(s.voice_received, 300);
        ck_assert_uint_eq(s.lost, 0);
        sum += s.voice_received;
    }
    it_b_stats(P->e[0].b, &whole);
    ck_assert_uint_eq(whole.voice_received, sum);
    ck_assert(!it_b_stream_stats(P->e[0].b, n_streams, &s) && !it_b_stream_stats(P->e[0].b, -1, &s));
}
END_TEST

START_TEST(a_message_comes_out_of_the_stream_that_it_went_into)
{
    begin(SHAPES[_i].streams, SHAPES[_i].components, SHAPES[_i].bundle);
    pair_run(P, 5 * IT_SEC);
    for (int k = 0; k < n_streams; k++) {
        char text[2] = {(char)('a' + k), 0};
        ck_assert_int_eq(it_b_stream_send(P->e[0].b, P->now, k, it_bytes_str(text)), 0);
    }
    ck_assert_int_eq(it_b_stream_send(P->e[0].b, P->now, n_streams, it_bytes_str("x")), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_b_send(P->e[0].b, P->now, it_bytes_str("whole")), 0);
    pair_run(P, 6 * IT_SEC);
    for (int k = 0; k < n_streams; k++) {
        ck_assert_int_eq(pair_count_of(P, 1, k, IT_EV_MESSAGE), k == 0 ? 2 : 1);
        ck_assert_int_eq(pair_find_of(P, 1, k, IT_EV_MESSAGE)->text[0], 'a' + k);
    }
    ck_assert_int_eq(pair_count_of(P, 1, -1, IT_EV_MESSAGE), 0);
}
END_TEST

/* Drops what leaves or reaches one of alice's sockets beside the base, |arg| of them from the first. */
static bool of_socket(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)d;
    int n = *(int *)p->arg;
    for (int k = 0; k < n && k < p->e[0].n_bound; k++)
        if (it_addr_eq(p->e[0].bound[k].at, from == 0 ? src : dst))
            return true;
    return false;
}

static void without_restart(it_b_cfg *cfg, int i)
{
    several(cfg, i);
    cfg->restart = false;
}

START_TEST(one_stream_stalls_and_dies_and_the_others_go_on)
{
    static int cut;
    n_streams = STREAMS;
    components = 1;
    bundle = false;
    P = pair_new(8, without_restart, NULL);
    P->arg = &cut;
    P->drop = of_socket;
    cut = 0;
    pair_start(P);
    pair_run(P, 5 * IT_SEC);
    cut = 1;
    pair_run(P, 10 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_b_stream_state(P->e[i].b, 1), IT_STATE_STALLED);
        ck_assert_int_eq(it_b_stream_state(P->e[i].b, 0), IT_STATE_OPEN);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_STALLED);
        ck_assert_int_eq(pair_count_of(P, i, -1, IT_EV_STALLED), 1);
    }
    pair_run(P, 60 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pair_count_of(P, i, 1, IT_EV_DEATH), 1);
        ck_assert_int_eq(pair_find_of(P, i, 1, IT_EV_DEATH)->reason, IT_REASON_CONSENT_EXPIRED);
        ck_assert_int_eq(pair_count(P, i, IT_EV_DEATH), 1);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN); /* of those that are left */
        ck_assert_int_eq(pair_count_of(P, i, -1, IT_EV_RESUMED), 1);
        ck_assert_int_eq(it_b_stream_send(P->e[i].b, P->now, 1, it_bytes_str("x")), IT_ERR_STATE);
        ck_assert_int_eq(it_b_stream_send(P->e[i].b, P->now, 2, it_bytes_str("x")), 0);
    }
}
END_TEST

/* The pair of the far end's first socket is still there: only the mapping in between was lost, and a restart finds it
 * again. */
static it_time heals_at;
static bool until_healed(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    return p->now < heals_at && of_socket(p, from, src, dst, d);
}

START_TEST(a_restart_for_one_stream_moves_no_other)
{
    static int cut;
    begin(STREAMS, 2, false);
    P->arg = &cut;
    P->drop = until_healed;
    cut = 0;
    pair_run(P, 5 * IT_SEC);
    cut = 3; /* RTCP of the first stream, both components of the second */
    heals_at = 12 * IT_SEC;
    pair_run(P, 30 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_ge(it_ice_generation(it_b_ice(P->e[i].b)), 1);
        ck_assert_int_eq(pair_count_of(P, i, 1, IT_EV_STALLED), 1);
        ck_assert_int_eq(pair_count_of(P, i, 1, IT_EV_RESUMED), 1);
        ck_assert_int_eq(pair_count_of(P, i, 2, IT_EV_STALLED), 0);
        ck_assert_int_eq(pair_count(P, i, IT_EV_FAILOVER) + pair_count(P, i, IT_EV_DEATH), 0);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
    }
}
END_TEST

START_TEST(a_stream_that_cannot_open_takes_the_others_along)
{
    static int all = PAIR_BOUND;
    begin(STREAMS, 1, false);
    P->arg = &all;
    P->drop = of_socket;
    pair_run(P, 90 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pair_count_of(P, i, 0, IT_EV_OPEN), 1);
        for (int k = -1; k < STREAMS; k++) {
            ck_assert_int_eq(pair_count_of(P, i, k, IT_EV_DEATH), 1);
            ck_assert_int_eq(pair_find_of(P, i, k, IT_EV_DEATH)->reason, IT_REASON_CONNECT_FAILED);
        }
        ck_assert_int_eq(pair_count_of(P, i, -1, IT_EV_OPEN), 0);
        ck_assert_int_eq(P->e[i].ev[P->e[i].n_ev - 1].media, -1); /* the whole's is the last word */
        ck_assert_int_eq(it_b_next(P->e[i].b), IT_NEVER);
    }
}
END_TEST

START_TEST(a_stream_is_closed_alone_and_the_whole_with_the_last)
{
    begin(SHAPES[_i].streams, SHAPES[_i].components, SHAPES[_i].bundle);
    pair_run(P, 5 * IT_SEC);
    for (int k = n_streams - 1; k >= 0; k--) {
        it_b_stream_close(P->e[0].b, P->now, k);
        pair_run(P, P->now + 5 * IT_SEC);
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(pair_count_of(P, i, k, IT_EV_CLOSED), 1);
            ck_assert_int_eq(pair_find_of(P, i, k, IT_EV_CLOSED)->local, i == 0);
            ck_assert_int_eq(it_b_state(P->e[i].b), k ? IT_STATE_OPEN : IT_STATE_CLOSED);
            ck_assert_int_eq(pair_count_of(P, i, -1, IT_EV_CLOSED), k == 0);
            ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED) + pair_count(P, i, IT_EV_DEATH), 0);
        }
    }
}
END_TEST

/* RFC 3264 section 8.2: port 0 says it too. */
START_TEST(a_goodbye_that_is_lost_is_told_by_the_blob)
{
    static int all = 1;
    begin(2, 1, false);
    pair_run(P, 5 * IT_SEC);
    P->arg = &all;
    P->drop = of_socket;
    it_b_stream_close(P->e[0].b, P->now, 1);
    pair_run(P, 6 * IT_SEC);
    ck_assert_int_eq(pair_count_of(P, 1, 1, IT_EV_CLOSED), 1);
    ck_assert_int_eq(it_b_state(P->e[1].b), IT_STATE_OPEN);
}
END_TEST

START_TEST(closing_the_whole_closes_each_stream_once)
{
    begin(SHAPES[_i].streams, SHAPES[_i].components, SHAPES[_i].bundle);
    pair_run(P, 5 * IT_SEC);
    it_b_close(P->e[1].b, P->now);
    pair_run(P, 6 * IT_SEC);
    for (int i = 0; i < 2; i++)
        for (int k = -1; k < n_streams; k++)
            ck_assert_int_eq(pair_count_of(P, i, k, IT_EV_CLOSED), 1);
}
END_TEST

static void one_muxes(it_b_cfg *cfg, int i)
{
    several(cfg, i);
    for (int k = 0; k < n_streams && i == 1; k++)
        cfg->stream[k].components = 1;
}

/* RFC 8445 section 6.1.2.2, RFC 5761 section 5.1.3. */
START_TEST(where_one_side_has_one_component_one_is_used)
{
    n_streams = 2;
    components = 2;
    bundle = false;
    P = pair_new(9, one_muxes, NULL);
    pair_start(P);
    pair_run(P, 40 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED), 0);
    }
}
END_TEST

static void bundle_differs(it_b_cfg *cfg, int i)
{
    several(cfg, i);
    cfg->bundle = i == 1;
}

static void number_differs(it_b_cfg *cfg, int i)
{
    several(cfg, i);
    cfg->n_streams -= i;
}

START_TEST(sides_that_were_told_otherwise_say_so_and_do_not_open)
{
    n_streams = 3;
    components = 1;
    bundle = false;
    P = pair_new(10, _i ? number_differs : bundle_differs, NULL);
    pair_start(P);
    pair_run(P, 10 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        const pair_event *death = pair_find_of(P, i, -1, IT_EV_DEATH);
        ck_assert_ptr_nonnull(death);
        ck_assert_int_eq(death->reason, IT_REASON_CONNECT_FAILED);
        ck_assert_ptr_nonnull(strstr(death->text, _i ? "number" : "bundles"));
    }
}
END_TEST

START_TEST(a_number_that_cannot_be_is_refused)
{
    static const it_b_cfg BAD[] = {
        {.n_streams = IT_B_STREAMS + 1},
        {.n_streams = -1},
        {.n_streams = 1, .stream[0].components = 3},
        {.n_streams = 2, .stream[1].components = -1},
        {.n_streams = 2, .bundle = true, .stream[0].components = 2},
    };
    pair_once();
    it_alloc mem;
    it_alloc_init(&mem);
    it_b_cfg cfg = BAD[_i];
    ck_assert_int_eq(it_timers_named(&cfg.timers, "rfc"), 0);
    cfg.alloc = &mem;
    cfg.name = "alice/b1";
    cfg.shared = pair_shared;
    cfg.cert = pair_cert[0];
    ck_assert_ptr_null(it_b_new(&cfg));
    ck_assert_int_eq(mem.live, 0);
}
END_TEST

START_TEST(a_bind_that_is_refused_leaves_that_transport_without_and_gathering_goes_on)
{
    n_streams = 2;
    components = 1;
    bundle = false;
    P = pair_new(11, several, NULL);
    P->e[0].refuses = true;
    pair_start(P);
    pair_run(P, 90 * IT_SEC);
    ck_assert_int_eq(pair_count_of(P, 0, 0, IT_EV_OPEN), 1);
    ck_assert_int_eq(pair_find_of(P, 0, -1, IT_EV_DEATH)->reason, IT_REASON_CONNECT_FAILED);
}
END_TEST

START_TEST(an_interface_that_comes_brings_a_base_to_each_transport)
{
    begin(2, 2, false);
    pair_run(P, 5 * IT_SEC);
    P->e[0].has[1] = true;
    ck_assert_int_eq(it_b_add_base(P->e[0].b, P->now, 1, P->e[0].base[1]), 0);
    pair_run(P, 6 * IT_SEC);
    ck_assert_int_eq(P->e[0].n_bound, 6);
    ck_assert_int_eq(pair_count(P, 0, IT_EV_NETWORK), 1);
    /* The first interface goes: all four transports move to the other. */
    P->e[0].has[0] = false;
    it_b_remove_base(P->e[0].b, P->now, 0);
    for (int k = 0; k < 3; k++) {
        it_io gone = {.kind = IT_IO_UNBIND, .flow = P->e[0].bound[k].flow, .local = P->e[0].bound[k].at};
        P->e[0].bound[k].at = pair_addr("192.0.2.99:1");
        ck_assert_int_eq(it_b_input(P->e[0].b, P->now, &gone), 0);
    }
    pair_run(P, 20 * IT_SEC);
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(it_b_stream_state(P->e[0].b, k), IT_STATE_OPEN);
        ck_assert_int_ge(pair_count_of(P, 0, k, IT_EV_FAILOVER), 1);
    }
    ck_assert_int_eq(pair_count(P, 0, IT_EV_NETWORK), 2);
    ck_assert_int_eq(pair_count(P, 0, IT_EV_DEATH), 0);
}
END_TEST

START_TEST(running_out_of_memory_is_an_error_and_loses_nothing)
{
    it_alloc mem[2];
    n_streams = 2;
    components = 2;
    bundle = _i % 2;
    if (bundle)
        components = 1;
    for (int i = 0; i < 2; i++)
        it_alloc_init(&mem[i]);
    it_alloc_init_countdown(&mem[0], (uint64_t)_i * 3);
    P = pair_new(12, several, (it_alloc *const[2]){&mem[0], &mem[1]});
    pair_start(P);
    pair_run(P, 3 * IT_SEC);
    ck_assert(P->e[0].err == 0 || P->e[0].err == IT_ERR_NOMEM);
    pair_free(P);
    P = NULL;
}
END_TEST

/* --- the end of one of several, by what the far side says --- */

static bool nothing(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)p, (void)src, (void)dst, (void)d;
    return from == 0;
}

/* RFC 3264 section 8.2: the goodbye inside the channel is lost, port 0 tells. */
START_TEST(a_bundled_stream_that_port_0_ends_streams_no_more)
{
    it_conn_stats was, is;
    begin(3, 1, true);
    pair_run(P, 5 * IT_SEC);
    P->drop = nothing;
    it_b_stream_close(P->e[0].b, P->now, 1);
    pair_run(P, P->now + 200 * IT_MS);
    P->drop = NULL;
    ck_assert_int_eq(it_b_stream_state(P->e[1].b, 1), IT_STATE_CLOSED);
    ck_assert(it_b_stream_stats(P->e[1].b, 1, &was));
    pair_run(P, P->now + 5 * IT_SEC);
    ck_assert(it_b_stream_stats(P->e[1].b, 1, &is));
    ck_assert_uint_eq(is.voice_sent, was.voice_sent);
    ck_assert_int_eq(it_b_stream_send(P->e[1].b, P->now, 1, it_bytes_str("x")), IT_ERR_STATE);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED) + pair_count(P, i, IT_EV_DEATH), 0);
}
END_TEST

/* RFC 9143 sections 7.2, 7.5.3: it is named in the group no more, and the next one carries the transport. */
START_TEST(a_closed_stream_leaves_the_group_and_the_transport_goes_on_with_the_next)
{
    begin(3, 1, true);
    pair_run(P, 5 * IT_SEC);
    it_b_stream_close(P->e[0].b, P->now, 0);
    pair_run(P, P->now + IT_SEC);
    char *text = calloc(1, P->n_latest[0] + 1);
    memcpy(text, P->latest[0], P->n_latest[0]);
    ck_assert_ptr_nonnull(strstr(text, "a=group:BUNDLE 1 2\r\n"));
    const char *second = strstr(text, "a=mid:1"), *third = strstr(text, "a=mid:2");
    const char *creds = strstr(text, "a=ice-ufrag:");
    ck_assert(second && third && creds > second && creds < third);
    free(text);
    it_b_restart(P->e[0].b, P->now);
    pair_run(P, P->now + 10 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(it_ice_generation(it_b_ice(P->e[i].b)), 1);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(it_b_stream_state(P->e[i].b, 0), IT_STATE_CLOSED);
        ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED) + pair_count(P, i, IT_EV_DEATH) + pair_count(P, i, IT_EV_PEER),
                         0);
    }
}
END_TEST

START_TEST(what_is_closed_before_the_start_stays_closed)
{
    n_streams = 3;
    components = 1;
    bundle = _i == 1;
    P = pair_new(13, several, NULL);
    it_b_stream_close(P->e[0].b, 0, _i == 2 ? 0 : 1);
    pair_start(P);
    pair_run(P, 10 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        int closed = _i == 2 ? 0 : 1;
        ck_assert_int_eq(it_b_stream_state(P->e[i].b, closed), IT_STATE_CLOSED);
        ck_assert_int_eq(pair_count_of(P, i, closed, IT_EV_OPEN), 0);
        ck_assert_int_eq(pair_count_of(P, i, closed, IT_EV_CLOSED), 1);
        ck_assert_int_eq(it_b_stream_state(P->e[i].b, 2), IT_STATE_OPEN);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(pair_count(P, i, IT_EV_PEER), 0);
    }
}
END_TEST

/* The stream whose section comes first is over: a restart is taught by the others. */
START_TEST(a_restart_without_the_first_stream_reaches_the_others)
{
    begin(3, 1, false);
    pair_run(P, 5 * IT_SEC);
    it_b_stream_close(P->e[0].b, P->now, 0);
    pair_run(P, P->now + IT_SEC);
    it_b_restart(P->e[0].b, P->now);
    pair_run(P, P->now + 10 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(it_ice_generation(it_b_ice(P->e[i].b)), 1);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED) + pair_count(P, i, IT_EV_PEER), 0);
    }
}
END_TEST

START_TEST(the_whole_ends_as_the_last_of_its_streams_does)
{
    static int cut;
    n_streams = 2;
    components = 1;
    bundle = false;
    P = pair_new(14, without_restart, NULL);
    P->arg = &cut;
    P->drop = of_socket;
    cut = 0;
    pair_start(P);
    pair_run(P, 5 * IT_SEC);
    cut = 1; /* the second stream dies, then the first is closed; or the other way round */
    if (_i) {
        it_b_stream_close(P->e[0].b, P->now, 0);
        pair_run(P, 60 * IT_SEC);
    } else {
        pair_run(P, 60 * IT_SEC);
        it_b_stream_close(P->e[0].b, P->now, 0);
        pair_run(P, 61 * IT_SEC);
    }
    enum it_state want = _i ? IT_STATE_DEAD : IT_STATE_CLOSED;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_b_state(P->e[i].b), want);
        ck_assert_int_eq(pair_count_of(P, i, -1, IT_EV_DEATH), _i);
        ck_assert_int_eq(pair_count_of(P, i, -1, IT_EV_CLOSED), !_i);
    }
}
END_TEST

/* Alice has another interface from the fifth second on, and the first one goes. */
static void move_alice(void)
{
    P->e[0].has[1] = true;
    ck_assert_int_eq(it_b_add_base(P->e[0].b, P->now, 1, P->e[0].base[1]), 0);
    pair_run(P, P->now + IT_SEC);
    int bound = 0;
    for (int k = 0; k < P->e[0].n_bound; k++)
        bound += !P->e[0].bound[k].given_back;
    P->e[0].has[0] = false;
    it_b_remove_base(P->e[0].b, P->now, 0);
    for (int k = 0; k < bound / 2; k++) {
        it_io gone = {.kind = IT_IO_UNBIND, .flow = P->e[0].bound[k].flow, .local = P->e[0].bound[k].at};
        P->e[0].bound[k].at = pair_addr("192.0.2.99:1");
        ck_assert_int_eq(it_b_input(P->e[0].b, P->now, &gone), 0);
    }
    pair_run(P, P->now + 15 * IT_SEC);
}

START_TEST(the_whole_tells_a_failover_once)
{
    begin(SHAPES[_i].streams, SHAPES[_i].components, SHAPES[_i].bundle);
    pair_run(P, 5 * IT_SEC);
    move_alice();
    int first = pair_count_of(P, 0, 0, IT_EV_FAILOVER);
    ck_assert_int_ge(first, 1);
    /* As often as the first stream's own transport moved, which RTCP's is not. */
    ck_assert_int_le(pair_count_of(P, 0, -1, IT_EV_FAILOVER), first);
    ck_assert_int_ge(pair_count_of(P, 0, -1, IT_EV_FAILOVER), 1);
    ck_assert_int_le(pair_count_of(P, 0, -1, IT_EV_FAILOVER), 2); /* the mapping may be found a moment later */
}
END_TEST

START_TEST(an_interface_is_told_whichever_stream_still_lives)
{
    begin(2, 1, false);
    pair_run(P, 5 * IT_SEC);
    it_b_stream_close(P->e[0].b, P->now, 0);
    pair_run(P, 6 * IT_SEC);
    P->e[0].has[1] = true;
    ck_assert_int_eq(it_b_add_base(P->e[0].b, P->now, 1, P->e[0].base[1]), 0);
    pair_run(P, 7 * IT_SEC);
    ck_assert_int_eq(pair_count_of(P, 0, -1, IT_EV_NETWORK), 1);
    P->e[0].has[1] = false;
    it_b_remove_base(P->e[0].b, P->now, 1);
    pair_run(P, 8 * IT_SEC);
    ck_assert_int_eq(pair_count_of(P, 0, -1, IT_EV_NETWORK), 2);
    ck_assert_int_eq(it_b_state(P->e[0].b), IT_STATE_OPEN);
}
END_TEST

/* --- sockets --- */

static int given_back(int i)
{
    int n = 0;
    for (int k = 0; k < P->e[i].n_bound; k++)
        n += P->e[i].bound[k].given_back;
    return n;
}

START_TEST(the_sockets_of_what_has_ended_are_given_back)
{
    begin(3, 2, false);
    pair_run(P, 5 * IT_SEC);
    it_b_stream_close(P->e[0].b, P->now, 1);
    pair_run(P, P->now + 2 * IT_SEC);
    ck_assert_int_eq(given_back(0) + given_back(1), 0); /* what is on its way to them may still come */
    pair_run(P, P->now + 2 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(given_back(i), 2);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
    }
    it_b_close(P->e[0].b, P->now);
    pair_run(P, P->now + IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(given_back(i), 5);
        ck_assert_int_eq(pair_count(P, i, IT_EV_DEATH), 0);
    }
}
END_TEST

/* The host loses the address between BIND and its answer: what is there gathers without. */
START_TEST(a_socket_that_goes_before_it_is_bound_keeps_nobody_waiting)
{
    n_streams = 2;
    components = 1;
    bundle = false;
    P = pair_new(15, several, NULL);
    it_io out;
    uint8_t buf[IT_IO_DGRAM_MAX];
    ck_assert_int_eq(it_b_output(P->e[0].b, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_BIND);
    pair_start(P);
    it_io gone = {.kind = IT_IO_UNBIND, .flow = out.flow};
    ck_assert_int_eq(it_b_input(P->e[0].b, 0, &gone), 0);
    pair_run(P, 5 * IT_SEC);
    ck_assert_int_eq(pair_count_of(P, 0, 0, IT_EV_OPEN), 1);
}
END_TEST

START_TEST(nothing_is_sent_on_a_stream_that_is_not_open)
{
    static int cut = 1;
    begin(1, 2, false);
    P->arg = &cut;
    P->drop = of_socket; /* RTCP: the stream opens with both */
    pair_run(P, 5 * IT_SEC);
    ck_assert_int_eq(it_b_stream_state(P->e[0].b, 0), IT_STATE_CONNECTING);
    ck_assert_int_eq(it_b_stream_send(P->e[0].b, P->now, 0, it_bytes_str("x")), IT_ERR_STATE);
    ck_assert_int_eq(it_b_send(P->e[0].b, P->now, it_bytes_str("x")), IT_ERR_STATE);
}
END_TEST

static void many_servers(it_b_cfg *cfg, int i)
{
    several(cfg, i);
    for (int k = 0; k < IT_ICE_SERVERS_MAX; k++)
        cfg->stun[k] = it_addr_of(it_ip4(0xc63364c8u + (uint32_t)k), 3478);
    cfg->n_stun = IT_ICE_SERVERS_MAX;
}

/* Each of the eight has its share of the hundred, whoever gathers first. */
START_TEST(many_interfaces_leave_no_stream_without_candidates)
{
    n_streams = 8;
    components = 1;
    bundle = false;
    P = pair_new(16, many_servers, NULL);
    for (int k = 1; k < 16; k++)
        ck_assert_int_eq(it_b_add_base(P->e[0].b, 0, k, it_addr_of(it_ip4(0xc0000264u + (uint32_t)k), 1000)), 0);
    it_io out;
    uint8_t buf[IT_IO_DGRAM_MAX];
    int port = 7000;
    while (it_b_output(P->e[0].b, 0, &out, buf, sizeof buf) == 1) {
        it_io in = {.kind = IT_IO_BOUND, .flow = out.flow, .local = it_addr_of(out.local.ip, (uint16_t)port++)};
        ck_assert_int_eq(it_b_input(P->e[0].b, 0, &in), 0);
    }
    it_b_start(P->e[0].b, 0);
    it_model_event ev;
    int sections = 0, media;
    while (it_b_event_next(P->e[0].b, &ev, &media) == 1) {
        if (ev.kind != IT_EV_SIGNAL)
            continue;
        sections = 0;
        char *text = calloc(1, ev.data.n + 1);
        memcpy(text, ev.data.p, ev.data.n);
        for (const char *m = strstr(text, "m="); m; m = strstr(m + 1, "\r\nm=")) {
            const char *c = strstr(m, "a=candidate:"), *next = strstr(m + 1, "\r\nm=");
            sections += c && (!next || c < next);
        }
        free(text);
    }
    ck_assert_int_eq(sections, 8);
    ck_assert_uint_eq(it_b_untold(P->e[0].b), 8 * (16 - 100 / 8));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("b/stream");
    TCase *t = tcase_create("stream");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_unchecked_fixture(t, NULL, once_end);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, credentials_are_each_streams_or_the_sessions_and_either_end_takes_both, 0, 4);
    tcase_add_loop_test(t, each_stream_opens_once_and_the_whole_with_the_last, 0, N_SHAPES);
    tcase_add_loop_test(t, each_stream_has_its_voice_and_its_numbers, 0, N_SHAPES);
    tcase_add_loop_test(t, a_message_comes_out_of_the_stream_that_it_went_into, 0, N_SHAPES);
    tcase_add_test(t, one_stream_stalls_and_dies_and_the_others_go_on);
    tcase_add_test(t, a_restart_for_one_stream_moves_no_other);
    tcase_add_test(t, a_stream_that_cannot_open_takes_the_others_along);
    tcase_add_loop_test(t, a_stream_is_closed_alone_and_the_whole_with_the_last, 0, N_SHAPES);
    tcase_add_test(t, a_goodbye_that_is_lost_is_told_by_the_blob);
    tcase_add_loop_test(t, closing_the_whole_closes_each_stream_once, 0, N_SHAPES);
    tcase_add_test(t, where_one_side_has_one_component_one_is_used);
    tcase_add_loop_test(t, sides_that_were_told_otherwise_say_so_and_do_not_open, 0, 2);
    tcase_add_loop_test(t, a_number_that_cannot_be_is_refused, 0, 5);
    tcase_add_test(t, a_bind_that_is_refused_leaves_that_transport_without_and_gathering_goes_on);
    tcase_add_test(t, an_interface_that_comes_brings_a_base_to_each_transport);
    tcase_add_test(t, a_bundled_stream_that_port_0_ends_streams_no_more);
    tcase_add_test(t, a_closed_stream_leaves_the_group_and_the_transport_goes_on_with_the_next);
    tcase_add_loop_test(t, what_is_closed_before_the_start_stays_closed, 0, 3);
    tcase_add_test(t, a_restart_without_the_first_stream_reaches_the_others);
    tcase_add_loop_test(t, the_whole_ends_as_the_last_of_its_streams_does, 0, 2);
    tcase_add_loop_test(t, the_whole_tells_a_failover_once, 0, N_SHAPES);
    tcase_add_test(t, an_interface_is_told_whichever_stream_still_lives);
    tcase_add_test(t, the_sockets_of_what_has_ended_are_given_back);
    tcase_add_test(t, a_socket_that_goes_before_it_is_bound_keeps_nobody_waiting);
    tcase_add_test(t, nothing_is_sent_on_a_stream_that_is_not_open);
    tcase_add_test(t, many_interfaces_leave_no_stream_without_candidates);
    tcase_add_loop_test(t, running_out_of_memory_is_an_error_and_loses_nothing, 0, 60);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
