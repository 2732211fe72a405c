/* What passes unchanged: order, bounds, and an end with its reason. */
#include "stack/stream/pass.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static uint8_t Buf[IT_PASS_BUF];

static int take(it_pass *p, it_io *out)
{
    return it_pass_take(p, out, Buf, sizeof Buf);
}

START_TEST(what_comes_goes_on_in_its_order)
{
    it_pass p = {.over = false};
    it_io out;
    ck_assert_int_eq(it_pass_put(&p, &(it_io){.kind = IT_IO_OPENED}), 0);
    ck_assert_int_eq(it_pass_put(&p, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of("abc", 3)}), 3);
    ck_assert_int_eq(it_pass_put(&p, &(it_io){.kind = IT_IO_FIN}), 0);
    ck_assert(take(&p, &out) == 1 && out.kind == IT_IO_OPENED);
    ck_assert(take(&p, &out) == 1 && out.kind == IT_IO_DATA && it_bytes_eq(out.data, it_bytes_of("abc", 3)));
    ck_assert(take(&p, &out) == 1 && out.kind == IT_IO_FIN);
    ck_assert_int_eq(take(&p, &out), 0);
    ck_assert_int_eq(it_pass_put(&p, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of("d", 1)}), 1); /* for nobody */
    ck_assert_int_eq(take(&p, &out), 0);
}
END_TEST

START_TEST(no_more_is_taken_than_there_is_room_for)
{
    it_pass p = {.over = false};
    uint8_t *many = calloc(1, IT_PASS_BUF + 1);
    it_io in = {.kind = IT_IO_DATA, .data = it_bytes_of(many, IT_PASS_BUF + 1)}, out;
    ck_assert_int_eq(it_pass_put(&p, &in), IT_PASS_BUF);
    ck_assert_int_eq(it_pass_put(&p, &in), 0);
    ck_assert(take(&p, &out) == 1 && out.data.n == IT_PASS_BUF);
    ck_assert_int_gt(it_pass_put(&p, &in), 0);
    free(many);
}
END_TEST

START_TEST(a_reset_overtakes_what_waits_and_keeps_its_reason)
{
    static const enum it_io_end ENDS[] = {IT_IO_END_RESET, IT_IO_END_REFUSED, IT_IO_END_TIMEOUT, IT_IO_END_LOCAL};
    it_pass p = {.over = false};
    it_io out;
    ck_assert_int_eq(it_pass_put(&p, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of("abc", 3)}), 3);
    ck_assert_int_eq(it_pass_put(&p, &(it_io){.kind = IT_IO_RST, .end = ENDS[_i]}), 0);
    ck_assert_int_eq(it_pass_put(&p, &(it_io){.kind = IT_IO_RST, .end = IT_IO_END_UNREACHABLE}), 0);
    ck_assert(take(&p, &out) == 1 && out.kind == IT_IO_RST);
    ck_assert_int_eq(out.end, ENDS[_i]);
    ck_assert_int_eq(take(&p, &out), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stream/pass");
    TCase *t = tcase_create("pass");
    tcase_add_test(t, what_comes_goes_on_in_its_order);
    tcase_add_test(t, no_more_is_taken_than_there_is_room_for);
    tcase_add_loop_test(t, a_reset_overtakes_what_waits_and_keeps_its_reason, 0, 4);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
