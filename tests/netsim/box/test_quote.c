/* What an ICMP error quotes, read behind headers of any kind and cut off anywhere. */
#include "netsim/box/quote.h"

#include "tests/netsim/box.h"

enum { HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTH = 51, NONE = 59, DEST = 60 };

/* An error that quotes the first |n| of |ip|'s bytes. */
static it_pkt *error_about(it_bytes ip, size_t n)
{
    static it_pkt e;
    bool v4 = ip.p[0] >> 4 == 4;
    memset(&e, 0, offsetof(it_pkt, buf));
    it_pkt_icmp_msg m = {.src = I(v4 ? "192.0.2.1" : "2001:db8::9"),
                         .dst = I(v4 ? "10.0.0.2" : "2001:db8:1::2"),
                         .type = v4 ? 3 : 1,
                         .body = it_bytes_of(ip.p, n)};
    ck_assert_int_eq(it_pkt_icmp(&e, &m), 0);
    return &e;
}

/* An IPv6 packet with |n| extension headers of |kinds|, then UDP 5000 to 53. */
static it_bytes with_headers(uint8_t out[IT_PKT_MAX], const uint8_t *kinds, size_t n, uint16_t frag)
{
    uint8_t data[256] = {0};
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        data[at] = i + 1 < n ? kinds[i + 1] : IT_PROTO_UDP;
        if (kinds[i] == FRAGMENT) {
            it_put16(data + at + 2, frag);
            it_put32(data + at + 4, 77);
        }
        data[at + 1] = kinds[i] == AUTH ? 1 : 0; /* RFC 4302 section 2.2: 12 bytes */
        at += kinds[i] == AUTH ? 12 : 8;
    }
    it_put16(data + at, 5000);
    it_put16(data + at + 2, 53);
    it_put16(data + at + 4, 8);
    return box_ip_bytes(out, I("2001:db8:1::2"), I("2001:db8:2::1"), n ? kinds[0] : IT_PROTO_UDP,
                        it_bytes_of(data, at + 8));
}

static const struct {
    uint8_t kinds[4];
    size_t n;
} CHAINS[] = {
    {{0}, 0},
    {{HOP}, 1},
    {{DEST}, 1},
    {{ROUTING}, 1},
    {{FRAGMENT}, 1},
    {{AUTH}, 1},
    {{HOP, DEST, ROUTING, FRAGMENT}, 4},
    {{ROUTING, AUTH, DEST}, 3},
};

START_TEST(ends_are_found_behind_any_headers)
{
    uint8_t buf[IT_PKT_MAX];
    it_quote q;
    it_bytes ip = with_headers(buf, CHAINS[_i].kinds, CHAINS[_i].n, 1);
    ck_assert(it_quote_read(&q, error_about(ip, ip.n)));
    ck_assert(q.proto == IT_PROTO_UDP && q.sport == 5000 && q.dport == 53);
    ck_assert(it_ip_eq(q.src, I("2001:db8:1::2")) && it_ip_eq(q.dst, I("2001:db8:2::1")));
    /* Four bytes of the transport header are enough, three are not. */
    ck_assert(it_quote_read(&q, error_about(ip, ip.n - 4)));
    ck_assert(!it_quote_read(&q, error_about(ip, ip.n - 5)));
}
END_TEST

START_TEST(a_later_fragment_has_an_identification_and_no_ports)
{
    uint8_t buf[IT_PKT_MAX];
    it_quote q;
    it_bytes ip = with_headers(buf, (const uint8_t[]){FRAGMENT}, 1, 64 | 1);
    ck_assert(it_quote_read(&q, error_about(ip, ip.n)));
    ck_assert(q.frag == 2 && q.id == 77 && q.sport == 0);
    ip = box_udp_bytes(buf, A("10.0.0.2:5000"), A("198.51.100.1:53"), 30);
    it_put16(buf + 4, 99);
    it_put16(buf + 6, 8);
    ck_assert(it_quote_read(&q, error_about(ip, ip.n)));
    ck_assert(q.frag == 2 && q.id == 99 && q.sport == 0);
    it_put16(buf + 6, 0x2000);
    ck_assert(it_quote_read(&q, error_about(ip, ip.n)));
    ck_assert(q.frag == 1 && q.sport == 5000);
}
END_TEST

START_TEST(ipv4_options_are_skipped)
{
    uint8_t buf[IT_PKT_MAX];
    it_quote q;
    it_bytes ip = box_udp_bytes(buf, A("10.0.0.2:5000"), A("198.51.100.1:53"), 30);
    memmove(buf + 24, buf + 20, ip.n - 20);
    memset(buf + 20, 1, 4);
    buf[0] = 0x46;
    ck_assert(it_quote_read(&q, error_about(it_bytes_of(buf, ip.n + 4), 32)));
    ck_assert(q.sport == 5000 && q.dport == 53 && q.n == 8);
    buf[0] = 0x4f; /* longer than what is there */
    ck_assert(!it_quote_read(&q, error_about(it_bytes_of(buf, ip.n + 4), 32)));
    buf[0] = 0x44;
    ck_assert(!it_quote_read(&q, error_about(it_bytes_of(buf, ip.n + 4), 32)));
}
END_TEST

START_TEST(what_is_no_packet_of_the_family_is_not_read)
{
    uint8_t buf[IT_PKT_MAX];
    it_quote q;
    it_bytes ip = with_headers(buf, NULL, 0, 0);
    for (size_t n = 0; n < 44; n++)
        ck_assert(!it_quote_read(&q, error_about(ip, n)));
    buf[0] = 0x45;
    it_pkt *e = error_about(ip, ip.n);
    e->ver = 6;
    ck_assert(!it_quote_read(&q, e));
    ip = with_headers(buf, NULL, 0, 0);
    buf[6] = NONE;
    ck_assert(!it_quote_read(&q, error_about(ip, ip.n)));
    /* A header that says it is longer than the packet ends it. */
    ip = with_headers(buf, (const uint8_t[]){DEST}, 1, 0);
    buf[41] = 255;
    ck_assert(!it_quote_read(&q, error_about(ip, ip.n)));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/quote");
    TCase *t = tcase_create("RFC 792, RFC 4443 section 3");
    tcase_add_loop_test(t, ends_are_found_behind_any_headers, 0, (int)(sizeof CHAINS / sizeof *CHAINS));
    tcase_add_test(t, a_later_fragment_has_an_identification_and_no_ports);
    tcase_add_test(t, ipv4_options_are_skipped);
    tcase_add_test(t, what_is_no_packet_of_the_family_is_not_read);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
