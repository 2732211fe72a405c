/* One ICE agent as itp/1 drives it: commands, and the object contract. */
#include "lab/itp/impl.h"

#include "stack/stun/msg.h"

#include <stdio.h>

#define BINDS_A_BASE 256u /* numbers of sockets beside one base */

static it_itp_result done(void)
{
    return (it_itp_result){0, NULL};
}

static it_itp_result refuse(int err, const char *why)
{
    if (!why)
        why = it_err_str(err);
    return (it_itp_result){err, why};
}

/* --- coming and going --- */

static it_ice *new_agent(const it_itp_session *s)
{
    it_ice_cfg cfg;
    it_ice_cfg_default(&cfg);
    cfg.alloc = s->alloc;
    cfg.seed = s->cfg.seed;
    cfg.name = "itp/ice";
    cfg.controlling = s->cfg.controlling;
    cfg.n_stun = s->cfg.n_stun;
    for (int i = 0; i < cfg.n_stun; i++)
        cfg.stun[i] = s->cfg.stun[i];
    cfg.behaviour.lite = s->cfg.lite;
    cfg.tcp = s->cfg.tcp;
    cfg.n_turn = s->cfg.n_turn;
    memcpy(cfg.turn, s->cfg.turn, sizeof cfg.turn);
    if (s->cfg.ta)
        cfg.ta = s->cfg.ta;
    if (s->cfg.rto)
        cfg.timing.rto = s->cfg.rto;
    it_ice *a = it_ice_new(&cfg);
    if (a && it_ice_add_stream(a, s->cfg.components) < 0) {
        it_ice_free(a);
        return NULL;
    }
    return a;
}

it_itp_session *it_itp_session_new(const it_itp_session_cfg *cfg)
{
    it_itp_session *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s) {
        it_dtls_cert_free(cfg->cert);
        return NULL;
    }
    s->cfg = *cfg;
    s->alloc = cfg->alloc;
    snprintf(s->id, sizeof s->id, "%s", cfg->id);
    it_gate_init(&s->gate, s->alloc);
    s->ice = new_agent(s);
    if (s->ice)
        return s;
    it_itp_session_free(s);
    return NULL;
}

void it_itp_session_free(it_itp_session *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_waiting; i++)
        it_free(s->alloc, s->waiting[(s->head + i) % IT_ITP_WAITING].data);
    it_dtls_free(s->dtls);
    it_dtls_cert_free(s->cfg.cert);
    it_gate_fini(&s->gate);
    it_ice_free(s->ice);
    it_free(s->alloc, s);
}

void it_itp_fingerprint(const it_itp_session *s, char out[IT_ITP_FP_TEXT])
{
    const uint8_t *fp = it_dtls_cert_fingerprint(s->cfg.cert);
    int n = snprintf(out, IT_ITP_FP_TEXT, "sha-256");
    for (int i = 0; i < IT_SHA256_SIZE; i++)
        n += snprintf(out + n, IT_ITP_FP_TEXT - (size_t)n, "%c%02X", i ? ':' : ' ', fp[i]);
}

/* --- commands --- */

it_itp_result it_itp_gather(it_itp_session *s, it_time now)
{
    if (s->gathering)
        return refuse(IT_ERR_STATE, "it has gathered already: restart begins anew");
    s->gathering = true;
    itp_tell_local(s);
    if (s->n_bases == 0)
        itp_tell_log(s, "warn", "this machine has no address that may be used (RFC 8445 section 5.1.1.1)");
    it_ice_gather(s->ice, now);
    (void)itp_follow(s, now);
    if (s->n_bases == 0) /* the agent waits for one that may come; who asked has to hear that there is none now */
        itp_tell_gathered(s);
    return done();
}

/* Gives the agent the candidates that wait, and the end of them. */
static int apply_cands(it_itp_session *s, it_time now)
{
    int err = 0;
    for (size_t i = 0; i < s->far.n_cands && err >= 0; i++)
        err = it_ice_add_remote(s->ice, now, 0, &s->far.cands[i]);
    s->far.n_cands = 0;
    if (s->far.done)
        it_ice_remote_done(s->ice, now);
    s->far.done = false;
    if (err < 0)
        return err;
    return itp_follow(s, now);
}

