/* Packets out of the ordinary: which, and how they are made of ordinary ones. What is left out: docs/groundtruth.md. */
#include "tests/groundtruth/gt.h"

#include "base/cksum.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17 };
enum { HEAD = 20 };

const uint32_t GT_STRANGE[] = {
    0xf0000001, /* 240.0.0.1, reserved */
    0xffffffff, /* limited broadcast */
    0x0a0000ff, /* the inside's directed broadcast */
    0x0a000000, /* and its old form */
    0x00000000, /* this host */
    0x00010203, /* 0.1.2.3, of the network that once was "this" */
    0x7f000001, /* loopback */
    0xe0000005, /* multicast */
    0xcb0071ff, /* what would be a broadcast far away: an address like any other */
    GT_OWN,     GT_EXT,
};
#define STRANGES (sizeof GT_STRANGE / sizeof *GT_STRANGE)

const int32_t GT_OFFS[8] = {0, 1, -1, 1000, -1000, 70000, -70000, 0x40000000};

static const char *const NAMES[GT_ODDS] = {"plain",   "bad-ip", "bad-sum", "no-sum", "ttl",  "tos",   "no-df", "big",
                                           "udp-len", "flags",  "frag",    "to",     "from", "ports", "type",  "quote"};

const char *gt_odd_name(uint8_t odd)
{
    return odd < GT_ODDS ? NAMES[odd] : "?";
}

/* --- choosing --- */

#define PICK(r, a) ((a)[it_rng_below((r), sizeof(a) / sizeof *(a))])

static const uint8_t FOR_ALL[] = {GT_BAD_IP, GT_TTL,  GT_TTL,  GT_TTL,  GT_TOS, GT_NO_DF,
                                  GT_BIG,    GT_FRAG, GT_FRAG, GT_FRAG, GT_TO,  GT_FROM};
static const uint8_t FOR_UDP[] = {GT_BAD_SUM, GT_BAD_SUM, GT_NO_SUM, GT_UDP_LEN, GT_UDP_LEN, GT_PORTS};
static const uint8_t FOR_TCP[] = {GT_BAD_SUM, GT_FLAGS, GT_FLAGS, GT_FLAGS, GT_FLAGS, GT_FLAGS, GT_PORTS};
static const uint8_t FOR_ICMP[] = {GT_BAD_SUM, GT_TYPE, GT_TYPE, GT_TYPE, GT_TYPE};

/* SYN+FIN, SYN+RST, none, all, FIN+PSH+URG, FIN alone, RST alone and with ACK, SYN with ECE and CWR, and so on. */
static const uint8_t FLAGS[] = {3,    6,    0,    0x3f, 0x29, 1,    4, 0x14, 0x14,
                                0x14, 0xc2, 0x12, 0x13, 0x22, 0x31, 8, 0x20, 0x10};
static const uint8_t TYPES[] = {8, 13, 15, 17, 10, 9, 0, 14, 18, 30, 42, 43};

static uint8_t choose_kind(it_rng *r, const gt_step *t)
{
    if (t->op == GT_OERR || t->op == GT_IERR)
        return it_rng_below(r, 5) ? (uint8_t)GT_QUOTE : PICK(r, FOR_ALL);
    if (it_rng_below(r, 2))
        return PICK(r, FOR_ALL);
    if (t->proto == UDP)
        return PICK(r, FOR_UDP);
    return t->proto == TCP ? PICK(r, FOR_TCP) : PICK(r, FOR_ICMP);
}

/* Takes from |t| what would ask another question than what a NAT does. */
static void keep_comparable(gt_step *t, bool answers)
{
    bool untranslated =
        t->op == GT_RECV && t->aim == GT_DIRECT;          /* an error about it is, if there is a flow: by accident */
    bool boxed = t->op == GT_SEND && t->aim != GT_DIRECT; /* timestamps are the time of day */
    if (t->odd == GT_TTL && untranslated)
        t->odd = GT_PLAIN;
    if ((t->odd == GT_TYPE || t->odd == GT_TO) && boxed)
        t->odd = GT_PLAIN;
    /* Where the box itself answers, the route back to a strange address is another question. */
    if ((t->odd == GT_FROM || t->odd == GT_TO) && (boxed || (t->op == GT_RECV && answers)))
        t->odd = GT_PLAIN;
    bool known = t->proto == UDP || t->proto == TCP || t->proto == ICMP;
    if (!known && t->odd != GT_TTL && t->odd != GT_BAD_IP && t->odd != GT_TOS)
        t->odd = GT_PLAIN;
}

