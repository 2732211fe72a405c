/* UPnP IGD: texts, the gateway before a pretended box, the control point before the gateway over a pretended wire. */
#include "stack/portmap/upnp_client.h"
#include "stack/portmap/upnp_server.h"
#include "stack/portmap/upnp_text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc Mem;
static it_upnp_server *S;
static it_upnp_client *C;
static it_time Now;
static uint8_t Deny;         /* what the box answers */
static uint16_t Taken;       /* an external port that it does not give */
static it_portmap_want Last; /* what it was asked */
static int Asked;
static char Reply[4096]; /* of the last request by hand */
static uint32_t Flow;

static it_addr Ad(const char *s)
{
    it_addr a;
    ck_assert_msg(it_addr_parse(&a, s) == 0, "%s", s);
    return a;
}

#define GW "10.0.0.1:49000"
#define ME "10.0.0.2:40000"
#define OTHER "10.0.0.3:40000"
#define GROUP "239.255.255.250:1900"
#define OUTSIDE "203.0.113.1:0"

static void serve(uint8_t version, bool permanent, bool same)
{
    it_upnp_server_cfg cfg = {.alloc = &Mem,
                              .http = Ad(GW),
                              .external = Ad(OUTSIDE).ip,
                              .version = version,
                              .permanent_only = permanent,
                              .same_ports = same};
    it_alloc_init(&Mem);
    it_rng_init(&cfg.rng, 1, "gw");
    S = it_upnp_server_new(&cfg);
    C = NULL;
    ck_assert_ptr_nonnull(S);
    Now = 0;
    Deny = 0;
    Taken = 0;
    Asked = 0;
    Flow = IT_IO_ACCEPTED_FLOW;
}

static void end(void)
{
    it_upnp_client_free(C);
    it_upnp_server_free(S);
    ck_assert_int_eq(Mem.live, 0);
}

/* The box: gives the wanted port, or 7777 for any. */
static void box(void)
{
    while (it_upnp_server_want(S, &Last) == 1) {
        bool taken = Taken && Last.external.port == Taken;
        uint16_t port = Last.external.port && !taken ? Last.external.port : 7777;
        Asked++;
        it_upnp_server_done(S, Now, taken && Last.exactly ? IT_PORTMAP_CANNOT_EXTERNAL : Deny,
                            it_addr_of(Ad(OUTSIDE).ip, port));
    }
}

/* --- by hand --- */

/* One request in pieces of |piece| bytes from |from|, with a window of |window|; the status, its text in Reply. */
static int request(const char *from, const char *text, size_t piece, size_t window)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    size_t got = 0, n = strlen(text);
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = ++Flow, .local = Ad(GW), .remote = Ad(from), .data = {NULL, window}}, o;
    ck_assert_int_eq(it_upnp_server_input(S, Now, &in), 0);
    for (size_t at = 0; at < n; at += piece) {
        in = (it_io){.kind = IT_IO_DATA, .flow = Flow, .data = it_bytes_of(text + at, piece < n - at ? piece : n - at)};
        ck_assert_int_eq(it_upnp_server_input(S, Now, &in), (int)in.data.n);
        box();
    }
    for (int k = 0; k < 10000; k++) {
        if (it_upnp_server_output(S, Now, &o, buf, sizeof buf) != 1) {
            in = (it_io){.kind = IT_IO_WRITABLE, .flow = Flow, .data = {NULL, window}};
            ck_assert_int_eq(it_upnp_server_input(S, Now, &in), 0);
            continue;
        }
        ck_assert_uint_eq(o.flow, Flow);
        if (o.kind == IT_IO_FIN)
            break;
        ck_assert(o.kind == IT_IO_DATA && o.data.n <= window && got + o.data.n < sizeof Reply);
        memcpy(Reply + got, o.data.p, o.data.n);
        got += o.data.n;
    }
    ck_assert_int_eq(o.kind, IT_IO_FIN);
    Reply[got] = '\0';
    in = (it_io){.kind = IT_IO_FIN, .flow = Flow};
    ck_assert_int_ge(it_upnp_server_input(S, Now, &in), 0);
    it_upnp_head h;
    uint32_t status;
    ck_assert_int_eq(it_upnp_head_parse(&h, it_bytes_of(Reply, got < IT_UPNP_HEAD_MAX ? got : IT_UPNP_HEAD_MAX)), 1);
    ck_assert_uint_eq(h.size + h.body, got);
    ck_assert_int_eq(it_upnp_number(h.word[1], 999, &status), 0);
    return (int)status;
}

static const char *post(int version, const char *name, const char *args)
{
    static char text[4096];
    char body[1500];
    snprintf(body, sizeof body,
             "<?xml version=\"1.0\"?><s:Envelope><s:Body><u:%s xmlns:u=\"x\">%s</u:%s></s:Body></s:Envelope>", name,
             args, name);
    snprintf(text, sizeof text,
             "POST /ctl HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\nSOAPAction: "
             "\"urn:schemas-upnp-org:service:WANIPConnection:%d#%s\"\r\n\r\n%s",
             strlen(body), version, name, body);
    return text;
}

/* The error code in Reply, 0 when there is none. */
static uint32_t code(void)
{
    it_bytes t;
    uint32_t v = 0;
    if (it_upnp_element(it_bytes_str(Reply), "errorCode", &t))
        ck_assert_int_eq(it_upnp_number(t, 999, &v), 0);
    return v;
}

static uint32_t act(const char *from, int version, const char *name, const char *args)
{
    int status = request(from, post(version, name, args), 4096, 65536);
    ck_assert_int_eq(status, code() ? 500 : 200);
    return code();
}