/* Gives the agent what waits for start. */
static it_itp_result apply_far(it_itp_session *s, it_time now)
{
    if (!s->started || !s->far.have)
        return done();
    /* RFC 8445 section 6.1.1: of a lite and a full agent the full one controls. */
    if (s->far.lite && !s->cfg.lite && it_ice_set_role(s->ice, true) < 0 && !it_ice_controlling(s->ice))
        return refuse(IT_ERR_STATE,
                      "the far side is lite, and this one is controlled for good (RFC 8445 section 6.1.1)");
    it_ice_set_remote_traits(s->ice, s->far.lite, false);
    int err = it_ice_set_remote(s->ice, now, s->far.ufrag, s->far.pwd);
    if (err >= 0)
        err = apply_cands(s, now);
    if (err < 0)
        return refuse(err, NULL);
    return done();
}

static bool ice_chars(const char *text, size_t least)
{
    size_t n = strlen(text);
    static const char CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return n >= least && n <= IT_ICE_UFRAG_MAX && strspn(text, CHARS) == n;
}

it_itp_result it_itp_remote(it_itp_session *s, it_time now, const char *ufrag, const char *pwd, bool lite)
{
    if (!ice_chars(ufrag, 4))
        return refuse(IT_ERR_RANGE, "ufrag is not 4 to 256 letters, digits, + or / (RFC 8839 section 5.4)");
    if (!ice_chars(pwd, 22))
        return refuse(IT_ERR_RANGE, "pwd is not 22 to 256 letters, digits, + or / (RFC 8839 section 5.4)");
    bool other = s->far.have && (strcmp(ufrag, s->far.ufrag) != 0 || strcmp(pwd, s->far.pwd) != 0);
    if (other) { /* another generation: what waits is the old one's */
        s->far.n_cands = 0;
        s->far.done = false;
    }
    s->far.have = true;
    s->far.lite = lite;
    snprintf(s->far.ufrag, sizeof s->far.ufrag, "%s", ufrag);
    snprintf(s->far.pwd, sizeof s->far.pwd, "%s", pwd);
    return apply_far(s, now);
}

it_itp_result it_itp_rcand(it_itp_session *s, it_time now, const char *cand)
{
    static const char *const PREFIXES[] = {"a=candidate:", "candidate:"};
    it_ice_cand c;
    it_str text;
    it_str_init(&text, s->alloc);
    for (size_t i = 0; i < 2; i++)
        if (strncmp(cand, PREFIXES[i], strlen(PREFIXES[i])) == 0)
            cand += strlen(PREFIXES[i]);
    it_str_printf(&text, "candidate:%s", cand);
    int err = text.oom ? IT_ERR_NOMEM : it_ice_cand_read(&c, it_bytes_of(text.p, text.n));
    it_str_fini(&text);
    /* RFC 8839 section 5.1: a transport, a kind or an address that is not known is ignored. */
    if (err == IT_ERR_UNSUPPORTED || err == IT_ERR_NOTFOUND) {
        itp_tell_log(s, "info", "a candidate is ignored: its transport, kind or address is not one that is used here");
        return done();
    }
    if (err < 0)
        return refuse(err, err == IT_ERR_PARSE ? "this is no candidate (RFC 8839 section 5.1)" : NULL);
    if (s->cfg.no_udp && c.transport == IT_ICE_UDP)
        return done();
    if (s->started && s->far.have) {
        err = it_ice_add_remote(s->ice, now, 0, &c);
        if (err >= 0)
            err = itp_follow(s, now);
        return err < 0 ? refuse(err, err == IT_ERR_FULL ? "there are 100 candidates already" : NULL) : done();
    }
    if (s->far.n_cands == IT_ITP_FAR)
        return refuse(IT_ERR_FULL, "128 candidates wait for start already");
    s->far.cands[s->far.n_cands++] = c;
    return done();
}

it_itp_result it_itp_eoc(it_itp_session *s, it_time now)
{
    s->far.done = true;
    return apply_far(s, now);
}

it_itp_result it_itp_start(it_itp_session *s, it_time now)
{
    if (s->started)
        return done();
    s->started = true;
    itp_tell_state(s, ITP_CHECKING, NULL);
    return apply_far(s, now);
}

