/* The command line: one table of commands, one of options. */
#include "lab/run.h"

#include "reports/report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION "0.1.0"

enum { EXIT_AS_EXPECTED = 0, EXIT_NOT_AS_EXPECTED = 1, EXIT_USAGE = 2, EXIT_NOTHING = 3, EXIT_INTERNAL = 4, EXIT_INTERRUPTED = 130 };

typedef struct options {
    it_run_cfg run;
    bool help;
} options;

typedef struct command {
    const char *name, *args, *help;
    int (*run)(options *o);
} command;

static int fail(int code, const char *text)
{
    fprintf(stderr, "icetank: %s\n", text);
    return code;
}

static int plan_or_fail(options *o, it_plan *plan)
{
    char err[512] = "";
    if (o->run.n_paths == 0)
        return fail(EXIT_USAGE, "name a scenario file or folder; see icetank --help");
    if (it_run_plan(&o->run, plan, err) < 0)
        return fail(EXIT_USAGE, err);
    if (plan->n == 0)
        return fail(EXIT_NOTHING, o->run.n_only ? "no case matches --only" : "no scenario found");
    return -1;
}

static int write_reports(const char *dir)
{
    char err[512] = "";
    it_alloc a;
    it_alloc_init(&a);
    if (it_report_write(&a, dir, stdout, err) < 0)
        return fail(EXIT_INTERNAL, err);
    return -1;
}

static int cmd_run(options *o)
{
    it_plan plan;
    it_plan_init(&plan, o->run.alloc);
    int code = plan_or_fail(o, &plan);
    char err[512] = "";
    it_run_count n = {0};
    if (code < 0 && it_run_all(&o->run, &plan, &n, err) < 0)
        code = fail(EXIT_INTERNAL, err);
    if (code < 0 && !n.interrupted)
        code = write_reports(o->run.out);
    it_plan_fini(&plan);
    if (n.interrupted) {
        fprintf(stderr, "icetank: interrupted; %d of %d cases are kept in %s/results.jsonl\n", n.total - n.missing, n.total, o->run.out);
        return EXIT_INTERRUPTED;
    }
    if (code >= 0)
        return code;
    return n.fail || n.error ? EXIT_NOT_AS_EXPECTED : n.pass ? EXIT_AS_EXPECTED : EXIT_NOTHING;
}

static int cmd_list(options *o)
{
    it_plan plan;
    it_plan_init(&plan, o->run.alloc);
    int code = plan_or_fail(o, &plan);
    for (size_t i = 0; code < 0 && i < plan.n; i++)
        puts(plan.v[i].id);
    it_plan_fini(&plan);
    return code < 0 ? EXIT_AS_EXPECTED : code;
}

static int cmd_report(options *o)
{
    if (o->run.n_paths != 1)
        return fail(EXIT_USAGE, "report takes the folder of a run");
    int code = write_reports(o->run.paths[0]);
    return code < 0 ? EXIT_AS_EXPECTED : code;
}

static int cmd_lua_api(options *o)
{
    char err[IT_PROFILE_ERR] = "";
    it_str text;
    it_str_init(&text, o->run.alloc);
    it_script_cfg cfg = {.alloc = o->run.alloc, .profiles = it_profiles_builtin(o->run.alloc, err)};
    it_script *s = cfg.profiles ? it_script_new(&cfg) : NULL;
    int rc = s ? it_script_d_lua(s, &text) : IT_ERR_NOMEM;
    if (rc == 0)
        fputs(it_str_c(&text), stdout);
    it_script_free(s);
    it_profiles_free(cfg.profiles);
    it_str_fini(&text);
    return rc == 0 ? EXIT_AS_EXPECTED : fail(EXIT_INTERNAL, *err ? err : it_err_str(rc));
}

static int cmd_version(options *o)
{
    (void)o;
    puts("icetank " VERSION);
    return EXIT_AS_EXPECTED;
}

static const command COMMANDS[] = {
    {"run", "PATH...", "run scenarios, write results, captures and reports", cmd_run},
    {"list", "PATH...", "print the ids of the cases", cmd_list},
    {"report", "DIR", "make the reports of a finished run again", cmd_report},
    {"lua-api", "", "print icetank.d.lua for editors", cmd_lua_api},
    {"version", "", "print the version", cmd_version},
};
#define N_COMMANDS (sizeof COMMANDS / sizeof *COMMANDS)