static const char *mapping(const char *host, const char *ext, const char *proto, const char *port, const char *client,
                           const char *enabled, const char *lease)
{
    static char args[1000];
    snprintf(args, sizeof args,
             "<NewRemoteHost>%s</NewRemoteHost><NewExternalPort>%s</NewExternalPort><NewProtocol>%s</"
             "NewProtocol><NewInternalPort>%s</NewInternalPort>"
             "<NewInternalClient>%s</NewInternalClient><NewEnabled>%s</NewEnabled><NewPortMappingDescription>x</"
             "NewPortMappingDescription>"
             "<NewLeaseDuration>%s</NewLeaseDuration>",
             host, ext, proto, port, client, enabled, lease);
    return args;
}

static const char *simple(const char *ext, const char *client, const char *lease)
{
    return mapping("", ext, "UDP", "5000", client, "1", lease);
}

static const char *at(const char *ext, const char *proto)
{
    static char args[200];
    snprintf(args, sizeof args,
             "<NewRemoteHost></NewRemoteHost><NewExternalPort>%s</NewExternalPort><NewProtocol>%s</NewProtocol>", ext,
             proto);
    return args;
}

/* What stands in element |name| of Reply. */
static const char *value(const char *name)
{
    static char text[200];
    it_bytes t;
    if (!it_upnp_element(it_bytes_str(Reply), name, &t) || t.n >= sizeof text)
        return "(none)";
    memcpy(text, t.p, t.n);
    text[t.n] = '\0';
    return text;
}

/* --- texts --- */