it_itp_result it_itp_restart(it_itp_session *s, it_time now)
{
    if (!s->gathering)
        return refuse(IT_ERR_STATE, "it has not gathered yet");
    it_ice_restart(s->ice, now);
    int err = itp_follow(s, now);
    if (err < 0)
        return refuse(err, NULL);
    if (s->n_bases == 0)
        itp_tell_gathered(s);
    return done();
}

it_itp_result it_itp_role(it_itp_session *s, bool controlling)
{
    int err = it_ice_set_role(s->ice, controlling);
    if (err < 0)
        return refuse(err, "checks have begun: the role stays (RFC 8445 section 6.1.1)");
    return done();
}

it_itp_result it_itp_dtls(it_itp_session *s, it_time now, bool client, const uint8_t (*fp)[IT_SHA256_SIZE], size_t n)
{
    it_dtls_cfg cfg = {.alloc = s->alloc, .shared = s->cfg.shared, .cert = s->cfg.cert, .client = client};
    const itp_path *p = &s->paths[1];
    if (s->dtls)
        return refuse(IT_ERR_STATE, "there is DTLS already");
    it_rng_init(&cfg.rng, s->cfg.seed, "itp/dtls");
    s->dtls = it_dtls_new(&cfg);
    if (s->dtls && it_dtls_set_media(s->dtls, &(it_dtls_media){.any_key = true}) < 0) {
        it_dtls_free(s->dtls);
        s->dtls = NULL;
    }
    if (!s->dtls)
        return refuse(IT_ERR_NOMEM, NULL);
    it_dtls_set_peer(s->dtls, now, fp[0]);
    for (size_t i = 1; i < n; i++)
        it_dtls_add_peer(s->dtls, fp[i]);
    if (p->have) {
        s->dtls_begun = true;
        itp_tell_dtls(s, "connecting", NULL);
        it_dtls_start(s->dtls, now);
    }
    int err = itp_follow(s, now);
    if (err < 0)
        return refuse(err, NULL);
    return done();
}

static it_itp_result queue_data(it_itp_session *s, int component, it_bytes data)
{
    if (s->n_waiting == IT_ITP_WAITING)
        return refuse(IT_ERR_FULL, "too much waits to be sent already");
    uint8_t *copy = it_malloc(s->alloc, data.n);
    if (!copy)
        return refuse(IT_ERR_NOMEM, NULL);
    memcpy(copy, data.p, data.n);
    s->waiting[(s->head + s->n_waiting++) % IT_ITP_WAITING] = (itp_waiting){component, data.n, copy};
    return done();
}

it_itp_result it_itp_send(it_itp_session *s, it_time now, int component, it_bytes data)
{
    it_itp_result r = done();
    if (component < 1 || component > s->cfg.components)
        return refuse(IT_ERR_RANGE, "there is no such component");
    if (data.n == 0 || data.n > IT_ITP_DATA)
        return refuse(IT_ERR_RANGE, "a datagram has 1 to 65507 bytes");
    if (!s->paths[component].have)
        return refuse(IT_ERR_STATE, "there is no path for data yet, or none any more");
    if (component == 1 && s->dtls) {
        int err = it_dtls_send(s->dtls, now, data);
        if (err == IT_ERR_STATE)
            return refuse(err, "DTLS is not connected");
        if (err == IT_ERR_TOOBIG)
            return refuse(err, "a datagram inside DTLS has at most 1120 bytes");
        if (err < 0)
            return refuse(err, NULL);
    } else {
        r = queue_data(s, component, data);
    }
    if (r.err == 0) {
        s->sent++;
        s->sent_bytes += data.n;
    }
    return r;
}

void it_itp_close(it_itp_session *s, it_time now)
{
    if (s->dtls)
        it_dtls_close(s->dtls, now);
    itp_tell_state(s, ITP_CLOSED, NULL);
}

/* --- bases --- */

#define BASES_MAX (sizeof((it_itp_session *)0)->bases / sizeof *((it_itp_session *)0)->bases)

