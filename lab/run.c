/* Running a plan: one case, a worker's share, all of it. */
#include "lab/run.h"

#include "stack/crypto/ossl.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64

/* Set by the signal handler: a signal has no other way to speak to the loop. */
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    (void)sig;
    interrupted = 1;
}

/* What a worker needs for every case. */
typedef struct workshop {
    const it_run_cfg *cfg;
    const uint8_t *pages; /* by place in the plan: the cases to be run again for their pages; NULL: a first run of every case */
    it_profiles *profiles;
    it_dtls_shared *shared;
} workshop;

static int write_file(const char *path, it_bytes data, char err[512])
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(data.p, 1, data.n, f) == data.n;
    ok = f && fclose(f) == 0 && ok;
    if (!ok)
        snprintf(err, 512, "%s: %s", path, strerror(errno));
    return ok ? 0 : IT_ERR_IO;
}

static char *slurp(it_alloc *a, const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    it_str s;
    char buf[65536];
    if (!f)
        return NULL;
    it_str_init(&s, a);
    it_str_put(&s, "", 0);
    for (size_t k; (k = fread(buf, 1, sizeof buf, f)) > 0;)
        it_str_put(&s, buf, k);
    fclose(f);
    *n = s.n;
    return s.p;
}

/* The eyes on a case that is recorded. */
typedef struct eyes {
    it_capture *capture; /* NULL: only the trace is kept */
    it_trace *trace;
    it_script *script;
} eyes;

static void on_event(void *self, it_time now, const it_node *host, const char *app, int media, const it_model_event *ev)
{
    eyes *e = self;
    char text[256], a[IT_ADDR_TEXT], b[IT_ADDR_TEXT];
    (void)media;
    if (ev->kind == IT_EV_SIGNAL)
        return; /* the carrier notes what goes from whom to whom */
    snprintf(text, sizeof text, "%s", app);
    if (ev->kind == IT_EV_OPEN || ev->kind == IT_EV_FAILOVER)
        snprintf(text, sizeof text, "%s: %s %s/%s %s -> %s", app, it_path_name(ev->path), it_ice_kind_name(ev->local_kind),
                 it_ice_kind_name(ev->remote_kind), it_addr_text(ev->local, a), it_addr_text(ev->remote, b));
    else if (ev->kind == IT_EV_DEATH)
        snprintf(text, sizeof text, "%s: %s", app, it_reason_name(ev->reason));
    it_trace_note n = {.node = host->name, .kind = it_model_event_name(ev->kind), .text = text};
    n.cause = it_script_cause(e->script, &n.by_fault);
    it_trace_event(e->trace, now, &n);
}

static void on_secret(void *self, it_bytes line)
{
    eyes *e = self;
    if (e->capture)
        it_capture_secret(e->capture, line);
}

/* Runs one case; |e| non-NULL records it. Appends the result's members to |j|. */
static int run_once(const workshop *shop, const it_case *c, it_bytes text, eyes *e, it_json *j, char verdict[16], uint64_t *print)
{
    char lib[4096];
    const char *at = strstr(c->file, "scenarios/");
    snprintf(lib, sizeof lib, "%.*s/lib", at ? (int)(at - c->file) + 9 : 1, at ? c->file : ".");
    it_script_cfg sc = {.alloc = shop->cfg->alloc,
                        .profiles = shop->profiles,
                        .shared = shop->shared,
                        .seed = shop->cfg->seed + (uint64_t)c->k - 1,
                        .lib_dir = lib,
                        .capture = e ? e->capture : NULL,
                        .trace = e ? e->trace : NULL};
    it_script *s = it_script_new(&sc);
    if (!s)
        return IT_ERR_NOMEM;
    if (e) {
        e->script = s;
        it_script_listen(s, (it_lab_listener){e, on_event, on_secret});
    }
    int rc = it_script_run(s, c, text, j, verdict);
    *print = it_script_fingerprint(s);
    it_script_free(s);
    return rc;
}

static void line_head(const workshop *shop, const it_case *c, it_json *j)
{
    it_json_obj(j, NULL);
    it_json_str(j, "case", c->id);
    it_json_str(j, "file", c->file);
    it_json_str(j, "title", c->title);
    it_json_str(j, "model", c->model);
    it_json_raw(j, "cell", c->cell);
    it_json_int(j, "seed", (int64_t)(shop->cfg->seed + (uint64_t)c->k - 1));
}