void gt_odd_choose(it_rng *r, gt_step *t, bool answers)
{
    uint32_t a = (uint32_t)it_rng_below(r, 65536);
    t->odd = choose_kind(r, t);
    keep_comparable(t, answers);
    switch ((enum gt_odd)t->odd) {
    case GT_TTL:
        t->y = (uint16_t)(a % 4 ? 1 : a % 3 * 2);
        break;
    case GT_TOS:
        t->y = a & 255;
        break;
    case GT_BIG:
        t->y = (uint16_t)(400 + a % 1000);
        break;
    case GT_UDP_LEN:
        t->y = (uint16_t)(t->op == GT_RECV ? 8 + a % 9 : a % 24);
        break;
    case GT_FLAGS:
        t->x = GT_TCP_NONE;
        t->y = (uint16_t)(PICK(r, FLAGS) | (a & 1 ? 0 : (a & 0x770) << 4));
        break;
    case GT_FROM:
        t->y = (uint16_t)(a % STRANGES);
        if (t->op != GT_SEND && GT_STRANGE[t->y] != GT_OWN && GT_STRANGE[t->y] >> 8 == GT_OWN >> 8)
            t->odd = GT_PLAIN; /* outside nobody has an address of the inside */
        break;
    case GT_TO:
        t->y = (uint16_t)(a % STRANGES);
        if (t->proto == TCP && GT_STRANGE[t->y] >> 8 == GT_OWN >> 8 && GT_STRANGE[t->y] != GT_OWN)
            t->odd = GT_PLAIN; /* connections within the inside do not pass a router, and are not followed */
        break;
    case GT_PORTS:
        t->y = (uint16_t)(1 + a % 3);
        break;
    case GT_TYPE:
        t->y = (uint16_t)(PICK(r, TYPES) << 8 | (a % 3 == 0 ? 5 : 0));
        if (t->op == GT_RECV && t->y >> 8 == 13)
            t->y = (uint16_t)(t->y + 0x100);
        break;
    case GT_QUOTE:
        t->y = (uint16_t)(a % GT_QUOTES);
        break;
    case GT_FRAG:
    case GT_NO_DF:
        t->y = (uint16_t)a;
        break;
    default:
        t->y = 0;
        break;
    }
}

size_t gt_odd_body(const gt_step *s)
{
    if (s->odd == GT_BIG)
        return s->y;
    return s->odd == GT_FRAG ? 40 + (size_t)(s->y >> 8 & 31) * 8 + (s->y & 5) : 8;
}

/* --- making --- */

static uint8_t *l4(gt_raw *p)
{
    return p->b + (size_t)(p->b[0] & 15) * 4;
}

/* Makes the checksum at |ck| wrong by as much whatever it is, and not 0. */
static void spoil(uint8_t *ck)
{
    uint32_t sum = it_get16(ck) + 0x2143u;
    sum = (sum & 0xffff) + (sum >> 16);
    it_put16(ck, (uint16_t)(sum ? sum : 0xffff));
}

static void strange(gt_raw *p, size_t at, uint32_t ip)
{
    it_put32(p->b + at, ip);
    gt_sum_ip(p);
    gt_sum_l4(p, (size_t)(p->n - HEAD));
}

/* The sender wrote |len| as the length, and summed that much of what there is. */
static void udp_length(gt_raw *p, uint16_t len)
{
    size_t n = (size_t)(p->n - HEAD);
    it_put16(l4(p) + 4, len);
    gt_sum_l4(p, len >= 8 && len <= n ? len : n);
}

