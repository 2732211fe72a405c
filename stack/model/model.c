/* Names of the shared vocabulary and the named sets of timers. */
#include "stack/model/model.h"

#include "base/err.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const STATES[] = {"new", "connecting", "open", "stalled", "dead", "closed"};
static const char *const PATHS[] = {"none", "direct_udp", "relay_udp", "direct_tcp", "relay_tcp"};
static const char *const REASONS[] = {"none",
                                      "connect_failed",
                                      "consent_expired",
                                      "keepalive_timeout",
                                      "link_down_no_alternative",
                                      "transport_reset",
                                      "peer_closed",
                                      "server_lost",
                                      "security"};
static const char *const EVENTS[IT_EV_COUNT] = {"signal",  "open",      "message",    "failover",  "stalled", "resumed",
                                                "rate_up", "rate_down", "network",    "death",     "closed",  "secret",
                                                "peer",    "test",      "success",    "reflexive", "up",      "down",
                                                "unsent",  "status",    "subscriber", "call"};

const char *it_state_name(enum it_state s)
{
    return STATES[s];
}

enum it_state it_state_of_all(const enum it_state *s, size_t n)
{
    size_t over = 0;
    bool dead = false, connecting = false, stalled = false;
    for (size_t i = 0; i < n; i++) {
        over += s[i] == IT_STATE_DEAD || s[i] == IT_STATE_CLOSED;
        dead |= s[i] == IT_STATE_DEAD;
        connecting |= s[i] == IT_STATE_CONNECTING;
        stalled |= s[i] == IT_STATE_STALLED;
        if (s[i] == IT_STATE_NEW)
            return IT_STATE_NEW;
    }
    if (n == 0)
        return IT_STATE_NEW;
    if (over == n)
        return dead ? IT_STATE_DEAD : IT_STATE_CLOSED;
    if (connecting)
        return IT_STATE_CONNECTING;
    return stalled ? IT_STATE_STALLED : IT_STATE_OPEN;
}

const char *it_path_name(enum it_path p)
{
    return PATHS[p];
}

const char *it_reason_name(enum it_reason r)
{
    return REASONS[r];
}

const char *it_closed_text(enum it_closed_by by, int status, char out[IT_CLOSED_TEXT])
{
    static const char *const WHO[] = {"local",       "remote", "reset", "refused", "timeout",
                                      "unreachable", "http",   "socks", "tls"};
    if (by == IT_CLOSED_HTTP || by == IT_CLOSED_SOCKS)
        snprintf(out, IT_CLOSED_TEXT, "%s %d", WHO[by], status);
    else
        snprintf(out, IT_CLOSED_TEXT, "%s", WHO[by]);
    return out;
}

const char *it_model_event_name(enum it_model_event_kind k)
{
    return EVENTS[k];
}

/* stall, death, connect, linkdown, consent, keepalive, rto, ta; in ms. "stall" is what each calls disconnected or its
 * like. */
static const struct {
    const char *name;
    int32_t ms[8];
} SETS[] = {
    {"rfc", {2000, 30000, 60000, 5000, 5000, 15000, 500, 50}}, /* RFC 7675 section 5.1, RFC 8445 sections 11, 14.2 */
    {"libwebrtc",
     {5000, 15000, 60000, 5000, 2656, 10000, 500, 50}}, /* p2p_constants.cc, port.cc: unwritable 5 s, time-out 15 s;
                                                           the interval as measured on Chromium 156 */
    {"firefox",
     {5000, 30000, 60000, 5000, 5000, 15000, 500, 50}}, /* nICEr ice_component.c: consent sent once each 4 to 6 s */
    {"pion",
     {5000, 30000, 60000, 5000, 2000, 2000, 200, 200}}, /* agent_config.go: 2 s keepalive, 5 s, then 25 s more */
    {"libnice", {5000, 30000, 60000, 5000, 5000, 25000, 500, 20}},  /* agent-priv.h with consent freshness */
    {"libjuice", {5000, 30000, 60000, 5000, 5000, 15000, 500, 50}}, /* agent.h */
    /* RFC 7016 section 3.5.1.1.1: 95 s to open, hellos 1 s apart at first; section 3.5.4.1 has no figures: a Ping after
       10 s, dead 20 s later or when the next one is due, as a server by the RFC's author, which was measured at 36.9 s;
       consent is not RTMFP's. */
    {"rtmfp", {2000, 20000, 95000, 5000, 10000, 10000, 1000, 50}},
};
#define N_SETS ((int)(sizeof SETS / sizeof *SETS))

int it_timers_named(it_timers *t, const char *name)
{
    for (int i = 0; i < N_SETS; i++) {
        if (strcmp(SETS[i].name, name) != 0)
            continue;
        const int32_t *m = SETS[i].ms;
        *t = (it_timers){m[0] * IT_MS, m[1] * IT_MS, m[2] * IT_MS, m[3] * IT_MS,
                         m[4] * IT_MS, m[5] * IT_MS, m[6] * IT_MS, m[7] * IT_MS};
        return 0;
    }
    return IT_ERR_NOTFOUND;
}

const char *it_timers_name(int i)
{
    return i >= 0 && i < N_SETS ? SETS[i].name : NULL;
}

/* --- bounds --- */

#define HOUR (3600 * IT_SEC)

enum { STALL, DEATH, CONNECT, LINKDOWN, CONSENT, KEEPALIVE, RTO, TA };