/* Writes |data| as the case's file |ext| and names it in the line under |key|. */
static int keep_file(const workshop *shop, const it_case *c, const char *key, const char *ext, it_bytes data, it_json *j, char err[512])
{
    char name[1024], path[5200];
    it_run_case_file(c->id, ext, name, sizeof name);
    snprintf(path, sizeof path, "%s/%s", shop->cfg->out, name);
    it_json_str(j, key, name);
    return write_file(path, data, err);
}

/* Writes what was recorded beside the results and names it in the line. */
static int keep(const workshop *shop, const it_case *c, eyes *e, it_json *j, char err[512])
{
    int rc = 0;
    if (it_trace_oom(e->trace) || (e->capture && it_capture_oom(e->capture)))
        return IT_ERR_NOMEM;
    if (e->capture)
        rc = keep_file(shop, c, "capture", "pcapng", it_capture_bytes(e->capture), j, err);
    if (rc == 0)
        rc = keep_file(shop, c, "trace", "trace.jsonl", it_trace_bytes(e->trace), j, err);
    if (rc == 0 && shop->pages)
        it_json_str(j, "keep", "story");
    return rc;
}

static void line_tail(const workshop *shop, const it_case *c, it_json *j, uint64_t print)
{
    char repeat[2048];
    it_json_hex64(j, "fingerprint", print);
    snprintf(repeat, sizeof repeat, "icetank run %s --only '%s' --seed %" PRIu64 " --pcap all", c->file, c->id, shop->cfg->seed);
    it_json_str(j, "repeat", repeat);
    it_json_end_obj(j);
    it_json_newline(j);
}

/* Runs the case again to record it: |e| sees it, the line is made already. */
static int run_again(const workshop *shop, const it_case *c, it_bytes src, eyes *e, uint64_t print, char err[512])
{
    it_str scrap;
    it_json k;
    char verdict[16];
    uint64_t again = 0;
    it_str_init(&scrap, shop->cfg->alloc);
    it_json_init(&k, &scrap);
    it_json_obj(&k, NULL);
    int rc = run_once(shop, c, src, e, &k, verdict, &again);
    it_str_fini(&scrap);
    if (rc == 0 && again != print) { /* watching must change nothing */
        snprintf(err, 512, "%s: the fingerprint of the recorded run differs", c->id);
        return IT_ERR_STATE;
    }
    return rc;
}

/* Runs a case, recorded from the start or again when it failed or has a page; |out| gets its result line. */
static int run_case(const workshop *shop, const it_case *c, it_str *out, char verdict[16], char err[512])
{
    it_alloc *a = shop->cfg->alloc;
    size_t n = 0;
    uint64_t print = 0;
    char *text = slurp(a, c->file, &n);
    char comment[1200];
    if (!text) {
        snprintf(err, 512, "%s: %s", c->file, strerror(errno));
        return IT_ERR_IO;
    }
    snprintf(comment, sizeof comment, "icetank %s seed %" PRIu64, c->id, shop->cfg->seed + (uint64_t)c->k - 1);
    bool all = shop->cfg->pcap == IT_PCAP_ALL, page = shop->pages != NULL;
    eyes e = {page && !all ? NULL : it_capture_new(a, comment), it_trace_new(a), NULL};
    it_json j;
    it_json_init(&j, out);
    line_head(shop, c, &j);
    it_bytes src = it_bytes_of(text, n);
    bool memory = e.trace && (e.capture || (page && !all));
    if (memory && page && !all)
        it_trace_fold(e.trace, "voice"); /* the page draws rows of them, not each */
    int rc = memory ? run_once(shop, c, src, all ? &e : NULL, &j, verdict, &print) : IT_ERR_NOMEM;
    bool bad = strcmp(verdict, "fail") == 0 || strcmp(verdict, "error") == 0;
    bool record = all || page || (bad && shop->cfg->pcap == IT_PCAP_FAIL);
    if (rc == 0 && record && !all)
        rc = run_again(shop, c, src, &e, print, err);
    if (rc == 0 && record)
        rc = keep(shop, c, &e, &j, err);
    line_tail(shop, c, &j, print);
    it_capture_free(e.capture);
    it_trace_free(e.trace);
    it_free(a, text);
    return rc < 0 ? rc : out->oom ? IT_ERR_NOMEM : 0;
}

