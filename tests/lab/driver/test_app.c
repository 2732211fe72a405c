/* Apps by number and by host, and what a socket number of a host stands for. */
#include "lab/driver/impl.h"

#include "stack/crypto/ossl.h"

#include <check.h>
#include <stdlib.h>

static it_alloc A;
static it_lab *L;
static it_host *H[3];
static int Freed;

static void nothing_free(void *o)
{
    (void)o;
    Freed++;
}

static const it_object_ops NOTHING = {.kind = "nothing", .free = nothing_free};

static void setup(void)
{
    static const char *const NAMES[] = {"a", "b", "c"};
    it_alloc_init(&A);
    Freed = 0;
    L = it_lab_new(&(it_lab_cfg){&A, 1});
    for (int i = 0; i < 3; i++) {
        H[i] = it_host_new(it_lab_world(L), NAMES[i]);
        ck_assert_int_eq(it_host_iface(H[i], "eth"), 0);
        ck_assert_int_eq(it_host_addr(H[i], 0, it_ip4(0x0a000001u + (uint32_t)i), 120), 0);
    }
}

static void teardown(void)
{
    it_lab_free(L);
    ck_assert_int_eq(A.live, 0);
}

static int add(int host)
{
    return it_lab_add(L, H[host], &NOTHING, &Freed, "n", -1);
}

/* The apps of host |h| as a number: 135 is 1, 3, 5. */
static int on(int h)
{
    int all = 0;
    for (int i = it_lab_first_on(L, H[h]); i >= 0; i = it_lab_after(L, i))
        all = all * 10 + i;
    return all;
}

START_TEST(a_host_knows_its_apps_in_the_order_of_numbers)
{
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(add(i % 2), i);
    ck_assert_int_eq(on(0), 2468); /* and 0 before them */
    ck_assert_int_eq(it_lab_first_on(L, H[0]), 0);
    ck_assert_int_eq(on(1), 1357);
    ck_assert_int_eq(it_lab_first_on(L, H[2]), -1);
    it_lab_remove(L, 3); /* in the middle, the first, the last */
    it_lab_remove(L, 1);
    it_lab_remove(L, 7);
    it_lab_remove(L, 7);
    ck_assert_int_eq(on(1), 5);
    ck_assert_int_eq(add(1), 9); /* numbers are not used again */
    ck_assert_int_eq(on(1), 59);
    it_lab_lose(L, H[0]);
    ck_assert_int_eq(it_lab_first_on(L, H[0]), -1);
    ck_assert_int_eq(Freed, 8);
    ck_assert_int_eq(it_lab_n_apps(L), 10);
    ck_assert_ptr_null(it_lab_app(L, 4));
    ck_assert_ptr_null(it_lab_app_state(L, 4));
    ck_assert_ptr_eq(it_lab_app_state(L, 9), &Freed);
}
END_TEST

START_TEST(a_socket_number_is_somebodys_on_its_own_host_alone)
{
    ck_assert_int_eq(it_lab_own(L, H[0], 5, (lab_owned){LAB_STREAM, 77}), 0);
    ck_assert_int_eq(it_lab_own(L, H[1], 5, (lab_owned){LAB_BIND, (1u << 30) - 2}), 0);
    ck_assert_int_eq(it_lab_own(L, H[1], 6, (lab_owned){LAB_APP, 0}), 0);
    ck_assert(it_lab_owner(L, H[0], 5).kind == LAB_STREAM && it_lab_owner(L, H[0], 5).index == 77);
    ck_assert(it_lab_owner(L, H[1], 5).kind == LAB_BIND && it_lab_owner(L, H[1], 5).index == (1u << 30) - 2);
    ck_assert(it_lab_owner(L, H[1], 6).kind == LAB_APP && it_lab_owner(L, H[1], 6).index == 0);
    ck_assert(it_lab_owner(L, H[0], 6).kind == LAB_NOBODY);
    it_lab_disown(L, H[0], 5);
    ck_assert(it_lab_owner(L, H[0], 5).kind == LAB_NOBODY);
    ck_assert(it_lab_owner(L, H[1], 5).kind == LAB_BIND);
}
END_TEST

START_TEST(a_flow_number_is_its_apps_alone)
{
    ck_assert_int_eq(it_lab_flow_put(L, 1, 7, 3), 0);
    ck_assert_int_eq(it_lab_flow_put(L, 2, 7, 4), 0);
    ck_assert_uint_eq(it_lab_flow(L, 1, 7), 3);
    ck_assert_uint_eq(it_lab_flow(L, 2, 7), 4);
    it_lab_flow_del(L, 1, 7);
    ck_assert_uint_eq(it_lab_flow(L, 1, 7), IT_MAP_NONE);
    ck_assert_uint_eq(it_lab_flow(L, 2, 7), 4);
}
END_TEST

START_TEST(a_host_has_one_certificate)
{
    ck_assert_int_eq(it_ossl_init(), 0);
    const it_dtls_cert *a = it_lab_cert(L, H[0]), *b = it_lab_cert(L, H[1]);
    ck_assert(a && b && a != b);
    ck_assert_ptr_eq(it_lab_cert(L, H[0]), a);
    it_lab_free(L);
    it_ossl_fini();
    L = it_lab_new(&(it_lab_cfg){&A, 1});
}
END_TEST

START_TEST(without_memory_an_app_is_freed_and_nothing_else_changes)
{
    ck_assert_int_eq(add(0), 0);
    int err = IT_ERR_NOMEM;
    uint64_t n = 0;
    for (; err == IT_ERR_NOMEM; n++) {
        int freed = Freed;
        A.countdown = n;
        err = add(2);
        A.countdown = UINT64_MAX;
        ck_assert_int_eq(Freed, freed + (err == IT_ERR_NOMEM));
    }
    ck_assert_int_ge(err, 1);
    ck_assert_uint_gt(n, 1);
    ck_assert_int_eq(it_lab_first_on(L, H[2]), err);
    ck_assert_int_eq(it_lab_after(L, err), -1);
    ck_assert_int_eq(it_lab_run(L, IT_SEC), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("driver/app");
    TCase *t = tcase_create("apps");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_host_knows_its_apps_in_the_order_of_numbers);
    tcase_add_test(t, a_socket_number_is_somebodys_on_its_own_host_alone);
    tcase_add_test(t, a_flow_number_is_its_apps_alone);
    tcase_add_test(t, a_host_has_one_certificate);
    tcase_add_test(t, without_memory_an_app_is_freed_and_nothing_else_changes);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
