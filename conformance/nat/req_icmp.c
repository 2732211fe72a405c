/* RFC 5508 (BCP 148): ICMP. */
#include "conformance/nat/req.h"

#include "base/cksum.h"

#include <inttypes.h>

/* --- queries --- */

static const it_pkt *ping(it_probe *b, int host, uint16_t id)
{
    it_probe_pkt q = {.proto = IT_PROTO_ICMP, .src = it_xp(1, id), .dst = it_sp(host, 0), .size = 16};
    return it_probe_send(b, IT_SIDE_IN, &q) ? it_probe_out(b, IT_SIDE_OUT, 0) : NULL;
}

/* The reply of S|host| to the query |out|; true when X1 gets it with identifier |id|. */
static bool pong(it_probe *b, int host, const it_pkt *out, uint16_t id)
{
    it_probe_pkt r = {
        .proto = IT_PROTO_ICMP, .flags = 1, .src = it_sp(host, out->sport), .dst = it_addr_of(out->src, 0), .size = 16};
    it_probe_send(b, IT_SIDE_OUT, &r);
    const it_pkt *in = it_probe_out(b, IT_SIDE_IN, 0);
    return in && in->proto == IT_PROTO_ICMP && in->sport == id && it_ip_eq(in->dst, it_probe_x(1));
}

static enum it_req_verdict req1(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool out = false, in = false;
    if (it_measure_bench(c, &b)) {
        const it_pkt *q = ping(&b, 1, 700);
        it_pkt copy = q ? *q : (it_pkt){0};
        out = q != NULL;
        in = q && pong(&b, 1, &copy, 700);
    }
    it_req_end(c, &b);
    return it_req_say(why, out && in, "the query %s, the reply %s", out ? "passes" : "is dropped",
                      in ? "comes back" : "does not");
}

static enum it_req_verdict req1a(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool same = false;
    if (it_measure_bench(c, &b)) {
        const it_pkt *q = ping(&b, 1, 700);
        uint16_t one = q ? q->sport : 0;
        q = ping(&b, 2, 700);
        same = q && q->sport == one;
    }
    it_req_end(c, &b);
    return it_req_say(why, same, "%s identifier towards another host", same ? "the same" : "another");
}

static enum it_req_verdict req2(it_measure_ctx *c, char *why)
{
    it_time t = it_measure_get(c, "icmp.query_timeout");
    return it_req_say(why, t >= 60 * IT_SEC, "a query session ends after %" PRId64 " s", t / IT_SEC);
}

/* --- errors --- */

/* An error about what X1 sent to S1, to be bent before it is put in. */
typedef struct letter {
    it_probe b;
    bool ok; /* the bench stands and X1's packet came out */
    it_addr x, s, e;
    uint8_t ip[IT_PKT_MAX];
    size_t n;
} letter;

static uint8_t *icmp_of(letter *l)
{
    return l->ip + 20;
}

static uint8_t *inner_of(letter *l)
{
    return l->ip + 28;
}

static void seal(letter *l)
{
    it_put16(l->ip + 2, (uint16_t)l->n);
    it_put16(l->ip + 10, 0);
    it_put16(l->ip + 10, it_sum_fold(it_sum_add(0, l->ip, 20)));
    it_put16(icmp_of(l) + 2, 0);
    it_put16(icmp_of(l) + 2, it_sum_fold(it_sum_add(0, icmp_of(l), l->n - 20)));
}

static void seal_inner(letter *l)
{
    size_t h = (size_t)(inner_of(l)[0] & 15) * 4;
    it_put16(inner_of(l) + 10, 0);
    it_put16(inner_of(l) + 10, it_sum_fold(it_sum_add(0, inner_of(l), h)));
}

/* Writes error |type|, |code| by |from| about |about| into |l|. */
static void write_error(letter *l, it_ip from, const it_pkt *about, uint8_t type, uint8_t code)
{
    it_pkt e = {.head = IT_PKT_HEADROOM}, copy = *about;
    l->ok = it_pkt_icmp_error(&e, from, &copy, type, code, 0) == 0;
    if (!l->ok)
        return;
    l->n = e.len;
    memcpy(l->ip, e.buf + e.head, e.len);
}

static void begin_letter(it_measure_ctx *c, letter *l, uint8_t type, uint8_t code)
{
    *l = (letter){.x = it_xp(1, 5000), .s = it_sp(1, 8000)};
    if (!it_measure_bench(c, &l->b))
        return;
    l->e = it_probe_map(&l->b, l->x, l->s);
    const it_pkt *out = it_probe_out(&l->b, IT_SIDE_OUT, 0);
    it_pkt about = out ? *out : (it_pkt){0};
    if (out)
        write_error(l, l->s.ip, &about, type, code);
}

/* Puts the letter in outside; what reached the inside, or NULL. */
static const it_pkt *post(letter *l)
{
    if (l->ok)
        it_probe_raw(&l->b, IT_SIDE_OUT, it_bytes_of(l->ip, l->n));
    return l->ok ? it_probe_out(&l->b, IT_SIDE_IN, 0) : NULL;
}

