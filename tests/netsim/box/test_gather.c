/* Fragments kept until all of a datagram are there. */
#include "netsim/box/gather.h"

#include "tests/netsim/box.h"

static it_alloc ALLOC;
static it_pkt_pool POOL;
static it_gather G;
static it_pkt *OUT;

static void start(void)
{
    it_alloc_init(&ALLOC);
    it_pkt_pool_init(&POOL, &ALLOC);
    memset(&G, 0, sizeof G);
}

static void end(void)
{
    it_gather_flush(&G, &POOL);
    ck_assert_uint_eq(POOL.live, 0);
    it_pkt_pool_fini(&POOL);
    ck_assert_int_eq(ALLOC.live, 0);
}

/* Bytes |from| to |to| of datagram |id|. */
static it_pkt *piece(bool six, uint32_t id, uint32_t from, uint32_t to, bool more, uint8_t proto)
{
    uint8_t buf[IT_PKT_MAX], data[IT_PKT_MAX] = {0};
    size_t head = six ? 8 : 0, n = to - from;
    for (size_t i = 0; i < n; i++)
        data[head + i] = (uint8_t)(from + i);
    if (six) {
        data[0] = proto;
        it_put16(data + 2, (uint16_t)(from | more));
        it_put32(data + 4, id);
    }
    it_bytes ip = box_ip_bytes(buf, I(six ? "2001:db8::1" : "10.0.0.1"), I(six ? "2001:db8::2" : "10.0.0.2"),
                               six ? 44 : proto, it_bytes_of(data, head + n));
    if (!six) {
        it_put16(buf + 4, (uint16_t)id);
        it_put16(buf + 6, (uint16_t)(from / 8 | (more ? 0x2000 : 0)));
        it_put16(buf + 10, 0);
        it_put16(buf + 10, it_sum_fold(it_sum_add(0, buf, 20)));
    }
    it_pkt *p = it_pkt_new(&POOL);
    ck_assert_int_eq(it_pkt_parse(p, ip), 0);
    return p;
}

static enum it_gathered add(it_time now, it_pkt *p)
{
    return it_gather_add(&G, now, 0, p, &OUT);
}

static uint32_t free_chain(it_pkt *p)
{
    uint32_t n = 0;
    for (it_pkt *next; p; p = next, n++) {
        next = p->next;
        it_pkt_free(&POOL, p);
    }
    return n;
}

/* The copy is left out, what it says of the end is not: the piece that has the end says so then. */
START_TEST(a_copy_may_tell_the_end)
{
    bool six = _i == 1;
    start();
    ck_assert_int_eq(add(0, piece(six, 7, 8, 16, true, 17)), IT_GATHERED_KEPT);
    /* 4 bytes too many: what is over eight is cut off where more is to follow */
    ck_assert_int_eq(add(0, piece(six, 7, 16, 28, true, 17)), IT_GATHERED_KEPT);
    ck_assert_int_eq(add(0, piece(six, 7, 16, 24, false, 17)), IT_GATHERED_AGAIN);
    it_pkt_free(&POOL, OUT);
    ck_assert_int_eq(add(0, piece(six, 7, 0, 8, true, 17)), IT_GATHERED_WHOLE);
    uint32_t at = 0;
    for (const it_pkt *p = OUT; p; p = p->next) {
        it_piece f = it_piece_of(p);
        ck_assert_uint_eq(f.at, at);
        ck_assert_int_eq(f.more, p->next != NULL);
        ck_assert(six || it_sum_fold(it_sum_add(0, p->buf + p->head, 20)) == 0);
        at += f.n;
    }
    ck_assert_uint_eq(at, 24);
    free_chain(OUT);
    end();
}
END_TEST

/* Every order of four pieces: the last to come makes it whole, and they are given back in order. */
START_TEST(any_order_becomes_whole)
{
    for (uint32_t perm = 0; perm < 256; perm++) {
        uint32_t order[4] = {perm & 3, perm >> 2 & 3, perm >> 4 & 3, perm >> 6};
        if (((1u << order[0]) | (1u << order[1]) | (1u << order[2]) | (1u << order[3])) != 15)
            continue;
        start();
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t k = order[i];
            enum it_gathered g = add(0, piece(_i, 9, k * 64, k * 64 + 64, k != 3, 99));
            ck_assert_int_eq(g, i < 3 ? IT_GATHERED_KEPT : IT_GATHERED_WHOLE);
        }
        uint32_t at = 0;
        for (const it_pkt *p = OUT; p; p = p->next, at += 64)
            ck_assert_uint_eq(it_piece_of(p).at, at);
        ck_assert_uint_eq(free_chain(OUT), 4);
        end();
    }
}
END_TEST

