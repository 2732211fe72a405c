/* The client against the server: over datagrams and streams, in good times and bad (RFC 8656 sections 7 to 12). TIMEOUT
 */
#include "stack/turn/attrs.h"
#include "stack/turn/channel.h"
#include "tests/stack/turn/net.h"

static net *n;
static it_addr peer;

static void setup(void)
{
    n = net_new(1, NULL);
    peer = net_addr("203.0.113.7:7777");
}

static void teardown(void)
{
    ck_assert_int_eq(n->err, 0);
    net_free(n);
}

/* Starts, over a stream when |stream|, and allocates. */
static void start(bool stream)
{
    n->ccfg.stream = stream;
    net_serve(n);
    net_join(n, 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
}

static int say(const char *text)
{
    return it_turn_client_send(n->c[0], n->now, peer, it_bytes_str(text), false);
}

/* RFC 8656 section 7.1, RFC 8489 section 9.2: with a challenge. */
START_TEST(it_allocates_with_a_challenge)
{
    start(_i);
    const net_event *e = net_last(n, IT_TURN_CLIENT_ALLOCATED);
    ck_assert(it_addr_eq(e->ev.relayed[0], net_addr("198.51.100.1:50000")));
    ck_assert(it_ip_none(e->ev.relayed[1].ip));
    ck_assert(it_addr_eq(e->ev.mapped, n->host[0]));
    ck_assert_uint_eq(e->ev.lifetime, 600);
    ck_assert(e->at == (_i ? 60 : 40) * IT_MS); /* two round trips, and one to connect */
}
END_TEST

/* RFC 8656 sections 9, 11: the permission before the first datagram. */
START_TEST(what_is_sent_waits_for_its_permission_and_the_answer_comes)
{
    start(_i);
    n->echo = true;
    ck_assert_int_eq(say("hello"), 0);
    ck_assert_int_eq(say("again"), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_PERMITTED], 1);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 2);
    const net_event *e = net_last(n, IT_TURN_CLIENT_DATA);
    ck_assert(it_addr_eq(e->ev.peer, peer));
    ck_assert(it_bytes_eq(e->ev.data, it_bytes_str("again")));
}
END_TEST

/* RFC 8656 section 5, RFC 8489 section 6.1: SOFTWARE in requests. */
START_TEST(requests_say_what_software_asks)
{
    it_stun_msg m;
    int seen = 0;
    net_serve(n);
    n->deaf = false;
    net_join(n, 0);
    for (int i = 0; i < 4; i++) {
        net_drain(n);
        for (int k = 0; k < NET_PACKETS; k++) {
            const net_packet *p = &n->packets[k];
            if (!p->used || p->to != -1 || it_stun_parse(&m, p->io.data) < 0 || m.cls != IT_STUN_REQUEST)
                continue;
            const it_stun_attr *a = it_stun_get(&m, IT_STUN_SOFTWARE);
            ck_assert_ptr_nonnull(a);
            ck_assert(it_bytes_eq(a->value, it_bytes_str("icetank")));
            seen++;
        }
        net_run(n, n->now + 10 * IT_MS);
    }
    ck_assert_int_ge(seen, 2); /* without credentials, and with */
}
END_TEST

/* RFC 8656 section 3.7: an application that assumes a path of 1,280 bytes, or of Ethernet's, loses nothing here. */
START_TEST(datagrams_as_large_as_a_path_takes_are_relayed_whole)
{
    static const size_t SIZES[] = {1232, 1280, 1400, 1472};
    static uint8_t data[1472];
    for (size_t k = 0; k < sizeof data; k++)
        data[k] = (uint8_t)(k * 7);
    n->ccfg.bind_after = _i >= 4; /* by indications, or by a channel */
    start(false);
    n->echo = true;
    size_t size = SIZES[_i % 4];
    for (int k = 0; k < 3; k++) {
        ck_assert_int_eq(it_turn_client_send(n->c[0], n->now, peer, it_bytes_of(data, size), false), 0);
        net_run(n, n->now + IT_SEC);
    }
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 3);
    ck_assert(it_bytes_eq(net_last(n, IT_TURN_CLIENT_DATA)->ev.data, it_bytes_of(data, size)));
}
END_TEST

START_TEST(what_waits_is_bounded)
{
    start(false);
    for (int i = 0; i < IT_TURN_CLIENT_HELD; i++)
        ck_assert_int_eq(say("x"), 0);
    ck_assert_int_eq(say("x"), IT_ERR_FULL);
}
END_TEST

/* RFC 8656 section 12: Send indications until the channel is bound, four bytes of overhead then. */
START_TEST(a_busy_peer_gets_a_channel)
{
    n->ccfg.bind_after = 3;
    start(_i);
    n->echo = true;
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(say("12345678"), 0);
        net_run(n, n->now + 100 * IT_MS);
    }
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 10);
    uint32_t before = n->client_bytes_out[0];
    ck_assert_int_eq(say("12345678"), 0);
    net_run(n, n->now + 100 * IT_MS);
    ck_assert_uint_eq(n->client_bytes_out[0] - before, 12);
    ck_assert_int_eq(it_turn_client_send(n->c[0], n->now, peer, it_bytes_str("12345678"), true), 0);
    before = n->client_bytes_out[0];
    net_run(n, n->now + 100 * IT_MS);
    ck_assert_uint_gt(n->client_bytes_out[0] - before, 12); /* DONT-FRAGMENT has a place in Send alone */
}
END_TEST

