/* What an object relays in the place where it was received, beside what it takes as input. */
#include "tests/lab/loop/probe.h"

/* Sends |p|'s relayed datagrams on to |p|->out[0]'s remote with a head of four bytes; those that begin with '!' it
 * takes as input. */
static bool probe_relay(void *o, it_time now, const it_io *in, uint8_t *bytes, it_io *out)
{
    const probe *p = o;
    (void)now;
    if (in->data.n && in->data.p[0] == '!')
        return false;
    ck_assert_ptr_eq(bytes, in->data.p);
    memcpy(bytes - 4, "head", 4);
    out->flow = in->flow;
    out->local = in->local;
    out->remote = p->out[63].remote;
    out->meta = in->meta;
    out->data = it_bytes_of(bytes - 4, in->data.n + 4);
    return true;
}

static const it_object_ops RELAY_OPS = {.kind = "relay",
                                        .input = probe_input,
                                        .output = probe_output,
                                        .free = probe_free,
                                        .relay = probe_relay,
                                        .errors = true};

static probe *sender, *middle, *sink;
static int from;

static it_addr addr_of(const probe *p)
{
    return probe_got(p, IT_IO_BOUND, 0)->local;
}

static void begin(int is6)
{
    it_addr local = local_of(is6, 0);
    it_loop_app_cfg cfg = {.bases = &local, .n_bases = 1, .burst = 8};
    sender = probe_new();
    middle = probe_new();
    sink = probe_new();
    loop_begin();
    from = probe_add(sender, local);
    (void)probe_add(sink, local);
    ck_assert_int_ge(it_loop_add(LOOP, &RELAY_OPS, middle, &cfg, NULL), 0);
    ck_assert_int_eq(it_loop_flush(LOOP), 0);
    middle->out[63].remote = addr_of(sink);
}

static void end(void)
{
    loop_end();
    probe_done(sender);
    probe_done(middle);
    probe_done(sink);
}

/* Sends |n| bytes at |text| to the relay, with the others that are queued. */
static void queue(const char *text, size_t n, uint8_t ttl)
{
    it_io io = {.kind = IT_IO_DGRAM, .local = addr_of(sender), .remote = addr_of(middle)};
    io.data = it_bytes_of(text, n);
    io.meta.ttl = ttl;
    ck_assert_uint_lt(sender->n_out, 63);
    sender->out[sender->n_out++] = io;
}

static void let_go(void)
{
    ck_assert_ptr_nonnull(it_loop_app(LOOP, from));
    ck_assert_int_eq(it_loop_flush(LOOP), 0);
}

START_TEST(what_is_relayed_goes_on_in_order_and_the_rest_is_input)
{
    static char text[60][8];
    int relayed = 0, inputs = 0;
    begin(_i);
    for (int k = 0; k < 60; k++) {
        snprintf(text[k], sizeof text[k], "%c%d", k % 5 == 3 ? '!' : ' ', k);
        queue(text[k], strlen(text[k]), (uint8_t)(10 + k / 7));
    }
    let_go();
    for (int k = 0; k < 60; k++) {
        bool input = k % 5 == 3;
        const it_io *in = NULL;
        if (input)
            in = probe_wait(middle, IT_IO_DGRAM, inputs++);
        else
            in = probe_wait(sink, IT_IO_DGRAM, relayed++);
        size_t head = input ? 0 : 4;
        ck_assert_uint_eq(in->data.n, strlen(text[k]) + head);
        ck_assert_mem_eq(in->data.p, "head", head);
        ck_assert_mem_eq(in->data.p + head, text[k], strlen(text[k]));
        ck_assert_int_eq(in->meta.ttl, 10 + k / 7);
    }
    end();
}
END_TEST

START_TEST(the_largest_and_the_empty_one_are_relayed)
{
    static char big[65503];
    memset(big, 'x', sizeof big);
    begin(0);
    queue(big, sizeof big, 0);
    queue("", 0, 0);
    let_go();
    const it_io *in = probe_wait(sink, IT_IO_DGRAM, 0);
    ck_assert_uint_eq(in->data.n, sizeof big + 4);
    ck_assert_mem_eq(in->data.p + 4, big, sizeof big);
    in = probe_wait(sink, IT_IO_DGRAM, 1);
    ck_assert_uint_eq(in->data.n, 4);
    end();
}
END_TEST

/* More than one call takes: what was relayed in its place is sent before its place is used again. */
START_TEST(no_datagram_is_written_over_before_it_is_sent)
{
    static char text[40][8];
    begin(0);
    for (int round = 0; round < 5; round++) {
        for (int k = 0; k < 40; k++) {
            snprintf(text[k], sizeof text[k], "%d", round * 40 + k);
            queue(text[k], strlen(text[k]), 0);
        }
        let_go(); /* all rounds wait in the relay's socket until the loop looks at it */
    }
    (void)probe_wait(sink, IT_IO_DGRAM, 199);
    for (int k = 0; k < 200; k++) {
        char want[16];
        snprintf(want, sizeof want, "head%d", k);
        ck_assert(it_bytes_eq(probe_got(sink, IT_IO_DGRAM, k)->data, it_bytes_str(want)));
    }
    end();
}
END_TEST

START_TEST(each_datagram_says_its_own_header)
{
    begin(_i);
    for (int k = 0; k < 6; k++)
        queue("!", 1, (uint8_t)(k < 3 ? 9 : 30 + k));
    let_go();
    for (int k = 0; k < 6; k++)
        ck_assert_int_eq(probe_wait(middle, IT_IO_DGRAM, k)->meta.ttl, k < 3 ? 9 : 30 + k);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/loop/receive");
    TCase *t = tcase_create("many at a time");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, what_is_relayed_goes_on_in_order_and_the_rest_is_input, 0, 2);
    tcase_add_test(t, the_largest_and_the_empty_one_are_relayed);
    tcase_add_test(t, no_datagram_is_written_over_before_it_is_sent);
    tcase_add_loop_test(t, each_datagram_says_its_own_header, 0, 2);
    suite_add_tcase(s, t);
    return probe_main(s);
}
