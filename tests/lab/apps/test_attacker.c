/* lab/apps/attacker.c: the shapes are what they say, and none could come of somebody who knows a key. */
#include "lab/apps/attacker.h"

#include "stack/stun/auth.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_attacker *a;
static uint8_t d[IT_ATTACK_MAX];

static void setup(void)
{
    it_alloc_init(&alloc);
    a = it_attacker_new(&alloc, 1, "mallory/attack");
    ck_assert_ptr_nonnull(a);
}

static void teardown(void)
{
    it_attacker_free(a);
    ck_assert_int_eq(alloc.live, 0);
}

START_TEST(every_shape_has_a_name_of_its_own)
{
    for (int i = 0; i < IT_ATTACK_SHAPES; i++)
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(it_attack_shape_name(i), it_attack_shape_name(k));
    ck_assert_ptr_null(it_attack_shape_name(IT_ATTACK_SHAPES));
    ck_assert_ptr_null(it_attack_shape_name(-1));
}
END_TEST

/* Shapes up to CCS are one record whose length is right. */
START_TEST(records_are_whole)
{
    for (int i = 0; i < 200; i++) {
        size_t n = it_attacker_make(a, (enum it_attack_shape)_i, NULL, d);
        ck_assert_uint_ge(n, 13);
        ck_assert_uint_le(n, IT_ATTACK_MAX);
        ck_assert(d[0] >= 20 && d[0] <= 23);
        ck_assert_uint_eq(d[1], 0xfe);
        ck_assert_uint_eq(n, 13u + d[11] * 256u + d[12]);
        if (d[0] == 22) /* a fragment lies in its message */
            ck_assert_uint_le(d[13 + 10] * 256u + d[13 + 11], d[13 + 2] * 256u + d[13 + 3]);
    }
}
END_TEST

/* One shape is a whole message, the other the beginning of one that never goes on. */
START_TEST(a_handshake_is_whole_and_a_fragment_is_not)
{
    for (int i = 0; i < 20; i++) {
        for (int whole = 0; whole < 2; whole++) {
            (void)it_attacker_make(a, whole ? IT_ATTACK_HANDSHAKE : IT_ATTACK_FRAGMENT, NULL, d);
            unsigned all = d[13 + 2] * 256u + d[13 + 3], part = d[13 + 10] * 256u + d[13 + 11];
            ck_assert_int_eq(all == part, whole);
        }
    }
}
END_TEST

/* What pretends to be of the session that stands is of epoch 1, as that is; one shape alone is of another. */
START_TEST(records_are_of_the_epoch_that_stands)
{
    static const struct {
        enum it_attack_shape shape;
        int epoch;
    } ALL[] = {
        {IT_ATTACK_JUNK, 0}, {IT_ATTACK_DATA, 1}, {IT_ATTACK_BIG, 1}, {IT_ATTACK_SHORT, 1}, {IT_ATTACK_EPOCH, 7}};
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++) {
        (void)it_attacker_make(a, ALL[i].shape, NULL, d);
        ck_assert_int_eq(d[3] * 256 + d[4], ALL[i].epoch);
    }
}
END_TEST

/* Shapes from BINDING to INDICATION are STUN messages, answers to whom they say. */
START_TEST(messages_can_be_parsed)
{
    static const uint8_t asked[] = "twelve bytes";
    it_stun_msg m;
    enum it_attack_shape shape = (enum it_attack_shape)_i;
    bool response = shape == IT_ATTACK_RESPONSE || shape == IT_ATTACK_BARE || shape == IT_ATTACK_ERROR;
    size_t n = it_attacker_make(a, shape, asked, d);
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(d, n)), 0);
    ck_assert_int_eq(m.method, IT_STUN_BINDING);
    ck_assert_int_eq(m.cls == IT_STUN_SUCCESS || m.cls == IT_STUN_ERROR, response);
    ck_assert_int_eq(memcmp(m.txid, asked, IT_STUN_TXID) == 0, response);
    n = it_attacker_make(a, shape, NULL, d);
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(d, n)), 0);
    ck_assert_mem_eq(m.txid, IT_ATTACK_TXID, 4); /* answers to it can be told from answers to others */
}
END_TEST

START_TEST(the_same_seed_writes_the_same)
{
    uint8_t again[IT_ATTACK_MAX];
    it_attacker *b = it_attacker_new(&alloc, 1, "mallory/attack");
    for (int i = 0; i < IT_ATTACK_SHAPES; i++) {
        size_t n = it_attacker_make(a, (enum it_attack_shape)i, NULL, d);
        ck_assert_uint_eq(it_attacker_make(b, (enum it_attack_shape)i, NULL, again), n);
        ck_assert_mem_eq(d, again, n);
    }
    it_attacker_free(b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("apps/attacker");
    TCase *t = tcase_create("attacker");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, every_shape_has_a_name_of_its_own);
    tcase_add_loop_test(t, records_are_whole, IT_ATTACK_ALERT, IT_ATTACK_CCS + 1);
    tcase_add_test(t, records_are_of_the_epoch_that_stands);
    tcase_add_test(t, a_handshake_is_whole_and_a_fragment_is_not);
    tcase_add_loop_test(t, messages_can_be_parsed, IT_ATTACK_BINDING, IT_ATTACK_INDICATION + 1);
    tcase_add_test(t, the_same_seed_writes_the_same);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
