/* The shortcut beside the long way: two servers are told the same, one of them by the shortcut wherever it takes it,
 * and say the same. */
#include "tests/stack/turn/server/rig.h"

#include "base/rng.h"

static rig rigs[2]; /* [1] takes the shortcut */
static size_t taken, refused;

static const char *const PEERS[] = {"203.0.113.7:5", "203.0.113.7:6", "203.0.113.8:5", "198.51.100.77:5",
                                    "[2001:db8::7]:5"};
static const char *const CLIENTS[] = {"192.0.2.9:4444", "[2001:db8:9::9]:4444", "192.0.2.9:4445"};
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Gives datagram |in| to |r|, by the shortcut if it takes it. */
static void give(rig *r, const it_io *in)
{
    uint8_t room[2048 + 2 * IT_RELAY_ROOM], *bytes = room + IT_RELAY_ROOM;
    it_io out, copy = *in;
    r->n_sent = 0;
    copy.data.p = bytes;
    if (in->data.n)
        memcpy(bytes, in->data.p, in->data.n);
    if (r == &rigs[1] && it_turn_server_relay(r->s, r->now, &copy, bytes, &out)) {
        rig_sent *s = &r->sent[r->n_sent++];
        s->io = (it_io){.kind = IT_IO_DGRAM, .flow = out.flow, .local = out.local, .remote = out.remote};
        s->io.meta = out.meta;
        ck_assert(out.data.p >= room && out.data.p + out.data.n <= room + sizeof room);
        memcpy(s->data, out.data.p, out.data.n);
        s->io.data = it_bytes_of(s->data, out.data.n);
        taken++;
        return;
    }
    refused += r == &rigs[1];
    rig_input(r, copy);
    rig_drain(r);
}

static void same_output(void)
{
    const it_turn_server_stats *a = it_turn_server_stats_of(rigs[0].s), *b = it_turn_server_stats_of(rigs[1].s);
    ck_assert_uint_eq(rigs[0].n_sent, rigs[1].n_sent);
    for (size_t i = 0; i < rigs[0].n_sent; i++) {
        const it_io *x = &rigs[0].sent[i].io, *y = &rigs[1].sent[i].io;
        ck_assert_uint_eq(x->flow, y->flow);
        ck_assert(it_addr_eq(x->local, y->local) && it_addr_eq(x->remote, y->remote));
        ck_assert(it_bytes_eq(x->data, y->data));
        ck_assert(x->meta.frag == y->meta.frag && x->meta.ttl == y->meta.ttl && x->meta.tos == y->meta.tos);
    }
    ck_assert_mem_eq(a, b, sizeof *a);
    ck_assert_int_eq(it_turn_server_next(rigs[0].s), it_turn_server_next(rigs[1].s));
}

static void both_are_given(const it_io *in)
{
    for (int k = 0; k < 2; k++)
        give(&rigs[k], in);
    same_output();
}

static it_io_meta any_meta(it_rng *g)
{
    static const uint8_t TTLS[] = {0, 1, 2, 64, 255};
    it_io_meta m = {.frag = it_rng_below(g, 2), .ttl = TTLS[it_rng_below(g, COUNT(TTLS))]};
    m.tos = (uint8_t)(it_rng_below(g, 4) ? 0 : 0xb8);
    return m;
}

static const char *any_peer(it_rng *g)
{
    return PEERS[it_rng_below(g, COUNT(PEERS))];
}

/* ChannelData of any client, mostly well formed. */
static void data_up(it_rng *g)
{
    static const uint16_t NUMBERS[] = {0x4000, 0x4001, 0x4002, 0x4fff, 0x5000, 0x7fff, 0x8000, 0x3fff};
    uint8_t d[300] = {0};
    size_t n = it_rng_below(g, 200), whole = n + IT_TURN_CHANNEL_HEAD;
    const char *client = CLIENTS[it_rng_below(g, COUNT(CLIENTS))];
    it_io in = {.kind = IT_IO_DGRAM, .local = rigs[0].here, .remote = rig_addr(client), .meta = any_meta(g)};
    in.flow = it_ip_is6(in.remote.ip);
    it_turn_channel_head(d, NUMBERS[it_rng_below(g, it_rng_below(g, 4) ? 3 : COUNT(NUMBERS))], n);
    it_rng_bytes(g, d + IT_TURN_CHANNEL_HEAD, n);
    if (it_rng_below(g, 8) == 0)
        whole = it_rng_below(g, whole + 40); /* short, or padded */
    in.data = it_bytes_of(d, whole);
    both_are_given(&in);
}

static void data_down(it_rng *g)
{
    uint8_t d[300];
    size_t n = it_rng_below(g, 200);
    it_io in = {.kind = IT_IO_DGRAM, .remote = rig_addr(any_peer(g)), .meta = any_meta(g)};
    in.flow = IT_IO_BOUND_FLOW + (uint32_t)it_rng_below(g, 4);
    it_rng_bytes(g, d, n);
    in.data = it_bytes_of(d, n);
    both_are_given(&in);
}

/* A request of one of the two first clients, who allocates again if it has to. */
static void ask(it_rng *g)
{
    uint64_t what = it_rng_below(g, 3);
    uint32_t number = 0x4000 + (uint32_t)it_rng_below(g, 3);
    const char *peer = any_peer(g), *client = CLIENTS[it_rng_below(g, 2)];
    for (int k = 0; k < 2; k++) {
        rig *r = &rigs[k];
        r->client = rig_addr(client);
        rig_challenge(r, "alice");
        if (rig_refresh(r, 600) != 0)
            rig_allocate(r, "alice");
        if (what == 0)
            (void)rig_permit(r, peer);
        else if (what == 1)
            (void)rig_channel(r, number, peer);
    }
    same_output();
}

