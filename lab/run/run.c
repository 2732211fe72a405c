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
    char verdict[16];
} held;

typedef struct run {
    const it_run_cfg *cfg;
    const it_plan *plan;
    it_worker worker;
    it_run_count *count;
    held *v; /* cases |written| to |written| + |n_v|, from |head| on: there is no place for those that nobody knows of
                yet */
    size_t head, n_v, cap_v;
    it_account *account;
    size_t back, written; /* cases that came back; cases at the front of the plan that are in the file */
    int fd;
    off_t good; /* bytes of whole lines in the file */
    char path[4200];
    it_str *only_line; /* non-NULL: no file, the one line goes here */
    it_pool *pool;
    it_str courses; /* that were told */
    it_str id;      /* of whom run_id was asked last */
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

/* The place of case |i|, which is not written yet; NULL on no memory. */
static held *held_at(run *r, size_t i)
{
    size_t at = i - r->written;
    if (at < r->n_v)
        return &r->v[r->head + at];
    if (r->head > 0) { /* what is behind is no longer wanted */
        memmove(r->v, r->v + r->head, r->n_v * sizeof *r->v);
        r->head = 0;
    }
    if (it_grow(r->cfg->alloc, &r->v, &r->cap_v, at + 1, sizeof *r->v) < 0)
        return NULL;
    while (r->n_v <= at)
        r->v[r->n_v++] = (held){.keep = UNASKED};
    return &r->v[at];
}

/* Case |written| is done with. */
static void held_drop(run *r)
{
    if (r->n_v > 0) {
        it_free(r->cfg->alloc, r->v[r->head].line);
        it_free(r->cfg->alloc, r->v[r->head].uses);
        r->head++;
        r->n_v--;
    }
    r->written++;
}

/* The id of case |i|, until the next is asked for. */
static const char *run_id(run *r, size_t i)
{
    it_plan_id(r->plan, i, &r->id);
    return it_str_c(&r->id);
}

static int no_memory(char err[IT_RUN_ERR])
{
    snprintf(err, IT_RUN_ERR, "%s", it_err_str(IT_ERR_NOMEM));
    return IT_ERR_NOMEM;
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
    if (it_run_has_word(h->uses, "oracle:either"))
        n->either++;
}

static void progress(const run *r)
{
    if (r->cfg->progress)
        fprintf(stderr, "\r%zu of %zu cases", r->back, r->plan->n);
}

/* Puts |line| in the place of that of case |h|. */
static void set_line(run *r, held *h, const it_str *line)
{
    it_free(r->cfg->alloc, h->line);
    h->line = line->p;
}

/* Marks case |h|, the |i|-th, whose second run had the fingerprint |print|, as one the report has a page for. */
static int mark_kept(run *r, held *h, size_t i, const char *print, char err[IT_RUN_ERR])
{
    it_str line;
    it_str_init(&line, r->cfg->alloc);
    bool same = it_run_mark_kept(&line, run_id(r, i), h->line, print);
    if (!same || line.oom) {
        snprintf(err, IT_RUN_ERR, "%s: %s", run_id(r, i),
                 line.oom ? it_err_str(IT_ERR_NOMEM) : "the run that was traced differs");
        it_str_fini(&line);
        return same ? IT_ERR_NOMEM : IT_ERR_STATE;
    }
    set_line(r, h, &line);
    h->keep = ANSWERED;
    return 0;
}

static void forget_files(const it_run_cfg *cfg, const char *id)
{
    char name[IT_RUN_NAME];
    it_run_case_file(id, "pcapng", name);
    it_run_remove(cfg->out, name);
    it_run_case_file(id, "trace.jsonl", name);
    it_run_remove(cfg->out, name);
}

/* Takes what it_worker_record said of case |h|, the |i|-th: names its files in its line, or removes them where they
 * would be too much. */
static int mark_recorded(run *r, held *h, size_t i, const char *said, char err[IT_RUN_ERR])
{
    const char *id = run_id(r, i), *size = strchr(said, ' ');
    int64_t bytes = size ? strtoll(size, NULL, 10) : 0;
    it_str line;
    h->keep = ANSWERED;
    it_str_init(&line, r->cfg->alloc);
    if (!it_run_mark_recorded(&line, id, h->line, said)) {
        snprintf(err, IT_RUN_ERR, "%s: the recorded run differs from the one that was not", id);
        it_str_fini(&line);
        return IT_ERR_STATE;
    }
    if (r->recorded + bytes > (int64_t)r->cfg->pcap_mb * 1000000) {
        r->count->unrecorded++;
        forget_files(r->cfg, id);
        it_str_fini(&line);
        return 0;
    }
    if (line.oom) {
        snprintf(err, IT_RUN_ERR, "%s: %s", id, it_err_str(IT_ERR_NOMEM));
        it_str_fini(&line);
        return IT_ERR_NOMEM;
    }
    r->recorded += bytes;
    set_line(r, h, &line);
    return 0;
}

/* Whether case |i| is one that failed, which IT_PCAP_FIRST records. */
static bool is_failed(const held *h)
{
    return strcmp(h->verdict, "fail") == 0 || strcmp(h->verdict, "error") == 0;
}

/* Has case |h|, the next to be written, run again when it is the first of its course of events. */
static int ask_to_keep(run *r, held *h, char err[IT_RUN_ERR])
{
    size_t i = r->written;
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
            return mark_kept(r, h, i, "", err);
        h->keep = WAITING;
        rc = it_pool_add(r->pool, r->plan->n + i);
    }
    if (rc < 0)
        snprintf(err, IT_RUN_ERR, "%s: %s", run_id(r, i), it_err_str(rc));
    return rc;
}

