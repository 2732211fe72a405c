/* One case in a worker: run it, perhaps again, recorded, and make its line of results.jsonl. */
#include "lab/run/impl.h"

#include "stack/crypto/ossl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What records a case. */
typedef struct recorder {
    it_capture *capture; /* NULL: only the trace is kept */
    it_trace *trace;
    it_script *script;
} recorder;

/* What the trace says of event |ev| of app |app|, of its part |media|. */
static void event_text(char *text, size_t size, const char *app, int media, const it_model_event *ev)
{
    char a[IT_ADDR_TEXT], b[IT_ADDR_TEXT];
    switch (ev->kind) {
    case IT_EV_OPEN:
    case IT_EV_FAILOVER:
        if (ev->kind == IT_EV_OPEN && ev->path == IT_PATH_NONE)
            break; /* a server: it has no pair */
        snprintf(text, size, "%s: %s %s/%s %s -> %s", app, it_path_name(ev->path), it_ice_kind_name(ev->local_kind),
                 it_ice_kind_name(ev->remote_kind), it_addr_text(ev->local, a), it_addr_text(ev->remote, b));
        return;
    case IT_EV_DEATH:
        snprintf(text, size, "%s: %s: %s", app, it_reason_name(ev->reason), ev->why);
        return;
    case IT_EV_UP:
        if (!ev->local.port)
            break;
        snprintf(text, size, "%s: %s has %s", app, it_addr_text(ev->remote, a), it_addr_text(ev->local, b));
        return;
    case IT_EV_DOWN:
    case IT_EV_UNSENT:
        if (ev->remote.port)
            snprintf(text, size, "%s: %s: %s", app, it_addr_text(ev->remote, a), ev->why);
        else
            snprintf(text, size, "%s: %s", app, ev->why);
        return;
    case IT_EV_STATUS:
        if (media > 0)
            snprintf(text, size, "%s/%d: %s", app, media, ev->why);
        else
            snprintf(text, size, "%s: %s", app, ev->why);
        return;
    case IT_EV_CALL:
        snprintf(text, size, "%s: call %d", app, ev->flow);
        return;
    case IT_EV_SUBSCRIBER:
        snprintf(text, size, "%s/%d: %s as %d", app, media, ev->user, ev->flow);
        return;
    default:
        break;
    }
    snprintf(text, size, "%s", app);
}

static void on_event(void *self, it_time now, const it_node *host, const char *app, int media, const it_model_event *ev)
{
    recorder *e = self;
    char text[256];
    if (ev->kind == IT_EV_SIGNAL)
        return; /* the carrier notes what goes from whom to whom */
    event_text(text, sizeof text, app, media, ev);
    it_trace_note n = {.node = host->name, .kind = it_model_event_name(ev->kind), .text = text};
    n.cause = it_script_cause(e->script, &n.by_fault);
    it_trace_event(e->trace, now, &n);
}

static void on_secret(void *self, it_bytes line)
{
    recorder *e = self;
    if (e->capture)
        it_capture_secret(e->capture, line);
}

static uint64_t seed_of(const it_run_cfg *cfg, const it_case *c)
{
    return cfg->seed + (uint64_t)c->k - 1;
}

/* What one run of a case gave. */
typedef struct outcome {
    char verdict[16];
    uint64_t print; /* 0 when a limit ended it, at a moment of its own */
    bool by_limit;
} outcome;

/* The two runs of a case with attackers. */
typedef struct twins {
    it_twin *twin;
    bool silent; /* this is the first of them */
} twins;

/* Runs one case; |e| non-NULL records it; |t|: as one of two. Appends the result's members to |j| and what it made use
 * of to |uses|. */
