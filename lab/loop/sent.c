/* The large datagrams that a socket has sent lately, against which news of a smaller path are held. Anybody may write
 * an ICMP error: believed is one that quotes what this socket did send, and which would not have fit. */
#include "lab/loop/impl.h"

#include <string.h>

#define SENT 16      /* that are remembered of a socket */
#define QUOTED 32    /* bytes of each: beyond what can be guessed of STUN, DTLS and RTP */
#define QUOTED_MIN 8 /* bytes that an error has to quote */
#define HEADERS4 28u /* RFC 791, RFC 768 */
#define HEADERS6 48u
#define MTU_MIN4 68u   /* RFC 791 section 3.2: every internet module must be able to forward that much unfragmented */
#define WHOLE4 576u    /* RFC 1122 section 3.3.3 */
#define MTU_MIN6 1280u /* RFC 8200 section 5 */

typedef struct sent_one {
    it_addr remote;
    uint32_t size;
    uint8_t head[QUOTED];
} sent_one;

struct loop_sent {
    sent_one v[SENT];
    size_t next;
};

uint32_t it_loop_headers(it_ip ip)
{
    return it_ip_is4(ip) ? HEADERS4 : HEADERS6;
}

static uint32_t mtu_least(it_ip ip)
{
    return it_ip_is4(ip) ? MTU_MIN4 : MTU_MIN6;
}

/* Bytes of a packet that every path of today takes whole: of those nothing has to be remembered. */
static uint32_t whole(it_ip ip)
{
    return it_ip_is4(ip) ? WHOLE4 : MTU_MIN6;
}

int it_loop_sent_note(it_loop *l, loop_sock *s, it_addr remote, it_bytes data)
{
    if (data.n + it_loop_headers(remote.ip) <= whole(remote.ip))
        return 0;
    if (!s->sent)
        s->sent = it_calloc(l->alloc, 1, sizeof *s->sent);
    if (!s->sent)
        return IT_ERR_NOMEM;
    sent_one *one = &s->sent->v[s->sent->next++ % SENT];
    one->remote = remote;
    one->size = (uint32_t)data.n;
    memcpy(one->head, data.p, data.n < QUOTED ? data.n : QUOTED);
    return 0;
}

/* Whether |one|, to |remote|, begins as |quote| does and is larger than packets of |mtu| bytes carry. */
static bool sent_matches(const sent_one *one, it_addr remote, it_bytes quote, uint32_t mtu)
{
    size_t n = quote.n < QUOTED ? quote.n : QUOTED;
    if (!it_addr_eq(one->remote, remote) || one->size < n)
        return false;
    return one->size + it_loop_headers(remote.ip) > mtu && memcmp(one->head, quote.p, n) == 0;
}

bool it_loop_sent_believes(const loop_sock *s, it_addr remote, it_bytes quote, uint32_t mtu)
{
    /* RFC 8201 section 4: one that reports less than the IPv6 minimum link MTU must be discarded. */
    if (mtu < mtu_least(remote.ip) || quote.n < QUOTED_MIN || !s->sent)
        return false;
    for (size_t i = 0; i < SENT; i++)
        if (sent_matches(&s->sent->v[i], remote, quote, mtu))
            return true;
    return false;
}