static void tcp_flags(gt_raw *p, uint16_t y)
{
    uint8_t *t = l4(p);
    t[13] = (uint8_t)y;
    it_put32(t + 4, it_get32(t + 4) + (uint32_t)GT_OFFS[y >> 8 & 7]);
    if (y & 0x10)
        it_put32(t + 8, it_get32(t + 8) + (uint32_t)GT_OFFS[y >> 12 & 7]);
    gt_sum_l4(p, (size_t)(p->n - HEAD));
}

static void ports0(gt_raw *p, uint16_t y)
{
    if (y & 1)
        it_put16(l4(p), 0);
    if (y & 2)
        it_put16(l4(p) + 2, 0);
    gt_sum_l4(p, (size_t)(p->n - HEAD));
}

/* The packet inside error |p| is another: |y| says how. |out|: the one complained about left the box, its local end is
 * its source. */
static void quote(gt_raw *p, uint16_t y, bool out)
{
    uint8_t *t = l4(p), *in = t + 8, *u = in + HEAD;
    size_t local = out ? 0 : 2, far = out ? 2 : 0;
    int ck = gt_sum_at(in[9]);
    if (in[9] == ICMP)
        local = far = 4;
    switch ((enum gt_quote)y) {
    case GT_Q_IP_SUM:
        spoil(in + 10);
        break;
    case GT_Q_SHORT:
        p->n = (uint16_t)(u + 8 - p->b);
        it_put16(p->b + 2, p->n);
        break;
    case GT_Q_PORT:
        it_put16(u + local, (uint16_t)(it_get16(u + local) ^ 0x101));
        break;
    case GT_Q_REMOTE:
        it_put16(u + far, (uint16_t)(it_get16(u + far) ^ 0x101));
        break;
    case GT_Q_LATER:
        it_put16(in + 6, 3);
        it_put16(in + 10, 0);
        it_put16(in + 10, it_sum_fold(it_sum_add(0, in, HEAD)));
        break;
    case GT_Q_SUM:
        if (ck >= 0 && u + ck + 2 <= p->b + p->n && it_get16(u + ck))
            spoil(u + ck);
        break;
    case GT_Q_PADDED:
        memset(p->b + p->n, 0x77, 12);
        p->n = (uint16_t)(p->n + 12);
        it_put16(p->b + 2, p->n);
        break;
    case GT_Q_ELSEWHERE:
        it_put32(p->b + 16, it_get32(p->b + 16) + 1);
        break;
    case GT_Q_TTL:
        in[8] = 1;
        it_put16(in + 10, 0);
        it_put16(in + 10, it_sum_fold(it_sum_add(0, in, HEAD)));
        break;
    default:
        break;
    }
    gt_sum_ip(p);
    gt_sum_l4(p, (size_t)(p->n - HEAD));
    if (y == GT_Q_OUTER)
        spoil(t + 2);
}

/* --- fragments --- */

enum { F_ORDER, F_REVERSED, F_SHUFFLED, F_TWICE, F_OVERLAP, F_LOST, F_UNEVEN, F_BEYOND };

static void piece(gt_raw *q, const gt_raw *p, size_t at, size_t n, bool more)
{
    size_t all = (size_t)(p->n - HEAD);
    memcpy(q->b, p->b, HEAD);
    n = at + n > all ? all - at : n;
    memcpy(q->b + HEAD, p->b + HEAD + at, n);
    q->n = (uint16_t)(HEAD + n);
    it_put16(q->b + 2, q->n);
    it_put16(q->b + 6, (uint16_t)(at / 8 | (more ? 0x2000 : 0)));
    gt_sum_ip(q);
}

