/* Help and the man page, made from the tables. */
#include "cli/args.h"

#include "base/version.h"

#include <stdio.h>
#include <string.h>

static const struct {
    int code;
    const char *means;
} CODES[] = {
    {IT_EXIT_EXPECTED, "all as expected"},
    {IT_EXIT_UNEXPECTED, "some result is not as expected, or two runs differ"},
    {IT_EXIT_USAGE,
     "a wrong command line, an input that cannot be read, a scenario that does not load: nothing was run"},
    {IT_EXIT_NOTHING, "nothing selected, or nothing of it could be judged"},
    {IT_EXIT_INTERNAL, "a replay differs, results cannot be written, or an internal error"},
    {IT_EXIT_ENVIRONMENT, "this machine cannot run it"},
    {IT_EXIT_INTERRUPTED, "interrupted; what was finished is kept"},
};
#define N_CODES (sizeof CODES / sizeof *CODES)

static bool has(const it_cli_command *c, const it_cli_option *p)
{
    return p->commands == ~0u || p->commands & c->bit;
}

/* The help of |p|, which may stand at an option before it. */
static const char *help_of(const it_cli_option *p)
{
    while (!p->help)
        p--;
    return p->help;
}

static size_t put_option(char *to, size_t cap, const it_cli_option *p)
{
    int n = snprintf(to, cap, "--%s%s%s", p->name, p->value ? " " : "", p->value ? p->value : "");
    return (size_t)n < cap ? (size_t)n : cap - 1;
}

/* The line of |p|, and of those behind it that have none of their own. */
static void print_option(const it_cli_option *p)
{
    char head[96];
    const char *help = p->help;
    size_t n = put_option(head, sizeof head, p);
    for (p++; p->name && !p->help; p++) {
        n += (size_t)snprintf(head + n, sizeof head - n, ", ");
        n += put_option(head + n, sizeof head - n, p);
    }
    printf("  %-18s %s\n", head, help);
}

int it_cli_help_for(const it_cli_command *c)
{
    for (int i = 0; i < 4 && c->example[i]; i += 2)
        printf("  %-52s %s\n", c->example[i], c->example[i + 1]);
    printf("\nicetank %s%s%s: %s\n", c->name, *c->args ? " " : "", c->args, c->help);
    if (c->more)
        puts(c->more);
    puts("\noptions:");
    for (const it_cli_option *p = IT_CLI_OPTIONS; p->name; p++)
        if (has(c, p) && p->help)
            print_option(p);
    return IT_EXIT_EXPECTED;
}

int it_cli_help(void)
{
    puts("  icetank run scenarios/compare --out out/compare   run every scenario, write out/compare/index.html");
    puts("  icetank show hello --ladder                       one case: what happened, packet by packet");
    puts("icetank COMMAND: simulate peer-to-peer connections through NATs, and judge them; COMMAND --help says more");
    for (const it_cli_command *c = IT_CLI_COMMANDS; c->name; c++)
        if (c->run != it_cmd_version) /* its line is that of help */
            printf("  %-8s %-17s %s\n", c->name, c->args, c->help);
    puts("exit codes:");
    for (size_t i = 0; i < N_CODES; i++)
        printf("  %-3d %s\n", CODES[i].code, CODES[i].means);
    return IT_EXIT_EXPECTED;
}

int it_cmd_help(it_cli *o)
{
    if (o->man)
        return it_cli_man();
    if (o->run.n_paths == 0)
        return it_cli_help();
    it_cli sub = *o;
    char *argv[] = {o->run.paths[0], NULL};
    const char flag[] = "--help";
    char copy[sizeof flag];
    memcpy(copy, flag, sizeof flag);
    char *both[] = {argv[0], copy, NULL};
    const it_cli_command *c = it_cli_parse(&sub, 2, both);
    return c ? it_cli_help_for(c) : IT_EXIT_USAGE;
}

/* Text for roff: a backslash is one, a line never begins with a dot or a quote. */
static void roff(const char *s)
{
    for (const char *p = s; *p; p++) {
        if (*p == '\\')
            fputs("\\e", stdout);
        else if (*p == '-')
            fputs("\\-", stdout);
        else if ((*p == '.' || *p == '\'') && (p == s || p[-1] == '\n'))
            printf("\\&%c", *p);
        else
            putchar(*p);
    }
    putchar('\n');
}

int it_cli_man(void)
{
    puts(".TH ICETANK 1 \"\" \"icetank " IT_VERSION
         "\"\n.SH NAME\nicetank \\- simulate peer\\-to\\-peer connections through NATs, and judge them");
    puts(".SH SYNOPSIS\n.B icetank\n.I COMMAND\n.RI [ OPTION ...]\n.RI [ WORD ...]\n.SH COMMANDS");
    for (const it_cli_command *c = IT_CLI_COMMANDS; c->name; c++) {
        printf(".SS ");
        printf("%s %s\n", c->name, c->args);
        roff(c->help);
        if (c->more) {
            puts(".PP");
            roff(c->more);
        }
        puts(".PP\n.nf");
        for (int i = 0; i < 4 && c->example[i]; i += 2)
            roff(c->example[i]);
        puts(".fi");
        for (const it_cli_option *p = IT_CLI_OPTIONS; p->name; p++)
            if (has(c, p) && p->commands != ~0u) {
                printf("%s\n.BI \\-\\-%s \" %s\"\n", p->help ? ".TP" : ".TQ", p->name, p->value ? p->value : "");
                if (p[1].help || !p[1].name)
                    roff(help_of(p));
            }
    }
    puts(".SH \"EXIT STATUS\"");
    for (size_t i = 0; i < N_CODES; i++) {
        printf(".TP\n.B %d\n", CODES[i].code);
        roff(CODES[i].means);
    }
    puts(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nwhen set and not empty, no colours even on a terminal\n.SH FILES\n.TP\n.I "
         "DIR/results.jsonl\n"
         "a plan line, a line a case in plan order, an end line");
    return IT_EXIT_EXPECTED;
}