/* RFC 8656 sections 8, 9, 12: an hour and more, and nonces that end. */
START_TEST(everything_is_refreshed_for_hours)
{
    int sent = 0;
    n->ccfg.bind_after = 1;
    start(_i);
    n->echo = true;
    for (; n->now < 3 * 3600 * IT_SEC && n->err == 0; sent++) {
        ck_assert_int_eq(say("x"), 0);
        net_run(n, n->now + 20 * IT_SEC);
    }
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], (uint32_t)sent);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 0);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_PERMITTED], 1);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
}
END_TEST

/* RFC 8656 sections 8, 9: a minute before the end, permissions after four minutes. */
START_TEST(refreshes_are_due_at_their_instants)
{
    start(false);
    ck_assert(it_turn_client_next(n->c[0]) == 40 * IT_MS + 540 * IT_SEC);
    ck_assert_int_eq(it_turn_client_permit(n->c[0], n->now, peer.ip), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert(it_turn_client_next(n->c[0]) == IT_SEC + 20 * IT_MS + 240 * IT_SEC);
    it_turn_client_forget(n->c[0], peer.ip);
    uint32_t out = n->client_out[0];
    net_run(n, 302 * IT_SEC);
    ck_assert_uint_eq(n->client_out[0], out); /* one that is not wanted ends */
    ck_assert(it_turn_client_next(n->c[0]) == 40 * IT_MS + 540 * IT_SEC);
}
END_TEST

/* RFC 8656 section 8. */
START_TEST(closing_deletes_the_allocation)
{
    start(_i);
    ck_assert_int_eq(it_turn_client_close(n->c[0], n->now), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_CLOSED], 1);
    ck_assert_uint_eq(it_turn_server_allocations(n->s), 0);
    ck_assert_int_eq(say("x"), IT_ERR_STATE);
    ck_assert(it_turn_client_next(n->c[0]) == IT_NEVER);
}
END_TEST

START_TEST(closing_while_it_allocates_leaves_nothing)
{
    net_serve(n);
    net_join(n, 0);
    net_run(n, 25 * IT_MS);
    ck_assert_int_eq(it_turn_client_close(n->c[0], n->now), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 0);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_CLOSED], 1);
    ck_assert_uint_eq(it_turn_server_allocations(n->s), 0);
}
END_TEST

START_TEST(closing_towards_a_server_that_is_gone_ends)
{
    start(false);
    n->deaf = true;
    ck_assert_int_eq(it_turn_client_close(n->c[0], n->now), 0);
    net_run(n, n->now + 60 * IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_CLOSED], 1);
}
END_TEST

/* RFC 8489 sections 6.2.1, 6.2.2: 39.5 seconds, by seven requests or by one. */
START_TEST(without_an_answer_it_is_408_after_39_5_s)
{
    n->ccfg.stream = _i;
    n->deaf = true;
    net_serve(n);
    net_join(n, 0);
    net_run(n, 39500 * IT_MS - 1);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_FAILED], 0);
    net_run(n, 39500 * IT_MS);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_FAILED], 1);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 408);
    ck_assert_uint_eq(n->client_out[0], _i ? 1 : 7); /* of the stream: OPEN */
}
END_TEST

START_TEST(wrong_credentials_fail_with_401)
{
    n->ccfg.password = "wrong";
    net_serve(n);
    net_join(n, 0);
    net_run(n, 60 * IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_FAILED], 1);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 401);
    ck_assert_uint_eq(n->client_out[0], 2);
}
END_TEST

/* RFC 8656 section 10.2: 403. */
START_TEST(a_peer_that_is_refused_is_told_and_not_sent_to)
{
    peer = net_addr("10.0.0.1:1");
    start(false);
    ck_assert_int_eq(say("x"), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_REFUSED], 1);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_REFUSED)->ev.code, 403);
    ck_assert_int_eq(say("x"), IT_ERR_PERM);
    ck_assert_uint_eq(n->at_peers, 0);
}
END_TEST

/* RFC 8656 section 7.4: 486 and 508, a minute at least. */
START_TEST(after_486_it_tries_again_after_a_minute_where_it_may)
{
    n->scfg.limits.user_relays = 1;
    start(false);
    n->ccfg.persist = _i;
    net_join(n, 1);
    net_run(n, n->now + IT_SEC);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 486);
    ck_assert_uint_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.lifetime, _i ? 60 : 0);
    ck_assert_int_eq(it_turn_client_close(n->c[0], n->now), 0);
    net_run(n, 61 * IT_SEC);
    ck_assert_uint_eq(n->counts[1][IT_TURN_CLIENT_ALLOCATED], 0);
    net_run(n, 62 * IT_SEC);
    ck_assert_uint_eq(n->counts[1][IT_TURN_CLIENT_ALLOCATED], (uint32_t)_i);
}
END_TEST