static const struct {
    const char *text;
    int rc;
} HEADS[] = {
    {"GET / HTTP/1.1\r\nA: b\r\n\r\n", 1},
    {"GET / HTTP/1.1\nA:b\n\n", 1},
    {"HTTP/1.1 200 OK\r\n\r\n", 1},
    {"HTTP/1.1 200\r\n\r\n", 1},
    {"GET / HTTP/1.1\r\nA: b\r\n", 0},
    {"GET / HT", 0},
    {"", 0},
    {"\r\n\r\n", IT_ERR_PARSE},
    {"GET /\r\n\r\n", IT_ERR_PARSE},
    {"GET / HTTP/2.0\r\n\r\n", IT_ERR_PARSE},
    {"GET / HTTP/1.1\r\nno colon\r\n\r\n", IT_ERR_PARSE},
    {"GET / HTTP/1.1\r\nA : b\r\n\r\n", IT_ERR_PARSE},
    {"GET / HTTP/1.1\r\nA: b\r\n folded: c\r\n\r\n", IT_ERR_PARSE},
    {"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 1},
    {"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", IT_ERR_PARSE},
    {"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", IT_ERR_PARSE},
    {"GET / HTTP/1.1\r\nContent-Length: 65536\r\n\r\n", IT_ERR_PARSE},
    {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", IT_ERR_PARSE},
};
#define N_HEADS ((int)(sizeof HEADS / sizeof *HEADS))

START_TEST(heads_are_read_strictly)
{
    it_upnp_head h;
    it_bytes v;
    ck_assert_int_eq(it_upnp_head_parse(&h, it_bytes_str(HEADS[_i].text)), HEADS[_i].rc);
    if (_i < 2)
        ck_assert(it_upnp_header(&h, "a", &v) && it_upnp_is(v, "B") && !it_upnp_header(&h, "b", &v) &&
                  h.size == strlen(HEADS[_i].text));
    char big[IT_UPNP_HEAD_MAX + 2];
    memset(big, 'x', sizeof big);
    ck_assert_int_eq(it_upnp_head_parse(&h, it_bytes_of(big, IT_UPNP_HEAD_MAX)), 0);
    ck_assert_int_eq(it_upnp_head_parse(&h, it_bytes_of(big, IT_UPNP_HEAD_MAX + 1)), IT_ERR_PARSE);
}
END_TEST

START_TEST(elements_are_found_by_their_local_name)
{
    static const char *const X[][3] = {
        {"<a><b>1</b></a>", "b", "1"},
        {"<s:a><u:b x='y'>1</u:b></s:a>", "b", "1"},
        {"<b/>", "b", ""},
        {"<b></b>", "b", ""},
        {"<!-- <b>0</b> --><b>1</b>", "b", "1"},
        {"<?xml?><ab>0</ab><b>1</b>", "b", "1"},
        {"</b><b>1</b>", "b", "1"},
        {"</u:b><b>1</b>", "b", "1"},
        {"<a><b>1</b>", "a", NULL},
        {"<b", "b", NULL},
        {"<b>1", "b", NULL},
        {"b", "b", NULL},
        {"<!-- <b>1</b>", "b", NULL},
        {"<a><x>1</x><y>2</y></a>", "a", "<x>1</x><y>2</y>"},
    };
    for (size_t i = 0; i < sizeof X / sizeof *X; i++) {
        it_bytes t;
        bool found = it_upnp_element(it_bytes_str(X[i][0]), X[i][1], &t);
        ck_assert_msg(found == (X[i][2] != NULL), "%s", X[i][0]);
        if (found)
            ck_assert_msg(t.n == strlen(X[i][2]) && memcmp(t.p, X[i][2], t.n) == 0, "%s", X[i][0]);
    }
}
END_TEST

START_TEST(urls_name_an_address)
{
    it_addr a;
    it_bytes path;
    ck_assert(it_upnp_url(it_bytes_str("http://10.0.0.1:5000/x/y"), &a, &path) == 0 &&
              it_addr_eq(a, Ad("10.0.0.1:5000")) && it_upnp_is(path, "/x/y"));
    ck_assert(it_upnp_url(it_bytes_str("HTTP://10.0.0.1"), &a, &path) == 0 && it_addr_eq(a, Ad("10.0.0.1:80")) &&
              it_upnp_is(path, "/"));
    static const char *const BAD[] = {"",
                                      "http://",
                                      "http:///x",
                                      "https://10.0.0.1/",
                                      "http://name/x",
                                      "http://10.0.0.1:0x1/",
                                      "/x",
                                      "http://1111111111111111111111111111111111111111111111111111111111111111111/"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        ck_assert_int_eq(it_upnp_url(it_bytes_str(BAD[i]), &a, &path), IT_ERR_PARSE);
}
END_TEST

/* --- SSDP --- */

/* Searches for |target|; how many answers come within |within|. */
static int find(const char *target, const char *head, it_time within)
{
    char text[400];
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io o;
    int n = 0;
    snprintf(text, sizeof text, "M-SEARCH * HTTP/1.1\r\nHOST: " GROUP "\r\n%sST: %s\r\n\r\n", head, target);
    it_io in = {.kind = IT_IO_DGRAM, .flow = 3, .local = Ad(GROUP), .remote = Ad(ME), .data = it_bytes_str(text)};
    ck_assert_int_eq(it_upnp_server_input(S, Now, &in), (int)in.data.n);
    for (it_time until = Now + within; it_upnp_server_next(S) <= until;) {
        Now = it_upnp_server_next(S) > Now ? it_upnp_server_next(S) : Now;
        while (it_upnp_server_output(S, Now, &o, buf, sizeof buf) == 1) {
            n++;
            ck_assert(o.kind == IT_IO_DGRAM && o.flow == 3 && it_addr_eq(o.remote, Ad(ME)) && o.data.n < sizeof Reply);
            memcpy(Reply, o.data.p, o.data.n);
            Reply[o.data.n] = '\0';
        }
    }
    return n;
}

#define SEARCH "MAN: \"ssdp:discover\"\r\nMX: 3\r\n"
#define IGD(v) "urn:schemas-upnp-org:device:InternetGatewayDevice:" v

START_TEST(a_search_is_answered_for_what_the_device_is)
{
    static const struct {
        const char *target, *head;
        int v1, v2;
    } T[] = {{"ssdp:all", SEARCH, 1, 1},
             {"upnp:rootdevice", SEARCH, 1, 1},
             {IGD("1"), SEARCH, 1, 1},
             {IGD("2"), SEARCH, 0, 1},
             {IGD("3"), SEARCH, 0, 0},
             {"urn:schemas-upnp-org:service:WANIPConnection:1", SEARCH, 1, 1},
             {"urn:schemas-upnp-org:device:MediaServer:1", SEARCH, 0, 0},
             {IGD("1"), "MX: 3\r\n", 0, 0},
             {IGD("1"), "MAN: \"other\"\r\nMX: 3\r\n", 0, 0},
             {IGD("1"), "MAN: \"ssdp:discover\"\r\n", 0, 0}, /* section 1.3.3: MX is required */
             {IGD("1"), "MAN: \"ssdp:discover\"\r\nMX: 0\r\n", 0, 0}};
    for (uint8_t v = 1; v <= 2; v++) {
        serve(v, false, false);
        ck_assert_int_eq(find(T[_i].target, T[_i].head, 3 * IT_SEC), v == 1 ? T[_i].v1 : T[_i].v2);
        it_upnp_head h;
        it_bytes b;
        if (T[_i].v1) {
            ck_assert_int_eq(it_upnp_head_parse(&h, it_bytes_str(Reply)), 1);
            ck_assert(it_upnp_header(&h, "LOCATION", &b) && it_upnp_is(b, "http://" GW "/desc.xml"));
            ck_assert(it_upnp_header(&h, "ST", &b) && (_i == 0 || it_upnp_is(b, T[_i].target)));
        }
        end();
    }
}
END_TEST

START_TEST(answers_come_spread_over_the_wait)
{
    it_time first = -1, at_ = -1;
    serve(2, false, false);
    for (int i = 0; i < 20; i++) {
        it_time from = Now;
        ck_assert_int_eq(find(IGD("1"), "MAN: \"ssdp:discover\"\r\nMX: 120\r\n", 5 * IT_SEC),
                         1); /* more than 5 s count as 5 */
        at_ = Now - from;
        ck_assert(at_ >= 0 && at_ < 5 * IT_SEC && (i == 0 || at_ != first));
        first = at_;
    }
    end();
}
END_TEST

/* --- actions --- */

START_TEST(the_description_names_the_service)
{
    serve((uint8_t)_i, false, false);
    ck_assert_int_eq(request(ME, "GET /desc.xml HTTP/1.1\r\nHost: x\r\n\r\n", 1, 100), 200);
    char want[80];
    snprintf(want, sizeof want, "urn:schemas-upnp-org:service:WANIPConnection:%d", _i);
    char *ours = strstr(Reply, "WANConnectionDevice"); /* the other device has a service of its own */
    ck_assert_ptr_nonnull(ours);
    memmove(Reply, ours, strlen(ours) + 1);
    ck_assert_str_eq(value("serviceType"), want);
    ck_assert_str_eq(value("controlURL"), "/ctl");
    ck_assert_str_eq(value("eventSubURL"), "/evt");
    ck_assert_int_eq(request(ME, "GET /other HTTP/1.1\r\n\r\n", 9, 9), 404);
    ck_assert_int_eq(request(ME, "PUT /ctl HTTP/1.1\r\n\r\n", 9, 9), 405);
    ck_assert_int_eq(request(ME, "nonsense\r\n\r\n", 9, 9), 400);
    ck_assert_int_eq(request(ME, "POST /ctl HTTP/1.1\r\nContent-Length: 60000\r\n\r\n", 9, 9), 413);
    end();
}
END_TEST

START_TEST(a_mapping_is_added_shown_and_deleted)
{
    serve(2, false, false);
    ck_assert_uint_eq(act(ME, 1, "GetExternalIPAddress", ""), 0);
    ck_assert_str_eq(value("NewExternalIPAddress"), "203.0.113.1");
    ck_assert_uint_eq(act(ME, 1, "AddPortMapping", mapping("", "6000", "TCP", "5000", "10.0.0.2", "1", "600")), 0);
    ck_assert(Asked == 1 && Last.proto == 6 && it_addr_eq(Last.internal, Ad("10.0.0.2:5000")) &&
              Last.external.port == 6000 && Last.exactly && Last.lifetime == 600);
    Now += 100 * IT_SEC;
    ck_assert_uint_eq(act(ME, 1, "GetSpecificPortMappingEntry", at("6000", "TCP")), 0);
    ck_assert_str_eq(value("NewInternalClient"), "10.0.0.2");
    ck_assert_str_eq(value("NewLeaseDuration"), "500");
    ck_assert_uint_eq(act(ME, 1, "GetGenericPortMappingEntry", "<NewPortMappingIndex>0</NewPortMappingIndex>"), 0);
    ck_assert_str_eq(value("NewExternalPort"), "6000");
    ck_assert_uint_eq(act(ME, 1, "GetGenericPortMappingEntry", "<NewPortMappingIndex>1</NewPortMappingIndex>"),
                      IT_UPNP_INDEX_INVALID);
    ck_assert_uint_eq(act(ME, 1, "GetSpecificPortMappingEntry", at("6000", "UDP")), IT_UPNP_NO_SUCH_ENTRY);
    ck_assert_uint_eq(act(ME, 1, "DeletePortMapping", at("6001", "TCP")), IT_UPNP_NO_SUCH_ENTRY);
    ck_assert_uint_eq(act(ME, 1, "DeletePortMapping", at("6000", "TCP")), 0);
    ck_assert(Asked == 2 && Last.lifetime == 0 && Last.proto == 6 && it_addr_eq(Last.internal, Ad("10.0.0.2:5000")));
    ck_assert_uint_eq(act(ME, 1, "DeletePortMapping", at("6000", "TCP")), IT_UPNP_NO_SUCH_ENTRY);
    ck_assert_uint_eq(act(ME, 1, "AddPortMapping", simple("6000", "10.0.0.2", "600")), 0);
    Now += 600 * IT_SEC; /* it ends by itself */
    ck_assert_uint_eq(act(ME, 1, "GetSpecificPortMappingEntry", at("6000", "UDP")), IT_UPNP_NO_SUCH_ENTRY);
    end();
}
END_TEST

typedef struct refusal {
    uint8_t version;
    bool permanent, same;
    const char *host, *ext, *proto, *port, *client, *enabled, *lease;
    uint32_t code;
} refusal;

static const refusal REFUSALS[] = {
    {1, false, false, "", "6000", "UDP", "5000", "10.0.0.2", "1", "0", 0},
    {1, false, false, "", "6000", "UDP", "5000", "10.0.0.9", "1", "0", 0}, /* IGD:1 maps for others too */
    {2, false, false, "", "6000", "UDP", "5000", "10.0.0.9", "1", "0", IT_UPNP_NOT_AUTHORIZED},
    {1, false, false, "198.51.100.1", "6000", "UDP", "5000", "10.0.0.2", "1", "0", IT_UPNP_ONLY_WILDCARD_HOST},
    {1, false, false, "", "0", "UDP", "5000", "10.0.0.2", "1", "0", IT_UPNP_NO_WILDCARD_PORT},
    {1, false, false, "", "6000", "UDP", "0", "10.0.0.2", "1", "0", IT_UPNP_INVALID_ARGS},
    {1, false, false, "", "65536", "UDP", "5000", "10.0.0.2", "1", "0", IT_UPNP_INVALID_ARGS},
    {1, false, false, "", "6000", "SCTP", "5000", "10.0.0.2", "1", "0", IT_UPNP_INVALID_ARGS},
    {1, false, false, "", "6000", "UDP", "5000", "me", "1", "0", IT_UPNP_INVALID_ARGS},
    {1, false, false, "", "6000", "UDP", "5000", "10.0.0.2", "2", "0", IT_UPNP_INVALID_ARGS},
    {1, false, false, "", "6000", "UDP", "5000", "10.0.0.2", "1", "-1", IT_UPNP_INVALID_ARGS},
    {1, false, false, "", "6000", "UDP", "5000", "10.0.0.2", "0", "0", IT_UPNP_ACTION_FAILED},
    {1, true, false, "", "6000", "UDP", "5000", "10.0.0.2", "1", "600", IT_UPNP_ONLY_PERMANENT},
    {1, true, false, "", "6000", "UDP", "5000", "10.0.0.2", "1", "0", 0},
    {1, false, true, "", "6000", "UDP", "5000", "10.0.0.2", "1", "0", IT_UPNP_SAME_PORTS},
    {1, false, true, "", "5000", "UDP", "5000", "10.0.0.2", "1", "0", 0},
};
#define N_REFUSALS ((int)(sizeof REFUSALS / sizeof *REFUSALS))

START_TEST(what_cannot_be_has_its_code)
{
    const refusal *r = &REFUSALS[_i];
    serve(r->version, r->permanent, r->same);
    const char *args = mapping(r->host, r->ext, r->proto, r->port, r->client, r->enabled, r->lease);
    ck_assert_uint_eq(act(ME, 1, "AddPortMapping", args), r->code);
    ck_assert_int_eq(Asked, r->code == 0);
    end();
}
END_TEST

START_TEST(a_missing_argument_is_invalid)
{
    static const char *const NAMES[] = {"NewRemoteHost",     "NewExternalPort", "NewProtocol",     "NewInternalPort",
                                        "NewInternalClient", "NewEnabled",      "NewLeaseDuration"};
    char args[1000];
    serve(1, false, false);
    snprintf(args, sizeof args, "%s", simple("6000", "10.0.0.2", "0"));
    for (char *p = args; (p = strstr(p, NAMES[_i])); p++)
        p[0] = 'X';
    ck_assert_uint_eq(act(ME, 1, "AddPortMapping", args), IT_UPNP_INVALID_ARGS);
    ck_assert_uint_eq(act(ME, 1, "DeletePortMapping", ""), IT_UPNP_INVALID_ARGS);
    ck_assert_uint_eq(act(ME, 1, "AddAnyPortMapping", simple("6000", "10.0.0.2", "0")),
                      IT_UPNP_INVALID_ACTION); /* of IGD:2 */
    ck_assert_uint_eq(act(ME, 2, "AddPortMapping", simple("6000", "10.0.0.2", "0")), IT_UPNP_INVALID_ACTION);
    ck_assert_uint_eq(act(ME, 1, "RequestTermination", ""), IT_UPNP_INVALID_ACTION);
    end();
}
END_TEST

/* 0 is for ever in IGD:1 and a week in IGD:2, which is also the most there (WANIPConnection:2 section 2.3.16). */
START_TEST(leases_are_what_the_version_says)
{
    static const struct {
        uint8_t version;
        const char *asked;
        uint32_t given;
    } T[] = {{1, "0", IT_UPNP_FOREVER}, {1, "700000", 700000}, {2, "0", 604800}, {2, "604801", 604800}, {2, "60", 60}};
    serve(T[_i].version, false, false);
    ck_assert_uint_eq(act(ME, 1, "AddPortMapping", simple("6000", "10.0.0.2", T[_i].asked)), 0);
    ck_assert_uint_eq(Last.lifetime, T[_i].given);
    end();
}
END_TEST

START_TEST(a_port_belongs_to_one_client)
{
    serve(2, false, false);
    ck_assert_uint_eq(act(ME, 2, "AddPortMapping", simple("6000", "10.0.0.2", "600")), 0);
    ck_assert_uint_eq(act(ME, 2, "AddPortMapping", simple("6000", "10.0.0.2", "700")), 0); /* renewed */
    ck_assert_uint_eq(act(OTHER, 2, "AddPortMapping", simple("6000", "10.0.0.3", "600")), IT_UPNP_CONFLICT);
    ck_assert_uint_eq(act(OTHER, 2, "DeletePortMapping", at("6000", "UDP")), IT_UPNP_NOT_AUTHORIZED);
    ck_assert_uint_eq(act(OTHER, 2, "AddAnyPortMapping", simple("6000", "10.0.0.3", "600")), 0);
    ck_assert_str_eq(value("NewReservedPort"), "7777");
    ck_assert(!Last.exactly && Last.external.port == 0);
    Taken = 6001; /* something else has it, not this table */
    ck_assert_uint_eq(act(ME, 2, "AddPortMapping", simple("6001", "10.0.0.2", "600")), IT_UPNP_CONFLICT);
    Deny = IT_PORTMAP_QUOTA;
    ck_assert_uint_eq(act(ME, 2, "AddAnyPortMapping", simple("6002", "10.0.0.2", "600")), IT_UPNP_NO_PORT_LEFT);
    ck_assert_uint_eq(act(ME, 2, "AddPortMapping", simple("6002", "10.0.0.2", "600")), IT_UPNP_ACTION_FAILED);
    Deny = 0;
    ck_assert_uint_eq(act(ME, 2, "AddPortMapping", mapping("", "6003", "UDP", "5003", "10.0.0.2", "1", "0")), 0);
    it_upnp_server_reset(S, Ad("203.0.113.9:0").ip);
    ck_assert_uint_eq(act(ME, 2, "GetSpecificPortMappingEntry", at("6003", "UDP")),
                      IT_UPNP_NO_SUCH_ENTRY); /* a week is not for ever */
    ck_assert_uint_eq(act(ME, 2, "GetSpecificPortMappingEntry", at("6000", "UDP")), IT_UPNP_NO_SUCH_ENTRY);
    ck_assert_uint_eq(act(ME, 2, "GetExternalIPAddress", ""), 0);
    ck_assert_str_eq(value("NewExternalIPAddress"), "203.0.113.9");
    end();
}
END_TEST

START_TEST(a_full_house_leaves_callers_waiting_and_recovers)
{
    serve(2, false, false);
    for (uint32_t i = 0; i < 40; i++) {
        it_io in = {.kind = IT_IO_ACCEPTED, .flow = IT_IO_ACCEPTED_FLOW + i, .remote = Ad(ME), .data = {NULL, 100}};
        ck_assert_int_eq(it_upnp_server_input(S, 0, &in), 0);
    }
    for (uint32_t i = 0; i < 40; i++) {
        it_io in = {.kind = IT_IO_RST, .flow = IT_IO_ACCEPTED_FLOW + i};
        ck_assert_int_eq(it_upnp_server_input(S, 0, &in), 0);
    }
    ck_assert_uint_eq(act(ME, 1, "GetExternalIPAddress", ""), 0);
    end();
}
END_TEST

START_TEST(a_permanent_mapping_outlives_a_loss_of_state)
{
    serve(1, false, false);
    ck_assert_uint_eq(act(ME, 1, "AddPortMapping", simple("6000", "10.0.0.2", "0")), 0);
    ck_assert_uint_eq(act(ME, 1, "AddPortMapping", mapping("", "6001", "UDP", "5001", "10.0.0.2", "1", "600")), 0);
    it_upnp_server_reset(S, Ad("203.0.113.9:0").ip); /* as the box's do (netsim/nat/nat.h) */
    ck_assert_uint_eq(act(ME, 1, "GetSpecificPortMappingEntry", at("6000", "UDP")), 0);
    ck_assert_str_eq(value("NewLeaseDuration"), "0");
    ck_assert_uint_eq(act(ME, 1, "GetSpecificPortMappingEntry", at("6001", "UDP")), IT_UPNP_NO_SUCH_ENTRY);
    end();
}
END_TEST

/* --- the control point against the gateway --- */

static it_portmap_event Ev;
static bool Deaf; /* the gateway hears nothing */

static void to_client(enum it_io_kind kind, uint32_t flow, it_bytes data)
{
    it_io in = {.kind = kind, .flow = flow, .local = Ad(ME), .remote = Ad(GW), .data = data};
    ck_assert_int_ge(it_upnp_client_input(C, Now, &in), 0);
}

/* One output of the client to the gateway, whose flow is the client's with the accepted bit. */
static void carry(const it_io *o)
{
    it_io in = *o;
    in.flow |= IT_IO_ACCEPTED_FLOW;
    in.remote = Ad(ME);
    if (o->kind == IT_IO_DGRAM) {
        ck_assert(it_addr_eq(o->remote, Ad(GROUP)));
        in.local = Ad(GROUP);
    } else if (o->kind == IT_IO_OPEN) {
        ck_assert(it_addr_eq(o->remote, Ad(GW)));
        in.kind = IT_IO_ACCEPTED;
        in.data = (it_bytes){NULL, 500};
    }
    ck_assert_int_ge(it_upnp_server_input(S, Now, &in), 0);
    if (o->kind == IT_IO_OPEN)
        to_client(IT_IO_OPENED, o->flow, (it_bytes){NULL, 300});
    else if (o->kind == IT_IO_DATA)
        to_client(IT_IO_WRITABLE, o->flow, (it_bytes){NULL, 300});
    box();
}

static bool step(void)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io o;
    if (it_upnp_client_output(C, Now, &o, buf, sizeof buf) == 1) {
        if (!Deaf)
            carry(&o);
        return true;
    }
    if (it_upnp_server_output(S, Now, &o, buf, sizeof buf) != 1)
        return false;
    if (o.kind == IT_IO_DGRAM) {
        it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .local = Ad(ME), .remote = Ad("10.0.0.1:1900"), .data = o.data};
        ck_assert_int_ge(it_upnp_client_input(C, Now, &in), 0);
        return true;
    }
    to_client(o.kind, o.flow & ~IT_IO_ACCEPTED_FLOW, o.data);
    if (o.kind == IT_IO_DATA) {
        it_io w = {.kind = IT_IO_WRITABLE, .flow = o.flow, .data = {NULL, 500}};
        ck_assert_int_eq(it_upnp_server_input(S, Now, &w), 0);
    }
    return true;
}

/* Lets time run to |until|, or to the client's first event: true then. */
static bool run(it_time until)
{
    for (;;) {
        while (step())
            ;
        if (it_upnp_client_event(C, &Ev) == 1)
            return true;
        it_time a = it_upnp_client_next(C), b = it_upnp_server_next(S), t = a < b ? a : b;
        if (t > until) {
            Now = until;
            return false;
        }
        Now = t > Now ? t : Now;
        ck_assert_int_eq(it_upnp_client_tick(C, Now), 0);
    }
}

static void start_client(uint16_t external, uint32_t lifetime)
{
    it_portmap_client_cfg cfg = {
        .alloc = &Mem, .local = Ad(ME), .proto = 17, .internal = 5000, .external = external, .lifetime = lifetime};
    it_rng_init(&cfg.rng, 2, "me");
    Deaf = false;
    C = it_upnp_client_new(&cfg, Now);
    ck_assert_ptr_nonnull(C);
}

START_TEST(the_client_maps_renews_and_gives_back)
{
    serve((uint8_t)_i, false, false);
    start_client(6000, 1000);
    ck_assert(run(10 * IT_SEC));
    ck_assert(Ev.kind == IT_PORTMAP_EV_MAPPED && it_addr_eq(Ev.external, Ad("203.0.113.1:6000")) &&
              Ev.lifetime == 1000 && strcmp(Ev.how, "upnp") == 0);
    ck_assert_int_eq(Asked, 1);
    ck_assert_int_eq(Last.exactly, _i == 1); /* IGD:2 is asked for any */
    it_time then = Now;
    ck_assert(!run(then + 600 * IT_SEC));
    ck_assert_int_eq(Asked, 2);
    ck_assert(!run(then + 5000 * IT_SEC));
    ck_assert_int_eq(Asked, 11); /* at half the lease, each time: 500, 1000 ... 5000 */
    ck_assert_uint_eq(act(OTHER, 1, "GetSpecificPortMappingEntry", at("6000", "UDP")), 0);
    it_upnp_client_release(C, Now);
    ck_assert(!run(Now + IT_SEC));
    ck_assert_uint_eq(act(OTHER, 1, "GetSpecificPortMappingEntry", at("6000", "UDP")), IT_UPNP_NO_SUCH_ENTRY);
    ck_assert_int_eq(it_upnp_client_next(C), IT_NEVER);
    end();
}
END_TEST

START_TEST(the_client_does_what_the_refusal_says)
{
    serve(1, true, false); /* 725: for ever, then */
    start_client(6000, 1000);
    ck_assert(run(10 * IT_SEC) && Ev.kind == IT_PORTMAP_EV_MAPPED && Ev.lifetime == UINT32_MAX);
    ck_assert_uint_eq(it_upnp_client_code(C), IT_UPNP_ONLY_PERMANENT);
    ck_assert_uint_eq(Last.lifetime, IT_UPNP_FOREVER);
    ck_assert_int_eq(it_upnp_client_next(C), IT_NEVER);
    end();
    serve(1, false, true); /* 724: the same port, then */
    start_client(6000, 1000);
    ck_assert(run(10 * IT_SEC) && Ev.kind == IT_PORTMAP_EV_MAPPED && Ev.external.port == 5000);
    end();
    serve(1, false, false); /* 718: the next port, then */
    ck_assert_uint_eq(act(OTHER, 1, "AddPortMapping", simple("6000", "10.0.0.3", "0")), 0);
    Taken = 6001;
    start_client(6000, 1000);
    ck_assert(run(10 * IT_SEC) && Ev.kind == IT_PORTMAP_EV_MAPPED && Ev.external.port == 6002);
    end();
    serve(2, false, false);
    Deny = IT_PORTMAP_QUOTA;
    start_client(6000, 1000);
    ck_assert(run(10 * IT_SEC) && Ev.kind == IT_PORTMAP_EV_FAILED && Ev.result == IT_PORTMAP_NO_RESOURCES);
    ck_assert_uint_eq(it_upnp_client_code(C), IT_UPNP_NO_PORT_LEFT);
    end();
}
END_TEST

START_TEST(silence_ends_the_search_and_loses_the_mapping)
{
    serve(2, false, false);
    start_client(0, 1000);
    Deaf = true;
    ck_assert(run(60 * IT_SEC) && Ev.kind == IT_PORTMAP_EV_FAILED && Now == 10 * IT_SEC);
    it_upnp_client_free(C);
    start_client(0, 1000);
    ck_assert(run(60 * IT_SEC) && Ev.kind == IT_PORTMAP_EV_MAPPED && Ev.external.port == 5000);
    Deaf = true;
    ck_assert(run(2000 * IT_SEC) && Ev.kind == IT_PORTMAP_EV_LOST);
    end();
}
END_TEST

START_TEST(only_the_gateway_itself_is_believed)
{
    static const char *const BAD[] = {
        "HTTP/1.1 200 OK\r\nST: x\r\nLOCATION: http://10.0.0.66:80/d\r\n\r\n", /* somebody else */
        "HTTP/1.1 404 No\r\nST: x\r\nLOCATION: http://10.0.0.1:80/d\r\n\r\n",
        "HTTP/1.1 200 OK\r\nLOCATION: http://10.0.0.1:80/d\r\n\r\n",
        "HTTP/1.1 200 OK\r\nST: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nST: x\r\nLOCATION: nonsense\r\n\r\n",
    };
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io o;
    serve(2, false, false);
    start_client(0, 1000);
    ck_assert_int_eq(it_upnp_client_output(C, Now, &o, buf, sizeof buf), 1); /* the search */
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        it_io in = {.kind = IT_IO_DGRAM,
                    .flow = 0,
                    .local = Ad(ME),
                    .remote = Ad("10.0.0.1:1900"),
                    .data = it_bytes_str(BAD[i])};
        ck_assert_int_ge(it_upnp_client_input(C, Now, &in), 0);
        ck_assert_int_eq(it_upnp_client_output(C, Now, &o, buf, sizeof buf), 0);
    }
    end();
}
END_TEST

