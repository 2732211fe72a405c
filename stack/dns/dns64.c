/* DNS64: questions in flight to the upstream, and the answers made of its answers. */
#include "stack/dns/dns64.h"

#include "base/pref64.h"

#include <string.h>

#define JOBS 64              /* questions in flight; further ones are dropped, the client asks again */
#define TRY_FOR (2 * IT_SEC) /* until the upstream is asked again */
#define TRIES 2              /* then it counts as an empty answer (section 5.1.2) for AAAA, as a failure otherwise */
#define TTL_WITHOUT_SOA 600  /* section 5.1.7 */
#define OUT_MAX IT_IO_DGRAM_MAX

enum stage { FREE, ASK, WAIT, ANSWER };

typedef struct job {
    uint8_t stage;
    bool for_a; /* the AAAA answer was empty: this is the A question */
    uint8_t tries;
    uint16_t id; /* towards the upstream */
    it_time again;
    it_addr local, remote;
    uint32_t flow;
    uint32_t ttl_max; /* of what is synthesized: from the SOA of the empty answer */
    size_t n_query, n_answer;
    uint8_t query[IT_DNS_SIZE]; /* as the client sent it */
    uint8_t answer[OUT_MAX];
} job;

struct it_dns64 {
    it_alloc *alloc;
    it_rng rng;
    it_addr upstream;
    it_prefix prefix;
    job *jobs; /* JOBS of them */
};

it_dns64 *it_dns64_new(const it_dns64_cfg *cfg)
{
    it_dns64 *d = it_pref64_ok(cfg->prefix) ? it_calloc(cfg->alloc, 1, sizeof *d) : NULL;
    if (!d)
        return NULL;
    d->alloc = cfg->alloc;
    d->rng = cfg->rng;
    d->upstream = cfg->upstream;
    d->prefix = cfg->prefix;
    d->jobs = it_calloc(cfg->alloc, JOBS, sizeof *d->jobs);
    if (!d->jobs) {
        it_free(cfg->alloc, d);
        return NULL;
    }
    return d;
}

void it_dns64_free(it_dns64 *d)
{
    if (!d)
        return;
    it_free(d->alloc, d->jobs);
    it_free(d->alloc, d);
}

/* --- answers --- */

/* Section 5.1.4: addresses that count as absent: mapped ones, by default. */
static bool excluded(it_ip ip)
{
    return it_ip_is4(ip);
}

static bool has_aaaa(const it_dns_msg *m)
{
    size_t pos = 0;
    it_dns_rr rr;
    while (it_dns_next(m, &pos, &rr))
        if (rr.section == IT_DNS_ANSWER && rr.type == IT_DNS_AAAA && !excluded(rr.ip))
            return true;
    return false;
}

/* The TTL of what is synthesized after empty answer |m|. Section 5.1.7. */
static uint32_t soa_ttl(const it_dns_msg *m)
{
    size_t pos = 0;
    it_dns_rr rr;
    while (it_dns_next(m, &pos, &rr))
        if (rr.type == IT_DNS_SOA)
            return rr.ttl < rr.minimum ? rr.ttl : rr.minimum;
    return TTL_WITHOUT_SOA;
}

/* The upstream's answer becomes the client's, under its identifier. */
static void pass_on(job *j, const it_dns_msg *m)
{
    j->stage = ANSWER;
    j->n_answer = m->raw.n <= sizeof j->answer ? m->raw.n : 0;
    memcpy(j->answer, m->raw.p, j->n_answer);
    if (j->n_answer)
        memcpy(j->answer, j->query, 2);
    else
        j->stage = FREE;
}

static void fail_job(job *j, uint8_t rcode)
{
    it_dns_msg q;
    it_dns_out o;
    int err = it_dns_parse(&q, it_bytes_of(j->query, j->n_query));
    IT_ASSERT(err == 0);
    it_dns_answer(&o, j->answer, sizeof j->answer, &q, rcode, false);
    j->n_answer = it_dns_end(&o).n;
    j->stage = ANSWER;
}

/* Makes the answer out of |m|, the answer about A. Section 5.1.6, 5.1.7. */
static void synthesize(const it_dns64 *d, job *j, const it_dns_msg *m)
{
    it_dns_msg q;
    it_dns_out o;
    it_dns_rr rr;
    size_t pos = 0;
    int err = it_dns_parse(&q, it_bytes_of(j->query, j->n_query));
    IT_ASSERT(err == 0);
    it_dns_answer(&o, j->answer, sizeof j->answer < q.size ? sizeof j->answer : q.size, &q, IT_DNS_OK, false);
    while (it_dns_next(m, &pos, &rr)) {
        /* Section 5.1.5: aliases stay. */
        if (rr.section != IT_DNS_ANSWER || (rr.type != IT_DNS_A && rr.type != IT_DNS_CNAME))
            continue;
        if (rr.type == IT_DNS_A) {
            rr.type = IT_DNS_AAAA;
            rr.ip = it_pref64_embed(d->prefix, it_ip_v4(rr.ip));
            rr.ttl = rr.ttl < j->ttl_max ? rr.ttl : j->ttl_max;
        }
        it_dns_put(&o, &rr);
    }
    if (q.edns)
        it_dns_put_opt(&o, OUT_MAX);
    j->n_answer = it_dns_end(&o).n;
    j->stage = ANSWER;
    if (j->n_answer == 0)
        fail_job(j, IT_DNS_SERVFAIL);
}

static void ask_for_a(it_dns64 *d, job *j, uint32_t ttl_max)
{
    j->for_a = true;
    j->ttl_max = ttl_max;
    j->tries = 0;
    j->id = (uint16_t)it_rng_below(&d->rng, 65536);
    j->stage = ASK;
}

