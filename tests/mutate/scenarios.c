/* Changes every value of scenarios in turn: every text, number, true and false, one at a time; a number that may be
 * greater is made smaller too. Each mutant must be an error, another plan or another result; one that changes nothing
 * is a value that nothing looks at, and stands on the list of known ones with a reason.
 *
 *     scenarios LIST EVERY FIRST FILE...    mutants FIRST, FIRST + EVERY, ... of all there are; LIST is the known ones
 *
 * A line of LIST is FILE:LITERAL:LINE'S TEXT (without leading space) and, below it, "  why: REASON". Ends with 1 when a
 * survivor is not on it, a mutant crashes the program, or what a line of it names shows; and, when all were run, when a
 * line names nothing that is there. Ends with 2 when something is wrong with its own input. */
#include "lab/lang/bind/script.h"
#include "stack/crypto/ossl.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLE 10        /* cases of a file that every mutant runs, evenly spaced */
#define MORE 200         /* and those that one which survives them runs */
#define SECONDS 120      /* of processor time, after which a mutant shows: it runs where the original ended long ago */
#define MAX_KNOWN 512    /* lines of the list */
#define MAX_TEXT 1048575 /* bytes of a file */

static it_alloc alloc;
static it_profiles *profiles;
static it_dtls_shared *shared;
static it_code *code;

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "scenarios: %s\n", what);
    exit(2);
}

static char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, MAX_TEXT + 1);
    need(f && text, path);
    *n = fread(text, 1, MAX_TEXT, f);
    fclose(f);
    return text;
}

/* --- literals --- */

typedef struct literal {
    size_t at, n;
} literal;

static bool word_at(const char *t, size_t at, const char *word)
{
    size_t n = strlen(word);
    bool before = at > 0 && (isalnum((unsigned char)t[at - 1]) || t[at - 1] == '_');
    return !before && strncmp(t + at, word, n) == 0 && !isalnum((unsigned char)t[at + n]) && t[at + n] != '_';
}

static size_t end_of_line(const char *t, size_t at)
{
    while (t[at] && t[at] != '\n')
        at++;
    return at;
}

/* The text in quotes at |at|: where it ends, behind the quote. */
static size_t end_of_text(const char *t, size_t at)
{
    char quote = t[at++];
    while (t[at] && t[at] != quote && t[at] != '\n')
        at += t[at] == '\\' ? 2 : 1;
    return t[at] ? at + 1 : at;
}

/* A number begins at |at|, and no name goes on there. */
static bool number_at(const char *t, size_t at)
{
    char before = at > 0 ? t[at - 1] : ' ';
    return isdigit((unsigned char)t[at]) && !isalnum((unsigned char)before) && before != '_' && before != '.';
}

/* The literal at |at|, or no bytes; |*next| is where to look on. */
static literal literal_at(const char *t, size_t at, size_t *next)
{
    *next = at + 1;
    if (t[at] == '-' && t[at + 1] == '-') {
        *next = end_of_line(t, at);
        return (literal){at, 0};
    }
    if (t[at] == '"' || t[at] == '\'')
        *next = end_of_text(t, at);
    else if (number_at(t, at))
        while (isalnum((unsigned char)t[*next]))
            ++*next;
    else if (word_at(t, at, "true"))
        *next = at + 4;
    else if (word_at(t, at, "false"))
        *next = at + 5;
    else
        return (literal){at, 0};
    return (literal){at, *next - at};
}

/* The whole number that the |n| bytes at |v| begin with, in |*digits| of them; 0 with none. */
static int number_in(const char *v, size_t n, size_t *digits)
{
    *digits = strspn(v, "0123456789");
    *digits = *digits < n ? *digits : n;
    return *digits > 0 && *digits < 10 ? atoi(v) : 0;
}

/* A number with or without a unit becomes three times as much and one, or a third; other texts two letters the other
 * way round. */
static void mutate_text(const char *v, size_t n, bool less, it_str *out)
{
    size_t digits, i = 0;
    int number = number_in(v, n, &digits);
    if (digits > 0 && digits < 10) {
        it_str_printf(out, "%d", less ? number / 3 : 3 * number + 1);
        it_str_put(out, v + digits, n - digits);
        return;
    }
    while (i + 1 < n && !(isalpha((unsigned char)v[i]) && isalpha((unsigned char)v[i + 1]) && v[i] != v[i + 1]))
        i++;
    if (i + 1 >= n) {
        it_str_put(out, v, n);
        it_str_putc(out, 'x');
        return;
    }
    it_str_put(out, v, i);
    it_str_putc(out, v[i + 1]);
    it_str_putc(out, v[i]);
    it_str_put(out, v + i + 2, n - i - 2);
}