static void case_path(const it_run_cfg *cfg, size_t i, char *out, size_t cap)
{
    snprintf(out, cap, "%s/.work/%06zu.json", cfg->out, i);
}

/* A worker: every |jobs|-th case from |first| on. Its exit code is 0, or 1 after the first thing it could not write. */
static int work(const it_run_cfg *cfg, const it_plan *plan, const uint8_t *pages, size_t first, size_t jobs)
{
    char err[512] = "", path[4200];
    workshop shop = {.cfg = cfg, .pages = pages};
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    shop.profiles = it_profiles_builtin(cfg->alloc, err);
    if (!shop.profiles || it_ossl_init() < 0 || !(shop.shared = it_dtls_shared_new(cfg->alloc))) {
        fprintf(stderr, "icetank: %s\n", *err ? err : "cannot start the crypto library");
        return 1;
    }
    int rc = 0;
    for (size_t i = first; i < plan->n && rc == 0; i += jobs) {
        if (pages && !pages[i])
            continue;
        it_str line;
        char verdict[16] = "error", tmp[4300];
        it_str_init(&line, cfg->alloc);
        rc = run_case(&shop, &plan->v[i], &line, verdict, err);
        case_path(cfg, i, path, sizeof path);
        snprintf(tmp, sizeof tmp, "%s.part", path);
        if (rc == 0)
            rc = write_file(tmp, it_bytes_of(line.p, line.n), err);
        if (rc == 0 && rename(tmp, path) < 0)
            rc = IT_ERR_IO;
        it_str_fini(&line);
        if (rc < 0)
            fprintf(stderr, "icetank: %s: %s\n", plan->v[i].id, *err ? err : it_err_str(rc));
    }
    it_dtls_shared_free(shop.shared);
    it_profiles_free(shop.profiles);
    it_ossl_fini();
    return rc < 0 ? 1 : 0;
}

static int make_dirs(const it_run_cfg *cfg, char err[512])
{
    char path[4200];
    static const char *const SUBS[] = {"", "/cases", "/.work"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", cfg->out, SUBS[i]);
        for (char *p = path + 1; i == 0 && *p; p++)
            if (*p == '/') { /* parents of the output folder */
                *p = '\0';
                (void)mkdir(path, 0777);
                *p = '/';
            }
        if (mkdir(path, 0777) < 0 && errno != EEXIST) {
            snprintf(err, 512, "%s: %s", path, strerror(errno));
            return IT_ERR_IO;
        }
    }
    return 0;
}

static void tally(it_run_count *n, const char *line)
{
    static const struct {
        const char *word;
        size_t offset;
    } WORDS[] = {
        {"\"verdict\":\"pass\"", offsetof(it_run_count, pass)},
        {"\"verdict\":\"fail\"", offsetof(it_run_count, fail)},
        {"\"verdict\":\"unsupported\"", offsetof(it_run_count, unsupported)},
        {"\"verdict\":\"error\"", offsetof(it_run_count, error)},
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strstr(line, WORDS[i].word))
            ++*(int *)(void *)((char *)n + WORDS[i].offset);
}

/* The line of a case that has no file: its worker died, or the run was interrupted. */
static void missing_line(const it_run_cfg *cfg, const it_case *c, it_str *out)
{
    it_json j;
    workshop shop = {.cfg = cfg};
    it_json_init(&j, out);
    line_head(&shop, c, &j);
    it_json_str(&j, "verdict", "error");
    it_json_str(&j, "error", "the worker process ended before this case was finished");
    line_tail(&shop, c, &j, 0);
}

