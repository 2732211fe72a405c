/* Events of the gateway device: who may subscribe, what is told when, and streams that do not go as they should. */
#include "tests/stack/portmap/igd.h"

static igd G;

#define ME "10.0.0.2:40000"
#define SUBSCRIBE(more) "SUBSCRIBE /evt HTTP/1.1\r\nHost: x\r\n" more "\r\n"
#define GOOD "CALLBACK: <http://10.0.0.2:5000/told>\r\nNT: upnp:event\r\n"

static char Sid[80];

static int subscribe(const char *text)
{
    int status = igd_ask(&G, ME, text);
    it_upnp_head h;
    it_bytes v;
    Sid[0] = '\0';
    if (status == 200 && it_upnp_head_parse(&h, it_bytes_str(G.reply)) == 1 && it_upnp_header(&h, "SID", &v))
        snprintf(Sid, sizeof Sid, "%.*s", (int)v.n, (const char *)v.p);
    return status;
}

/* The stream that the device opens, if it does: its message in G.reply. |window|: what it may send at once. */
static bool told(size_t window, bool answer)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io o, in;
    size_t got = 0;
    if (it_upnp_server_output(G.s, G.now, &o, buf, sizeof buf) != 1)
        return false;
    ck_assert(o.kind == IT_IO_OPEN && it_addr_eq(o.remote, Ad("10.0.0.2:5000")) && o.flow < IT_IO_ACCEPTED_FLOW);
    uint32_t flow = o.flow;
    ck_assert_int_eq(it_upnp_server_output(G.s, G.now, &o, buf, sizeof buf), 0); /* it waits */
    in = (it_io){.kind = IT_IO_OPENED, .flow = flow, .data = {NULL, window}};
    (void)it_upnp_server_input(G.s, G.now, &in);
    for (int k = 0; k < 10000; k++) {
        if (it_upnp_server_output(G.s, G.now, &o, buf, sizeof buf) != 1) {
            in = (it_io){.kind = IT_IO_WRITABLE, .flow = flow, .data = {NULL, window}};
            (void)it_upnp_server_input(G.s, G.now, &in);
            continue;
        }
        ck_assert_uint_eq(o.flow, flow);
        if (o.kind == IT_IO_FIN)
            break;
        ck_assert(o.kind == IT_IO_DATA && o.data.n <= window);
        memcpy(G.reply + got, o.data.p, o.data.n);
        got += o.data.n;
    }
    ck_assert_int_eq(o.kind, IT_IO_FIN);
    G.reply[got] = '\0';
    if (answer) {
        in = (it_io){.kind = IT_IO_DATA, .flow = flow, .data = it_bytes_str("HTTP/1.1 200 OK\r\n\r\n")};
        (void)it_upnp_server_input(G.s, G.now, &in);
        in = (it_io){.kind = IT_IO_FIN, .flow = flow};
        (void)it_upnp_server_input(G.s, G.now, &in);
    }
    it_upnp_head h;
    ck_assert_int_eq(it_upnp_head_parse(&h, it_bytes_str(G.reply)), 1);
    ck_assert_uint_eq(h.size + h.body, got);
    return true;
}

static const char *header(const char *name)
{
    static char text[100];
    it_upnp_head h;
    it_bytes v;
    ck_assert_int_eq(it_upnp_head_parse(&h, it_bytes_str(G.reply)), 1);
    if (!it_upnp_header(&h, name, &v))
        return "(none)";
    snprintf(text, sizeof text, "%.*s", (int)v.n, (const char *)v.p);
    return text;
}

