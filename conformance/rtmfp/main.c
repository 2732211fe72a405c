/* Our end of RTMFP on real sockets, at another's (docs/interop.md, .ci/interop-rtmfp).
 *
 *     rtmfp listen ADDRESS MODE GROUP                 gives every message back, over a flow in return to its own
 *     rtmfp call ADDRESS TO MODE GROUP COUNT          says COUNT messages, and wants each of them back
 *
 * MODE has m for packets with MACs and s for session sequence numbers, each then required; what it has not is refused.
 * GROUP is 2, 5 or 14. Prints what happens, a line each. Exit codes: 0 all as it should be, 1 not, 2 a wrong command
 * line. */
#include "lab/loop/loop.h"
#include "stack/crypto/ossl.h"
#include "stack/rtmfp/rtmfp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE (20 * IT_SEC)
#define MOST 3000 /* bytes of a message */

static const uint8_t EPD[] = "\x07\x0artmfp:"; /* RFC 7425 section 4.4.2.2: ancillary data */

typedef struct talker {
    it_alloc alloc;
    it_rtmfp *r;
    it_addr at, to;
    bool calls, over, good;
    uint32_t session, count, said, heard, moved;
    uint64_t flow; /* 0: not begun */
    it_time now;
} talker;

/* Message |i| is made of its number alone. */
static size_t message_make(uint32_t i, uint8_t out[MOST])
{
    size_t n = 1 + i * 37 % (MOST - 1);
    for (size_t k = 0; k < n; k++)
        out[k] = (uint8_t)(i + k * 7);
    return n;
}

/* --- what comes --- */

/* Says the rest of the messages, as far as there is room. */
static int talker_say(talker *t)
{
    uint8_t data[MOST];
    int err = 0;
    while (t->flow && t->said < t->count && err == 0) {
        size_t n = message_make(t->said, data);
        err = it_rtmfp_flow_write(t->r, t->now, t->session, t->flow, it_bytes_of(data, n), NULL, NULL);
        t->said += err == 0;
    }
    return err == IT_ERR_FULL ? 0 : err;
}

static int talker_opened(talker *t, const it_rtmfp_event *ev)
{
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("icetank")};
    char text[IT_ADDR_TEXT];
    printf("open %s\n", it_addr_text(ev->path.remote, text));
    t->session = ev->session;
    if (!t->calls)
        return 0;
    int err = it_rtmfp_flow_open(t->r, t->now, t->session, &o, &t->flow);
    return err ? err : talker_say(t);
}

/* A message has come back: it must be the next one. */
static int talker_back(talker *t, const it_rtmfp_event *ev)
{
    uint8_t data[MOST];
    size_t n = message_make(t->heard, data);
    if (ev->gap || !it_bytes_eq(ev->data, it_bytes_of(data, n))) {
        printf("message %u is not what was sent\n", (unsigned)t->heard);
        return IT_ERR_PARSE;
    }
    if (++t->heard < t->count)
        return 0;
    t->good = true;
    return it_rtmfp_close(t->r, t->now, t->session);
}

/* Gives a message back. */
static int talker_echo(talker *t, const it_rtmfp_event *ev)
{
    t->heard++;
    return it_rtmfp_flow_write(t->r, t->now, t->session, t->flow, ev->data, NULL, NULL);
}

static int talker_heard(talker *t, const it_rtmfp_event *ev)
{
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("back"), .returns = ev->flow};
    switch (ev->kind) {
    case IT_RTMFP_EV_OPEN:
        return talker_opened(t, ev);
    case IT_RTMFP_EV_FLOW:
        printf("flow %.*s returns %d\n", (int)ev->data.n, (const char *)ev->data.p, ev->returns != 0);
        return t->calls ? 0 : it_rtmfp_flow_open(t->r, t->now, t->session, &o, &t->flow);
    case IT_RTMFP_EV_MESSAGE:
        return t->calls ? talker_back(t, ev) : talker_echo(t, ev);
    case IT_RTMFP_EV_WRITABLE:
        return talker_say(t);
    case IT_RTMFP_EV_MOVED:
        t->moved++;
        printf("moved\n");
        return 0;
    case IT_RTMFP_EV_FAILED:
    case IT_RTMFP_EV_CLOSED:
        printf("closed: %s\n", ev->why);
        t->good |= !t->calls && t->heard > 0 && ev->cause == IT_RTMFP_CAUSE_FAR;
        t->over = true;
        return 0;
    default:
        return 0;
    }
}

/* --- the object --- */

static int talker_input(void *o, it_time now, const it_io *in)
{
    talker *t = o;
    t->now = now;
    return it_rtmfp_input(t->r, now, in);
}

static int talker_tick(void *o, it_time now)
{
    talker *t = o;
    t->now = now;
    return it_rtmfp_tick(t->r, now);
}

static it_time talker_next(const void *o)
{
    return it_rtmfp_next(((const talker *)o)->r);
}

static int talker_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    talker *t = o;
    t->now = now;
    return it_rtmfp_output(t->r, now, out, buf, cap);
}