static bool is_text(const char *v)
{
    return *v == '"' || *v == '\'';
}

/* A value that can be less without becoming nothing, which would show for being an error. */
static bool can_be_less(const char *t, literal l)
{
    size_t digits;
    const char *v = t + l.at;
    return is_text(v) ? number_in(v + 1, l.n - 2, &digits) >= 3 : number_in(v, l.n, &digits) >= 2;
}

/* The text |t| with |l| changed; a number to a greater one, with |less| to a smaller one. */
static void mutate(const char *t, literal l, bool less, it_str *out)
{
    const char *v = t + l.at;
    it_str_put(out, t, l.at);
    if (is_text(v)) {
        it_str_putc(out, *v);
        mutate_text(v + 1, l.n - 2, less, out);
        it_str_putc(out, *v);
    } else if (isdigit((unsigned char)*v)) {
        it_str_printf(out, "(%.*s %c 1)", (int)l.n, v, less ? '-' : '+');
    } else {
        it_str_puts(out, *v == 't' ? "false" : "true");
    }
    it_str_puts(out, v + l.n);
}

/* "" has no value that could be another. */
static bool is_empty(const char *t, literal l)
{
    return l.n == 2 && (t[l.at] == '"' || t[l.at] == '\'');
}

/* --- what a text does --- */

/* A state; |twin| non-NULL: for one of the two runs of a case that may have attackers, |silent| for the first. */
static it_script *state(uint64_t seed, it_twin *twin, bool silent)
{
    it_script *s = it_script_new(&(it_script_cfg){.alloc = &alloc,
                                                  .profiles = profiles,
                                                  .shared = shared,
                                                  .code = code,
                                                  .seed = seed,
                                                  .lib_dir = "scenarios/lib",
                                                  .twin = twin,
                                                  .silent = silent});
    need(s != NULL, "no memory");
    return s;
}

/* What hypothesis |c| says with no case judged. */
static int judged(const it_case *c, it_str *out)
{
    it_json j;
    bool ok;
    char err[512];
    it_script *s = state(1, NULL, false);
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    int rc = it_script_hypothesis(s, c, c->key, it_bytes_str(""), &j, &ok, err);
    it_json_end_obj(&j);
    it_script_free(s);
    return rc;
}

static int scenario(const it_plan *p, const it_planned *s, it_str *out)
{
    it_case c;
    it_str id;
    it_str_init(&id, &alloc);
    it_str_printf(out, "%s %s\n", s->title, s->needs);
    for (size_t i = 0; i < (size_t)s->n_cells * s->seeds; i++) {
        it_plan_id(p, s->first + i, &id);
        it_str_printf(out, "%s\n", it_str_c(&id));
    }
    it_str_fini(&id);
    need(it_plan_case(p, s->first, &c) == 0, "no memory");
    int rc = strstr(s->needs, "hypothesis") ? judged(&c, out) : 0;
    it_case_fini(&alloc, &c);
    return rc;
}

/* The plan as text: ids, titles, and what hypotheses say with no case judged. False when there is none. */
static bool plan(const char *file, it_bytes text, it_plan *p, it_str *out)
{
    char err[512];
    it_script *s = state(1, NULL, false);
    it_plan_init(p, &alloc);
    int rc = it_script_plan(s, p, text, file, file, err);
    it_script_free(s);
    for (size_t i = 0; rc == 0 && i < p->n_v; i++)
        rc = scenario(p, &p->v[i], out);
    return rc == 0;
}

static void run_state(const it_case *c, it_twin *twin, bool silent, it_str *out)
{
    char verdict[16];
    it_json j;
    it_script *s = state((uint64_t)c->k, twin, silent);
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    need(it_script_run(s, c, c->text, &j, verdict) == 0, "no memory");
    it_json_hex64(&j, "fingerprint", it_script_fingerprint(s));
    it_json_end_obj(&j);
    it_script_free(s);
}

/* The result of case |i|; one with attackers is run twice, as lab/run does. */
static void result(const it_plan *p, size_t i, it_str *out)
{
    it_case made;
    need(it_plan_case(p, i, &made) == 0, "no memory");
    const it_case *c = &made;
    it_str scrap;
    it_twin *twin = NULL;
    if (memmem(c->text.p, c->text.n, "attacker", 8)) {
        need((twin = it_twin_new(&alloc)) != NULL, "no memory");
        it_str_init(&scrap, &alloc);
        run_state(c, twin, true, &scrap);
        it_str_fini(&scrap);
        it_twin_compare(twin);
    }
    run_state(c, twin, false, out);
    it_twin_free(twin);
    it_case_fini(&alloc, &made);
}

