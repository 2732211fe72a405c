/* interop: a table of peers and features, each cell two adapters that speak itp/1 in namespaces of their own.
 *
 *     main -> a process a cell (some at a time) -> cell.c -> namespaces, adapters
 *
 * Exit codes: 0 all as the table of known results says, 1 some not, 2 wrong command line or table, 3 nothing selected,
 * 77 something could not be run here (with CI set: 1), 130 interrupted. */
#include "base/text/file.h"
#include "base/text/json.h"
#include "conformance/interop/known.h"
#include "conformance/interop/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PEERS 16
#define WORDS 16
#define SLOW_AT_A_TIME 32
#define CELL_LIMIT 240 /* seconds; every step has a limit of its own below it */

typedef struct command {
    char text[512];
    char *argv[WORDS + 1];
} command;

typedef struct peer {
    char name[32], features[128]; /* a pattern */
    command run;
    const char *missing; /* why it is not here */
} peer;

typedef struct job {
    const peer *peer;
    const it_interop_feature *feature;
    it_interop_result result;
    const char *unexpected;
    pid_t pid;
    int pipe;
    bool done;
} job;

typedef struct runner {
    peer peers[PEERS];
    size_t n_peers, n_jobs, n_workers;
    command ours, server, relays[2];          /* TURN servers: theirs for us, ours for them */
    const char *dir, *known_file, *filter[2]; /* patterns of peers and features */
    bool slow, fast, capture, keep, ci;
    uint64_t seed, patience;
    it_interop_known known;
    job jobs[PEERS * 32];
} runner;

static volatile sig_atomic_t interrupted;

static void on_signal(int s)
{
    interrupted = s;
}

/* --- the command line --- */

static const char HELP[] =
    "interop [OPTION...]: our ICE, STUN and DTLS against other libraries', by adapters that speak itp/1 "
    "(docs/interop.md)\n"
    "  --ours COMMAND          our adapter (build/icetank peer); or another one, to compare two others\n"
    "  --server COMMAND        our STUN server, which is to listen at 10.77.0.9:3478\n"
    "  --turn-ours COMMAND     our TURN server, at the same address, for user:secret, its relays at ports 61000 to "
    "61999\n"
    "  --turn-theirs COMMAND   another one for us: the same (none)\n"
    "  --peer NAME[/FEATURES]=COMMAND\n"
    "                          a peer and how it is run, FEATURES a pattern of what it is asked for (all)\n"
    "  --missing NAME=REASON   a peer that is not here\n"
    "  --known FILE            what is known not to work (none)\n"
    "  --out DIR               results.jsonl, and of each cell the transcript, logs and a capture (out/interop)\n"
    "  --only PATTERN          peers; --feature PATTERN: features\n"
    "  --quick, --slow         without, or only, what takes half a minute or more\n"
    "  --jobs N                cells at a time (4)\n"
    "  --patience SECONDS      that an adapter has to start and answer (15)\n"
    "  --seed N                of the bytes that are sent (1)\n"
    "  --capture               a pcap of each cell that does not pass, by tcpdump\n"
    "  --keep                  captures and logs also of those that do\n"
    "  --list                  print the features\n"
    "exit codes: 0 as known, 1 not, 2 wrong command line or table, 3 nothing selected, 77 cannot be run here, 130 "
    "interrupted\n";

static bool command_set(command *c, const char *text)
{
    size_t n = 0;
    if (strlen(text) >= sizeof c->text)
        return false;
    strcpy(c->text, text);
    for (char *at = strtok(c->text, " "); at && n < WORDS; at = strtok(NULL, " "))
        c->argv[n++] = at;
    c->argv[n] = NULL;
    return n > 0;
}

/* "NAME[/FEATURES]=VALUE": the peer, new, and its value; NULL when it is no such thing. */
static peer *peer_add(runner *r, char *text, const char **value)
{
    char *equals = strchr(text, '=');
    if (!equals || r->n_peers == PEERS)
        return NULL;
    *equals = '\0';
    *value = equals + 1;
    char *slash = strchr(text, '/');
    if (slash)
        *slash++ = '\0';
    peer *p = &r->peers[r->n_peers++];
    snprintf(p->name, sizeof p->name, "%s", text);
    snprintf(p->features, sizeof p->features, "%s", slash ? slash : "*");
    return p;
}