START_TEST(the_first_event_tells_all_and_the_next_what_changed)
{
    igd_open(&G, (uint8_t)_i);
    ck_assert_int_eq(subscribe(SUBSCRIBE(GOOD "TIMEOUT: Second-3600\r\n")), 200);
    ck_assert_str_eq(header("TIMEOUT"), "Second-3600");
    ck_assert(told(65536, true));
    ck_assert_int_eq(strncmp(G.reply, "NOTIFY /told HTTP/1.1\r\n", 23), 0);
    ck_assert_str_eq(header("SID"), Sid);
    ck_assert_str_eq(header("SEQ"), "0");
    ck_assert_str_eq(header("NT"), "upnp:event");
    ck_assert_str_eq(header("NTS"), "upnp:propchange");
    ck_assert_str_eq(igd_value(&G, "ExternalIPAddress"), "203.0.113.1");
    ck_assert_str_eq(igd_value(&G, "PortMappingNumberOfEntries"), "0");
    ck_assert_str_eq(igd_value(&G, "ConnectionStatus"), "Connected");
    ck_assert_str_eq(igd_value(&G, "PossibleConnectionTypes"), "IP_Routed");
    ck_assert_str_eq(igd_value(&G, "SystemUpdateID"), _i > 1 ? "0" : "(none)");
    ck_assert_str_eq(igd_value(&G, "PhysicalLinkStatus"), "(none)"); /* another service's */
    ck_assert(!told(65536, true));
    ck_assert_int_eq(igd_map(&G, "10.0.0.2", 6000, 600), 200);
    ck_assert(told(7, true));
    ck_assert_str_eq(header("SEQ"), "1");
    ck_assert_str_eq(igd_value(&G, "PortMappingNumberOfEntries"), "1");
    ck_assert_str_eq(igd_value(&G, "SystemUpdateID"), _i > 1 ? "1" : "(none)");
    ck_assert_str_eq(igd_value(&G, "ExternalIPAddress"), "(none)");
    ck_assert_int_eq(igd_map(&G, "10.0.0.2", 6000, 900), 200); /* a renewal is no news */
    ck_assert(!told(65536, true));
    it_upnp_server_reset(G.s, Ad("203.0.113.9:0").ip);
    ck_assert(told(65536, true));
    ck_assert_str_eq(igd_value(&G, "ExternalIPAddress"), "203.0.113.9");
    ck_assert_str_eq(igd_value(&G, "PortMappingNumberOfEntries"), "0");
    igd_close(&G);
}
END_TEST

START_TEST(a_mapping_that_ends_is_an_event)
{
    igd_open(&G, 1);
    ck_assert_int_eq(subscribe(SUBSCRIBE(GOOD)), 200);
    (void)told(65536, true);
    ck_assert_int_eq(igd_map(&G, "10.0.0.2", 6000, 600), 200);
    (void)told(65536, true);
    ck_assert_int_eq(it_upnp_server_next(G.s), 600 * IT_SEC);
    G.now = 600 * IT_SEC;
    (void)it_upnp_server_tick(G.s, G.now);
    ck_assert(told(65536, true));
    ck_assert_str_eq(igd_value(&G, "PortMappingNumberOfEntries"), "0");
    ck_assert_int_eq(it_upnp_server_next(G.s), 1800 * IT_SEC); /* of the subscription */
    G.now = 1800 * IT_SEC;
    (void)it_upnp_server_tick(G.s, G.now);
    it_upnp_server_reset(G.s, Ad("203.0.113.9:0").ip);
    ck_assert(!told(65536, true) && it_upnp_server_next(G.s) == IT_NEVER);
    igd_close(&G);
}
END_TEST