static int run_single(const it_worker *worker, const it_case *c, it_bytes text, recorder *e, const twins *t, it_json *j,
                      it_str *uses, outcome *o)
{
    char lib[4096];
    it_run_lib_dir(c->file, lib, sizeof lib);
    it_script_cfg sc = {.alloc = worker->cfg->alloc,
                        .profiles = worker->profiles,
                        .code = worker->code,
                        .shared = worker->shared,
                        .seed = seed_of(worker->cfg, c),
                        .lib_dir = lib,
                        .capture = e ? e->capture : NULL,
                        .trace = e ? e->trace : NULL,
                        .twin = t->twin,
                        .silent = t->silent,
                        .n_edges = worker->cfg->n_edges,
                        .roots = worker->cfg->roots};
    memcpy(sc.edges, worker->cfg->edges, sizeof sc.edges);
    it_script *s = it_script_new(&sc);
    if (!s)
        return IT_ERR_NOMEM;
    if (e) {
        e->script = s;
        it_script_listen(s, (it_lab_listener){e, on_event, on_secret});
    }
    int rc = it_script_run(s, c, text, j, o->verdict);
    o->by_limit = it_script_by_limit(s);
    o->print = o->by_limit ? 0 : it_script_fingerprint(s);
    it_str_puts(uses, it_script_uses(s));
    it_script_free(s);
    if (rc == 0 && e && (it_trace_oom(e->trace) || (e->capture && it_capture_oom(e->capture))))
        rc = IT_ERR_NOMEM;
    return rc;
}

/* True when a case of this file may have attackers. */
static bool may_attack(it_bytes text)
{
    static const char WORD[] = "attacker";
    for (size_t i = 0; i + sizeof WORD - 1 <= text.n; i++)
        if (memcmp(text.p + i, WORD, sizeof WORD - 1) == 0)
            return true;
    return false;
}

/* The first of two runs: the attackers are silent, and what the others do is recorded. */
static int run_silent(const it_worker *worker, const it_case *c, it_bytes text, it_twin *twin)
{
    it_str scrap, uses;
    it_json j;
    outcome o = {.verdict = ""};
    it_str_init(&scrap, worker->cfg->alloc);
    it_str_init(&uses, worker->cfg->alloc);
    it_json_init(&j, &scrap);
    it_json_obj(&j, NULL);
    int rc = run_single(worker, c, text, NULL, &(twins){twin, true}, &j, &uses, &o);
    it_str_fini(&scrap);
    it_str_fini(&uses);
    it_twin_compare(twin);
    return rc;
}

/* Runs a case, one with attackers twice: what is written is of the second run. */
static int run_once(const it_worker *worker, const it_case *c, it_bytes text, recorder *e, it_json *j, it_str *uses,
                    outcome *o)
{
    twins t = {NULL, false};
    if (!may_attack(text))
        return run_single(worker, c, text, e, &t, j, uses, o);
    t.twin = it_twin_new(worker->cfg->alloc);
    int rc = t.twin ? run_silent(worker, c, text, t.twin) : IT_ERR_NOMEM;
    if (rc == 0)
        rc = run_single(worker, c, text, e, &t, j, uses, o);
    it_twin_free(t.twin);
    return rc;
}

static void line_head(const it_run_cfg *cfg, const it_case *c, it_json *j)
{
    it_json_obj(j, NULL);
    it_json_str(j, "case", c->id);
    it_json_str(j, "file", c->file);
    it_json_str(j, "title", c->title);
    if (c->model) /* else the result says which model the case's call had, or null */
        it_json_str(j, "model", c->model);
    it_json_raw(j, "cell", c->cell);
    it_json_int(j, "seed", (int64_t)seed_of(cfg, c));
}

/* Ends the line. Neither the number of workers nor the output folder is in the command that repeats the case. */
static void line_tail(const it_run_cfg *cfg, const it_case *c, it_json *j, bool kept, uint64_t print)
{
    char name[IT_RUN_NAME];
    it_str repeat;
    it_run_case_file(c->id, "pcapng", name);
    it_json_str(j, "capture", kept ? name : NULL);
    it_run_case_file(c->id, "trace.jsonl", name);
    it_json_str(j, "trace", kept ? name : NULL);
    it_json_null(j, "keep"); /* it_run_mark_kept may put something in its place */
    it_json_hex64(j, "fingerprint", print);
    it_str_init(&repeat, cfg->alloc);
    it_str_puts(&repeat, "icetank run ");
    it_run_quote(&repeat, c->file);
    it_str_printf(&repeat, " --only '%s' --seed %" PRIu64 " --pcap all", c->id, cfg->seed);
    it_json_str(j, "repeat", it_str_c(&repeat));
    j->out->oom = j->out->oom || repeat.oom;
    it_str_fini(&repeat);
    it_json_end_obj(j);
    it_json_newline(j);
}

