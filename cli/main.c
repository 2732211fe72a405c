/* The program: reads the command line, runs the command, sees to it that what was printed has arrived. */
#include "cli/args.h"

#include "lab/run/pool.h"
#include "reports/diff/diff.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The processors this program may use. */
static int cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > IT_POOL_JOBS_MAX ? IT_POOL_JOBS_MAX : n;
}

/* Runs |c| as |o| says, which knows how the program was called: in messages that are to be pasted into a shell. */
static int run_command(it_cli *o, const it_cli_command *c, const char *program)
{
    it_str quoted;
    it_str_init(&quoted, o->run.alloc);
    it_run_quote(&quoted, program);
    o->program = it_str_c(&quoted);
    int code = quoted.oom ? it_cli_fail(IT_EXIT_INTERNAL, "out of memory") : c->run(o);
    it_str_fini(&quoted);
    return code;
}

int main(int argc, char **argv)
{
    it_alloc alloc;
    it_alloc_init(&alloc);
    it_cli o = {.model = "B", .port = -1, .tls_port = -1, .rate = 50, .each = -1, .bound = IT_DIFF_BOUND};
    o.turn = (it_serve_turn_cfg){.realm = "icetank", .port_first = 49152, .port_last = 65535};
    o.turn.allocations = 1000;
    o.rooms = 1;
    o.turn.user_allocations = 100;
    o.run = (it_run_cfg){.alloc = &alloc,
                         .seed = 1,
                         .jobs = cores(),
                         .timeout_s = IT_RUN_TIMEOUT_S,
                         .out = "out",
                         .pcap = IT_PCAP_FIRST,
                         .pcap_mb = IT_RUN_PCAP_MB};
    o.run.progress = isatty(STDERR_FILENO);
    signal(SIGXFSZ, SIG_IGN); /* a file that gets too large is an error like a full disk */
    if (argc < 2)
        return it_cli_fail(IT_EXIT_USAGE, "no command; see icetank --help");
    int code = IT_EXIT_USAGE;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        code = it_cli_help();
    } else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0) {
        code = it_cmd_version(&o);
    } else {
        const it_cli_command *c = it_cli_parse(&o, argc - 1, argv + 1);
        if (c)
            code = o.help ? it_cli_help_for(c) : run_command(&o, c, argv[0]);
    }
    errno = 0; /* of an earlier failure there is none left to tell */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code <= IT_EXIT_UNEXPECTED)
        return it_cli_fail(IT_EXIT_INTERNAL, "standard output: %s", errno ? strerror(errno) : "it cannot be written");
    return code;
}