static void time_passes(it_rng *g)
{
    it_time d = (it_time)it_rng_below(g, 100) * IT_SEC;
    for (int k = 0; k < 2; k++)
        rig_until(&rigs[k], rigs[k].now + d);
}

/* The server gets a base, or loses it, on the address of a peer, which is then its own. */
static void base_comes_or_goes(it_rng *g)
{
    bool comes = it_rng_below(g, 2);
    for (int k = 0; k < 2; k++)
        rig_input(
            &rigs[k],
            (it_io){.kind = comes ? IT_IO_BOUND : IT_IO_UNBIND, .flow = 5, .local = rig_addr("198.51.100.77:3478")});
}

static void begin(rig *r, int seed)
{
    rig_init(r);
    r->cfg.channels_5766 = seed % 2;
    r->cfg.limits.user_rate = seed % 3 ? 0 : 2000;
    rig_start(r);
    for (size_t c = 0; c < 2; c++) { /* the second one stays the rig's */
        r->client = rig_addr(CLIENTS[c]);
        rig_allocate(r, "alice");
        ck_assert_int_eq(rig_channel(r, 0x4000, PEERS[0]), 0);
        ck_assert_int_eq(rig_channel(r, 0x4001, PEERS[3]), 0);
    }
}

START_TEST(the_same_comes_of_both_ways)
{
    it_rng g;
    it_rng_init(&g, (uint64_t)_i, "shortcut");
    taken = refused = 0;
    for (int k = 0; k < 2; k++)
        begin(&rigs[k], _i);
    for (int step = 0; step < 4000; step++) {
        uint64_t what = it_rng_below(&g, 100);
        if (what < 45)
            data_up(&g);
        else if (what < 90)
            data_down(&g);
        else if (what < 95)
            ask(&g);
        else if (what < 98)
            base_comes_or_goes(&g);
        else
            time_passes(&g);
    }
    ck_assert_uint_gt(taken, 60);
    ck_assert_uint_gt(refused, 100);
    for (int k = 0; k < 2; k++)
        rig_fini(&rigs[k]);
}
END_TEST

/* What waits for output must not be overtaken by what is relayed at once. */
START_TEST(nothing_overtakes_what_waits)
{
    rig *r = &rigs[1];
    uint8_t room[128] = {0};
    it_io out, in = {.kind = IT_IO_DGRAM, .flow = IT_IO_BOUND_FLOW, .remote = rig_addr(PEERS[0])};
    in.data = it_bytes_of(room + IT_RELAY_ROOM, 8);
    begin(r, 1);
    r->n_sent = 0;
    rig_input(r, in);
    ck_assert(!it_turn_server_relay(r->s, r->now, &in, room + IT_RELAY_ROOM, &out));
    rig_drain(r);
    ck_assert_uint_eq(r->n_sent, 1);
    ck_assert(it_turn_server_relay(r->s, r->now, &in, room + IT_RELAY_ROOM, &out));
    ck_assert_uint_eq(out.data.n, 8 + IT_TURN_CHANNEL_HEAD);
    rig_fini(r);
}
END_TEST

/* RFC 8656 section 12: a permission ends though nothing ticks. */
START_TEST(what_is_over_is_not_relayed)
{
    rig *r = &rigs[1];
    uint8_t room[160] = {0}, *bytes = room + IT_RELAY_ROOM;
    it_io out, in = {.kind = IT_IO_DGRAM, .flow = IT_IO_BOUND_FLOW, .remote = rig_addr(PEERS[0])};
    in.data = it_bytes_of(bytes, 8);
    begin(r, 1);
    it_time end = r->now + IT_TURN_PERMISSION_LIFE;
    ck_assert(it_turn_server_relay(r->s, end - 1, &in, bytes, &out));
    ck_assert(!it_turn_server_relay(r->s, end, &in, bytes, &out));
    r->now = end;
    r->n_sent = 0;
    rig_input(r, in);
    rig_drain(r);
    ck_assert_uint_eq(r->n_sent, 0);
    rig_fini(r);
}
END_TEST

/* RFC 8656 section 9: CreatePermission renews the permission that a channel needs. */
START_TEST(a_permission_that_is_renewed_carries_its_channels)
{
    rig *r = &rigs[1];
    uint8_t room[160] = {0}, *bytes = room + IT_RELAY_ROOM;
    it_io out, in = {.kind = IT_IO_DGRAM, .flow = IT_IO_BOUND_FLOW + 1, .remote = rig_addr(PEERS[0])};
    in.data = it_bytes_of(bytes, 8);
    begin(r, 1);
    rig_until(r, 200 * IT_SEC);
    ck_assert_int_eq(rig_permit(r, PEERS[0]), 0);
    r->now = 400 * IT_SEC;
    rig_channel_data(r, 0x4000, "up", (it_io_meta){.ttl = 9});
    ck_assert_uint_eq(r->n_sent, 1);
    ck_assert(it_turn_server_relay(r->s, r->now, &in, bytes, &out) == false); /* its families differ */
    rig_peer(r, 1, PEERS[0], "down", (it_io_meta){.ttl = 9});
    ck_assert_uint_eq(r->n_sent, 1);
    rig_channel_data(r, 0x4001, "up", (it_io_meta){.ttl = 9});
    ck_assert_uint_eq(r->n_sent, 0);
    rig_fini(r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/server/shortcut");
    TCase *tc = tcase_create("beside relay.c");
    SRunner *sr;
    int failed;
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, the_same_comes_of_both_ways, 0, 12);
    tcase_add_test(tc, nothing_overtakes_what_waits);
    tcase_add_test(tc, what_is_over_is_not_relayed);
    tcase_add_test(tc, a_permission_that_is_renewed_carries_its_channels);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