START_TEST(a_piece_that_is_there_is_given_back_an_overlap_spoils)
{
    start();
    ck_assert_int_eq(add(0, piece(_i, 9, 0, 64, true, 99)), IT_GATHERED_KEPT);
    ck_assert_int_eq(add(0, piece(_i, 9, 64, 128, true, 99)), IT_GATHERED_KEPT);
    ck_assert_int_eq(add(0, piece(_i, 9, 32, 96, true, 99)), IT_GATHERED_AGAIN); /* of two without a gap */
    ck_assert_uint_eq(free_chain(OUT), 1);
    ck_assert_int_eq(add(0, piece(_i, 9, 120, 184, true, 99)), IT_GATHERED_SPOILT);
    ck_assert_uint_eq(free_chain(OUT), 3);
    ck_assert_uint_eq(G.n, 0);
    end();
}
END_TEST

START_TEST(a_gap_is_no_run)
{
    start();
    ck_assert_int_eq(add(0, piece(_i, 9, 0, 64, true, 99)), IT_GATHERED_KEPT);
    ck_assert_int_eq(add(0, piece(_i, 9, 128, 192, true, 99)), IT_GATHERED_KEPT);
    ck_assert_int_eq(add(0, piece(_i, 9, 32, 160, true, 99)), IT_GATHERED_SPOILT);
    ck_assert_uint_eq(free_chain(OUT), 3);
    end();
}
END_TEST

/* Measured with netfilter: what contradicts the end costs the datagram in IPv4, itself in IPv6. */
START_TEST(ends_that_contradict_each_other)
{
    for (int what = 0; what < 3; what++) {
        start();
        ck_assert_int_eq(add(0, piece(_i, 9, 64, 128, false, 99)), IT_GATHERED_KEPT);
        it_pkt *p = what == 0   ? piece(_i, 9, 64, 192, false, 99) /* another end */
                    : what == 1 ? piece(_i, 9, 128, 192, true, 99) /* beyond it */
                                : piece(_i, 9, 0, 32, false, 99);  /* before what is there */
        ck_assert_int_eq(add(0, p), _i ? IT_GATHERED_AGAIN : IT_GATHERED_SPOILT);
        ck_assert_uint_eq(free_chain(OUT), _i ? 1 : 2);
        end();
    }
}
END_TEST

START_TEST(datagrams_are_told_apart)
{
    start();
    ck_assert_int_eq(add(0, piece(_i, 9, 0, 64, true, 99)), IT_GATHERED_KEPT);
    ck_assert_int_eq(add(0, piece(_i, 10, 64, 128, false, 99)), IT_GATHERED_KEPT);
    ck_assert_int_eq(it_gather_add(&G, 0, 1, piece(_i, 9, 64, 128, false, 99), &OUT), IT_GATHERED_KEPT);
    /* RFC 791 section 3.2: the protocol counts in IPv4; RFC 8200 section 4.5: it does not in IPv6. */
    ck_assert_int_eq(add(0, piece(_i, 9, 64, 128, false, 98)), _i ? IT_GATHERED_WHOLE : IT_GATHERED_KEPT);
    if (_i)
        ck_assert_uint_eq(free_chain(OUT), 2);
    end();
}
END_TEST

START_TEST(time_and_room_are_bounded)
{
    int side = -1;
    it_time wait = (_i ? 60 : 30) * IT_SEC;
    start();
    for (uint32_t id = 0; id < IT_GATHER_DATAGRAMS; id++)
        ck_assert_int_eq(add((it_time)id, piece(_i, id, 0, 64, true, 99)), IT_GATHERED_KEPT);
    ck_assert_int_eq(it_gather_next(&G), wait);
    it_pkt *known = piece(_i, 5, 64, 128, false, 99), *fresh = piece(_i, 1000, 0, 64, true, 99);
    ck_assert_ptr_null(it_gather_crowded(&G, known, 0, &side));
    it_pkt *oldest = it_gather_crowded(&G, fresh, 0, &side);
    ck_assert(oldest && it_piece_of(oldest).id == 0 && side == 0);
    ck_assert_uint_eq(free_chain(oldest), 1);
    ck_assert_ptr_null(it_gather_crowded(&G, fresh, 0, &side));
    ck_assert_ptr_null(it_gather_expired(&G, wait, &side));
    it_pkt *late = it_gather_expired(&G, wait + 1, &side);
    ck_assert(late && it_piece_of(late).id == 1);
    ck_assert_uint_eq(free_chain(late) + free_chain(known) + free_chain(fresh), 3);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/gather");
    TCase *t = tcase_create("RFC 791 section 3.2, RFC 8200 section 4.5");
    tcase_add_loop_test(t, any_order_becomes_whole, 0, 2);
    tcase_add_loop_test(t, a_copy_may_tell_the_end, 0, 2);
    tcase_add_loop_test(t, a_piece_that_is_there_is_given_back_an_overlap_spoils, 0, 2);
    tcase_add_loop_test(t, a_gap_is_no_run, 0, 2);
    tcase_add_loop_test(t, ends_that_contradict_each_other, 0, 2);
    tcase_add_loop_test(t, datagrams_are_told_apart, 0, 2);
    tcase_add_loop_test(t, time_and_room_are_bounded, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