static const struct {
    const char *text;
    int status;
    const char *timeout;
} ASKS[] = {
    {SUBSCRIBE(GOOD), 200, "Second-1800"},
    {SUBSCRIBE(GOOD "TIMEOUT: Second-1\r\n"), 200, "Second-1800"},
    {SUBSCRIBE(GOOD "TIMEOUT: Second-infinite\r\n"), 200, "Second-1800"},
    {SUBSCRIBE(GOOD "TIMEOUT: Second-4000000000\r\n"), 200, "Second-86400"},
    {SUBSCRIBE("CALLBACK: <http://10.0.0.2:5000/a><http://10.0.0.9:1/b>\r\nNT: upnp:event\r\n"), 200, "Second-1800"},
    {SUBSCRIBE("CALLBACK: <http://10.0.0.9:5000/>\r\nNT: upnp:event\r\n"), 412, NULL}, /* for somebody else */
    {SUBSCRIBE("CALLBACK: <http://10.0.0.2:0/>\r\nNT: upnp:event\r\n"), 412, NULL},
    {SUBSCRIBE("CALLBACK: http://10.0.0.2:5000/\r\nNT: upnp:event\r\n"), 412, NULL},
    {SUBSCRIBE("CALLBACK: <ftp://10.0.0.2:5000/>\r\nNT: upnp:event\r\n"), 412, NULL},
    {SUBSCRIBE("CALLBACK: <http://10.0.0.2:5000/a b>\r\nNT: upnp:event\r\n"), 412, NULL},
    {SUBSCRIBE("NT: upnp:event\r\n"), 412, NULL},
    {SUBSCRIBE("CALLBACK: <http://10.0.0.2:5000/>\r\n"), 412, NULL},
    {SUBSCRIBE("CALLBACK: <http://10.0.0.2:5000/>\r\nNT: upnp:rootdevice\r\n"), 412, NULL},
    {SUBSCRIBE("SID: uuid:1\r\n"), 412, NULL},
    {SUBSCRIBE("SID: uuid:1\r\nNT: upnp:event\r\n"), 400, NULL},
    {"SUBSCRIBE /nowhere HTTP/1.1\r\nHost: x\r\n" GOOD "\r\n", 404, NULL},
    {"SUBSCRIBE /evt-if HTTP/1.1\r\nHost: x\r\n" GOOD "\r\n", 200, "Second-1800"},
    {"UNSUBSCRIBE /evt HTTP/1.1\r\nHost: x\r\n\r\n", 412, NULL},
    {"UNSUBSCRIBE /evt HTTP/1.1\r\nHost: x\r\nSID: uuid:1\r\n\r\n", 412, NULL},
    {"UNSUBSCRIBE /evt HTTP/1.1\r\nHost: x\r\nSID: uuid:1\r\nCALLBACK: <http://10.0.0.2:5000/>\r\n\r\n", 400, NULL},
};

START_TEST(a_subscription_is_taken_or_refused)
{
    igd_open(&G, 2);
    ck_assert_int_eq(subscribe(ASKS[_i].text), ASKS[_i].status);
    if (ASKS[_i].timeout)
        ck_assert_str_eq(header("TIMEOUT"), ASKS[_i].timeout);
    ck_assert_int_eq(told(65536, true), ASKS[_i].status == 200);
    igd_close(&G);
}
END_TEST

START_TEST(a_subscription_is_renewed_and_ended_by_its_number)
{
    char text[300];
    igd_open(&G, 2);
    ck_assert_int_eq(subscribe(SUBSCRIBE(GOOD)), 200);
    (void)told(65536, true);
    G.now = 1000 * IT_SEC;
    snprintf(text, sizeof text, "SUBSCRIBE /evt HTTP/1.1\r\nSID: %s\r\nTIMEOUT: Second-1800\r\n\r\n", Sid);
    ck_assert_int_eq(igd_ask(&G, "10.0.0.3:1", text), 412); /* it is another's */
    ck_assert_int_eq(igd_ask(&G, ME, text), 200);
    ck_assert(!told(65536, true)); /* nothing is new by that */
    ck_assert_int_eq(it_upnp_server_next(G.s), 2800 * IT_SEC);
    snprintf(text, sizeof text, "UNSUBSCRIBE /evt-if HTTP/1.1\r\nSID: %s\r\n\r\n", Sid);
    ck_assert_int_eq(igd_ask(&G, ME, text), 412); /* of another service */
    snprintf(text, sizeof text, "UNSUBSCRIBE /evt HTTP/1.1\r\nSID: %s\r\n\r\n", Sid);
    ck_assert_int_eq(igd_ask(&G, ME, text), 200);
    ck_assert_int_eq(igd_ask(&G, ME, text), 412);
    ck_assert_int_eq(igd_map(&G, "10.0.0.2", 6000, 600), 200);
    ck_assert(!told(65536, true));
    igd_close(&G);
}
END_TEST

