/* check: captures judged by the rules of RFCs. */
#include "cli/args.h"

#include "conformance/passive/report.h"

#include <stdio.h>
#include <string.h>

typedef struct check {
    it_cli *o;
    it_passive_creds creds;
    it_passive_result result[IT_CHECK_FILES];
    char broken[IT_CHECK_FILES][512];
    size_t n;
} check;

/* Notes that a frame was passed over for |why|. */
static void note_skip(it_passive_result *r, const char *why, uint64_t frame)
{
    for (size_t i = 0; i < r->n_skips; i++)
        if (strcmp(r->skip[i].why, why) == 0) {
            r->skip[i].n++;
            return;
        }
    if (r->n_skips < IT_PASSIVE_SKIPS)
        r->skip[r->n_skips++] = (it_passive_skip){why, 1, frame};
}

/* Judges the packets of |s| until they end, or the file breaks off with words in |err|. Returns 0 or IT_ERR_NOMEM. */
static int judge_all(it_passive *judge, it_passive_source *s, it_passive_result *r, char err[512])
{
    it_passive_packet k;
    const char *why = NULL;
    int more, rc = 0;
    while (rc == 0 && (more = it_passive_next(s, &k, &why, err)) > 0) {
        if (why)
            note_skip(r, why, k.frame);
        else
            rc = it_passive_take(judge, &k);
    }
    if (rc == 0 && more < 0)
        r->broken = err;
    return rc < 0 ? rc : it_passive_end(judge);
}

/* Judges |path|. -1, or the exit code after a message. */
static int judge_file(check *c, const char *path)
{
    it_alloc *a = c->o->run.alloc;
    char err[512];
    it_passive_result *r = &c->result[c->n];
    it_passive_source *s = it_passive_open(a, path, err);
    if (!s)
        return it_cli_fail(IT_EXIT_USAGE, "check: %s", err);
    it_passive_cfg cfg = {a, c->o->profile, c->o->vantage, c->o->creds ? &c->creds : NULL};
    it_passive *judge = it_passive_new(&cfg);
    *r = (it_passive_result){.path = path, .judge = judge, .source = s};
    c->n++;
    int rc = judge ? judge_all(judge, s, r, c->broken[c->n - 1]) : IT_ERR_NOMEM;
    return rc < 0 ? it_cli_fail(IT_EXIT_INTERNAL, "check: %s: %s", path, it_err_str(rc)) : -1;
}

/* The exit code of what was found: a MUST that is broken is 1, no STUN at all is 3. */
static int code_of(const check *c)
{
    uint64_t stun = 0;
    size_t must = 0;
    bool broken = false;
    for (size_t i = 0; i < c->n; i++) {
        it_passive_counts n;
        it_passive_count(c->result[i].judge, &n);
        stun += n.stun;
        must += it_passive_sum_of(&c->result[i]).must;
        broken |= c->result[i].broken != NULL;
    }
    if (must > 0)
        return IT_EXIT_UNEXPECTED;
    if (broken)
        return IT_EXIT_USAGE;
    return stun == 0 ? IT_EXIT_NOTHING : IT_EXIT_EXPECTED;
}

/* Prints all results, as was asked for. -1, or an exit code. */
static int print_all(check *c)
{
    it_str out;
    it_str_init(&out, c->o->run.alloc);
    for (size_t i = 0; i < c->n && !c->o->sarif; i++) {
        if (c->o->json)
            it_passive_jsonl(&out, &c->result[i]);
        else
            it_passive_text(&out, &c->result[i]);
    }
    if (c->o->sarif)
        it_passive_sarif(&out, c->result, c->n);
    if (!out.oom)
        fwrite(it_str_c(&out), 1, out.n, stdout);
    int code = out.oom ? it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM)) : -1;
    it_str_fini(&out);
    return code;
}

static void check_free(check *c)
{
    for (size_t i = 0; i < c->n; i++) {
        it_passive_free(c->result[i].judge);
        it_passive_close(c->result[i].source);
    }
    if (c->o->creds)
        it_passive_creds_fini(&c->creds);
    it_free(c->o->run.alloc, c);
}

/* Judges all that was named and prints it. The exit code. */
static int check_run(check *c)
{
    int code = -1;
    for (int i = 0; i < c->o->run.n_paths && code < 0; i++)
        code = judge_file(c, c->o->run.paths[i]);
    if (code < 0)
        code = print_all(c);
    if (code >= 0)
        return code;
    for (size_t i = 0; i < c->n; i++)
        if (c->result[i].broken)
            it_cli_fail(IT_EXIT_USAGE, "check: %s", c->result[i].broken);
    return code_of(c);
}

int it_cmd_check(it_cli *o)
{
    char err[512];
    if (o->json && o->sarif)
        return it_cli_fail(IT_EXIT_USAGE, "check: --json or --sarif, not both");
    check *c = it_calloc(o->run.alloc, 1, sizeof *c);
    if (!c)
        return it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM));
    c->o = o;
    int code;
    if (o->creds && it_passive_creds_read(&c->creds, o->run.alloc, o->creds, err) < 0)
        code = it_cli_fail(IT_EXIT_USAGE, "check: %s", err);
    else
        code = check_run(c);
    check_free(c);
    return code;
}