static const struct {
    const char *name;
    size_t offset;
    it_time least, most;
} TIMERS[IT_TIMERS_N] = {
    [STALL] = {"stall", offsetof(it_timers, stall), IT_MS, 1000 * HOUR},
    [DEATH] = {"death", offsetof(it_timers, death), IT_MS, 1000 * HOUR},
    [CONNECT] = {"connect", offsetof(it_timers, connect), IT_MS, 1000 * HOUR},
    [LINKDOWN] = {"linkdown", offsetof(it_timers, linkdown), IT_MS, 1000 * HOUR},
    [CONSENT] = {"consent", offsetof(it_timers, consent), IT_MS, 1000 * HOUR},
    [KEEPALIVE] = {"keepalive", offsetof(it_timers, keepalive), IT_MS, 1000 * HOUR},
    [RTO] = {"rto", offsetof(it_timers, rto), IT_MS, HOUR},
    [TA] = {"ta", offsetof(it_timers, ta), 5 * IT_MS, HOUR},
};

/* |less|, times |times| tenths, must be below |more|. */
static const struct {
    int less, more, tenths;
    const char *why;
} ORDER[] = {
    {CONSENT, DEATH, 12,
     "with the fifth more that a check may wait (RFC 7675 section 5.1) every healthy call would die"},
    {STALL, DEATH, 10, "death would come without an alarm before it"},
    {TA, CONNECT, 10, "no second check would leave in that time"},
};

/* What an RFC allows: no less than |least|, no more than |most|. */
static const struct {
    int timer;
    it_time least, most;
    const char *source;
} LIMITS[] = {
    {RTO, 500 * IT_MS, IT_NEVER, "RFC 8445 section 14.3"},
    {CONSENT, 5 * IT_SEC, IT_NEVER, "RFC 7675 section 5.1 (checks at least 4 s apart, of a fifth less)"},
    {KEEPALIVE, 15 * IT_SEC, IT_NEVER, "RFC 8445 section 11"},
    {DEATH, 0, 30 * IT_SEC, "RFC 7675 section 5.1"},
};

const char *it_timer_name(int i)
{
    return i >= 0 && i < IT_TIMERS_N ? TIMERS[i].name : NULL;
}

it_time *it_timer_at(it_timers *t, int i)
{
    return (it_time *)(void *)((char *)t + TIMERS[i].offset);
}

static it_time value(const it_timers *t, int i)
{
    it_time v;
    memcpy(&v, (const char *)t + TIMERS[i].offset, sizeof v);
    return v;
}

/* |t| in the largest unit that it reaches, with as many decimals as it needs: "200ms", "2.5s", "1h". */
static const char *time_text(it_time t, char out[32])
{
    static const struct {
        it_time size;
        int decimals;
        const char *unit;
    } UNITS[] = {{IT_SEC, 9, "s"}, {IT_MS, 6, "ms"}, {IT_US, 3, "us"}, {1, 0, "ns"}};
    size_t i = 0;
    if (t == 0 || t % HOUR == 0) {
        snprintf(out, 32, "%" PRId64 "%s", t / HOUR, t ? "h" : "");
        return out;
    }
    while (t < UNITS[i].size && UNITS[i].size > 1)
        i++;
    int n = snprintf(out, 32, "%" PRId64, t / UNITS[i].size);
    if (t % UNITS[i].size != 0) {
        n += snprintf(out + n, 32 - (size_t)n, ".%0*" PRId64, UNITS[i].decimals, t % UNITS[i].size);
        while (out[n - 1] == '0')
            n--;
    }
    snprintf(out + n, 32 - (size_t)n, "%s", UNITS[i].unit);
    return out;
}

static bool bounds_fault(const it_timers *t, char text[IT_TIMERS_TEXT])
{
    char v[32], b[32];
    for (int i = 0; i < IT_TIMERS_N; i++) {
        it_time x = value(t, i);
        if (x >= TIMERS[i].least && x <= TIMERS[i].most)
            continue;
        bool low = x < TIMERS[i].least;
        snprintf(text, IT_TIMERS_TEXT, "%s: at %s %s, not %s", TIMERS[i].name, low ? "least" : "most",
                 time_text(low ? TIMERS[i].least : TIMERS[i].most, b), time_text(x, v));
        return true;
    }
    return false;
}

bool it_timers_fault(const it_timers *t, char text[IT_TIMERS_TEXT])
{
    char a[32], b[32];
    if (bounds_fault(t, text))
        return true;
    if (t->ta % IT_MS != 0) {
        snprintf(text, IT_TIMERS_TEXT, "ta: %s is not whole in ms, in which it is told (RFC 8839 section 5.5)",
                 time_text(t->ta, a));
        return true;
    }
    for (size_t i = 0; i < sizeof ORDER / sizeof *ORDER; i++) {
        it_time less = value(t, ORDER[i].less), more = value(t, ORDER[i].more);
        if (less * ORDER[i].tenths / 10 < more)
            continue;
        snprintf(text, IT_TIMERS_TEXT, "%s %s contradicts %s %s: %s", TIMERS[ORDER[i].less].name, time_text(less, a),
                 TIMERS[ORDER[i].more].name, time_text(more, b), ORDER[i].why);
        return true;
    }
    return false;
}

bool it_timers_note(const it_timers *t, int i, char text[IT_TIMERS_TEXT])
{
    char v[32], b[32];
    for (size_t k = 0; k < sizeof LIMITS / sizeof *LIMITS; k++) {
        it_time x = value(t, LIMITS[k].timer);
        bool low = x < LIMITS[k].least;
        if ((!low && x <= LIMITS[k].most) || i-- > 0)
            continue;
        snprintf(text, IT_TIMERS_TEXT, "%s %s: %s allows no %s than %s", TIMERS[LIMITS[k].timer].name, time_text(x, v),
                 LIMITS[k].source, low ? "less" : "more", time_text(low ? LIMITS[k].least : LIMITS[k].most, b));
        return true;
    }
    return false;
}