/* RFC 8656 section 7.4: 437 asks for another client address. */
START_TEST(after_437_another_socket_helps)
{
    start(false);
    it_turn_client_free(n->c[0]); /* crashed; the next one has its address */
    n->c[0] = NULL;
    net_join(n, 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 437);
    n->host[0].port++;
    ck_assert_int_eq(it_turn_client_rebase(n->c[0], n->now, n->ccfg.flow, n->host[0]), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 2);
}
END_TEST

/* RFC 8656 section 5: 437 to anything but Allocate: the allocation is gone. */
START_TEST(an_allocation_that_is_gone_is_told_and_made_again)
{
    n->ccfg.persist = _i;
    start(false);
    it_turn_server_free(n->s); /* the server has been started again */
    memset(n->sockets, 0, sizeof n->sockets);
    net_serve(n);
    ck_assert_int_eq(it_turn_client_permit(n->c[0], n->now, peer.ip), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 1);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_LOST)->ev.code, 437);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1u + (uint32_t)_i);
}
END_TEST

START_TEST(a_server_that_falls_silent_loses_the_allocation_when_it_ends)
{
    start(false);
    n->deaf = true;
    net_run(n, 600 * IT_SEC + 40 * IT_MS - 1);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 0);
    net_run(n, 600 * IT_SEC + 40 * IT_MS);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 1);
}
END_TEST

/* RFC 8489 section 10. */
START_TEST(it_follows_a_redirect_and_not_for_ever)
{
    n->scfg.alternate4 = net_addr("198.51.100.1:3479");
    net_serve(n);
    net_join(n, 0);
    net_run(n, 200 * IT_SEC); /* nobody answers as the other one: the net gives all to the same */
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_FAILED], 1);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 0);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 300);
}
END_TEST

/* RFC 8656 section 7.4, 420. */
START_TEST(without_dont_fragment_where_the_server_has_none)
{
    n->ccfg.dont_fragment = true;
    n->scfg.no_dont_fragment = true;
    start(false);
}
END_TEST

START_TEST(a_reservation_is_told_and_had)
{
    n->ccfg.even = n->ccfg.reserve = true;
    start(false);
    const net_event *e = net_last(n, IT_TURN_CLIENT_ALLOCATED);
    ck_assert(e->ev.has_token);
    n->ccfg.even = n->ccfg.reserve = false;
    n->ccfg.has_token = true;
    memcpy(n->ccfg.token, e->ev.token, 8);
    net_join(n, 1);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(net_last(n, IT_TURN_CLIENT_ALLOCATED)->ev.relayed[0].port, 50001);
}
END_TEST

/* RFC 8656 section 11.6. */
START_TEST(an_icmp_error_is_told)
{
    start(false);
    ck_assert_int_eq(say("x"), 0);
    net_run(n, n->now + IT_SEC);
    it_io in = {.kind = IT_IO_ERROR,
                .flow = IT_IO_BOUND_FLOW,
                .local = net_addr("198.51.100.1:50000"),
                .remote = peer,
                .icmp = {.type = 3, .code = 3}};
    ck_assert_int_eq(it_turn_server_input(n->s, n->now, &in), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ERROR], 1);
    ck_assert_uint_eq(net_last(n, IT_TURN_CLIENT_ERROR)->ev.icmp.code, 3);
    ck_assert(it_addr_eq(net_last(n, IT_TURN_CLIENT_ERROR)->ev.peer, peer));
}
END_TEST

/* RFC 8656 section 11.4: only from the server, only of peers with a permission. */
START_TEST(data_of_strangers_is_dropped)
{
    uint8_t buf[64], txid[IT_STUN_TXID] = {1};
    it_buf b;
    start(false);
    ck_assert_int_eq(say("x"), 0);
    net_run(n, n->now + IT_SEC);
    for (int i = 0; i < 3; i++) {
        it_buf_init(&b, buf, sizeof buf);
        it_stun_begin(&b, IT_STUN_INDICATION, IT_STUN_DATA, txid);
        it_stun_put_addr(&b, IT_STUN_XOR_PEER_ADDRESS, i == 1 ? net_addr("203.0.113.8:1") : peer);
        it_stun_put(&b, IT_STUN_DATA_ATTR, it_bytes_str("x"));
        int size = it_stun_end(&b);
        it_io in = {.kind = IT_IO_DGRAM,
                    .flow = n->ccfg.flow,
                    .local = n->host[0],
                    .remote = i == 2 ? net_addr("198.51.100.66:3478") : n->server,
                    .data = it_bytes_of(buf, (size_t)size)};
        ck_assert_int_eq(it_turn_client_input(n->c[0], n->now, &in), size);
        net_drain(n);
        ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 1);
    }
}
END_TEST

