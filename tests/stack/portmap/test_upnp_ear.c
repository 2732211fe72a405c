/* Events at a control point: the subscription that it makes, what events make it do, streams of all kinds. The gateway
 * is the real one. */
#include "stack/portmap/upnp_client.h"
#include "stack/portmap/upnp_ear.h"
#include "tests/stack/portmap/igd.h"

static igd G;
static it_upnp_client *C;
static int Added;   /* mappings that the gateway was asked for */
static bool Silent; /* what the gateway tells is lost */

#define ME "10.0.0.2:40000"

/* --- the ear alone --- */

static it_upnp_ear E;
static bool Doubt;

/* One stream from |from| with |text| in it, in pieces of |piece|; what is answered, 0 nothing. */
static int hear(const char *from, const char *text, size_t piece)
{
    uint8_t buf[200];
    int status = 0;
    it_addr gw = Ad("10.0.0.1:5000");
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = ++G.flow, .remote = Ad(from), .data = {NULL, 1000}}, o;
    Doubt = it_upnp_ear_input(&E, &in, gw.ip, Ad("203.0.113.1:0").ip);
    for (size_t at = 0, n = strlen(text); at < n; at += piece) {
        in = (it_io){
            .kind = IT_IO_DATA, .flow = G.flow, .data = it_bytes_of(text + at, piece < n - at ? piece : n - at)};
        Doubt |= it_upnp_ear_input(&E, &in, gw.ip, Ad("203.0.113.1:0").ip);
    }
    in = (it_io){.kind = IT_IO_FIN, .flow = G.flow};
    Doubt |= it_upnp_ear_input(&E, &in, gw.ip, Ad("203.0.113.1:0").ip);
    while (it_upnp_ear_output(&E, &o, buf, sizeof buf) == 1) {
        ck_assert_uint_eq(o.flow, G.flow);
        if (o.kind == IT_IO_DATA)
            ck_assert_int_eq(sscanf((const char *)buf, "HTTP/1.1 %d", &status), 1);
    }
    ck_assert(!E.open);
    return status;
}

static const char *event(const char *sid, const char *seq, const char *ip, const char *n)
{
    static char text[1000];
    char body[500];
    snprintf(body, sizeof body,
             "<e:propertyset><e:property><%s>%s</%s></e:property><e:property><%s>%s</%s></e:property></e:propertyset>",
             ip ? "ExternalIPAddress" : "x", ip ? ip : "", ip ? "ExternalIPAddress" : "x",
             n ? "PortMappingNumberOfEntries" : "y", n ? n : "", n ? "PortMappingNumberOfEntries" : "y");
    snprintf(text, sizeof text,
             "NOTIFY / HTTP/1.1\r\nNT: upnp:event\r\nSID: %s\r\nSEQ: %s\r\nContent-Length: %zu\r\n\r\n%s", sid, seq,
             strlen(body), body);
    return text;
}

START_TEST(an_event_is_believed_or_not)
{
    static const struct {
        const char *from, *sid, *seq;
        int status;
    } T[] = {{"10.0.0.1:9", "uuid:1", "0", 200},
             {"10.0.0.1:9", "uuid:2", "0", 412},
             {"10.0.0.1:9", "uuid:1", "x", 412},
             {"10.0.0.9:9", "uuid:1", "0", 0}};
    memset(&E, 0, sizeof E);
    G.flow = IT_IO_ACCEPTED_FLOW;
    ck_assert_int_eq(hear("10.0.0.1:9", event("uuid:1", "0", NULL, NULL), 99), 412); /* nothing is subscribed to */
    snprintf(E.sid, sizeof E.sid, "uuid:1");
    ck_assert_int_eq(hear(T[_i].from, event(T[_i].sid, T[_i].seq, "203.0.113.1", "1"), 7), T[_i].status);
    ck_assert_int_eq(E.any, T[_i].status == 200);
    ck_assert(!Doubt);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    static const char *const T[] = {"x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "NOTIFY / HTTP/1.1\r\n\r\n",
                                    "NOTIFY / HTTP/1.1\r\nContent-Length: 3000\r\n\r\n"};
    char text[4000];
    memset(&E, 0, sizeof E);
    snprintf(E.sid, sizeof E.sid, "uuid:1");
    snprintf(text, sizeof text, "%s%*s", T[_i], _i == 3 ? 3000 : 0, "");
    ck_assert_int_eq(hear("10.0.0.1:9", text, 4000), 412);
    ck_assert_int_eq(hear("10.0.0.1:9", "NOTIFY / HT", 100), 0); /* it leaves before it has said anything */
    ck_assert_int_eq(hear("10.0.0.1:9", event("uuid:1", "0", NULL, NULL), 100), 200);
}
END_TEST