/* Writes the line of case |h|, the next one, tells of it and counts it. */
static int write_line(run *r, const held *h, char err[IT_RUN_ERR])
{
    const it_run_cfg *cfg = r->cfg;
    int rc = put_text(r, h->line, strlen(h->line), err);
    if (rc < 0)
        return rc;
    rc = it_account_take(r->account, r->written, h->verdict, h->uses, h->line);
    if (rc < 0)
        return no_memory(err);
    tally(r->count, h);
    if (cfg->told)
        cfg->told(cfg->self, h->line);
    if (cfg->max_failures && r->count->fail + r->count->error >= cfg->max_failures) {
        r->count->stopped = true;
        it_pool_stop(r->pool);
    }
    return 0;
}

/* Whether the line of case |h|, the next one, cannot be written yet: it is not there, or there is no answer whether the
 * case is to be kept, which is asked now. 1, 0 or an error. */
static int line_waits(run *r, held *h, char err[IT_RUN_ERR])
{
    if (!h->line)
        return 1;
    int rc = 0;
    if (h->keep == UNASKED)
        rc = ask_to_keep(r, h, err);
    if (rc < 0)
        return rc;
    return h->keep == WAITING;
}

/* Writes the lines that have none before them left to wait for. */
static int flush_lines(run *r, char err[IT_RUN_ERR])
{
    while (r->n_v > 0 && !r->count->stopped) {
        held *h = &r->v[r->head];
        int rc = line_waits(r, h, err);
        if (rc == 0)
            rc = write_line(r, h, err);
        else
            return rc < 0 ? rc : 0;
        held_drop(r);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Writes all lines there are, those behind gaps too, and counts what is missing. */
static int flush_all(run *r, char err[IT_RUN_ERR])
{
    while (r->n_v > 0 && !r->count->stopped) {
        held *h = &r->v[r->head];
        int rc = 0;
        if (h->line)
            rc = write_line(r, h, err);
        else
            r->count->missing++;
        held_drop(r);
        if (rc < 0)
            return rc;
    }
    r->count->missing += r->count->stopped ? 0 : (int)(r->plan->n - r->written);
    return 0;
}

/* Takes case |i|'s verdict, uses and line; |line| is a copy of ours. */
static int run_hold(run *r, size_t i, enum keep keep, const char *verdict, const char *uses, size_t n_uses,
                    const char *line, char err[IT_RUN_ERR])
{
    r->back++;
    progress(r);
    if (r->only_line) {
        it_str_puts(r->only_line, line);
        return r->only_line->oom ? IT_ERR_NOMEM : 0;
    }
    held *h = held_at(r, i);
    if (!h)
        return no_memory(err);
    h->keep = keep;
    snprintf(h->verdict, sizeof h->verdict, "%s", verdict);
    h->line = it_strdup(r->cfg->alloc, line);
    h->uses = it_calloc(r->cfg->alloc, n_uses + 1, 1);
    if (!h->line || !h->uses)
        return no_memory(err);
    memcpy(h->uses, uses, n_uses);
    return flush_lines(r, err);
}

/* What came of the second run of case |i|, for its page ("FINGERPRINT") or, |recorded|, for its recording ("FINGERPRINT
 * BYTES"); |said| is empty after one that met a limit of scripts. */
static int run_again_done(run *r, size_t i, bool recorded, const char *said, char err[IT_POOL_ERR])
{
    held *h = held_at(r, i);
    int rc = 0;
    if (!h)
        return no_memory(err);
    if (!*said)
        h->keep = ANSWERED;
    else if (recorded)
        rc = mark_recorded(r, h, i, said, err);
    else
        rc = mark_kept(r, h, i, said, err);
    return rc < 0 ? rc : flush_lines(r, err);
}

static int run_done(void *self, size_t i, it_bytes text, char err[IT_POOL_ERR])
{
    /* "VERDICT\nUSES\nLINE\n"; the pool's buffer ends in NUL. */
    run *r = self;
    char verdict[16];
    size_t n = r->plan->n;
    if (i >= n)
        return run_again_done(r, i % n, i >= 2 * n, text.n ? (const char *)text.p : "", err);
    const char *v = (const char *)text.p, *uses = strchr(v, '\n'), *line = uses ? strchr(uses + 1, '\n') : NULL;
    if (!line) {
        snprintf(err, IT_POOL_ERR, "a worker sent what is no result");
        return IT_ERR_PARSE;
    }
    snprintf(verdict, sizeof verdict, "%.*s", (int)(uses - v), v);
    return run_hold(r, i, UNASKED, verdict, uses + 1, (size_t)(line - uses) - 1, line + 1, err);
}

static int run_died(void *self, size_t i, const char *why, char err[IT_POOL_ERR])
{
    run *r = self;
    size_t n = r->plan->n;
    forget_files(r->cfg, run_id(r, i % n));
    if (i >= n) /* it has its result, and now no page or recording */
        return run_again_done(r, i % n, false, "", err);
    it_case c;
    it_str line;
    if (it_plan_case(r->plan, i, &c) < 0)
        return no_memory(err);
    it_str_init(&line, r->cfg->alloc);
    it_run_missing(r->cfg, &c, why, &line);
    it_case_fini(r->plan->alloc, &c);
    /* no page: run again it would end the next worker too */
    int rc = line.oom ? no_memory(err) : run_hold(r, i, ANSWERED, "error", "*", 1, it_str_c(&line), err);
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

/* An ended worker may have left half a file, and after a stop what came back behind it has no line either. Cases are
 * handed out in order: none is far behind those that came back. */
static void forget_rest(run *r)
{
    size_t end = r->written + r->n_v + IT_POOL_JOBS_MAX;
    for (size_t i = r->written; i < r->plan->n && i < end; i++) {
        bool back = i - r->written < r->n_v && r->v[r->head + i - r->written].line;
        if (r->count->stopped || !back)
            forget_files(r->cfg, run_id(r, i));
    }
}

static int run_pool(run *r, char err[IT_RUN_ERR])
{
    r->worker = (it_worker){.cfg = r->cfg, .plan = r->plan};
    it_pool_cfg pc = {r->cfg->alloc, r->cfg->jobs, r->cfg->timeout_s, r->plan->n};
    it_pool_ops ops = {r, run_begins, worker_open, worker_work, worker_close, run_done, run_died};
    int rc = it_pool_run(&pc, &ops, &r->count->interrupted, err);
    if (r->cfg->progress)
        fputs("\r                                \r", stderr);
    if (rc < 0 || r->count->interrupted || r->count->stopped)
        forget_rest(r);
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
    if (whole && it_run_is_whole(r->cfg)) /* a run that chose cases cannot tell */
        n->problems += it_account_needs(r->account, &j);
    it_json_end_arr(&j);
    int rc = 0;
    if (whole && it_run_is_whole(r->cfg))
        rc = it_account_hypotheses(r->account, &j, &n->changed, err);
    if (rc < 0) {
        it_str_fini(&out);
        return rc;
    }
    it_json_end_obj(&j);
    it_json_newline(&j);
    return put_str(r, &out, err);
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
        (void)(flush_all(r, scrap) == 0 && put_end(r, false, scrap) == 0);
        return rc;
    }
    rc = flush_all(r, err);
    if (r->count->stopped)
        r->count->missing = (int)(r->plan->n - r->written);
    return rc < 0 ? rc : put_end(r, !r->count->interrupted && !r->count->stopped, err);
}

static void run_init(run *r)
{
    it_str_init(&r->courses, r->cfg->alloc);
    it_str_init(&r->id, r->cfg->alloc);
}

static void run_fini(run *r)
{
    while (r->n_v > 0)
        held_drop(r);
    it_free(r->cfg->alloc, r->v);
    it_account_free(r->account);
    it_str_fini(&r->courses);
    it_str_fini(&r->id);
}

int it_run_all(const it_run_cfg *cfg, const it_plan *plan, it_run_count *count, char err[IT_RUN_ERR])
{
    run r = {.cfg = cfg, .plan = plan, .count = count, .fd = -1};
    *count = (it_run_count){.total = (int)plan->n};
    run_init(&r);
    int rc = it_run_dirs(cfg->out, err);
    r.account = rc == 0 ? it_account_new(cfg, plan) : NULL;
    if (rc == 0 && !r.account)
        rc = no_memory(err);
    if (rc == 0)
        rc = run_into_file(&r, err);
    if (r.fd >= 0 && close(r.fd) < 0 && rc == 0) {
        snprintf(err, IT_RUN_ERR, "%s: %s", r.path, strerror(errno));
        rc = IT_ERR_IO;
    }
    run_fini(&r);
    return rc;
}

int it_run_one(const it_run_cfg *cfg, const it_plan *plan, size_t i, it_str *line, bool *interrupted,
               char err[IT_RUN_ERR])
{
    it_run_count count = {.total = 1};
    uint32_t number = plan->pick ? plan->pick[i] : (uint32_t)i;
    it_plan one = *plan;
    one.pick = &number;
    one.n = 1;
    run r = {.cfg = cfg, .plan = &one, .count = &count, .fd = -1, .only_line = line};
    run_init(&r);
    int rc = cfg->pcap == IT_PCAP_NONE ? 0 : it_run_dirs(cfg->out, err);
    if (rc == 0)
        rc = run_pool(&r, err);
    *interrupted = count.interrupted;
    run_fini(&r);
    return rc;
}