static int help(void)
{
    puts("icetank: simulate peer-to-peer connections through NATs, and judge them\n");
    puts("  icetank run scenarios/compare --out out/compare     run every scenario, write out/compare/index.html");
    puts("  icetank run scenarios/hello.lua --pcap all          one scenario, with captures for Wireshark\n\ncommands:");
    for (size_t i = 0; i < N_COMMANDS; i++)
        printf("  %-8s %-9s %s\n", COMMANDS[i].name, COMMANDS[i].args, COMMANDS[i].help);
    puts("\noptions:\n  --seed N               first seed (1)\n  --jobs N               worker processes (2)\n"
         "  --only GLOB            cases whose id matches; may be repeated; * stays inside a segment, ** does not\n"
         "  --out DIR              output folder (out)\n  --pcap none|fail|all   which cases to capture (fail)\n"
         "\nexit codes: 0 all as expected, 1 some not, 2 usage or a scenario that does not load, 3 nothing ran, 4 internal, 130 interrupted");
    return EXIT_AS_EXPECTED;
}

/* A whole number from |lo| to |hi|. */
static bool number(const char *text, long long lo, long long hi, long long *v)
{
    char *end;
    errno = 0;
    *v = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *v >= lo && *v <= hi;
}

static int take_option(options *o, int c)
{
    long long v;
    static const char *const WHEN[] = {"none", "fail", "all"};
    switch (c) {
    case 's':
        if (!number(optarg, 0, INT64_MAX, &v))
            return fail(EXIT_USAGE, "--seed takes a whole number");
        o->run.seed = (uint64_t)v;
        return -1;
    case 'j':
        if (!number(optarg, 1, 64, &v))
            return fail(EXIT_USAGE, "--jobs takes a number from 1 to 64");
        o->run.jobs = (int)v;
        return -1;
    case 'o':
        o->run.out = optarg;
        return -1;
    case 'n':
        if (o->run.n_only == IT_RUN_ONLY_MAX)
            return fail(EXIT_USAGE, "too many --only");
        o->run.only[o->run.n_only++] = optarg;
        return -1;
    case 'h':
        o->help = true;
        return -1;
    case 'p':
        for (int i = 0; i < 3; i++)
            if (strcmp(optarg, WHEN[i]) == 0) {
                o->run.pcap = (enum it_pcap_when)i;
                return -1;
            }
        return fail(EXIT_USAGE, "--pcap takes none, fail or all");
    default:
        return EXIT_USAGE;
    }
}

static int parse(options *o, int argc, char **argv)
{
    static const struct option LONG[] = {
        {"seed", required_argument, NULL, 's'}, {"jobs", required_argument, NULL, 'j'}, {"only", required_argument, NULL, 'n'},
        {"out", required_argument, NULL, 'o'},  {"pcap", required_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "h", LONG, NULL)) != -1;) {
        int code = take_option(o, c);
        if (code >= 0)
            return code;
    }
    o->run.paths = argv + optind;
    o->run.n_paths = argc - optind;
    return -1;
}

int main(int argc, char **argv)
{
    it_alloc alloc;
    it_alloc_init(&alloc);
    options o = {.run = {.alloc = &alloc, .seed = 1, .jobs = 2, .out = "out", .pcap = IT_PCAP_FAIL}};
    if (argc < 2)
        return fail(EXIT_USAGE, "no command; see icetank --help");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "-h") == 0)
        return help();
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) != 0)
            continue;
        int code = parse(&o, argc - 1, argv + 1);
        if (code >= 0)
            return code;
        code = o.help ? help() : COMMANDS[i].run(&o);
        if (fflush(stdout) != 0 && code == EXIT_AS_EXPECTED)
            return fail(EXIT_INTERNAL, "cannot write to standard output");
        return code;
    }
    fprintf(stderr, "icetank: no command \"%s\"; see icetank --help\n", argv[1]);
    return EXIT_USAGE;
}
