/* The relay's clients by UDP: nothing is kept or sent for who has not proved his address. */
#include "stack/wsrelay/dgram.h"
#include "stack/wsrelay/server.h"

#include <check.h>
#include <string.h>

#define ROOM "0123456789abcdef"

static it_alloc alloc;
static it_wsrelay_server *s;
static it_time now;
static uint8_t buf[IT_IO_DGRAM_MAX];
static it_io out;

static void setup(void)
{
    it_wsrelay_server_cfg cfg = {.alloc = &alloc, .connections = 3};
    it_alloc_init(&alloc);
    it_rng_init(&cfg.rng, 1, "relay");
    s = it_wsrelay_server_new(&cfg);
    ck_assert_ptr_nonnull(s);
    now = IT_SEC;
}

static void teardown(void)
{
    it_wsrelay_server_ops.free(s);
    ck_assert_int_eq(alloc.live, 0);
}

static it_addr client(int i)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, "192.0.2.1:1000"), 0);
    a.port = (uint16_t)(a.port + i);
    return a;
}

static void tell(int who, const it_wsrelay_word *w)
{
    uint8_t bytes[IT_IO_DGRAM_MAX];
    int n = it_wsrelay_word_write(w, bytes, sizeof bytes);
    ck_assert_int_gt(n, 0);
    it_io in = {.kind = IT_IO_DGRAM, .remote = client(who), .data = it_bytes_of(bytes, (size_t)n)};
    ck_assert_int_eq(it_wsrelay_server_ops.input(s, now, &in), n);
}

/* The next word that the relay says, which is for |who|. */
static it_wsrelay_word hear(int who)
{
    it_wsrelay_word w;
    ck_assert_int_eq(it_wsrelay_server_ops.output(s, now, &out, buf, sizeof buf), 1);
    ck_assert(it_addr_eq(out.remote, client(who)));
    ck_assert_int_eq(it_wsrelay_word_read(out.data, &w), 0);
    return w;
}

static void hear_nothing(void)
{
    ck_assert_int_eq(it_wsrelay_server_ops.output(s, now, &out, buf, sizeof buf), 0);
}

static it_wsrelay_word join_of(const char *name, const uint8_t *cookie, uint64_t token)
{
    it_wsrelay_word w = {
        .type = IT_WSRELAY_JOIN, .token = token, .room = it_bytes_str(ROOM), .name = it_bytes_str(name)};
    if (cookie)
        memcpy(w.cookie, cookie, sizeof w.cookie);
    return w;
}

/* Lets |who| join as |name|; returns its token. */
static uint64_t join(int who, const char *name, uint64_t token)
{
    it_wsrelay_word w = join_of(name, NULL, token);
    tell(who, &w);
    it_wsrelay_word c = hear(who);
    ck_assert_int_eq(c.type, IT_WSRELAY_COOKIED);
    w = join_of(name, c.cookie, token);
    tell(who, &w);
    for (;;) { /* the other one may be told, too */
        ck_assert_int_eq(it_wsrelay_server_ops.output(s, now, &out, buf, sizeof buf), 1);
        ck_assert_int_eq(it_wsrelay_word_read(out.data, &w), 0);
        if (it_addr_eq(out.remote, client(who)))
            break;
    }
    ck_assert_int_eq(w.type, IT_WSRELAY_IN);
    uint64_t own = w.token;
    while (it_wsrelay_server_ops.output(s, now, &out, buf, sizeof buf) == 1)
        continue;
    return own;
}

/* A spoofed JOIN costs the relay nothing, and its victim gets less than was sent. */
START_TEST(a_join_without_a_cookie_is_answered_by_less_and_leaves_nothing)
{
    it_wsrelay_word w = join_of("a", NULL, 0);
    uint8_t bytes[IT_IO_DGRAM_MAX];
    int n = it_wsrelay_word_write(&w, bytes, sizeof bytes);
    for (int i = 0; i < 1000; i++) {
        tell(i % 50, &w);
        ck_assert_int_eq(hear(i % 50).type, IT_WSRELAY_COOKIED);
        ck_assert_uint_lt(out.data.n, (size_t)n);
        hear_nothing();
    }
    ck_assert_uint_eq(it_wsrelay_server_stat(s)->connections, 0);
    ck_assert_uint_eq(it_wsrelay_server_stat(s)->joined, 0);
}
END_TEST

START_TEST(a_cookie_is_of_one_address_and_of_its_time)
{
    it_wsrelay_word w = join_of("a", NULL, 0);
    tell(0, &w);
    it_wsrelay_word c = hear(0);
    w = join_of("a", c.cookie, 0);
    tell(1, &w); /* another's */
    ck_assert_int_eq(hear(1).type, IT_WSRELAY_COOKIED);
    now += 61 * IT_SEC;
    tell(0, &w); /* an old one */
    ck_assert_int_eq(hear(0).type, IT_WSRELAY_COOKIED);
    ck_assert_uint_eq(it_wsrelay_server_stat(s)->joined, 0);
}
END_TEST

START_TEST(data_goes_by_token_and_from_its_address_alone)
{
    uint64_t a = join(0, "a", 0), b = join(1, "b", 0);
    it_wsrelay_word w = {.type = IT_WSRELAY_CARRY, .token = a, .data = it_bytes_str("hello")};
    tell(0, &w);
    it_wsrelay_word got = hear(1);
    ck_assert(got.type == IT_WSRELAY_CARRY && got.token == b);
    ck_assert(it_bytes_eq(got.data, it_bytes_str("hello")));
    tell(2, &w); /* who has the token, but not the address */
    hear_nothing();
    w.token = a ^ 2;
    tell(0, &w); /* who has neither */
    hear_nothing();
    ck_assert_uint_eq(it_wsrelay_server_stat(s)->relayed, 1);
}
END_TEST

