/* The client of either kind as an object: when it begins, from where it asks, what it tells. */
#include "stack/portmap/upnp_client.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc mem;
static it_mapper *M;
static it_portmap_client_cfg cfg;

static const it_object_ops *const OPS = &it_mapper_ops;

static it_addr at(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static void setup(void)
{
    it_alloc_init(&mem);
    cfg = (it_portmap_client_cfg){.alloc = &mem, .server = at("10.0.0.1:5351"), .proto = 17, .internal = 4000};
    it_rng_init(&cfg.rng, 1, "mapper");
    M = NULL;
}

static void teardown(void)
{
    OPS->free(M);
    ck_assert_int_eq(mem.live, 0);
}

static void start(bool upnp)
{
    M = it_mapper_new(&cfg, upnp);
    ck_assert_ptr_nonnull(M);
}

static int put(enum it_io_kind kind, uint32_t flow, it_addr local)
{
    it_io in = {.kind = kind, .flow = flow, .local = local};
    return OPS->input(M, 0, &in);
}

/* Lets it ask until it gives up; how many datagrams left, all from |flow| to |remote|. */
static int run_silent(uint32_t flow, it_addr remote, it_object_event *ev)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    int n = 0;
    for (it_time now = 0; now != IT_NEVER; now = OPS->next(M)) {
        ck_assert_int_eq(OPS->tick(M, now), 0);
        for (; OPS->output(M, now, &out, buf, sizeof buf) == 1; n++)
            ck_assert(out.kind == IT_IO_DGRAM && out.flow == flow && it_addr_eq(out.remote, remote));
        if (OPS->event(M, ev) == 1)
            return n;
    }
    return n;
}

START_TEST(it_begins_with_the_first_base_of_the_gateways_family)
{
    it_object_event ev;
    cfg.give_up = 5 * IT_SEC;
    start(false);
    ck_assert(OPS->next(M) == IT_NEVER && OPS->tick(M, 0) == 0);
    ck_assert_int_eq(put(IT_IO_BOUND, 0, at("[2001:db8::2]:4000")), 0);
    ck_assert(OPS->next(M) == IT_NEVER);
    ck_assert_int_eq(put(IT_IO_BOUND, 6, at("10.0.0.2:4000")), 0);
    ck_assert_int_eq(put(IT_IO_BOUND, 7, at("10.0.0.3:4000")), 0); /* it has one */
    ck_assert_int_eq(put(IT_IO_UNBIND, 7, at("10.0.0.3:4000")), 0);
    ck_assert_int_gt(run_silent(6, cfg.server, &ev), 1);
    ck_assert(ev.kind == IT_TELLS_SERVICE && ev.u.service.kind == IT_SERVICE_REFUSED);
    ck_assert_int_eq(ev.u.service.code, IT_PORTMAP_NETWORK_FAILURE);
}
END_TEST

START_TEST(upnp_searches_from_the_same_base)
{
    it_object_event ev;
    start(true);
    ck_assert_int_eq(put(IT_IO_BOUND, 6, at("10.0.0.2:4000")), 0);
    ck_assert_int_gt(run_silent(6, at("239.255.255.250:1900"), &ev), 1);
    ck_assert(ev.u.service.kind == IT_SERVICE_REFUSED);
    it_portmap_filter f = {.port = 1};
    ck_assert_int_eq(it_mapper_filter(M, 0, &f, 1), IT_ERR_STATE); /* PCP alone has filters */
}
END_TEST

START_TEST(commands_before_there_is_a_base_do_nothing)
{
    it_object_event ev;
    uint8_t buf[64];
    it_io out, in = {.kind = IT_IO_DGRAM,
                     .flow = 0,
                     .local = at("10.0.0.2:4000"),
                     .remote = cfg.server,
                     .data = it_bytes_of("abc", 3)};
    start(false);
    it_mapper_release(M, 0);
    it_mapper_ask(M, 0);
    ck_assert_int_eq(it_mapper_filter(M, 0, NULL, 0), IT_ERR_STATE);
    ck_assert_int_eq(OPS->input(M, 0, &in), 3);
    ck_assert(OPS->output(M, 0, &out, buf, sizeof buf) == 0 && OPS->event(M, &ev) == 0);
}
END_TEST

START_TEST(without_memory_the_base_is_refused)
{
    start(false);
    mem.countdown = 0;
    ck_assert_int_eq(put(IT_IO_BOUND, 0, at("10.0.0.2:4000")), IT_ERR_NOMEM);
    mem.countdown = UINT64_MAX;
}
END_TEST

int main(void)
{
    Suite *s = suite_create("portmap/mapper");
    TCase *t = tcase_create("a client of either kind");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, it_begins_with_the_first_base_of_the_gateways_family);
    tcase_add_test(t, upnp_searches_from_the_same_base);
    tcase_add_test(t, commands_before_there_is_a_base_do_nothing);
    tcase_add_test(t, without_memory_the_base_is_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