/* RFC 8656 section 12.6: and by channel. */
START_TEST(channel_data_without_a_permission_is_dropped)
{
    static const uint8_t DATA[] = {0x40, 0, 0, 1, 'x'};
    start(false);
    ck_assert_int_eq(it_turn_client_bind(n->c[0], n->now, peer), 0);
    it_io in = {.kind = IT_IO_DGRAM, .flow = n->ccfg.flow, .remote = n->server, .data = {DATA, sizeof DATA}};
    ck_assert_int_eq(it_turn_client_input(n->c[0], n->now, &in), 5);
    net_drain(n);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_int_eq(it_turn_client_input(n->c[0], n->now, &in), 5);
    net_drain(n);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 1);
    ck_assert(it_addr_eq(net_last(n, IT_TURN_CLIENT_DATA)->ev.peer, peer));
}
END_TEST

/* A hard ICMP error about a request of ours ends it at once (RFC 8489 section 6.2.1). */
START_TEST(a_port_that_is_closed_fails_at_once)
{
    uint8_t buf[2048];
    it_io out;
    net_join(n, 0);
    ck_assert_int_eq(it_turn_client_output(n->c[0], 0, &out, buf, sizeof buf), 1);
    it_io in = {.kind = IT_IO_ERROR,
                .flow = n->ccfg.flow,
                .local = n->host[0],
                .remote = n->server,
                .icmp = {.type = 3, .code = 3},
                .data = out.data};
    ck_assert_int_eq(it_turn_client_input(n->c[0], 0, &in), (int)in.data.n);
    net_drain(n);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 408);
}
END_TEST

/* Answers everything that the client sends with a port unreachable; how many datagrams it sends up to |until|. */
static uint32_t refuse_all(it_time until)
{
    uint8_t buf[2048];
    it_io out;
    uint32_t sent = 0;
    while (n->now < until) {
        while (it_turn_client_output(n->c[0], n->now, &out, buf, sizeof buf) == 1) {
            it_io in = {.kind = IT_IO_ERROR,
                        .flow = n->ccfg.flow,
                        .local = n->host[0],
                        .remote = n->server,
                        .icmp = {.type = 3, .code = 3},
                        .data = out.data};
            sent++;
            ck_assert_uint_lt(sent, 1000);
            ck_assert_int_eq(it_turn_client_input(n->c[0], n->now, &in), (int)in.data.n);
        }
        net_events(n, 0);
        it_time next = it_turn_client_next(n->c[0]);
        n->now = next < until ? next : until;
        if (next <= until)
            ck_assert_int_eq(it_turn_client_tick(n->c[0], n->now), 0);
    }
    net_events(n, 0);
    return sent;
}

/* What is refused at once would be refused again at once: the refreshes pause, and the allocation lives its life. */
START_TEST(hard_errors_do_not_make_a_client_ask_for_ever)
{
    n->ccfg.bind_after = 1;
    start(false);
    ck_assert_int_eq(say("x"), 0);
    net_run(n, 200 * IT_SEC);
    ck_assert_int_eq(say("x"), 0);
    net_run(n, 230 * IT_SEC);
    uint32_t sent = refuse_all(600 * IT_SEC + 40 * IT_MS);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 1);
    ck_assert_uint_gt(sent, 10);
    ck_assert_uint_lt(sent, 60); /* every five seconds: a minute of the allocation's, one of the permission's, ... */
}
END_TEST

START_TEST(what_was_refused_is_asked_for_again_after_a_minute)
{
    it_prefix deny;
    ck_assert_int_eq(it_prefix_parse(&deny, "203.0.113.0/24"), 0);
    n->scfg.policy.deny = &deny;
    n->scfg.policy.n_deny = 1;
    start(false);
    ck_assert_int_eq(say("x"), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_int_eq(say("x"), IT_ERR_PERM);
    net_run(n, n->now + 60 * IT_SEC);
    ck_assert_int_eq(say("x"), 0); /* waits for the answer */
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_REFUSED], 2);
}
END_TEST

/* A permission that was let go and is wanted again before it ends. */
START_TEST(what_is_wanted_again_is_refreshed_again)
{
    start(false);
    ck_assert_int_eq(it_turn_client_permit(n->c[0], n->now, peer.ip), 0);
    net_run(n, n->now + IT_SEC);
    it_turn_client_forget(n->c[0], peer.ip);
    net_run(n, 250 * IT_SEC); /* its refresh was due, and was not made */
    ck_assert_int_eq(it_turn_client_permit(n->c[0], n->now, peer.ip), 0);
    net_run(n, 310 * IT_SEC);
    it_turn_client_permit(n->c[0], n->now, peer.ip);
    n->echo = true;
    ck_assert_int_eq(say("x"), 0);
    uint32_t out = n->client_out[0];
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->client_out[0], out + 1); /* nothing but the datagram */
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 1);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_PERMITTED], 1);
}
END_TEST

/* The table is no grave of refusals. */
START_TEST(refused_peers_make_room_for_others)
{
    it_prefix deny;
    ck_assert_int_eq(it_prefix_parse(&deny, "203.0.0.0/16"), 0);
    n->scfg.policy.deny = &deny;
    n->scfg.policy.n_deny = 1;
    start(false);
    for (uint32_t i = 0; i < IT_TURN_CLIENT_PEERS; i++) {
        ck_assert_int_eq(it_turn_client_permit(n->c[0], n->now, it_ip4(0xcb000000u + i)), 0);
        if (i % 16 == 15)
            net_run(n, n->now + 100 * IT_MS);
    }
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_REFUSED], IT_TURN_CLIENT_PEERS);
    ck_assert_int_eq(it_turn_client_permit(n->c[0], n->now, it_ip4(0xcb010001u)), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_PERMITTED], 1);
}
END_TEST