START_TEST(what_is_not_as_it_was_is_worth_a_doubt)
{
    static const struct {
        const char *seq, *ip, *n;
        bool doubt;
    } T[] = {{"1", NULL, "5", false},          {"1", NULL, "3", false},
             {"1", NULL, "2", true},           {"1", "203.0.113.1", NULL, false},
             {"1", "203.0.113.9", NULL, true}, {"2", NULL, NULL, true},
             {"0", NULL, NULL, true},          {"1", "", NULL, true}};
    memset(&E, 0, sizeof E);
    snprintf(E.sid, sizeof E.sid, "uuid:1");
    ck_assert_int_eq(hear("10.0.0.1:9", event("uuid:1", "0", "203.0.113.1", "3"), 1000), 200);
    ck_assert(!Doubt);
    ck_assert_int_eq(hear("10.0.0.1:9", event("uuid:1", T[_i].seq, T[_i].ip, T[_i].n), 1000), 200);
    ck_assert_int_eq(Doubt, T[_i].doubt);
}
END_TEST

START_TEST(numbers_of_events_go_round)
{
    memset(&E, 0, sizeof E);
    snprintf(E.sid, sizeof E.sid, "uuid:1");
    (void)hear("10.0.0.1:9", event("uuid:1", "4294967295", NULL, NULL), 1000);
    (void)hear("10.0.0.1:9", event("uuid:1", "1", NULL, NULL), 1000);
    ck_assert(!Doubt);
}
END_TEST

/* --- client and gateway over a wire without delay --- */

static uint32_t twin(uint32_t flow)
{
    return flow < IT_IO_ACCEPTED_FLOW ? flow + IT_IO_ACCEPTED_FLOW : flow - IT_IO_ACCEPTED_FLOW;
}

/* Hands what one says to the other. Streams keep their number, in the other's half of the numbers. */
static void over(bool to_gw, const it_io *o)
{
    it_io in = *o;
    in.flow = twin(o->flow);
    if (o->kind == IT_IO_OPEN) {
        it_io back = {.kind = IT_IO_OPENED, .flow = o->flow, .data = {NULL, 60000}};
        in = (it_io){.kind = IT_IO_ACCEPTED,
                     .flow = twin(o->flow),
                     .remote = to_gw ? Ad(ME) : Ad("10.0.0.1:6000"),
                     .data = {NULL, 60000}};
        if (!to_gw && Silent) {
            back.kind = IT_IO_RST;
            (void)it_upnp_server_input(G.s, G.now, &back);
            return;
        }
        (void)(to_gw ? it_upnp_server_input(G.s, G.now, &in) : it_upnp_client_input(C, G.now, &in));
        (void)(to_gw ? it_upnp_client_input(C, G.now, &back) : it_upnp_server_input(G.s, G.now, &back));
        return;
    }
    if (o->kind == IT_IO_DGRAM && to_gw) {
        in.flow = 1;
        in.remote = Ad(ME);
    } else if (o->kind == IT_IO_DGRAM) {
        in.remote = Ad("10.0.0.1:1900");
    }
    (void)(to_gw ? it_upnp_server_input(G.s, G.now, &in) : it_upnp_client_input(C, G.now, &in));
}

static void box(void)
{
    it_portmap_want w;
    while (it_upnp_server_want(G.s, &w) == 1) {
        Added += w.lifetime != 0;
        it_upnp_server_done(G.s, G.now, IT_PORTMAP_OK, it_addr_of(Ad("203.0.113.1:0").ip, w.external.port));
    }
}

static void settle(void)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io o;
    for (bool any = true; any;) {
        any = false;
        while (it_upnp_client_output(C, G.now, &o, buf, sizeof buf) == 1) {
            any = true;
            over(true, &o);
            box();
        }
        while (it_upnp_server_output(G.s, G.now, &o, buf, sizeof buf) == 1) {
            any = true;
            over(false, &o);
        }
    }
}

static void until(it_time t)
{
    for (;;) {
        settle();
        it_time a = it_upnp_client_next(C), b = it_upnp_server_next(G.s), n = a < b ? a : b;
        if (n > t)
            break;
        G.now = n > G.now ? n : G.now;
        (void)it_upnp_client_tick(C, G.now);
        (void)it_upnp_server_tick(G.s, G.now);
    }
    G.now = t;
}