/* What the description says of the service and where it is. */
START_TEST(a_description_is_believed_about_the_gateway_alone)
{
#define DESC(type, url)                                                                                                \
    "<root><service><serviceType>" type "</serviceType><controlURL>" url "</controlURL></service></root>"
#define IP1 "urn:schemas-upnp-org:service:WANIPConnection:1"
    static const struct {
        const char *desc;
        bool good;
    } T[] = {{DESC(IP1, "/c"), true},
             {DESC(IP1, "http://10.0.0.1:99/c"), true},
             {DESC(IP1, "http://10.0.0.66:99/c"), false},
             {DESC(IP1, "c"), false},
             {DESC(IP1, ""), false},
             {DESC("urn:schemas-upnp-org:service:WANIPConnection:3", "/c"), false},
             {DESC("urn:schemas-upnp-org:service:WANPPPConnection:1", "/c"), false},
             {"<root/>", false}};
    static const char FOUND[] = "HTTP/1.1 200 OK\r\nST: x\r\nLOCATION: http://10.0.0.1:80/d\r\n\r\n";
    char text[600];
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io o;
    serve(2, false, false);
    start_client(0, 1000);
    it_io in = {
        .kind = IT_IO_DGRAM, .flow = 0, .local = Ad(ME), .remote = Ad("10.0.0.1:1900"), .data = it_bytes_str(FOUND)};
    ck_assert_int_ge(it_upnp_client_input(C, Now, &in), 0);
    while (it_upnp_client_output(C, Now, &o, buf, sizeof buf) == 1)
        ;
    ck_assert(o.kind == IT_IO_OPEN && it_addr_eq(o.remote, Ad("10.0.0.1:80")));
    uint32_t flow = o.flow;
    to_client(IT_IO_OPENED, flow, (it_bytes){NULL, 3000});
    ck_assert_int_eq(it_upnp_client_output(C, Now, &o, buf, sizeof buf), 1);
    int n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n\r\n%s", T[_i].desc); /* without a length: up to the end */
    to_client(IT_IO_DATA, flow, it_bytes_of(text, (size_t)n));
    to_client(IT_IO_FIN, flow, it_bytes_of(NULL, 0));
    while (it_upnp_client_output(C, Now, &o, buf, sizeof buf) == 1)
        ;
    ck_assert_int_eq(o.kind == IT_IO_OPEN, T[_i].good);
    ck_assert_int_eq(it_upnp_client_event(C, &Ev), !T[_i].good);
    if (T[_i].good)
        ck_assert_uint_eq(o.remote.port, _i == 1 ? 99 : 80);
    end();
}
END_TEST