static bool number_read(const char *text, uint64_t most, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *out <= most;
}

static bool option_flag(runner *r, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } FLAGS[] = {{"--quick", &r->fast}, {"--slow", &r->slow}, {"--capture", &r->capture}, {"--keep", &r->keep}};
    for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++)
        if (strcmp(name, FLAGS[i].name) == 0)
            return *FLAGS[i].flag = true;
    return false;
}

static bool option_text(runner *r, const char *name, const char *v)
{
    const struct {
        const char *name;
        const char **to;
    } TEXTS[] = {
        {"--known", &r->known_file}, {"--out", &r->dir}, {"--only", &r->filter[0]}, {"--feature", &r->filter[1]}};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        if (strcmp(name, TEXTS[i].name) == 0) {
            *TEXTS[i].to = v;
            return true;
        }
    return false;
}

/* True when |name| with |v| was understood. */
static bool option_value(runner *r, const char *name, char *v)
{
    const char *value;
    uint64_t n;
    if (option_text(r, name, v))
        return true;
    if (strcmp(name, "--ours") == 0)
        return command_set(&r->ours, v);
    if (strcmp(name, "--server") == 0)
        return command_set(&r->server, v);
    if (strcmp(name, "--turn-theirs") == 0)
        return command_set(&r->relays[0], v);
    if (strcmp(name, "--turn-ours") == 0)
        return command_set(&r->relays[1], v);
    if (strcmp(name, "--peer") == 0) {
        peer *p = peer_add(r, v, &value);
        return p && command_set(&p->run, value);
    }
    if (strcmp(name, "--missing") == 0) {
        peer *p = peer_add(r, v, &value);
        return p && (p->missing = value);
    }
    if (strcmp(name, "--seed") == 0)
        return number_read(v, UINT64_MAX, &r->seed);
    if (strcmp(name, "--patience") == 0)
        return number_read(v, 600, &r->patience);
    if (strcmp(name, "--jobs") == 0 && number_read(v, 64, &n) && n > 0) {
        r->n_workers = (size_t)n;
        return true;
    }
    return false;
}

static int options_read(runner *r, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (option_flag(r, argv[i]))
            continue;
        char *v = i + 1 < argc ? argv[i + 1] : NULL;
        if (!v || !option_value(r, argv[i], v)) {
            fprintf(stderr, "interop: %s%s%s is not understood; --help tells the options\n", argv[i], v ? " " : "",
                    v ? v : "");
            return 2;
        }
        i++;
    }
    return 0;
}

static int known_load(runner *r)
{
    char text[32768] = "", err[IT_INTEROP_KNOWN_ERR];
    FILE *f = r->known_file ? fopen(r->known_file, "r") : NULL;
    if (r->known_file && !f) {
        fprintf(stderr, "interop: %s: %s\n", r->known_file, strerror(errno));
        return 2;
    }
    if (f) {
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        fclose(f);
    }
    if (it_interop_known_read(&r->known, r->known_file, text, err) == 0)
        return 0;
    fprintf(stderr, "interop: %s\n", err);
    return 2;
}

/* --- cells --- */

static bool is_selected(const runner *r, const peer *p, const it_interop_feature *f)
{
    if ((f->slow && r->fast) || (!f->slow && r->slow))
        return false;
    if (r->filter[0] && fnmatch(r->filter[0], p->name, 0) != 0)
        return false;
    if (r->filter[1] && fnmatch(r->filter[1], f->name, 0) != 0)
        return false;
    return fnmatch(p->features, f->name, 0) == 0;
}

static void jobs_plan(runner *r)
{
    for (size_t i = 0; i < r->n_peers; i++)
        for (size_t k = 0; k < IT_INTEROP_N_FEATURES; k++) {
            const peer *p = &r->peers[i];
            if (!is_selected(r, p, &IT_INTEROP_FEATURES[k]))
                continue;
            job *j = &r->jobs[r->n_jobs++];
            *j = (job){.peer = p, .feature = &IT_INTEROP_FEATURES[k], .pid = -1, .pipe = -1};
            if (!p->missing)
                continue;
            j->done = true;
            j->result.verdict = IT_INTEROP_SKIP;
            snprintf(j->result.why, sizeof j->result.why, "%s", p->missing);
        }
}