/* Writes what was recorded beside the results; without |e| removes what an earlier run left there, so that no case has
 * files that are not its own. */
static int case_keep(const it_run_cfg *cfg, const it_case *c, const recorder *e, char err[IT_RUN_ERR])
{
    static const char *const EXT[] = {"pcapng", "trace.jsonl"};
    int rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++) {
        char name[IT_RUN_NAME];
        it_run_case_file(c->id, EXT[i], name);
        if (e)
            rc = it_run_write(cfg->out, name, i ? it_trace_bytes(e->trace) : it_capture_bytes(e->capture), err);
        else
            it_run_remove(cfg->out, name);
    }
    return rc;
}

/* A failed case once more, recorded. Watching must change nothing, but a case near a limit may meet it this time:
 * |*kept| is false then. */
static int run_again(const it_worker *worker, const it_case *c, it_bytes src, recorder *e, const outcome *first,
                     bool *kept, char err[IT_RUN_ERR])
{
    it_str scrap, uses;
    it_json j;
    outcome o = {.verdict = ""};
    it_str_init(&scrap, worker->cfg->alloc);
    it_str_init(&uses, worker->cfg->alloc);
    it_json_init(&j, &scrap);
    it_json_obj(&j, NULL);
    int rc = run_once(worker, c, src, e, &j, &uses, &o);
    it_str_fini(&scrap);
    it_str_fini(&uses);
    *kept = !o.by_limit;
    if (rc == 0 && *kept && (o.print != first->print || strcmp(o.verdict, first->verdict) != 0)) {
        snprintf(err, IT_RUN_ERR, "%s: the recorded run differs from the one that was not", c->id);
        rc = IT_ERR_STATE;
    }
    return rc;
}

/* Runs the case, and again, recorded, where it did not end as it should; |*kept|: |e| is a record of it. */
static int run_kept(const it_worker *worker, const it_case *c, it_bytes src, recorder *e, it_json *j, it_str *uses,
                    outcome *o, bool *kept, char err[IT_RUN_ERR])
{
    enum it_pcap_when pcap = worker->cfg->pcap;
    int rc = run_once(worker, c, src, pcap == IT_PCAP_ALL ? e : NULL, j, uses, o);
    *kept = false;
    if (rc < 0 || o->by_limit)
        return rc;
    *kept = pcap == IT_PCAP_ALL;
    if (pcap != IT_PCAP_FAIL)
        return 0;
    if (strcmp(o->verdict, "fail") == 0 || strcmp(o->verdict, "error") == 0)
        return run_again(worker, c, src, e, o, kept, err);
    return 0;
}

static int make_line(const it_worker *worker, const it_case *c, it_bytes src, it_str *line, it_str *uses, outcome *o,
                     char err[IT_RUN_ERR])
{
    const it_run_cfg *cfg = worker->cfg;
    char comment[1200];
    it_json j;
    snprintf(comment, sizeof comment, "icetank %s seed %" PRIu64, c->id, seed_of(cfg, c));
    recorder e = {it_capture_new(cfg->alloc, comment), it_trace_new(cfg->alloc), NULL};
    bool kept = false;
    it_json_init(&j, line);
    line_head(cfg, c, &j);
    int rc = IT_ERR_NOMEM;
    if (e.capture && e.trace)
        rc = run_kept(worker, c, src, &e, &j, uses, o, &kept, err);
    bool bad = strcmp(o->verdict, "fail") == 0 || strcmp(o->verdict, "error") == 0;
    if (rc == 0)
        rc = case_keep(cfg, c, kept ? &e : NULL, err);
    if (rc == 0 && bad)
        it_run_put_source(cfg->alloc, c, line, &j);
    if (rc == 0)
        line_tail(cfg, c, &j, kept, o->print);
    it_capture_free(e.capture);
    it_trace_free(e.trace);
    return rc;
}