START_TEST(random_bytes_do_no_harm)
{
    static const char *const BITS[] = {"HTTP/1.1 ",
                                       "200 OK",
                                       "\r\n",
                                       "\r\n\r\n",
                                       "M-SEARCH ",
                                       "POST /ctl ",
                                       "Content-Length: ",
                                       "9",
                                       "ST: ",
                                       "<",
                                       ">",
                                       "</",
                                       "service",
                                       "SOAPACTION: ",
                                       "\"",
                                       "LOCATION: http://10.0.0.1:",
                                       "errorCode",
                                       ":",
                                       " ",
                                       "1"};
    it_rng rng;
    it_rng_init(&rng, (uint64_t)_i, "upnp");
    serve(2, false, false);
    start_client(0, 1000);
    for (int k = 0; k < 3000; k++) {
        char b[600] = "";
        uint8_t out[IT_IO_DGRAM_MAX];
        size_t n = 0;
        while (it_rng_below(&rng, 20) && n < 500) {
            const char *w = BITS[it_rng_below(&rng, sizeof BITS / sizeof *BITS)];
            n += (size_t)snprintf(b + n, sizeof b - n, "%s", w);
        }
        uint64_t kind = it_rng_below(&rng, 8), flow = it_rng_below(&rng, 6);
        it_io in = {.kind = (enum it_io_kind)kind,
                    .flow = (uint32_t)flow,
                    .local = Ad(GW),
                    .remote = Ad("10.0.0.1:1900"),
                    .data = it_bytes_of(b, n)},
              o;
        if (kind != IT_IO_OPEN) {
            ck_assert_int_ge(it_upnp_server_input(S, k * IT_MS, &in), 0);
            ck_assert_int_ge(it_upnp_client_input(C, k * IT_MS, &in), 0);
        }
        box();
        ck_assert_int_eq(it_upnp_client_tick(C, k * IT_MS), 0);
        while (it_upnp_server_output(S, k * IT_MS, &o, out, sizeof out) == 1 ||
               it_upnp_client_output(C, k * IT_MS, &o, out, sizeof out) == 1)
            ck_assert_uint_le(o.data.n, sizeof out);
    }
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("portmap/upnp");
    TCase *c = tcase_create("texts");
    tcase_add_loop_test(c, heads_are_read_strictly, 0, N_HEADS);
    tcase_add_test(c, elements_are_found_by_their_local_name);
    tcase_add_test(c, urls_name_an_address);
    tcase_add_loop_test(c, random_bytes_do_no_harm, 0, 4);
    suite_add_tcase(s, c);
    c = tcase_create("UPnP Device Architecture 1.3");
    tcase_add_loop_test(c, a_search_is_answered_for_what_the_device_is, 0, 11);
    tcase_add_test(c, answers_come_spread_over_the_wait);
    suite_add_tcase(s, c);
    c = tcase_create("WANIPConnection 2.4, 2.5");
    tcase_add_loop_test(c, the_description_names_the_service, 1, 3);
    tcase_add_test(c, a_mapping_is_added_shown_and_deleted);
    tcase_add_loop_test(c, what_cannot_be_has_its_code, 0, N_REFUSALS);
    tcase_add_loop_test(c, a_missing_argument_is_invalid, 0, 7);
    tcase_add_loop_test(c, leases_are_what_the_version_says, 0, 5);
    tcase_add_test(c, a_port_belongs_to_one_client);
    tcase_add_test(c, a_full_house_leaves_callers_waiting_and_recovers);
    tcase_add_test(c, a_permanent_mapping_outlives_a_loss_of_state);
    suite_add_tcase(s, c);
    c = tcase_create("control point");
    tcase_add_loop_test(c, the_client_maps_renews_and_gives_back, 1, 3);
    tcase_add_test(c, the_client_does_what_the_refusal_says);
    tcase_add_test(c, silence_ends_the_search_and_loses_the_mapping);
    tcase_add_test(c, only_the_gateway_itself_is_believed);
    tcase_add_loop_test(c, a_description_is_believed_about_the_gateway_alone, 0, 8);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
