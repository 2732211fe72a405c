/* The lines of a session. */
#include "lab/itp/impl.h"

#include "lab/itp/base64.h"

static const char *const STATES[] = {[ITP_NEW] = "new",
                                     [ITP_CHECKING] = "checking",
                                     [ITP_CONNECTED] = "connected",
                                     [ITP_COMPLETED] = "completed",
                                     [ITP_FAILED] = "failed",
                                     [ITP_DISCONNECTED] = "disconnected",
                                     [ITP_CLOSED] = "closed"};

void itp_begin(it_itp_session *s, it_json *j, const char *ev)
{
    it_json_init(j, s->cfg.out);
    it_json_obj(j, NULL);
    it_json_str(j, "ev", ev);
    it_json_raw(j, "id", s->id);
}

void itp_end(it_itp_session *s, it_json *j)
{
    (void)s;
    it_json_end_obj(j);
    it_json_newline(j);
}

void itp_tell_state(it_itp_session *s, enum itp_state state, const char *why)
{
    it_json j;
    if (s->state == state)
        return;
    s->state = state;
    itp_begin(s, &j, "state");
    it_json_str(&j, "s", STATES[state]);
    if (why)
        it_json_str(&j, "why", why);
    itp_end(s, &j);
}

void itp_tell_local(it_itp_session *s)
{
    it_json j;
    char fp[IT_ITP_FP_TEXT];
    it_itp_fingerprint(s, fp);
    s->generation = it_ice_generation(s->ice);
    itp_begin(s, &j, "local");
    it_json_str(&j, "ufrag", it_ice_ufrag(s->ice));
    it_json_str(&j, "pwd", it_ice_pwd(s->ice));
    it_json_str(&j, "opts", "ice2 trickle");
    if (s->cfg.lite)
        it_json_int(&j, "lite", 1);
    it_json_str(&j, "role", it_ice_controlling(s->ice) ? "controlling" : "controlled");
    it_json_int(&j, "gen", s->generation);
    it_json_str(&j, "fp", fp);
    itp_end(s, &j);
}

/* A candidate without "candidate:", as itp/1 has it. */
static void put_cand(it_itp_session *s, it_json *j, const char *key, const it_ice_cand *c)
{
    static const char prefix[] = "candidate:";
    it_str text;
    it_str_init(&text, s->alloc);
    it_ice_cand_write(&text, c);
    if (text.oom)
        s->cfg.out->oom = true;
    else
        it_json_str(j, key, it_str_c(&text) + sizeof prefix - 1);
    it_str_fini(&text);
}

void itp_tell_cand(it_itp_session *s, const it_ice_cand *c)
{
    it_json j;
    itp_begin(s, &j, "cand");
    it_json_int(&j, "comp", c->component);
    put_cand(s, &j, "c", c);
    it_json_int(&j, "gen", it_ice_generation(s->ice));
    itp_end(s, &j);
}

void itp_tell_selected(it_itp_session *s, int component, const it_ice_pair_view *p)
{
    it_json j;
    itp_begin(s, &j, "selected");
    it_json_int(&j, "comp", component);
    put_cand(s, &j, "l", &p->local);
    put_cand(s, &j, "r", &p->remote);
    it_json_int(&j, "rtt", p->rtt / IT_US);
    itp_end(s, &j);
}

static void tell_log(it_itp_session *s, const char *level, const char *msg)
{
    it_json j;
    itp_begin(s, &j, "log");
    it_json_str(&j, "lvl", level);
    it_json_str(&j, "msg", msg);
    itp_end(s, &j);
}

/* True while the reader is too far behind to be told of more; says so once. */
static bool itp_behind(it_itp_session *s)
{
    bool was = s->cut;
    s->cut = s->cfg.out->n > IT_ITP_BEHIND;
    if (s->cut && !was)
        tell_log(s, "warn", "the reader is behind: datagrams and notes are dropped meanwhile");
    return s->cut;
}

void itp_tell_log(it_itp_session *s, const char *level, const char *text)
{
    if (!itp_behind(s))
        tell_log(s, level, text);
}

void itp_tell_data(it_itp_session *s, int component, it_bytes data)
{
    it_json j;
    it_str text;
    s->taken++;
    s->taken_bytes += data.n;
    if (itp_behind(s))
        return;
    it_str_init(&text, s->alloc);
    it_base64_write(&text, data);
    itp_begin(s, &j, "data");
    it_json_int(&j, "comp", component);
    it_json_str(&j, "b64", it_str_c(&text));
    itp_end(s, &j);
    s->cfg.out->oom |= text.oom;
    it_str_fini(&text);
}

void itp_tell_dtls(it_itp_session *s, const char *state, const char *why)
{
    it_json j;
    itp_begin(s, &j, "dtls");
    it_json_str(&j, "s", state);
    if (why)
        it_json_str(&j, "why", why);
    itp_end(s, &j);
}

void it_itp_stats(it_itp_session *s)
{
    it_json j;
    it_ice_pair_view p;
    itp_begin(s, &j, "stats");
    it_json_str(&j, "s", STATES[s->state]);
    it_json_str(&j, "role", it_ice_controlling(s->ice) ? "controlling" : "controlled");
    it_json_int(&j, "gen", it_ice_generation(s->ice));
    it_json_int(&j, "sent", (int64_t)s->sent);
    it_json_int(&j, "sent_bytes", (int64_t)s->sent_bytes);
    it_json_int(&j, "received", (int64_t)s->taken);
    it_json_int(&j, "received_bytes", (int64_t)s->taken_bytes);
    it_json_int(&j, "refused", (int64_t)it_gate_dropped(&s->gate));
    if (it_ice_selected(s->ice, 0, 1, &p) == 0) {
        it_json_int(&j, "rtt", p.rtt / IT_US);
        it_json_int(&j, "last_response", p.last_response / IT_US);
    }
    itp_end(s, &j);
}

void it_itp_pairs(it_itp_session *s)
{
    it_json j;
    it_ice_pair_info p;
    size_t n = 0;
    for (; it_ice_pair_at(s->ice, 0, n, &p); n++) {
        itp_begin(s, &j, "pair");
        it_json_int(&j, "comp", p.local.component);
        put_cand(s, &j, "l", &p.local);
        put_cand(s, &j, "r", &p.remote);
        it_json_str(&j, "st", p.state);
        it_json_int(&j, "prio", (int64_t)p.priority);
        it_json_int(&j, "valid", p.valid);
        it_json_int(&j, "nom", p.nominated);
        itp_end(s, &j);
    }
    itp_begin(s, &j, "pairs");
    it_json_int(&j, "n", (int64_t)n);
    itp_end(s, &j);
}
