/* Changes every value of scenarios in turn: every text, number, true and false, one at a time. Each mutant must be an
 * error, another plan or another result; one that changes nothing is a value that nothing looks at, and stands on the
 * list of known ones with a reason.
 *
 *     scenarios LIST EVERY FIRST FILE...    mutants FIRST, FIRST + EVERY, ... of all there are; LIST is the known ones
 *
 * A line of LIST is FILE:LITERAL:LINE'S TEXT (without leading space) and, below it, "  why: REASON". Ends with 1 when a
 * survivor is not on it, a mutant crashes the program, or, when all were run, a line of it is no survivor any more. */
#include "lab/lang/bind/script.h"
#include "stack/crypto/ossl.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLE 10 /* cases of a file that every mutant runs, evenly spaced */
#define MORE 40   /* and those that one which survives them runs */

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
    char *text = calloc(1, 1 << 20);
    need(f && text, path);
    *n = fread(text, 1, (1 << 20) - 1, f);
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

/* A number with or without a unit becomes three times as much and one; other texts two letters the other way round. */
static void mutate_text(const char *v, size_t n, it_str *out)
{
    size_t digits = strspn(v, "0123456789"), i = 0;
    digits = digits < n ? digits : n;
    if (digits > 0 && digits < 10) {
        it_str_printf(out, "%d", 3 * atoi(v) + 1);
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

static void mutate(const char *t, literal l, it_str *out)
{
    const char *v = t + l.at;
    it_str_put(out, t, l.at);
    if (*v == '"' || *v == '\'') {
        it_str_putc(out, *v);
        mutate_text(v + 1, l.n - 2, out);
        it_str_putc(out, *v);
    } else if (isdigit((unsigned char)*v)) {
        it_str_printf(out, "(%.*s + 1)", (int)l.n, v);
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

static it_script *state(uint64_t seed)
{
    it_script *s = it_script_new(&(it_script_cfg){.alloc = &alloc,
                                                  .profiles = profiles,
                                                  .shared = shared,
                                                  .code = code,
                                                  .seed = seed,
                                                  .lib_dir = "scenarios/lib"});
    need(s != NULL, "no memory");
    return s;
}

/* The plan as text: ids, titles, and what hypotheses say with no case judged. False when there is none. */
static bool plan(const char *file, it_bytes text, it_plan *p, it_str *out)
{
    char err[512];
    it_script *s = state(1);
    it_plan_init(p, &alloc);
    int rc = it_script_plan(s, p, text, file, file, err);
    it_script_free(s);
    for (size_t i = 0; rc == 0 && i < p->n; i++) {
        const it_case *c = &p->v[i];
        it_str_printf(out, "%s %s %s\n", c->id, c->title, c->needs);
        if (!strstr(c->needs, "hypothesis") || (i > 0 && strcmp(p->v[i - 1].key, c->key) == 0))
            continue;
        it_json j;
        bool ok;
        it_json_init(&j, out);
        it_json_obj(&j, NULL);
        s = state(1);
        rc = it_script_hypothesis(s, c, c->key, it_bytes_str(""), &j, &ok, err);
        it_script_free(s);
        it_json_end_obj(&j);
    }
    return rc == 0;
}

static void result(const it_case *c, it_str *out)
{
    char verdict[16];
    it_json j;
    it_script *s = state((uint64_t)c->k);
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    need(it_script_run(s, c, c->text, &j, verdict) == 0, "no memory");
    it_json_hex64(&j, "fingerprint", it_script_fingerprint(s));
    it_json_end_obj(&j);
    it_script_free(s);
}

/* True when any of |most| cases of the two plans, evenly spaced, has another result. */
static bool differ(const it_plan *a, const it_plan *b, size_t most)
{
    size_t n = a->n < most ? a->n : most;
    for (size_t i = 0; i < n; i++) {
        it_str x, y;
        size_t at = i * a->n / n;
        it_str_init(&x, &alloc);
        it_str_init(&y, &alloc);
        result(&a->v[at], &x);
        result(&b->v[at], &y);
        bool same = x.n == y.n && memcmp(x.p, y.p, x.n) == 0;
        it_str_fini(&x);
        it_str_fini(&y);
        if (!same)
            return true;
    }
    return false;
}

/* In a process of its own: 0 when the mutant shows, 1 when it survives. */
static int judge(const char *file, const char *text, literal l)
{
    it_str mutant, was, is;
    it_plan a, b;
    it_str_init(&mutant, &alloc);
    it_str_init(&was, &alloc);
    it_str_init(&is, &alloc);
    mutate(text, l, &mutant);
    need(plan(file, it_bytes_str(text), &a, &was), file);
    if (!plan(file, it_bytes_of(mutant.p, mutant.n), &b, &is) || strcmp(it_str_c(&was), it_str_c(&is)) != 0)
        return 0;
    return !differ(&a, &b, SAMPLE) && !differ(&a, &b, MORE);
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

static bool listed(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; (p = strstr(p, name)); p++)
        if ((p == list || p[-1] == '\n') && strncmp(p + n, "\n  why: ", 8) == 0)
            return true;
    return false;
}

typedef struct tally {
    const char *list;
    int mutants, shown, known, bad;
} tally;

static void examine(tally *t, const char *file, const char *text, literal l)
{
    it_str name;
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    need(pid >= 0, "no process");
    if (pid == 0) {
        alarm(300);
        _exit(judge(file, text, l));
    }
    need(waitpid(pid, &status, 0) == pid, "lost a process");
    bool slow = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    it_str_init(&name, &alloc);
    name_of(file, text, l, &name);
    t->mutants++;
    if (slow || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
        t->shown++;
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
        printf("CRASH %s\n", it_str_c(&name));
        t->bad++;
    } else if (listed(t->list, it_str_c(&name))) {
        t->known++;
    } else {
        printf("SURVIVES %s\n", it_str_c(&name));
        t->bad++;
    }
    it_str_fini(&name);
}

int main(int argc, char **argv)
{
    char err[IT_PROFILE_ERR];
    size_t n;
    long count = 0;
    need(argc > 4, "usage: scenarios LIST EVERY FIRST FILE...");
    it_alloc_init(&alloc);
    need(it_ossl_init() == 0 && (shared = it_dtls_shared_new(&alloc)) && (code = it_code_new(&alloc)), "no memory");
    need((profiles = it_profiles_builtin(&alloc, err)) != NULL, "no profiles");
    char *list = slurp(argv[1], &n);
    tally t = {.list = list};
    long every = atol(argv[2]), first = atol(argv[3]);
    need(every > 0, "EVERY is a number from 1");
    for (int i = 4; i < argc; i++) {
        char *text = slurp(argv[i], &n);
        for (size_t at = 0; at < n;) {
            size_t next;
            literal l = literal_at(text, at, &next);
            at = next;
            if (l.n > 0 && !is_empty(text, l) && count++ % every == first)
                examine(&t, argv[i], text, l);
        }
        free(text);
    }
    printf("%d mutants, %d show, %d known to survive, %d not as they should\n", t.mutants, t.shown, t.known, t.bad);
    free(list);
    it_profiles_free(profiles);
    it_code_free(code);
    it_dtls_shared_free(shared);
    return t.bad > 0;
}