/* The worker's side: one cell, its result into the pipe. */
static void job_run(const runner *r, const job *j, int out)
{
    char name[96];
    it_interop_result result;
    snprintf(name, sizeof name, "%s.%s", j->peer->name, j->feature->name);
    it_interop_cell_cfg cfg = {.feature = j->feature,
                               .argv = {r->ours.argv, j->peer->run.argv},
                               .server = r->server.argv,
                               .relays = {r->relays[0].argv[0] ? r->relays[0].argv : NULL, r->relays[1].argv},
                               .name = name,
                               .dir = r->dir,
                               .seed = r->seed,
                               .capture = r->capture,
                               .keep = r->keep,
                               .patience = (int)r->patience};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* what an adapter leaves behind becomes its child, and ends with it */
    signal(SIGINT, SIG_IGN);          /* the runner ends it */
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    alarm(CELL_LIMIT);
    it_interop_cell(&result, &cfg);
    it_interop_end_children(NULL, 0);
    _exit(write(out, &result, sizeof result) == (ssize_t)sizeof result ? 0 : 1);
}

static bool job_start(runner *r, job *j)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) /* no adapter of another cell is to hold it open */
        return false;
    j->pid = fork();
    if (j->pid == 0)
        job_run(r, j, ends[1]);
    close(ends[1]);
    j->pipe = ends[0];
    return j->pid > 0;
}

static void job_collect(job *j)
{
    int status;
    ssize_t n = read(j->pipe, &j->result, sizeof j->result);
    waitpid(j->pid, &status, 0);
    close(j->pipe);
    j->pid = j->pipe = -1;
    j->done = true;
    if (n == (ssize_t)sizeof j->result && status == 0)
        return;
    j->result.verdict = IT_INTEROP_BROKEN;
    snprintf(j->result.why, sizeof j->result.why, "the cell's process ended with status %d, %s", status,
             n == (ssize_t)sizeof j->result ? "after its result" : "without a result");
}

/* Ends what cells have left behind, which is this one's children; the cells themselves go on. */
static void jobs_end_orphans(const runner *r)
{
    pid_t cells[PEERS * 32];
    size_t n = 0;
    for (size_t i = 0; i < r->n_jobs; i++)
        if (r->jobs[i].pid > 0)
            cells[n++] = r->jobs[i].pid;
    it_interop_end_children(cells, n);
}

static void jobs_kill(runner *r)
{
    for (size_t i = 0; i < r->n_jobs; i++)
        if (r->jobs[i].pid > 0) {
            kill(r->jobs[i].pid, SIGTERM);
            waitpid(r->jobs[i].pid, NULL, 0);
            r->jobs[i].pid = -1;
        }
    jobs_end_orphans(r);
}

/* Waits for one of those that run. */
static void jobs_wait(runner *r)
{
    struct pollfd f[128];
    job *of[128];
    nfds_t n = 0;
    for (size_t i = 0; i < r->n_jobs && n < 128; i++)
        if (r->jobs[i].pid > 0) {
            of[n] = &r->jobs[i];
            f[n++] = (struct pollfd){r->jobs[i].pipe, POLLIN, 0};
        }
    if (poll(f, n, 1000) <= 0)
        return;
    for (nfds_t i = 0; i < n; i++)
        if (f[i].revents) {
            job_collect(of[i]);
            jobs_end_orphans(r);
        }
}

static size_t jobs_running(const runner *r, bool slow)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_jobs; i++)
        n += r->jobs[i].pid > 0 && r->jobs[i].feature->slow == slow;
    return n;
}

static void job_begin(runner *r, job *j)
{
    if (job_start(r, j))
        return;
    j->done = true;
    j->result.verdict = IT_INTEROP_BROKEN;
    snprintf(j->result.why, sizeof j->result.why, "no process can be started: %s", strerror(errno));
}