/* True when |in| names X1's packet as X1 sent it. */
static bool is_ours(const letter *l, const it_pkt *in)
{
    it_addr src, dst;
    return in && it_ip_eq(in->dst, l->x.ip) && it_probe_inner(in, &src, &dst) && it_addr_eq(src, l->x) &&
           it_addr_eq(dst, l->s);
}

static enum it_req_verdict req3(it_measure_ctx *c, char *why)
{
    letter l;
    begin_letter(c, &l, 3, 3);
    icmp_of(&l)[2] ^= 0x55;
    bool passed = post(&l) != NULL;
    it_req_end(c, &l.b);
    return it_req_say(why, l.ok && !passed, "an error with a wrong checksum %s", passed ? "passes" : "is dropped");
}

static enum it_req_verdict req3a(it_measure_ctx *c, char *why)
{
    letter l;
    begin_letter(c, &l, 3, 3);
    inner_of(&l)[10] ^= 0x55;
    seal(&l);
    bool passed = post(&l) != NULL;
    it_req_end(c, &l.b);
    return it_req_say(why, l.ok && !passed, "a wrong embedded IP checksum %s", passed ? "passes" : "is dropped");
}

static enum it_req_verdict req3b(it_measure_ctx *c, char *why)
{
    letter l;
    begin_letter(c, &l, 3, 3);
    memmove(inner_of(&l) + 24, inner_of(&l) + 20, l.n - 48); /* four bytes of options, no-operation */
    memset(inner_of(&l) + 20, 1, 4);
    inner_of(&l)[0] = 0x46;
    l.n += 4;
    seal_inner(&l);
    seal(&l);
    bool ours = is_ours(&l, post(&l));
    it_req_end(c, &l.b);
    return it_req_say(why, ours, "an embedded packet with IP options is %s", ours ? "understood" : "not understood");
}

static enum it_req_verdict req3c(it_measure_ctx *c, char *why)
{
    letter l;
    begin_letter(c, &l, 3, 3);
    inner_of(&l)[20 + 6] ^= 0x55;
    seal(&l);
    bool ours = is_ours(&l, post(&l));
    it_req_end(c, &l.b);
    return it_req_say(why, ours, "a wrong embedded UDP checksum %s", ours ? "does not matter" : "stops the error");
}

static enum it_req_verdict req4(it_measure_ctx *c, char *why)
{
    letter l;
    begin_letter(c, &l, 3, 3);
    it_put16(inner_of(&l) + 20, (uint16_t)(l.e.port + 1)); /* a port without a mapping */
    seal(&l);
    bool quiet = post(&l) == NULL && l.b.n_got == 0;
    it_req_end(c, &l.b);
    return it_req_say(why, l.ok && quiet, "an error about no mapping %s",
                      quiet ? "is dropped silently" : "is not dropped silently");
}

static enum it_req_verdict req4a(it_measure_ctx *c, char *why)
{
    letter l;
    begin_letter(c, &l, 3, 3);
    bool ours = is_ours(&l, post(&l));
    it_req_end(c, &l.b);
    return it_req_say(why, ours, "the embedded headers %s those of the host", ours ? "are" : "are not");
}

static enum it_req_verdict req4b(it_measure_ctx *c, char *why)
{
    letter l;
    begin_letter(c, &l, 3, 10);
    const it_pkt *in = post(&l);
    bool same = in && in->buf[in->head + in->l4] == 3 && in->buf[in->head + in->l4 + 1] == 10;
    bool valid = in && it_pkt_cksum_ok(in);
    it_req_end(c, &l.b);
    return it_req_say(why, same && valid, "type and code %s, checksum %s", same ? "kept" : "changed",
                      valid ? "right" : "wrong");
}

/* True when the error |p| (NULL: none came) is about a packet from |src| to |dst|. */
static bool is_about(const it_pkt *p, it_addr src, it_addr dst)
{
    it_addr from, to;
    return p && it_probe_inner(p, &from, &to) && it_addr_eq(from, src) && it_addr_eq(to, dst);
}

/* An inside host answers a datagram with an error. */
static enum it_req_verdict req5(it_measure_ctx *c, char *why)
{
    letter l;
    bool inner = false, outer = false;
    begin_letter(c, &l, 3, 3);
    if (l.ok && it_probe_reach(&l.b, l.s, l.e, l.x)) {
        it_pkt about = *it_probe_out(&l.b, IT_SIDE_IN, 0);
        const it_pkt *out = it_probe_error(&l.b, IT_SIDE_IN, l.x.ip, &about, 3, 3, 0);
        inner = is_about(out, l.s, l.e);
        outer = out && it_ip_eq(out->src, l.e.ip) && it_ip_eq(out->dst, l.s.ip);
    }
    it_req_end(c, &l.b);
    return it_req_say(why, inner && outer, "an inside error leaves with %s embedded headers and %s source",
                      inner ? "translated" : "wrong", outer ? "the external" : "a wrong");
}