static void begin(uint32_t lifetime)
{
    it_portmap_client_cfg cfg = {
        .local = Ad(ME), .proto = 17, .internal = 5000, .external = 6000, .lifetime = lifetime, .listens = true};
    it_portmap_event ev;
    igd_open(&G, 2);
    cfg.alloc = &G.mem;
    it_rng_init(&cfg.rng, 1, "me");
    Added = 0;
    Silent = false;
    C = it_upnp_client_new(&cfg, 0);
    until(6 * IT_SEC);
    ck_assert(it_upnp_client_event(C, &ev) == 1 && ev.kind == IT_PORTMAP_EV_MAPPED);
    ck_assert_int_eq(Added, 1);
}

static void end(void)
{
    it_upnp_client_free(C);
    igd_close(&G);
}

START_TEST(a_mapping_that_is_lost_is_added_again_within_a_second)
{
    begin(7200);
    until(600 * IT_SEC);
    ck_assert_int_eq(Added, 1); /* its own mapping was no reason */
    Silent = _i;
    it_upnp_server_reset(G.s, Ad("203.0.113.1:0").ip);
    until(602 * IT_SEC);
    ck_assert_int_eq(Added, _i ? 1 : 2);
    until(5000 * IT_SEC);
    ck_assert_int_eq(Added, _i ? 2 : 3); /* the renewal, at half the lease */
    end();
}
END_TEST

START_TEST(a_new_address_is_told)
{
    it_portmap_event ev;
    begin(7200);
    until(600 * IT_SEC);
    it_upnp_server_reset(G.s, Ad("203.0.113.9:0").ip);
    until(602 * IT_SEC);
    ck_assert(it_upnp_client_event(C, &ev) == 1 && ev.kind == IT_PORTMAP_EV_MAPPED &&
              it_ip_eq(ev.external.ip, Ad("203.0.113.9:0").ip));
    end();
}
END_TEST

START_TEST(a_subscription_is_kept_for_as_long_as_the_mapping)
{
    begin(0);
    until(100000 * IT_SEC);
    int before = Added;
    it_upnp_server_reset(G.s, Ad("203.0.113.1:0").ip);
    until(100002 * IT_SEC);
    ck_assert_int_eq(Added, before + 1);
    it_portmap_event ev;
    ck_assert_int_eq(it_upnp_client_event(C, &ev), 0);
    it_upnp_client_release(C, G.now);
    until(200000 * IT_SEC);
    ck_assert_int_eq(it_upnp_client_next(C), IT_NEVER);
    end();
}
END_TEST

START_TEST(a_gateway_that_knows_no_subscription_any_more_is_asked_anew)
{
    begin(72000);
    /* Another device in the place of the first: no mapping, no subscription. */
    it_upnp_server_free(G.s);
    it_upnp_server_cfg cfg = {
        .alloc = &G.mem, .http = Ad("10.0.0.1:49000"), .external = Ad("203.0.113.1:0").ip, .version = 2};
    it_rng_init(&cfg.rng, 2, "gw");
    G.s = it_upnp_server_new(&cfg);
    until(1000 * IT_SEC); /* half the subscription is 900 s */
    ck_assert_int_eq(Added, 2);
    it_upnp_server_reset(G.s, Ad("203.0.113.1:0").ip);
    until(1002 * IT_SEC);
    ck_assert_int_eq(Added, 3); /* and it listens again */
    end();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("portmap/upnp_ear");
    TCase *t = tcase_create("UDA 2.0 4.3");
    tcase_add_loop_test(t, an_event_is_believed_or_not, 0, 4);
    tcase_add_loop_test(t, nonsense_is_refused, 0, 4);
    tcase_add_loop_test(t, what_is_not_as_it_was_is_worth_a_doubt, 0, 8);
    tcase_add_test(t, numbers_of_events_go_round);
    suite_add_tcase(s, t);
    t = tcase_create("client and gateway");
    tcase_add_loop_test(t, a_mapping_that_is_lost_is_added_again_within_a_second, 0, 2);
    tcase_add_test(t, a_new_address_is_told);
    tcase_add_test(t, a_subscription_is_kept_for_as_long_as_the_mapping);
    tcase_add_test(t, a_gateway_that_knows_no_subscription_any_more_is_asked_anew);
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