/* Those that take long, or the others. */
static void jobs_begin(runner *r, bool slow)
{
    for (size_t i = 0; i < r->n_jobs && !interrupted; i++) {
        job *j = &r->jobs[i];
        if (j->done || j->feature->slow != slow)
            continue;
        while (jobs_running(r, slow) >= (slow ? SLOW_AT_A_TIME : r->n_workers) && !interrupted)
            jobs_wait(r);
        if (!interrupted)
            job_begin(r, j);
    }
}

/* What waits most of its time runs beside all others, not in their place. */
static void jobs_run(runner *r)
{
    jobs_begin(r, true);
    jobs_begin(r, false);
    while (jobs_running(r, false) + jobs_running(r, true) > 0 && !interrupted)
        jobs_wait(r);
    if (interrupted)
        jobs_kill(r);
}

/* --- what came of them --- */

/* No verdict about a WebRTC peer is about these. */
static const char *const NOT_JUDGED[] = {"data channels (SCTP): absent", "bandwidth estimation: out of scope"};
#define NOT_JUDGED_N (sizeof NOT_JUDGED / sizeof *NOT_JUDGED)

static void job_write(it_str *out, const runner *r, const job *j)
{
    it_json w;
    const it_interop_known_row *row = it_interop_known_of(&r->known, j->peer->name, j->feature->name);
    it_json_init(&w, out);
    it_json_obj(&w, NULL);
    it_json_str(&w, "peer", j->peer->name);
    it_json_str(&w, "version", j->result.version[1]);
    it_json_str(&w, "feature", j->feature->name);
    it_json_str(&w, "result", it_interop_verdict_name(j->result.verdict));
    it_json_bool(&w, "expected", !j->unexpected);
    it_json_int(&w, "ms", j->result.ms);
    it_json_str(&w, "reason", j->result.why);
    it_json_str(&w, "known", row ? row->reason : "");
    it_json_str(&w, "ours", j->result.impl[0]);
    it_json_str(&w, "ours_version", j->result.version[0]);
    it_json_int(&w, "seed", (int64_t)r->seed);
    it_json_arr(&w, "not_judged");
    for (size_t i = 0; i < NOT_JUDGED_N; i++)
        it_json_str(&w, NULL, NOT_JUDGED[i]);
    it_json_end_arr(&w);
    it_json_end_obj(&w);
    it_json_newline(&w);
}

static int results_write(const runner *r)
{
    it_alloc alloc;
    it_str out;
    char path[600], err[IT_FILE_ERR];
    it_alloc_init(&alloc);
    it_str_init(&out, &alloc);
    for (size_t i = 0; i < r->n_jobs; i++)
        job_write(&out, r, &r->jobs[i]);
    snprintf(path, sizeof path, "%s/results.jsonl", r->dir);
    int rc = out.oom ? IT_ERR_NOMEM : it_file_write(path, it_bytes_of((const uint8_t *)out.p, out.n), err);
    if (rc == IT_ERR_IO)
        fprintf(stderr, "interop: %s\n", err);
    it_str_fini(&out);
    return rc;
}

static const job *job_of(const runner *r, const peer *p, const it_interop_feature *f)
{
    for (size_t i = 0; i < r->n_jobs; i++)
        if (r->jobs[i].peer == p && r->jobs[i].feature == f)
            return &r->jobs[i];
    return NULL;
}

static void table_head(const runner *r)
{
    printf("%-21s", "");
    for (size_t i = 0; i < r->n_peers; i++)
        printf(" %-10s", r->peers[i].name);
    printf("\n%-21s", "");
    for (size_t i = 0; i < r->n_peers; i++) {
        const char *version = "-";
        for (size_t k = 0; k < r->n_jobs; k++)
            if (r->jobs[k].peer == &r->peers[i] && r->jobs[k].result.version[1][0])
                version = r->jobs[k].result.version[1];
        printf(" %-10.10s", version);
    }
    printf("\n");
}