/* Does to the |n| pieces what |kind| and |turn| say. Returns how many there are then. */
static uint32_t rearrange(gt_raw out[GT_RAWS], uint32_t n, uint32_t kind, uint32_t turn)
{
    uint32_t k = turn % n;
    gt_raw t;
    if (kind == F_REVERSED || kind == F_SHUFFLED) {
        for (uint32_t i = 0; i < n / 2 + (kind == F_SHUFFLED); i++) {
            uint32_t a = kind == F_REVERSED ? i : (i + turn) % n,
                     b = kind == F_REVERSED ? n - 1 - i : turn * (i + 3) % n;
            t = out[a];
            out[a] = out[b];
            out[b] = t;
        }
    } else if (kind == F_TWICE) {
        memmove(&out[k + 1], &out[k], (n - k) * sizeof *out);
        n++;
    } else if (kind == F_LOST && n > 1) {
        memmove(&out[k], &out[k + 1], (n - k - 1) * sizeof *out);
        n--;
    } else if (kind == F_UNEVEN && out[k].n > HEAD + 8) {
        out[k].n = (uint16_t)(out[k].n - 3);
        it_put16(out[k].b + 2, out[k].n);
        gt_sum_ip(&out[k]);
    } else if (kind == F_BEYOND) { /* data behind the end, or another end */
        out[n] = out[n - 1];
        it_put16(out[n].b + 6, (uint16_t)((it_get16(out[n].b + 6) + 4) | (turn & 2 ? 0x2000 : 0)));
        gt_sum_ip(&out[n]);
        n++;
        if (turn & 4) {
            t = out[n - 1];
            memmove(&out[1], &out[0], (n - 1) * sizeof *out);
            out[0] = t;
        }
    }
    return n;
}

/* Cuts |out|[0] by recipe |y|: number of pieces, what becomes of them, and in what order. */
static uint32_t fragments(gt_raw out[GT_RAWS], uint16_t y, uint16_t id)
{
    gt_raw p = out[0];
    uint32_t n = 2 + (y & 3), kind = y >> 2 & 7, turn = y >> 5;
    size_t all = (size_t)(p.n - HEAD), step, first = p.b[9] == TCP ? 24 : 8u + (turn & 1) * 8u;
    /* Of an error the first piece has what is translated of the packet inside: in the others nobody would find its
     * ports. */
    if (p.b[9] == ICMP && p.b[HEAD] != 0 && p.b[HEAD] != 8)
        first = 40;
    it_put16(p.b + 4, id);
    step = ((all - first) / (n - 1) + 7) & ~(size_t)7;
    size_t at = 0;
    uint32_t k = 0;
    for (; at < all && k < GT_RAWS - 2; k++) {
        size_t len = k == 0 ? first : step;
        bool more = at + len < all;
        piece(&out[k], &p, at, kind == F_OVERLAP && k == 1 + turn % n && more ? len + 8 : len, more);
        at += len;
    }
    return rearrange(out, k, kind, turn);
}

uint32_t gt_odd_apply(const gt_step *s, gt_raw out[GT_RAWS], uint16_t id)
{
    gt_raw *p = &out[0];
    int ck = gt_sum_at(p->b[9]);
    switch ((enum gt_odd)s->odd) {
    case GT_BAD_IP:
        spoil(p->b + 10);
        break;
    case GT_BAD_SUM:
        if (ck >= 0)
            spoil(l4(p) + ck);
        break;
    case GT_NO_SUM:
        it_put16(l4(p) + 6, 0);
        break;
    case GT_TTL:
        p->b[8] = (uint8_t)s->y;
        gt_sum_ip(p);
        break;
    case GT_TOS:
        p->b[1] = (uint8_t)s->y;
        gt_sum_ip(p);
        break;
    case GT_NO_DF:
        it_put16(p->b + 4, s->y);
        p->b[6] = 0;
        gt_sum_ip(p);
        break;
    case GT_UDP_LEN:
        udp_length(p, s->y);
        break;
    case GT_FLAGS:
        tcp_flags(p, s->y);
        break;
    case GT_TO:
        strange(p, 16, GT_STRANGE[s->y % STRANGES]);
        break;
    case GT_FROM:
        strange(p, 12, GT_STRANGE[s->y % STRANGES]);
        break;
    case GT_PORTS:
        ports0(p, s->y);
        break;
    case GT_TYPE:
        it_put16(l4(p), s->y);
        gt_sum_l4(p, (size_t)(p->n - HEAD));
        break;
    case GT_QUOTE:
        quote(p, s->y, s->op == GT_OERR);
        break;
    case GT_FRAG:
        return fragments(out, s->y, id);
    default:
        break;
    }
    return 1;
}
