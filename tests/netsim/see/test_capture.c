/* The pcapng writer: order and shape of blocks, names, comments, keys. The format is draft-ietf-opsawg-pcapng's. */
#include "netsim/see/capture.h"

#include "tests/netsim/edges.h"

#include <stdlib.h>

enum { SHB = 0x0a0d0d0a, IDB = 1, NRB = 4, EPB = 6, DSB = 10 };

typedef struct block {
    uint32_t type, len;
    const uint8_t *body; /* between the two lengths */
    size_t n;
} block;

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

typedef struct blocks {
    block v[64];
    size_t n;
} blocks;

/* Every block's two lengths must agree and be a multiple of four (section 3.1). */
static blocks blocks_of(it_bytes d)
{
    blocks b = {.n = 0};
    for (size_t at = 0; at < d.n;) {
        ck_assert_uint_le(at + 12, d.n);
        uint32_t len = le32(d.p + at + 4);
        ck_assert_uint_eq(len % 4, 0);
        ck_assert_uint_le(at + len, d.n);
        ck_assert_uint_eq(le32(d.p + at + len - 4), len);
        ck_assert_uint_lt(b.n, 64);
        b.v[b.n++] = (block){le32(d.p + at), len, d.p + at + 8, len - 12};
        at += len;
    }
    return b;
}

static int first(const blocks *b, uint32_t type)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].type == type)
            return (int)i;
    return -1;
}

static size_t count(const blocks *b, uint32_t type)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += b->v[i].type == type;
    return n;
}

static bool has(const block *b, const char *text)
{
    return memmem(b->body, b->n, text, strlen(text)) != NULL;
}

static it_capture *watch(rig *r, const it_link_dir_cfg *there)
{
    rig_open(r, 1, "wire", there, NULL);
    it_capture *c = it_capture_new(&r->alloc, "a comment");
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(it_world_observe(r->w, it_capture_observer(c)), 0);
    return c;
}

static void done(rig *r, it_capture *c)
{
    it_capture_free(c);
    rig_close(r);
}

START_TEST(file_begins_with_section_names_and_every_tap)
{
    rig r;
    it_capture *c = watch(&r, NULL);
    ck_assert_int_eq(it_capture_name(c, it_ip4(0x0a000001), "alice"), 0);
    ck_assert_int_eq(it_capture_name(c, it_ip4(0x0a000002), "bob"), 0);
    ck_assert_int_eq(it_capture_name(c, it_ip4(0x0a000002), "carol"), 0);
    edge_put(&r, r.a, 60, 0);
    rig_run(&r, IT_SEC);
    blocks b = blocks_of(it_capture_bytes(c));
    ck_assert_uint_eq(b.v[0].type, SHB);
    ck_assert(has(&b.v[0], "a comment") && has(&b.v[0], "icetank"));
    ck_assert_int_lt(first(&b, IDB) + 1, first(&b, NRB)); /* behind both: editcap takes no name before an interface */
    ck_assert_int_lt(first(&b, NRB), first(&b, EPB));
    ck_assert(has(&b.v[first(&b, NRB)], "alice"));
    ck_assert(!has(&b.v[first(&b, NRB)], "bob")); /* two names: the address stays unnamed */
    ck_assert_uint_eq(count(&b, IDB), 2);
    int idb = first(&b, IDB);
    ck_assert(has(&b.v[idb], "a.eth") && has(&b.v[idb + 1], "b.eth"));
    ck_assert_uint_eq(le32(b.v[idb].body) & 0xffff, 1); /* LINKTYPE_ETHERNET */
    ck_assert_uint_eq(count(&b, EPB), 2);
    done(&r, c);
}
END_TEST

START_TEST(packet_has_its_tap_time_and_bytes)
{
    rig r;
    it_link_dir_cfg slow = {.delay = 5 * IT_MS};
    it_capture *c = watch(&r, &slow);
    uint8_t raw[IT_PKT_MAX];
    it_bytes ip = udp_bytes(raw, 60);
    ck_assert_int_eq(it_edge_send(r.a, it_world_now(r.w), ip, 0), 0);
    rig_run(&r, IT_SEC);
    blocks b = blocks_of(it_capture_bytes(c));
    int at = first(&b, EPB);
    const block *sent = &b.v[at], *got = &b.v[at + 1];
    ck_assert_uint_eq(le32(sent->body), 0);
    ck_assert_uint_eq(le32(got->body), 1);
    uint64_t t0 = (uint64_t)le32(sent->body + 4) << 32 | le32(sent->body + 8),
             t1 = (uint64_t)le32(got->body + 4) << 32 | le32(got->body + 8);
    ck_assert_uint_eq(t0, (uint64_t)IT_EPOCH_S * 1000000000u);
    ck_assert_uint_eq(t1 - t0, 5 * IT_MS);
    ck_assert_uint_eq(le32(sent->body + 12), 60 + 14);
    ck_assert_int_eq(memcmp(sent->body + 20 + 14, ip.p, ip.n), 0);
    ck_assert_uint_eq(sent->body[20 + 12], 0x08); /* IPv4 */
    /* what one end sends the other receives: the same Ethernet addresses */
    ck_assert_int_eq(memcmp(sent->body + 20, got->body + 20, 12), 0);
    done(&r, c);
}
END_TEST

