/* The tables of protocol objects: what holds for each. Models: tests/stack/b, tests/stack/e. */
#include "stack/object.h"

#include "stack/dns/dns64.h"
#include "stack/dns/resolver.h"
#include "stack/dns/server.h"
#include "stack/portmap/client.h"
#include "stack/proxy/server.h"
#include "stack/stun/server.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc mem;

static it_rng rng(void)
{
    it_rng r;
    it_rng_init(&r, 1, "object");
    return r;
}

static it_addr at(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static void *make_stun(void)
{
    return it_stun_server_new(&(it_stun_server_cfg){.alloc = &mem, .rng = rng()});
}
static void *make_dns(void)
{
    return it_dns_server_new(&mem, "", 60);
}
static void *make_dns64(void)
{
    it_dns64_cfg c = {.alloc = &mem, .rng = rng(), .upstream = at("10.0.0.53:53")};
    ck_assert_int_eq(it_prefix_parse(&c.prefix, "64:ff9b::/96"), 0);
    return it_dns64_new(&c);
}
static void *make_proxy(void)
{
    return it_proxy_new(&(it_proxy_cfg){.alloc = &mem, .kind = IT_PROXY_SOCKS5, .allow_all = true, .udp = true});
}
static void *make_resolver(void)
{
    return it_resolver_new(&mem, rng(), at("10.0.0.53:53"), "stun.example", true, true);
}
static void *make_mapper(void)
{
    it_portmap_client_cfg c = {.alloc = &mem, .rng = rng(), .server = at("10.0.0.1:5351"), .proto = 17};
    return it_mapper_new(&c, false);
}

static const struct {
    const it_object_ops *ops;
    void *(*make)(void);
    bool asks; /* by itself, once it has a base */
} ALL[] = {{&it_stun_server_ops, make_stun, false}, {&it_dns_server_ops, make_dns, false},
           {&it_dns64_ops, make_dns64, false},      {&it_proxy_ops, make_proxy, false},
           {&it_resolver_ops, make_resolver, true}, {&it_mapper_ops, make_mapper, true}};

static void *O;
static const it_object_ops *Ops;

static void begin(int i)
{
    it_alloc_init(&mem);
    Ops = ALL[i].ops;
    O = ALL[i].make();
    ck_assert_ptr_nonnull(O);
    ck_assert(Ops->kind && Ops->input && Ops->output && Ops->free);
    ck_assert((Ops->tick != NULL) == (Ops->next != NULL));
}

static void end(void)
{
    Ops->free(O);
    ck_assert_int_eq(mem.live, 0);
}

static int put(enum it_io_kind kind, uint32_t flow)
{
    it_io in = {.kind = kind, .flow = flow, .local = at("10.0.0.2:5000"), .remote = at("10.0.0.9:9")};
    return Ops->input(O, 0, &in);
}

/* Outputs that it has now. */
static int outputs(void)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    int n = 0;
    memset(&out, 0xff, sizeof out); /* whatever was there: it is written whole */
    while (Ops->output(O, 0, &out, buf, sizeof buf) == 1) {
        ck_assert(out.kind != IT_IO_DGRAM || (out.meta.ttl == 0 && out.meta.tos == 0));
        memset(&out, 0xff, sizeof out);
        n++;
    }
    return n;
}

START_TEST(bases_are_inputs_that_every_object_takes)
{
    it_object_event ev;
    begin(_i);
    ck_assert_int_eq(outputs(), 0);
    for (uint32_t flow = 0; flow < 20; flow++) /* more than any object counts */
        ck_assert_int_eq(put(IT_IO_BOUND, flow), 0);
    if (Ops->tick)
        ck_assert_int_eq(Ops->tick(O, 0), 0);
    ck_assert((outputs() > 0) == ALL[_i].asks);
    for (uint32_t flow = 0; flow < 20; flow++)
        ck_assert_int_eq(put(IT_IO_UNBIND, flow), 0);
    ck_assert(!Ops->event || Ops->event(O, &ev) == 0);
    ck_assert(!Ops->next || Ops->next(O) > 0);
    end();
}
END_TEST

START_TEST(what_it_does_not_know_it_takes_and_does_nothing)
{
    begin(_i);
    /* news of streams and sockets that it never had */
    static const enum it_io_kind NEWS[] = {IT_IO_OPENED, IT_IO_WRITABLE, IT_IO_FIN,  IT_IO_RST,
                                           IT_IO_DATA,   IT_IO_ERROR,    IT_IO_SIZE, IT_IO_LISTENING};
    for (size_t k = 0; k < sizeof NEWS / sizeof *NEWS; k++)
        ck_assert_int_eq(put(NEWS[k], 1), 0);
    ck_assert_int_eq(put(IT_IO_BOUND, IT_IO_BOUND_FLOW), 0);
    ck_assert_int_eq(put(IT_IO_UNBIND, IT_IO_BOUND_FLOW), 0);
    ck_assert_int_eq(put(IT_IO_DGRAM, 0), 0); /* an empty one */
    end();
}
END_TEST

START_TEST(an_object_that_did_nothing_is_freed_whole)
{
    begin(_i);
    end();
}
END_TEST

int main(void)
{
    const int n = sizeof ALL / sizeof *ALL;
    Suite *s = suite_create("stack/object");
    TCase *t = tcase_create("tables");
    tcase_add_loop_test(t, bases_are_inputs_that_every_object_takes, 0, n);
    tcase_add_loop_test(t, what_it_does_not_know_it_takes_and_does_nothing, 0, n);
    tcase_add_loop_test(t, an_object_that_did_nothing_is_freed_whole, 0, n);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