START_TEST(there_is_room_for_so_many)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io o;
    igd_open(&G, 2);
    for (int i = 0; i < 16; i++) {
        ck_assert_int_eq(subscribe(SUBSCRIBE(GOOD)), 200);
        ck_assert(it_upnp_server_output(G.s, 0, &o, buf, sizeof buf) == 1 && o.kind == IT_IO_OPEN);
    }
    ck_assert_int_eq(subscribe(SUBSCRIBE(GOOD)), 503);
    G.now = 1800 * IT_SEC;
    (void)it_upnp_server_tick(G.s, G.now);
    while (it_upnp_server_output(G.s, G.now, &o, buf, sizeof buf) == 1)
        ck_assert_int_eq(o.kind, IT_IO_RST); /* streams that nobody ever took up */
    ck_assert_int_eq(subscribe(SUBSCRIBE(GOOD)), 200);
    igd_close(&G);
}
END_TEST

START_TEST(a_stream_that_fails_loses_one_event)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io o, in;
    igd_open(&G, 2);
    ck_assert_int_eq(subscribe(SUBSCRIBE(GOOD)), 200);
    ck_assert_int_eq(it_upnp_server_output(G.s, 0, &o, buf, sizeof buf), 1);
    if (_i == 0) { /* refused */
        in = (it_io){.kind = IT_IO_RST, .flow = o.flow};
        (void)it_upnp_server_input(G.s, 0, &in);
    } else if (_i == 1) { /* it leaves before all is said */
        in = (it_io){.kind = IT_IO_OPENED, .flow = o.flow, .data = {NULL, 10}};
        (void)it_upnp_server_input(G.s, 0, &in);
        in = (it_io){.kind = IT_IO_FIN, .flow = o.flow};
        (void)it_upnp_server_input(G.s, 0, &in);
        ck_assert(it_upnp_server_output(G.s, 0, &o, buf, sizeof buf) == 1 && o.kind == IT_IO_FIN);
    } else { /* it never answers */
        ck_assert_int_eq(it_upnp_server_next(G.s), 30 * IT_SEC);
        G.now = 30 * IT_SEC;
        (void)it_upnp_server_tick(G.s, G.now);
        ck_assert(it_upnp_server_next(G.s) > G.now);
        ck_assert(it_upnp_server_output(G.s, G.now, &o, buf, sizeof buf) == 1 && o.kind == IT_IO_RST);
    }
    ck_assert(!told(65536, true));
    ck_assert_int_eq(igd_map(&G, "10.0.0.2", 6000, 600), 200);
    ck_assert(told(65536, true));
    ck_assert_str_eq(header("SEQ"), "1"); /* by which it is missed */
    igd_close(&G);
}
END_TEST

START_TEST(news_wait_while_a_stream_is_open)
{
    igd_open(&G, 2);
    ck_assert_int_eq(subscribe(SUBSCRIBE(GOOD)), 200);
    ck_assert(told(65536, false)); /* said, not yet closed by the other end */
    ck_assert_int_eq(igd_map(&G, "10.0.0.2", 6000, 600), 200);
    ck_assert_int_eq(igd_map(&G, "10.0.0.2", 6001, 600), 200);
    ck_assert(!told(65536, true));
    it_io in = {.kind = IT_IO_FIN, .flow = 1};
    (void)it_upnp_server_input(G.s, 0, &in);
    ck_assert(told(65536, true));
    ck_assert_str_eq(igd_value(&G, "PortMappingNumberOfEntries"), "2"); /* both at once */
    igd_close(&G);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("portmap/upnp_event");
    TCase *t = tcase_create("UDA 2.0 4");
    tcase_add_loop_test(t, the_first_event_tells_all_and_the_next_what_changed, 1, 3);
    tcase_add_test(t, a_mapping_that_ends_is_an_event);
    tcase_add_loop_test(t, a_subscription_is_taken_or_refused, 0, (int)(sizeof ASKS / sizeof *ASKS));
    tcase_add_test(t, a_subscription_is_renewed_and_ended_by_its_number);
    tcase_add_test(t, there_is_room_for_so_many);
    tcase_add_loop_test(t, a_stream_that_fails_loses_one_event, 0, 3);
    tcase_add_test(t, news_wait_while_a_stream_is_open);
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