START_TEST(dropped_packet_carries_rule_and_section)
{
    rig r;
    it_link_dir_cfg narrow = {.mtu = 600};
    it_capture *c = watch(&r, &narrow);
    edge_put(&r, r.a, 700, 0);
    edge_put(&r, r.a, 60, 0);
    rig_run(&r, IT_SEC);
    blocks b = blocks_of(it_capture_bytes(c));
    int at = first(&b, EPB);
    ck_assert(has(&b.v[at], "a: DROP too big for the link and not to be fragmented (RFC 1191 section 4)"));
    ck_assert(!has(&b.v[at + 1], "DROP"));
    ck_assert_uint_eq(count(&b, EPB), 3);
    done(&r, c);
}
END_TEST

/* The name of the interface of packet block |e|. */
static const char *iface_of(const blocks *b, const block *e)
{
    static char name[64];
    uint32_t want = le32(e->body), seen = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->v[i].type != IDB || seen++ != want)
            continue;
        size_t n = b->v[i].body[10];
        memcpy(name, b->v[i].body + 12, n);
        name[n] = '\0';
        return name;
    }
    return "?";
}

/* How many packet blocks say |text|, and that each of them is on interface |on|. */
static size_t say(const blocks *b, const char *text, const char *on)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->v[i].type != EPB || !has(&b->v[i], text))
            continue;
        n++;
        ck_assert_str_eq(iface_of(b, &b->v[i]), on);
    }
    return n;
}

START_TEST(what_never_was_on_a_wire_is_seen_where_it_is_dropped)
{
    rig r;
    it_capture *c = watch(&r, NULL);
    it_node_port_up(r.a, 0, false);
    for (int i = 0; i < 3; i++)
        edge_put(&r, r.a, 60, 0);
    rig_run(&r, IT_SEC);
    blocks b = blocks_of(it_capture_bytes(c));
    ck_assert_uint_eq(say(&b, "a: DROP the interface is down", "a.dropped"), 3);
    ck_assert_uint_eq(count(&b, EPB), 3);
    done(&r, c);
}
END_TEST

START_TEST(what_is_dropped_later_is_seen_again)
{
    rig r;
    it_link_dir_cfg slow = {.delay = 50 * IT_MS};
    it_capture *c = watch(&r, &slow);
    edge_put(&r, r.a, 60, 0);
    edge_put(&r, r.a, 61, 0);
    rig_run(&r, IT_MS);
    it_link_cut(r.w, it_world_now(r.w), r.link, true);
    rig_run(&r, IT_SEC);
    blocks b = blocks_of(it_capture_bytes(c));
    ck_assert_uint_eq(say(&b, "a: DROP the link is cut", "a.dropped"), 2);
    ck_assert_uint_eq(count(&b, EPB), 4);
    ck_assert_uint_eq(count(&b, IDB), 3);
    done(&r, c);
}
END_TEST

START_TEST(faults_are_told_by_the_next_packet_or_else_the_last)
{
    rig r;
    it_capture *c = watch(&r, NULL);
    it_capture_fault(c, "alice reboots");
    it_capture_fault(c, "bob.eth down");
    edge_put(&r, r.a, 60, 0);
    rig_run(&r, IT_SEC);
    it_capture_fault(c, "the last one");
    blocks b = blocks_of(it_capture_bytes(c));
    ck_assert_uint_eq(say(&b, "FAULT alice reboots", "a.eth"), 1);
    ck_assert_uint_eq(say(&b, "FAULT bob.eth down", "a.eth"), 1);
    ck_assert_uint_eq(say(&b, "FAULT the last one", "b.eth"), 1);
    ck_assert_uint_eq(count(&b, EPB), 2);
    done(&r, c);
}
END_TEST

START_TEST(a_capture_of_nothing_has_an_interface)
{
    rig r;
    it_capture *c = watch(&r, NULL);
    blocks b = blocks_of(it_capture_bytes(c));
    ck_assert_uint_eq(count(&b, IDB), 1);
    ck_assert_uint_eq(b.n, 2);
    done(&r, c);
}
END_TEST