/* --- the original, whose plan and results are made once --- */

typedef struct original {
    const char *file, *text;
    it_plan plan;
    it_str said;     /* the plan as text */
    it_str *results; /* of plan.n cases; empty: not run yet */
} original;

static void original_init(original *o, const char *file, const char *text)
{
    *o = (original){.file = file, .text = text};
    it_str_init(&o->said, &alloc);
    need(plan(file, it_bytes_str(text), &o->plan, &o->said), file);
    o->results = calloc(o->plan.n + 1, sizeof *o->results);
    need(o->results != NULL, "no memory");
    for (size_t i = 0; i < o->plan.n; i++)
        it_str_init(&o->results[i], &alloc);
}

static void original_fini(original *o)
{
    for (size_t i = 0; i < o->plan.n; i++)
        it_str_fini(&o->results[i]);
    free(o->results);
    it_str_fini(&o->said);
    it_plan_fini(&o->plan);
}

/* Which case is the |i|-th of |most| of |n|, evenly spaced. */
static size_t sample_at(size_t i, size_t most, size_t n)
{
    return i * n / (n < most ? n : most);
}

/* Runs those of |most| cases that have not been run. */
static void original_run(original *o, size_t most)
{
    size_t n = o->plan.n < most ? o->plan.n : most;
    for (size_t i = 0; i < n; i++) {
        size_t at = sample_at(i, most, o->plan.n);
        if (o->results[at].n == 0)
            result(&o->plan, at, &o->results[at]);
    }
}

/* True when any of |most| cases, which the original has run, has another result in |p|. */
static bool differ(const original *o, const it_plan *p, size_t most)
{
    size_t n = o->plan.n < most ? o->plan.n : most;
    for (size_t i = 0; i < n; i++) {
        it_str is;
        size_t at = sample_at(i, most, o->plan.n);
        const it_str *was = &o->results[at];
        it_str_init(&is, &alloc);
        result(p, at, &is);
        bool same = is.n == was->n && memcmp(is.p, was->p, is.n) == 0;
        it_str_fini(&is);
        if (!same)
            return true;
    }
    return false;
}

/* In a process of its own: 0 when the mutant shows in |most| cases, 1 when it survives them. */
static int judge(const original *o, literal l, bool less, size_t most)
{
    it_str mutant, is;
    it_plan p;
    it_str_init(&mutant, &alloc);
    it_str_init(&is, &alloc);
    mutate(o->text, l, less, &mutant);
    if (!plan(o->file, it_bytes_of(mutant.p, mutant.n), &p, &is) || strcmp(it_str_c(&o->said), it_str_c(&is)) != 0)
        return 0;
    return !differ(o, &p, most);
}

typedef enum outcome { SHOWS, SURVIVES, CRASHES } outcome;

static outcome try_mutant(const original *o, literal l, bool less, size_t most)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    need(pid >= 0, "no process");
    if (pid == 0) {
        struct rlimit cpu = {.rlim_cur = SECONDS, .rlim_max = SECONDS + 10};
        need(setrlimit(RLIMIT_CPU, &cpu) == 0, "no limit of processor time");
        _exit(judge(o, l, less, most));
    }
    need(waitpid(pid, &status, 0) == pid, "lost a process");
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGXCPU ? SHOWS : CRASHES;
    if (WEXITSTATUS(status) > 1)
        return CRASHES;
    return WEXITSTATUS(status) == 0 ? SHOWS : SURVIVES;
}

static outcome examine_one(original *o, literal l, bool less)
{
    original_run(o, SAMPLE);
    outcome f = try_mutant(o, l, less, SAMPLE);
    if (f != SURVIVES || o->plan.n <= SAMPLE)
        return f;
    original_run(o, MORE);
    return try_mutant(o, l, less, MORE);
}

/* A limit that is greater changes nothing, one that is smaller does: a number survives when neither shows. */
static outcome examine(original *o, literal l)
{
    outcome f = examine_one(o, l, false);
    return f == SURVIVES && can_be_less(o->text, l) ? examine_one(o, l, true) : f;
}

/* --- the list --- */

/* FILE:LITERAL:LINE'S TEXT */
static void name_of(const char *file, const char *t, literal l, it_str *out)
{
    size_t from = l.at;
    while (from > 0 && t[from - 1] != '\n')
        from--;
    from += strspn(t + from, " \t");
    it_str_printf(out, "%s:%.*s:%.*s", file, (int)l.n, t + l.at, (int)(end_of_line(t, from) - from), t + from);
}

