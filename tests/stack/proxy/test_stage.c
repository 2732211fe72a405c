/* stack/proxy/stage.c: a stream opens in stages, each with a time of its own. */
#include "stack/proxy/stage.h"
#include "stack/proxy/via.h"
#include "stack/stream/layers.h"

#include <check.h>
#include <string.h>

static const it_time TRIP = 10 * IT_SEC;
static it_alloc alloc;
static it_stream s;
static it_layers ls;
static it_layer via;
static const it_layer NONE;
static it_stages g;
static it_io out;
static uint8_t buf[IT_LAYER_MESSAGE];

static void make(const char *url)
{
    it_via cfg = {.kind = IT_VIA_NONE};
    it_alloc_init(&alloc);
    memset(&s, 0, sizeof s);
    if (url)
        ck_assert_int_eq(it_via_parse(&cfg, url), 0);
    it_layers_init(&ls, &alloc, &s);
    it_layer way = it_via_layer(&alloc, &cfg, (it_addr){it_ip4(0xc6336401), 443}, NULL);
    ck_assert_int_eq(it_layers_push(&ls, way), 0);
    via = url ? way : NONE;
    it_stream_open(&s, 3, (it_addr){{0, 0}, 0}, (it_addr){it_ip4(0x0a090909), 3128});
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    it_stages_begin(&g, 0);
}

static void done(void)
{
    it_layers_fini(&ls);
    ck_assert_int_eq(alloc.live, 0);
}

static void comes(it_time now, enum it_io_kind kind, const char *text)
{
    it_bytes data = kind == IT_IO_DATA ? it_bytes_str(text) : it_bytes_of(NULL, 100000);
    ck_assert_int_ge(it_layers_input(&ls, now, &(it_io){.kind = kind, .flow = 3, .data = data}), 0);
    it_stages_heard(&g, now, &s, &via, &NONE);
    while (it_layers_output(&ls, now, &out, buf, sizeof buf) == 1)
        ;
}

START_TEST(each_stage_has_its_own_time)
{
    make(NULL);
    ck_assert_int_eq(it_stages_due(&g, TRIP), TRIP);
    comes(9 * IT_SEC, IT_IO_OPENED, NULL);
    ck_assert(g.at == IT_STAGE_UPGRADE && it_stages_due(&g, TRIP) == 9 * IT_SEC + TRIP);
    comes(11 * IT_SEC, IT_IO_DATA, "HTTP/1.1 1"); /* who drips an answer has no more time for it */
    ck_assert_int_eq(it_stages_due(&g, TRIP), 9 * IT_SEC + TRIP);
    done();
}
END_TEST

/* RFC 1928, RFC 1929: a proxy asks for a method, a password, and then opens a stream itself. */
START_TEST(a_proxy_has_time_for_each_of_its_answers)
{
    make("socks5://alice:secret@10.9.9.9:1080");
    comes(5 * IT_SEC, IT_IO_OPENED, NULL);
    ck_assert(g.at == IT_STAGE_PROXY && it_stages_due(&g, TRIP) == 5 * IT_SEC + 2 * TRIP);
    comes(15 * IT_SEC, IT_IO_DATA, "\5\2");
    ck_assert(g.at == IT_STAGE_PROXY && it_stages_due(&g, TRIP) == 15 * IT_SEC + 2 * TRIP);
    comes(30 * IT_SEC, IT_IO_DATA, "\1");
    ck_assert_int_eq(it_stages_due(&g, TRIP), 5 * IT_SEC + 4 * TRIP); /* and no more than four in all */
    done();
}
END_TEST

START_TEST(a_way_that_its_proxy_has_opened_goes_on_with_a_time_of_its_own)
{
    make("http://10.9.9.9:3128");
    comes(IT_SEC, IT_IO_OPENED, NULL);
    comes(20 * IT_SEC, IT_IO_DATA, "HTTP/1.1 200 OK\r\n\r\n");
    ck_assert(g.at == IT_STAGE_UPGRADE && it_stages_due(&g, TRIP) == 20 * IT_SEC + TRIP);
    done();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/proxy/stage");
    TCase *t = tcase_create("stages");
    tcase_add_test(t, each_stage_has_its_own_time);
    tcase_add_test(t, a_proxy_has_time_for_each_of_its_answers);
    tcase_add_test(t, a_way_that_its_proxy_has_opened_goes_on_with_a_time_of_its_own);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