/* Remembers base |flow| of |component|, and what is to be bound beside it. */
static void keep_base(it_itp_session *s, int flow, int component, uint32_t bind, it_addr local)
{
    if (s->n_bases == BASES_MAX)
        return;
    s->bases[s->n_bases].flow = flow;
    s->bases[s->n_bases].component = component;
    s->bases[s->n_bases].bind = bind;
    s->bases[s->n_bases].local = local;
    s->n_bases++;
}

static int add_base(it_itp_session *s, it_time now, const it_io *in)
{
    int component = 1;
    if (in->flow >= IT_IO_BOUND_FLOW)
        component = (int)((in->flow - IT_IO_BOUND_FLOW) % BINDS_A_BASE);
    if (in->local.port == 0) {
        itp_tell_log(s, "warn", "a socket for a further component was refused");
        return 0;
    }
    int err = it_ice_add_base(s->ice, now, 0, component, (int)in->flow, in->local);
    if (err == IT_ERR_RANGE || err == IT_ERR_FULL) {
        itp_tell_log(s, "info", "an address is not used (RFC 8445 section 5.1.1.1), or there are too many");
        return 0;
    }
    if (err == 0)
        keep_base(s, (int)in->flow, component, component == 1 && s->cfg.components > 1 ? 2 : 0, in->local);
    return err;
}

static void remove_base(it_itp_session *s, it_time now, int flow)
{
    it_ice_remove_base(s->ice, now, flow);
    it_gate_drop_base(&s->gate, flow);
    for (size_t i = 0; i < s->n_bases; i++)
        if (s->bases[i].flow == flow) {
            s->n_bases--;
            memmove(&s->bases[i], &s->bases[i + 1], (s->n_bases - i) * sizeof s->bases[i]);
            return;
        }
}

/* The next socket that is wanted beside a base: 1, or 0. */
static int bind_next(it_itp_session *s, it_io *out)
{
    for (size_t i = 0; i < s->n_bases; i++) {
        uint32_t component = s->bases[i].bind;
        if (!component)
            continue;
        s->bases[i].bind = component < (uint32_t)s->cfg.components ? component + 1 : 0;
        uint32_t flow = IT_IO_BOUND_FLOW + (uint32_t)s->bases[i].flow * BINDS_A_BASE + component;
        *out = (it_io){.kind = IT_IO_BIND, .flow = flow, .local = it_addr_of(s->bases[i].local.ip, 0)};
        return 1;
    }
    return 0;
}

/* --- the object --- */

static int input_any(it_itp_session *s, it_time now, const it_io *in)
{
    int n = 0;
    switch (in->kind) {
    case IT_IO_BOUND:
        return add_base(s, now, in);
    case IT_IO_UNBIND:
        remove_base(s, now, (int)in->flow);
        return 0;
    case IT_IO_ERROR:
        n = it_ice_input(s->ice, now, in);
        return n < 0 ? n : 0;
    case IT_IO_DGRAM:
        if (!it_stun_is(in->data))
            return itp_take(s, now, in);
        n = it_ice_input(s->ice, now, in);
        return n < 0 ? n : 0;
    default:
        return 0;
    }
}

/* Takes what has come through relays and connections, as if it had come from the network. Returns 0 or an error. */
static int take_carried(it_itp_session *s, it_time now)
{
    it_io inner;
    int err = 0;
    while (err >= 0 && (it_ice_relay_take(s->ice, now, &inner) || it_ice_tcp_take(s->ice, now, &inner)))
        err = s->released ? 0 : input_any(s, now, &inner);
    return err;
}

/* Bytes taken of a stream, which is a relay's or a candidate's; those of all else. */
static int session_input(void *o, it_time now, const it_io *in)
{
    it_itp_session *s = o;
    int taken = (int)in->data.n, of_stream = 0, err = 0;
    if (it_ice_relay_input(s->ice, now, in, &of_stream) || it_ice_tcp_input(s->ice, now, in, &of_stream)) {
        taken = in->kind == IT_IO_DGRAM ? taken : of_stream;
        err = of_stream < 0 ? of_stream : take_carried(s, now);
    } else if (!s->released) {
        err = input_any(s, now, in);
    }
    if (err >= 0 && !s->released)
        err = itp_follow(s, now);
    if (err < 0)
        return err;
    return taken;
}