/* A stream that ends takes the 5-tuple with it; the server lets the allocation go. */
START_TEST(a_stream_that_is_cut_loses_the_allocation)
{
    n->ccfg.persist = _i;
    start(true);
    it_io rst = {.kind = IT_IO_RST, .flow = IT_IO_ACCEPTED_FLOW, .end = IT_IO_END_TIMEOUT};
    ck_assert_int_eq(it_turn_server_input(n->s, n->now, &rst), 0);
    ck_assert_uint_eq(it_turn_server_allocations(n->s), 0);
    rst.flow = n->ccfg.flow;
    ck_assert_int_eq(it_turn_client_input(n->c[0], n->now, &rst), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 1);
    ck_assert_str_eq(net_last(n, IT_TURN_CLIENT_LOST)->ev.why, "the connection timed out");
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1u + (uint32_t)_i);
}
END_TEST

/* RFC 8656 section 21.3: a stream without messages does not stay. */
START_TEST(an_idle_stream_is_reset_after_a_minute)
{
    n->ccfg.stream = true;
    net_serve(n);
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = IT_IO_ACCEPTED_FLOW + 9, .local = n->server, .remote = n->host[1]};
    ck_assert_int_eq(it_turn_server_input(n->s, 0, &in), 0);
    ck_assert(it_turn_server_next(n->s) == 60 * IT_SEC);
    uint8_t buf[1500];
    it_io out;
    ck_assert_int_eq(it_turn_server_tick(n->s, 60 * IT_SEC), 0);
    ck_assert_int_eq(it_turn_server_output(n->s, 60 * IT_SEC, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert_int_eq(it_turn_server_output(n->s, 60 * IT_SEC, &out, buf, sizeof buf), 0);
    ck_assert(it_turn_server_next(n->s) == IT_NEVER);
}
END_TEST

START_TEST(streams_beyond_the_limit_are_reset)
{
    uint8_t buf[1500];
    it_io out;
    n->scfg.limits.streams = 2;
    net_serve(n);
    for (uint32_t i = 0; i < 3; i++) {
        it_io in = {.kind = IT_IO_ACCEPTED, .flow = IT_IO_ACCEPTED_FLOW + i, .local = n->server, .remote = n->host[i]};
        ck_assert_int_eq(it_turn_server_input(n->s, 0, &in), 0);
    }
    ck_assert_int_eq(it_turn_server_output(n->s, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert_uint_eq(out.flow, IT_IO_ACCEPTED_FLOW + 2);
}
END_TEST

/* Loss, doubling, reordering: transactions and refreshes hold, and data comes but for what was lost. */
START_TEST(it_holds_over_a_bad_path)
{
    int sent = 0;
    net_free(n);
    n = net_new((uint64_t)_i + 100, NULL);
    n->loss = 100000;
    n->twice = 50000;
    n->late = 200000;
    n->ccfg.bind_after = 2;
    n->ccfg.persist = true;
    n->echo = true;
    net_serve(n);
    net_join(n, 0);
    net_run(n, 60 * IT_SEC);
    ck_assert_uint_ge(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
    for (; n->now < 1800 * IT_SEC; sent++) {
        (void)say("data");
        net_run(n, n->now + 5 * IT_SEC);
    }
    ck_assert_uint_ge(n->counts[0][IT_TURN_CLIENT_DATA] * 100, (uint32_t)sent * 50); /* 0.9^4 and what waits */
    ck_assert_uint_le(it_turn_server_allocations(n->s), 1);
    ck_assert_int_eq(it_turn_client_close(n->c[0], n->now), 0);
    net_run(n, n->now + 700 * IT_SEC);
    ck_assert_uint_eq(it_turn_server_allocations(n->s), 0);
}
END_TEST

/* Two clients that both reach only the server. */
START_TEST(two_clients_meet_through_their_relayed_addresses)
{
    n->scfg.relayed_peers = true;
    start(false);
    net_join(n, 1);
    net_run(n, n->now + IT_SEC);
    it_addr a = net_addr("198.51.100.1:50000"), b = net_addr("198.51.100.1:50001");
    ck_assert_int_eq(it_turn_client_permit(n->c[0], n->now, b.ip), 0);
    ck_assert_int_eq(it_turn_client_permit(n->c[1], n->now, a.ip), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_int_eq(it_turn_client_send(n->c[0], n->now, b, it_bytes_str("x"), false), 0);
    n->echo = false;
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->at_peers, 1);
    net_peer_send(n, a, b, it_bytes_str("x"));
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[1][IT_TURN_CLIENT_DATA], 1);
}
END_TEST

/* --- answers by hand --- */

/* The next message that the client sends, in |m|; its bytes live until the next call. */
static void asked(it_stun_msg *m, uint16_t method)
{
    static uint8_t buf[2048];
    it_io out;
    ck_assert_int_eq(it_turn_client_output(n->c[0], n->now, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(it_stun_parse(m, out.data), 0);
    ck_assert_uint_eq(m->method, method);
    ck_assert_int_eq(m->cls, IT_STUN_REQUEST);
}

/* Begins an answer to |m| in |b|. */
static void answer_begin(it_buf *b, const it_stun_msg *m, int code)
{
    static uint8_t buf[2048];
    it_buf_init(b, buf, sizeof buf);
    it_stun_begin(b, code ? IT_STUN_ERROR : IT_STUN_SUCCESS, m->method, m->txid);
    if (code)
        it_stun_put_error(b, code, NULL);
}

static void answer_end(it_buf *b)
{
    int size = it_stun_end(b);
    ck_assert_int_gt(size, 0);
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = n->ccfg.flow,
                .local = n->host[0],
                .remote = n->server,
                .data = it_bytes_of(b->p, (size_t)size)};
    ck_assert_int_eq(it_turn_client_input(n->c[0], n->now, &in), size);
    net_events(n, 0);
}

/* RFC 8489 section 6.3.4: whatever the code would mean. */
START_TEST(an_error_with_an_unknown_attribute_fails)
{
    static const int CODES[] = {300, 401, 438, 486, 500};
    it_stun_msg m;
    it_buf b;
    uint8_t buf[64];
    it_io out;
    net_join(n, 0);
    asked(&m, IT_STUN_ALLOCATE);
    answer_begin(&b, &m, CODES[_i]);
    it_stun_put_addr(&b, IT_STUN_ALTERNATE_SERVER, net_addr("198.51.100.1:3479"));
    it_stun_put(&b, IT_STUN_REALM, it_bytes_str("example.org"));
    it_stun_put(&b, IT_STUN_NONCE, it_bytes_str("nonce"));
    it_stun_put(&b, 0x7777, it_bytes_str("what"));
    answer_end(&b);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 500);
    ck_assert_int_eq(it_turn_client_output(n->c[0], n->now, &out, buf, sizeof buf), 0);
}
END_TEST

/* RFC 8656 section 7.2, step 8: both families are a request for IPv4 and another one. */
START_TEST(where_both_families_are_refused_ipv6_is_asked_for_alone)
{
    it_stun_msg m;
    it_buf b;
    uint32_t family = 0;
    n->ccfg.additional = true;
    net_join(n, 0);
    asked(&m, IT_STUN_ALLOCATE);
    ck_assert_ptr_nonnull(it_stun_get(&m, IT_STUN_ADDITIONAL_ADDRESS_FAMILY));
    answer_begin(&b, &m, 440);
    answer_end(&b);
    asked(&m, IT_STUN_ALLOCATE);
    ck_assert_ptr_null(it_stun_get(&m, IT_STUN_ADDITIONAL_ADDRESS_FAMILY));
    ck_assert_int_eq(it_stun_get_u32(&m, IT_STUN_REQUESTED_ADDRESS_FAMILY, &family), 0);
    ck_assert_uint_eq(family, IT_TURN_FAMILY6);
    answer_begin(&b, &m, 440); /* this one is not asked again */
    answer_end(&b);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 440);
}
END_TEST

/* RFC 8489 section 14.8: anybody on the path can write one. */
START_TEST(a_redirect_that_is_not_signed_is_not_followed)
{
    it_stun_msg m;
    it_buf b;
    net_join(n, 0);
    asked(&m, IT_STUN_ALLOCATE);
    answer_begin(&b, &m, 300);
    it_stun_put_addr(&b, IT_STUN_ALTERNATE_SERVER, net_addr("203.0.113.66:3478"));
    answer_end(&b);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 300);
    ck_assert(it_addr_eq(it_turn_client_server(n->c[0]), n->server));
}
END_TEST

/* RFC 8656 section 7.3: it is there, and cannot be used. */
START_TEST(an_allocation_without_an_address_is_given_back)
{
    it_stun_msg m;
    it_buf b;
    uint32_t lifetime = 1;
    net_join(n, 0);
    asked(&m, IT_STUN_ALLOCATE);
    answer_begin(&b, &m, 0);
    it_stun_put_u32(&b, IT_STUN_LIFETIME, 600);
    if (_i)
        it_stun_put_addr(&b, IT_STUN_XOR_RELAYED_ADDRESS, net_addr("198.51.100.1:50000"));
    else
        it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, n->host[0]);
    answer_end(&b);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 500);
    ck_assert(!it_turn_client_over(n->c[0]));
    asked(&m, IT_STUN_REFRESH);
    ck_assert_int_eq(it_stun_get_u32(&m, IT_STUN_LIFETIME, &lifetime), 0);
    ck_assert_uint_eq(lifetime, 0);
    answer_begin(&b, &m, 0);
    it_stun_put_u32(&b, IT_STUN_LIFETIME, 0);
    answer_end(&b);
    ck_assert(it_turn_client_over(n->c[0]));
    ck_assert(it_turn_client_next(n->c[0]) == IT_NEVER); /* and no other one is tried for */
}
END_TEST

