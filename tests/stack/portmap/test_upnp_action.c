/* What a client asks of the gateway device besides a plain mapping: ranges, lists, the connection, and error codes of
 * the standard. */
#include "tests/stack/portmap/igd.h"

static igd G;

#define ME "10.0.0.2:40000"
#define RANGE(from, to, proto)                                                                                         \
    "<NewStartPort>" from "</NewStartPort><NewEndPort>" to "</NewEndPort><NewProtocol>" proto                          \
    "</NewProtocol><NewManage>0</NewManage>"

static const char *entries(void)
{
    static char n[12];
    int count = 0;
    char args[100];
    do
        snprintf(args, sizeof args, "<NewPortMappingIndex>%d</NewPortMappingIndex>", count++);
    while (igd_act(&G, ME, 1, "GetGenericPortMappingEntry", args) == 200);
    ck_assert_str_eq(igd_value(&G, "errorCode"), "713");
    snprintf(n, sizeof n, "%d", count - 1);
    return n;
}

static void fill(void)
{
    igd_open(&G, 2);
    for (int port = 6000; port < 6004; port++)
        ck_assert_int_eq(igd_map(&G, "10.0.0.2", port, 600), 200);
    ck_assert_int_eq(igd_map(&G, "10.0.0.3", 6004, 600), 200);
}

START_TEST(a_range_is_deleted_as_far_as_it_is_ones_own)
{
    fill();
    ck_assert_int_eq(igd_act(&G, ME, 2, "DeletePortMappingRange", RANGE("6001", "6010", "UDP")), 200);
    ck_assert_str_eq(entries(), "2");
    ck_assert_int_eq(igd_act(&G, ME, 2, "DeletePortMappingRange", RANGE("6001", "6010", "UDP")), 500);
    ck_assert_str_eq(igd_value(&G, "errorCode"), "606"); /* another's is left */
    ck_assert_int_eq(igd_act(&G, ME, 2, "DeletePortMappingRange", RANGE("6001", "6003", "UDP")), 500);
    ck_assert_str_eq(igd_value(&G, "errorCode"), "730");
    ck_assert_int_eq(igd_act(&G, ME, 2, "DeletePortMappingRange", RANGE("6000", "6000", "TCP")), 500);
    ck_assert_str_eq(igd_value(&G, "errorCode"), "730");
    ck_assert_int_eq(igd_act(&G, ME, 2, "DeletePortMappingRange", RANGE("6001", "6000", "UDP")), 500);
    ck_assert_str_eq(igd_value(&G, "errorCode"), "733");
    ck_assert_int_eq(igd_act(&G, ME, 2, "DeletePortMappingRange", RANGE("x", "6000", "UDP")), 500);
    ck_assert_str_eq(igd_value(&G, "errorCode"), "402");
    igd_close(&G);
}
END_TEST

START_TEST(a_list_is_a_document_in_the_answer)
{
    fill();
    ck_assert_int_eq(igd_act(&G, ME, 2, "GetListOfPortMappings",
                             RANGE("6001", "6010", "UDP") "<NewNumberOfPorts>2</NewNumberOfPorts>"),
                     200);
    const char *doc = igd_value(&G, "NewPortListing");
    ck_assert_int_eq(strncmp(doc, "<![CDATA[<?xml", 14), 0);
    ck_assert(strstr(doc, "<p:NewExternalPort>6001<") && strstr(doc, "<p:NewExternalPort>6002<") &&
              !strstr(doc, "6003"));
    ck_assert(strstr(doc, "<p:NewDescription>a &amp; b</p:NewDescription>"));
    ck_assert_int_eq(igd_act(&G, ME, 2, "GetListOfPortMappings",
                             RANGE("6000", "6010", "UDP") "<NewNumberOfPorts>0</NewNumberOfPorts>"),
                     200);
    ck_assert(strstr(G.reply, "6003") && !strstr(G.reply, "6004")); /* all of one's own */
    ck_assert_int_eq(
        igd_act(&G, ME, 2, "GetListOfPortMappings", RANGE("1", "2", "UDP") "<NewNumberOfPorts>0</NewNumberOfPorts>"),
        500);
    ck_assert_str_eq(igd_value(&G, "errorCode"), "730");
    ck_assert_int_eq(igd_act(&G, ME, 2, "GetListOfPortMappings", RANGE("1", "2", "UDP")), 500);
    ck_assert_str_eq(igd_value(&G, "errorCode"), "402");
    igd_close(&G);
}
END_TEST