static int talker_event(void *o, it_object_event *event)
{
    talker *t = o;
    it_rtmfp_event ev;
    int err = 0, any = 0;
    *event = (it_object_event){.kind = 0};
    while (err == 0 && it_rtmfp_event_next(t->r, &ev)) {
        any = 1; /* commands were given: there may be something to put out */
        err = talker_heard(t, &ev);
    }
    if (err) {
        printf("failed: %s\n", it_err_str(err));
        t->over = true;
        t->good = false;
    }
    (void)fflush(stdout);
    return any;
}

static void talker_free(void *o)
{
    it_rtmfp_free(((talker *)o)->r);
}

static const it_object_ops TALKER_OPS = {.kind = "rtmfp",
                                         .input = talker_input,
                                         .tick = talker_tick,
                                         .next = talker_next,
                                         .output = talker_output,
                                         .event = talker_event,
                                         .free = talker_free};

/* --- the command line --- */

static int usage(const char *what)
{
    fprintf(stderr, "rtmfp: %s\nUsage: rtmfp listen ADDRESS MODE GROUP | rtmfp call ADDRESS TO MODE GROUP COUNT\n",
            what);
    return 2;
}

static bool read_group(const char *text, unsigned *groups)
{
    static const struct {
        const char *name;
        enum it_rtmfp_group g;
    } ALL[] = {{"2", IT_RTMFP_GROUP_2}, {"5", IT_RTMFP_GROUP_5}, {"14", IT_RTMFP_GROUP_14}};
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
        if (strcmp(text, ALL[i].name) == 0) {
            *groups = ALL[i].g;
            return true;
        }
    return false;
}

/* Reads the command line into |t| and |cfg|. NULL, or what is wrong. */
static const char *read_words(talker *t, it_rtmfp_cfg *cfg, int argc, char **argv)
{
    t->calls = argc == 7 && strcmp(argv[1], "call") == 0;
    if (!t->calls && !(argc == 5 && strcmp(argv[1], "listen") == 0))
        return "\"call\" or \"listen\", and its words";
    int at = t->calls ? 4 : 3;
    if (it_addr_parse(&t->at, argv[2]) < 0 || (t->calls && it_addr_parse(&t->to, argv[3]) < 0))
        return "no address";
    cfg->policy.mac = strchr(argv[at], 'm') ? IT_RTMFP_REQUIRE : IT_RTMFP_REFUSE;
    cfg->policy.seq = strchr(argv[at], 's') ? IT_RTMFP_REQUIRE : IT_RTMFP_REFUSE;
    if (!read_group(argv[at + 1], &cfg->identity.groups))
        return "the group is 2, 5 or 14";
    if (t->calls)
        t->count = (uint32_t)strtoul(argv[6], NULL, 10);
    return t->calls && !t->count ? "how many messages" : NULL;
}

static bool talker_done(void *self)
{
    return ((const talker *)self)->over;
}

/* Talks until the session is over. Returns the exit code. */
static int run(talker *t)
{
    it_loop *l =
        it_loop_new(&(it_loop_cfg){.alloc = &t->alloc, .clock = IT_CLOCK_WALL, .ready = talker_done, .self = t});
    it_loop_app_cfg app = {.bases = &t->at, .n_bases = 1};
    if (!l)
        return usage("no memory");
    int n = it_loop_add(l, &TALKER_OPS, t, &app, NULL), err = n;
    if (n >= 0 && t->calls && it_loop_app(l, n))
        err = it_rtmfp_connect(t->r, it_loop_now(l), it_bytes_of(EPD, sizeof EPD - 1), &t->to, 1, &t->session);
    if (err >= 0 && !t->calls)
        printf("listening\n");
    (void)fflush(stdout);
    if (err >= 0)
        err = it_loop_wait(l, PATIENCE, NULL, 0);
    printf("messages %u, moved %u%s\n", (unsigned)t->heard, (unsigned)t->moved, t->over ? "" : ", not over");
    if (err < 0)
        printf("failed: %s\n", it_err_str(err));
    it_loop_free(l);
    return err < 0 || !t->over || !t->good;
}

int main(int argc, char **argv)
{
    talker t = {.calls = false};
    it_rtmfp_cfg cfg = {.accept = true};
    uint64_t seed;
    it_alloc_init(&t.alloc);
    const char *wrong = read_words(&t, &cfg, argc, argv);
    if (wrong)
        return usage(wrong);
    if (it_loop_seed(&seed) < 0 || it_ossl_init() < 0 || it_ossl_use_system() < 0)
        return usage("no randomness");
    cfg.alloc = &t.alloc;
    cfg.identity.is_static = t.calls; /* clients have their keys in the certificate, servers make new ones */
    cfg.identity.ancillary = !t.calls;
    it_rng_init(&cfg.rng, seed, "rtmfp");
    if (it_rtmfp_new(&cfg, 0, &t.r) < 0)
        return usage("no memory");
    int code = run(&t);
    it_ossl_fini();
    return code;
}
