/* The catalogue put together, and what its tests share. */
#include "conformance/nat/req.h"

#include <stdarg.h>
#include <stdio.h>

const it_req *it_req_nth(size_t i)
{
    static const it_req *const PARTS[] = {it_req_udp, it_req_tcp, it_req_icmp, it_req_cgn, it_req_nat64};
    for (size_t k = 0; k < sizeof PARTS / sizeof *PARTS; k++)
        for (const it_req *r = PARTS[k]; r->id; r++)
            if (i-- == 0)
                return r;
    return NULL;
}

const char *it_req_verdict_name(enum it_req_verdict v)
{
    static const char *const NAMES[] = {"pass", "fail", "na"};
    return NAMES[v];
}

enum it_req_verdict it_req_say(char why[IT_REQ_WHY], bool ok, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, IT_REQ_WHY, fmt, ap);
    va_end(ap);
    return ok ? IT_REQ_PASS : IT_REQ_FAIL;
}

enum it_req_verdict it_req_na(char why[IT_REQ_WHY], const char *text)
{
    snprintf(why, IT_REQ_WHY, "%s", text);
    return IT_REQ_NA;
}

void it_req_end(it_measure_ctx *c, it_probe *b)
{
    if (b->err && !c->err)
        c->err = b->err;
    it_probe_fini(b);
}
