/* Running a plan: results.jsonl line by line in plan order, whatever order the cases end in. */
#include "lab/run/impl.h"

#include "base/version.h"
#include "lab/run/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether it was decided that a case is kept for its page: that is asked when all lines before it are written, for the
 * first of a course of events gets one. */
enum keep { UNASKED, WAITING, ANSWERED };

/* A case that has come back: its line waits until all before it are written. */
typedef struct held {
    enum keep keep;
    char *line; /* NULL: not back yet */
    char *uses;
    char *numbers; /* of a case of a hypothesis: "INDEX\tMETRIC=VALUE ...\n" */
    char verdict[16];
} held;

typedef struct run {
    const it_run_cfg *cfg;
    const it_plan *plan;
    it_worker worker;
    it_run_count *count;
    held *v;
    size_t back, written; /* cases that came back; cases at the front of the plan that are in the file */
    int fd;
    off_t good; /* bytes of whole lines in the file */
    char path[4200];
    it_str *only_line; /* non-NULL: no file, the one line goes here */
    it_pool *pool;
    it_str courses; /* that were told */
    int n_kept;
    int64_t recorded; /* bytes of the recordings of failed cases */
} run;

/* --- the file --- */

/* Opens OUT/results.jsonl for this run alone and empties it. */
static int open_results(run *r, char err[IT_RUN_ERR])
{
    snprintf(r->path, sizeof r->path, "%s/results.jsonl", r->cfg->out);
    r->fd = open(r->path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (r->fd < 0) {
        const char *why = errno == ELOOP ? "a symbolic link, which is not followed" : strerror(errno);
        snprintf(err, IT_RUN_ERR, "%s: %s", r->path, why);
        return IT_ERR_IO;
    }
    if (flock(r->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        snprintf(err, IT_RUN_ERR, "%s: another run is writing here", r->path);
        return IT_ERR_IO;
    }
    struct stat st;
    bool file = fstat(r->fd, &st) == 0 && S_ISREG(st.st_mode);
    if (file && st.st_size > 0)
        it_run_clear(r->cfg->out); /* an earlier run's: nobody should take its files for ours */
    if (file && ftruncate(r->fd, 0) < 0) {
        snprintf(err, IT_RUN_ERR, "%s: %s", r->path, strerror(errno));
        return IT_ERR_IO;
    }
    return 0;
}

/* Writes whole lines. When the disk is full the file keeps the lines before. */
static int put_text(run *r, const char *text, size_t n, char err[IT_RUN_ERR])
{
    for (size_t at = 0; at < n;) {
        ssize_t k = write(r->fd, text + at, n - at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            snprintf(err, IT_RUN_ERR, "%s: %s", r->path, strerror(errno));
            if (ftruncate(r->fd, r->good) == 0)
                (void)lseek(r->fd, r->good, SEEK_SET);
            return IT_ERR_IO;
        }
        at += (size_t)k;
    }
    r->good += (off_t)n;
    return 0;
}

static int put_str(run *r, it_str *s, char err[IT_RUN_ERR])
{
    int rc = s->oom ? IT_ERR_NOMEM : put_text(r, it_str_c(s), s->n, err);
    if (s->oom)
        snprintf(err, IT_RUN_ERR, "%s", it_err_str(rc));
    it_str_fini(s);
    return rc;
}

static int put_plan(run *r, char err[IT_RUN_ERR])
{
    it_str out;
    it_json j;
    it_str_init(&out, r->cfg->alloc);
    it_json_init(&j, &out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "plan", "icetank");
    it_json_str(&j, "version", IT_VERSION);
    it_json_int(&j, "cases", (int64_t)r->plan->n);
    it_json_int(&j, "seed", (int64_t)r->cfg->seed);
    it_json_end_obj(&j);
    it_json_newline(&j);
    return put_str(r, &out, err);
}

/* --- cases --- */

#define EITHER "oracle:either" /* among what a case made use of */

/* Whether |word|, of |n| bytes, is one of those in |list|, which has spaces between them. */
static bool has_word(const char *list, const char *word, size_t n)
{
    for (const char *p = list; (p = strstr(p, word)); p++)
        if ((p == list || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' '))
            return true;
    return false;
}

static void tally(it_run_count *n, const held *h)
{
    const struct {
        const char *word;
        int *n;
    } WORDS[] = {{"pass", &n->pass}, {"fail", &n->fail}, {"unsupported", &n->unsupported}, {"error", &n->error}};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strcmp(h->verdict, WORDS[i].word) == 0)
            ++*WORDS[i].n;
    if (h->uses && has_word(h->uses, EITHER, strlen(EITHER)))
        n->either++;
}

static void progress(const run *r)
{
    if (r->cfg->progress)
        fprintf(stderr, "\r%zu of %zu cases", r->back, r->plan->n);
}

/* Marks case |i|, whose second run had the fingerprint |print|, as one the report has a page for. */
static int mark_kept(run *r, size_t i, const char *print, char err[IT_RUN_ERR])
{
    held *h = &r->v[i];
    it_str line;
    it_str_init(&line, r->cfg->alloc);
    bool same = it_run_mark_kept(&line, &r->plan->v[i], h->line, print);
    if (!same || line.oom) {
        snprintf(err, IT_RUN_ERR, "%s: %s", r->plan->v[i].id,
                 line.oom ? it_err_str(IT_ERR_NOMEM) : "the run that was traced differs");
        it_str_fini(&line);
        return same ? IT_ERR_NOMEM : IT_ERR_STATE;
    }
    it_free(r->cfg->alloc, h->line);
    h->line = line.p;
    h->keep = ANSWERED;
    return 0;
}

static void forget_files(const it_run_cfg *cfg, const it_case *c)
{
    char name[IT_RUN_NAME];
    it_run_case_file(c->id, "pcapng", name);
    it_run_remove(cfg->out, name);
    it_run_case_file(c->id, "trace.jsonl", name);
    it_run_remove(cfg->out, name);
}

/* Takes what it_worker_record said of case |i|: names its files in its line, or removes them where they would be too
 * much. */
static int mark_recorded(run *r, size_t i, const char *said, char err[IT_RUN_ERR])
{
    held *h = &r->v[i];
    const it_case *c = &r->plan->v[i];
    const char *size = strchr(said, ' ');
    int64_t bytes = size ? strtoll(size, NULL, 10) : 0;
    it_str line;
    h->keep = ANSWERED;
    it_str_init(&line, r->cfg->alloc);
    if (!it_run_mark_recorded(&line, c, h->line, said)) {
        snprintf(err, IT_RUN_ERR, "%s: the recorded run differs from the one that was not", c->id);
        it_str_fini(&line);
        return IT_ERR_STATE;
    }
    if (r->recorded + bytes > (int64_t)r->cfg->pcap_mb * 1000000) {
        r->count->unrecorded++;
        forget_files(r->cfg, c);
        it_str_fini(&line);
        return 0;
    }
    if (line.oom) {
        snprintf(err, IT_RUN_ERR, "%s: %s", c->id, it_err_str(IT_ERR_NOMEM));
        it_str_fini(&line);
        return IT_ERR_NOMEM;
    }
    r->recorded += bytes;
    it_free(r->cfg->alloc, h->line);
    h->line = line.p;
    return 0;
}

/* Whether case |i| is one that failed, which IT_PCAP_FIRST records. */
static bool is_failed(const held *h)
{
    return strcmp(h->verdict, "fail") == 0 || strcmp(h->verdict, "error") == 0;
}

/* Has case |i|, next to be written, run again when it is the first of its course of events. */
static int ask_to_keep(run *r, size_t i, char err[IT_RUN_ERR])
{
    held *h = &r->v[i];
    h->keep = ANSWERED;
    if (r->cfg->pcap == IT_PCAP_NONE || r->count->fail + r->count->error + r->n_kept >= IT_RUN_PAGES_MAX)
        return 0;
    bool failed = is_failed(h) && r->cfg->pcap == IT_PCAP_FIRST;
    if (failed && strstr(h->line, "\"fingerprint\":\"0000000000000000\""))
        return 0; /* a limit of scripts ended it, at a moment of its own: no run is the same */
    int rc = it_run_is_first(r->cfg->alloc, h->line, failed, &r->courses);
    if (rc == 1 && failed) {
        h->keep = WAITING;
        rc = it_pool_add(r->pool, 2 * r->plan->n + i);
    } else if (rc == 1) {
        r->n_kept++;
        if (r->cfg->pcap == IT_PCAP_ALL)
            return mark_kept(r, i, "", err);
        h->keep = WAITING;
        rc = it_pool_add(r->pool, r->plan->n + i);
    }
    if (rc < 0)
        snprintf(err, IT_RUN_ERR, "%s: %s", r->plan->v[i].id, it_err_str(rc));
    return rc;
}

/* Writes the line of case |i|, tells of it, counts it, and keeps of it what a hypothesis needs. */
static int write_line(run *r, size_t i, char err[IT_RUN_ERR])
{
    const it_run_cfg *cfg = r->cfg;
    held *h = &r->v[i];
    int rc = put_text(r, h->line, strlen(h->line), err);
    if (rc == 0 && it_run_of_hypothesis(&r->plan->v[i]))
        rc = it_run_numbers(cfg->alloc, &r->plan->v[i], h->line, &h->numbers);
    if (rc == 0) {
        tally(r->count, h);
        if (cfg->told)
            cfg->told(cfg->self, h->line);
    }
    it_free(cfg->alloc, h->line);
    h->line = NULL;
    if (rc == 0 && cfg->max_failures && r->count->fail + r->count->error >= cfg->max_failures) {
        r->count->stopped = true;
        it_pool_stop(r->pool);
    }
    return rc;
}

/* Asks whether the case of line |i| is to be kept, unless that was done. Returns 1 when the line cannot be written yet:
 * it is not there, or there is no answer; 0 when it can; or an error. */
static int line_waits(run *r, size_t i, char err[IT_RUN_ERR])
{
    held *h = &r->v[i];
    if (!h->line)
        return 1;
    int rc = 0;
    if (h->keep == UNASKED)
        rc = ask_to_keep(r, i, err);
    if (rc < 0)
        return rc;
    return h->keep == WAITING;
}

/* Writes the lines that have none before them left to wait for; with |all| those behind gaps too. */
static int flush_lines(run *r, bool all, char err[IT_RUN_ERR])
{
    for (size_t i = r->written; i < r->plan->n && !r->count->stopped; i++) {
        int rc = all ? 0 : line_waits(r, i, err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        r->written = i + 1;
        if (!r->v[i].line) {
            r->count->missing++;
            continue;
        }
        rc = write_line(r, i, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Takes case |i|'s verdict, uses and line; |line| is a copy of ours. */
static int run_hold(run *r, size_t i, const char *verdict, const char *uses, size_t n_uses, const char *line,
                    char err[IT_RUN_ERR])
{
    held *h = &r->v[i];
    r->back++;
    progress(r);
    if (r->only_line) {
        it_str_puts(r->only_line, line);
        return r->only_line->oom ? IT_ERR_NOMEM : 0;
    }
    snprintf(h->verdict, sizeof h->verdict, "%s", verdict);
    h->line = it_strdup(r->cfg->alloc, line);
    h->uses = it_calloc(r->cfg->alloc, n_uses + 1, 1);
    if (!h->line || !h->uses) {
        snprintf(err, IT_RUN_ERR, "%s", it_err_str(IT_ERR_NOMEM));
        return IT_ERR_NOMEM;
    }
    memcpy(h->uses, uses, n_uses);
    return flush_lines(r, false, err);
}

static int run_done(void *self, size_t i, it_bytes text, char err[IT_POOL_ERR])
{
    /* "VERDICT\nUSES\nLINE\n"; the pool's buffer ends in NUL. */
    run *r = self;
    char verdict[16];
    if (i >= r->plan->n && text.n == 0) { /* a run again that met a limit of scripts: no page or recording */
        r->v[i % r->plan->n].keep = ANSWERED;
        return flush_lines(r, false, err);
    }
    if (i >= 2 * r->plan->n) { /* a recording: "FINGERPRINT BYTES" */
        int rc = mark_recorded(r, i - 2 * r->plan->n, (const char *)text.p, err);
        return rc < 0 ? rc : flush_lines(r, false, err);
    }
    if (i >= r->plan->n) { /* a second run: "FINGERPRINT" */
        int rc = mark_kept(r, i - r->plan->n, (const char *)text.p, err);
        return rc < 0 ? rc : flush_lines(r, false, err);
    }
    const char *v = (const char *)text.p, *uses = strchr(v, '\n'), *line = uses ? strchr(uses + 1, '\n') : NULL;
    if (!line) {
        snprintf(err, IT_POOL_ERR, "a worker sent what is no result");
        return IT_ERR_PARSE;
    }
    snprintf(verdict, sizeof verdict, "%.*s", (int)(uses - v), v);
    return run_hold(r, i, verdict, uses + 1, (size_t)(line - uses) - 1, line + 1, err);
}

static int run_died(void *self, size_t i, const char *why, char err[IT_POOL_ERR])
{
    run *r = self;
    bool again = i >= r->plan->n;
    size_t at = i % r->plan->n;
    const it_case *c = &r->plan->v[at];
    if (again) { /* it has its result, and now no page or recording */
        r->v[at].keep = ANSWERED;
        forget_files(r->cfg, c);
        return flush_lines(r, false, err);
    }
    it_str line;
    it_str_init(&line, r->cfg->alloc);
    it_run_missing(r->cfg, c, why, &line);
    forget_files(r->cfg, c);
    r->v[at].keep = ANSWERED; /* run again it would end the next worker too */
    int rc = line.oom ? IT_ERR_NOMEM : run_hold(r, i, "error", "*", 1, it_str_c(&line), err);
    it_str_fini(&line);
    return rc;
}

/* The pool's operations in a worker. */
static int worker_open(void *self, char err[IT_POOL_ERR])
{
    return it_worker_open(&((run *)self)->worker, err);
}

static int worker_work(void *self, size_t i, it_str *out, char err[IT_POOL_ERR])
{
    const it_worker *worker = &((run *)self)->worker;
    size_t n = worker->plan->n;
    if (i < n)
        return it_worker_case(worker, i, out, err);
    return i < 2 * n ? it_worker_keep(worker, i - n, out, err) : it_worker_record(worker, i - 2 * n, out, err);
}

static void worker_close(void *self)
{
    it_worker_close(&((run *)self)->worker);
}

static void run_begins(void *self, it_pool *p)
{
    ((run *)self)->pool = p;
}

static int run_pool(run *r, char err[IT_RUN_ERR])
{
    r->worker = (it_worker){.cfg = r->cfg, .plan = r->plan};
    it_pool_cfg pc = {r->cfg->alloc, r->cfg->jobs, r->cfg->timeout_s, r->plan->n};
    it_pool_ops ops = {r, run_begins, worker_open, worker_work, worker_close, run_done, run_died};
    int rc = it_pool_run(&pc, &ops, &r->count->interrupted, err);
    if (r->cfg->progress)
        fputs("\r                                \r", stderr);
    /* An ended worker may have left half a file; after a stop, what came back behind it has no line either. */
    bool short_of = rc < 0 || r->count->interrupted || r->count->stopped;
    for (size_t i = r->written; i < r->plan->n && short_of; i++)
        if (r->count->stopped || !r->v[i].line)
            forget_files(r->cfg, &r->plan->v[i]);
    return rc;
}

/* --- what a whole run has to use --- */

static bool same_scenario(const it_case *a, const it_case *b)
{
    return strcmp(a->file, b->file) == 0 && strcmp(a->key, b->key) == 0;
}

/* True when the cases [from, to) of one scenario ran, and none of them made use of |need|. */
static bool unused(const run *r, size_t from, size_t to, const char *need, size_t n)
{
    bool ran = false;
    for (size_t i = from; i < to; i++) {
        const held *h = &r->v[i];
        if (!h->uses || strcmp(h->uses, "*") == 0 || has_word(h->uses, need, n))
            return false;
        ran = ran || strcmp(h->verdict, "pass") == 0 || strcmp(h->verdict, "fail") == 0;
    }
    return ran;
}

/* One sentence about |need|, an axis or an allowance that nothing used, into the open array. */
static void complain(run *r, const it_case *c, const char *need, it_json *j)
{
    char text[IT_RUN_ERR], of[160] = "";
    const char *name = strchr(need, ':') + 1;
    if (*c->key)
        snprintf(of, sizeof of, " of %s", c->key);
    if (strncmp(need, "axis:", 5) == 0)
        snprintf(text, sizeof text, "%s: no case reads axis \"%s\"%s", c->file, name, of);
    else
        snprintf(text, sizeof text, "%s: allow \"%s\"%s is stale: no case needed it", c->file, name, of);
    it_json_str(j, NULL, text);
    r->count->problems++;
}

/* The axes and allowances of every scenario; a run that chose cases cannot tell. */
static void judge_needs(run *r, it_json *j)
{
    const it_plan *p = r->plan;
    for (size_t from = 0, to; from < p->n && it_run_is_whole(r->cfg); from = to) {
        for (to = from + 1; to < p->n && same_scenario(&p->v[from], &p->v[to]); to++)
            ;
        for (const char *at = p->v[from].needs; *at;) {
            size_t n = strcspn(at, " ");
            char need[128];
            snprintf(need, sizeof need, "%.*s", (int)n, at);
            if (strchr(need, ':') && unused(r, from, to, need, strlen(need)))
                complain(r, &p->v[from], need, j);
            at += n + (at[n] != '\0');
        }
    }
}

/* The verdict on every hypothesis of the run; a run that chose cases has none. */
static int judge_hypotheses(run *r, it_json *j, char err[IT_RUN_ERR])
{
    const it_plan *p = r->plan;
    int rc = 0;
    it_json_arr(j, "hypotheses");
    for (size_t from = 0, to; from < p->n && rc == 0; from = to) {
        it_str data;
        it_str_init(&data, r->cfg->alloc);
        for (to = from; to < p->n && same_scenario(&p->v[from], &p->v[to]); to++)
            if (r->v[to].numbers)
                it_str_puts(&data, r->v[to].numbers);
        bool ok = true;
        if (it_run_of_hypothesis(&p->v[from]))
            rc = it_run_hypothesis(r->cfg, &p->v[from], &data, j, &ok, err);
        r->count->changed += !ok;
        it_str_fini(&data);
    }
    it_json_end_arr(j);
    return rc;
}

static int put_end(run *r, bool whole, char err[IT_RUN_ERR])
{
    it_run_count *n = r->count;
    it_str out;
    it_json j;
    it_str_init(&out, r->cfg->alloc);
    it_json_init(&j, &out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "end", whole ? "complete" : n->stopped ? "stopped" : "incomplete");
    it_json_int(&j, "pass", n->pass);
    it_json_int(&j, "fail", n->fail);
    it_json_int(&j, "unsupported", n->unsupported);
    it_json_int(&j, "error", n->error);
    it_json_int(&j, "missing", n->missing);
    it_json_int(&j, "either", n->either);
    it_json_arr(&j, "problems");
    if (whole)
        judge_needs(r, &j);
    it_json_end_arr(&j);
    int rc = whole && it_run_is_whole(r->cfg) ? judge_hypotheses(r, &j, err) : 0;
    if (rc < 0) {
        it_str_fini(&out);
        return rc;
    }
    it_json_end_obj(&j);
    it_json_newline(&j);
    return put_str(r, &out, err);
}

static void free_held(run *r)
{
    for (size_t i = 0; r->v && i < r->plan->n; i++) {
        it_free(r->cfg->alloc, r->v[i].line);
        it_free(r->cfg->alloc, r->v[i].uses);
        it_free(r->cfg->alloc, r->v[i].numbers);
    }
    it_free(r->cfg->alloc, r->v);
    it_str_fini(&r->courses);
}

static int run_into_file(run *r, char err[IT_RUN_ERR])
{
    char scrap[IT_RUN_ERR];
    int rc = open_results(r, err);
    if (rc == 0)
        rc = put_plan(r, err);
    if (rc < 0)
        return rc;
    rc = run_pool(r, err);
    if (rc < 0) { /* what there is stays, as far as the disk takes it */
        (void)(flush_lines(r, true, scrap) == 0 && put_end(r, false, scrap) == 0);
        return rc;
    }
    rc = flush_lines(r, true, err);
    if (r->count->stopped)
        r->count->missing = (int)(r->plan->n - r->written);
    return rc < 0 ? rc : put_end(r, !r->count->interrupted && !r->count->stopped, err);
}

int it_run_all(const it_run_cfg *cfg, const it_plan *plan, it_run_count *count, char err[IT_RUN_ERR])
{
    run r = {.cfg = cfg, .plan = plan, .count = count, .fd = -1};
    *count = (it_run_count){.total = (int)plan->n};
    it_str_init(&r.courses, cfg->alloc);
    int rc = it_run_dirs(cfg->out, err);
    r.v = rc == 0 ? it_calloc(cfg->alloc, plan->n + 1, sizeof *r.v) : NULL;
    if (rc == 0 && !r.v) {
        snprintf(err, IT_RUN_ERR, "%s", it_err_str(IT_ERR_NOMEM));
        rc = IT_ERR_NOMEM;
    }
    if (rc == 0)
        rc = run_into_file(&r, err);
    if (r.fd >= 0 && close(r.fd) < 0 && rc == 0) {
        snprintf(err, IT_RUN_ERR, "%s: %s", r.path, strerror(errno));
        rc = IT_ERR_IO;
    }
    free_held(&r);
    return rc;
}

int it_run_one(const it_run_cfg *cfg, const it_plan *plan, size_t i, it_str *line, bool *interrupted,
               char err[IT_RUN_ERR])
{
    held none = {.line = NULL};
    it_run_count count = {.total = 1};
    it_plan one = {.alloc = plan->alloc, .v = &plan->v[i], .n = 1};
    run r = {.cfg = cfg, .plan = &one, .count = &count, .v = &none, .fd = -1, .only_line = line};
    int rc = cfg->pcap == IT_PCAP_NONE ? 0 : it_run_dirs(cfg->out, err);
    if (rc == 0)
        rc = run_pool(&r, err);
    *interrupted = count.interrupted;
    return rc;
}