static void table_print(const runner *r)
{
    table_head(r);
    for (size_t k = 0; k < IT_INTEROP_N_FEATURES; k++) {
        const it_interop_feature *f = &IT_INTEROP_FEATURES[k];
        bool any = false;
        for (size_t i = 0; i < r->n_peers; i++)
            any |= job_of(r, &r->peers[i], f) != NULL;
        if (!any)
            continue;
        printf("%-21s", f->name);
        for (size_t i = 0; i < r->n_peers; i++) {
            const job *j = job_of(r, &r->peers[i], f);
            char text[16] = "";
            if (j)
                snprintf(text, sizeof text, "%s%s", it_interop_verdict_name(j->result.verdict),
                         j->unexpected ? " !" : "");
            printf(" %-10s", text);
        }
        printf("\n");
    }
}

/* Judges all, prints, and gives the exit code. */
static int results_print(runner *r)
{
    size_t wrong = 0, skipped = 0, passed = 0;
    for (size_t i = 0; i < r->n_jobs; i++) {
        job *j = &r->jobs[i];
        j->unexpected =
            it_interop_unexpected(it_interop_known_of(&r->known, j->peer->name, j->feature->name), j->result.verdict);
        wrong += j->unexpected != NULL;
        skipped += j->result.verdict == IT_INTEROP_SKIP;
        passed += j->result.verdict == IT_INTEROP_PASS;
    }
    table_print(r);
    for (size_t i = 0; i < r->n_jobs; i++) {
        const job *j = &r->jobs[i];
        if (j->unexpected || j->result.verdict == IT_INTEROP_SKIP)
            printf("%-8s %s %s: %s%s%s\n", j->unexpected ? "NOT" : "SKIP", j->peer->name, j->feature->name,
                   j->result.why, j->unexpected ? "; " : "", j->unexpected ? j->unexpected : "");
    }
    printf("%zu cells: %zu passed, %zu as known, %zu not as known, %zu skipped\nresults: %s/results.jsonl\n", r->n_jobs,
           passed, r->n_jobs - passed - wrong - skipped, wrong, skipped, r->dir);
    printf("not judged of WebRTC peers: %s; %s\n", NOT_JUDGED[0], NOT_JUDGED[1]);
    if (results_write(r) < 0 || wrong)
        return 1;
    if (skipped)
        return r->ci ? 1 : 77;
    return 0;
}

static bool folder_make(const char *path)
{
    char part[512];
    if (strlen(path) >= sizeof part)
        return false;
    for (size_t n = 1; n <= strlen(path); n++)
        if (path[n] == '/' || path[n] == '\0') {
            snprintf(part, sizeof part, "%.*s", (int)n, path);
            if (mkdir(part, 0755) < 0 && errno != EEXIST)
                return false;
        }
    return true;
}

static int features_list(void)
{
    for (size_t i = 0; i < IT_INTEROP_N_FEATURES; i++)
        printf("%-21s %s\n", IT_INTEROP_FEATURES[i].name, IT_INTEROP_FEATURES[i].help);
    return 0;
}

static int runner_go(runner *r)
{
    jobs_plan(r);
    if (r->n_jobs == 0) {
        fprintf(stderr, "interop: nothing is selected; --list names the features\n");
        return 3;
    }
    if (!folder_make(r->dir)) {
        fprintf(stderr, "interop: %s: %s\n", r->dir, strerror(errno));
        return 2;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    jobs_run(r);
    return interrupted ? 130 : results_print(r);
}

int main(int argc, char **argv)
{
    const char *ci = getenv("CI");
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(HELP, stdout) < 0;
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return features_list();
    runner *r = calloc(1, sizeof *r);
    if (!r)
        return 1;
    r->dir = "out/interop";
    r->seed = 1;
    r->n_workers = 4;
    r->patience = 15;
    r->ci = ci && *ci;
    bool ok = command_set(&r->ours, "build/icetank peer") &&
              command_set(&r->server, "build/icetank serve stun --quiet --listen " IT_INTEROP_SERVER ":3478");
    ok &= command_set(&r->relays[1], "build/icetank serve turn --quiet --listen " IT_INTEROP_SERVER ":3478 --user "
                                     "user:secret --allow-peer 10.77.0.0/24");
    int rc = ok ? options_read(r, argc, argv) : 2;
    if (rc == 0)
        rc = known_load(r);
    if (rc == 0)
        rc = runner_go(r);
    free(r);
    return rc;
}
