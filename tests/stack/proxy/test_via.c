/* stack/proxy/via.c: the way through a proxy as a layer over its stream. */
#include "stack/proxy/via.h"

#include "stack/stream/layers.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_stream s;
static it_layers ls;
static it_io out;
static uint8_t buf[IT_LAYER_MESSAGE];

static void make(const char *url)
{
    it_via via = {.kind = IT_VIA_NONE};
    it_alloc_init(&alloc);
    memset(&s, 0, sizeof s);
    if (url)
        ck_assert_int_eq(it_via_parse(&via, url), 0);
    it_layers_init(&ls, &alloc, &s);
    ck_assert_int_eq(it_layers_push(&ls, it_via_layer(&alloc, &via, (it_addr){it_ip4(0xc6336401), 443}, NULL)), 0);
    it_stream_open(&s, 3, (it_addr){{0, 0}, 0}, (it_addr){it_ip4(0x0a090909), 3128});
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_OPEN);
}

static void done(void)
{
    it_layers_fini(&ls);
    ck_assert_int_eq(alloc.live, 0);
}

static int tell(enum it_io_kind kind, const char *text)
{
    it_bytes data = kind == IT_IO_DATA ? it_bytes_str(text) : it_bytes_of(NULL, 100000);
    return it_layers_input(&ls, 0, &(it_io){.kind = kind, .flow = 3, .data = data});
}

static void says(const char *text)
{
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_DATA);
    ck_assert_msg(it_bytes_eq(out.data, it_bytes_str(text)), "%.*s", (int)out.data.n, (const char *)out.data.p);
}

static void reads(enum it_io_kind kind)
{
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, kind);
}

static int write_text(const char *text)
{
    return it_layers_write(&ls, 0, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str(text)});
}

START_TEST(a_proxy_that_agrees_opens_the_way_and_is_heard_of_no_more)
{
    make("http://10.9.9.9:3128");
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 0); /* not before the stream is open */
    ck_assert_int_eq(tell(IT_IO_OPENED, ""), 0);
    says("CONNECT 198.51.100.1:443 HTTP/1.1\r\nHost: 198.51.100.1:443\r\n\r\n");
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 0);
    ck_assert_int_eq(tell(IT_IO_DATA, "HTTP/1.1 200 OK\r\n\r\nserver speaks first"), 38);
    reads(IT_IO_OPENED);
    reads(IT_IO_DATA);
    ck_assert(it_bytes_eq(out.data, it_bytes_str("server speaks first")));
    ck_assert_int_eq(write_text("client"), 6);
    says("client");
    done();
}
END_TEST

START_TEST(a_proxy_that_refuses_is_a_reset_with_its_status)
{
    make("http://10.9.9.9:3128");
    ck_assert_int_eq(tell(IT_IO_OPENED, ""), 0);
    says("CONNECT 198.51.100.1:443 HTTP/1.1\r\nHost: 198.51.100.1:443\r\n\r\n");
    ck_assert_int_gt(tell(IT_IO_DATA, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"), 0);
    reads(IT_IO_RST);
    ck_assert_int_eq(it_via_client(&ls.v[0])->state, IT_VIA_REFUSED);
    ck_assert_int_eq(it_via_client(&ls.v[0])->status, 403);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_FIN);
    done();
}
END_TEST

START_TEST(socks_asks_in_two_steps)
{
    make("socks5://10.9.9.9:1080");
    ck_assert_int_eq(tell(IT_IO_OPENED, ""), 0);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(buf[0], 5);
    ck_assert_int_eq(it_layers_input(&ls, 0, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of("\5\0", 2)}), 2);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(buf[1], 1); /* CONNECT */
    it_bytes reply = it_bytes_of("\5\0\0\1\x0a\x09\x09\x09\x12\x34rest", 14);
    ck_assert_int_eq(it_layers_input(&ls, 0, &(it_io){.kind = IT_IO_DATA, .data = reply}), 14);
    reads(IT_IO_OPENED);
    reads(IT_IO_DATA);
    ck_assert_uint_eq(out.data.n, 4);
    done();
}
END_TEST

START_TEST(a_proxy_that_goes_before_it_answers_ends_the_stream)
{
    make("http://10.9.9.9:3128");
    ck_assert_int_eq(tell(IT_IO_OPENED, ""), 0);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(tell(IT_IO_FIN, ""), 0);
    reads(IT_IO_FIN);
    ck_assert_int_eq(it_layers_write(&ls, 0, &(it_io){.kind = IT_IO_FIN}), 0);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_FIN);
    ck_assert(!it_stream_alive(&s));
    done();
}
END_TEST

START_TEST(without_a_proxy_everything_passes_at_once)
{
    make(NULL);
    ck_assert_int_eq(tell(IT_IO_OPENED, ""), 0);
    reads(IT_IO_OPENED);
    ck_assert_int_eq(write_text("hello"), 5);
    says("hello");
    done();
}
END_TEST

/* A reader that does not read closes the window: no more than a buffer is taken, and the rest is asked for. */
START_TEST(back_pressure_passes_through)
{
    static char big[40000];
    make(NULL);
    memset(big, 'x', sizeof big - 1);
    ck_assert_int_eq(tell(IT_IO_OPENED, ""), 0);
    reads(IT_IO_OPENED);
    int n = tell(IT_IO_DATA, big);
    ck_assert_int_gt(n, 0);
    ck_assert_int_lt(n, 39999);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 0);
    reads(IT_IO_DATA);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_WRITABLE);
    ck_assert_int_eq(tell(IT_IO_DATA, big + n), n < 39999 - n ? n : 39999 - n);
    done();
}
END_TEST

START_TEST(a_name_that_is_none_makes_no_layer)
{
    char name[300];
    it_via via;
    it_alloc_init(&alloc);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    ck_assert_int_eq(it_via_parse(&via, "http://10.9.9.9:3128"), 0);
    ck_assert_ptr_null(it_via_layer(&alloc, &via, (it_addr){{0, 0}, 443}, name).ops);
    ck_assert_int_eq(alloc.live, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proxy/via");
    TCase *tc = tcase_create("layer");
    tcase_add_test(tc, a_proxy_that_agrees_opens_the_way_and_is_heard_of_no_more);
    tcase_add_test(tc, a_proxy_that_refuses_is_a_reset_with_its_status);
    tcase_add_test(tc, socks_asks_in_two_steps);
    tcase_add_test(tc, a_proxy_that_goes_before_it_answers_ends_the_stream);
    tcase_add_test(tc, without_a_proxy_everything_passes_at_once);
    tcase_add_test(tc, back_pressure_passes_through);
    tcase_add_test(tc, a_name_that_is_none_makes_no_layer);
    suite_add_tcase(suite, tc);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
