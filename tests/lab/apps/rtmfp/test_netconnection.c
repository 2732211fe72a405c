/* lab/apps/rtmfp/netconnection.c: what a script hears of NetConnections and NetStreams. */
#include "lab/apps/rtmfp/netconnection.h"
#include "tests/stack/rtmfp/flash/party.h"

/* Client 0 is an app: the party knows the client inside of it. */
static party *p;
static it_netconnection *app;
static it_model_event got;
static int part;
static char why[64], user[128], data[64];

static void setup(void)
{
    it_io in = {.kind = IT_IO_BOUND};
    p = party_new(NULL);
    party_join(p, 1, (it_rtmfp_client_cfg){0});
    it_rtmfp_client_cfg cfg = {.alloc = &p->mem, .uri = "rtmfp://server/app", .servers = 1, .server = {p->addr[0]}};
    it_rng_init(&cfg.rng, 1, "app");
    ck_assert_int_eq(it_netconnection_new(&cfg, 0, &app), 0);
    p->client[0] = it_netconnection_client(app);
    p->silent[0] = true;
    in.local = p->addr[1];
    ck_assert_int_ge(it_app_netconnection.input(app, 0, &in), 0);
}

static void teardown(void)
{
    it_app_netconnection.free(app);
    p->client[0] = NULL;
    party_free(p);
}

/* Takes the next event of the app; false: none. */
static bool hear(void)
{
    it_object_event ev;
    if (it_app_netconnection.event(app, &ev) != 1)
        return false;
    ck_assert(ev.kind == IT_TELLS_MODEL);
    got = *ev.u.model;
    part = ev.part;
    snprintf(why, sizeof why, "%s", got.why ? got.why : "");
    snprintf(user, sizeof user, "%s", got.user ? got.user : "");
    snprintf(data, sizeof data, "%.*s", (int)got.data.n, got.data.n ? (const char *)got.data.p : "");
    return true;
}

START_TEST(a_status_is_told_by_its_code_of_the_connection_or_of_a_stream)
{
    party_run(p, IT_SEC);
    ck_assert(hear() && got.kind == IT_EV_STATUS && part == -1);
    ck_assert_str_eq(why, "NetConnection.Connect.Success");
    ck_assert(!hear());
    it_rtmfp_client *c = it_netconnection_client(app);
    uint32_t no;
    ck_assert_int_eq(it_rtmfp_client_stream(c, p->now, IT_RTMFP_VIA_SERVER, NULL, &no), 0);
    ck_assert_int_eq(it_rtmfp_client_publish(c, p->now, no, it_bytes_str("x")), 0);
    party_run(p, IT_SEC);
    ck_assert(hear() && got.kind == IT_EV_STATUS && part == (int)no);
    ck_assert_str_eq(why, "NetStream.Publish.Start");
}
END_TEST

START_TEST(a_subscriber_is_told_with_its_number_and_peer_id)
{
    party_run(p, IT_SEC);
    it_rtmfp_client *c = it_netconnection_client(app);
    uint32_t no, from;
    ck_assert_int_eq(it_rtmfp_client_stream(c, p->now, IT_RTMFP_DIRECT, NULL, &no), 0);
    ck_assert_int_eq(it_rtmfp_client_publish(c, p->now, no, it_bytes_str("x")), 0);
    ck_assert_int_eq(it_rtmfp_client_stream(p->client[1], p->now, IT_RTMFP_FROM_PEER, it_rtmfp_client_near(c), &from),
                     0);
    ck_assert_int_eq(it_rtmfp_client_play(p->client[1], p->now, from, it_bytes_str("x")), 0);
    party_run(p, IT_SEC);
    while (hear() && got.kind != IT_EV_SUBSCRIBER)
        continue;
    ck_assert_int_eq(got.kind, IT_EV_SUBSCRIBER);
    ck_assert_int_eq(part, (int)no);
    ck_assert_int_gt(got.flow, (int)no);
    char hex[2 * IT_RTMFP_PRINT + 1];
    for (size_t i = 0; i < IT_RTMFP_PRINT; i++)
        snprintf(hex + 2 * i, 3, "%02x", it_rtmfp_client_near(p->client[1])[i]);
    ck_assert_str_eq(user, hex);
}
END_TEST

START_TEST(a_message_is_told_of_its_stream)
{
    party_run(p, IT_SEC);
    it_rtmfp_client *c = it_netconnection_client(app);
    uint32_t no, from = party_stream(p, 1, IT_RTMFP_VIA_SERVER, -1);
    ck_assert_int_eq(it_rtmfp_client_publish(p->client[1], p->now, from, it_bytes_str("x")), 0);
    ck_assert_int_eq(it_rtmfp_client_stream(c, p->now, IT_RTMFP_VIA_SERVER, NULL, &no), 0);
    ck_assert_int_eq(it_rtmfp_client_play(c, p->now, no, it_bytes_str("x")), 0);
    party_run(p, IT_SEC);
    party_say(p, 1, from, IT_RTMFP_MSG_AUDIO, "hello");
    party_run(p, IT_SEC);
    while (hear() && got.kind != IT_EV_MESSAGE)
        continue;
    ck_assert(got.kind == IT_EV_MESSAGE && part == (int)no);
    ck_assert_str_eq(data, "hello");
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_status_is_told_by_its_code_of_the_connection_or_of_a_stream);
    tcase_add_test(t, a_subscriber_is_told_with_its_number_and_peer_id);
    tcase_add_test(t, a_message_is_told_of_its_stream);
}

int main(void)
{
    return kit_main("lab/apps/rtmfp/netconnection", add);
}