/* --- questions --- */

static void from_client(it_dns64 *d, const it_io *in)
{
    it_dns_msg q;
    job *j = d->jobs;
    if (it_dns_parse(&q, in->data) < 0 || q.response || q.opcode != 0 || in->data.n > IT_DNS_SIZE)
        return;
    while (j < d->jobs + JOBS && j->stage != FREE)
        j++;
    if (j == d->jobs + JOBS)
        return;
    memset(j, 0, offsetof(job, query));
    memcpy(j->query, in->data.p, in->data.n);
    j->n_query = in->data.n;
    j->local = in->local;
    j->remote = in->remote;
    j->flow = in->flow;
    j->id = (uint16_t)it_rng_below(&d->rng, 65536);
    j->stage = ASK;
}

/* True when |m| answers what |j| asked. RFC 5452 section 9.1. */
static bool answers(const job *j, const it_dns_msg *m)
{
    it_dns_msg q;
    if (j->stage != WAIT || j->id != m->id || it_dns_parse(&q, it_bytes_of(j->query, j->n_query)) < 0)
        return false;
    return it_dns_same(q.name, m->name) && q.class == m->class && m->type == (j->for_a ? IT_DNS_A : q.type);
}

/* True when |m|, the answer to |q|, is the client's as it is. */
static bool answers_as_is(const it_dns_msg *q, const it_dns_msg *m)
{
    if (q->type != IT_DNS_AAAA || q->class != 1 || (q->cd && q->dnssec))
        return true;
    /* RFC 6147 section 5.1.2: "Name Error" is passed on; 5.1.4: nothing is made where something is. */
    return m->rcode == IT_DNS_NXDOMAIN || has_aaaa(m);
}

static void from_upstream(it_dns64 *d, const it_io *in)
{
    it_dns_msg m, q;
    if (it_dns_parse(&m, in->data) < 0 || !m.response)
        return;
    for (job *j = d->jobs; j < d->jobs + JOBS; j++) {
        if (!answers(j, &m))
            continue;
        int err = it_dns_parse(&q, it_bytes_of(j->query, j->n_query));
        IT_ASSERT(err == 0);
        if (j->for_a)
            synthesize(d, j, &m);
        else if (answers_as_is(&q, &m))
            pass_on(j, &m);
        else
            ask_for_a(d, j, soa_ttl(&m)); /* 5.1.2: every other error counts as empty */
        return;
    }
}

int it_dns64_input(it_dns64 *d, it_time now, const it_io *in)
{
    (void)now;
    if (in->kind == IT_IO_DGRAM && it_addr_eq(in->remote, d->upstream))
        from_upstream(d, in);
    else if (in->kind == IT_IO_DGRAM)
        from_client(d, in);
    return (int)in->data.n;
}

int it_dns64_tick(it_dns64 *d, it_time now)
{
    it_dns_msg q;
    for (job *j = d->jobs; j < d->jobs + JOBS; j++) {
        if (j->stage != WAIT || j->again > now)
            continue;
        bool aaaa = it_dns_parse(&q, it_bytes_of(j->query, j->n_query)) == 0 && q.type == IT_DNS_AAAA;
        if (j->tries < TRIES)
            j->stage = ASK;
        else if (aaaa && !j->for_a)
            ask_for_a(d, j, TTL_WITHOUT_SOA); /* section 5.1.3: a time-out counts as an empty answer */
        else
            fail_job(j, IT_DNS_SERVFAIL);
    }
    return 0;
}

it_time it_dns64_next(const it_dns64 *d)
{
    it_time first = IT_NEVER;
    for (const job *j = d->jobs; j < d->jobs + JOBS; j++)
        if (j->stage == WAIT && j->again < first)
            first = j->again;
    return first;
}

int it_dns64_output(it_dns64 *d, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_dns_msg q;
    for (job *j = d->jobs; j < d->jobs + JOBS; j++) {
        if (j->stage == ANSWER && j->n_answer <= cap) {
            memcpy(buf, j->answer, j->n_answer);
            *out = (it_io){.kind = IT_IO_DGRAM,
                           .flow = j->flow,
                           .local = j->local,
                           .remote = j->remote,
                           .data = it_bytes_of(buf, j->n_answer)};
            j->stage = FREE;
            return 1;
        }
        if (j->stage != ASK)
            continue;
        it_dns_out o;
        int err = it_dns_parse(&q, it_bytes_of(j->query, j->n_query));
        IT_ASSERT(err == 0);
        it_dns_query(&o, buf, cap, j->id, q.name, j->for_a ? IT_DNS_A : q.type);
        it_bytes b = it_dns_end(&o);
        j->tries++;
        j->again = now + TRY_FOR;
        j->stage = WAIT;
        *out = (it_io){.kind = IT_IO_DGRAM, .flow = j->flow, .local = {{0, 0}, 0}, .remote = d->upstream, .data = b};
        return 1;
    }
    return 0;
}

/* --- the table of stack/object.h --- */

static int dns64_input(void *o, it_time now, const it_io *in)
{
    return it_dns64_input(o, now, in);
}

static int dns64_tick(void *o, it_time now)
{
    return it_dns64_tick(o, now);
}

static it_time dns64_next(const void *o)
{
    return it_dns64_next(o);
}

static int dns64_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_dns64_output(o, now, out, buf, cap);
}

static void dns64_free(void *o)
{
    it_dns64_free(o);
}

const it_object_ops it_dns64_ops = {.kind = "dns64",
                                    .input = dns64_input,
                                    .tick = dns64_tick,
                                    .next = dns64_next,
                                    .output = dns64_output,
                                    .free = dns64_free};