typedef struct known {
    const char *name;
    size_t n;
    bool survived, shown; /* of the mutants of that name that were run */
} known;

typedef struct tally {
    known v[MAX_KNOWN];
    int n, mutants, shown, known, bad;
} tally;

/* Takes the lines of |list| apart; |path| is its name. */
static void read_list(tally *t, const char *path, const char *list)
{
    int line = 1;
    for (const char *p = list; *p; line += 2) {
        size_t end = end_of_line(p, 0);
        const char *why = p[end] ? p + end + 1 : p + end;
        if (strncmp(why, "  why: ", 7) != 0 || *p == ' ') {
            fprintf(stderr, "%s:%d: a line FILE:LITERAL:LINE and below it \"  why: REASON\" are wanted\n", path, line);
            exit(2);
        }
        need(t->n < MAX_KNOWN, "the list is too long");
        t->v[t->n++] = (known){.name = p, .n = end};
        p = why + end_of_line(why, 0);
        p += *p == '\n';
    }
}

static known *find_known(tally *t, const char *name)
{
    for (int i = 0; i < t->n; i++)
        if (t->v[i].n == strlen(name) && strncmp(t->v[i].name, name, t->v[i].n) == 0)
            return &t->v[i];
    return NULL;
}

static void count_mutant(tally *t, original *o, literal l)
{
    it_str name;
    outcome what = examine(o, l);
    it_str_init(&name, &alloc);
    name_of(o->file, o->text, l, &name);
    known *k = find_known(t, it_str_c(&name));
    t->mutants++;
    if (what == SHOWS) {
        t->shown++;
        if (k)
            k->shown = true;
    } else if (what == SURVIVES && k) {
        t->known++;
        k->survived = true;
    } else {
        printf("%s %s\n", what == CRASHES ? "CRASH" : "SURVIVES", it_str_c(&name));
        t->bad++;
    }
    it_str_fini(&name);
}

/* Does line |k| name a file that was run, of |n|, or one that is no more? */
static bool concerns(const known *k, char **files, int n)
{
    char file[512];
    size_t len = strcspn(k->name, ":");
    for (int i = 0; i < n; i++)
        if (strlen(files[i]) == len && strncmp(files[i], k->name, len) == 0)
            return true;
    snprintf(file, sizeof file, "%.*s", (int)len, k->name);
    return access(file, F_OK) != 0;
}

/* The lines that excuse nothing; |all| mutants of |n| files were run, or some. */
static void count_idle(tally *t, bool all, char **files, int n)
{
    for (int i = 0; i < t->n; i++) {
        const known *k = &t->v[i];
        const char *what = k->shown ? "SHOWS NOW" : "NOT THERE";
        if (k->survived || (!k->shown && !(all && concerns(k, files, n))))
            continue;
        printf("%s %.*s\n", what, (int)k->n, k->name);
        t->bad++;
    }
}

static long number(const char *text, long least, const char *what)
{
    char *end;
    long n = strtol(text, &end, 10);
    need(*text && !*end && n >= least, what);
    return n;
}

int main(int argc, char **argv)
{
    char err[IT_PROFILE_ERR];
    size_t n;
    long count = 0;
    static tally t;
    need(argc > 4, "usage: scenarios LIST EVERY FIRST FILE...");
    it_alloc_init(&alloc);
    need(it_ossl_init() == 0 && (shared = it_dtls_shared_new(&alloc)) && (code = it_code_new(&alloc)), "no memory");
    need((profiles = it_profiles_builtin(&alloc, err)) != NULL, "no profiles");
    char *list = slurp(argv[1], &n);
    read_list(&t, argv[1], list);
    long every = number(argv[2], 1, "EVERY is a number from 1");
    long first = number(argv[3], 0, "FIRST is a number from 0");
    for (int i = 4; i < argc; i++) {
        original o;
        char *text = slurp(argv[i], &n);
        original_init(&o, argv[i], text);
        for (size_t at = 0; at < n;) {
            size_t next;
            literal l = literal_at(text, at, &next);
            at = next;
            if (l.n > 0 && !is_empty(text, l) && count++ % every == first % every)
                count_mutant(&t, &o, l);
        }
        original_fini(&o);
        free(text);
    }
    count_idle(&t, every == 1, argv + 4, argc - 4);
    printf("%d mutants, %d show, %d known to survive, %d not as they should\n", t.mutants, t.shown, t.known, t.bad);
    free(list);
    it_profiles_free(profiles);
    it_code_free(code);
    it_dtls_shared_free(shared);
    return t.bad > 0;
}