/* RFC 8489 section 9.2.5: over a stream no other response will come. */
START_TEST(a_forged_response_over_a_stream_fails_at_once)
{
    uint8_t wire[2048];
    it_buf b;
    it_stun_msg m;
    start(true);
    ck_assert_int_eq(it_turn_client_permit(n->c[0], n->now, peer.ip), 0);
    it_io out;
    ck_assert_int_eq(it_turn_client_output(n->c[0], n->now, &out, wire, sizeof wire), 1);
    ck_assert_int_eq(it_stun_parse(&m, out.data), 0);
    answer_begin(&b, &m, 0);
    int size = it_stun_end(&b);
    it_io in = {.kind = IT_IO_DATA, .flow = n->ccfg.flow, .data = it_bytes_of(b.p, (size_t)size)};
    ck_assert_int_eq(it_turn_client_input(n->c[0], n->now, &in), size);
    net_events(n, 0);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_PERMITTED], 0);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_REFUSED)->ev.code, 408);
}
END_TEST

/* RFC 8489 section 10: to the other server, with the same credentials. */
START_TEST(a_redirect_is_followed_to_the_other_server)
{
    it_addr other = net_addr("198.51.100.2:3479");
    n->scfg.alternate4 = other;
    net_serve(n);
    net_join(n, 0);
    net_run(n, 45 * IT_MS); /* 401, 300: what is on its way goes to the other one */
    ck_assert(it_addr_eq(it_turn_client_server(n->c[0]), other));
    it_turn_server_free(n->s);
    n->server = other;
    n->scfg.alternate4 = (it_addr){{0, 0}, 0};
    net_serve(n);
    net_run(n, IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
    ck_assert(it_ip_eq(net_last(n, IT_TURN_CLIENT_ALLOCATED)->ev.relayed[0].ip, other.ip));
    n->echo = true;
    ck_assert_int_eq(say("x"), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 1);
}
END_TEST

/* RFC 8656 section 8.3: what the server grants is what counts, and it may be less than was asked for. */
START_TEST(the_lifetime_that_was_granted_governs)
{
    n->scfg.limits.lifetime = n->scfg.limits.max_lifetime = 120;
    n->ccfg.lifetime = 3000;
    start(false);
    ck_assert_uint_eq(net_last(n, IT_TURN_CLIENT_ALLOCATED)->ev.lifetime, 120);
    ck_assert(it_turn_client_next(n->c[0]) == 40 * IT_MS + 60 * IT_SEC);
    net_run(n, 3600 * IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 0);
    ck_assert_uint_eq(it_turn_server_allocations(n->s), 1);
}
END_TEST

/* The channel that the client's next ChannelBind request asks for. */
static uint32_t channel_asked_for(it_addr to)
{
    uint32_t number = 0;
    it_stun_msg m;
    ck_assert_int_eq(it_turn_client_permit(n->c[0], n->now, to.ip), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_int_eq(it_turn_client_bind(n->c[0], n->now, to), 0);
    asked(&m, IT_STUN_CHANNEL_BIND);
    ck_assert_int_eq(it_stun_get_u32(&m, IT_STUN_CHANNEL_NUMBER, &number), 0);
    net_run(n, n->now + 5 * IT_SEC); /* that one was lost, and is sent again */
    return number;
}

/* RFC 8656 section 12: a number goes to no other peer, and a peer has no other number, within five minutes of its end.
 */
START_TEST(a_channel_that_has_ended_is_bound_again_to_its_peer_alone)
{
    start(false);
    uint32_t first = channel_asked_for(peer);
    net_run(n, n->now + 700 * IT_SEC); /* it was not used, and ends */
    uint32_t second = channel_asked_for(net_addr("203.0.113.9:9")), again = channel_asked_for(peer);
    ck_assert_uint_eq(first, 0x4000);
    ck_assert_uint_ne(second, first);
    ck_assert_uint_eq(again, first);
}
END_TEST

/* RFC 8656 section 7.4: a family that is not there is not asked for again. */
START_TEST(after_440_it_does_not_try_again)
{
    n->scfg.no_relay4 = true;
    n->ccfg.persist = true;
    net_serve(n);
    net_join(n, 0);
    net_run(n, IT_SEC);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 440);
    ck_assert_uint_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.lifetime, 0);
    uint32_t out = n->client_out[0];
    net_run(n, 3600 * IT_SEC);
    ck_assert_uint_eq(n->client_out[0], out);
}
END_TEST