/* Puts the cases' files together in plan order between the plan line and the end line. */
static int merge(const it_run_cfg *cfg, const it_plan *plan, it_run_count *n, char err[512])
{
    char path[4200];
    it_str out;
    it_json j;
    it_str_init(&out, cfg->alloc);
    it_json_init(&j, &out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "plan", "icetank");
    it_json_int(&j, "cases", (int64_t)plan->n);
    it_json_int(&j, "seed", (int64_t)cfg->seed);
    it_json_end_obj(&j);
    it_json_newline(&j);
    for (size_t i = 0; i < plan->n; i++) {
        size_t size = 0, at = out.n;
        case_path(cfg, i, path, sizeof path);
        char *line = slurp(cfg->alloc, path, &size);
        if (line)
            it_str_put(&out, line, size);
        else if (!n->interrupted)
            missing_line(cfg, &plan->v[i], &out);
        else
            n->missing++;
        if (!out.oom)
            tally(n, it_str_c(&out) + at);
        it_free(cfg->alloc, line);
        (void)unlink(path);
    }
    it_json_obj(&j, NULL);
    it_json_str(&j, "end", n->interrupted ? "incomplete" : "complete");
    it_json_int(&j, "pass", n->pass);
    it_json_int(&j, "fail", n->fail);
    it_json_int(&j, "unsupported", n->unsupported);
    it_json_int(&j, "error", n->error);
    it_json_end_obj(&j);
    it_json_newline(&j);
    snprintf(path, sizeof path, "%s/.work", cfg->out);
    (void)rmdir(path);
    snprintf(path, sizeof path, "%s/results.jsonl", cfg->out);
    int rc = out.oom ? IT_ERR_NOMEM : write_file(path, it_bytes_of(out.p, out.n), err);
    it_str_fini(&out);
    return rc;
}

static void clean_work(const it_run_cfg *cfg, const it_plan *plan)
{
    char path[4200];
    for (size_t i = 0; i < plan->n; i++) {
        case_path(cfg, i, path, sizeof path);
        (void)unlink(path);
    }
}

/* Runs the plan, or the cases marked in |pages|, in worker processes. Returns 0, or 1 when one of them could not do its part. A
 * worker that is killed costs its cases in the first run and is an error in the second. */
static int run_workers(const it_run_cfg *cfg, const it_plan *plan, const uint8_t *pages, char err[512])
{
    pid_t pids[JOBS_MAX];
    int jobs = cfg->jobs < 1 ? 1 : cfg->jobs > JOBS_MAX ? JOBS_MAX : cfg->jobs, bad = 0;
    fflush(NULL);
    for (int w = 0; w < jobs; w++) {
        pids[w] = fork();
        if (pids[w] == 0)
            _exit(work(cfg, plan, pages, (size_t)w, (size_t)jobs));
        if (pids[w] < 0) {
            snprintf(err, 512, "cannot start a worker: %s", strerror(errno));
            bad = 1;
        }
    }
    for (int w = 0; w < jobs; w++) {
        int status = 0;
        while (pids[w] > 0 && waitpid(pids[w], &status, 0) < 0 && errno == EINTR)
            for (int k = w; interrupted && k < jobs; k++)
                kill(pids[k], SIGTERM);
        bad |= WIFEXITED(status) ? WEXITSTATUS(status) != 0 : pages != NULL;
    }
    return bad;
}

/* Chooses the cases that get a page by what all of them came to, and runs those again with a trace. */
static int run_pages(const it_run_cfg *cfg, const it_plan *plan, char err[512])
{
    it_alloc *a = cfg->alloc;
    char path[4200];
    char **lines = it_calloc(a, plan->n, sizeof *lines);
    uint8_t *pages = it_calloc(a, plan->n, 1);
    int rc = lines && pages ? 0 : IT_ERR_NOMEM;
    for (size_t i = 0; i < plan->n && rc == 0; i++) {
        size_t size;
        case_path(cfg, i, path, sizeof path);
        lines[i] = slurp(a, path, &size);
    }
    if (rc == 0)
        rc = it_run_choose(a, lines, plan->n, pages);
    for (size_t i = 0; lines && i < plan->n; i++)
        it_free(a, lines[i]);
    it_free(a, lines);
    if (rc > 0)
        rc = run_workers(cfg, plan, pages, err);
    it_free(a, pages);
    return rc;
}

int it_run_all(const it_run_cfg *cfg, const it_plan *plan, it_run_count *count, char err[512])
{
    *count = (it_run_count){.total = (int)plan->n};
    int rc = make_dirs(cfg, err);
    if (rc < 0)
        return rc;
    clean_work(cfg, plan);
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    int bad = run_workers(cfg, plan, NULL, err);
    if (!bad && !interrupted && cfg->pcap != IT_PCAP_NONE)
        bad = run_pages(cfg, plan, err) != 0;
    count->interrupted = interrupted != 0;
    rc = merge(cfg, plan, count, err);
    if (rc == 0 && bad) {
        snprintf(err, 512, "a worker could not finish its cases");
        rc = IT_ERR_IO;
    }
    return rc;
}