/* REQ-6: an error about a query neither ends nor refreshes its session. */
static enum it_req_verdict req6(it_measure_ctx *c, char *why)
{
    it_time t = it_measure_get(c, "icmp.query_timeout");
    bool alive[2] = {false, false};
    for (int k = 0; k < 2; k++) { /* 0: ended? 1: refreshed? */
        letter l = {.x = it_xp(1, 700), .s = it_sp(1, 0)};
        if (it_measure_bench(c, &l.b)) {
            const it_pkt *q = ping(&l.b, 1, 700);
            it_pkt out = q ? *q : (it_pkt){0};
            it_probe_wait(&l.b, t / 2);
            if (q)
                write_error(&l, l.s.ip, &out, 3, 1);
            post(&l);
            it_probe_wait(&l.b, k == 0 ? 1 : t / 2 + 1);
            alive[k] = q && pong(&l.b, 1, &out, 700);
        }
        it_req_end(c, &l.b);
    }
    return it_req_say(why, alive[0] && !alive[1], "an error about a query %s",
                      !alive[0]  ? "ends its session"
                      : alive[1] ? "refreshes its session"
                                 : "leaves its session alone");
}

static enum it_req_verdict req7(it_measure_ctx *c, char *why)
{
    it_probe b;
    it_addr x1 = it_xp(1, 5001), x2 = it_xp(2, 5002), src, dst;
    bool met = false, ok = false;
    if (it_measure_get(c, "hairpin") == IT_NAT_HAIRPIN_NONE)
        return it_req_na(why, "no hairpinning");
    if (it_measure_bench(c, &b)) {
        it_addr e1 = it_probe_map(&b, x1, it_sp(1, 80)), e2 = it_probe_map(&b, x2, it_sp(1, 80));
        it_probe_pkt there = {.proto = IT_PROTO_UDP, .src = x1, .dst = e2, .size = 8},
                     back = {.proto = IT_PROTO_UDP, .src = x2, .dst = e1, .size = 8};
        it_probe_send(&b, IT_SIDE_IN, &there);
        it_probe_send(&b, IT_SIDE_IN, &back);
        const it_pkt *p = it_probe_send(&b, IT_SIDE_IN, &there);
        it_pkt about = p ? *p : (it_pkt){0};
        met = p != NULL;
        if (p)
            it_probe_error(&b, IT_SIDE_IN, x2.ip, &about, 3, 3, 0);
        const it_pkt *in = p ? it_probe_icmp(&b, IT_SIDE_IN) : NULL;
        ok = in && it_ip_eq(in->dst, x1.ip) && it_probe_inner(in, &src, &dst) && it_addr_eq(src, x1) &&
             it_addr_eq(dst, e2);
    }
    it_req_end(c, &b);
    return it_req_say(why, ok,
                      !met ? "hairpinned packets do not arrive"
                      : ok ? "an error about a hairpinned packet comes back"
                           : "an error about a hairpinned packet is lost");
}

static enum it_req_verdict req10a(it_measure_ctx *c, char *why)
{
    static const uint8_t KINDS[][2] = {{3, 1}, {3, 3}, {3, 4}, {11, 0}, {11, 1}};
    int n = 0;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        letter l;
        begin_letter(c, &l, KINDS[i][0], KINDS[i][1]);
        n += is_ours(&l, post(&l));
        it_req_end(c, &l.b);
    }
    bool echo = req1(c, why) == IT_REQ_PASS;
    return it_req_say(why, n == 5 && echo, "%d of 5 kinds of unreachable and time exceeded pass, echo %s", n,
                      echo ? "passes" : "does not");
}

const it_req it_req_icmp[] = {
    {"RFC5508-REQ-1", "MUST", "queries go out and their replies come in", req1},
    {"RFC5508-REQ-1a", "SHOULD", "a query's identifier maps the same towards every host", req1a},
    {"RFC5508-REQ-2", "MUST NOT", "no query session ends before 60 s", req2},
    {"RFC5508-REQ-3", "SHOULD", "an error with a wrong checksum is dropped", req3},
    {"RFC5508-REQ-3a", "SHOULD", "an error with a wrong embedded IP checksum is dropped", req3a},
    {"RFC5508-REQ-3b", "MUST", "embedded IP options are skipped", req3b},
    {"RFC5508-REQ-3c", "SHOULD", "the embedded transport checksum is not checked", req3c},
    {"RFC5508-REQ-4", "SHOULD", "an error about no mapping is dropped silently", req4},
    {"RFC5508-REQ-4a", "MUST", "an error from outside has its embedded headers translated back", req4a},
    {"RFC5508-REQ-4b", "MUST", "an error from outside keeps its type and code", req4b},
    {"RFC5508-REQ-5", "MUST", "an error from inside is translated, embedded headers and source", req5},
    {"RFC5508-REQ-6", "MUST NOT", "an error about a query neither ends nor refreshes its session", req6},
    {"RFC5508-REQ-7", "MUST", "errors about hairpinned packets come back", req7},
    {"RFC5508-REQ-10a", "MUST", "unreachable, time exceeded and echo are supported", req10a},
    {0},
};