static it_time session_next(const void *o)
{
    const it_itp_session *s = o;
    if (s->released)
        return it_ice_relay_next(s->ice);
    it_time ice = it_ice_next(s->ice), dtls = s->dtls ? it_dtls_next(s->dtls) : IT_NEVER;
    return ice < dtls ? ice : dtls;
}

static int tick_once(it_itp_session *s, it_time now)
{
    if (s->released)
        return it_ice_relay_tick_end(s->ice, now);
    int err = it_ice_tick(s->ice, now);
    if (err >= 0)
        err = take_carried(s, now);
    if (err >= 0 && s->dtls)
        err = it_dtls_tick(s->dtls, now);
    if (err < 0)
        return err;
    return itp_follow(s, now);
}

/* What a clock brings may begin what is due at once, as a relay that is no longer wanted is given back: again, until
 * nothing is. */
static int session_tick(void *o, it_time now)
{
    it_itp_session *s = o;
    int err = 0;
    for (int round = 0; round < 16 && err >= 0 && session_next(s) <= now; round++)
        err = tick_once(s, now);
    return err;
}

/* Puts |out| on the path of |component|. */
static void on_path(it_itp_session *s, it_time now, it_io *out, int component)
{
    const itp_path *p = &s->paths[component];
    it_bytes data = out->data; /* all that DTLS fills in */
    *out =
        (it_io){.kind = IT_IO_DGRAM, .flow = (uint32_t)p->flow, .local = p->local, .remote = p->remote, .data = data};
    it_ice_sent_data(s->ice, now, 0, component);
}

/* What waits, oldest first; of a component whose path is gone meanwhile it is lost. */
static int output_data(it_itp_session *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    while (s->n_waiting) {
        itp_waiting w = s->waiting[s->head];
        s->head = (s->head + 1) % IT_ITP_WAITING;
        s->n_waiting--;
        bool fits = w.n <= cap && s->paths[w.component].have;
        if (fits)
            memcpy(buf, w.data, w.n);
        it_free(s->alloc, w.data);
        if (!fits)
            continue;
        *out = (it_io){.data = it_bytes_of(buf, w.n)};
        on_path(s, now, out, w.component);
        return 1;
    }
    return 0;
}

/* The next datagram of DTLS or of the application: 1 and |out|, 0, or an error. */
static int output_path(it_itp_session *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int rc = 0;
    if (s->dtls && s->paths[1].have)
        rc = it_dtls_output(s->dtls, now, out, buf, cap);
    if (rc > 0)
        on_path(s, now, out, 1);
    return rc == 0 ? output_data(s, now, out, buf, cap) : rc;
}

/* All that is said while the session lives; what goes by a relay or a connection the agent puts into its wrapping. */
static int output_live(it_itp_session *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    /* Commands leave news behind too; and DTLS puts out nothing while a secret waits to be taken. */
    int rc = itp_follow(s, now);
    if (rc < 0)
        return rc;
    if (bind_next(s, out))
        return 1;
    for (;;) {
        rc = it_ice_output(s->ice, now, out, buf, cap);
        if (rc != 0)
            return rc;
        rc = output_path(s, now, out, buf, cap);
        if (rc <= 0 || !(it_ice_relay_send(s->ice, now, out) || it_ice_tcp_send(s->ice, now, out)))
            return rc;
    }
}

static int session_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_itp_session *s = o;
    int rc = 0;
    if (!s->released)
        rc = output_live(s, now, out, buf, cap);
    if (rc != 0 || s->state != ITP_CLOSED)
        return rc;
    if (!s->released) { /* behind the last words: RFC 8656 section 8, RFC 6544 section 11.1 */
        it_ice_relay_release(s->ice, now);
        it_ice_tcp_release(s->ice);
    }
    s->released = true;
    rc = it_ice_tcp_output(s->ice, now, out, buf, cap);
    return rc != 0 ? rc : it_ice_relay_output(s->ice, now, out, buf, cap);
}

static void session_free(void *o)
{
    it_itp_session_free(o);
}

const it_object_ops it_itp_session_ops = {.kind = "itp",
                                          .input = session_input,
                                          .tick = session_tick,
                                          .next = session_next,
                                          .output = session_output,
                                          .free = session_free,
                                          .errors = true};