static int record_case(const it_worker *worker, const it_case *c, it_str *out, char err[IT_RUN_ERR])
{
    const it_run_cfg *cfg = worker->cfg;
    char text[1200];
    it_str scrap, uses;
    it_json j;
    outcome o = {.verdict = ""};
    snprintf(text, sizeof text, "icetank %s seed %" PRIu64, c->id, seed_of(cfg, c));
    recorder e = {it_capture_new(cfg->alloc, text), it_trace_new(cfg->alloc), NULL};
    it_str_init(&scrap, cfg->alloc);
    it_str_init(&uses, cfg->alloc);
    it_json_init(&j, &scrap);
    it_json_obj(&j, NULL);
    int rc = e.capture && e.trace ? run_once(worker, c, c->text, &e, &j, &uses, &o) : IT_ERR_NOMEM;
    if (rc == 0 && !o.by_limit)
        rc = case_keep(cfg, c, &e, err);
    if (rc == 0 && !o.by_limit)
        it_str_printf(out, "%016" PRIx64 " %zu", o.print, it_capture_size(e.capture) + it_trace_bytes(e.trace).n);
    it_capture_free(e.capture);
    it_trace_free(e.trace);
    it_str_fini(&scrap);
    it_str_fini(&uses);
    return rc;
}

static int keep_case(const it_worker *worker, const it_case *c, it_str *out, char err[IT_RUN_ERR])
{
    char name[IT_RUN_NAME];
    it_str scrap, uses;
    it_json j;
    outcome o = {.verdict = ""};
    recorder e = {NULL, it_trace_new(worker->cfg->alloc), NULL};
    it_str_init(&scrap, worker->cfg->alloc);
    it_str_init(&uses, worker->cfg->alloc);
    it_json_init(&j, &scrap);
    it_json_obj(&j, NULL);
    if (e.trace) { /* the page draws rows of media, not each packet */
        it_trace_fold(e.trace, "voice");
        it_trace_fold(e.trace, "SRTP");
    }
    int rc = e.trace ? run_once(worker, c, c->text, &e, &j, &uses, &o) : IT_ERR_NOMEM;
    it_run_case_file(c->id, "trace.jsonl", name);
    if (rc == 0 && !o.by_limit)
        rc = it_run_write(worker->cfg->out, name, it_trace_bytes(e.trace), err);
    if (!o.by_limit)
        it_str_printf(out, "%016" PRIx64, o.print);
    it_trace_free(e.trace);
    it_str_fini(&scrap);
    it_str_fini(&uses);
    return rc;
}

/* Puts |with| in the place of the first |what| in |line|; false when that is not in it. */
static bool case_replace(it_str *out, const char *line, const char *what, const char *with)
{
    const char *at = strstr(line, what);
    if (!at)
        return false;
    it_str_put(out, line, (size_t)(at - line));
    it_str_puts(out, with);
    it_str_puts(out, at + strlen(what));
    return true;
}

/* Whether |line| has the fingerprint |print|. A quote inside a JSON string has a backslash: a member stands nowhere
 * else in the line. */
static bool has_print(const char *line, const char *print)
{
    char seen[64];
    snprintf(seen, sizeof seen, "\"fingerprint\":\"%.16s\"", print);
    return strstr(line, seen) != NULL;
}

bool it_run_mark_recorded(it_str *out, const char *id, const char *line, const char *print)
{
    char capture[IT_RUN_NAME], trace[IT_RUN_NAME], files[2 * IT_RUN_NAME + 64];
    it_run_case_file(id, "pcapng", capture);
    it_run_case_file(id, "trace.jsonl", trace);
    snprintf(files, sizeof files, "\"capture\":\"%s\",\"trace\":\"%s\",\"keep\":null", capture, trace);
    return has_print(line, print) && case_replace(out, line, "\"capture\":null,\"trace\":null,\"keep\":null", files);
}