/* Section 4.7: secrets precede what they open, though the owner tells of them after it has sent. */
START_TEST(keys_stand_before_the_packets_of_their_instant)
{
    rig r;
    it_capture *c = watch(&r, NULL);
    static const char KEY[] = "CLIENT_RANDOM 00 11";
    edge_put(&r, r.a, 60, 0);
    rig_run(&r, 5 * IT_MS);
    edge_put(&r, r.a, 61, 0);
    edge_put(&r, r.a, 62, 0);
    it_capture_secret(c, it_bytes_of((const uint8_t *)KEY, sizeof KEY - 1));
    it_capture_secret(c, it_bytes_of((const uint8_t *)"second", 6));
    rig_run(&r, IT_SEC);
    blocks b = blocks_of(it_capture_bytes(c));
    size_t order[16], n = 0;
    for (size_t i = (size_t)first(&b, EPB); i < b.n; i++)
        order[n++] = b.v[i].type == DSB ? 0 : le32(b.v[i].body + 12) - 14;
    static const size_t WANT[] = {60, 60, 0, 0, 61, 62, 61, 62};
    ck_assert_uint_eq(n, 8);
    for (size_t i = 0; i < n; i++)
        ck_assert_uint_eq(order[i], WANT[i]);
    int dsb = first(&b, DSB);
    ck_assert(has(&b.v[dsb], "CLIENT_RANDOM 00 11\n"));
    ck_assert(has(&b.v[dsb + 1], "second\n"));
    done(&r, c);
}
END_TEST

START_TEST(key_before_any_packet_is_kept)
{
    rig r;
    it_capture *c = watch(&r, NULL);
    it_capture_secret(c, it_bytes_of((const uint8_t *)"early", 5));
    edge_put(&r, r.a, 60, 0);
    rig_run(&r, IT_SEC);
    blocks b = blocks_of(it_capture_bytes(c));
    ck_assert_uint_eq(count(&b, DSB), 1);
    ck_assert_int_lt(first(&b, DSB), first(&b, EPB));
    done(&r, c);
}
END_TEST

START_TEST(capturing_leaves_the_fingerprint_alone)
{
    uint64_t print[2];
    for (int watched = 0; watched < 2; watched++) {
        rig r;
        rig_open(&r, 1, "wire", NULL, NULL);
        it_capture *c = it_capture_new(&r.alloc, "");
        if (watched)
            ck_assert_int_eq(it_world_observe(r.w, it_capture_observer(c)), 0);
        edge_put(&r, r.a, 60, 0);
        rig_run(&r, IT_SEC);
        print[watched] = it_world_fingerprint(r.w);
        done(&r, c);
    }
    ck_assert(print[0] == print[1]);
}
END_TEST

START_TEST(lost_memory_shows_each_time)
{
    bool whole = false;
    for (uint64_t n = 0; !whole; n++) {
        rig r;
        it_alloc a;
        rig_open(&r, 1, "wire", NULL, NULL);
        it_alloc_init_countdown(&a, n);
        it_capture *c = it_capture_new(&a, "x");
        if (c) {
            ck_assert_int_eq(it_world_observe(r.w, it_capture_observer(c)), 0);
            edge_put(&r, r.a, 60, 0);
            it_capture_secret(c, it_bytes_of((const uint8_t *)"key", 3));
            rig_run(&r, IT_SEC);
            (void)it_capture_bytes(c);
            whole = !it_capture_oom(c);
        }
        it_capture_free(c);
        ck_assert_int_eq(a.live, 0);
        rig_close(&r);
        ck_assert_uint_lt(n, 1000);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/capture");
    TCase *t = tcase_create("blocks");
    tcase_add_test(t, file_begins_with_section_names_and_every_tap);
    tcase_add_test(t, packet_has_its_tap_time_and_bytes);
    tcase_add_test(t, dropped_packet_carries_rule_and_section);
    tcase_add_test(t, what_never_was_on_a_wire_is_seen_where_it_is_dropped);
    tcase_add_test(t, what_is_dropped_later_is_seen_again);
    tcase_add_test(t, faults_are_told_by_the_next_packet_or_else_the_last);
    tcase_add_test(t, a_capture_of_nothing_has_an_interface);
    suite_add_tcase(s, t);
    TCase *k = tcase_create("pcapng section 4.7");
    tcase_add_test(k, keys_stand_before_the_packets_of_their_instant);
    tcase_add_test(k, key_before_any_packet_is_kept);
    suite_add_tcase(s, k);
    TCase *w = tcase_create("watching");
    tcase_add_test(w, capturing_leaves_the_fingerprint_alone);
    tcase_add_test(w, lost_memory_shows_each_time);
    suite_add_tcase(s, w);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