START_TEST(the_connection_tells_of_itself)
{
    igd_open(&G, (uint8_t)_i);
    G.now = 77 * IT_SEC;
    ck_assert_int_eq(igd_act(&G, ME, 1, "GetStatusInfo", ""), 200);
    ck_assert_str_eq(igd_value(&G, "NewConnectionStatus"), "Connected");
    ck_assert_str_eq(igd_value(&G, "NewLastConnectionError"), "ERROR_NONE");
    ck_assert_str_eq(igd_value(&G, "NewUptime"), "77");
    ck_assert_ptr_nonnull(strstr(G.reply, "WANIPConnection:1\"")); /* in the version that was called */
    ck_assert_int_eq(igd_act(&G, ME, 1, "GetConnectionTypeInfo", ""), 200);
    ck_assert_str_eq(igd_value(&G, "NewConnectionType"), "IP_Routed");
    ck_assert_int_eq(igd_act(&G, ME, 1, "GetNATRSIPStatus", ""), 200);
    ck_assert_str_eq(igd_value(&G, "NewNATEnabled"), "1");
    ck_assert_int_eq(igd_act(&G, ME, 1, "RequestConnection", ""), 200);
    ck_assert_int_eq(igd_act(&G, ME, 1, "ForceTermination", ""), 500);
    ck_assert_str_eq(igd_value(&G, "errorCode"), "606");
    ck_assert_int_eq(igd_act(&G, ME, 1, "SetConnectionType", "<NewConnectionType>IP_Routed</NewConnectionType>"), 200);
    ck_assert_int_eq(igd_act(&G, ME, 1, "SetConnectionType", "<NewConnectionType>IP_Bridged</NewConnectionType>"), 500);
    ck_assert_str_eq(igd_value(&G, "errorCode"), _i > 1 ? "731" : "703");
    it_upnp_server_reset(G.s, (it_ip){0, 0});
    ck_assert_int_eq(igd_act(&G, ME, 1, "GetStatusInfo", ""), 200);
    ck_assert_str_eq(igd_value(&G, "NewConnectionStatus"), "Disconnected");
    ck_assert_int_eq(
        igd_ask(&G, ME,
                "POST /ctl-if HTTP/1.1\r\nSOAPAction: "
                "\"urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1#GetCommonLinkProperties\"\r\n\r\n"),
        200);
    ck_assert_str_eq(igd_value(&G, "NewPhysicalLinkStatus"), "Up");
    ck_assert_int_eq(
        igd_ask(&G, ME,
                "POST /ctl HTTP/1.1\r\nSOAPAction: "
                "\"urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1#GetCommonLinkProperties\"\r\n\r\n"),
        500); /* at the other service's door */
    ck_assert_str_eq(igd_value(&G, "errorCode"), "401");
    igd_close(&G);
}
END_TEST

START_TEST(a_description_is_kept_or_too_long)
{
    char args[1000], desc[70];
    for (int n = 63; n <= 64; n++) {
        igd_open(&G, 2);
        memset(desc, 'x', (size_t)n);
        desc[n] = '\0';
        snprintf(args, sizeof args,
                 "<NewRemoteHost></NewRemoteHost><NewExternalPort>6000</NewExternalPort><NewProtocol>UDP</"
                 "NewProtocol><NewInternalPort>%d</NewInternalPort>"
                 "<NewInternalClient>10.0.0.2</NewInternalClient><NewEnabled>1</"
                 "NewEnabled><NewPortMappingDescription>%s</NewPortMappingDescription>"
                 "<NewLeaseDuration>0</NewLeaseDuration>",
                 _i ? 0 : 5000, desc);
        ck_assert_int_eq(igd_act(&G, ME, 1, "AddPortMapping", args), n > 63 || _i ? 500 : 200);
        ck_assert_str_eq(igd_value(&G, "errorCode"), _i ? "732" : n > 63 ? "605" : "(none)");
        if (n == 63 && !_i) {
            ck_assert_int_eq(
                igd_act(&G, ME, 1, "GetGenericPortMappingEntry", "<NewPortMappingIndex>0</NewPortMappingIndex>"), 200);
            ck_assert_str_eq(igd_value(&G, "NewPortMappingDescription"), desc);
        }
        igd_close(&G);
    }
}
END_TEST

START_TEST(memory_that_runs_out_resets_the_stream)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    static const char *const ASK[] = {
        "GET /desc.xml HTTP/1.1\r\n\r\n", "GET /scpd.xml HTTP/1.1\r\n\r\n",
        "SUBSCRIBE /evt HTTP/1.1\r\nCALLBACK: <http://10.0.0.2:5000/>\r\nNT: upnp:event\r\n\r\n"};
    for (uint64_t n = 0;; n++) {
        bool whole = true;
        it_io in = {.kind = IT_IO_ACCEPTED, .flow = IT_IO_ACCEPTED_FLOW + 1, .remote = Ad(ME), .data = {NULL, 65536}},
              o;
        igd_open(&G, 2);
        (void)it_upnp_server_input(G.s, 0, &in);
        G.mem.countdown = n;
        in = (it_io){.kind = IT_IO_DATA, .flow = IT_IO_ACCEPTED_FLOW + 1, .data = it_bytes_str(ASK[_i])};
        (void)it_upnp_server_input(G.s, 0, &in);
        while (it_upnp_server_output(G.s, 0, &o, buf, sizeof buf) == 1 && o.kind == IT_IO_DATA)
            ;
        whole = o.kind != IT_IO_RST;
        G.mem.countdown = UINT64_MAX;
        igd_close(&G);
        if (whole)
            break;
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("portmap/upnp_action");
    TCase *t = tcase_create("WANIPConnection 2.4, 2.5");
    tcase_add_test(t, a_range_is_deleted_as_far_as_it_is_ones_own);
    tcase_add_test(t, a_list_is_a_document_in_the_answer);
    tcase_add_loop_test(t, the_connection_tells_of_itself, 1, 3);
    tcase_add_loop_test(t, a_description_is_kept_or_too_long, 0, 2);
    tcase_add_loop_test(t, memory_that_runs_out_resets_the_stream, 0, 3);
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