START_TEST(a_third_one_is_refused_and_a_full_relay_says_so)
{
    (void)join(0, "a", 0);
    (void)join(1, "b", 0);
    it_wsrelay_word w = join_of("c", NULL, 0);
    tell(2, &w);
    it_wsrelay_word c = hear(2);
    w = join_of("c", c.cookie, 0);
    tell(2, &w);
    c = hear(2);
    ck_assert(c.type == IT_WSRELAY_NO && c.status == 409);
    for (int i = 3; i < 5; i++) {
        w = join_of("c", NULL, 0);
        w.room = it_bytes_str(i == 3 ? "fedcba9876543210" : "another_room_of_it");
        tell(i, &w);
        c = hear(i);
        memcpy(w.cookie, c.cookie, sizeof w.cookie);
        tell(i, &w);
        c = hear(i);
        ck_assert_int_eq(c.type, i == 3 ? IT_WSRELAY_IN : IT_WSRELAY_NO); /* three connections are all */
    }
    ck_assert_int_eq(c.status, 503);
}
END_TEST

START_TEST(who_moves_stays_who_he_is)
{
    uint64_t a = join(0, "a", 0), b = join(1, "b", 0);
    ck_assert(join(2, "a", a) == a); /* from another address, with the token */
    ck_assert_uint_eq(it_wsrelay_server_stat(s)->joined, 2);
    ck_assert_uint_eq(it_wsrelay_server_stat(s)->replaced, 0);
    it_wsrelay_word w = {.type = IT_WSRELAY_CARRY, .token = b, .data = it_bytes_str("x")};
    tell(1, &w);
    ck_assert_uint_eq(hear(2).token, a);
    ck_assert(join(3, "a", 0) != a); /* without it: another one, who takes its place */
    ck_assert_uint_eq(it_wsrelay_server_stat(s)->replaced, 1);
}
END_TEST

START_TEST(silence_ends_it_and_keep_keeps_it)
{
    uint64_t a = join(0, "a", 0), b = join(1, "b", 0);
    for (int i = 0; i < 10; i++) {
        now += 20 * IT_SEC;
        ck_assert_int_eq(it_wsrelay_server_ops.tick(s, now), 0);
        tell(0, &(it_wsrelay_word){.type = IT_WSRELAY_KEEP, .token = a});
        it_wsrelay_word w = hear(0);
        ck_assert_int_eq(w.type, IT_WSRELAY_IN);
        ck_assert(w.here == (i < 1)); /* b has been silent for 25 s */
        while (it_wsrelay_server_ops.output(s, now, &out, buf, sizeof buf) == 1)
            continue;
    }
    ck_assert_uint_eq(it_wsrelay_server_stat(s)->connections, 1);
    tell(1, &(it_wsrelay_word){.type = IT_WSRELAY_KEEP, .token = b});
    hear_nothing();
    tell(0, &(it_wsrelay_word){.type = IT_WSRELAY_LEAVE, .token = a});
    hear_nothing();
    ck_assert_uint_eq(it_wsrelay_server_stat(s)->connections, 0);
    ck_assert_uint_eq(it_wsrelay_server_stat(s)->rooms, 0);
}
END_TEST

/* --- the wire --- */

START_TEST(words_are_read_as_they_were_written_and_no_others)
{
    uint8_t bytes[IT_IO_DGRAM_MAX], again[IT_IO_DGRAM_MAX];
    it_wsrelay_word w = {.type = (enum it_wsrelay_dgram)_i, .token = 77, .here = true, .lost = 5, .status = 409}, back;
    if (w.type == IT_WSRELAY_JOIN) {
        w.room = it_bytes_str(ROOM);
        w.name = it_bytes_str("a");
    }
    if (w.type == IT_WSRELAY_CARRY)
        w.data = it_bytes_str("data");
    int n = it_wsrelay_word_write(&w, bytes, sizeof bytes);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(it_wsrelay_word_read(it_bytes_of(bytes, (size_t)n), &back), 0);
    ck_assert_int_eq(it_wsrelay_word_write(&back, again, sizeof again), n);
    ck_assert_mem_eq(again, bytes, (size_t)n);
    size_t least = w.type == IT_WSRELAY_CARRY ? (size_t)n - 4 : (size_t)n;
    for (size_t k = 0; k < least; k++)
        ck_assert_int_eq(it_wsrelay_word_read(it_bytes_of(bytes, k), &back), IT_ERR_PARSE);
    if (w.type != IT_WSRELAY_CARRY)
        ck_assert_int_eq(it_wsrelay_word_read(it_bytes_of(bytes, (size_t)n + 1), &back), IT_ERR_PARSE);
    ck_assert_int_eq(it_wsrelay_word_write(&w, again, (size_t)n - 1), IT_ERR_FULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/wsrelay/server_dgram");
    TCase *t = tcase_create("dgram");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_join_without_a_cookie_is_answered_by_less_and_leaves_nothing);
    tcase_add_test(t, a_cookie_is_of_one_address_and_of_its_time);
    tcase_add_test(t, data_goes_by_token_and_from_its_address_alone);
    tcase_add_test(t, a_third_one_is_refused_and_a_full_relay_says_so);
    tcase_add_test(t, who_moves_stays_who_he_is);
    tcase_add_test(t, silence_ends_it_and_keep_keeps_it);
    tcase_add_loop_test(t, words_are_read_as_they_were_written_and_no_others, 0, 7);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