bool it_run_mark_kept(it_str *out, const char *id, const char *line, const char *print)
{
    char name[IT_RUN_NAME], trace[IT_RUN_NAME + 32];
    if (case_replace(out, line, "\"trace\":null,\"keep\":null", "")) {
        if (!has_print(line, print))
            return false;
        it_run_case_file(id, "trace.jsonl", name);
        snprintf(trace, sizeof trace, "\"trace\":\"%s\",\"keep\":\"first\"", name);
        it_str_clear(out);
        return case_replace(out, line, "\"trace\":null,\"keep\":null", trace);
    }
    return case_replace(out, line, "\"keep\":null", "\"keep\":\"first\"");
}

int it_worker_open(it_worker *worker, char err[IT_RUN_ERR])
{
    char why[IT_PROFILE_ERR] = "";
    worker->profiles = it_profiles_builtin(worker->cfg->alloc, why);
    worker->code = worker->profiles ? it_code_new(worker->cfg->alloc) : NULL;
    worker->ossl = worker->code && it_ossl_init() == 0;
    worker->shared = worker->ossl ? it_dtls_shared_new(worker->cfg->alloc) : NULL;
    if (worker->shared)
        return 0;
    snprintf(err, IT_RUN_ERR, "%s", *why ? why : "cannot start the crypto library");
    return IT_ERR_CRYPTO;
}

void it_worker_close(it_worker *worker)
{
    it_dtls_shared_free(worker->shared);
    it_profiles_free(worker->profiles);
    it_code_free(worker->code);
    if (worker->ossl)
        it_ossl_fini();
}

static int run_case(const it_worker *worker, const it_case *c, it_str *out, char err[IT_RUN_ERR])
{
    outcome o = {.verdict = "error"};
    it_str line, uses;
    it_str_init(&line, worker->cfg->alloc);
    it_str_init(&uses, worker->cfg->alloc);
    int rc = make_line(worker, c, c->text, &line, &uses, &o, err);
    if (rc == 0 && (line.oom || uses.oom))
        rc = IT_ERR_NOMEM;
    if (rc == 0)
        it_str_printf(out, "%s\n%s\n%s", o.verdict, it_str_c(&uses), it_str_c(&line));
    else if (!*err)
        snprintf(err, IT_RUN_ERR, "%s: %s", c->id, it_err_str(rc));
    it_str_fini(&line);
    it_str_fini(&uses);
    return rc;
}

/* Makes case |i|, hands it to |f| and frees it. */
static int with_case(const it_worker *worker, size_t i, it_str *out, char err[IT_RUN_ERR],
                     int (*f)(const it_worker *, const it_case *, it_str *, char *))
{
    it_case c;
    if (it_plan_case(worker->plan, i, &c) < 0) {
        snprintf(err, IT_RUN_ERR, "%s", it_err_str(IT_ERR_NOMEM));
        return IT_ERR_NOMEM;
    }
    int rc = f(worker, &c, out, err);
    it_case_fini(worker->plan->alloc, &c);
    return rc;
}

int it_worker_case(const it_worker *worker, size_t i, it_str *out, char err[IT_RUN_ERR])
{
    return with_case(worker, i, out, err, run_case);
}

int it_worker_keep(const it_worker *worker, size_t i, it_str *out, char err[IT_RUN_ERR])
{
    return with_case(worker, i, out, err, keep_case);
}

int it_worker_record(const it_worker *worker, size_t i, it_str *out, char err[IT_RUN_ERR])
{
    return with_case(worker, i, out, err, record_case);
}

void it_run_missing(const it_run_cfg *cfg, const it_case *c, const char *why, it_str *out)
{
    it_json j;
    it_json_init(&j, out);
    line_head(cfg, c, &j);
    it_script_no_result(&j, c, why);
    line_tail(cfg, c, &j, false, 0);
}