/* RFC 8656 section 8.3: 438 to a deletion is tried again, and 437 says that it is gone already. */
START_TEST(a_deletion_of_what_is_gone_succeeds)
{
    start(_i);
    if (_i == 0) { /* the server has been started again: it knows neither the nonce nor the allocation */
        it_turn_server_free(n->s);
        memset(n->sockets, 0, sizeof n->sockets);
        it_rng_init(&n->scfg.rng, 2, "server");
        net_serve(n);
    }
    uint32_t out = n->client_out[0];
    ck_assert_int_eq(it_turn_client_close(n->c[0], n->now), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_CLOSED], 1);
    ck_assert_uint_eq(n->client_out[0] - out, 2); /* the request twice; over the stream once, and its end */
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 0);
}
END_TEST

/* What comes at once over a stream waits there until it is taken. */
START_TEST(many_messages_at_once_are_all_taken)
{
    enum { MESSAGES = 200 };
    uint8_t wire[MESSAGES * 8];
    start(true);
    ck_assert_int_eq(it_turn_client_bind(n->c[0], n->now, peer), 0);
    net_run(n, n->now + IT_SEC);
    for (int i = 0; i < MESSAGES; i++) {
        it_turn_channel_head(wire + 8 * i, IT_TURN_CHANNEL_FIRST, 4);
        it_put32(wire + 8 * i + 4, (uint32_t)i);
    }
    it_io in = {.kind = IT_IO_DATA, .flow = n->ccfg.flow, .data = it_bytes_of(wire, sizeof wire)};
    int taken = it_turn_client_input(n->c[0], n->now, &in);
    ck_assert_int_gt(taken, 40 * 8);
    ck_assert_int_lt(taken, (int)sizeof wire);
    in.data = it_bytes_of(wire + taken, sizeof wire - (size_t)taken);
    net_carry(n, &in, 0, n->now + IT_MS);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], MESSAGES);
    ck_assert_uint_eq(it_get32(net_last(n, IT_TURN_CLIENT_DATA)->ev.data.p), MESSAGES - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/client");
    TCase *tc = tcase_create("RFC 8656");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, it_allocates_with_a_challenge, 0, 2);
    tcase_add_loop_test(tc, what_is_sent_waits_for_its_permission_and_the_answer_comes, 0, 2);
    tcase_add_test(tc, requests_say_what_software_asks);
    tcase_add_loop_test(tc, datagrams_as_large_as_a_path_takes_are_relayed_whole, 0, 8);
    tcase_add_test(tc, what_waits_is_bounded);
    tcase_add_loop_test(tc, a_busy_peer_gets_a_channel, 0, 2);
    tcase_add_loop_test(tc, everything_is_refreshed_for_hours, 0, 2);
    tcase_add_test(tc, refreshes_are_due_at_their_instants);
    tcase_add_loop_test(tc, closing_deletes_the_allocation, 0, 2);
    tcase_add_test(tc, closing_while_it_allocates_leaves_nothing);
    tcase_add_test(tc, closing_towards_a_server_that_is_gone_ends);
    tcase_add_loop_test(tc, without_an_answer_it_is_408_after_39_5_s, 0, 2);
    tcase_add_test(tc, wrong_credentials_fail_with_401);
    tcase_add_test(tc, a_peer_that_is_refused_is_told_and_not_sent_to);
    tcase_add_loop_test(tc, after_486_it_tries_again_after_a_minute_where_it_may, 0, 2);
    tcase_add_test(tc, after_437_another_socket_helps);
    tcase_add_loop_test(tc, an_allocation_that_is_gone_is_told_and_made_again, 0, 2);
    tcase_add_test(tc, a_server_that_falls_silent_loses_the_allocation_when_it_ends);
    tcase_add_test(tc, it_follows_a_redirect_and_not_for_ever);
    tcase_add_test(tc, without_dont_fragment_where_the_server_has_none);
    tcase_add_test(tc, a_reservation_is_told_and_had);
    tcase_add_test(tc, an_icmp_error_is_told);
    tcase_add_test(tc, data_of_strangers_is_dropped);
    tcase_add_test(tc, channel_data_without_a_permission_is_dropped);
    tcase_add_test(tc, a_port_that_is_closed_fails_at_once);
    tcase_add_test(tc, hard_errors_do_not_make_a_client_ask_for_ever);
    tcase_add_test(tc, what_was_refused_is_asked_for_again_after_a_minute);
    tcase_add_test(tc, what_is_wanted_again_is_refreshed_again);
    tcase_add_test(tc, refused_peers_make_room_for_others);
    tcase_add_loop_test(tc, a_stream_that_is_cut_loses_the_allocation, 0, 2);
    tcase_add_test(tc, an_idle_stream_is_reset_after_a_minute);
    tcase_add_test(tc, streams_beyond_the_limit_are_reset);
    tcase_add_loop_test(tc, it_holds_over_a_bad_path, 0, 20);
    tcase_add_test(tc, two_clients_meet_through_their_relayed_addresses);
    tcase_add_loop_test(tc, an_error_with_an_unknown_attribute_fails, 0, 5);
    tcase_add_test(tc, where_both_families_are_refused_ipv6_is_asked_for_alone);
    tcase_add_test(tc, a_redirect_that_is_not_signed_is_not_followed);
    tcase_add_loop_test(tc, an_allocation_without_an_address_is_given_back, 0, 2);
    tcase_add_test(tc, a_forged_response_over_a_stream_fails_at_once);
    tcase_add_test(tc, a_redirect_is_followed_to_the_other_server);
    tcase_add_test(tc, the_lifetime_that_was_granted_governs);
    tcase_add_test(tc, a_channel_that_has_ended_is_bound_again_to_its_peer_alone);
    tcase_add_test(tc, after_440_it_does_not_try_again);
    tcase_add_loop_test(tc, a_deletion_of_what_is_gone_succeeds, 0, 2);
    tcase_add_test(tc, many_messages_at_once_are_all_taken);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
