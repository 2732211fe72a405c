/* The Internet Gateway Device of a box beside a real NAT: its memory, and the loss of the box's state. */
#include "lab/apps/service.h"
#include "stack/portmap/upnp_server.h"
#include "tests/netsim/box.h"

static box B;
static it_alloc Alloc;

static void open_box(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.portmap = IT_NAT_UPNP;
    box_open(&B, &p);
}

static void *igd(uint64_t grants)
{
    it_rng rng;
    it_rng_init(&rng, 1, "igd");
    it_alloc_init_countdown(&Alloc, grants);
    return it_service_igd(&Alloc, rng, B.nat, I("10.0.0.1"));
}

START_TEST(it_is_whole_or_not_there)
{
    open_box();
    void *o = NULL;
    uint64_t n = 0;
    while (!(o = igd(n))) {
        ck_assert_int_eq(Alloc.live, 0);
        n++;
    }
    ck_assert_uint_ge(n, 2); /* the app and its server */
    it_app_igd.free(o);
    ck_assert_int_eq(Alloc.live, 0);
    box_close(&B);
}
END_TEST

/* |_i|: it is told of the time, or something comes in. */
START_TEST(a_loss_of_state_is_noticed_at_once_and_once)
{
    open_box();
    it_io out, in = {.kind = IT_IO_DGRAM, .flow = 1, .local = A("10.0.0.1:1900"), .remote = A("10.0.0.2:5")};
    uint8_t buf[IT_PKT_MAX];
    void *o = igd(UINT64_MAX);
    ck_assert_ptr_nonnull(o);
    ck_assert_int_ge(it_app_igd.tick(o, 0), 0);
    while (it_app_igd.output(o, 0, &out, buf, sizeof buf) == 1)
        ;
    ck_assert_int_gt(it_app_igd.next(o), 0);
    it_nat_flush(B.nat, 0);
    ck_assert_int_eq(it_app_igd.next(o), 0);
    if (_i == 0)
        ck_assert_int_ge(it_app_igd.tick(o, 0), 0);
    else
        (void)it_app_igd.input(o, 0, &in);
    while (it_app_igd.output(o, 0, &out, buf, sizeof buf) == 1)
        ;
    ck_assert_int_gt(it_app_igd.next(o), 0);
    it_app_igd.free(o);
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("lab/service_upnp");
    TCase *t = tcase_create("a device");
    tcase_add_test(t, it_is_whole_or_not_there);
    tcase_add_loop_test(t, a_loss_of_state_is_noticed_at_once_and_once, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
